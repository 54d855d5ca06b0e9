"""House rules every DAG keeps, in both runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.dags.conftest import NIGHT

DAGS = {
    "fixity_audit": "fixity_audit.py",
    "nightly_batch": "nightly_batch.py",
    "remind_deciders": "remind_deciders.py",
    "release_scratch": "release_scratch.py",
    "restore_reel": "restore_reel.py",
    "tell_catalogue": "tell_catalogue.py",
    "tidy_pods": "tidy_pods.py",
    "watch_inbox": "watch_inbox.py",
}
"""Every DAG and the file it is in; a file that defines none, or a DAG nobody listed, fails the test."""
KNOWN_POOLS = {"default_pool", "gpu"}
OWNERS = {"restoration"}
FOLDER = Path(__file__).parents[2] / "dags"


def test_every_file_parses_to_the_dags_expected(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert {name: dag["file"] for name, dag in parsed["dags"].items()} == DAGS
    assert {path.name for path in FOLDER.glob("*.py")} == set(DAGS.values())


def test_parsing_loads_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert parsed["heavy"] == []


def test_the_night_begins_when_the_settings_say(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]["nightly_batch"]["schedule"] == NIGHT


def test_docs_owner_tags_and_no_catchup(parsed: dict[str, Any]) -> None:
    for name, dag in parsed["dags"].items():
        assert len(dag["doc_md"] or "") > 400, f"{name}: an operator must be able to work from its documentation"
        assert dag["description"], name
        assert dag["tags"], name
        assert dag["catchup"] is False, name
        assert {task["owner"] for task in dag["tasks"].values()} <= OWNERS, name


def test_pools_are_known_and_steps_are_bounded(parsed: dict[str, Any]) -> None:
    for name, dag in parsed["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["pool"] in KNOWN_POOLS, f"{name}.{task_id}"
            if task["kind"].endswith("StepOperator"):
                assert task["timeout_s"], f"{name}.{task_id} may run for ever"
                assert task["retries"], f"{name}.{task_id} gives up at the first hiccup"


def test_steps_run_where_the_settings_say(parsed: dict[str, Any]) -> None:
    kinds = {task["kind"] for dag in parsed["dags"].values() for task in dag["tasks"].values()}
    expected = {"local": "LocalStepOperator", "kubernetes": "PodStepOperator"}[parsed["runtime"]]
    assert {kind for kind in kinds if kind.endswith("StepOperator")} == {expected}


def test_no_result_travels_by_pod_xcom(parsed: dict[str, Any]) -> None:
    pods = [
        task for dag in parsed["dags"].values() for task in dag["tasks"].values() if task["kind"] == "PodStepOperator"
    ]
    assert len(pods) == (9 if parsed["runtime"] == "kubernetes" else 0)
    assert not any(task["pod_xcom"] for task in pods)
    assert all(task["deferrable"] for task in pods)


def test_questions_to_people_have_no_default_answer(parsed: dict[str, Any]) -> None:
    asked = {
        task_id: task
        for dag in parsed["dags"].values()
        for task_id, task in dag["tasks"].items()
        if task["kind"] in {"Decision", "PlanReview"}
    }
    assert set(asked) == {"decide", "review_plan"}
    for task in asked.values():
        assert task["defaults"] is None
        assert task["assigned_users"] == [{"id": "conservator", "name": "conservator"}]
        assert task["timeout_s"] is None
