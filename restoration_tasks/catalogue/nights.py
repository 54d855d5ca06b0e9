"""How the queue is worked: what a night takes, how many reels are in work at once, how their runs end.

A batch is known by its id. Asked again (its task was killed, or a person cleared it) it has what it took before, and
the run of a reel has the same id each time, so that nothing is started twice. A reel *is worked on* from the start of
its run until the run waits for a person or is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text, tuple_, update
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import ActiveRun, Execution, Reel, ReelState
from restoration_tasks.catalogue.queue_models import Basis, Purpose, QueueEntry, QueueState
from restoration_tasks.provenance.text import storable

_LOCK_KEY = 0x71756575  # "queu": one picks or takes a slot at a time
LOOK_PAST = 200
"""Reels that do not fit into what is left of a budget, after which no other is looked for."""
FINISHED = frozenset({ReelState.RESTORED, ReelState.REJECTED})


@dataclass(frozen=True)
class Wanted:
    """A reel that waits, as a night sees it."""

    reel_id: str
    priority: float
    basis: Basis
    device_h: float
    """Estimated, hours of the `gpu` pool."""
    delivery: str = ""
    """Its folder, as the catalogue or the form has it; empty: where the inbox has it."""


@dataclass(frozen=True)
class Night:
    """What a night takes, the worst first."""

    taken: tuple[Wanted, ...]
    passed_over: tuple[Wanted, ...]
    """More urgent than the last one taken, but too long for what was left of the budget."""
    undelivered: int = 0
    """Reels more urgent than the last one taken that nobody has scanned yet."""

    @property
    def device_h(self) -> float:
        """Hours of what was taken."""
        return sum(one.device_h for one in self.taken)


@dataclass(frozen=True)
class Taken:
    """A reel that a batch took."""

    reel_id: str
    run_id: str
    form: dict[str, Any]


class Slot(StrEnum):
    """May a reel's run be started?"""

    START = "start"
    WAIT = "wait"
    """As many reels as may be are worked on."""
    GONE = "gone"
    """It is no longer this batch's: a person held it back or started it."""


def fill(waiting: Iterable[Wanted], budget_h: float) -> Night:
    """Take the worst first until the budget is used up.

    A reel that is too long for what is left is passed over and stands first next time. The first of the queue is taken
    even where it alone is longer than the whole budget: it would never be worked else.
    """
    taken: list[Wanted] = []
    passed: list[Wanted] = []
    left = budget_h
    for reel in waiting:
        if left <= 0 or len(passed) >= LOOK_PAST:
            break
        if reel.device_h <= left or not (taken or passed):
            taken.append(reel)
            left -= reel.device_h
        else:
            passed.append(reel)
    lowest = min((one.priority for one in taken), default=0.0)
    return Night(tuple(taken), tuple(one for one in passed if one.priority >= lowest))


def run_id_for(reel_id: str, batch_id: str) -> str:
    """The same for the same reel of the same batch, so that it is never started twice."""
    return f"nightly__{reel_id}__{batch_id}"


def take(session: Session, batch_id: str, budget_h: float, ready: Callable[[Wanted], bool] = lambda _: True) -> Night:
    """Take reels for a batch; a batch that took some before takes no more, and passes over none.

    Reels that a run works on are left alone.

    Args:
        session: of the catalogue, in a transaction.
        batch_id: the batch.
        budget_h: hours of the `gpu` pool.
        ready: whether a reel can be worked at all, because it has been scanned.
    """
    _one_at_a_time(session)
    if already := _of_batch(session, batch_id):
        return Night(tuple(_wanted(entry) for entry in already), ())
    unready: list[Wanted] = []

    def those_ready() -> Iterator[Wanted]:
        for reel in _waiting(session):
            if ready(reel):
                yield reel
            else:
                unready.append(reel)

    night = fill(those_ready(), budget_h)
    lowest = min((one.priority for one in night.taken), default=0.0)
    night = replace(night, undelivered=sum(one.priority >= lowest for one in unready))
    for reel in night.taken:
        session.execute(
            update(QueueEntry)
            .where(_is(reel.reel_id))
            .values(
                state=QueueState.STARTED,
                state_since=func.now(),
                batch_id=batch_id,
                run_id=run_id_for(reel.reel_id, batch_id),
                slot_at=None,
                worked_at=None,
            )
        )
    return night


