"""Tables of what became of a reel's frames and files: exceptions, relationships, checks, restorations."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import INT4RANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from restoration_tasks.catalogue.models import Reel, ScanRecord
from restoration_tasks.catalogue.work_models import Manifestation
from restoration_tasks.provenance.base import Base, checked_enum
from restoration_tasks.provenance.models import DigitalObject, Event

_BOUNDED: Final = "NOT isempty({0}) AND lower({0}) >= 0 AND upper({0}) IS NOT NULL"
"""Real frames: at least one, none before the first, and an end."""


class ExceptionKind(StrEnum):
    """What is unusual about a frame."""

    MISSING = "missing"
    """The scan has no frame for this place; a neighbour stands in."""
    SUBSTITUTED = "substituted"
    """The scan's own frame is damaged; a neighbour stands in."""
    DUPLICATE = "duplicate"
    """The scanner delivered the frame before it again."""
    EXCLUDED = "excluded"
    """Not a picture of the film: a leader, a slate, a countdown."""


class FrameException(Base):
    """Frames of one scan that are not what they should be, and which event says so.

    They belong to a scan, not to a reel: the next scan of the reel counts its frames anew. What a person said may be
    withdrawn; both stand in the reel's events.
    """

    __tablename__ = "frame_exceptions"
    __table_args__ = (
        CheckConstraint(_BOUNDED.format("frames"), name="frames"),
        # The embedded server has no btree_gist, so that uuid and range are one range of texts (sql/0008/up.sql).
        ExcludeConstraint(
            (text("reelkeeper.keyed(scan_id::text, frames)"), "&&"), name="ex_frame_exceptions_overlap", using="gist"
        ),
        Index("ix_frame_exceptions_event_id", "event_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    scan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(ScanRecord.event_id))
    frames: Mapped[Range[int]] = mapped_column(INT4RANGE)
    """Places in the reel, from 0; the end is not part of it."""
    kind: Mapped[ExceptionKind] = mapped_column(checked_enum(ExceptionKind, "kind"))
    reason: Mapped[str] = mapped_column(server_default="")
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id))
    """The event that says so: the ingest, or a person."""


class ObjectRelationship(Base):
    """Which frames of one file were made from which frames of another; never changed."""

    __tablename__ = "object_relationships"
    __table_args__ = (
        CheckConstraint(_BOUNDED.format("frames"), name="frames"),
        CheckConstraint(_BOUNDED.format("source_frames"), name="source_frames"),
        CheckConstraint(
            "upper(frames) - lower(frames) = upper(source_frames) - lower(source_frames)", name="frame_by_frame"
        ),
        CheckConstraint("object_id <> source_id", name="not_itself"),
        # each frame of a file comes from one frame of one file
        ExcludeConstraint(
            (text("reelkeeper.keyed(object_id::text, frames)"), "&&"),
            name="ex_object_relationships_one_source",
            using="gist",
        ),
        Index("ix_object_relationships_source_id", "source_id"),
    )

    object_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id), primary_key=True)
    source_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id), primary_key=True)
    frames: Mapped[Range[int]] = mapped_column(INT4RANGE)
    """Of the object, from 0; the end is not part of it."""
    source_frames: Mapped[Range[int]] = mapped_column(INT4RANGE)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id))
    """The event in which it was made."""


class CheckPolicy(Base):
    """A version of the check policy, as the first check that went by it left it; never changed."""

    __tablename__ = "policies"
    __table_args__ = (UniqueConstraint("sha256"), CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"))

    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    """Of `yaml`, UTF-8."""
    yaml: Mapped[str]
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id))
    """The event of that check."""


class CheckRecord(Base):
    """What one check found, rule by rule; never changed. The verdict stands in its event, under the chain's hash."""

    __tablename__ = "check_results"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("frames >= 0", name="frames"),
        CheckConstraint("jsonb_typeof(findings) = 'array'", name="findings"),
        CheckConstraint("NOT passed OR findings <> '[]'", name="passed_by_rules"),
        Index("ix_check_results_reel_id_recorded_at", "reel_id", "recorded_at"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event of the check: one row an execution, however often it is recorded."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    run_id: Mapped[str]
    sha256: Mapped[str]
    """Of `check.json`, which these are the findings of."""
    policy_version: Mapped[str]
    frames: Mapped[int]
    """Of the preservation master."""
    passed: Mapped[bool]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Every rule as `quality.findings.RuleResult` states it, in the order of `check.json`."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Restoration(Base):
    """A reel of the restored version, as one run published it; never changed."""

    __tablename__ = "restorations"
    __table_args__ = (
        ForeignKeyConstraint(["reel_id", "plan_version"], ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"]),
        CheckConstraint("frames > 0", name="frames"),
        Index("ix_restorations_reel_id_recorded_at", "reel_id", "recorded_at"),
        Index("ix_restorations_manifestation_id", "manifestation_id"),
        Index("ix_restorations_recorded_at", "recorded_at"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event of the catalogue step."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    manifestation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Manifestation.id))
    """The restored version."""
    plan_version: Mapped[int | None]
    master_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DigitalObject.id))
    access_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(DigitalObject.id))
    scan_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(ScanRecord.event_id))
    """The scan it was made from; size, depth and rate of the restored frames are the scan's."""
    frames: Mapped[int | None]
    """Of the restored master, as it was counted when it was joined."""
    frames_changed: Mapped[int | None]
    sound_tracks: Mapped[int | None]
    condition_before: Mapped[dict[str, float] | None] = mapped_column(JSONB)
    """By category, as the check measured the scan; `steps/check.py` says in which units."""
    condition_after: Mapped[dict[str, float] | None] = mapped_column(JSONB)
    """The same measures of the restored frames."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Announcement(Base):
    """What another catalogue is told of, until it has taken it. A working table: what is told stands in the event."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("tries >= 0", name="tries"),
        Index("ix_outbox_unsent", "reel_id", "event_id", postgresql_where=text("sent_at IS NULL")),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    """The event it tells of, and the key by which whoever gets it twice can tell."""
    reel_id: Mapped[str] = mapped_column(ForeignKey(Reel.id))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As it was when it was queued: tried again, it says the same."""
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now())
    said: Mapped[str] = mapped_column(server_default="")
    """Why it was not taken, the last time."""
    sent_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    """When staff were told that it had waited for too long."""
