"""Reels, plans, the lock, decisions, executions."""

from __future__ import annotations

import hashlib
import threading

import pytest
from sqlalchemy import func, select

from restoration_tasks.catalogue import decisions, executions, lock, plans, reels
from restoration_tasks.catalogue.errors import AlreadyDecided, UnknownPlan, UnknownReel
from restoration_tasks.catalogue.executions import TaskInstance
from restoration_tasks.catalogue.lock import DeadHolder
from restoration_tasks.catalogue.models import DeciderRole, Decision, ReelState
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import PlanError, ReelBusy, WrongUse
from restoration_tasks.runtime.settings import Settings
from tests.catalogue.reel import ANA, PROGRAM, RUN, make_decided
from tests.provenance.results import REEL, START


@pytest.fixture
def reel(sessions):
    with sessions.begin() as session:
        reels.register(session, REEL, title="Reel three", delivery_uri="/inbox/x")
    return REEL


def together(*works) -> list[Exception]:
    """Do works at once; their exceptions."""
    barrier, problems = threading.Barrier(len(works)), []

    def run(work) -> None:
        barrier.wait()
        try:
            work()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


# reels


def test_a_reel_is_registered_once(sessions, reel):
    with sessions.begin() as session:
        assert reels.register(session, REEL, title="another title") is False
        assert reels.require(session, REEL).title == "Reel three"
        with pytest.raises(WrongUse):
            reels.register(session, "../../x")
        with pytest.raises(UnknownReel, match="run `ingest`"):
            reels.set_state(session, "NOBODY-1", ReelState.RESTORED)


@pytest.mark.parametrize("title", ["<script>", "東京物語", "\u202eمرحبا", "x" * 10_000, "a\x00b\x1b"])
def test_hostile_titles_are_kept(sessions, title):
    with sessions.begin() as session:
        reels.register(session, "R-1", title=title)
    with sessions() as session:
        assert reels.status(session, "R-1").title == title.replace("\x00", "\ufffd")


def test_the_status_tells_the_whole_story(sessions):
    make_decided(sessions)
    with sessions.begin() as session:
        lock.acquire(session, REEL, "next-run")
        reels.register(session, "R-2")
    with sessions() as session:
        status = reels.status(session, REEL)
        assert (status.state, status.active_run, status.plan_version) == (ReelState.REGISTERED, "next-run", 1)
        assert (status.last_answer, status.last_answer_plan_version) == (DecisionAnswer.APPROVE, 1)
        assert (status.events, status.last_event_type) == (2, "decision")
        assert {row.reel_id for row in reels.statuses(session)} == {REEL, "R-2"}
        empty = reels.status(session, "R-2")
        assert (empty.events, empty.last_event_type, empty.active_run, empty.plan_version) == (0, None, None, None)


def test_saying_the_same_state_again_keeps_its_date(sessions, reel):
    with sessions.begin() as session:
        reels.set_state(session, REEL, ReelState.IN_WORK)
    with sessions.begin() as session:
        since = reels.status(session, REEL).state_since
        reels.set_state(session, REEL, ReelState.IN_WORK)
        assert reels.status(session, REEL).state_since == since


# plans


def test_plans_are_numbered_and_remember_their_parent(sessions, reel):
    with sessions.begin() as session:
        assert plans.latest(session, REEL) is None
        first = plans.save(session, REEL, "a: 1\n", author=PROGRAM, reason="measured")
        second = plans.save(session, REEL, "a: 2\n", author=ANA, reason="too soft", parent=1)
        assert (first.version, first.parent, second.version, second.parent) == (1, None, 2, 1)
        assert second.sha256 == hashlib.sha256(b"a: 2\n").hexdigest()
        assert plans.get(session, REEL, 1) == first
        assert plans.latest(session, REEL) == second
        with pytest.raises(UnknownPlan, match="from 1 to 2, found 7"):
            plans.get(session, REEL, 7)
        with pytest.raises(UnknownPlan):
            plans.save(session, REEL, "a: 3\n", author=ANA, reason="x", parent=9)
        with pytest.raises(UnknownReel):
            plans.save(session, "NOBODY-1", "a: 1\n", author=ANA, reason="x")
        with pytest.raises(PlanError):
            plans.save(session, REEL, "a: \x00", author=ANA, reason="x")


def test_a_retried_save_gives_the_same_version_and_a_new_reason_a_new_one(sessions, reel):
    with sessions.begin() as session:
        first = plans.save(session, REEL, "a: 1\n", author=PROGRAM, reason="measured")
        assert plans.save(session, REEL, "a: 1\n", author=PROGRAM, reason="measured") == first
        assert plans.save(session, REEL, "a: 1\n", author=ANA, reason="once more", parent=1).version == 2


def test_plans_saved_at_once_never_share_a_number(sessions, reel):
    def save(number: int) -> None:
        with sessions.begin() as session:
            plans.save(session, REEL, f"a: {number}\n", author=PROGRAM, reason="race")

    assert together(*(lambda n=n: save(n) for n in range(6))) == []
    with sessions() as session:
        texts = {plans.get(session, REEL, version).yaml for version in range(1, 7)}
        assert texts == {f"a: {n}\n" for n in range(6)}
        assert plans.latest(session, REEL).version == 6


