"""The catalogue of a command on one machine: the one set, or the embedded server for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from restoration_tasks.catalogue import embedded
from restoration_tasks.catalogue.engine import POSTGRES_FOLDER
from restoration_tasks.catalogue.migrate import upgrade
from restoration_tasks.runtime.settings import Settings


@contextmanager
def local_database(settings: Settings) -> Iterator[str]:
    """URL of the catalogue, its tables up to date.

    Without `REELKEEPER_DATABASE_URL` the embedded server under `home` is used; one that was not running is started,
    and stopped when the last command that needs it has ended.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        upgrade(url)
        yield url
        return
    with embedded.borrowed(settings.home / POSTGRES_FOLDER) as server:
        upgrade(server.reelkeeper_url)
        yield server.reelkeeper_url
