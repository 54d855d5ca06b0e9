"""The outbox: what another catalogue is told of; days of throughput by UTC.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0009"
DAY = "((recorded_at AT TIME ZONE 'UTC')::date)"


def upgrade() -> None:
    """Make the outbox, and let days be found."""
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        _moment("queued_at", default=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("next_try_at", default=True),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        _moment("sent_at"),
        _moment("overdue_at"),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_outbox_tries")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_outbox_event_id_events")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_outbox_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outbox")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_outbox_unsent", "outbox", ["reel_id", "event_id"], schema=SCHEMA,
        postgresql_where=sa.text("sent_at IS NULL"),
    )  # fmt: skip
    # all that v_throughput asks of a day, in its order: it is read off the index alone
    op.create_index(
        "ix_executions_day", "executions", [sa.text(DAY), "step", "device", "reel_id"], schema=SCHEMA,
        postgresql_include=["recorded_at", "frames", "megapixels", "wall_s", "device_s", "cpu_s"],
        postgresql_where=sa.text("wall_s IS NOT NULL"),
    )  # fmt: skip
    _execute("up.sql")


def downgrade() -> None:
    """Forget what was to be told."""
    _execute("down.sql")
    op.drop_index("ix_executions_day", table_name="executions", schema=SCHEMA)
    op.drop_table("outbox", schema=SCHEMA)


def _moment(name: str, *, default: bool = False) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=sa.text("now()") if default else None, nullable=not default)


def _execute(name: str) -> None:
    text = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
