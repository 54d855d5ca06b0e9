"""The board: which reels there are, how urgent, how far each has come; one page at a time, by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, select, text
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import ConditionRecord, Reel, ReelState
from restoration_tasks.catalogue.reels import ReelStatus, statuses_of
from restoration_tasks.catalogue.search import holds
from restoration_tasks.provenance.vocabulary import STEP_TERMS, Outcome
from restoration_tasks.runtime.spec import StepName

ROWS: Final = 50
"""Reels on a page of the board."""
LANES: Final = (StepName.ASSESS, StepName.RESTORE, StepName.ENLARGE)
"""Steps that work piece by piece, in the order of a reel's way."""


class Order(StrEnum):
    """What the board is sorted by."""

    URGENCY = "urgency"
    """The most urgent first; reels nobody assessed come last."""
    CHANGED = "changed"
    """What changed its state last comes first."""
    REEL = "reel"
    """By reel id."""
    TITLE = "title"


@dataclass(frozen=True)
class BoardQuery:
    """What a person wants to see of the archive."""

    states: frozenset[ReelState] = frozenset()
    """Empty: of every state."""
    words: str = ""
    """How words of its id, its titles, its shelf mark or its makers' names begin; capitals and accents do not count."""
    order: Order = Order.CHANGED
    page: int = 1
    """From 1."""


@dataclass(frozen=True)
class Progress:
    """How far a reel's run has come, counted in segments: shots, or parts of long ones."""

    shots: int
    segments: int
    done: Mapping[StepName, int] = field(default_factory=dict)
    """By step of `LANES`; nothing where no run works on the reel."""

    @property
    def step(self) -> StepName | None:
        """The furthest step of `LANES` that has finished anything; None where none has."""
        return next((step for step in reversed(LANES) if self.done.get(step)), None)


@dataclass(frozen=True)
class BoardPage:
    """One page of the board."""

    rows: tuple[ReelStatus, ...]
    progress: Mapping[str, Progress]
    """By reel id; reels whose shots nobody looked for have none."""
    found: int
    """Reels that fit the query, on all its pages."""
    counts: Mapping[ReelState, int]
    """Reels of the whole archive by state."""

    @property
    def pages(self) -> int:
        """Pages of the query, at least one."""
        return max(1, -(-self.found // ROWS))


def board(session: Session, query: BoardQuery) -> BoardPage:
    """Look a page of the board up. A page beyond the last is the last."""
    by_state = select(Reel.state, func.count()).group_by(Reel.state)
    counts = {row[0]: row[1] for row in session.execute(by_state)}
    found = session.scalar(_fitting(select(func.count()).select_from(Reel), query)) or 0
    page = min(query.page, max(1, -(-found // ROWS)))
    ids = session.scalars(page_of_ids(query).limit(ROWS).offset((page - 1) * ROWS)).all()
    return BoardPage(
        rows=tuple(statuses_of(session, ids)), progress=progress_of(session, ids), found=found, counts=counts
    )


def page_of_ids(query: BoardQuery) -> Select[str]:
    """Ids of the reels that fit, in the order asked for."""
    fitting = _fitting(select(Reel.id), query)
    match query.order:
        case Order.URGENCY:
            newest = (
                select(ConditionRecord.urgency)
                .where(ConditionRecord.reel_id == Reel.id)
                .order_by(ConditionRecord.recorded_at.desc())
                .limit(1)
                .scalar_subquery()
            )
            return fitting.order_by(newest.desc().nulls_last(), Reel.id)
        case Order.CHANGED:
            return fitting.order_by(Reel.state_since.desc(), Reel.id)
        case Order.TITLE:
            return fitting.order_by(func.lower(Reel.title), Reel.id)
        case _:
            return fitting.order_by(Reel.id)


def _fitting(query: Select[Any], asked: BoardQuery) -> Select[Any]:
    """The query, narrowed to the reels asked for."""
    conditions: list[ColumnElement[bool]] = []
    if asked.states:
        conditions.append(Reel.state.in_(asked.states))
    if asked.words.strip():
        conditions.append(holds(Reel.words, asked.words))
    return query.where(and_(*conditions)) if conditions else query


def progress_of(session: Session, reel_ids: Sequence[str]) -> dict[str, Progress]:
    """How far reels have come, those whose shots are known."""
    if not reel_ids:
        return {}
    shots = session.execute(
        text(
            "SELECT DISTINCT ON (reel_id) reel_id, CAST(detail->'figures'->>'shots' AS int) AS shots,"
            " CAST(detail->'figures'->>'segments' AS int) AS segments"
            " FROM reelkeeper.events WHERE reel_id = ANY(:reels) AND subtype = :subtype AND outcome <> :failure"
            " ORDER BY reel_id, seq DESC"
        ),
        {"reels": list(reel_ids), "subtype": STEP_TERMS[StepName.SHOTS].subtype, "failure": Outcome.FAILURE.value},
    ).all()
    done: dict[str, dict[StepName, int]] = {}
    # A lane's task is called `restore.batch` in Airflow and `restore` where the command line conducts.
    for reel_id, step, number in session.execute(
        text(
            "SELECT run.reel_id, split_part(done.task_id, '.', 1) AS step, count(DISTINCT done.segment)"
            " FROM reelkeeper.active_runs AS run JOIN reelkeeper.executions AS done ON done.run_id = run.run_id"
            " WHERE run.reel_id = ANY(:reels) AND done.segment <> '' GROUP BY 1, 2"
        ),
        {"reels": list(reel_ids)},
    ):
        if step in LANES:
            done.setdefault(reel_id, {})[StepName(step)] = number
    return {row.reel_id: Progress(row.shots or 0, row.segments or 0, done.get(row.reel_id, {})) for row in shots}
