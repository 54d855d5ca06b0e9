"""Catalogue: works to items in the terms of EN 15907, and what became of a reel's frames and files.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, INT4RANGE, JSONB, ExcludeConstraint

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "reelkeeper"
SQL = Path(__file__).parent.parent / "0008"
ELEMENTS = (
    "original negative", "duplicate negative", "interpositive", "internegative", "master positive", "reversal original",
    "print", "separation", "sound negative", "sound positive", "other",
)  # fmt: skip
GAUGES = (
    "8 mm", "Super 8", "9.5 mm", "16 mm", "Super 16", "17.5 mm", "28 mm", "35 mm", "65 mm", "70 mm", "other",
)  # fmt: skip
NEW = (
    "restorations", "policies", "object_relationships", "frame_exceptions", "work_makers", "work_titles",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables, and say what works and items there are in the new terms."""
    _execute("functions.sql")
    _widen_works()
    _make_manifestations()
    _make_frames()
    _make_restorations()
    for table in ("items", "reels"):
        op.add_column(table, sa.Column("words", sa.Text(), server_default="", nullable=False), schema=SCHEMA)
    _execute("words.sql")
    for table in ("items", "reels"):
        op.create_index(
            f"ix_{table}_words",
            table,
            [sa.text("to_tsvector('simple'::regconfig, words)")],
            schema=SCHEMA,
            postgresql_using="gin",
        )
    _execute("up.sql")


