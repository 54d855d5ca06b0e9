"""Which recorded files are still whole: what is to be read again, what was found, what that says of the archive.

Every digital object has a row that says when it was last read whole. An audit writes what it finds of a file at once,
and the PREMIS event of the reel when it is through with the reel: killed in between, it goes on after the last file.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Row, Select, case, func, select, text, update
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.queue_models import Holding, HoldingState, ReplicaState
from restoration_tasks.provenance.models import DigitalObject
from restoration_tasks.runtime.spec import Reference

BAD = (HoldingState.DAMAGED, HoldingState.MISSING)
MOST_FILES = 200_000
"""Files that one audit looks at, however small they are: their list is held in memory."""


@dataclass(frozen=True)
class Held:
    """A recorded file."""

    object_id: uuid.UUID
    reel_id: str
    role: str
    file: Reference
    state: HoldingState
    checked_at: datetime
    found: str | None
    replica: ReplicaState | None


@dataclass(frozen=True)
class Standing:
    """How the archive's files stand."""

    files: dict[HoldingState, int]
    bytes: dict[HoldingState, int]
    oldest_check: datetime | None
    overdue_files: int
    overdue_bytes: int
    weekly_bytes: int
    """What an audit has to read each week so that every file is read in time."""


def take_up(session: Session) -> int:
    """Take up files that were recorded since; how many."""
    new = session.execute(
        text(
            """
            INSERT INTO reelkeeper.holdings (object_id, state, checked_at)
            SELECT made.id, 'held', coalesce(
                (SELECT max(checked_at) FROM reelkeeper.fixity WHERE object_id = made.id), made.created_at
            )
            FROM reelkeeper.digital_objects AS made
            WHERE NOT EXISTS (SELECT FROM reelkeeper.holdings WHERE object_id = made.id)
            ON CONFLICT DO NOTHING
            RETURNING object_id
            """
        )
    )
    return len(new.all())


def due(session: Session, run_id: str, budget_bytes: int, before: datetime, copies: int = 1) -> list[Held]:
    """What an audit reads: what was found bad before, then what was not read since `before`, the oldest first.

    Args:
        session: of the catalogue.
        run_id: the audit; what it has read already is left out and counts against its budget.
        budget_bytes: how much it may read. The first file is read even where it alone is more.
        before: read again what was last read earlier than this.
        copies: how many copies of each file are read.
    """
    used = session.scalar(
        select(func.coalesce(func.sum(DigitalObject.bytes), 0).cast(BigInteger))
        .join(Holding, Holding.object_id == DigitalObject.id)
        .where(Holding.run_id == run_id)
    )
    left = budget_bytes - int(used or 0) * copies
    chosen: list[Held] = []
    unread = Holding.run_id.is_distinct_from(run_id)
    bad = _held().where(Holding.state.in_(BAD), unread).order_by(Holding.checked_at, Holding.object_id)
    old = (
        _held()
        .where(Holding.state == HoldingState.HELD, Holding.checked_at < before, unread)
        .order_by(Holding.checked_at, Holding.object_id)
        .limit(MOST_FILES)
    )
    for row in _rows(session, bad, old):
        size = row.file.bytes * copies
        if size > left and (chosen or used):
            break
        chosen.append(row)
        left -= size
    return chosen


def note(
    session: Session,
    object_id: uuid.UUID,
    run_id: str,
    state: HoldingState,
    *,
    found: str | None,
    replica: ReplicaState | None,
    at: datetime,
) -> None:
    """Write down what an audit found of a file; its event is written when the reel is through."""
    session.execute(
        update(Holding)
        .where(Holding.object_id == object_id)
        .values(state=state, found=found, replica=replica, checked_at=at, run_id=run_id, recorded=False)
    )


def unrecorded(session: Session, run_id: str, reel_id: str | None = None) -> list[Held]:
    """What an audit has found and not yet written an event of."""
    query = (
        _held().where(Holding.run_id == run_id, ~Holding.recorded).order_by(DigitalObject.reel_id, DigitalObject.uri)
    )
    return list(_rows(session, query if reel_id is None else query.where(DigitalObject.reel_id == reel_id)))


