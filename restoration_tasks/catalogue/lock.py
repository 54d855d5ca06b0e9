"""The lock of a reel: at most one active run, taken over only with evidence that its holder is dead."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import ActiveRun
from restoration_tasks.runtime.errors import ReelBusy

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """The run that holds a reel."""

    reel_id: str
    run_id: str
    since: datetime
    heartbeat: datetime


@dataclass(frozen=True)
class DeadHolder:
    """Evidence that a run is over although it never released its reel."""

    run_id: str
    evidence: str
    """How it is known, for the log: "Airflow says the run failed at 14:03"."""


def acquire(session: Session, reel_id: str, run_id: str, *, dead: DeadHolder | None = None) -> Holder:
    """Take the reel for a run. A run that holds it already keeps it.

    Args:
        session: committed by the caller; the lock counts from then on.
        reel_id: the reel.
        run_id: the run that wants to work.
        dead: a run known to be over; its lock, and no other run's, is taken over.

    Raises:
        UnknownReel: no such reel.
        ReelBusy: another run holds it; the line names it.
    """
    reels.require(session, reel_id)
    session.execute(insert(ActiveRun).values(reel_id=reel_id, run_id=run_id).on_conflict_do_nothing())
    if dead is not None and dead.run_id != run_id:
        taken = session.execute(
            update(ActiveRun)
            .where(ActiveRun.reel_id == reel_id, ActiveRun.run_id == dead.run_id)
            .values(run_id=run_id, since=func.now(), heartbeat=func.now())
            .returning(ActiveRun.reel_id)
        )
        if taken.scalar() is not None:
            logger.warning("reel %s: run %s takes over from %s (%s)", reel_id, run_id, dead.run_id, dead.evidence)
    found = holder(session, reel_id)
    if found is None or found.run_id != run_id:
        # None: its holder released it between our statements; the next try gets it
        raise ReelBusy(
            "another run works on this reel" if found else "the reel was just released",
            reel=reel_id,
            expected="no other active run",
            found=f"run {found.run_id} since {found.since:%Y-%m-%d %H:%M}" if found else "no run",
            action="wait for that run or end it in Airflow, then start again" if found else "start again",
        )
    return found


def heartbeat(session: Session, reel_id: str, run_id: str) -> None:
    """Say that the run is alive.

    Raises:
        ReelBusy: the run does not hold the reel (any more): it must stop.
    """
    alive = session.execute(
        update(ActiveRun)
        .where(ActiveRun.reel_id == reel_id, ActiveRun.run_id == run_id)
        .values(heartbeat=func.now())
        .returning(ActiveRun.reel_id)
    )
    if alive.scalar() is None:
        found = holder(session, reel_id)
        raise ReelBusy(
            "this run does not hold the reel",
            reel=reel_id,
            expected=f"run {run_id}",
            found=f"run {found.run_id}" if found else "no run",
            action="let the run that holds it finish; start this one again afterwards",
        )


def release(session: Session, reel_id: str, run_id: str) -> bool:
    """Give the reel back. False when this run did not hold it; another run's lock is never touched."""
    gone = session.execute(
        delete(ActiveRun).where(ActiveRun.reel_id == reel_id, ActiveRun.run_id == run_id).returning(ActiveRun.reel_id)
    )
    return gone.scalar() is not None


def holder(session: Session, reel_id: str) -> Holder | None:
    """The run that holds a reel, or None."""
    row = session.execute(
        select(ActiveRun.run_id, ActiveRun.since, ActiveRun.heartbeat).where(ActiveRun.reel_id == reel_id)
    ).one_or_none()
    return None if row is None else Holder(reel_id, row.run_id, row.since, row.heartbeat)