def taken(session: Session, batch_id: str) -> list[Taken]:
    """What a batch took and still has to be started, the worst first."""
    return [
        Taken(entry.reel_id, entry.run_id or "", dict(entry.form))
        for entry in _of_batch(session, batch_id)
        if entry.state is QueueState.STARTED and entry.run_id == run_id_for(entry.reel_id, batch_id)
    ]


def outcome(session: Session, batch_id: str) -> list[QueueEntry]:
    """The entries of a batch as they stand now, the worst first."""
    return _of_batch(session, batch_id)


def slot(session: Session, reel_id: str, run_id: str, most: int) -> Slot:
    """Take a slot for a reel's run where one is free. One that has a slot may start (again)."""
    _one_at_a_time(session)
    found = may_start(session, reel_id, run_id, most)
    if found is Slot.START:
        session.execute(
            update(QueueEntry)
            .where(_is(reel_id), QueueEntry.slot_at.is_(None))
            .values(slot_at=func.now(), worked_at=None)
        )
    return found


def may_start(session: Session, reel_id: str, run_id: str, most: int) -> Slot:
    """What `slot` would answer now. Slots go to the worst of a batch first."""
    entry = session.get(QueueEntry, (reel_id, Purpose.RESTORATION), populate_existing=True)
    if entry is None or entry.state is not QueueState.STARTED or entry.run_id != run_id:
        return Slot.GONE
    if entry.slot_at is not None:
        return Slot.START
    still = [one.reel_id for one in _of_batch(session, entry.batch_id or "") if _has_no_slot(one)]
    return Slot.START if still.index(reel_id) < most - len(working(session)) else Slot.WAIT


def unstarted(session: Session, batch_id: str) -> list[str]:
    """The reels of a batch whose runs were never started."""
    return [entry.reel_id for entry in _of_batch(session, batch_id) if _has_no_slot(entry)]


def hours_taken(session: Session, batch_id: str) -> dict[str, float]:
    """Hours of the `gpu` pool that the runs of a batch took, by reel; what they found done before took none."""
    rows = session.execute(
        select(QueueEntry.reel_id, func.sum(Execution.device_s) / 3600.0)
        .join(Execution, Execution.run_id == QueueEntry.run_id)
        .where(QueueEntry.purpose == Purpose.RESTORATION, QueueEntry.batch_id == batch_id)
        .group_by(QueueEntry.reel_id)
    )
    return {reel_id: float(hours or 0.0) for reel_id, hours in rows}


def _has_no_slot(entry: QueueEntry) -> bool:
    return entry.state is QueueState.STARTED and entry.slot_at is None


def working(session: Session) -> list[QueueEntry]:
    """The reels that are worked on."""
    query = select(QueueEntry).where(
        QueueEntry.purpose == Purpose.RESTORATION,
        QueueEntry.state == QueueState.STARTED,
        QueueEntry.slot_at.is_not(None),
        QueueEntry.worked_at.is_(None),
    )
    return list(session.scalars(query.order_by(QueueEntry.reel_id).execution_options(populate_existing=True)))


def opened(session: Session, reel_id: str, run_id: str) -> None:
    """A run has taken the reel, whoever started it: the reel waits no longer."""
    session.execute(
        update(QueueEntry)
        .where(_is(reel_id), QueueEntry.state != QueueState.DONE)
        .values(
            state=QueueState.STARTED,
            state_since=func.now(),
            run_id=run_id,
            slot_at=func.coalesce(QueueEntry.slot_at, func.now()),
            worked_at=None,
            reason="",
        )
    )


def worked(session: Session, reel_id: str, run_id: str) -> None:
    """The run needs no machine any more: it waits for a person."""
    session.execute(
        update(QueueEntry)
        .where(_is(reel_id), QueueEntry.run_id == run_id, QueueEntry.worked_at.is_(None))
        .values(worked_at=func.now())
    )