def recorded(session: Session, run_id: str, reel_id: str) -> None:
    """The event of the reel is written."""
    of_reel = select(DigitalObject.id).where(DigitalObject.reel_id == reel_id)
    session.execute(
        update(Holding)
        .where(Holding.run_id == run_id, ~Holding.recorded, Holding.object_id.in_(of_reel))
        .values(recorded=True)
    )


def bad(session: Session, reel_id: str | None = None) -> list[Held]:
    """Every file that is damaged or gone, of all reels or one."""
    query = _held().where(Holding.state.in_(BAD)).order_by(DigitalObject.reel_id, DigitalObject.uri)
    return list(_rows(session, query if reel_id is None else query.where(DigitalObject.reel_id == reel_id)))


def of_run(session: Session, run_id: str) -> list[Held]:
    """Everything an audit has read."""
    query = _held().where(Holding.run_id == run_id).order_by(DigitalObject.reel_id, DigitalObject.uri)
    return list(_rows(session, query))


def twins(session: Session, reel_id: str, file: Reference) -> list[Reference]:
    """Other recorded files of the reel with the same bytes, such as a master and what a package holds of it."""
    query = (
        select(DigitalObject.uri)
        .join(Holding, Holding.object_id == DigitalObject.id)
        .where(DigitalObject.reel_id == reel_id, DigitalObject.uri != file.uri)
        .where(DigitalObject.sha256 == file.sha256, DigitalObject.bytes == file.bytes)
        .where(Holding.state != HoldingState.RELEASED)
        .distinct()
        .order_by(DigitalObject.uri)
    )
    return [file.model_copy(update={"uri": uri}) for uri in session.scalars(query)]


def release(session: Session, object_ids: Sequence[uuid.UUID]) -> None:
    """Mark files as let go on purpose."""
    session.execute(update(Holding).where(Holding.object_id.in_(object_ids)).values(state=HoldingState.RELEASED))


def standing(session: Session, every_days: int, now: datetime | None = None) -> Standing:
    """How the files stand, and what reading them in time takes."""
    moment = now or datetime.now(UTC)
    overdue = Holding.checked_at < moment - timedelta(days=every_days)
    rows = session.execute(
        select(
            Holding.state,
            func.count(),
            func.sum(DigitalObject.bytes).cast(BigInteger),
            func.min(Holding.checked_at),
            func.count().filter(overdue),
            func.coalesce(func.sum(case((overdue, DigitalObject.bytes))), 0).cast(BigInteger),
        )
        .join(DigitalObject, DigitalObject.id == Holding.object_id)
        .group_by(Holding.state)
    ).all()
    files = {row[0]: int(row[1]) for row in rows}
    size = {row[0]: int(row[2]) for row in rows}
    read = [row for row in rows if row[0] is not HoldingState.RELEASED]
    return Standing(
        files=files,
        bytes=size,
        oldest_check=min((row[3] for row in read), default=None),
        overdue_files=sum(int(row[4]) for row in read),
        overdue_bytes=sum(int(row[5]) for row in read),
        weekly_bytes=-(-sum(int(row[2]) for row in read) * 7 // every_days),
    )


def _held() -> Select[Holding, DigitalObject]:
    return select(Holding, DigitalObject).join(DigitalObject, DigitalObject.id == Holding.object_id)


def _rows(session: Session, *queries: Select[Holding, DigitalObject]) -> Iterator[Held]:
    for query in queries:
        yield from map(_one, session.execute(query.execution_options(populate_existing=True)))


def _one(row: Row[Holding, DigitalObject]) -> Held:
    holding, made = row
    return Held(
        holding.object_id,
        made.reel_id,
        made.role,
        Reference(uri=made.uri, sha256=made.sha256, bytes=made.bytes),
        holding.state,
        holding.checked_at,
        holding.found,
        holding.replica,
    )
