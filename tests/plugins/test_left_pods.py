"""Pods nobody waits for are ended after a while, on a fake cluster; every other pod is let be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from reelkeeper_airflow.operators.left_pods import GRACE, LEFT_SINCE, OVER, Look, look
from reelkeeper_airflow.operators.owner import OURS, Owner

from restoration_tasks.runtime.errors import PodRefused, StepFailed
from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image

NAMESPACE = "reelkeeper"
SITE = "https://airflow.example"
RUN = "manual__2026-11-28T04:00:00+00:00__" + "the-long-name-of-a-reel" * 3
"""Too long for a label, and with characters that labels refuse."""
INGEST = Owner(SITE, "restore_reel", RUN, "ingest", -1, 1)
NOW = datetime(2026, 11, 28, 4, tzinfo=UTC)
LATER = NOW + GRACE
LIVE = (None, "scheduled", "queued", "running", "deferred", "up_for_retry", "up_for_reschedule", "restarting")


class Airflow:
    """As much of Airflow as is asked: the state of tasks."""

    def __init__(self, **tasks: str | None) -> None:
        self.runs: dict[str, dict[str, str | None]] = {RUN: dict(tasks)}
        self.asked: list[tuple[str, list[str], list[str]]] = []

    def states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str | None]]:
        self.asked.append((dag_id, task_ids, run_ids))
        return {run: tasks for run, tasks in self.runs.items() if run in run_ids}


@pytest.fixture
def cluster() -> Iterator[FakeKubernetes]:
    with FakeKubernetes({"shell:1": Image(("/bin/sh", "-c"), {"PATH": os.defpath})}) as fake:
        yield fake


@pytest.fixture
def api(cluster: FakeKubernetes) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


def start(
    cluster: FakeKubernetes, api: client.CoreV1Api, owner: Owner | None, name: str = "pod", **labels: str
) -> None:
    metadata: dict[str, Any] = {"name": name, "labels": labels or OURS}
    if owner is not None:
        metadata["annotations"] = owner.annotations()
    spec = {"containers": [{"name": "base", "image": "shell:1", "args": ["exec sleep 60"]}]}
    api.create_namespaced_pod(NAMESPACE, {"metadata": metadata, "spec": spec})
    cluster.wait_for(lambda: cluster.pods[NAMESPACE, name].phase == "Running")


def names(cluster: FakeKubernetes) -> list[str]:
    """Pods that nobody told to end."""
    return sorted(pod.name for pod in cluster.pods.values() if "deletionTimestamp" not in pod.manifest["metadata"])


def twice(api: client.CoreV1Api, airflow: Airflow) -> Look:
    """Look, and look again when what was left then has had its time."""
    look(api, NAMESPACE, SITE, airflow.states, NOW)
    return look(api, NAMESPACE, SITE, airflow.states, LATER)


@pytest.mark.parametrize("state", sorted(OVER))
def test_the_pod_of_a_task_that_is_over_goes_after_a_while(
    cluster: FakeKubernetes, api: client.CoreV1Api, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    start(cluster, api, INGEST)
    airflow = Airflow(ingest=state)
    assert look(api, NAMESPACE, SITE, airflow.states, NOW) == Look(pods=1, left=1, ended=0, unnamed=0)
    early = LATER - timedelta(seconds=1)
    assert look(api, NAMESPACE, SITE, airflow.states, early) == Look(pods=1, left=1, ended=0, unnamed=0)
    assert names(cluster) == ["pod"]
    assert look(api, NAMESPACE, SITE, airflow.states, LATER) == Look(pods=1, left=0, ended=1, unnamed=0)
    assert not names(cluster)
    assert f"Pod pod (ingest of run {RUN} of restore_reel, try 1) was ended: its task is over ({state})" in caplog.text


def test_a_pod_whose_task_lives_stays_however_long(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    start(cluster, api, INGEST)
    for state in LIVE:
        assert twice(api, Airflow(ingest=state)) == Look(pods=1, left=0, ended=0, unnamed=0), state
    assert names(cluster) == ["pod"]


def test_a_task_that_took_its_pod_up_again_has_all_its_time_anew(
    cluster: FakeKubernetes, api: client.CoreV1Api
) -> None:
    """Marked failed, cleared, and the second try works with the first one's pod."""
    start(cluster, api, INGEST)
    look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW)
    look(api, NAMESPACE, SITE, Airflow(ingest="deferred").states, NOW + GRACE / 2)
    assert LEFT_SINCE not in cluster.pods[NAMESPACE, "pod"].manifest["metadata"]["annotations"]
    assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER).ended == 0
    assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER + GRACE).ended == 1


def test_the_pod_of_a_run_that_is_gone_goes(
    cluster: FakeKubernetes, api: client.CoreV1Api, caplog: pytest.LogCaptureFixture
) -> None:
    start(cluster, api, INGEST)
    airflow = Airflow()
    airflow.runs.clear()
    assert twice(api, airflow).ended == 1
    assert "Airflow no longer knows its task" in caplog.text
    assert airflow.asked[0] == ("restore_reel", ["ingest"], [RUN]), "by its whole name"


