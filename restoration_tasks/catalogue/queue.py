"""The queue: a reel's place in it, what moves it, and what people say about it, with an event for every word."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import cast, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.errors import NotQueued
from restoration_tasks.catalogue.queue_models import Basis, EstimatedFrom, Purpose, QueueEntry, QueueState
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.events import EventDraft, RecordedEvent, append_event
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import QUEUE_TERM, Outcome
from restoration_tasks.runtime.errors import WrongUse

OPEN = (QueueState.WAITING, QueueState.STARTED, QueueState.HELD_BACK)
"""States of an entry that is not done with."""


@dataclass(frozen=True)
class Worth:
    """Why a reel stands where it stands, and what it takes."""

    urgency: float
    """0–100."""
    basis: Basis
    frames: int | None = None
    device_h: float | None = None
    """Hours in the `gpu` pool."""
    worker_h: float | None = None
    estimated_from: EstimatedFrom | None = None


@dataclass(frozen=True)
class Place:
    """A row of `v_queue`: an entry as staff read it."""

    reel_id: str
    title: str
    purpose: Purpose
    state: QueueState
    priority: float
    """0–100, what the queue goes by: the override, else the urgency."""
    urgency: float
    basis: Basis
    override: float | None
    override_reason: str | None
    override_at: datetime | None
    reason: str
    frames: int | None
    device_h: float | None
    worker_h: float | None
    estimated_from: EstimatedFrom | None
    queued_by: uuid.UUID
    queued_at: datetime
    state_since: datetime
    batch_id: str | None
    run_id: str | None
    reel_state: str
    active_run: str | None


def enter(
    session: Session,
    reel_id: str,
    worth: Worth,
    *,
    by: uuid.UUID,
    form: Mapping[str, Any] | None = None,
    purpose: Purpose = Purpose.RESTORATION,
    reason: str = "",
) -> bool:
    """Put a reel into the queue. One that is in it keeps its place; one that was done with begins anew.

    Args:
        session: of the catalogue, in a transaction.
        reel_id: a registered reel.
        worth: its urgency, and what it takes.
        by: the agent who puts it there.
        form: fields of the trigger form its run is started with, beside the reel id.
        purpose: to be restored, or its files to be repaired.
        reason: why, for a repair.

    Returns:
        Whether it was not in the queue before.

    Raises:
        UnknownReel: no such reel.
    """
    reels.require(session, reel_id)
    values = _columns(worth) | {
        "state": QueueState.WAITING,
        "form": dict(form or {}),
        "reason": storable(reason),
        "queued_by": by,
    }
    anew = {"override": None, "override_event_id": None, "batch_id": None, "run_id": None, "slot_at": None}
    new = session.execute(
        insert(QueueEntry)
        .values(reel_id=reel_id, purpose=purpose, **values)
        .on_conflict_do_update(
            index_elements=[QueueEntry.reel_id, QueueEntry.purpose],
            set_=values | anew | {"worked_at": None, "queued_at": func.now(), "state_since": func.now()},
            where=QueueEntry.state == QueueState.DONE,
        )
        .returning(QueueEntry.reel_id)
    )
    return new.scalar() is not None


def assess_anew(session: Session, reel_id: str, worth: Worth) -> None:
    """Give an entry that is not done with another urgency and estimate; an override stays."""
    session.execute(
        update(QueueEntry)
        .where(
            QueueEntry.reel_id == reel_id,
            QueueEntry.purpose == Purpose.RESTORATION,
            QueueEntry.state != QueueState.DONE,
        )
        .values(**_columns(worth))
    )


def ask(session: Session, reel_id: str, form: Mapping[str, Any]) -> None:
    """Change fields of the form that the run of a reel is started with, where it was not started yet."""
    session.execute(
        update(QueueEntry)
        .where(
            QueueEntry.reel_id == reel_id,
            QueueEntry.purpose == Purpose.RESTORATION,
            QueueEntry.state.in_((QueueState.WAITING, QueueState.HELD_BACK)),
        )
        .values(form=QueueEntry.form.op("||")(cast(dict(form), JSONB)))
    )


def _columns(worth: Worth) -> dict[str, Any]:
    return {
        "urgency": worth.urgency,
        "basis": worth.basis,
        "frames": worth.frames,
        "device_h": worth.device_h,
        "worker_h": worth.worker_h,
        "estimated_from": worth.estimated_from,
    }


def override(session: Session, reel_id: str, priority: float | None, *, person: Person, reason: str) -> None:
    """Put a person's priority in the place of the urgency; None takes it back.

    Raises:
        NotQueued: the reel does not wait in the queue.
        WrongUse: the priority is none, or no reason is given.
    """
    if priority is not None and not 0 <= priority <= 100:
        raise WrongUse("a priority goes from 0 to 100", reel=reel_id, expected="0 … 100", found=priority)
    entry = _require(session, reel_id, (QueueState.WAITING, QueueState.HELD_BACK))
    event = _say(
        session, entry, "override", person, reason, {"priority": priority, "before": entry.priority}
    )  # fmt: skip
    entry.override, entry.override_event_id = (None, None) if priority is None else (priority, event.id)
    session.flush()


def hold(session: Session, reel_id: str, *, person: Person, reason: str) -> None:
    """Keep a waiting reel from being started.

    Raises:
        NotQueued: the reel does not wait in the queue.
        WrongUse: no reason is given.
    """
    entry = _require(session, reel_id, (QueueState.WAITING,))
    _say(session, entry, "hold", person, reason, {})
    entry.state, entry.reason, entry.state_since = QueueState.HELD_BACK, storable(reason), datetime.now(UTC)
    session.flush()


def release(
    session: Session,
    reel_id: str,
    *,
    person: Person,
    reason: str,
    purpose: Purpose = Purpose.RESTORATION,
) -> None:
    """Let a reel that was held back wait again; a repair that a person has seen to is done.

    Raises:
        NotQueued: the reel is not held back (or, for a repair, not in need of one).
        WrongUse: no reason is given.
    """
    repair = purpose is Purpose.REPAIR
    entry = _require(session, reel_id, (QueueState.WAITING,) if repair else (QueueState.HELD_BACK,), purpose)
    _say(session, entry, "release", person, reason, {})
    entry.state, entry.reason = (QueueState.DONE, entry.reason) if repair else (QueueState.WAITING, "")
    if not repair:
        entry.batch_id = entry.run_id = entry.slot_at = entry.worked_at = None
    entry.state_since = datetime.now(UTC)
    session.flush()


def places(
    session: Session,
    *,
    purpose: Purpose = Purpose.RESTORATION,
    states: Collection[QueueState] = OPEN,
    reel_id: str | None = None,
    limit: int = 50,
) -> list[Place]:
    """The queue, state by state, the worst first."""
    found: list[Place] = []
    for state in states:
        rows = session.execute(
            text(
                "SELECT * FROM reelkeeper.v_queue WHERE purpose = :purpose AND state = :state"
                " AND (CAST(:reel AS text) IS NULL OR reel_id = :reel)"
                " ORDER BY priority DESC, queued_at, reel_id LIMIT :limit"
            ),
            {"purpose": purpose.value, "state": state.value, "limit": limit - len(found), "reel": reel_id},
        )
        found += [_place(row) for row in rows.mappings()]
        if len(found) >= limit:
            break
    return found


def _place(row: Mapping[Any, Any]) -> Place:
    values = dict(row)
    values |= {
        "purpose": Purpose(values["purpose"]),
        "state": QueueState(values["state"]),
        "basis": Basis(values["basis"]),
        "estimated_from": None if values["estimated_from"] is None else EstimatedFrom(values["estimated_from"]),
    }
    return Place(**values)


def ahead(session: Session, reel_id: str) -> int | None:
    """How many reels that wait come before this one; None where it does not wait."""
    entry = session.get(QueueEntry, (reel_id, Purpose.RESTORATION))
    if entry is None or entry.state is not QueueState.WAITING:
        return None
    waiting = (QueueEntry.purpose == Purpose.RESTORATION) & (QueueEntry.state == QueueState.WAITING)
    earlier = tuple_(QueueEntry.queued_at, QueueEntry.reel_id) < tuple_(entry.queued_at, entry.reel_id)
    before = or_(
        QueueEntry.priority > entry.priority,
        (QueueEntry.priority == entry.priority) & earlier,
    )
    return int(session.scalar(select(func.count()).where(waiting, before)) or 0)


def _require(
    session: Session, reel_id: str, states: Collection[QueueState], purpose: Purpose = Purpose.RESTORATION
) -> QueueEntry:
    reels.require(session, reel_id)
    entry = session.get(QueueEntry, (reel_id, purpose), with_for_update=True, populate_existing=True)
    if entry is None or entry.state not in states:
        raise NotQueued(
            "this cannot be said of the reel's place in the queue",
            reel=reel_id,
            expected=f"a {purpose} that is {' or '.join(states)}",
            found="no place in the queue" if entry is None else f"one that is {entry.state}",
            action=f"look at it with `reelkeeper queue list --reel {reel_id} --all`",
        )
    return entry


def _say(
    session: Session, entry: QueueEntry, word: str, person: Person, reason: str, detail: Mapping[str, Any]
) -> RecordedEvent:
    """Write down what a person says of a place in the queue, and why."""
    if not reason.strip():
        raise WrongUse("a reason has to be given", reel=entry.reel_id, action="say why, in plain words")
    moment = datetime.now(UTC)
    return append_event(
        session,
        EventDraft(
            reel_id=entry.reel_id,
            execution_id=f"queue/{entry.reel_id}/{word}/{moment.isoformat()}",
            term=QUEUE_TERM,
            started=moment,
            ended=moment,
            outcome=Outcome.SUCCESS,
            detail={"said": word, "purpose": entry.purpose.value, "reason": storable(reason), **detail},
            participants=(person,),
        ),
    )
