"""What a night takes, in which order and how many at once, and how its runs end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.catalogue import executions, lock, nights, queue, reels
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.nights import Slot, Wanted, fill
from restoration_tasks.catalogue.queue_models import Basis, QueueState
from tests.catalogue.queued import ANA, entry, put

NIGHT = "scheduled__2026-11-28T20:00:00+00:00"


def wanted(*hours: float) -> list[Wanted]:
    """Reels of so many hours, the worst first."""
    return [Wanted(f"R{i}", 100.0 - i, Basis.CONDITION, h) for i, h in enumerate(hours)]


@pytest.mark.parametrize(
    ("hours", "budget", "taken", "passed"),
    [
        ((3, 3, 3), 8, "R0 R1", ""),
        ((3, 9, 4), 8, "R0 R2", "R1"),
        ((20, 1), 8, "R0", ""),
        ((1, 20, 1), 8, "R0 R2", "R1"),
        ((), 8, "", ""),
        ((0, 0, 8), 8, "R0 R1 R2", ""),
    ],
)
def test_the_worst_first_within_the_budget(hours, budget, taken, passed):
    night = fill(wanted(*hours), budget)
    assert " ".join(one.reel_id for one in night.taken) == taken
    assert " ".join(one.reel_id for one in night.passed_over) == passed


@given(st.lists(st.floats(0.01, 30), max_size=40), st.floats(0.1, 50))
def test_a_night_keeps_to_its_budget_and_to_the_order(hours, budget):
    night = fill(wanted(*hours), budget)
    assert night.device_h <= budget + 1e-9 or len(night.taken) == 1
    order = [one.priority for one in night.taken]
    assert order == sorted(order, reverse=True)
    if hours:
        assert night.taken[0].reel_id == "R0", "the worst of all is always worked"


def take(sessions, batch=NIGHT, budget=2.5, ready=lambda _: True):
    with sessions.begin() as session:
        return [one.reel_id for one in nights.take(session, batch, budget, ready).taken]


def test_a_night_asked_again_has_what_it_took_and_another_takes_the_next(sessions):
    for reel, urgency in (("A", 90), ("B", 80), ("C", 70), ("D", 60)):
        put(sessions, reel, urgency, treatments=["dirt"])
    assert take(sessions) == ["A", "B"]
    assert take(sessions, budget=50) == ["A", "B"]
    assert take(sessions, batch="other", budget=50) == ["C", "D"]
    with sessions() as session:
        found = nights.taken(session, NIGHT)
    assert [one.run_id for one in found] == [f"nightly__A__{NIGHT}", f"nightly__B__{NIGHT}"]
    assert found[0].form == {"treatments": ["dirt"]}


def test_what_is_held_back_worked_on_or_not_scanned_is_not_taken(sessions):
    for reel, urgency in (("A", 90), ("B", 80), ("C", 70), ("D", 60)):
        put(sessions, reel, urgency)
    with sessions.begin() as session:
        queue.hold(session, "A", person=ANA, reason="x")
        lock.acquire(session, "B", "by hand")
        night = nights.take(session, NIGHT, 50, lambda reel: reel.reel_id != "C")
    assert [one.reel_id for one in night.taken] == ["D"]
    assert night.undelivered == 1


def test_two_nights_at_once_take_no_reel_twice(sessions):
    for number in range(20):
        put(sessions, f"R{number:02d}", number)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: take(sessions, batch, 5), [f"n{i}" for i in range(4)]))
    assert sorted(reel for one in found for reel in one) == [f"R{number:02d}" for number in range(20)]


def slot(sessions, reel, most=1):
    with sessions.begin() as session:
        return nights.slot(session, reel, nights.run_id_for(reel, NIGHT), most)


def test_slots_go_to_the_worst_first_and_are_free_again_when_a_person_is_asked(sessions):
    for reel, urgency in (("A", 90), ("B", 80), ("C", 70)):
        put(sessions, reel, urgency)
    take(sessions, budget=50)
    assert slot(sessions, "C") is Slot.WAIT, "C may not overtake A and B"
    assert slot(sessions, "A") is Slot.START
    assert slot(sessions, "A") is Slot.START, "a try that was killed may start again"
    assert slot(sessions, "B") is Slot.WAIT
    assert slot(sessions, "B", most=2) is Slot.START
    assert slot(sessions, "C", most=2) is Slot.WAIT
    with sessions.begin() as session:
        nights.worked(session, "A", "another run")
        assert len(nights.working(session)) == 2
        nights.worked(session, "A", nights.run_id_for("A", NIGHT))
        assert len(nights.working(session)) == 1
    assert slot(sessions, "C", most=2) is Slot.START


def test_a_reel_somebody_started_by_hand_is_no_longer_the_nights(sessions):
    put(sessions, "A", 90)
    take(sessions)
    with sessions.begin() as session:
        nights.opened(session, "A", "manual__1")
    assert slot(sessions, "A") is Slot.GONE
    assert entry(sessions, "A").run_id == "manual__1"
    with sessions.begin() as session:
        assert nights.taken(session, NIGHT) == []


@pytest.mark.parametrize(
    ("state", "whole", "ends"),
    [
        (ReelState.RESTORED, True, QueueState.DONE),
        (ReelState.RESTORED, False, QueueState.HELD_BACK),
        (ReelState.REJECTED, True, QueueState.DONE),
        (ReelState.SUPERSEDED, True, QueueState.STARTED),
        (ReelState.IN_WORK, True, QueueState.HELD_BACK),
        (ReelState.AWAITING_DECISION, False, QueueState.HELD_BACK),
    ],
)
def test_how_a_run_ends_says_how_the_place_ends(sessions, state, whole, ends):
    put(sessions, "A", 90)
    take(sessions)
    run_id = nights.run_id_for("A", NIGHT)
    with sessions.begin() as session:
        nights.opened(session, "A", run_id)
        reels.set_state(session, "A", state)
        nights.closed(session, "A", "another run", whole=whole)
        nights.closed(session, "A", run_id, whole=whole)
    found = entry(sessions, "A")
    assert found.state is ends
    assert bool(found.reason) is (ends is QueueState.HELD_BACK)


def test_a_run_that_fails_is_held_back_and_can_be_released_to_another_night(sessions):
    put(sessions, "A", 90)
    take(sessions)
    with sessions.begin() as session:
        nights.closed(session, "A", nights.run_id_for("A", NIGHT), whole=False, why="no delivery")
    assert entry(sessions, "A").reason == "no delivery"
    assert take(sessions, batch="next") == []
    with sessions.begin() as session:
        queue.release(session, "A", person=ANA, reason="delivered")
    assert take(sessions, batch="next") == ["A"]


def test_a_run_that_never_came_to_be_waits_again(sessions):
    put(sessions, "A", 90)
    take(sessions)
    with sessions.begin() as session:
        assert nights.unstarted(session, NIGHT) == ["A"]
        nights.never_started(session, "A", nights.run_id_for("A", NIGHT))
    assert entry(sessions, "A").state is QueueState.WAITING
    assert take(sessions, batch="next") == ["A"]


def test_what_was_restored_outside_the_queue_waits_no_longer(sessions):
    put(sessions, "A", 90)
    put(sessions, "B", 80)
    with sessions.begin() as session:
        reels.set_state(session, "A", ReelState.RESTORED)
    with sessions.begin() as session:
        assert nights.finished_by_hand(session) == ["A"]
    assert entry(sessions, "A").state is QueueState.DONE


def test_the_hours_a_night_took_are_those_of_its_own_runs(sessions):
    put(sessions, "A", 90)
    take(sessions)
    took = executions.Took("A", "restore", "cpu", wall_s=7200, device_s=7200, cpu_s=7000, frames=10, megapixels=3)
    with sessions.begin() as session:
        for run in (nights.run_id_for("A", NIGHT), "another"):
            task = executions.TaskInstance(run, "restore", 0)
            executions.record(session, task, 0, result_uri="vault:r", signature="s", took=took)
        assert nights.hours_taken(session, NIGHT) == {"A": 2.0}


def test_a_reel_that_was_to_be_measured_only_is_done_when_its_run_is(sessions):
    for reel_id, whole, ends in (("A", True, QueueState.DONE), ("B", False, QueueState.HELD_BACK)):
        put(sessions, reel_id, 50.0, profile="survey-only")
        with sessions.begin() as session:
            nights.opened(session, reel_id, "run")
            nights.closed(session, reel_id, "run", whole=whole, surveyed=True)
        assert entry(sessions, reel_id).state is ends


def test_what_is_asked_for_later_joins_what_was_asked_for_before(sessions):
    put(sessions, "A", 50.0, delivery="/there")
    with sessions.begin() as session:
        queue.ask(session, "A", {"profile": "silent"})
    assert entry(sessions, "A").form == {"delivery": "/there", "profile": "silent"}