def downgrade() -> None:
    """Take it back to works with a title and items with a shelf mark; the events of imports stay."""
    op.execute("DROP VIEW reelkeeper.v_catalogue")
    op.execute("DROP TRIGGER words ON reelkeeper.reels")
    op.execute("DROP FUNCTION reelkeeper.word_reel()")
    op.execute("DROP FUNCTION reelkeeper.words_of_item(uuid)")
    for table in ("items", "reels"):
        # its index goes with it
        op.drop_column(table, "words", schema=SCHEMA)
    for table in NEW:
        op.drop_table(table, schema=SCHEMA)
    op.add_column("items", sa.Column("work_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.execute(
        "UPDATE reelkeeper.items AS item SET work_id = manifestation.work_id"
        " FROM reelkeeper.manifestations AS manifestation WHERE manifestation.id = item.manifestation_id"
    )
    op.alter_column("items", "work_id", nullable=False, schema=SCHEMA)
    _foreign_key("items", "work_id", "works", "id")
    op.create_index("ix_items_work_id", "items", ["work_id"], schema=SCHEMA)
    for name in ("element", "gauge", "base", "condition", "changed_at", "manifestation_id"):
        op.drop_column("items", name, schema=SCHEMA)
    op.drop_constraint(op.f("ck_items_identifier"), "items", schema=SCHEMA, type_="check")
    for table in ("manifestations", "variants"):
        op.drop_table(table, schema=SCHEMA)
    op.drop_constraint(op.f("ck_works_title"), "works", schema=SCHEMA, type_="check")
    for name in ("identifier", "year_from", "year_to", "countries", "languages", "changed_at"):
        op.drop_column("works", name, schema=SCHEMA)
    op.execute("DROP FUNCTION reelkeeper.keyed(text, int4range)")
    op.execute("DROP TYPE reelkeeper.keyed_frames")
    for function in ("sought", "folded"):
        op.execute(f"DROP FUNCTION reelkeeper.{function}(text)")


def _widen_works() -> None:
    for name in ("identifier", "year_from", "year_to"):
        op.add_column(
            "works",
            sa.Column(name, sa.Text() if name == "identifier" else sa.Integer(), nullable=True),
            schema=SCHEMA,
        )
    for name in ("countries", "languages"):
        op.add_column("works", sa.Column(name, ARRAY(sa.Text()), server_default="{}", nullable=False), schema=SCHEMA)
    op.add_column("works", _now("changed_at"), schema=SCHEMA)
    op.create_table(
        "work_titles",
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        _enum("kind", "work_titles", ("original", "alternative", "translated", "transcribed", "working", "other")),
        _check("work_titles", "position", "position >= 1"),
        _check("work_titles", "title", "title <> ''"),
        sa.ForeignKeyConstraint(["work_id"], ["reelkeeper.works.id"], name=op.f("fk_work_titles_work_id_works")),
        sa.PrimaryKeyConstraint("work_id", "position", name=op.f("pk_work_titles")),
        schema=SCHEMA,
    )
    op.create_table(
        "work_makers",
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        _check("work_makers", "position", "position >= 1"),
        _check("work_makers", "words", "name <> '' AND role <> ''"),
        sa.ForeignKeyConstraint(["work_id"], ["reelkeeper.works.id"], name=op.f("fk_work_makers_work_id_works")),
        sa.PrimaryKeyConstraint("work_id", "position", name=op.f("pk_work_makers")),
        schema=SCHEMA,
    )


def _make_manifestations() -> None:
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _check("variants", "name", "length(name) BETWEEN 1 AND 200"),
        sa.ForeignKeyConstraint(["work_id"], ["reelkeeper.works.id"], name=op.f("fk_variants_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        sa.UniqueConstraint("id", "work_id", name=op.f("uq_variants_id_work_id")),
        sa.UniqueConstraint("work_id", "name", name=op.f("uq_variants_work_id_name")),
        schema=SCHEMA,
    )
    op.create_table(
        "manifestations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        _enum("kind", "manifestations", ("source element", "restored version")),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        _now("created_at"),
        _check("manifestations", "restored_has_a_source", "(kind = 'restored version') = (source_id IS NOT NULL)"),
        _check("manifestations", "variant_is_the_sources", "kind = 'source element' OR variant_id IS NULL"),
        sa.ForeignKeyConstraint(["work_id"], ["reelkeeper.works.id"], name=op.f("fk_manifestations_work_id_works")),
        sa.ForeignKeyConstraint(
            ["source_id", "work_id"],
            ["reelkeeper.manifestations.id", "reelkeeper.manifestations.work_id"],
            name=op.f("fk_manifestations_source_id_work_id_manifestations"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id", "work_id"],
            ["reelkeeper.variants.id", "reelkeeper.variants.work_id"],
            name=op.f("fk_manifestations_variant_id_work_id_variants"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifestations")),
        sa.UniqueConstraint("id", "work_id", name=op.f("uq_manifestations_id_work_id")),
        sa.UniqueConstraint("source_id", name=op.f("uq_manifestations_source_id")),
        schema=SCHEMA,
    )
    op.create_index("ix_manifestations_work_id", "manifestations", ["work_id"], schema=SCHEMA)
    op.add_column("items", sa.Column("manifestation_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    _execute("described.sql")
    op.alter_column("works", "identifier", nullable=False, schema=SCHEMA)
    op.create_unique_constraint(op.f("uq_works_identifier"), "works", ["identifier"], schema=SCHEMA)
    for name, rule in {
        "identifier": "length(identifier) BETWEEN 1 AND 200",
        "title": "title <> ''",
        "years": "(year_from IS NULL) = (year_to IS NULL) AND year_from >= 1888 AND year_to <= 2100"
        " AND year_from <= year_to",
    }.items():
        op.create_check_constraint(op.f(f"ck_works_{name}"), "works", rule, schema=SCHEMA)
    op.alter_column("items", "manifestation_id", nullable=False, schema=SCHEMA)
    _foreign_key("items", "manifestation_id", "manifestations", "id")
    op.create_index("ix_items_manifestation_id", "items", ["manifestation_id"], schema=SCHEMA)
    # the index and the foreign key go with the column
    op.drop_column("items", "work_id", schema=SCHEMA)
    for column in (
        _enum("element", "items", ELEMENTS, nullable=True),
        _enum("gauge", "items", GAUGES, nullable=True),
        _enum("base", "items", ("nitrate", "acetate", "polyester"), nullable=True),
        sa.Column("condition", sa.Text(), server_default="", nullable=False),
        _now("changed_at"),
    ):
        op.add_column("items", column, schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_items_identifier"), "items", "length(identifier) BETWEEN 1 AND 200", schema=SCHEMA
    )


def _make_frames() -> None:
    op.create_table(
        "frame_exceptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("frames", INT4RANGE(), nullable=False),
        _enum("kind", "frame_exceptions", ("missing", "substituted", "duplicate", "excluded")),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        _bounded("frame_exceptions", "frames"),
        ExcludeConstraint(
            (sa.text("reelkeeper.keyed(scan_id::text, frames)"), "&&"),
            name="ex_frame_exceptions_overlap",
            using="gist",
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["reelkeeper.scans.event_id"], name=op.f("fk_frame_exceptions_scan_id_scans")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["reelkeeper.events.id"], name=op.f("fk_frame_exceptions_event_id_events")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_exceptions")),
        schema=SCHEMA,
    )
    op.create_index("ix_frame_exceptions_event_id", "frame_exceptions", ["event_id"], schema=SCHEMA)
    op.create_table(
        "object_relationships",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("frames", INT4RANGE(), nullable=False),
        sa.Column("source_frames", INT4RANGE(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        _bounded("object_relationships", "frames"),
        _bounded("object_relationships", "source_frames"),
        _check(
            "object_relationships",
            "frame_by_frame",
            "upper(frames) - lower(frames) = upper(source_frames) - lower(source_frames)",
        ),
        _check("object_relationships", "not_itself", "object_id <> source_id"),
        ExcludeConstraint(
            (sa.text("reelkeeper.keyed(object_id::text, frames)"), "&&"),
            name="ex_object_relationships_one_source",
            using="gist",
        ),
        *(
            sa.ForeignKeyConstraint(
                [name], ["reelkeeper.digital_objects.id"], name=op.f(f"fk_object_relationships_{name}_digital_objects")
            )
            for name in ("object_id", "source_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["reelkeeper.events.id"], name=op.f("fk_object_relationships_event_id_events")
        ),
        sa.PrimaryKeyConstraint("object_id", "source_id", name=op.f("pk_object_relationships")),
        schema=SCHEMA,
    )
    op.create_index("ix_object_relationships_source_id", "object_relationships", ["source_id"], schema=SCHEMA)
    op.create_table(
        "policies",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("yaml", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        _check("policies", "sha256", "sha256 ~ '^[0-9a-f]{64}$'"),
        sa.ForeignKeyConstraint(["event_id"], ["reelkeeper.events.id"], name=op.f("fk_policies_event_id_events")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policies")),
        sa.UniqueConstraint("sha256", name=op.f("uq_policies_sha256")),
        schema=SCHEMA,
    )


def _make_restorations() -> None:
    op.create_table(
        "restorations",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reel_id", sa.Text(), nullable=False),
        sa.Column("manifestation_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=True),
        sa.Column("master_id", sa.Uuid(), nullable=False),
        sa.Column("access_id", sa.Uuid(), nullable=True),
        sa.Column("scan_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("frames", "frames_changed", "sound_tracks")),
        *(sa.Column(name, JSONB(), nullable=True) for name in ("condition_before", "condition_after")),
        _now("recorded_at"),
        _check("restorations", "frames", "frames > 0"),
        sa.ForeignKeyConstraint(
            ["reel_id", "plan_version"],
            ["reelkeeper.plans.reel_id", "reelkeeper.plans.version"],
            name=op.f("fk_restorations_reel_id_plan_version_plans"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"reelkeeper.{table}.{key}"], name=op.f(f"fk_restorations_{column}_{table}")
            )
            for column, table, key in (
                ("event_id", "events", "id"),
                ("reel_id", "reels", "id"),
                ("manifestation_id", "manifestations", "id"),
                ("master_id", "digital_objects", "id"),
                ("access_id", "digital_objects", "id"),
                ("scan_id", "scans", "event_id"),
            )
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_restorations")),
        schema=SCHEMA,
    )
    for columns in (["reel_id", "recorded_at"], ["manifestation_id"], ["recorded_at"]):
        op.create_index(f"ix_restorations_{'_'.join(columns)}", "restorations", columns, schema=SCHEMA)


def _foreign_key(table: str, column: str, other: str, key: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_{column}_{other}"),
        table,
        other,
        [column],
        [key],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _bounded(table: str, column: str) -> sa.CheckConstraint:
    return _check(table, column, f"NOT isempty({column}) AND lower({column}) >= 0 AND upper({column}) IS NOT NULL")


def _enum(name: str, table: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=op.f(f"ck_{table}_{name}"), native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, kind, nullable=nullable)


def _execute(name: str) -> None:
    text = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
