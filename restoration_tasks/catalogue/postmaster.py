"""Which processes are the Postgres of a data folder, whatever a stale pid file says."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from restoration_tasks.runtime.errors import DatabaseError

PID_FILE = "postmaster.pid"
_ORPHANS_TIMEOUT_S = 10.0


def orphans_in(folder: Path) -> list[psutil.Process]:
    """Backends end by themselves within seconds of the postmaster's death; those that have not after 10 s."""
    deadline = time.monotonic() + _ORPHANS_TIMEOUT_S
    while (orphans := _processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return orphans


def postmaster_of(folder: Path) -> psutil.Process | None:
    """The living postmaster of exactly this folder, whatever else may have got its process number since."""
    lines = pid_lines(folder)
    if not lines or not lines[0].strip().isdigit():
        return None
    try:
        process = psutil.Process(int(lines[0]))
        return process if _works_in(process, folder) else None
    except psutil.NoSuchProcess:
        return None


def _processes_in(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _works_in(process, folder)]


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether a process is a Postgres whose working directory is this data folder (as of every Postgres process)."""
    try:
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and Path(process.cwd()) == folder.resolve()
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def pid_lines(folder: Path) -> list[str]:
    """The lines of the pid file: process, data folder, start, port, socket folder, address, memory, status.

    Raises:
        DatabaseError: the folder belongs to another user.
    """
    try:
        return (folder / PID_FILE).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise DatabaseError(
            "the embedded database belongs to another user",
            file=folder,
            action="work as the user who started it, or set REELKEEPER_HOME to a folder of your own",
        ) from error


def remove_stale_locks(folder: Path) -> None:
    """Remove the pid file and the socket's lock of a server that is known to be gone.

    Postgres itself would be kept from starting by either as long as any process, were it a zombie or another program,
    has the number they name.
    """
    lines = pid_lines(folder)
    socket_folder = Path(lines[4]) if len(lines) > 4 and lines[4].strip() else folder
    for lock in {*folder.glob(".s.PGSQL.*.lock"), *socket_folder.glob(".s.PGSQL.*.lock")}:
        # the second line names the data folder; a lock of another server is not ours to remove
        if lock.read_text(errors="replace").splitlines()[1:2] == [str(folder)]:
            lock.unlink(missing_ok=True)
    (folder / PID_FILE).unlink(missing_ok=True)


def last_log_line(folder: Path) -> str | None:
    """The last thing the server complained about."""
    try:
        lines = (folder / "log").read_text(errors="replace").splitlines()
    except OSError:
        return None
    complaints = [line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return next(reversed(complaints or lines), None)
