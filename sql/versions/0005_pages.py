"""Pages: what people mark shot by shot while they look, and an index for the board.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent


def upgrade() -> None:
    """Make the table of drafts, which people may change, and the index that the board is read by."""
    op.create_table(
        "shot_drafts",
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("shot", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("choice", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("choice IN ('none', 'accept', 'redo')", name=op.f("ck_shot_drafts_choice")),
        sa.CheckConstraint("shot >= 1", name=op.f("ck_shot_drafts_shot")),
        sa.CheckConstraint("length(note) <= 2000", name=op.f("ck_shot_drafts_note")),
        sa.ForeignKeyConstraint(["person_id"], ["reelkeeper.agents.id"], name=op.f("fk_shot_drafts_person_id_agents")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_shot_drafts_reel_id_reels")),
        sa.ForeignKeyConstraint(
            ["reel_id", "plan_version"],
            ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"],
            name=op.f("fk_shot_drafts_reel_id_plan_version_plans"),
        ),
        sa.PrimaryKeyConstraint("reel_id", "plan_version", "shot", "person_id", name=op.f("pk_shot_drafts")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_events_shot_detection",
        "events",
        ["reel_id", "seq"],
        schema=SCHEMA,
        postgresql_where=sa.text("subtype = 'shot detection'"),
    )
    text = (SQL / "0005" / "up.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Take all of it away."""
    op.drop_index("ix_events_shot_detection", "events", schema=SCHEMA)
    op.drop_table("shot_drafts", schema=SCHEMA)