# the lock


def test_one_run_a_reel_and_the_refusal_names_it(sessions, reel):
    with sessions.begin() as session:
        first = lock.acquire(session, REEL, "run-1")
        assert lock.acquire(session, REEL, "run-1") == first
    with sessions.begin() as session, pytest.raises(ReelBusy, match="run-1"):
        lock.acquire(session, REEL, "run-2")
    with sessions.begin() as session:
        assert lock.release(session, REEL, "run-2") is False
        assert lock.release(session, REEL, "run-1") is True
        assert lock.acquire(session, REEL, "run-2").run_id == "run-2"
    with sessions.begin() as session, pytest.raises(UnknownReel):
        lock.acquire(session, "NOBODY-1", "run-1")


def test_a_dead_holder_is_replaced_and_no_other(sessions, reel):
    with sessions.begin() as session:
        lock.acquire(session, REEL, "run-1")
    with sessions.begin() as session:
        with pytest.raises(ReelBusy, match="run-1"):
            lock.acquire(session, REEL, "run-2", dead=DeadHolder("run-0", "failed at noon"))
        assert lock.acquire(session, REEL, "run-2", dead=DeadHolder("run-1", "failed at noon")).run_id == "run-2"
    with sessions.begin() as session, pytest.raises(ReelBusy, match=r"expected run run-1, found run run-2"):
        lock.heartbeat(session, REEL, "run-1")
    with sessions.begin() as session:
        before = lock.holder(session, REEL)
        lock.heartbeat(session, REEL, "run-2")
        assert lock.holder(session, REEL).heartbeat > before.heartbeat


def test_of_runs_that_start_at_once_one_gets_the_reel(sessions, reel):
    def take(run: str) -> None:
        with sessions.begin() as session:
            lock.acquire(session, REEL, run)

    problems = together(*(lambda run=f"run-{n}": take(run) for n in range(5)))
    assert len(problems) == 4
    assert {type(problem) for problem in problems} == {ReelBusy}


# decisions


def test_a_decision_and_its_event_are_one(sessions):
    make_decided(sessions)
    make_decided(sessions)  # a retry of everything
    with sessions() as session:
        row = session.scalars(select(Decision)).one()
        assert (row.answer, row.plan_version, row.note, row.decided_at) == (DecisionAnswer.APPROVE, 1, "good", START)
        assert session.get_one(Event, row.event_id).detail["plan_sha256"] == plans.get(session, REEL, 1).sha256
        assert session.scalar(select(func.count()).select_from(Event)) == 2
        assert verify(session).ok
    with pytest.raises(AlreadyDecided, match="approve for plan version 1"):
        make_decided(sessions, DecisionAnswer.REJECT)


def test_a_decision_about_a_plan_that_does_not_exist_leaves_nothing(sessions, reel):
    with pytest.raises(UnknownPlan), sessions.begin() as session:
        decisions.decide(
            session, REEL, run_id=RUN, execution_id="e", plan_version=3, answer=DecisionAnswer.APPROVE, person=ANA,
            role=DeciderRole.MAKER,
        )  # fmt: skip
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0


def test_who_may_decide_is_a_list_in_the_settings():
    settings = Settings(conservators=["ana"], makers=["bo"])
    assert decisions.role_of("ana", settings) is DeciderRole.CONSERVATOR
    assert decisions.role_of("bo", settings) is DeciderRole.MAKER
    with pytest.raises(WrongUse, match="may not decide"):
        decisions.role_of("Anonymous", settings)


# executions


def test_a_cleared_task_is_told_from_a_retried_one(sessions):
    task, other = TaskInstance(RUN, "restore", 1), TaskInstance(RUN, "restore", 2)

    def finish(session, generation: int, segment: str) -> bool:
        return executions.record(session, task, generation, result_uri="vault:r", signature="s", segment=segment)

    with sessions.begin() as session:
        # first try; nothing recorded: a retry after a failure is no clear, whatever the generation
        assert executions.claimed(session, RUN, "restore", 1) is None
        assert not executions.is_fresh(session, task, 2)
        assert finish(session, 2, "s001-01")
        assert not finish(session, 2, "s001-01")
        assert finish(session, 2, "s001-02")
        # a retry keeps its generation
        assert executions.claimed(session, RUN, "restore", 1) == 2
        assert not executions.is_fresh(session, task, 2)
        # cleared by a person: the generation rose; still so while it is retried
        assert executions.is_fresh(session, task, 5)
        assert executions.is_fresh(session, task, 5, "s001-02")
        assert not executions.is_fresh(session, task, 5, "s009-01")
        assert finish(session, 5, "s001-01")
        assert executions.is_fresh(session, task, 5)
        assert executions.claimed(session, RUN, "restore", 1) == 5
        # neighbours and other runs are untouched
        assert not executions.is_fresh(session, other, 5)
        assert executions.claimed(session, "another", "restore", 1) is None
