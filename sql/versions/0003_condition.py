"""Condition: what the assessment found of each reel, and how urgent it is, beside its status.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent


def upgrade() -> None:
    """Make the table, which only grows, and show the newest urgency in the view of reels."""
    op.create_table(
        "conditions",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("result_uri", sa.Text(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.Float(), nullable=False),
        *(sa.Column(name, JSONB(), nullable=False) for name in ("severities", "carrier", "shots")),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("urgency BETWEEN 0 AND 100", name=op.f("ck_conditions_urgency")),
        sa.CheckConstraint("frames >= 0", name=op.f("ck_conditions_frames")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_conditions_event_id_events")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_conditions_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_conditions")),
        schema=SCHEMA,
    )
    op.create_index("ix_conditions_reel_id_recorded_at", "conditions", ["reel_id", "recorded_at"], schema=SCHEMA)
    op.create_index("ix_conditions_urgency", "conditions", ["urgency"], schema=SCHEMA)
    _execute("0003/up.sql")


def downgrade() -> None:
    """Show reels as before, and remove the table; its trigger goes with it."""
    # A view loses a column only by being made again.
    op.execute("DROP VIEW reelkeeper.v_reel_status")
    _execute("0001/views.sql")
    _execute("0003/down.sql")
    op.drop_table("conditions", schema=SCHEMA)


def _execute(name: str) -> None:
    text = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
