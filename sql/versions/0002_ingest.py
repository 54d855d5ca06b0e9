"""Ingest: what people waived, and the technical metadata of what was taken in.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0002"


def upgrade() -> None:
    """Make the two tables; like the events they only grow."""
    op.create_table(
        "waivers",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("waived_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_waivers_event_id_events")),
        sa.ForeignKeyConstraint(["person_id"], ["reelkeeper.agents.id"], name=op.f("fk_waivers_person_id_agents")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_waivers_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_waivers")),
        schema=SCHEMA,
    )
    op.create_index("ix_waivers_reel_id_waived_at", "waivers", ["reel_id", "waived_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "scans",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("result_uri", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Text(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("bit_depth", sa.Integer(), nullable=False),
        sa.Column("pix_fmt", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("transfer", "primaries")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("scanner", "creator", "project")),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("sound_tracks", "sound_channels", "sound_rate_hz", "sound_bits")
        ),
        sa.Column("master_format", sa.Text(), nullable=True),
        sa.Column("master_bytes", sa.BigInteger(), nullable=True),
        sa.Column("substituted_frames", sa.Integer(), server_default="0", nullable=False),
        sa.Column("warnings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("frames > 0 AND width > 0 AND height > 0", name=op.f("ck_scans_picture")),
        sa.CheckConstraint("substituted_frames >= 0", name=op.f("ck_scans_substituted")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_scans_event_id_events")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_scans_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_scans")),
        schema=SCHEMA,
    )
    op.create_index("ix_scans_reel_id", "scans", ["reel_id"], unique=False, schema=SCHEMA)
    op.get_bind().exec_driver_sql(
        (SQL / "append_only.sql").read_text(encoding="utf-8"), execution_options={"no_parameters": True}
    )


def downgrade() -> None:
    """Remove them; their triggers go with them."""
    for table in ("scans", "waivers"):
        op.drop_table(table, schema=SCHEMA)
