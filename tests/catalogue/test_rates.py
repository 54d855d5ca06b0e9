"""What work takes: the first run stands in until there is a past, and the past corrects it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from restoration_tasks.catalogue import executions, journal, rates, scans
from restoration_tasks.catalogue.rates import FIRST_RUN, STAND_INS, Rates, Seen
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.runtime.spec import Spec, StepName
from tests.catalogue.reel import ingest_result, make_ingested
from tests.provenance.results import REEL, step_result


def test_the_first_run_is_given_back_exactly():
    hours = Rates(FIRST_RUN).hours(152, 640 * 272 / 1e6)
    assert hours.device_h * 3600 == pytest.approx(43.6 + 281.4 + 209.6)
    assert hours.worker_h * 3600 == pytest.approx(40.5 + 16.0 + 88.1 + 59.7)


def test_hours_grow_with_frames_and_treatments():
    learned = Rates(FIRST_RUN)
    one, two = learned.hours(1000, 3.0, 1.0), learned.hours(2000, 3.0, 1.0)
    assert two.device_h == pytest.approx(2 * one.device_h)
    assert learned.hours(1000, 3.0, 2.0).device_h > one.device_h
    assert learned.hours(1000, 3.0, 2.0).worker_h == one.worker_h


def test_a_long_past_outweighs_the_first_run_and_sizes_alike_outweigh_others():
    past = (*FIRST_RUN, Seen(StepName.ASSESS, "cpu", 3.0, 100_000, 1.0, 30_000.0))
    assert Rates(past).rate(StepName.ASSESS, 3.0) == pytest.approx(0.1, rel=0.01)
    small = Rates((*past, Seen(StepName.ASSESS, "cpu", 0.2, 100_000, 1.0, 200_000.0)))
    assert small.rate(StepName.ASSESS, 3.0) == pytest.approx(0.1, rel=0.01)
    assert small.rate(StepName.ASSESS, 0.2) == pytest.approx(10.0, rel=0.01)


def test_a_gpu_nobody_has_used_is_judged_by_what_one_was_measured_to_do():
    learned = Rates(STAND_INS)
    frame = 2048 * 1556 / 1e6
    lane_s = sum(learned.rate(step, frame, device="cuda") * frame for step in (StepName.ASSESS, StepName.RESTORE))
    assert 14 / lane_s == pytest.approx(8.58, abs=0.01), "docs/benchmarks/dirt-gpu.json: frames a second of 14 lanes"
    assert learned.treatments == Rates(FIRST_RUN).treatments, "its one treatment is no archive's practice"


def test_a_device_is_judged_by_its_own_past_where_there_is_one():
    past = Rates((*FIRST_RUN, Seen(StepName.ASSESS, "cuda", 3.0, 10, 1.0, 0.3)))
    assert past.rate(StepName.ASSESS, 3.0, device="cuda") == pytest.approx(0.01)
    assert past.rate(StepName.SHOTS, 3.0, device="cuda") == past.rate(StepName.SHOTS, 3.0)


def record(sessions, step, run, *, reused=False, **changes):
    """Record a step's work of a run as a worker does."""
    task = journal.Task(run, step.value)
    made_by = "an earlier run" if reused else task.execution_id
    result = step_result(step, made_by, **changes)
    spec = Spec(step=step, step_version="1", reel_id=REEL, vault="/v", execution_id=task.execution_id)
    journal.record(sessions, task, spec, result)


def test_executions_teach_what_they_took_and_reused_work_teaches_nothing(sessions):
    make_ingested(sessions)
    figures = {"frames": 24, "treatments": ["dirt", "flicker"]}
    record(sessions, StepName.RESTORE, "run-1", figures=figures, wall_s=48.0)
    record(sessions, StepName.RESTORE, "run-2", figures=figures, wall_s=9999.0, reused=True)
    record(sessions, StepName.SHOTS, "run-1", figures={}, wall_s=12.0, outputs=())
    with sessions() as session:
        learned = rates.learned(session)
        rows = session.execute(
            text("SELECT step, frames, treatments, device_s, wall_s FROM reelkeeper.executions ORDER BY step, wall_s")
        ).all()
        day = session.execute(text("SELECT * FROM reelkeeper.v_throughput ORDER BY step")).mappings().all()
    assert [tuple(row) for row in rows if row.wall_s is not None] == [
        ("restore", 24, 2, 48.0, 48.0),
        ("shots", 240, None, 12.0, 12.0),
    ]
    seen = {one.step: one for one in learned.seen[len(STAND_INS) :]}
    assert (seen[StepName.RESTORE].treatments, seen[StepName.RESTORE].wall_s) == (2.0, 48.0)
    assert seen[StepName.RESTORE].megapixels == pytest.approx(3.19)
    assert [(row["step"], row["executions"], row["frames"]) for row in day] == [("restore", 1, 24), ("shots", 1, 240)]


def test_a_failed_or_empty_execution_teaches_nothing(sessions):
    Recorder(sessions).record(ingest_result())
    with sessions.begin() as session:
        for frames in (0, None):
            took = executions.Took("X", "assess", "cpu", 10.0, 10.0, 10.0, frames=frames, megapixels=1.0)
            task = executions.TaskInstance("r", "assess", frames or -1)
            executions.record(session, task, 0, result_uri="u", signature="s", took=took)
        assert scans.newest(session, REEL) is None
        assert rates.learned(session).seen == STAND_INS
