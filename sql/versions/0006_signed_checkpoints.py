"""Signed checkpoints: which there are, and which chain heads each names.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent
DROP_DOUBLES = """
ALTER TABLE reelkeeper.checkpoints DISABLE TRIGGER append_only;
DELETE FROM reelkeeper.checkpoints AS one USING reelkeeper.checkpoints AS other
    WHERE (one.reel_id, one.seq) = (other.reel_id, other.seq) AND one.id > other.id;
ALTER TABLE reelkeeper.checkpoints ENABLE ALWAYS TRIGGER append_only;
"""
"""Of two notes of one head, leave one: what they say is the same."""


def upgrade() -> None:
    """Make the table of signed checkpoints, and let heads say which one names them."""
    op.create_table(
        "signed_checkpoints",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_signed_checkpoints_number")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_signed_checkpoints_sha256")),
        sa.CheckConstraint("heads >= 1", name=op.f("ck_signed_checkpoints_heads")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_signed_checkpoints")),
        schema=SCHEMA,
    )
    op.add_column("checkpoints", sa.Column("number", sa.Integer(), nullable=True), schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_checkpoints_number_signed_checkpoints"),
        "checkpoints",
        "signed_checkpoints",
        ["number"],
        ["number"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    # a head that was noted unsigned, by an earlier version, may be signed now
    op.drop_constraint(op.f("uq_checkpoints_reel_id_seq"), "checkpoints", schema=SCHEMA, type_="unique")
    op.create_unique_constraint(
        op.f("uq_checkpoints_reel_id_seq_number"),
        "checkpoints",
        ["reel_id", "seq", "number"],
        schema=SCHEMA,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_checkpoints_number", "checkpoints", ["number"], schema=SCHEMA)
    text = (SQL / "0006" / "up.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})


def downgrade() -> None:
    """Take both away; the statements stay in the vault and in packages."""
    op.drop_index("ix_checkpoints_number", "checkpoints", schema=SCHEMA)
    op.drop_constraint(
        op.f("fk_checkpoints_number_signed_checkpoints"), "checkpoints", schema=SCHEMA, type_="foreignkey"
    )
    op.drop_constraint(op.f("uq_checkpoints_reel_id_seq_number"), "checkpoints", schema=SCHEMA, type_="unique")
    # the column goes first, and with it what tells two notes of one head apart
    op.drop_column("checkpoints", "number", schema=SCHEMA)
    op.execute(DROP_DOUBLES)
    op.create_unique_constraint(op.f("uq_checkpoints_reel_id_seq"), "checkpoints", ["reel_id", "seq"], schema=SCHEMA)
    op.drop_table("signed_checkpoints", schema=SCHEMA)
