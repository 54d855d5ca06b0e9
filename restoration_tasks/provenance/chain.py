"""The hash chain of a reel's events: canonical form, digest, and how chains are read.

Canonical form (`reelkeeper.event/1`)
    UTF-8 of a JSON array of strings without spaces, non-ASCII characters as they are:

        ["reelkeeper.event/1", id, reel_id, seq, event_type, subtype, execution_id, started, ended, recorded_at,
         outcome, detail, previous_hash, [object …], [agent …]]

    where every element is the column of that name as text: ids as lower-case UUIDs, numbers in decimal, times in UTC
    as `2026-11-22T15:23:58.000000Z`, `detail` as the very text the json column holds, NULL as null. An object is
    `[link role, id, role, uri, sha256, bytes, media_type]`, an agent `[link role, id, kind, name, version, sha256]`;
    both lists are sorted by link role, then id. A person's name is null: the chain holds ids only.

Hash
    sha256 of the canonical form, lower-case hex. The first event's `previous_hash` is `genesis(reel_id)`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from restoration_tasks.provenance.models import Agent, Chain, DigitalObject, Event, EventAgent, EventObject
from restoration_tasks.runtime.spec import canonical_json

FORMAT = "reelkeeper.event/1"
ARCHIVE = "_archive"
"""Id of the chain of what concerns the archive and no single reel; no reel can be called so."""
_REELS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class LinkedObject:
    """An object as an event's hash covers it."""

    link: str
    id: str
    role: str
    uri: str
    sha256: str
    bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class LinkedAgent:
    """An agent as an event's hash covers it."""

    link: str
    id: str
    kind: str
    name: str | None
    version: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """An event with all its hash covers, from the database or from an export."""

    id: str
    reel_id: str
    seq: int
    event_type: str
    subtype: str
    execution_id: str
    started: datetime
    ended: datetime
    recorded_at: datetime
    outcome: str
    detail: str
    """JSON text."""
    previous_hash: str
    hash: str
    objects: tuple[LinkedObject, ...]
    agents: tuple[LinkedAgent, ...]

    def digest(self, seq: int | None = None) -> str:
        """The hash these columns give, at their own place or at another one."""
        return hashlib.sha256(
            canonical_json(
                [
                    FORMAT,
                    self.id,
                    self.reel_id,
                    str(self.seq if seq is None else seq),
                    self.event_type,
                    self.subtype,
                    self.execution_id,
                    utc_text(self.started),
                    utc_text(self.ended),
                    utc_text(self.recorded_at),
                    self.outcome,
                    self.detail,
                    self.previous_hash,
                    [
                        [o.link, o.id, o.role, o.uri, o.sha256, str(o.bytes), o.media_type]
                        for o in sorted(self.objects, key=lambda o: (o.link, o.id))
                    ],
                    [
                        [a.link, a.id, a.kind, a.name, a.version, a.sha256]
                        for a in sorted(self.agents, key=lambda a: (a.link, a.id))
                    ],
                ]
            )
        ).hexdigest()

    def sealed(self) -> ChainedEvent:
        """The same event with the hash its columns give."""
        return replace(self, hash=self.digest())


@dataclass(frozen=True, slots=True)
class ReelChain:
    """A reel's events in the order of `seq`, and the head the `chains` table holds (None: the row is missing)."""

    reel_id: str
    length: int | None
    head: str | None
    events: tuple[ChainedEvent, ...]

    def objects(self) -> tuple[LinkedObject, ...]:
        """Every file that is named, once, in the order in which they are first named."""
        return tuple({entry.id: entry for event in self.events for entry in event.objects}.values())

    def agents(self) -> tuple[LinkedAgent, ...]:
        """Everyone and everything that took part, once, in the order in which they are first named."""
        return tuple({agent.id: agent for event in self.events for agent in event.agents}.values())


def genesis(reel_id: str) -> str:
    """What the first event of a reel names as the hash before it."""
    return hashlib.sha256(f"reelkeeper.chain/1\n{reel_id}".encode()).hexdigest()


