"""Queue: which reel is worked next, what staff read off carriers, what work took, and which files are still whole.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0004"
MEASURED = {
    "reel_id": sa.Text(),
    "step": sa.Text(),
    "device": sa.Text(),
    "frames": sa.Integer(),
    "megapixels": sa.Float(),
    "treatments": sa.Integer(),
    "wall_s": sa.Float(),
    "device_s": sa.Float(),
    "cpu_s": sa.Float(),
}
"""What an execution took; null for those of before, and for work that was reused."""


def upgrade() -> None:
    """Make three tables and four views, and let executions say what they took."""
    _make_queue()
    _make_carrier_readings()
    _make_holdings()
    for name, kind in MEASURED.items():
        op.add_column("executions", sa.Column(name, kind, nullable=True), schema=SCHEMA)
    op.create_index("ix_executions_recorded_at", "executions", ["recorded_at"], schema=SCHEMA)
    op.create_index("ix_reels_state_since", "reels", [sa.text("state_since DESC"), "id"], schema=SCHEMA)
    _execute("up.sql")


def downgrade() -> None:
    """Remove them; who is in the queue and what was checked last is lost, the events of both stay."""
    _execute("down.sql")
    op.drop_index("ix_reels_state_since", "reels", schema=SCHEMA)
    op.drop_index("ix_executions_recorded_at", "executions", schema=SCHEMA)
    for name in reversed(MEASURED):
        op.drop_column("executions", name, schema=SCHEMA)
    for table in ("holdings", "carrier_readings", "queue"):
        op.drop_table(table, schema=SCHEMA)


def _make_queue() -> None:
    op.create_table(
        "queue",
        sa.Column("reel_id", sa.Text(), nullable=False),
        _enum("purpose", "queue", ("restoration", "repair")),
        _enum("state", "queue", ("waiting", "started", "held back", "done")),
        sa.Column("urgency", sa.Float(), nullable=False),
        _enum("basis", "queue", ("condition", "carrier", "age", "nothing known", "fixity")),
        sa.Column("override", sa.Float(), nullable=True),
        sa.Column("override_event_id", sa.Uuid(), nullable=True),
        sa.Column("priority", sa.Float(), sa.Computed("coalesce(override, urgency)", persisted=True), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("form", JSONB(), server_default="{}", nullable=False),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("device_h", sa.Float(), nullable=True),
        sa.Column("worker_h", sa.Float(), nullable=True),
        _enum("estimated_from", "queue", ("scan", "delivery", "typical"), nullable=True),
        sa.Column("queued_by", sa.Uuid(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("urgency BETWEEN 0 AND 100", name=op.f("ck_queue_urgency")),
        sa.CheckConstraint("override BETWEEN 0 AND 100", name=op.f("ck_queue_override")),
        sa.CheckConstraint(
            "(override IS NULL) = (override_event_id IS NULL)", name=op.f("ck_queue_override_has_an_event")
        ),
        sa.CheckConstraint("frames > 0", name=op.f("ck_queue_frames")),
        sa.CheckConstraint("device_h >= 0 AND worker_h >= 0", name=op.f("ck_queue_hours")),
        sa.CheckConstraint("state <> 'started' OR run_id IS NOT NULL", name=op.f("ck_queue_started_has_a_run")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_queue_reel_id_reels")),
        sa.ForeignKeyConstraint(
            ["override_event_id"], ["reelkeeper.events.id"], name=op.f("fk_queue_override_event_id_events")
        ),
        sa.ForeignKeyConstraint(["queued_by"], ["reelkeeper.agents.id"], name=op.f("fk_queue_queued_by_agents")),
        sa.PrimaryKeyConstraint("reel_id", "purpose", name=op.f("pk_queue")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_queue_order",
        "queue",
        ["purpose", "state", sa.text("priority DESC"), "queued_at", "reel_id"],
        schema=SCHEMA,
    )
    op.create_index("ix_queue_run_id", "queue", ["run_id"], schema=SCHEMA)
    op.create_index("ix_queue_batch_id", "queue", ["batch_id"], schema=SCHEMA)


def _make_carrier_readings() -> None:
    op.create_table(
        "carrier_readings",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        _enum("base", "carrier_readings", ("nitrate", "acetate", "polyester"), nullable=True),
        sa.Column("made_year", sa.Integer(), nullable=True),
        sa.Column("ad_strip_level", sa.Float(), nullable=True),
        sa.Column("shrinkage_percent", sa.Float(), nullable=True),
        _enum("smell", "carrier_readings", ("none", "slight", "strong"), nullable=True),
        sa.Column("uniqueness", sa.Float(), server_default="1", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("read_by", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        # the first pictures on film are of 1888
        sa.CheckConstraint("made_year BETWEEN 1888 AND 2100", name=op.f("ck_carrier_readings_made_year")),
        sa.CheckConstraint("ad_strip_level BETWEEN 0 AND 3", name=op.f("ck_carrier_readings_ad_strip_level")),
        sa.CheckConstraint("shrinkage_percent BETWEEN 0 AND 10", name=op.f("ck_carrier_readings_shrinkage_percent")),
        sa.CheckConstraint("uniqueness BETWEEN 0 AND 1", name=op.f("ck_carrier_readings_uniqueness")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["reelkeeper.events.id"], name=op.f("fk_carrier_readings_event_id_events")
        ),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_carrier_readings_reel_id_reels")),
        sa.ForeignKeyConstraint(["read_by"], ["reelkeeper.agents.id"], name=op.f("fk_carrier_readings_read_by_agents")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_carrier_readings")),
        schema=SCHEMA,
    )
    op.create_index("ix_carrier_readings_reel_id_read_at", "carrier_readings", ["reel_id", "read_at"], schema=SCHEMA)


def _make_holdings() -> None:
    op.create_table(
        "holdings",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        _enum("state", "holdings", ("held", "damaged", "missing", "released")),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        _enum("replica", "holdings", ("agrees", "damaged", "missing", "repaired from"), nullable=True),
        sa.Column("recorded", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.CheckConstraint("found ~ '^[0-9a-f]{64}$'", name=op.f("ck_holdings_found")),
        sa.ForeignKeyConstraint(
            ["object_id"], ["reelkeeper.digital_objects.id"], name=op.f("fk_holdings_object_id_digital_objects")
        ),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_holdings")),
        schema=SCHEMA,
    )
    op.create_index("ix_holdings_state_checked_at", "holdings", ["state", "checked_at", "object_id"], schema=SCHEMA)
    op.create_index(
        "ix_holdings_unrecorded", "holdings", ["run_id"], schema=SCHEMA, postgresql_where=sa.text("NOT recorded")
    )


def _enum(name: str, table: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=op.f(f"ck_{table}_{name}"), native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _execute(name: str) -> None:
    text = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
