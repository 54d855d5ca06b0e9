"""Long-running processes by record: each in a session of its own, stopped with all it started, and nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

CLOCK_SLACK_S = 0.05
"""`psutil` gives a start time to 1/100 s; two processes cannot share pid and start time within this."""

MARK = "REELKEEPER_STACK"
"""Environment variable that holds the home of the stack a process belongs to; steps inherit it."""
SUFFIX = ".process"


@dataclass(frozen=True)
class ProcessRecord:
    """A process we started. Pid and start time together name one process; a pid alone may by now be a stranger's."""

    name: str
    pid: int
    started: float
    """Seconds since the epoch, as the kernel counts it."""

    def leader(self) -> psutil.Process | None:
        """Give the process if it still runs and is the one we started."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= CLOCK_SLACK_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def family(self) -> list[psutil.Process]:
        """Give the process, all it started, and what is left of its session when it has died itself.

        The kernel gives no new process a pid that still names a session, so when no process has our pid any more, a
        session of that number is ours. When another process has our pid by now, our session has ended with its members.
        """
        leader = self.leader()
        members = [leader, *_children(leader)] if leader else []
        if leader or not psutil.pid_exists(self.pid):
            known = {process.pid for process in members}
            members += [process for process in _session(self.pid) if process.pid not in known]
        return members

    def save(self, folder: Path) -> None:
        """Write the record, whole or not at all."""
        partial = folder / f".{self.name}.json.new"
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(folder / f"{self.name}.json")

    def forget(self, folder: Path) -> None:
        """Remove the record."""
        (folder / f"{self.name}.json").unlink(missing_ok=True)


def records(folder: Path) -> list[ProcessRecord]:
    """Read the records of a folder. A record that cannot be read names nobody and is removed."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}.json")):
        try:
            content = json.loads(path.read_text())
            found.append(ProcessRecord(str(content["name"]), int(content["pid"]), float(content["started"])))
        except (ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)
    return found


def start(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> ProcessRecord:
    """Start `command` in a session of its own, output appended to `log`, its record written to `folder`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    record = ProcessRecord(f"{name}{SUFFIX}", child.pid, psutil.Process(child.pid).create_time())
    record.save(folder)
    return record


def strays(home: Path) -> list[psutil.Process]:
    """Find steps of this home that outlived their worker (it was killed outright): they carry the home's mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(home):
                found.append(process)
    return found


def stop(
    stopping: Iterable[ProcessRecord],
    folder: Path,
    *,
    others: Iterable[psutil.Process] = (),
    patience_s: float = 10.0,
) -> list[str]:
    """Stop processes with all they started, and `others`: TERM, then KILL after `patience_s`.

    Returns:
        The names of those records whose processes ran.
    """
    chosen = list(stopping)
    families = {record: record.family() for record in chosen}
    everyone = {process.pid: process for family in (*families.values(), others) for process in family}
    _signal(everyone.values(), signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(_runs(process) for process in everyone.values()) and time.monotonic() < deadline:
        time.sleep(0.1)
        # A dying parent may leave children we had not seen.
        for record in chosen:
            everyone |= {process.pid: process for process in record.family()}
    _signal([process for process in everyone.values() if _runs(process)], signal.SIGKILL)
    psutil.wait_procs(list(everyone.values()), timeout=5)
    for record in chosen:
        record.forget(folder)
    return [record.name.removesuffix(SUFFIX) for record, family in families.items() if family]


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _session(session: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                members += [process, *process.children(recursive=True)]
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # it ended while we looked, or it is another user's
    return members


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)  # psutil checks the start time first
