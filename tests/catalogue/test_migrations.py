"""The schema: up, down, up again on data; models and migrations agree; triggers, grants and checks hold."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import sessionmaker

from restoration_tasks.catalogue import engine as engines
from restoration_tasks.catalogue import migrate, queue_models, record_models  # noqa: F401 - their tables belong to the metadata
from restoration_tasks.catalogue.engine import open_sessions, short_engine
from restoration_tasks.provenance.base import SCHEMA, Base
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import GUARDED, verify
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.settings import Settings
from tests.catalogue.reel import make_decided, make_ingested
from tests.provenance.results import REEL, step_result

APPEND_ONLY = [
    "agents", "digital_objects", "events", "event_objects", "event_agents", "fixity", "checkpoints", "plans",
    "decisions", "waivers", "scans", "conditions",
    "carrier_readings", "signed_checkpoints", "check_results",
]  # fmt: skip


def tables(url: str) -> set[str]:
    with short_engine(url) as engine:
        return set(inspect(engine).get_table_names(schema=SCHEMA))


def test_upgrade_again_changes_nothing_and_downgrade_takes_all_away(empty_database):
    migrate.upgrade(empty_database)
    everything = tables(empty_database)
    assert {"events", "plans", "alembic_version"} <= everything
    recorder = Recorder(open_sessions(empty_database))
    recorder.record(step_result())
    migrate.upgrade(empty_database)
    with recorder.sessions() as session:
        assert verify(session).events == 1
    migrate.downgrade(empty_database, "base")
    assert tables(empty_database) == {"alembic_version"}
    with short_engine(empty_database) as engine, engine.connect() as connection:
        left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'reelkeeper'::regnamespace"
        assert connection.scalar(text(left)) == 0
    migrate.upgrade(empty_database)
    assert tables(empty_database) == everything


def test_two_starters_at_once_upgrade_once(empty_database):
    problems = []

    def start() -> None:
        try:
            migrate.upgrade(empty_database)
        except Exception as problem:
            problems.append(problem)

    starters = [threading.Thread(target=start) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert not problems
    assert "events" in tables(empty_database)


def test_models_and_migrations_describe_the_same_schema(database):
    with short_engine(database) as engine, engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_recorded_can_be_neither_changed_nor_removed(sessions, table):
    make_decided(sessions)
    make_ingested(sessions)
    column = {
        "chains": "reel_id",
        "plans": "reel_id",
        "decisions": "note",
        "waivers": "reason",
        "scans": "pix_fmt",
        "conditions": "run_id",
        "carrier_readings": "note",
        "signed_checkpoints": "key",
        "check_results": "run_id",
    }.get(table)
    if column is None:
        column = "event_id" if table in ("event_objects", "event_agents") else "id"
    for statement in (
        f"UPDATE reelkeeper.{table} SET {column} = {column}",
        f"DELETE FROM reelkeeper.{table}",
        f"DELETE FROM reelkeeper.{table} WHERE false",
        f"TRUNCATE reelkeeper.{table} CASCADE",
        f"SET LOCAL session_replication_role = replica; DELETE FROM reelkeeper.{table}",
    ):
        with sessions() as session, pytest.raises(IntegrityError, match="never changed"):
            session.execute(text(statement))


def test_every_table_that_takes_insert_alone_is_looked_after_by_the_verification(sessions):
    guarded = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' AND tgenabled = 'A'"
    with sessions() as session:
        assert set(session.scalars(text(guarded))) == {f"{SCHEMA}.{table}" for table in GUARDED}


@pytest.mark.parametrize(
    ("role", "statement", "allowed"),
    [
        ("reelkeeper_writer", "SELECT count(*) FROM reelkeeper.agent_names", True),
        ("reelkeeper_writer", "UPDATE reelkeeper.reels SET title = 'x'", True),
        ("reelkeeper_writer", "DELETE FROM reelkeeper.agent_names", False),
        ("reelkeeper_writer", "UPDATE reelkeeper.events SET outcome = 'failure'", False),
        ("reelkeeper_writer", "DELETE FROM reelkeeper.decisions", False),
        ("reelkeeper_writer", "TRUNCATE reelkeeper.events", False),
        ("reelkeeper_writer", "ALTER TABLE reelkeeper.events DISABLE TRIGGER append_only", False),
        ("reelkeeper_writer", "DELETE FROM reelkeeper.executions", False),
        ("reelkeeper_writer", "UPDATE reelkeeper.queue SET reason = 'x'", True),
        ("reelkeeper_writer", "DELETE FROM reelkeeper.queue", False),
        ("reelkeeper_writer", "UPDATE reelkeeper.carrier_readings SET note = 'x'", False),
        ("reelkeeper_writer", "UPDATE reelkeeper.check_results SET passed = true", False),
        ("reelkeeper_writer", "DELETE FROM reelkeeper.check_results", False),
        ("reelkeeper_writer", "SELECT count(*) FROM reelkeeper.v_broken_rules", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.v_broken_rules", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.check_results", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.v_reel_status", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.v_queue", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.v_throughput", True),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.v_decay", True),
        ("reelkeeper_reader", "UPDATE reelkeeper.queue SET reason = 'x'", False),
        ("reelkeeper_reader", "SELECT count(*) FROM reelkeeper.agent_names", False),
        ("reelkeeper_reader", "INSERT INTO reelkeeper.works VALUES (gen_random_uuid(), 'x')", False),
    ],
)
def test_roles_may_do_what_they_should_and_no_more(sessions, role, statement, allowed):
    make_decided(sessions)
    with sessions() as session:
        session.execute(text(f"SET LOCAL ROLE {role}"))
        if allowed:
            session.execute(text(statement))
        else:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                session.execute(text(statement))


def test_a_worker_as_writer_can_do_all_its_work(database):
    engine = create_engine(database, connect_args={"options": "-c role=reelkeeper_writer"})
    make_decided(sessionmaker(engine, expire_on_commit=False))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == "reelkeeper_writer"
    engine.dispose()


@pytest.mark.parametrize("reel_id", ["../x", ".hidden", "a/b", "", "a..b", "dot.", "x" * 65])
def test_the_database_itself_refuses_a_reel_id_that_could_not_name_a_folder(sessions, reel_id):
    with sessions() as session, pytest.raises(IntegrityError, match="ck_reels_id"):
        session.execute(
            text("INSERT INTO reelkeeper.reels (id, title, state, delivery_uri) VALUES (:id, '', 'registered', '')"),
            {"id": reel_id},
        )


def test_an_unreachable_database_is_one_clear_line_without_the_password(tmp_path):
    url = f"postgresql+psycopg2://me:secret@/x?host={tmp_path}"
    with pytest.raises(DatabaseError, match=r"cannot be reached.*Next:") as failure, open_sessions(url)() as session:
        session.execute(text("SELECT 1"))
    assert "secret" not in str(failure.value)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        migrate.upgrade(url)
    with pytest.raises(DatabaseError, match="needs PostgreSQL"):
        open_sessions("sqlite://")


def test_a_connection_lost_in_the_middle_is_the_same_clear_line(database):
    with open_sessions(database)() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseError, match="cannot be reached"):
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_the_url_comes_from_the_settings_or_the_embedded_server(tmp_path):
    assert engines.database_url(Settings(home=tmp_path, database_url="postgresql://db/x")) == "postgresql://db/x"
    with pytest.raises(DatabaseError, match="not running"):
        engines.database_url(Settings(home=tmp_path))


def test_recording_goes_on_beside_a_reel_id_rule(sessions):
    """The rule in the database lets every id pass that the runtime lets pass."""
    with sessions.begin() as session:
        session.execute(
            text("INSERT INTO reelkeeper.reels (id, title, state, delivery_uri) VALUES (:id, '', 'registered', '')"),
            {"id": REEL},
        )