def utc_text(time: datetime) -> str:
    """A time as the canonical form writes it.

    Raises:
        ValueError: the time has no zone.
    """
    if time.tzinfo is None:
        raise ValueError("a time without a zone cannot be recorded")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def load(session: Session, reel: str | None = None) -> Iterator[ReelChain]:
    """The chains of the archive, or of one reel, a few hundred reels in memory at a time.

    A reel that has events but no row in `chains` is given too.
    """
    known = select(Chain.reel_id).union(select(Event.reel_id)).subquery()
    query = select(known.c.reel_id).order_by(known.c.reel_id)
    if reel is not None:
        query = query.where(known.c.reel_id == reel)
    reels = session.scalars(query).all()
    for start in range(0, len(reels), _REELS_AT_ONCE):
        yield from _load(session, reels[start : start + _REELS_AT_ONCE])


def _load(session: Session, reels: Sequence[str]) -> Iterator[ReelChain]:
    # columns, not entities: nothing the session holds in memory may stand in for what the tables hold
    heads: dict[str, tuple[int | None, str | None]] = {
        reel_id: (length, head)
        for reel_id, length, head in session.execute(
            select(Chain.reel_id, Chain.length, Chain.head).where(Chain.reel_id.in_(reels))
        )
    }
    # outer joins: a link to nothing, or to an object of another reel, is one more that no hash can cover
    objects: dict[uuid.UUID, list[LinkedObject]] = {}
    for event_id, link, object_id, role, uri, sha256, size, media_type in session.execute(
        select(
            EventObject.event_id,
            cast(EventObject.role, Text),
            EventObject.object_id,
            DigitalObject.role,
            DigitalObject.uri,
            DigitalObject.sha256,
            DigitalObject.bytes,
            DigitalObject.media_type,
        )
        .join(Event, Event.id == EventObject.event_id)
        .outerjoin(
            DigitalObject, (DigitalObject.id == EventObject.object_id) & (DigitalObject.reel_id == Event.reel_id)
        )
        .where(Event.reel_id.in_(reels))
    ):
        found = (role, uri, sha256, size, media_type) if role is not None else ("", "", "", 0, "")
        objects.setdefault(event_id, []).append(LinkedObject(link, str(object_id), *found))
    agents: dict[uuid.UUID, list[LinkedAgent]] = {}
    for event_id, link, agent_id, kind, name, version, weights in session.execute(
        select(
            EventAgent.event_id,
            cast(EventAgent.role, Text),
            EventAgent.agent_id,
            cast(Agent.kind, Text),
            Agent.name,
            Agent.version,
            Agent.sha256,
        )
        .join(Event, Event.id == EventAgent.event_id)
        .outerjoin(Agent, Agent.id == EventAgent.agent_id)
        .where(Event.reel_id.in_(reels))
    ):
        agents.setdefault(event_id, []).append(LinkedAgent(link, str(agent_id), kind or "", name, version, weights))
    events: dict[str, list[ChainedEvent]] = {reel: [] for reel in reels}
    for row in session.execute(
        select(
            Event.id,
            Event.reel_id,
            Event.seq,
            Event.event_type,
            Event.subtype,
            Event.execution_id,
            Event.started,
            Event.ended,
            Event.recorded_at,
            cast(Event.outcome, Text).label("outcome"),
            cast(Event.detail, Text).label("detail"),
            Event.previous_hash,
            Event.hash,
        )
        .where(Event.reel_id.in_(reels))
        .order_by(Event.reel_id, Event.seq, Event.id)
    ):
        events[row.reel_id].append(
            ChainedEvent(
                id=str(row.id),
                reel_id=row.reel_id,
                seq=row.seq,
                event_type=row.event_type,
                subtype=row.subtype,
                execution_id=row.execution_id,
                started=row.started,
                ended=row.ended,
                recorded_at=row.recorded_at,
                outcome=row.outcome,
                detail=row.detail,
                previous_hash=row.previous_hash,
                hash=row.hash,
                objects=tuple(objects.get(row.id, ())),
                agents=tuple(agents.get(row.id, ())),
            )
        )
    for reel in reels:
        length, head = heads.get(reel, (None, None))
        yield ReelChain(reel, length, head, tuple(events[reel]))
