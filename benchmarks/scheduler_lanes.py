"""A long reel's lanes: by the batch plan, and as Airflow keeps them while its scheduler expands a run over them.

The reel has 400 shots of 50 frames. Its segments are gathered by `steps.batching`, as the DAG's own tasks do, for pods
of several speeds. The slowest gives the most lanes; over these `assess` and `restore` of a run are expanded. The tasks
before them are marked done, with the XComs they leave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from restoration_tasks.media.segments import cut_segments
from restoration_tasks.runtime.settings import Runtime, Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.asked import Batch
from restoration_tasks.steps.batching import Pace, by_seconds

SHOTS, FRAMES_A_SHOT = 400, 50
FRAMES = SHOTS * FRAMES_A_SHOT
SPEEDS = (0.5, 2.0, 10.0)
"""Frames a second that a pod does; the first is two cores at 2048x1556 repairing dirt, the last a large GPU."""
DAG, RUN = "restore_reel", "bench__long"
BEFORE_ASSESS = ("open_reel", "ingest", "shots", "batches")
BEFORE_RESTORE = ("plan", "record_plan", "review_plan", "restore_batches")
Sessions = Callable[[], AbstractContextManager[Any]]
"""Gives a session on Airflow's tables."""
MOST_PASSES = 200
"""A task appears, or is expanded, within so many passes; otherwise something is wrong."""


def planned(frames_per_s: float) -> tuple[list[Batch], float]:
    """Give the reel's lanes where a pod does so many frames a second, and the largest share of a start in one's work.

    The share is of the work: a start of 30 s beside 600 s is 0.05.
    """
    shots = [(start, start + FRAMES_A_SHOT) for start in range(0, FRAMES, FRAMES_A_SHOT)]
    start_s = Settings(runtime=Runtime.KUBERNETES).lane_start_s
    frame_s = 1 / frames_per_s
    pace = Pace(start_s=start_s, assess_s=frame_s, treatment_s=frame_s, enlarge_s=frame_s)
    lanes = by_seconds(cut_segments(shots), pace.of(StepName.ASSESS), pace)
    lightest = min(sum(segment.frames for segment in lane.segments) * frame_s for lane in lanes)
    return lanes, start_s / lightest


def plan_figures() -> list[dict[str, Any]]:
    """Pods and the share of their start, for each speed."""
    found = []
    for speed in SPEEDS:
        lanes, share = planned(speed)
        found.append({"frames_per_s": speed, "pods": len(lanes), "start_share": round(share, 4)})
    return found


def expand(one_pass: Callable[[], float], session_of: Sessions) -> dict[str, Any]:
    """Take a run to where both mapped groups are expanded, making passes of the scheduler on the way.

    Args:
        one_pass: makes one pass and returns its milliseconds.
        session_of: context manager that gives a session on Airflow's tables.

    Returns:
        What the expanding passes took and what the lanes left in Airflow's database.
    """
    lanes, _ = planned(SPEEDS[0])
    handed = [lane.as_xcom() for lane in lanes]
    expanding = []
    for tasks, mapped, group in (
        (BEFORE_ASSESS, "batches", "assess.batch"),
        (BEFORE_RESTORE, "restore_batches", "restore.batch"),
    ):
        _wait(partial(_all_there, session_of, tasks), one_pass)
        _done(session_of, tasks, mapped, handed)
        expanding.append(_wait(partial(_expanded, session_of, group, len(lanes)), one_pass))
        _leave(session_of, group, lanes, finished=group == "assess.batch")
    return {
        "lanes": len(lanes),
        "expanding_ms": [round(took, 1) for took in expanding],
        "xcom_bytes": _xcom_bytes(session_of, len(lanes)),
    }


def _wait(holds: Callable[[], bool], one_pass: Callable[[], float]) -> float:
    """Make passes until it holds. Returns the longest of them, in milliseconds."""
    longest = 0.0
    for _ in range(MOST_PASSES):
        longest = max(longest, one_pass())
        if holds():
            return longest
        time.sleep(0.05)
    raise RuntimeError(f"the scheduler did not get there in {MOST_PASSES} passes")


def _all_there(session_of: Sessions, tasks: Sequence[str]) -> bool:
    return _rows(session_of, tasks) >= len(tasks)


def _expanded(session_of: Sessions, group: str, lanes: int) -> bool:
    return _rows(session_of, (group,), mapped=True) == lanes


def _rows(session_of: Sessions, tasks: Sequence[str], *, mapped: bool = False) -> int:
    """How many task instances of the run there are of these tasks."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import func, select

    with session_of() as session:
        asked = select(func.count()).where(TaskInstance.run_id == RUN, TaskInstance.task_id.in_(tasks))
        if mapped:
            asked = asked.where(TaskInstance.map_index >= 0)
        return int(session.scalar(asked) or 0)


def _done(session_of: Sessions, tasks: Sequence[str], mapped: str, handed: Sequence[dict[str, str]]) -> None:
    """Mark tasks as succeeded; one of them hands on what lanes are mapped over."""
    from airflow.models.taskmap import TaskMap
    from airflow.models.xcom import XComModel

    with session_of() as session:
        _succeed(session, tasks)
        session.add(TaskMap(DAG, mapped, RUN, -1, length=len(handed), keys=None))
        XComModel.set("return_value", list(handed), dag_id=DAG, task_id=mapped, run_id=RUN, session=session)


def _leave(session_of: Sessions, group: str, lanes: Sequence[Batch], *, finished: bool) -> None:
    """Put down what each lane hands on, as `PodStepOperator` does."""
    from airflow.models.xcom import XComModel
    from reelkeeper_airflow.operators.outcome import summarise

    from tests.provenance.results import step_result

    with session_of() as session:
        for index, lane in enumerate(lanes):
            results = [step_result(execution_id=f"{RUN}/{group}/{index}/2/{one.id}") for one in lane.segments]
            uri = f"vault:reels/HK-1967-012_r3/specs/{'a' * 64}.json"
            outcome = summarise(uri, [result.execution_id for result in results], results).xcom()
            pod = {"pod_name": f"reelkeeper-restore-{index:08d}", "pod_namespace": "reelkeeper"}
            for key, value in {"return_value": outcome, **pod}.items():
                XComModel.set(key, value, dag_id=DAG, task_id=group, run_id=RUN, map_index=index, session=session)
        if finished:
            _succeed(session, (group,))


def _succeed(session: Any, tasks: Sequence[str]) -> None:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import update

    session.execute(
        update(TaskInstance)
        .where(TaskInstance.run_id == RUN, TaskInstance.task_id.in_(tasks))
        .values(state="success")
        .execution_options(synchronize_session=False)
    )


def _xcom_bytes(session_of: Sessions, lanes: int) -> dict[str, float]:
    """Bytes in Airflow's database: what a lane is mapped over (its part of the list), and all that a lane leaves."""
    from sqlalchemy import text

    asked = text(
        "SELECT task_id, map_index, sum(octet_length(value::text)) AS bytes FROM xcom WHERE run_id = :run"
        " GROUP BY task_id, map_index"
    )
    with session_of() as session:
        rows = [(row.task_id, row.map_index, int(row.bytes)) for row in session.execute(asked, {"run": RUN})]
    return {
        "given_mean": round(next(size for task, _, size in rows if task == "batches") / lanes, 1),
        "left_most": max(size for _, index, size in rows if index >= 0),
    }
