"""Verification: every kind of tampering is found and named, and nothing else is."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import Tampering, verify, verify_chain
from restoration_tasks.runtime.errors import ProvenanceBroken
from tests.provenance.results import REEL, START, digest, step_result

OTHER = "OTHER-2"


@pytest.fixture
def recorded(sessions):
    """Six events of one reel and two of another."""
    recorder = Recorder(sessions)
    for number in range(6):
        recorder.record(step_result(execution_id=f"run-1/{number}", minute=number))
    for number in range(2):
        recorder.record(step_result(execution_id=f"other/{number}", reel_id=OTHER))
    return sessions


@pytest.fixture
def tamper(recorded):
    """Do what the triggers forbid, as an owner of the database could, and verify."""

    def run(*statements: str):
        with recorded.begin() as session:
            for table in ("events", "event_objects", "event_agents", "digital_objects", "agents", "fixity"):
                session.execute(text(f"ALTER TABLE reelkeeper.{table} DISABLE TRIGGER append_only"))
            for statement in statements:
                session.execute(text(statement), {"reel": REEL, "other": OTHER})
            for table in ("events", "event_objects", "event_agents", "digital_objects", "agents", "fixity"):
                session.execute(text(f"ALTER TABLE reelkeeper.{table} ENABLE ALWAYS TRIGGER append_only"))
        with recorded() as session:
            return verify(session)

    return run


def named(report):
    return {(finding.kind, finding.seq) for finding in report.findings}


def remove(condition: str) -> list[str]:
    of_events = f"event_id IN (SELECT id FROM reelkeeper.events WHERE {condition})"
    return [
        *(f"DELETE FROM reelkeeper.{table} WHERE {of_events}" for table in ("event_objects", "event_agents", "fixity")),
        f"DELETE FROM reelkeeper.events WHERE {condition}",
    ]


def test_whole_chains_verify(recorded):
    with recorded() as session:
        report = verify(session)
        assert (report.ok, report.reels, report.events, report.unanchored) == (True, 2, 8, 8)
        assert verify(session, OTHER).events == 2
        assert verify(session, "unknown").reels == 0
        report.raise_if_broken()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "'failure'"),
        ("event_type", "'creation'"),
        ("subtype", "subtype || ' '"),
        ("execution_id", "'x'"),
        ("started", "started - interval '1 microsecond'"),
        ("ended", "ended + interval '1 day'"),
        ("recorded_at", "recorded_at + interval '1 second'"),
        ("detail", "CAST('{}' AS json)"),
        ("detail", "CAST(CAST(detail AS text) || ' ' AS json)"),
        ("id", "id"),
        ("previous_hash", f"'{'0' * 64}'"),
        ("hash", f"'{'0' * 64}'"),
    ],
)
def test_a_changed_value_is_found(tamper, column, value):
    if column == "id":
        report = tamper(
            "ALTER TABLE reelkeeper.event_objects DROP CONSTRAINT fk_event_objects_event_id_events",
            "ALTER TABLE reelkeeper.event_agents DROP CONSTRAINT fk_event_agents_event_id_events",
            "ALTER TABLE reelkeeper.fixity DROP CONSTRAINT fk_fixity_event_id_events",
            "UPDATE reelkeeper.events SET id = gen_random_uuid() WHERE reel_id = :reel AND seq = 3",
        )
    else:
        report = tamper(f"UPDATE reelkeeper.events SET {column} = {value} WHERE reel_id = :reel AND seq = 3")
    assert {(finding.reel_id, finding.kind, finding.seq) for finding in report.findings} == {
        (REEL, Tampering.CHANGED, 3)
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reelkeeper.digital_objects SET sha256 = repeat('a', 64) WHERE uri LIKE '%run-1/2/%'",
        "UPDATE reelkeeper.digital_objects SET uri = uri || 'x' WHERE uri LIKE '%run-1/2/%'",
        "UPDATE reelkeeper.digital_objects SET bytes = bytes + 1 WHERE uri LIKE '%run-1/2/%'",
        "DELETE FROM reelkeeper.event_objects WHERE role = 'outcome' AND event_id ="
        " (SELECT id FROM reelkeeper.events WHERE reel_id = :reel AND seq = 3)",
        "UPDATE reelkeeper.event_agents SET role = 'implementer' WHERE event_id ="
        " (SELECT id FROM reelkeeper.events WHERE reel_id = :reel AND seq = 3)",
        "INSERT INTO reelkeeper.event_objects SELECT id, (SELECT object_id FROM reelkeeper.event_objects AS o"
        " JOIN reelkeeper.events AS e ON e.id = o.event_id WHERE e.reel_id = :reel AND e.seq = 1 AND role = 'outcome'),"
        " 'source' FROM reelkeeper.events WHERE reel_id = :reel AND seq = 3",
    ],
)
def test_a_changed_object_or_link_is_found_at_its_event(tamper, statement):
    assert named(tamper(statement)) == {(Tampering.CHANGED, 3)}


@pytest.mark.parametrize("kind", ["object", "agent"])
def test_a_link_to_nothing_is_found(tamper, kind):
    links, named_after = f"event_{kind}s", {"object": "digital_objects", "agent": "agents"}[kind]
    report = tamper(
        f"ALTER TABLE reelkeeper.{links} DROP CONSTRAINT fk_{links}_{kind}_id_{named_after}",
        f"INSERT INTO reelkeeper.{links} SELECT id, gen_random_uuid(), (SELECT role FROM reelkeeper.{links} LIMIT 1)"
        " FROM reelkeeper.events WHERE reel_id = :reel AND seq = 3",
    )
    assert named(report) == {(Tampering.CHANGED, 3)}


def test_a_second_object_with_the_id_of_a_recorded_one_is_found(tamper):
    report = tamper(
        "ALTER TABLE reelkeeper.digital_objects DROP CONSTRAINT pk_digital_objects CASCADE",
        "INSERT INTO reelkeeper.digital_objects SELECT id, :other, role, 'vault:forged', sha256, bytes, media_type"
        " FROM reelkeeper.digital_objects WHERE uri LIKE '%run-1/2/%'",
    )
    assert (Tampering.GUARD, None) in named(report)
    assert "digital_objects: nothing keeps two rows from having the same id" in str(report.findings[0])


def test_a_changed_agent_is_found_at_every_event_it_took_part_in(tamper):
    report = tamper("UPDATE reelkeeper.agents SET version = '9' WHERE kind = 'model'")
    assert len(report.findings) == 8
    assert {finding.kind for finding in report.findings} == {Tampering.CHANGED}


@pytest.mark.parametrize("seq", [1, 3, 6])
def test_a_removed_event_is_named(tamper, seq):
    report = tamper(*remove(f"reel_id = :reel AND seq = {seq}"))
    assert named(report) == {(Tampering.REMOVED, seq)}


def test_removed_events_are_named_when_the_gap_was_closed(tamper):
    report = tamper(
        *remove("reel_id = :reel AND seq IN (2, 3)"),
        "UPDATE reelkeeper.events SET seq = seq - 2 WHERE reel_id = :reel AND seq > 3",
        "UPDATE reelkeeper.chains SET length = 4 WHERE reel_id = :reel",
    )
    assert named(report) >= {(Tampering.REMOVED, 2), (Tampering.REMOVED, 3)}
    assert {kind for kind, _ in named(report)} == {Tampering.REMOVED, Tampering.HEAD}


def test_all_events_of_a_reel_removed_is_found(tamper):
    report = tamper(*remove("reel_id = :other"))
    assert named(report) == {(Tampering.REMOVED, 1), (Tampering.REMOVED, 2)}


def copy_of_third(seq: int, previous: str) -> str:
    return (
        "INSERT INTO reelkeeper.events SELECT gen_random_uuid(), reel_id, "
        f"{seq}, event_type, 'forged', 'forged', started, ended, recorded_at, outcome, detail, {previous}, "
        f"repeat('b', 64) FROM reelkeeper.events WHERE reel_id = :reel AND seq = 3"
    )


def test_an_inserted_event_is_named_and_the_pushed_ones_are_not(tamper):
    report = tamper(
        "UPDATE reelkeeper.events SET seq = seq + 100 WHERE reel_id = :reel AND seq > 3",
        "UPDATE reelkeeper.events SET seq = seq - 99 WHERE reel_id = :reel AND seq > 100",
        copy_of_third(4, "hash"),
    )
    assert named(report) == {(Tampering.INSERTED, 4)}
    assert "forged" in report.findings[0].message


def test_an_event_added_behind_the_head_is_named(tamper):
    assert named(tamper(copy_of_third(7, "hash"))) == {(Tampering.INSERTED, 7)}


def test_swapped_events_are_named(tamper):
    report = tamper(
        "UPDATE reelkeeper.events SET seq = 100 WHERE reel_id = :reel AND seq = 2",
        "UPDATE reelkeeper.events SET seq = 2 WHERE reel_id = :reel AND seq = 5",
        "UPDATE reelkeeper.events SET seq = 5 WHERE reel_id = :reel AND seq = 100",
    )
    assert named(report) == {(Tampering.REORDERED, 2), (Tampering.REORDERED, 5)}


def test_only_the_event_that_moved_is_named_and_not_those_it_jumped_over(tamper):
    report = tamper("UPDATE reelkeeper.events SET seq = 100 WHERE reel_id = :reel AND seq = 2")
    assert named(report) == {(Tampering.REORDERED, 100)}
    assert str(report.findings[0]).endswith("was moved: it stands at 100 and belongs at 2")


def test_an_event_moved_to_another_reel_is_missed_here_and_strange_there(tamper):
    report = tamper(
        "UPDATE reelkeeper.events SET reel_id = :other, seq = 3 WHERE reel_id = :reel AND seq = 4",
    )
    assert {(f.reel_id, f.kind, f.seq) for f in report.findings} == {
        (REEL, Tampering.REMOVED, 4),
        (OTHER, Tampering.INSERTED, 3),
    }


def test_a_head_set_back_or_removed_is_found(tamper):
    assert named(tamper("UPDATE reelkeeper.chains SET length = 5 WHERE reel_id = :reel")) == {(Tampering.HEAD, 5)}
    report = tamper(
        "ALTER TABLE reelkeeper.events DROP CONSTRAINT fk_events_reel_id_chains",
        "ALTER TABLE reelkeeper.digital_objects DROP CONSTRAINT fk_digital_objects_reel_id_chains",
        "DELETE FROM reelkeeper.chains WHERE reel_id = :reel",
    )
    assert named(report) == {(Tampering.HEAD, None)}


def test_a_rewritten_chain_does_not_fit_its_checkpoint(recorded, tamper):
    with recorded.begin() as session:
        fifth = session.scalars(select(Event.hash).where(Event.reel_id == REEL, Event.seq == 5)).one()
        session.execute(
            text("INSERT INTO reelkeeper.checkpoints VALUES (gen_random_uuid(), :reel, 5, :hash, now(), 'vault:x')"),
            {"reel": REEL, "hash": fifth},
        )
    with recorded() as session:
        report = verify(session)
        assert (report.ok, report.unanchored) == (True, 3)
    # cut off the newest events and set the head back: without the checkpoint this would be a whole, shorter chain
    report = tamper(
        *remove("reel_id = :reel AND seq > 4"),
        "UPDATE reelkeeper.chains SET length = 4, head = (SELECT hash FROM reelkeeper.events"
        " WHERE reel_id = :reel AND seq = 4) WHERE reel_id = :reel",
    )
    assert named(report) == {(Tampering.TRUNCATED, 5)}
    with pytest.raises(ProvenanceBroken, match="event 5 was cut off at the end"):
        report.raise_if_broken()


def events_of(details: list[str]) -> tuple[ChainedEvent, ...]:
    """A whole chain with these details."""
    previous, made = chain.genesis(REEL), []
    for seq, detail in enumerate(details, start=1):
        event = ChainedEvent(
            id=str(uuid.UUID(int=seq)), reel_id=REEL, seq=seq, event_type="creation", subtype="s",
            execution_id=f"e{seq}", started=START, ended=START, recorded_at=START, outcome="success", detail=detail,
            previous_hash=previous, hash="",
            objects=(LinkedObject("outcome", "o1", "r", "vault:x", digest("x"), 3, "m"),
                     LinkedObject("source", "o0", "r", "vault:y", digest("y"), 3, "m")),
            agents=(LinkedAgent("executing program", "a1", "software", "n", None, None),),
        ).sealed()  # fmt: skip
        made.append(event)
        previous = event.hash
    return tuple(made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=7), st.data())
def test_whatever_is_removed_from_or_moved_in_a_chain_is_found(details, data):
    events = events_of(details)
    head = ReelChain(REEL, len(events), events[-1].hash, events)
    assert verify_chain(head) == []
    kept = data.draw(st.lists(st.sampled_from(events), unique_by=lambda event: event.seq))
    findings = verify_chain(ReelChain(REEL, head.length, head.head, tuple(sorted(kept, key=lambda e: e.seq))))
    removed = {event.seq for event in events} - {event.seq for event in kept}
    assert {(finding.kind, finding.seq) for finding in findings} == {(Tampering.REMOVED, seq) for seq in removed}


def test_the_hash_does_not_depend_on_the_order_links_are_read_in():
    (event,) = events_of(["{}"])
    assert replace(event, objects=event.objects[::-1]).digest() == event.hash


def test_the_canonical_form_is_fixed():
    """The hash of a known event: whoever changes the canonical form breaks every chain there is."""
    (event,) = events_of(['{"é":1.0}'])
    canonical = (
        f'["reelkeeper.event/1","{uuid.UUID(int=1)}","{REEL}","1","creation","s","e1",'
        '"2026-11-22T12:00:00.123456Z","2026-11-22T12:00:00.123456Z","2026-11-22T12:00:00.123456Z","success",'
        '"{\\"é\\":1.0}",'
        f'"{hashlib.sha256(f"reelkeeper.chain/1{chr(10)}{REEL}".encode()).hexdigest()}",'
        f'[["outcome","o1","r","vault:x","{digest("x")}","3","m"],["source","o0","r","vault:y","{digest("y")}","3","m"]],'
        '[["executing program","a1","software","n",null,null]]]'
    )
    assert event.hash == hashlib.sha256(canonical.encode()).hexdigest()
