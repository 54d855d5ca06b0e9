"""What a reel has, by the record: the newest event of each step, and the files it read and made, with their digests."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from restoration_tasks.provenance.models import DigitalObject, Event, EventObject
from restoration_tasks.provenance.vocabulary import STEP_TERMS, ObjectRole, Outcome
from restoration_tasks.runtime.spec import StepName

BY_SEGMENT: Final = frozenset({StepName.PLAN, StepName.CHECK})
"""Steps of the whole reel that read files of single segments, which is asked for by segment."""
_EXECUTION: Final = re.compile(r"(?P<run>.+)/[^/]+/-?\d+/\d+(?:/s\d{3,}-\d{2,})?")
"""How `catalogue.journal` names an execution: run, task, map index, clear generation, segment."""
_PLAN: Final = re.compile(r"vault:reels/[^/]+/plans/v(\d+)\.yaml")


@dataclass(frozen=True)
class HeldFile:
    """A file on record."""

    role: str
    """Name among the files of the step that made it: `master`, `map` …"""
    uri: str
    sha256: str
    bytes: int
    media_type: str
    segment: str | None = None
    """The segment it was made of; None for a file of the whole reel."""


@dataclass(frozen=True)
class StepEvent:
    """The newest event of one step of a reel."""

    id: uuid.UUID
    seq: int
    step: StepName
    execution_id: str
    ended: datetime
    outcome: Outcome
    detail: dict[str, Any]
    read: tuple[HeldFile, ...]
    made: tuple[HeldFile, ...]

    @property
    def run_id(self) -> str | None:
        """The run it belongs to; None where its execution is named otherwise."""
        return run_of(self.execution_id)

    def file(self, role: str) -> HeldFile | None:
        """A file it made, or else read, by its name; None where there is none."""
        return next((one for one in (*self.made, *self.read) if one.role == role), None)

    def files(self, role: str) -> tuple[HeldFile, ...]:
        """All files of a name that it read or made, by segment."""
        found = [one for one in (*self.made, *self.read) if one.role == role]
        return tuple(sorted(found, key=lambda one: one.segment or ""))

    @property
    def plan_version(self) -> int | None:
        """The plan version it worked by; None where it read none."""
        found = (_PLAN.fullmatch(one.uri) for one in self.read)
        return next((int(match[1]) for match in found if match), None)


def run_of(execution_id: str) -> str | None:
    """The run in the name of an execution.

    >>> run_of("manual__2026-11-22T15:23/restore.batch/0/0/s001-01"), run_of("x")
    ('manual__2026-11-22T15:23', None)
    """
    match = _EXECUTION.fullmatch(execution_id)
    return match["run"] if match else None


def newest(session: Session, reel_id: str, step: StepName) -> StepEvent | None:
    """The newest event of a step that did not fail, with its files; None where there is none."""
    term = STEP_TERMS[step]
    event = session.scalar(
        select(Event)
        .where(
            Event.reel_id == reel_id,
            Event.event_type == term.type.value,
            Event.subtype == term.subtype,
            Event.outcome != Outcome.FAILURE,
        )
        .order_by(Event.seq.desc())
        .limit(1)
    )
    if event is None:
        return None
    return StepEvent(
        id=event.id,
        seq=event.seq,
        step=step,
        execution_id=event.execution_id,
        ended=event.ended,
        outcome=event.outcome,
        detail=event.detail,
        read=_files(session, event.id, ObjectRole.SOURCE, segments=step in BY_SEGMENT),
        made=_files(session, event.id, ObjectRole.OUTCOME),
    )


def object_of(session: Session, reel_id: str, sha256: str) -> HeldFile | None:
    """A file of a reel by its digest; None where the reel has none. Of the same bytes at several places, the newest."""
    found = session.scalar(
        select(DigitalObject)
        .where(DigitalObject.reel_id == reel_id, DigitalObject.sha256 == sha256)
        .order_by(DigitalObject.created_at.desc())
        .limit(1)
    )
    if found is None:
        return None
    return HeldFile(found.role, found.uri, found.sha256, found.bytes, found.media_type)


def _files(session: Session, event_id: uuid.UUID, link: ObjectRole, *, segments: bool = False) -> tuple[HeldFile, ...]:
    """Files of one event; with `segments`, each with the segment of the event that made it."""
    query = _FILES_BY_SEGMENT if segments else _FILES
    rows = session.execute(text(query), {"event": event_id, "link": link.value})
    return tuple(HeldFile(*row) for row in rows)


_FILES: Final = (
    "SELECT held.role, held.uri, held.sha256, held.bytes, held.media_type FROM reelkeeper.event_objects AS link"
    " JOIN reelkeeper.digital_objects AS held ON held.id = link.object_id"
    " WHERE link.event_id = :event AND link.role = :link ORDER BY held.role, held.uri"
)
_FILES_BY_SEGMENT: Final = (
    "SELECT held.role, held.uri, held.sha256, held.bytes, held.media_type, made.segment"
    " FROM reelkeeper.event_objects AS link"
    " JOIN reelkeeper.digital_objects AS held ON held.id = link.object_id"
    " LEFT JOIN LATERAL ("
    "  SELECT maker.detail->>'segment' AS segment FROM reelkeeper.event_objects AS other"
    "  JOIN reelkeeper.events AS maker ON maker.id = other.event_id"
    "  WHERE other.object_id = held.id AND other.role = 'outcome' LIMIT 1"
    " ) AS made ON true"
    " WHERE link.event_id = :event AND link.role = :link ORDER BY held.role, held.uri"
)


def reel_of_run(session: Session, run_id: str) -> str | None:
    """The reel a run works or worked on; None where it has recorded nothing."""
    found: str | None = session.scalar(
        text(
            "SELECT reel_id FROM reelkeeper.active_runs WHERE run_id = :run"
            " UNION ALL SELECT split_part(result_uri, '/', 2) FROM reelkeeper.executions WHERE run_id = :run LIMIT 1"
        ),
        {"run": run_id},
    )
    return found


def last_run(session: Session, reel_id: str) -> str | None:
    """The run that recorded something of a reel last; None where none did."""
    names = session.scalars(
        select(Event.execution_id).where(Event.reel_id == reel_id).order_by(Event.seq.desc()).limit(20)
    )
    return next((run for run in map(run_of, names) if run), None)


def object_ids(session: Session, event_id: uuid.UUID) -> dict[tuple[str, str], uuid.UUID]:
    """The objects an event names, by URI and sha256."""
    rows = session.execute(
        select(DigitalObject.uri, DigitalObject.sha256, DigitalObject.id)
        .join(EventObject, EventObject.object_id == DigitalObject.id)
        .where(EventObject.event_id == event_id)
    )
    return {(row.uri, row.sha256): row.id for row in rows}
