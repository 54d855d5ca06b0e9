"""Evidence that a run of the command line is over: the kernel drops its file lock however its process ended."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.catalogue.lock import DeadHolder, Holder
from restoration_tasks.runtime.files import disk_errors
from restoration_tasks.runtime.settings import Settings


@dataclass
class Life:
    """A run at work, as other runs see it."""

    holds_the_reel: bool = False
    """Set while the reel is this run's: a block left meanwhile leaves the evidence that it is over."""


@contextmanager
def alive(settings: Settings, run_id: str) -> Iterator[Life]:
    """Show that this run is at work, for as long as the block lasts.

    What shows it is removed afterwards, unless the reel is still held: the database may have been away when it was to
    be given back. Then the next run finds that this one is over, as if it had been killed.
    """
    path = _lock_file(settings, run_id)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    life = Life()
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield life
        finally:
            if not life.holds_the_reel:
                path.unlink(missing_ok=True)


def dead_holder(settings: Settings, holder: Holder | None) -> DeadHolder | None:
    """Evidence that the run which holds a reel is over; None without any (another machine, an Airflow run)."""
    if holder is None:
        return None
    path = _lock_file(settings, holder.run_id)
    try:
        with path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        return None
    path.unlink(missing_ok=True)
    return DeadHolder(holder.run_id, "its process has ended without giving the reel back")


def _lock_file(settings: Settings, run_id: str) -> Path:
    # an Airflow run id may hold anything; ours hold letters, digits, dots and hyphens
    return settings.scratch_folder / "runs" / f"{''.join(c if c.isalnum() or c in '.-' else '_' for c in run_id)}.lock"
