"""How a run without Airflow leaves its reel: where it stands, its place in the queue, what it knew of the carrier."""

from __future__ import annotations

import pytest

from restoration_tasks.catalogue import carriers, lock, reels
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.queue_models import QueueState, Smell
from restoration_tasks.runtime.errors import DatabaseError, ReelBusy, StepFailed
from restoration_tasks.runtime.progress import silent
from restoration_tasks.runtime.spec import StepName, StepResult
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.conductor import Conductor
from restoration_tasks.steps.way import Way
from tests.catalogue.queued import ANA, entry, put
from tests.provenance.results import output, step_result

REEL = "A-1"


@pytest.fixture
def conduct(sessions, settings):
    put(sessions, REEL, 50.0)
    said: list[str] = []

    def make(run_id: str = "cli-1") -> Conductor:
        return Conductor(Way(REEL, settings), sessions, run_id, report=silent, say=said.append)

    return make


def state_of(sessions) -> ReelState:
    with sessions() as session:
        return reels.status(session, REEL).state


@pytest.mark.parametrize("to_the_end", [True, False])
def test_a_run_that_fails_leaves_a_reel_that_says_so(sessions, conduct, to_the_end):
    def work() -> None:
        with conduct().holding_the_reel(to_the_end=to_the_end):
            assert state_of(sessions) is ReelState.IN_WORK
            raise StepFailed("the disk is full")

    with pytest.raises(StepFailed):
        work()
    assert state_of(sessions) is ReelState.FAILED
    place = entry(sessions, REEL)
    if to_the_end:
        assert (place.state, place.reason) == (QueueState.HELD_BACK, "the disk is full.")
    else:
        assert place.state is QueueState.WAITING
    with conduct("cli-2").holding_the_reel():
        assert state_of(sessions) is ReelState.IN_WORK, "it can be worked again"


def test_a_run_that_lost_the_database_at_its_end_leaves_the_reel_to_the_next(sessions, conduct, monkeypatch):
    first = conduct()

    def stopped():
        raise DatabaseError("the database does not answer")

    def work() -> None:
        with first.holding_the_reel(to_the_end=True):
            monkeypatch.setattr(first.sessions, "begin", stopped)
            raise StepFailed("the database went away")

    with monkeypatch.context() as monkeypatch, pytest.raises(DatabaseError):
        work()
    with sessions() as session:
        assert lock.holder(session, REEL).run_id == "cli-1"
    with conduct("cli-2").holding_the_reel(to_the_end=True):
        with sessions() as session:
            assert lock.holder(session, REEL).run_id == "cli-2"
        with pytest.raises(ReelBusy), conduct("cli-3").holding_the_reel():
            pass
    with sessions() as session:
        assert lock.holder(session, REEL) is None
    assert not list((first.way.settings.scratch_folder / "runs").iterdir())


def test_a_step_by_hand_leaves_the_reel_where_it_stood(sessions, conduct):
    with sessions.begin() as session:
        reels.set_state(session, REEL, ReelState.RESTORED)
    with conduct().holding_the_reel():
        pass
    assert state_of(sessions) is ReelState.RESTORED
    assert entry(sessions, REEL).state is QueueState.WAITING


def test_a_survey_leaves_a_restored_reel_restored_and_its_place_in_the_queue_done(sessions, conduct, settings):
    with sessions.begin() as session:
        reels.set_state(session, REEL, ReelState.RESTORED)
    conductor = conduct()
    conductor.way = Way(REEL, settings, RunOptions(profile="survey-only"))
    conductor.__dict__ |= {"plan": None, "planned": (planned := step_result(StepName.PLAN, "cli-1/plan"))}
    with conductor.holding_the_reel(to_the_end=True):
        assert conductor.end_with_the_condition() is planned
    assert state_of(sessions) is ReelState.RESTORED
    assert entry(sessions, REEL).state is QueueState.DONE


def test_a_whole_run_takes_its_place_in_the_queue_along(sessions, conduct):
    with conduct().holding_the_reel(to_the_end=True):
        place = entry(sessions, REEL)
        assert (place.state, place.run_id) == (QueueState.STARTED, "cli-1")
        with sessions.begin() as session:
            reels.set_state(session, REEL, ReelState.RESTORED)
    assert entry(sessions, REEL).state is QueueState.DONE
    assert state_of(sessions) is ReelState.RESTORED


def test_the_plan_knows_what_was_read_off_the_carrier(sessions, conduct):
    ingest = step_result(StepName.INGEST, outputs=(output("master"),))
    shots = step_result(StepName.SHOTS, outputs=(output("shots"),))
    assert isinstance(ingest, StepResult)
    without = conduct().way.plan(Execution("t"), ingest, shots, {})
    with sessions.begin() as session:
        carriers.record(session, REEL, carriers.Reading(ad_strip_level=2.5, smell=Smell.STRONG), person=ANA)
    conductor = conduct("cli-2")
    with conductor.holding_the_reel():
        known = conductor.way.plan(Execution("t"), ingest, shots, {})
    assert known.params["carrier"] == {
        "ad_strip_level": 2.5, "shrinkage_percent": None, "smell": "strong", "uniqueness": 1.0,
    }  # fmt: skip
    assert "carrier" not in without.params
    assert known.signature != without.signature
