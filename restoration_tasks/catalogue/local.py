"""The catalogue of a command on one machine: the one set, or the embedded server for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from restoration_tasks.catalogue import embedded
from restoration_tasks.catalogue.engine import POSTGRES_FOLDER
from restoration_tasks.catalogue.migrate import upgrade
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.settings import Settings


@contextmanager
def local_database(settings: Settings) -> Iterator[str]:
    """URL of the catalogue, its tables up to date.

    Without `REELKEEPER_DATABASE_URL` the embedded server under `home` is used; one that was not running is started and
    stopped again afterwards.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        upgrade(url)
        yield url
        return
    folder = settings.home / POSTGRES_FOLDER
    try:
        server, ours = embedded.connect(folder), False
    except DatabaseError:
        server, ours = embedded.start(folder), True
    try:
        upgrade(server.reelkeeper_url)
        yield server.reelkeeper_url
    finally:
        if ours:
            embedded.stop(folder)
