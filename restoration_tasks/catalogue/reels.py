"""Reels: registered once, their state, their status for staff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Result, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.errors import UnknownReel
from restoration_tasks.catalogue.models import Reel, ReelState
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import DecisionAnswer, Outcome
from restoration_tasks.runtime.identifiers import check_reel_id


@dataclass(frozen=True)
class ReelStatus:
    """A row of `v_reel_status`: what the board shows of a reel."""

    reel_id: str
    title: str
    state: ReelState
    state_since: datetime
    created_at: datetime
    delivery_uri: str
    active_run: str | None
    active_since: datetime | None
    heartbeat: datetime | None
    plan_version: int | None
    plan_reason: str | None
    last_answer: DecisionAnswer | None
    last_answer_plan_version: int | None
    last_answer_at: datetime | None
    events: int
    """How many events the reel's chain holds."""
    last_event_type: str | None
    last_event_subtype: str | None
    last_event_outcome: Outcome | None
    last_event_at: datetime | None
    urgency: float | None
    """0–100, of its newest condition; None where it was never assessed."""
    queue_state: str | None
    """How far it is in the queue of restorations; None where it was never queued."""
    queue_priority: float | None
    """0–100, what the queue goes by."""
    repair_state: str | None
    """How far the repair of its files is; None where none was found damaged."""


def register(session: Session, reel_id: str, *, title: str = "", delivery_uri: str = "") -> bool:
    """Make a reel known; one that is known keeps its title and delivery. True when it is new.

    Raises:
        WrongUse: the id is no reel id.
    """
    check_reel_id(reel_id)
    new = session.execute(
        insert(Reel)
        .values(
            id=reel_id,
            title=storable(title) or reel_id,
            state=ReelState.REGISTERED,
            delivery_uri=storable(delivery_uri),
        )
        .on_conflict_do_nothing()
        .returning(Reel.id)
    )
    return new.scalar() is not None


def awaiting_decision(session: Session, *, since_before: datetime) -> list[Reel]:
    """Reels that wait for a person's decision since before then, the longest waiting first."""
    query = select(Reel).where(Reel.state == ReelState.AWAITING_DECISION, Reel.state_since < since_before)
    return list(session.scalars(query.order_by(Reel.state_since, Reel.id)))


def set_state(session: Session, reel_id: str, state: ReelState) -> None:
    """Say where a reel stands; saying it again leaves `state_since` as it is.

    Raises:
        UnknownReel: no such reel.
    """
    require(session, reel_id)
    session.execute(
        update(Reel).where(Reel.id == reel_id, Reel.state != state).values(state=state, state_since=func.now())
    )


def begin_work(session: Session, reel_id: str) -> ReelState:
    """Say that a run works on a reel; its state to go back to, should the run end without one of its own.

    Raises:
        UnknownReel: no such reel.
    """
    stood = require(session, reel_id).state
    set_state(session, reel_id, ReelState.IN_WORK)
    # one that was in work already was left so by a run that was killed
    return ReelState.REGISTERED if stood is ReelState.IN_WORK else stood


def end_work(
    session: Session, reel_id: str, state: ReelState, *, of: Collection[ReelState] = (ReelState.IN_WORK,)
) -> None:
    """Say where a reel stands whose run is over and has not said so itself.

    Args:
        session: of the catalogue, in a transaction.
        reel_id: the reel.
        state: where it stands now.
        of: only where it stood so; what a run has said of its end stays.
    """
    session.execute(
        update(Reel).where(Reel.id == reel_id, Reel.state.in_(of)).values(state=state, state_since=func.now())
    )


def require(session: Session, reel_id: str, *, lock: bool = False) -> Reel:
    """The reel's row; with `lock`, nobody else changes it until the transaction ends.

    Raises:
        UnknownReel: no such reel.
    """
    query = select(Reel).where(Reel.id == reel_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    reel = session.scalar(query)
    if reel is None:
        raise UnknownReel(
            "no such reel is registered",
            reel=reel_id,
            action="check the reel id, or run `ingest` on its delivery first",
        )
    return reel


def status(session: Session, reel_id: str) -> ReelStatus:
    """Where one reel stands.

    Raises:
        UnknownReel: no such reel.
    """
    require(session, reel_id)
    return statuses(session, reel_id)[0]


def known(session: Session, reel_ids: Iterable[str]) -> set[str]:
    """Which of these reels the catalogue knows."""
    return set(session.scalars(select(Reel.id).where(Reel.id.in_(tuple(reel_ids)))))


def statuses(session: Session, reel_id: str | None = None, *, limit: int | None = None) -> list[ReelStatus]:
    """Where all reels stand, the one that changed last first; or just one, or so many."""
    rows = session.execute(
        text(
            "SELECT * FROM reelkeeper.v_reel_status WHERE (CAST(:reel AS text) IS NULL OR reel_id = :reel)"
            " ORDER BY state_since DESC, reel_id LIMIT :limit"
        ),
        {"reel": reel_id, "limit": limit},
    )
    return _read(rows)


def statuses_of(session: Session, reel_ids: Sequence[str]) -> list[ReelStatus]:
    """Where some reels stand, in the order given; one that is not known is left out."""
    rows = session.execute(
        text("SELECT * FROM reelkeeper.v_reel_status WHERE reel_id = ANY(:reels)"), {"reels": list(reel_ids)}
    )
    known = {status.reel_id: status for status in _read(rows)}
    return [known[reel_id] for reel_id in reel_ids if reel_id in known]


def _read(rows: Result[Any]) -> list[ReelStatus]:
    found = []
    for row in rows.mappings():
        values = dict(row)
        values["state"] = ReelState(values["state"])
        values["last_answer"] = None if values["last_answer"] is None else DecisionAnswer(values["last_answer"])
        outcome = values["last_event_outcome"]
        values["last_event_outcome"] = None if outcome is None else Outcome(outcome)
        found.append(ReelStatus(**values))
    return found
