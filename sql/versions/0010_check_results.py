"""Check results: what every rule of a check found, so that the archive can be asked which rules break and where.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0010"


def upgrade() -> None:
    """Make the table and the view of broken rules."""
    op.create_table(
        "check_results",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_check_results_sha256")),
        sa.CheckConstraint("frames >= 0", name=op.f("ck_check_results_frames")),
        sa.CheckConstraint("jsonb_typeof(findings) = 'array'", name=op.f("ck_check_results_findings")),
        sa.CheckConstraint("NOT passed OR findings <> '[]'", name=op.f("ck_check_results_passed_by_rules")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_check_results_event_id_events")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_check_results_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_check_results")),
        schema=SCHEMA,
    )
    op.create_index("ix_check_results_reel_id_recorded_at", "check_results", ["reel_id", "recorded_at"], schema=SCHEMA)
    _execute("up.sql")


def downgrade() -> None:
    """Take both away; `check.json` stays in the vault, and the verdict in the event."""
    op.execute("DROP VIEW reelkeeper.v_broken_rules")
    op.drop_table("check_results", schema=SCHEMA)


def _execute(name: str) -> None:
    text = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
