"""What is particular to the DAG `restore_reel`: its way, its lanes, its form."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

WAY = (
    "open_reel",
    "ingest",
    "shots",
    "batches",
    "assess.batch",
    "plan",
    "record_plan",
    "review_plan",
    "restore.batch",
    "enlarge.batch",
    "larger_or_none",
    "assemble",
    "check",
    "decide",
    "record_decision",
    "catalogue",
    "package",
    "close_reel",
)
"""Each task waits for the one before it."""
BESIDE = {"restore_batches", "larger_batches"}
"""Say which lanes there are to restore and to enlarge, once the plan has its number."""
ENDS = {"redo", "rejected"}


@pytest.fixture
def dag(parsed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parsed["dags"]["restore_reel"]
    return found


def test_the_way_of_a_reel(dag: dict[str, Any]) -> None:
    tasks = dag["tasks"]
    assert set(tasks) == set(WAY) | BESIDE | ENDS
    for before, after in pairwise(WAY):
        assert before in tasks[after]["upstream"], f"{after} does not wait for {before}"
    for end in ENDS:
        assert "record_decision" in tasks[end]["upstream"]


def test_the_reel_is_given_back_however_the_run_ends(dag: dict[str, Any]) -> None:
    tasks = dag["tasks"]
    assert tasks["open_reel"]["setup"]
    assert tasks["close_reel"]["teardown"]
    assert set(tasks["close_reel"]["upstream"]) == {"open_reel", "package"} | ENDS


def test_pixel_lanes_sit_in_the_gpu_pool(dag: dict[str, Any]) -> None:
    in_pool = {task_id for task_id, task in dag["tasks"].items() if task["pool"] == "gpu"}
    assert in_pool == {"shots", "assess.batch", "restore.batch", "enlarge.batch"}


def test_only_the_reel_id_has_to_be_filled_in(dag: dict[str, Any]) -> None:
    assert dag["required"] == ["reel_id"]
    for name, schema in dag["params"].items():
        assert schema["title"], name
        assert name == "reel_id" or schema["section"], name


def test_form_shares_no_field_with_a_question_but_strength(dag: dict[str, Any]) -> None:
    """Airflow lays a run's values over a task's own parameters of that name."""
    assert set(dag["params"]) & {"plan_version", "note", "strength"} == {"strength"}
