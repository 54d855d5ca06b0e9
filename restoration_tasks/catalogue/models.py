"""Tables of the catalogue: reels, plans, decisions, drafts, the lock of a run, recorded executions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from restoration_tasks.catalogue.work_models import Item
from restoration_tasks.provenance.base import Base, checked_enum
from restoration_tasks.provenance.models import Agent, Event
from restoration_tasks.provenance.vocabulary import DecisionAnswer, Outcome


class ReelState(StrEnum):
    """Where a reel stands."""

    REGISTERED = "registered"
    IN_WORK = "in work"
    AWAITING_DECISION = "awaiting decision"
    FAILED = "failed"
    RESTORED = "restored"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    """A person asked for another pass; the run with the next plan version takes over."""


class DeciderRole(StrEnum):
    """In which capacity a person decided."""

    CONSERVATOR = "conservator"
    MAKER = "maker"


class Reel(Base):
    """A reel: what is scanned, restored and decided about."""

    __tablename__ = "reels"
    __table_args__ = (
        # the same rule as runtime.identifiers: the id names a folder
        CheckConstraint(r"id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' AND id !~ '\.\.|\.$'", name="id"),
        Index("ix_reels_state", "state"),
        Index("ix_reels_state_since", text("state_since DESC"), "id"),
        Index("ix_reels_item_id", "item_id"),
        Index("ix_reels_words", text("to_tsvector('simple'::regconfig, words)"), postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    item_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(Item.id))
    title: Mapped[str]
    state: Mapped[ReelState] = mapped_column(checked_enum(ReelState, "state"))
    delivery_uri: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state_since: Mapped[datetime] = mapped_column(server_default=func.now())
    words: Mapped[str] = mapped_column(server_default="")
    """What it is looked for by, folded: its id, and the words of its item or else its title (a trigger keeps it)."""


class Plan(Base):
    """A numbered version of a reel's plan; never changed."""

    __tablename__ = "plans"
    __table_args__ = (
        ForeignKeyConstraint(["reel_id", "parent"], ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"]),
        CheckConstraint("version >= 1 AND (parent IS NULL OR parent < version)", name="version"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None]
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id))
    reason: Mapped[str]
    sha256: Mapped[str]
    """Of `yaml`, UTF-8."""
    yaml: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Decision(Base):
    """What a named person answered about a plan version; never changed."""

    __tablename__ = "decisions"
    __table_args__ = (
        ForeignKeyConstraint(["reel_id", "plan_version"], ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"]),
        Index("ix_decisions_reel_id_decided_at", "reel_id", "decided_at"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event that records it; one decision for one execution of the decision task."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    run_id: Mapped[str]
    plan_version: Mapped[int]
    answer: Mapped[DecisionAnswer] = mapped_column(checked_enum(DecisionAnswer, "answer"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id))
    role: Mapped[DeciderRole] = mapped_column(checked_enum(DeciderRole, "role"))
    note: Mapped[str]
    decided_at: Mapped[datetime]


class WaivedFinding(Base):
    """A finding of ingest, or a rule of the check, that a named person let pass, for one run; never changed."""

    __tablename__ = "waivers"
    __table_args__ = (Index("ix_waivers_reel_id_waived_at", "reel_id", "waived_at"),)

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event that records it."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    run_id: Mapped[str]
    finding: Mapped[str]
    """As the person named it: a rule, or a rule and its frames."""
    reason: Mapped[str]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id))
    waived_at: Mapped[datetime]


class ScanRecord(Base):
    """Technical metadata of a reel as it was taken in, one row for each recorded ingest; never changed.

    Columns are null where the delivery does not say. The whole of what MediaInfo says lies in the vault beside the
    master (`technical.json`).
    """

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_reel_id", "reel_id"),
        CheckConstraint("frames > 0 AND width > 0 AND height > 0", name="picture"),
        CheckConstraint("substituted_frames >= 0", name="substituted"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event of the ingest."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    result_uri: Mapped[str]
    kind: Mapped[str | None]
    """What was delivered: `dpx`, `tiff`, `exr`, `png`, or a container's codec."""
    frames: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[str]
    """Frames a second as a fraction, such as `24000/1001`."""
    duration_s: Mapped[float | None]
    bit_depth: Mapped[int]
    pix_fmt: Mapped[str]
    transfer: Mapped[str | None]
    primaries: Mapped[str | None]
    scanner: Mapped[str | None]
    creator: Mapped[str | None]
    project: Mapped[str | None]
    sound_tracks: Mapped[int | None]
    sound_channels: Mapped[int | None]
    sound_rate_hz: Mapped[int | None]
    sound_bits: Mapped[int | None]
    master_format: Mapped[str | None]
    """Container and codec of the master, such as `Matroska 4, FFV1 3.4`."""
    master_bytes: Mapped[int | None] = mapped_column(BigInteger)
    substituted_frames: Mapped[int] = mapped_column(server_default="0")
    """Places in the reel where a missing or damaged frame's neighbour stands in."""
    warnings: Mapped[int] = mapped_column(server_default="0")
    """Findings graded *warn*."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ConditionRecord(Base):
    """What a reel was found to suffer from, one row for each recorded plan step of a run; never changed.

    The whole record and its page lie in the vault beside the plan (`condition.json`, `condition.html`).
    """

    __tablename__ = "conditions"
    __table_args__ = (
        Index("ix_conditions_reel_id_recorded_at", "reel_id", "recorded_at"),
        Index("ix_conditions_urgency", "urgency"),
        CheckConstraint("urgency BETWEEN 0 AND 100", name="urgency"),
        CheckConstraint("frames >= 0", name="frames"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event of the plan step that joined the assessment."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    run_id: Mapped[str]
    result_uri: Mapped[str]
    frames: Mapped[int]
    urgency: Mapped[float]
    """0–100; `assessment/urgency.py` says how it is made."""
    severities: Mapped[dict[str, float]] = mapped_column(JSONB)
    """Severity of the reel, 0–100, by category."""
    carrier: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What staff read off the carrier."""
    shots: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Every shot with its verdicts, as in `condition.json`."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DraftChoice(StrEnum):
    """What a person thinks of a shot while they look; none of it decides anything."""

    NONE = "none"
    """Only a note, or nothing yet."""
    ACCEPT = "accept"
    REDO = "redo"


class ShotDraft(Base):
    """What a person marked about one shot of one plan version before anybody decided; theirs to change.

    The decision in Airflow takes the drafts of whoever decides into its event, where they stay for good.
    """

    __tablename__ = "shot_drafts"
    __table_args__ = (
        ForeignKeyConstraint(["reel_id", "plan_version"], ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"]),
        CheckConstraint("shot >= 1", name="shot"),
        CheckConstraint("length(note) <= 2000", name="note"),
    )

    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id), primary_key=True)
    plan_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Agent.id), primary_key=True)
    choice: Mapped[DraftChoice] = mapped_column(checked_enum(DraftChoice, "choice"))
    note: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ActiveRun(Base):
    """The lock: at most one run works on a reel."""

    __tablename__ = "active_runs"

    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id), primary_key=True)
    run_id: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat: Mapped[datetime] = mapped_column(server_default=func.now())


