"""Engines and sessions of the catalogue database, and the one clear error when it cannot be reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import embedded
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.settings import Settings

POSTGRES_FOLDER = "postgres"
"""Data folder of the embedded server, under `Settings.home`."""
_CONNECT_TIMEOUT_S = 10

Sessions = sessionmaker[Session]
"""A maker of sessions: `with sessions.begin() as session:` is one transaction."""


def database_url(settings: Settings) -> str:
    """The catalogue's URL: the one set, or that of the embedded server running under `home`.

    Raises:
        DatabaseError: none is set and the embedded server is not running.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return embedded.connect(settings.home / POSTGRES_FOLDER).reelkeeper_url


def open_engine(url: str) -> Engine:
    """The engine of a URL, one for each process.

    Every failure to reach the database, now or later, is a `DatabaseError`.
    """
    return _engine(url, os.getpid())


def open_sessions(source: Settings | str) -> Sessions:
    """A maker of sessions, from settings or a URL.

    Raises:
        DatabaseError: the database cannot be reached (also later, from any use of a session).
    """
    url = source if isinstance(source, str) else database_url(source)
    return sessionmaker(open_engine(url), expire_on_commit=False)


@contextmanager
def short_engine(url: str) -> Iterator[Engine]:
    """An engine that leaves no connection behind, for migrations and tests."""
    engine = _make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@lru_cache(maxsize=8)
def _engine(url: str, _pid: int) -> Engine:
    # keyed by process: a forked child must not share its parent's sockets
    return _make_engine(url)


def _make_engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError(
            "the catalogue needs PostgreSQL",
            expected="a URL beginning with postgresql://",
            found=parsed.render_as_string(hide_password=True),
            action="set REELKEEPER_DATABASE_URL",
        )
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg2"),
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "reelkeeper"},
    )
    where = parsed.render_as_string(hide_password=True)

    @event.listens_for(engine, "handle_error", retval=True)
    def _say_it_clearly(context: ExceptionContext) -> DatabaseError | None:
        # a failed connect has no connection yet; a server that goes away in the middle is a disconnect
        lost = context.is_disconnect or context.connection is None
        if not lost or context.is_pre_ping:
            return None
        first = str(context.original_exception).strip().splitlines()
        return DatabaseError(
            f"the catalogue database cannot be reached: {first[0] if first else 'connection lost'}",
            file=where,
            action="start it (`make up`), or check REELKEEPER_DATABASE_URL and the network, then try again",
        )

    return engine
