"""Recording: one event an execution, one chain a reel, names of people kept out."""

from __future__ import annotations

import math
import threading
from datetime import datetime

import pytest
from sqlalchemy import event, func, select, text

from restoration_tasks.provenance.agents import Participant, Person, ensure_agents, ensure_person
from restoration_tasks.provenance.chain import ARCHIVE
from restoration_tasks.provenance.erasure import erase
from restoration_tasks.provenance.models import (
    Agent,
    AgentName,
    Chain,
    DigitalObject,
    Event,
    EventAgent,
    EventObject,
    Fixity,
)
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import (
    STEP_TERMS,
    AgentKind,
    AgentRole,
    DecisionAnswer,
    ObjectRole,
    Outcome,
)
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.spec import Comparison, StepName, Verdict
from tests.provenance.results import REEL, START, digest, output, step_result


@pytest.fixture
def recorder(sessions):
    return Recorder(sessions)


def test_an_event_carries_objects_agents_digests_and_the_hash_before_it(recorder):
    first = recorder.record(step_result(StepName.INGEST, "run-1/ingest", inputs={}, outputs=(output("master"),)))
    second = recorder.record(step_result(minute=5))
    assert (first.seq, second.seq, first.created, second.created) == (1, 2, True, True)
    with recorder.sessions() as session:
        event = session.get_one(Event, second.id)
        assert (event.event_type, event.subtype, event.outcome) == ("modification", "restoration", Outcome.SUCCESS)
        assert event.previous_hash == first.hash
        assert session.get_one(Chain, REEL).head == second.hash
        assert event.detail["figures"] == {"frames_changed": 12, "share": 0.0125}
        linked = session.execute(
            select(EventObject.role, DigitalObject.role, DigitalObject.sha256)
            .join(DigitalObject)
            .where(EventObject.event_id == second.id)
        ).all()
        assert set(linked) == {
            (ObjectRole.SOURCE, "master", digest("master")),
            (ObjectRole.OUTCOME, "segment", digest("segment")),
        }
        kinds = session.scalars(select(Agent.kind).join(EventAgent).where(EventAgent.event_id == second.id))
        assert set(kinds) == {AgentKind.SOFTWARE, AgentKind.MODEL}
        # the master is one object, made by one event and read by another; digests were taken where files were made
        assert session.scalar(select(func.count()).select_from(DigitalObject)) == 2
        assert set(session.execute(select(Fixity.digest, Fixity.event_id))) == {
            (digest("master"), first.id),
            (digest("segment"), second.id),
        }
        assert verify(session).ok


@pytest.mark.parametrize("new", [True, False], ids=["all new", "all known"])
def test_recording_takes_two_trips_to_the_database(recorder, new):
    if not new:
        recorder.record(step_result(execution_id="before"))
    trips = []
    with recorder.sessions() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *said: trips.append(said[2]))
    recorder.record(step_result())
    assert len(trips) == 2


@pytest.mark.parametrize("step", list(StepName))
def test_every_step_has_a_premis_term(recorder, step):
    assert recorder.record(step_result(step, f"run-1/{step}")).created
    with recorder.sessions() as session:
        assert session.scalars(select(Event.event_type)).one() == STEP_TERMS[step].type


def test_recording_an_execution_again_adds_nothing(recorder):
    first = recorder.record(step_result())
    again = recorder.record(step_result(figures={"frames_changed": 99}))
    assert not again.created
    assert (again.id, again.seq, again.hash) == (first.id, first.seq, first.hash)
    with recorder.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1
        assert session.get_one(Chain, REEL).length == 1


def test_the_same_execution_for_another_reel_is_refused(recorder):
    recorder.record(step_result())
    with pytest.raises(ProvenanceBroken, match="another reel"):
        recorder.record(step_result(reel_id="OTHER-1"))


def test_a_reused_result_is_an_event_of_its_own_that_says_so(recorder):
    made = recorder.record(step_result())
    reused = recorder.record(step_result(), execution_id="run-2/restore/0/0/s001-01")
    assert (reused.seq, reused.created) == (made.seq + 1, True)
    with recorder.sessions() as session:
        event = session.get_one(Event, reused.id)
        assert event.detail["reused_from"] == "run-1/restore/0/0/s001-01"
        assert event.started > START
        assert session.scalar(select(func.count()).select_from(Fixity)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"warnings": ("half the frames were dark",)}, {"compared": Comparison(verdict=Verdict.DIFFERS, with_attempt=1)}],
)
def test_a_result_to_look_at_is_a_warning(recorder, changes):
    event = recorder.record(step_result(**changes))
    with recorder.sessions() as session:
        assert session.get_one(Event, event.id).outcome is Outcome.WARNING


def test_a_failure_is_recorded_with_the_line_staff_saw(recorder):
    event = recorder.record_failure(
        REEL, StepName.ASSESS, execution_id="run-1/assess/3/0/s002-01", started=START, ended=START, message="disk full"
    )
    with recorder.sessions() as session:
        row = session.get_one(Event, event.id)
        assert (row.outcome, row.detail["message"]) == (Outcome.FAILURE, "disk full")