def test_only_the_lane_that_is_over_loses_its_pod(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    for lane in (1, 11):
        start(cluster, api, replace(INGEST, task_id="restore.batch", map_index=lane), f"lane-{lane}")
    airflow = Airflow(**{"restore.batch_1": "failed", "restore.batch_11": "deferred"})
    assert twice(api, airflow) == Look(pods=2, left=0, ended=1, unnamed=0)
    assert names(cluster) == ["lane-11"]


def test_of_a_task_at_work_the_newest_pod_counts(
    cluster: FakeKubernetes, api: client.CoreV1Api, caplog: pytest.LogCaptureFixture
) -> None:
    start(cluster, api, replace(INGEST, try_number=3), "b-third")
    start(cluster, api, replace(INGEST, try_number=2), "a-second")
    assert twice(api, Airflow(ingest="running")).ended == 1
    assert names(cluster) == ["b-third"]
    assert "try 2) was ended: its task has a newer pod, b-third" in caplog.text


def test_pods_of_others_are_let_be(
    cluster: FakeKubernetes, api: client.CoreV1Api, caplog: pytest.LogCaptureFixture
) -> None:
    start(cluster, api, INGEST, "not-a-steps", app="scanner")
    start(cluster, api, replace(INGEST, airflow="https://other.example"), "of-another-airflow")
    start(cluster, api, None, "of-nobody")
    start(cluster, api, replace(INGEST, map_index="x"), "misread")  # type: ignore[arg-type]
    assert twice(api, Airflow(ingest="failed")) == Look(pods=0, left=0, ended=0, unnamed=2)
    assert len(names(cluster)) == 4
    assert "Pod of-nobody does not say which task started it: it is left alone." in caplog.text
    assert "not-a-steps" not in caplog.text


def test_a_note_that_cannot_be_read_is_written_anew(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    start(cluster, api, INGEST)
    for note in ("long ago", "2020-01-01T00:00:00"):
        api.patch_namespaced_pod("pod", NAMESPACE, {"metadata": {"annotations": {LEFT_SINCE: note}}})
        assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW).left == 1
        assert cluster.pods[NAMESPACE, "pod"].manifest["metadata"]["annotations"][LEFT_SINCE] == NOW.isoformat()


def test_a_pod_that_is_ending_is_not_told_again_but_one_on_a_lost_node_is_removed_by_force(
    cluster: FakeKubernetes, api: client.CoreV1Api
) -> None:
    start(cluster, api, INGEST)
    cluster.make(Fault.NODE_LOST)
    start(cluster, api, INGEST, "on-a-lost-node")
    api.patch_namespaced_pod("pod", NAMESPACE, {"metadata": {"deletionTimestamp": "2026-11-28T03:59:59Z"}})
    cluster.wait_for(lambda: cluster.pods[NAMESPACE, "on-a-lost-node"].lost)
    look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW)
    cluster.asked.clear()
    # By a clock that says NOW, one was told a second ago, and the other was to be gone before.
    for pod in cluster.pods.values():
        pod.manifest["metadata"]["annotations"][LEFT_SINCE] = (NOW - GRACE).isoformat()
    cluster.pods[NAMESPACE, "on-a-lost-node"].manifest["metadata"]["deletionTimestamp"] = "2026-11-28T03:50:00Z"
    assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW).ended == 1
    assert [path.rpartition("/")[2] for method, path, _ in cluster.asked if method == "DELETE"] == ["on-a-lost-node"]
    assert (NAMESPACE, "on-a-lost-node") not in cluster.pods


def test_an_api_server_that_is_away_costs_a_look_and_no_pod(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    start(cluster, api, INGEST)
    look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW)
    cluster.away = True
    with pytest.raises(StepFailed, match="the cluster's API server does not answer") as failed:
        look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER)
    assert failed.value.retry_helps
    cluster.away = False
    assert names(cluster) == ["pod"]
    assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER).ended == 1


def test_an_airflow_that_does_not_answer_costs_a_look_and_no_pod(
    cluster: FakeKubernetes, api: client.CoreV1Api
) -> None:
    start(cluster, api, INGEST)
    look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW)

    def nobody(*_asked: object) -> dict[str, dict[str, str | None]]:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError):
        look(api, NAMESPACE, SITE, nobody, LATER)
    assert names(cluster) == ["pod"]


def test_a_pod_that_went_meanwhile_is_no_error_and_a_missing_right_is(
    cluster: FakeKubernetes, api: client.CoreV1Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(cluster, api, INGEST)
    look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, NOW)

    def refuse(status: int) -> None:
        def delete(*_args: object, **_kwargs: object) -> None:
            raise ApiException(status=status, reason="Forbidden")

        monkeypatch.setattr(api, "delete_namespaced_pod", delete)

    refuse(404)
    assert look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER).ended == 0
    refuse(403)
    with pytest.raises(PodRefused, match=r"Forbidden.*rbac\.yaml"):
        look(api, NAMESPACE, SITE, Airflow(ingest="failed").states, LATER)
