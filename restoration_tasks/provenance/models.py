"""Tables of the provenance: agents, digital objects, fixity, events and their links, chain heads, checkpoints."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from restoration_tasks.provenance.base import Base, CanonicalJson, checked_enum
from restoration_tasks.provenance.vocabulary import AgentKind, AgentRole, FixityOutcome, ObjectRole, Outcome

_HEX64 = "~ '^[0-9a-f]{64}$'"


class Agent(Base):
    """Who or what acted. Immutable; a person has no name here, only an id (see `AgentName`)."""

    __tablename__ = "agents"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'person') = (name IS NULL) AND (kind <> 'person' OR (version IS NULL AND sha256 IS NULL))",
            name="person_has_no_name_here",
        ),
        CheckConstraint(f"sha256 IS NULL OR sha256 {_HEX64}", name="sha256"),
        # one row for one piece of software; persons (no name) may be many
        Index(
            "uq_agents_identity",
            "kind",
            "name",
            "version",
            "sha256",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where="name IS NOT NULL",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[AgentKind] = mapped_column(checked_enum(AgentKind, "kind"))
    name: Mapped[str | None]
    version: Mapped[str | None]
    sha256: Mapped[str | None]
    """Digest of a model's weights or of an image."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AgentName(Base):
    """A person's login and name. Deleting the row erases the person; the chain, which holds the id, stays whole."""

    __tablename__ = "agent_names"

    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id), primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    """User id in the authentication manager."""
    name: Mapped[str | None]


class Chain(Base):
    """The head of a reel's chain. Its row lock is what keeps concurrent writers in one line."""

    __tablename__ = "chains"
    __table_args__ = (CheckConstraint("length >= 0", name="length"),)

    reel_id: Mapped[str] = mapped_column(primary_key=True)
    length: Mapped[int] = mapped_column(default=0)
    head: Mapped[str]
    """Hash of the newest event; the genesis hash of the reel when there is none."""


class DigitalObject(Base):
    """A file, immutable: other bytes or another place are another object."""

    __tablename__ = "digital_objects"
    __table_args__ = (
        UniqueConstraint("reel_id", "uri", "sha256"),
        CheckConstraint(f"sha256 {_HEX64}", name="sha256"),
        CheckConstraint("bytes >= 0", name="bytes"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reel_id: Mapped[str] = mapped_column(ForeignKey(Chain.reel_id))
    role: Mapped[str]
    """Name among the step's files: `master`, `restoration_master`, `access` …"""
    uri: Mapped[str]
    """`vault:` and a path inside the vault, so that the vault can move."""
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Event(Base):
    """A PREMIS event: one for each recorded execution, never changed, chained to the reel's one before."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("reel_id", "seq"),
        UniqueConstraint("execution_id"),
        UniqueConstraint("hash"),
        # how many shots a reel has: the board asks of fifty reels at once, among all their events
        Index("ix_events_shot_detection", "reel_id", "seq", postgresql_where="subtype = 'shot detection'"),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("ended >= started", name="ended"),
        CheckConstraint(f"hash {_HEX64} AND previous_hash {_HEX64}", name="hash"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reel_id: Mapped[str] = mapped_column(ForeignKey(Chain.reel_id))
    seq: Mapped[int]
    """Place in the reel's chain, from 1, without gaps."""
    event_type: Mapped[str]
    """A term of `vocabulary.EventType`; text, so that events written by a later version can still be read."""
    subtype: Mapped[str]
    execution_id: Mapped[str]
    """Who asked for the work; recording the same execution again finds this event."""
    started: Mapped[datetime]
    ended: Mapped[datetime]
    recorded_at: Mapped[datetime]
    outcome: Mapped[Outcome] = mapped_column(checked_enum(Outcome, "outcome"))
    detail: Mapped[dict[str, Any]] = mapped_column(CanonicalJson())
    previous_hash: Mapped[str]
    hash: Mapped[str]


class EventObject(Base):
    """An object an event read or made."""

    __tablename__ = "event_objects"
    __table_args__ = (Index("ix_event_objects_object_id", "object_id"),)

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id), primary_key=True)
    role: Mapped[ObjectRole] = mapped_column(checked_enum(ObjectRole, "role"), primary_key=True)


class EventAgent(Base):
    """An agent that took part in an event."""

    __tablename__ = "event_agents"
    __table_args__ = (Index("ix_event_agents_agent_id", "agent_id"),)

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id), primary_key=True)
    role: Mapped[AgentRole] = mapped_column(checked_enum(AgentRole, "role"), primary_key=True)


class Fixity(Base):
    """A digest of an object at a time: as it was made, and at every later reading."""

    __tablename__ = "fixity"
    __table_args__ = (
        UniqueConstraint("object_id", "event_id"),
        CheckConstraint(f"digest {_HEX64}", name="digest"),
        Index("ix_fixity_object_id_checked_at", "object_id", "checked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id))
    """The event in which the digest was taken."""
    algorithm: Mapped[str] = mapped_column(server_default="sha256")
    digest: Mapped[str]
    checked_at: Mapped[datetime]
    outcome: Mapped[FixityOutcome] = mapped_column(checked_enum(FixityOutcome, "outcome"))


class SignedCheckpoint(Base):
    """A signed statement about chain heads, as it lies in the vault (see `checkpoints`)."""

    __tablename__ = "signed_checkpoints"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint(f"sha256 {_HEX64}", name="sha256"),
        CheckConstraint("heads >= 1", name="heads"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str]
    """Of the statement."""
    key: Mapped[str]
    """Fingerprint of the key that signed it."""
    heads: Mapped[int]
    """How many chains it names."""
    taken_at: Mapped[datetime]
    uri: Mapped[str]


class Checkpoint(Base):
    """A chain head as it was at a time, written outside the database as well (`uri`)."""

    __tablename__ = "checkpoints"
    __table_args__ = (
        UniqueConstraint("reel_id", "seq", "number", postgresql_nulls_not_distinct=True),
        CheckConstraint(f"hash {_HEX64}", name="hash"),
        Index("ix_checkpoints_number", "number"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reel_id: Mapped[str] = mapped_column(ForeignKey(Chain.reel_id))
    seq: Mapped[int]
    hash: Mapped[str]
    taken_at: Mapped[datetime]
    uri: Mapped[str]
    """Where the copy outside the database lies."""
    number: Mapped[int | None] = mapped_column(ForeignKey(SignedCheckpoint.number))
    """The signed checkpoint that names it; null for those of before there were any."""
