"""Whatever single column of an event, a link, an object or an agent is changed, to whatever: its events are named.

That is all the chain covers; `created_at` of objects and agents, when a row was first needed, it does not.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sqlalchemy import CursorResult, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from restoration_tasks.provenance.agents import Participant
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import Tampering, verify
from restoration_tasks.provenance.vocabulary import AgentKind, AgentRole, ObjectRole, Outcome
from tests.provenance.archive import OTHER, TABLES, record
from tests.provenance.results import REEL, output, step_result

EVENTS = 5


def quoted(value: object) -> str:
    """A value as SQL."""
    return "'" + str(value).replace("'", "''") + "'"


raw_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
words = raw_words.map(quoted)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(quoted)
ids = st.uuids(version=4).map(quoted)
intervals = st.integers(1, 10**14).map(lambda by: f"interval '{by} microseconds'")
details = st.dictionaries(raw_words, st.integers() | raw_words | st.none()).map(json.dumps).map(quoted)
other_reel = st.just(quoted(OTHER))
other_object = st.just(f"(SELECT id FROM reelkeeper.digital_objects WHERE reel_id = '{OTHER}' LIMIT 1)")
other_agent = st.just("(SELECT id FROM reelkeeper.agents WHERE kind = 'device')")
other_event = st.just(f"(SELECT id FROM reelkeeper.events WHERE reel_id = '{OTHER}')")

# new values by column, as SQL
COLUMNS = {
    ("events", "id"): ids,
    ("events", "reel_id"): other_reel,
    ("events", "seq"): st.integers(EVENTS + 1, 2**31 - 1).map(str),
    ("events", "event_type"): words,
    ("events", "subtype"): words,
    ("events", "execution_id"): words,
    ("events", "started"): intervals.map("started - {}".format),
    ("events", "ended"): intervals.map("ended + {}".format),
    ("events", "recorded_at"): intervals.map("recorded_at + {}".format),
    ("events", "outcome"): st.sampled_from(Outcome).map(quoted),
    ("events", "detail"): details,
    ("events", "previous_hash"): digests,
    ("events", "hash"): digests,
    ("event_objects", "event_id"): other_event,
    ("event_objects", "object_id"): other_object,
    ("event_objects", "role"): st.sampled_from(ObjectRole).map(quoted),
    ("event_agents", "event_id"): other_event,
    ("event_agents", "agent_id"): other_agent,
    ("event_agents", "role"): st.sampled_from(AgentRole).map(quoted),
    ("digital_objects", "id"): ids,
    ("digital_objects", "reel_id"): other_reel,
    ("digital_objects", "role"): words,
    ("digital_objects", "uri"): words,
    ("digital_objects", "sha256"): digests,
    ("digital_objects", "bytes"): st.integers(0, 2**63 - 1).map(str),
    ("digital_objects", "media_type"): words,
    ("agents", "id"): ids,
    ("agents", "kind"): st.sampled_from([AgentKind.ORGANISATION, AgentKind.DEVICE, AgentKind.MODEL]).map(quoted),
    ("agents", "name"): words,
    ("agents", "version"): words | st.just("NULL"),
    ("agents", "sha256"): digests | st.just("NULL"),
}
# which rows are tried, and which events a row belongs to
OF_REEL = f"IN (SELECT id FROM reelkeeper.events WHERE reel_id = '{REEL}')"
LINKED = "EXISTS (SELECT FROM reelkeeper.event_{}s AS l WHERE l.event_id = e.id AND l.{}_id = row.id)"
ROWS = {
    "events": (f"id {OF_REEL}", "e.id = row.id"),
    "event_objects": (f"event_id {OF_REEL}", "e.id = row.event_id"),
    "event_agents": (f"event_id {OF_REEL}", "e.id = row.event_id"),
    "digital_objects": (f"reel_id = '{REEL}'", LINKED.format("object", "object")),
    "agents": ("kind IN ('software', 'model')", LINKED.format("agent", "agent")),
}
FOREIGN_KEYS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
    WHERE contype = 'f' AND confrelid::regclass::text ~ '^reelkeeper[.](events|digital_objects|agents|chains)$'
"""


@pytest.fixture
def unguarded(sessions):
    """Events of two reels in a database whose owner has switched off what keeps rows from being changed.

    The reels have no object and no agent in common, so that links can be moved from one to the other.
    """
    record(sessions, range(EVENTS))
    other = step_result(reel_id=OTHER, execution_id="other", agents=(), outputs=(output("o"),), inputs={})
    Recorder(sessions).record(other, participants=[Participant(AgentKind.DEVICE, "scanner")])
    with sessions.begin() as session:
        for (statement,) in session.execute(text(FOREIGN_KEYS)).all():
            session.execute(text(statement))
        for table in TABLES:
            session.execute(text(f"ALTER TABLE reelkeeper.{table} DISABLE TRIGGER append_only"))
        for table in ROWS:
            session.execute(text(f"CREATE TABLE kept_{table} AS TABLE reelkeeper.{table}"))
    return sessions


def run(session: Session, statement: str) -> CursorResult:
    """Run a statement as it stands, whatever its literals hold."""
    return session.connection().exec_driver_sql(statement, execution_options={"no_parameters": True})


def restore(session: Session) -> None:
    for table in ROWS:
        run(session, f"DELETE FROM reelkeeper.{table}")
        run(session, f"INSERT INTO reelkeeper.{table} SELECT * FROM kept_{table}")


def read(session: Session, table: str, row: str) -> tuple[str, set[str]]:
    """A row as text, and the ids of the events it belongs to."""
    whole = run(session, f"SELECT row::text FROM reelkeeper.{table} AS row WHERE ctid = '{row}'").scalar_one()
    belongs = f"FROM reelkeeper.events AS e, reelkeeper.{table} AS row WHERE {ROWS[table][1]} AND row.ctid = '{row}'"
    return whole, set(run(session, f"SELECT e.id::text {belongs}").scalars())


def change(session: Session, data: st.DataObject, table: str, column: str) -> set[str]:
    """Change a column of some row. Returns the ids of the events that have to be named."""
    of_reel = f"SELECT ctid::text FROM reelkeeper.{table} WHERE {ROWS[table][0]} ORDER BY ctid"
    rows = run(session, of_reel).scalars().all()
    row, value = data.draw(st.sampled_from(rows)), data.draw(COLUMNS[table, column])
    before, belonged = read(session, table, row)
    try:
        row = run(
            session, f"UPDATE reelkeeper.{table} SET {column} = {value} WHERE ctid = '{row}' RETURNING ctid::text"
        ).scalar_one()
    except IntegrityError:  # refused even without triggers: the same twice
        reject()
    after, belongs = read(session, table, row)
    if after == before:
        reject()
    return belongs if table == "events" else belonged | belongs


@pytest.mark.parametrize("table", ROWS)
def test_a_changed_column_is_found_and_its_events_are_named(unguarded, table):
    columns = [column for of, column in COLUMNS if of == table]
    tried = set()

    def check(data: st.DataObject, column: str) -> None:
        with unguarded.begin() as session:
            restore(session)
        with unguarded.begin() as session:
            expected = change(session, data, table, column)
        with unguarded() as session:
            found = [one for one in verify(session).findings if one.kind is not Tampering.GUARD]
        assert {one.event_id for one in found} - {None} == expected
        tried.add(column)

    for column in columns:
        settings(max_examples=4, deadline=None, database=None)(given(st.data(), st.just(column))(check))()
    assert tried == set(columns)
