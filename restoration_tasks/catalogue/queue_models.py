"""Tables of the queue: which reel is next, what staff read off its carrier, which of its files are still whole."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from restoration_tasks.catalogue.models import Reel
from restoration_tasks.catalogue.work_models import FilmBase
from restoration_tasks.provenance.base import Base, checked_enum
from restoration_tasks.provenance.models import Agent, DigitalObject, Event


class Purpose(StrEnum):
    """Why a reel is in the queue."""

    RESTORATION = "restoration"
    """To be restored; the nightly batch takes these."""
    REPAIR = "repair"
    """A file of it is damaged or gone; a person has to see to it."""


class QueueState(StrEnum):
    """How far an entry is."""

    WAITING = "waiting"
    STARTED = "started"
    HELD_BACK = "held back"
    DONE = "done"


class Basis(StrEnum):
    """What the urgency of an entry rests on, the firmest first."""

    CONDITION = "condition"
    """The reel's newest condition record."""
    CARRIER = "carrier"
    """What staff read off the carrier; no picture was looked at."""
    AGE = "age"
    """How old the film is and what it is made of, and nothing more."""
    NOTHING = "nothing known"
    FIXITY = "fixity"
    """A file that is damaged or gone."""


class EstimatedFrom(StrEnum):
    """Where an estimate has the number of frames from."""

    SCAN = "scan"
    DELIVERY = "delivery"
    TYPICAL = "typical"
    """Nothing is known of the reel: it is taken to be as long as the archive's others are."""


class Smell(StrEnum):
    """How strongly a carrier smells of vinegar."""

    NONE = "none"
    SLIGHT = "slight"
    STRONG = "strong"


class HoldingState(StrEnum):
    """What is known of a file that was recorded."""

    HELD = "held"
    DAMAGED = "damaged"
    MISSING = "missing"
    RELEASED = "released"
    """A working file, let go on purpose when its reel was finished."""


class ReplicaState(StrEnum):
    """What was found of a file's copy in the replica vault."""

    AGREES = "agrees"
    DAMAGED = "damaged"
    MISSING = "missing"
    REPAIRED_FROM = "repaired from"
    """Ours was bad and has been made good from the copy, or from another recorded file with the same bytes."""


class QueueEntry(Base):
    """A reel's place in the queue, one for each purpose. It changes; people's words about it are events."""

    __tablename__ = "queue"
    __table_args__ = (
        CheckConstraint("urgency BETWEEN 0 AND 100", name="urgency"),
        CheckConstraint("override BETWEEN 0 AND 100", name="override"),
        CheckConstraint("(override IS NULL) = (override_event_id IS NULL)", name="override_has_an_event"),
        CheckConstraint("frames > 0", name="frames"),
        CheckConstraint("device_h >= 0 AND worker_h >= 0", name="hours"),
        CheckConstraint("state <> 'started' OR run_id IS NOT NULL", name="started_has_a_run"),
        Index("ix_queue_order", "purpose", "state", text("priority DESC"), "queued_at", "reel_id"),
        Index("ix_queue_run_id", "run_id"),
        Index("ix_queue_batch_id", "batch_id"),
    )

    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id), primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(checked_enum(Purpose, "purpose"), primary_key=True)
    state: Mapped[QueueState] = mapped_column(checked_enum(QueueState, "state"))
    urgency: Mapped[float]
    """0–100, worked out from `basis`."""
    basis: Mapped[Basis] = mapped_column(checked_enum(Basis, "basis"))
    override: Mapped[float | None]
    """0–100, what a person put in its place."""
    override_event_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(Event.id))
    """Who did, and why."""
    priority: Mapped[float] = mapped_column(Computed("coalesce(override, urgency)", persisted=True))
    """What the queue goes by."""
    reason: Mapped[str] = mapped_column(server_default="")
    """Why it is held back or in need of repair; empty otherwise."""
    form: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Fields of the trigger form beside the reel id."""
    frames: Mapped[int | None]
    device_h: Mapped[float | None]
    """Hours in the `gpu` pool, estimated."""
    worker_h: Mapped[float | None]
    """Hours of other work, estimated."""
    estimated_from: Mapped[EstimatedFrom | None] = mapped_column(checked_enum(EstimatedFrom, "estimated_from"))
    queued_by: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id))
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state_since: Mapped[datetime] = mapped_column(server_default=func.now())
    batch_id: Mapped[str | None]
    """The nightly batch that took it."""
    run_id: Mapped[str | None]
    """The run that works on it, or did last."""
    slot_at: Mapped[datetime | None]
    """When its run was started."""
    worked_at: Mapped[datetime | None]
    """When its run needed no machine any more: it waits for a person, or is over."""


class CarrierReading(Base):
    """What staff read off a reel's carrier at one time; never changed."""

    __tablename__ = "carrier_readings"
    __table_args__ = (
        CheckConstraint("made_year BETWEEN 1888 AND 2100", name="made_year"),
        CheckConstraint("ad_strip_level BETWEEN 0 AND 3", name="ad_strip_level"),
        CheckConstraint("shrinkage_percent BETWEEN 0 AND 10", name="shrinkage_percent"),
        CheckConstraint("uniqueness BETWEEN 0 AND 1", name="uniqueness"),
        Index("ix_carrier_readings_reel_id_read_at", "reel_id", "read_at"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event that records it."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    base: Mapped[FilmBase | None] = mapped_column(checked_enum(FilmBase, "base"))
    made_year: Mapped[int | None]
    """When the film stock was made or exposed."""
    ad_strip_level: Mapped[float | None]
    """A-D strip, 0 to 3."""
    shrinkage_percent: Mapped[float | None]
    smell: Mapped[Smell | None] = mapped_column(checked_enum(Smell, "smell"))
    """Of vinegar."""
    uniqueness: Mapped[float] = mapped_column(server_default="1")
    """1: no other copy is known; 0: another copy as good is safe elsewhere."""
    note: Mapped[str] = mapped_column(server_default="")
    read_by: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id))
    read_at: Mapped[datetime]


class Holding(Base):
    """How a recorded file was found when it was last read whole. What was found each time stands in `fixity`."""

    __tablename__ = "holdings"
    __table_args__ = (
        CheckConstraint("found ~ '^[0-9a-f]{64}$'", name="found"),
        Index("ix_holdings_state_checked_at", "state", "checked_at", "object_id"),
        Index("ix_holdings_unrecorded", "run_id", postgresql_where=text("NOT recorded")),
    )

    object_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id), primary_key=True)
    state: Mapped[HoldingState] = mapped_column(checked_enum(HoldingState, "state"))
    checked_at: Mapped[datetime]
    """When it was last read whole; at first, when it was made."""
    run_id: Mapped[str | None]
    """The audit that read it last."""
    found: Mapped[str | None]
    """The sha256 that audit found; null where the file was gone or was never audited."""
    replica: Mapped[ReplicaState | None] = mapped_column(checked_enum(ReplicaState, "replica"))
    """What that audit found of the copy; null without a replica vault."""
    recorded: Mapped[bool] = mapped_column(server_default=text("true"))
    """False while that audit has not yet written its event for the reel."""
