"""Catalogue and provenance: tables, append-only triggers, roles, staff views.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0001"
PROVENANCE = (
    "agents",
    "agent_names",
    "chains",
    "digital_objects",
    "events",
    "event_objects",
    "event_agents",
    "fixity",
    "checkpoints",
)
CATALOGUE = ("works", "items", "reels", "plans", "decisions", "active_runs", "executions")


def upgrade() -> None:
    """Make everything."""
    _provenance()
    _catalogue()
    for file in ("append_only.sql", "views.sql", "roles.sql"):
        _run(file)


def downgrade() -> None:
    """Remove everything but the schema, where Alembic keeps its version, and the cluster's roles."""
    _run("down.sql")
    for table in reversed(PROVENANCE + CATALOGUE):
        op.drop_table(table, schema=SCHEMA)


def _run(file: str) -> None:
    """Run an SQL file as it stands (`%` and `:` have no meaning to the driver)."""
    op.get_bind().exec_driver_sql((SQL / file).read_text(encoding="utf-8"), execution_options={"no_parameters": True})


def _term(name: str, *values: str) -> sa.Enum:
    """A text column limited to some words by a check of that name."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _provenance() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _term("kind", "person", "software", "model", "device", "organisation"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'person') = (name IS NULL) AND (kind <> 'person' OR (version IS NULL AND sha256 IS NULL))",
            name=op.f("ck_agents_person_has_no_name_here"),
        ),
        sa.CheckConstraint("sha256 IS NULL OR sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_agents_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_agents_identity",
        "agents",
        ["kind", "name", "version", "sha256"],
        unique=True,
        schema=SCHEMA,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("name IS NOT NULL"),
    )
    op.create_table(
        "agent_names",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["reelkeeper.agents.id"], name=op.f("fk_agent_names_agent_id_agents")),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_names")),
        sa.UniqueConstraint("login", name=op.f("uq_agent_names_login")),
        schema=SCHEMA,
    )
    op.create_table(
        "chains",
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.CheckConstraint("length >= 0", name=op.f("ck_chains_length")),
        sa.PrimaryKeyConstraint("reel_id", name=op.f("pk_chains")),
        schema=SCHEMA,
    )
    op.create_table(
        "digital_objects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_digital_objects_sha256")),
        sa.CheckConstraint("bytes >= 0", name=op.f("ck_digital_objects_bytes")),
        sa.ForeignKeyConstraint(
            ["reel_id"], ["reelkeeper.chains.reel_id"], name=op.f("fk_digital_objects_reel_id_chains")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digital_objects")),
        sa.UniqueConstraint("reel_id", "uri", "sha256", name=op.f("uq_digital_objects_reel_id_uri_sha256")),
        schema=SCHEMA,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("subtype", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", _term("outcome", "success", "warning", "failure"), nullable=False),
        sa.Column("detail", postgresql.JSON(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$' AND previous_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_events_hash")),
        sa.CheckConstraint("ended >= started", name=op.f("ck_events_ended")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_events_seq")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.chains.reel_id"], name=op.f("fk_events_reel_id_chains")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("execution_id", name=op.f("uq_events_execution_id")),
        sa.UniqueConstraint("hash", name=op.f("uq_events_hash")),
        sa.UniqueConstraint("reel_id", "seq", name=op.f("uq_events_reel_id_seq")),
        schema=SCHEMA,
    )
    op.create_table(
        "event_objects",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("role", _term("role", "source", "outcome"), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_event_objects_event_id_events")),
        sa.ForeignKeyConstraint(
            ["object_id"], ["reelkeeper.digital_objects.id"], name=op.f("fk_event_objects_object_id_digital_objects")
        ),
        sa.PrimaryKeyConstraint("event_id", "object_id", "role", name=op.f("pk_event_objects")),
        schema=SCHEMA,
    )
    op.create_index("ix_event_objects_object_id", "event_objects", ["object_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "event_agents",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("role", _term("role", "executing program", "implementer", "authorizer"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["reelkeeper.agents.id"], name=op.f("fk_event_agents_agent_id_agents")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_event_agents_event_id_events")),
        sa.PrimaryKeyConstraint("event_id", "agent_id", "role", name=op.f("pk_event_agents")),
        schema=SCHEMA,
    )
    op.create_index("ix_event_agents_agent_id", "event_agents", ["agent_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "fixity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("algorithm", sa.Text(), server_default="sha256", nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", _term("outcome", "computed", "pass", "fail"), nullable=False),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_fixity_digest")),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_fixity_event_id_events")),
        sa.ForeignKeyConstraint(
            ["object_id"], ["reelkeeper.digital_objects.id"], name=op.f("fk_fixity_object_id_digital_objects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fixity")),
        sa.UniqueConstraint("object_id", "event_id", name=op.f("uq_fixity_object_id_event_id")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_fixity_object_id_checked_at", "fixity", ["object_id", "checked_at"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_checkpoints_hash")),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.chains.reel_id"], name=op.f("fk_checkpoints_reel_id_chains")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
        sa.UniqueConstraint("reel_id", "seq", name=op.f("uq_checkpoints_reel_id_seq")),
        schema=SCHEMA,
    )


def _catalogue() -> None:
    op.create_table(
        "works",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
        schema=SCHEMA,
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["reelkeeper.works.id"], name=op.f("fk_items_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint("identifier", name=op.f("uq_items_identifier")),
        schema=SCHEMA,
    )
    op.create_index("ix_items_work_id", "items", ["work_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "reels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _term(
                "state", "registered", "in work", "awaiting decision", "failed", "restored", "rejected", "superseded"
            ),
            nullable=False,
        ),
        sa.Column("delivery_uri", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' AND id !~ '\\.\\.|\\.$'", name=op.f("ck_reels_id")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["reelkeeper.items.id"], name=op.f("fk_reels_item_id_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reels")),
        schema=SCHEMA,
    )
    op.create_index("ix_reels_item_id", "reels", ["item_id"], unique=False, schema=SCHEMA)
    op.create_index("ix_reels_state", "reels", ["state"], unique=False, schema=SCHEMA)
    op.create_table(
        "plans",
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("yaml", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_plans_sha256")),
        sa.CheckConstraint("version >= 1 AND (parent IS NULL OR parent < version)", name=op.f("ck_plans_version")),
        sa.ForeignKeyConstraint(["author_id"], ["reelkeeper.agents.id"], name=op.f("fk_plans_author_id_agents")),
        sa.ForeignKeyConstraint(
            ["reel_id", "parent"],
            ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"],
            name=op.f("fk_plans_reel_id_parent_plans"),
        ),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_plans_reel_id_reels")),
        sa.PrimaryKeyConstraint("reel_id", "version", name=op.f("pk_plans")),
        schema=SCHEMA,
    )
    op.create_table(
        "decisions",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("answer", _term("answer", "approve", "redo", "reject"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", _term("role", "conservator", "maker"), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_decisions_event_id_events")),
        sa.ForeignKeyConstraint(["person_id"], ["reelkeeper.agents.id"], name=op.f("fk_decisions_person_id_agents")),
        sa.ForeignKeyConstraint(
            ["reel_id", "plan_version"],
            ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"],
            name=op.f("fk_decisions_reel_id_plan_version_plans"),
        ),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_decisions_reel_id_reels")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_decisions")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_decisions_reel_id_decided_at", "decisions", ["reel_id", "decided_at"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "active_runs",
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["reel_id"], ["reelkeeper.reels.id"], name=op.f("fk_active_runs_reel_id_reels")),
        sa.PrimaryKeyConstraint("reel_id", name=op.f("pk_active_runs")),
        schema=SCHEMA,
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Text(), server_default="", nullable=False),
        sa.Column("result_uri", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("outcome", _term("outcome", "success", "warning", "failure"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("generation >= 0", name=op.f("ck_executions_generation")),
        sa.CheckConstraint("map_index >= -1", name=op.f("ck_executions_map_index")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        sa.UniqueConstraint(
            "run_id",
            "task_id",
            "map_index",
            "generation",
            "segment",
            name=op.f("uq_executions_run_id_task_id_map_index_generation_segment"),
        ),
        schema=SCHEMA,
    )
