"""Events: a draft takes its place in the reel's chain, with its objects, agents and digests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.agents import Participant, Person, ensure_agents
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject
from restoration_tasks.provenance.models import Agent, DigitalObject, Event, EventAgent, EventObject, Fixity
from restoration_tasks.provenance.text import storable, storable_json
from restoration_tasks.provenance.vocabulary import EventTerm, FixityOutcome, ObjectRole, Outcome
from restoration_tasks.runtime.errors import ProvenanceBroken
from restoration_tasks.runtime.identifiers import check_reel_id
from restoration_tasks.runtime.spec import OutputFile, Reference, canonical_json

UNKNOWN_MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class FixityReading:
    """A recorded file read whole again."""

    name: str
    """As it was recorded: `master`, `access` …"""
    file: Reference
    digest: str | None
    """The sha256 found; None where the file was gone or could not be read."""
    at: datetime
    outcome: FixityOutcome


@dataclass(frozen=True)
class EventDraft:
    """An event before it has a place in the chain."""

    reel_id: str
    execution_id: str
    term: EventTerm
    started: datetime
    ended: datetime
    outcome: Outcome
    detail: Mapping[str, Any]
    participants: tuple[Participant | Person, ...] = ()
    sources: tuple[tuple[str, Reference], ...] = ()
    """Files read: name and reference."""
    outcomes: tuple[tuple[str, Reference], ...] = ()
    """Files made or vouched for: name and reference (an `OutputFile` brings its media type)."""
    fixity: FixityOutcome | None = None
    """What this event learned about the digests of all its files made or vouched for; each gets a fixity row."""
    readings: tuple[FixityReading, ...] = ()
    """Files read whole again, each with what was found; each that could be read gets a fixity row."""


@dataclass(frozen=True)
class RecordedEvent:
    """An event in its place."""

    id: uuid.UUID
    reel_id: str
    seq: int
    hash: str
    execution_id: str
    created: bool
    """False when this execution had been recorded before: nothing was added."""


def append_event(session: Session, draft: EventDraft) -> RecordedEvent:
    """Record an event inside the caller's transaction; an execution recorded before gives the event it has.

    The reel's chain stays locked until that transaction ends: commit soon.

    Raises:
        ProvenanceBroken: the execution was recorded for another reel.
        WrongUse: the reel id is none.
    """
    if draft.reel_id != chain.ARCHIVE:
        check_reel_id(draft.reel_id)
    if (recorded := find(session, draft)) is not None:
        return recorded
    ids = ensure_agents(session, draft.participants)
    locked = chain.lock(session, draft.reel_id)
    # whoever held the lock may have recorded this very execution
    if (recorded := find(session, draft)) is not None:
        return recorded
    named = [*draft.sources, *((one.name, one.file) for one in draft.readings), *draft.outcomes]
    entries = iter(_ensure_objects(session, draft.reel_id, named))
    objects = {(ObjectRole.SOURCE, next(entries)) for _ in draft.sources}
    read = [(next(entries), one) for one in draft.readings]
    objects |= {(ObjectRole.SOURCE, entry) for entry, _ in read}
    made = list(entries)
    objects |= {(ObjectRole.OUTCOME, entry) for entry in made}
    rows = {row.id: row for row in session.scalars(select(Agent).where(Agent.id.in_(ids.values())))} if ids else {}
    agents = {(agent.role, rows[agent_id]) for agent, agent_id in ids.items()}
    detail = storable_json(draft.detail)
    event_id = uuid.uuid4()
    sealed = chain.append(
        session,
        locked,
        ChainedEvent(
            id=str(event_id),
            reel_id=draft.reel_id,
            seq=0,
            event_type=draft.term.type.value,
            subtype=storable(draft.term.subtype),
            execution_id=storable(draft.execution_id),
            started=draft.started,
            ended=draft.ended,
            recorded_at=datetime.now(UTC),
            outcome=draft.outcome.value,
            detail=canonical_json(detail).decode(),
            previous_hash="",
            hash="",
            objects=tuple(
                LinkedObject(link.value, str(o.id), o.role, o.uri, o.sha256, o.bytes, o.media_type)
                for link, o in objects
            ),
            agents=tuple(
                LinkedAgent(link.value, str(a.id), a.kind.value, a.name, a.version, a.sha256) for link, a in agents
            ),
        ),
    )
    session.add(
        Event(
            id=event_id,
            reel_id=sealed.reel_id,
            seq=sealed.seq,
            event_type=sealed.event_type,
            subtype=sealed.subtype,
            execution_id=sealed.execution_id,
            started=sealed.started,
            ended=sealed.ended,
            recorded_at=sealed.recorded_at,
            outcome=draft.outcome,
            detail=detail,
            previous_hash=sealed.previous_hash,
            hash=sealed.hash,
        )
    )
    session.flush()
    session.add_all(EventObject(event_id=event_id, object_id=o.id, role=link) for link, o in objects)
    session.add_all(EventAgent(event_id=event_id, agent_id=a.id, role=link) for link, a in agents)
    if draft.fixity is not None:
        session.add_all(
            Fixity(
                id=uuid.uuid4(),
                object_id=entry.id,
                event_id=event_id,
                algorithm="sha256",
                digest=entry.sha256,
                checked_at=draft.ended,
                outcome=draft.fixity,
            )
            for entry in {entry.id: entry for entry in made}.values()
        )
    session.add_all(
        Fixity(
            id=uuid.uuid4(),
            object_id=entry.id,
            event_id=event_id,
            algorithm="sha256",
            digest=one.digest,
            checked_at=one.at,
            outcome=one.outcome,
        )
        for entry, one in read
        if one.digest is not None
    )
    session.flush()
    return RecordedEvent(event_id, sealed.reel_id, sealed.seq, sealed.hash, sealed.execution_id, created=True)


def find(session: Session, draft: EventDraft) -> RecordedEvent | None:
    """The event this execution has already, or None."""
    row = session.execute(
        select(Event.id, Event.reel_id, Event.seq, Event.hash, Event.execution_id).where(
            Event.execution_id == storable(draft.execution_id)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.reel_id != draft.reel_id:
        raise ProvenanceBroken(
            f"execution {draft.execution_id} has been recorded for another reel",
            reel=draft.reel_id,
            found=row.reel_id,
            action="use run ids that are unique in the archive",
        )
    return RecordedEvent(row.id, row.reel_id, row.seq, row.hash, row.execution_id, created=False)


def _ensure_objects(session: Session, reel_id: str, named: Sequence[tuple[str, Reference]]) -> list[DigitalObject]:
    """The objects of these bytes at these places, made where new, in one go; the chain's lock keeps two writers apart.

    The name and media type an object was first recorded with stay.
    """
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for name, file in named:
        media_type = file.media_type if isinstance(file, OutputFile) else UNKNOWN_MEDIA_TYPE
        wanted.setdefault(
            _identity(file),
            {
                "id": uuid.uuid4(),
                "reel_id": reel_id,
                "role": storable(name),
                "uri": storable(file.uri),
                "sha256": file.sha256,
                "bytes": file.bytes,
                "media_type": storable(media_type),
            },
        )
    if not wanted:
        return []
    new = session.scalars(
        insert(DigitalObject)
        .values(list(wanted.values()))
        .on_conflict_do_nothing(index_elements=["reel_id", "uri", "sha256"])
        .returning(DigitalObject)
    )
    found = {(one.uri, one.sha256): one for one in new}
    if missing := wanted.keys() - found.keys():
        known = select(DigitalObject).where(
            DigitalObject.reel_id == reel_id, tuple_(DigitalObject.uri, DigitalObject.sha256).in_(missing)
        )
        found |= {(one.uri, one.sha256): one for one in session.scalars(known)}
    return [found[_identity(file)] for _, file in named]


def _identity(file: Reference) -> tuple[str, str]:
    return storable(file.uri), file.sha256