class Execution(Base):
    """A finished execution of one segment in one try of a task; tells a cleared task from a retried one."""

    __tablename__ = "executions"
    __table_args__ = (
        UniqueConstraint("run_id", "task_id", "map_index", "generation", "segment"),
        CheckConstraint("map_index >= -1", name="map_index"),
        CheckConstraint("generation >= 0", name="generation"),
        Index("ix_executions_recorded_at", "recorded_at"),
        Index(
            "ix_executions_day",
            text("((recorded_at AT TIME ZONE 'UTC')::date)"),
            "step",
            "device",
            "reel_id",
            postgresql_include=["recorded_at", "frames", "megapixels", "wall_s", "device_s", "cpu_s"],
            postgresql_where=text("wall_s IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    task_id: Mapped[str]
    map_index: Mapped[int]
    """-1 for a task that is not mapped."""
    generation: Mapped[int]
    """Rises each time a person clears the task (Airflow's `max_tries` at the time)."""
    segment: Mapped[str] = mapped_column(server_default="")
    """Empty for a step that works on the whole reel."""
    result_uri: Mapped[str]
    signature: Mapped[str]
    outcome: Mapped[Outcome] = mapped_column(checked_enum(Outcome, "outcome"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reel_id: Mapped[str | None]
    step: Mapped[str | None]
    device: Mapped[str | None]
    """Class of device the pixels were computed on."""
    frames: Mapped[int | None]
    """Worked on; like what follows null for what was reused, as it took no time."""
    megapixels: Mapped[float | None]
    """Of one frame, in millions."""
    treatments: Mapped[int | None]
    """How many were carried out (restore alone)."""
    wall_s: Mapped[float | None]
    device_s: Mapped[float | None]
    """Of the wall time, what was spent in a slot of the `gpu` pool."""
    cpu_s: Mapped[float | None]
