"""Bring a database to the present schema, with Alembic, from `sql/`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from restoration_tasks.catalogue.engine import short_engine
from restoration_tasks.provenance.base import SCHEMA
from restoration_tasks.runtime.errors import DatabaseError

_LOCK_KEY = 0x7265656C  # "reel": Alembic itself knows no lock, and two workers may start at once


def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the schema; does nothing when it is up to date. All in one transaction.

    Safe when several processes start at once: one works, the others wait and find it done.

    Raises:
        DatabaseError: the database cannot be reached, or the migrations are missing.
    """
    with short_engine(url) as engine, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        command.upgrade(configuration(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision (`base` removes everything but the empty schema).

    Raises:
        DatabaseError: the database cannot be reached, or the migrations are missing.
    """
    with short_engine(url) as engine, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        command.downgrade(configuration(connection), revision)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for a connection, with no ini file."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrations_folder() -> Path:
    """Where the migrations are: `sql/` of the repository, or their copy inside the installed package.

    Raises:
        DatabaseError: in neither place.
    """
    package = files("restoration_tasks")
    with as_file(package) as root:
        for folder in (root / "_sql", root.parent / "sql"):
            if (folder / "env.py").is_file():
                return folder
    raise DatabaseError(
        "the database migrations are missing from this installation",
        action="install reelkeeper again",
    )
