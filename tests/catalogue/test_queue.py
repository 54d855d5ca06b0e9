"""Places in the queue: their order, what people say about them, and that every word is an event."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from restoration_tasks.catalogue import carriers, migrate, queue, reels
from restoration_tasks.catalogue.engine import open_sessions, short_engine
from restoration_tasks.catalogue.errors import NotQueued, UnknownReel
from restoration_tasks.catalogue.queue import Worth
from restoration_tasks.catalogue.queue_models import Basis, Purpose, QueueState
from restoration_tasks.catalogue.work_models import FilmBase
from restoration_tasks.provenance.agents import ensure_person
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.errors import WrongUse
from tests.catalogue.queued import ANA, entry, put


def order(sessions, **asked):
    with sessions() as session:
        return [place.reel_id for place in queue.places(session, **asked)]


def test_the_worst_comes_first_and_of_two_alike_the_one_that_waits_longer(sessions):
    for reel, urgency in (("B", 40.0), ("A", 40.0), ("C", 90.0)):
        assert put(sessions, reel, urgency)
    assert order(sessions) == ["C", "B", "A"]
    assert order(sessions, limit=1) == ["C"]
    with sessions() as session:
        assert [queue.ahead(session, reel) for reel in ("C", "B", "A")] == [0, 1, 2]


def test_a_reel_has_one_place_and_keeps_it_until_it_is_done_with(sessions):
    assert put(sessions, "A", 40.0)
    assert not put(sessions, "A", 99.0)
    assert entry(sessions, "A").urgency == 40.0
    with sessions.begin() as session:
        queue.assess_anew(session, "A", Worth(55.0, Basis.CARRIER))
    assert (entry(sessions, "A").urgency, entry(sessions, "A").basis) == (55.0, Basis.CARRIER)
    with sessions.begin() as session:
        session.execute(text("UPDATE reelkeeper.queue SET state = 'done', override = NULL"))
    assert put(sessions, "A", 10.0)
    assert (entry(sessions, "A").state, entry(sessions, "A").urgency) == (QueueState.WAITING, 10.0)


def test_an_override_goes_before_the_urgency_and_stays_when_the_reel_is_judged_anew(sessions):
    put(sessions, "A", 10.0)
    put(sessions, "B", 50.0)
    with sessions.begin() as session:
        queue.override(session, "A", 95.0, person=ANA, reason="the donor dies")
    assert order(sessions) == ["A", "B"]
    with sessions.begin() as session:
        queue.assess_anew(session, "A", Worth(12.0, Basis.CONDITION))
        (first, _) = queue.places(session)
    assert (first.priority, first.urgency, first.override_reason) == (95.0, 12.0, "the donor dies")
    with sessions.begin() as session:
        queue.override(session, "A", None, person=ANA, reason="he is well")
    assert order(sessions) == ["B", "A"]
    assert entry(sessions, "A").override_event_id is None
    with sessions() as session:
        said = session.scalars(select(Event).where(Event.reel_id == "A").order_by(Event.seq)).all()
        assert [(event.detail["said"], event.detail["reason"], event.detail["priority"]) for event in said] == [
            ("override", "the donor dies", 95.0),
            ("override", "he is well", None),
        ]
        assert not verify(session, "A").findings


def test_a_reel_is_held_back_and_let_go_by_a_named_person_with_a_reason(sessions):
    put(sessions, "A", 10.0)
    with sessions.begin() as session:
        queue.hold(session, "A", person=ANA, reason="mould: quarantine")
    assert (entry(sessions, "A").state, entry(sessions, "A").reason) == (QueueState.HELD_BACK, "mould: quarantine")
    with sessions() as session:
        assert queue.ahead(session, "A") is None
    with sessions.begin() as session, pytest.raises(NotQueued, match=r"waiting, found one that is held back"):
        queue.hold(session, "A", person=ANA, reason="again")
    with sessions.begin() as session:
        queue.release(session, "A", person=ANA, reason="dry")
    assert (entry(sessions, "A").state, entry(sessions, "A").reason) == (QueueState.WAITING, "")


def test_what_cannot_be_said_is_refused_in_one_line(sessions):
    put(sessions, "A", 10.0)
    with sessions.begin() as session:
        reels.register(session, "B")
        for wrong in (101.0, -1.0):
            with pytest.raises(WrongUse, match="from 0 to 100"):
                queue.override(session, "A", wrong, person=ANA, reason="x")
        with pytest.raises(WrongUse, match="a reason has to be given"):
            queue.override(session, "A", 50.0, person=ANA, reason="  ")
        with pytest.raises(NotQueued, match="no place in the queue"):
            queue.override(session, "B", 50.0, person=ANA, reason="x")
        with pytest.raises(UnknownReel):
            queue.hold(session, "NONE", person=ANA, reason="x")
        with pytest.raises(NotQueued, match="held back"):
            queue.release(session, "A", person=ANA, reason="x")
    with sessions() as session:
        assert session.scalars(select(Event)).all() == []


def test_a_repair_has_a_place_of_its_own_that_no_night_takes(sessions):
    put(sessions, "A", 10.0)
    with sessions.begin() as session:
        worth = Worth(100.0, Basis.FIXITY)
        by = ensure_person(session, "ana")
        assert queue.enter(session, "A", worth, by=by, purpose=Purpose.REPAIR, reason="master.mkv is gone")
        assert reels.status(session, "A").repair_state == "waiting"
        assert reels.status(session, "A").queue_priority == 10.0
    assert order(sessions, purpose=Purpose.REPAIR) == ["A"]
    with sessions.begin() as session:
        queue.release(session, "A", person=ANA, reason="put back from tape", purpose=Purpose.REPAIR)
    assert entry(sessions, "A", Purpose.REPAIR).state is QueueState.DONE
    assert entry(sessions, "A").state is QueueState.WAITING


@pytest.mark.parametrize(
    "broken",
    ["override = 50", "urgency = 101", "state = 'started', run_id = NULL", "frames = 0", "device_h = -1"],
)
def test_the_database_itself_refuses_a_place_that_cannot_be(sessions, broken):
    put(sessions, "A", 10.0)
    with sessions() as session, pytest.raises(IntegrityError, match="ck_queue_"):
        session.execute(text(f"UPDATE reelkeeper.queue SET {broken}"))


def test_readings_of_the_carrier_add_up_and_are_events(sessions):
    with sessions.begin() as session:
        reels.register(session, "A")
        carriers.record(session, "A", carriers.Reading(FilmBase.ACETATE, 1962, uniqueness=0.5), person=ANA)
        carriers.record(session, "A", carriers.Reading(ad_strip_level=1.5, note="sticky"), person=ANA)
        known = carriers.newest(session, "A")
        assert (known.base, known.made_year, known.ad_strip_level, known.uniqueness) == (
            FilmBase.ACETATE,
            1962,
            1.5,
            0.5,
        )
        assert known.note == "sticky"
        shown = session.execute(text("SELECT * FROM reelkeeper.v_decay")).mappings().one()
        assert (shown["ad_strip_level"], shown["made_year"], shown["urgency"]) == (1.5, 1962, None)
        assert len(session.scalars(select(Event)).all()) == 2


def test_going_back_takes_queue_and_columns_away_and_keeps_the_rest(empty_database):
    migrate.upgrade(empty_database)
    sessions = open_sessions(empty_database)
    put(sessions, "A", 10.0)
    with sessions.begin() as session:
        queue.hold(session, "A", person=ANA, reason="x")
    migrate.downgrade(empty_database, "0003")
    with short_engine(empty_database) as engine, engine.connect() as connection:
        shown = connection.exec_driver_sql("SELECT * FROM reelkeeper.v_reel_status")
        assert {"urgency"} <= set(shown.keys())
        assert "queue_state" not in set(shown.keys())
        (row,) = shown.mappings().all()
        assert row["events"] == 1, "what people said stays in the chain"
    migrate.upgrade(empty_database)
    assert order(sessions, states=tuple(QueueState)) == []
