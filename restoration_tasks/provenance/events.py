"""Events: a draft takes its place in the reel's chain, with its objects, agents and digests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from restoration_tasks.provenance import chain, statements
from restoration_tasks.provenance.agents import Participant, Person, ensure_person, identity
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject
from restoration_tasks.provenance.ids import new_id
from restoration_tasks.provenance.statements import AgentRow, FixityRow, ObjectIdentity, ObjectRow
from restoration_tasks.provenance.text import storable, storable_json
from restoration_tasks.provenance.vocabulary import AgentKind, EventTerm, FixityOutcome, ObjectRole, Outcome
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
    session.flush()  # what the caller has added may be what this event is about
    execution_id = storable(draft.execution_id)
    people = {one for one in draft.participants if isinstance(one, Person)}
    # looked for first: a person forgotten since must not come back because an old execution is recorded again
    if people and (recorded := statements.find_recorded(session, execution_id)) is not None:
        return _recorded_before(draft, recorded)
    known_people = {one: _person(session, one) for one in sorted(people, key=repr)}
    software = {one: identity(one) for one in draft.participants if isinstance(one, Participant)}
    named = [*draft.sources, *((one.name, one.file) for one in draft.readings), *draft.outcomes]
    opened = statements.open_chain(
        session, draft.reel_id, execution_id, software.values(), {_identity(file) for _, file in named}
    )
    if opened.recorded is not None:
        return _recorded_before(draft, opened.recorded)
    agents = {(one.role, row) for one, row in known_people.items()}
    agents |= {(one.role, opened.agents[which]) for one, which in software.items()}
    new = _new_objects(named, opened.objects)
    files = opened.objects | new
    read = [(files[_identity(one.file)], one) for one in draft.readings]
    made = [files[_identity(file)] for _, file in draft.outcomes]
    objects = {(ObjectRole.SOURCE, files[_identity(file)]) for _, file in draft.sources}
    objects |= {(ObjectRole.SOURCE, row) for row, _ in read}
    objects |= {(ObjectRole.OUTCOME, row) for row in made}
    event = ChainedEvent(
        id=str(new_id()),
        reel_id=draft.reel_id,
        seq=opened.length + 1,
        event_type=draft.term.type.value,
        subtype=storable(draft.term.subtype),
        execution_id=execution_id,
        started=draft.started,
        # A clock may have been set back in between; the table, rightly, takes nothing that ends before it began.
        ended=max(draft.ended, draft.started),
        recorded_at=datetime.now(UTC),
        outcome=draft.outcome.value,
        detail=canonical_json(storable_json(draft.detail)).decode(),
        previous_hash=opened.head,
        hash="",
        objects=tuple(LinkedObject(link.value, *row) for link, row in objects),
        agents=tuple(LinkedAgent(link.value, *row) for link, row in agents),
    ).sealed()
    fixity = [FixityRow(row.id, one.digest, one.at, one.outcome.value) for row, one in read if one.digest is not None]
    if draft.fixity is not None:
        fixity += [FixityRow(row.id, row.sha256, draft.ended, draft.fixity.value) for row in dict.fromkeys(made)]
    statements.write(session, event, new.values(), fixity)
    return RecordedEvent(uuid.UUID(event.id), event.reel_id, event.seq, event.hash, event.execution_id, created=True)


def _recorded_before(draft: EventDraft, row: statements.RecordedRow) -> RecordedEvent:
    """The event this execution has already."""
    if row.reel_id != draft.reel_id:
        raise ProvenanceBroken(
            f"execution {draft.execution_id} has been recorded for another reel",
            reel=draft.reel_id,
            found=row.reel_id,
            action="use run ids that are unique in the archive",
        )
    return RecordedEvent(row.id, row.reel_id, row.seq, row.hash, storable(draft.execution_id), created=False)


def _person(session: Session, person: Person) -> AgentRow:
    agent_id = ensure_person(session, person.login, person.name)
    return AgentRow(str(agent_id), AgentKind.PERSON.value, None, None, None)


def _new_objects(
    named: Sequence[tuple[str, Reference]], known: Mapping[ObjectIdentity, ObjectRow]
) -> dict[ObjectIdentity, ObjectRow]:
    """Rows for the files that are no object yet.

    The name and media type an object was first recorded with stay.
    """
    new: dict[ObjectIdentity, ObjectRow] = {}
    for name, file in named:
        if (key := _identity(file)) in known:
            continue
        media_type = file.media_type if isinstance(file, OutputFile) else UNKNOWN_MEDIA_TYPE
        row = ObjectRow(str(new_id()), storable(name), *key, file.bytes, storable(media_type))
        new.setdefault(key, row)
    return new


def _identity(file: Reference) -> ObjectIdentity:
    return ObjectIdentity(storable(file.uri), file.sha256)