def test_infinite_figures_and_hostile_text_are_stored_and_verify(recorder):
    hostile = "<script>\x00\x07 映画 \u202e"
    event = recorder.record(step_result(figures={"psnr_db": math.inf, "share": math.nan, "tiny": 1e-7, "one": 1.0}))
    recorder.record(step_result(execution_id=f"run-1/{hostile}", warnings=(hostile,)))
    with recorder.sessions() as session:
        figures = session.get_one(Event, event.id).detail["figures"]
        assert figures == {"psnr_db": "inf", "share": "nan", "tiny": 1e-7, "one": 1.0}
        assert verify(session).ok


def test_a_time_without_a_zone_is_refused_and_leaves_nothing(recorder):
    with pytest.raises(ValueError, match="zone"):
        recorder.record(step_result(started=datetime(2026, 1, 1), ended=datetime(2026, 1, 2)))  # noqa: DTZ001
    with recorder.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Chain)) == 0


def test_a_hostile_reel_id_is_refused(recorder):
    with pytest.raises(WrongUse):
        recorder.record_failure("../x", StepName.SHOTS, execution_id="e", started=START, ended=START, message="")


def test_four_writers_at_once_keep_one_unbroken_chain(recorder):
    each, problems = 12, []

    def write(writer: int) -> None:
        try:
            for number in range(each):
                # every writer also records one execution all of them record
                recorder.record(step_result(execution_id=f"w{writer}/{number}"))
                recorder.record(step_result(execution_id=f"shared/{number}"))
        except Exception as problem:
            problems.append(problem)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not problems
    with recorder.sessions() as session:
        assert session.scalars(select(Event.seq).order_by(Event.seq)).all() == list(range(1, each * 5 + 1))
        assert verify(session).ok
        assert session.scalar(select(func.count()).select_from(Agent)) == 2


def test_a_decision_names_the_person_by_id_only(recorder):
    event = recorder.record_decision(
        REEL, execution_id="run-1/decide", answer=DecisionAnswer.APPROVE, person=Person("ana", "Ana Petrova"),
        role="conservator", plan_version=2, plan_sha256=digest("plan"), note="old as the old", at=START,
    )  # fmt: skip
    with recorder.sessions.begin() as session:
        row = session.get_one(Event, event.id)
        assert (row.event_type, row.detail["answer"], row.detail["plan_version"]) == ("decision", "approve", 2)
        everything = "".join(
            session.scalar(text(f"SELECT string_agg(CAST(t AS text), ' ') FROM reelkeeper.{table} AS t")) or ""
            for table in ("events", "event_agents", "agents")
        )
        assert "ana" not in everything.lower()
        assert session.scalars(select(EventAgent.role)).one() is AgentRole.AUTHORIZER
    with recorder.sessions.begin() as session:
        known_as = erase(session, "ana", by=Person("head"), reason="she asked for it")
        with pytest.raises(WrongUse, match="nobody of this user id"):
            erase(session, "ana", by=Person("head"), reason="again")
    with recorder.sessions() as session:
        assert session.scalars(select(AgentName.login)).all() == ["head"]
        assert verify(session).ok
        said = session.scalars(select(Event).where(Event.reel_id == ARCHIVE)).one()
        assert (said.subtype, said.detail["agent"]) == ("person forgotten", str(known_as))
        whole = session.scalar(text("SELECT string_agg(CAST(t AS text), ' ') FROM reelkeeper.events AS t"))
        assert "ana" not in whole.lower().replace("reason", "")


def test_a_person_keeps_the_id_until_erased(recorder):
    with recorder.sessions.begin() as session:
        first = ensure_person(session, "ana")
        assert ensure_person(session, "ana", "Ana P.") == first
        assert session.get_one(AgentName, first).name == "Ana P."
        erase(session, "ana", by=Person("head"), reason="she left")
        assert ensure_person(session, "ana") != first


def test_a_person_forgotten_does_not_come_back_by_what_is_recorded_again(recorder):
    before = recorder.record(step_result(), participants=[Person("ana")])
    with recorder.sessions.begin() as session:
        erase(session, "ana", by=Person("head"), reason="she left")
    assert recorder.record(step_result(), participants=[Person("ana")]).id == before.id
    with recorder.sessions() as session:
        assert session.scalars(select(AgentName.login)).all() == ["head"]


def test_an_agent_is_one_row_and_a_new_version_another(recorder):
    with recorder.sessions.begin() as session:
        plain = Participant(AgentKind.SOFTWARE, "ffmpeg")
        versioned = Participant(AgentKind.SOFTWARE, "ffmpeg", "9.0.2")
        ids = ensure_agents(session, [plain, versioned])
        assert ids[plain] != ids[versioned]
        assert ensure_agents(session, [versioned, plain]) == ids
    with pytest.raises(ValueError, match="Person"):
        Participant(AgentKind.PERSON, "Ana")