def closed(
    session: Session, reel_id: str, run_id: str, *, whole: bool = True, why: str = "", surveyed: bool = False
) -> None:
    """The run is over. A reel that is restored or rejected is done; one that is not is held back for a person.

    Args:
        session: of the catalogue, in a transaction.
        reel_id: the reel.
        run_id: the run; where another one has the reel, nothing happens.
        whole: whether the run did all it had to.
        why: what went wrong, for staff.
        surveyed: whether it was to measure and nothing more; then the reel is done as well.
    """
    state = session.scalar(select(Reel.state).where(Reel.id == reel_id))
    if state is ReelState.SUPERSEDED and whole:
        return  # the next pass takes over
    done = whole and (surveyed or state in FINISHED)
    unfinished = why or f"run {run_id} ended before the reel was finished: look at its red task"
    session.execute(
        update(QueueEntry)
        .where(_is(reel_id), QueueEntry.run_id == run_id, QueueEntry.state == QueueState.STARTED)
        .values(
            state=QueueState.DONE if done else QueueState.HELD_BACK,
            state_since=func.now(),
            worked_at=func.coalesce(QueueEntry.worked_at, func.now()),
            reason="" if done else storable(unfinished),
        )
    )


def never_started(session: Session, reel_id: str, run_id: str) -> None:
    """The run was never made (the batch was lost before it could be): the reel waits again."""
    session.execute(
        update(QueueEntry)
        .where(_is(reel_id), QueueEntry.run_id == run_id, QueueEntry.state == QueueState.STARTED)
        .values(
            state=QueueState.WAITING, state_since=func.now(), batch_id=None, run_id=None, slot_at=None, worked_at=None
        )
    )


def finished_by_hand(session: Session) -> list[str]:
    """Mark as done what waited and was restored or rejected meanwhile by a run outside the queue; their ids."""
    gone = session.execute(
        update(QueueEntry)
        .where(
            QueueEntry.purpose == Purpose.RESTORATION,
            QueueEntry.state == QueueState.WAITING,
            exists().where(
                Reel.id == QueueEntry.reel_id, Reel.state.in_(FINISHED), Reel.state_since > QueueEntry.queued_at
            ),
        )
        .values(state=QueueState.DONE, state_since=func.now())
        .returning(QueueEntry.reel_id)
    )
    return sorted(gone.scalars())


def started(session: Session) -> list[QueueEntry]:
    """Every entry a batch or a person has started and that is not done with."""
    query = select(QueueEntry).where(QueueEntry.purpose == Purpose.RESTORATION, QueueEntry.state == QueueState.STARTED)
    return list(session.scalars(query.order_by(QueueEntry.reel_id)))


def _waiting(session: Session) -> Iterator[Wanted]:
    """What waits, the worst first, a few hundred rows at a time: a night seldom needs more."""
    query = (
        select(QueueEntry, Reel.delivery_uri)
        .join(Reel, Reel.id == QueueEntry.reel_id)
        .where(
            QueueEntry.purpose == Purpose.RESTORATION,
            QueueEntry.state == QueueState.WAITING,
            ~exists().where(ActiveRun.reel_id == QueueEntry.reel_id),
        )
        .order_by(QueueEntry.priority.desc(), QueueEntry.queued_at, QueueEntry.reel_id)
        .limit(LOOK_PAST)
    )
    rows = session.execute(query).all()
    while rows:
        for entry, delivery in rows:
            yield replace(_wanted(entry), delivery=str(entry.form.get("delivery") or delivery))
        last = rows[-1][0]
        later = tuple_(QueueEntry.queued_at, QueueEntry.reel_id) > tuple_(last.queued_at, last.reel_id)
        # The first comparison alone finds its place in the index.
        after = (QueueEntry.priority <= last.priority) & ((QueueEntry.priority < last.priority) | later)
        rows = session.execute(query.where(after)).all()


def _of_batch(session: Session, batch_id: str) -> list[QueueEntry]:
    query = select(QueueEntry).where(QueueEntry.purpose == Purpose.RESTORATION, QueueEntry.batch_id == batch_id)
    ordered = query.order_by(QueueEntry.priority.desc(), QueueEntry.queued_at, QueueEntry.reel_id)
    return list(session.scalars(ordered.execution_options(populate_existing=True)))


def _wanted(entry: QueueEntry) -> Wanted:
    return Wanted(entry.reel_id, entry.priority, entry.basis, entry.device_h or 0.0)


def _is(reel_id: str) -> ColumnElement[bool]:
    return (QueueEntry.reel_id == reel_id) & (QueueEntry.purpose == Purpose.RESTORATION)


def _one_at_a_time(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
