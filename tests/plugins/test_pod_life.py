"""A step's pod through all that may befall it: what becomes of the task, what staff read, no work done twice.

One test for each line of the runbook's table (`docs/kubernetes.md`, *When a pod ends badly*).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
from kubernetes.client import CoreV1Api
from kubernetes.config import new_client_from_config
from reelkeeper_airflow.notify import site
from reelkeeper_airflow.operators import cluster as patience
from reelkeeper_airflow.operators import left_pods
from reelkeeper_airflow.operators import pod as pod_module
from reelkeeper_airflow.operators.pod_template import GPU
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import reels
from tests.fakes.kubernetes_api import Fault
from tests.integration.reels import FRAMES_A_SHOT, SHOTS, deliver
from tests.plugins.pod_bench import (
    PATIENCE_S,
    REAL,
    REEL,
    PodBench,
    killed_by_a_person,
    one_cluster,
    trigger_of,
    triggerer_stopped,
)

FRAMES = SHOTS * FRAMES_A_SHOT
SLEEPS = "echo at work; exec sleep 60"
PROGRESS = '{"progress": {"label": "ingest", "done": 7, "total": 30, "unit": "frames checked"}}'


@pytest.fixture
def bench(
    tmp_path: Path, database: str, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> Iterator[PodBench]:
    for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    with one_cluster() as cluster:
        for name, value in {
            "REELKEEPER_HOME": str(home),
            "REELKEEPER_DATABASE_URL": database,
            "REELKEEPER_RUNTIME": "kubernetes",
            "REELKEEPER_KUBERNETES_IMAGE": REAL,
            "KUBECONFIG": str(cluster.kubeconfig),
            "AIRFLOW_CONN_KUBERNETES_DEFAULT": '{"conn_type": "kubernetes"}',
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(patience, "API_PAUSE_S", 0.1)
        deliver(home / "inbox", REEL)
        with sessions.begin() as session:
            reels.register(session, REEL)
        yield PodBench(home, cluster, sessions, lambda image: monkeypatch.setenv("REELKEEPER_KUBERNETES_IMAGE", image))


def goes_on(bench: PodBench, pods: int) -> None:
    """The next try ends the work, in a pod of its own, and leaves one event."""
    bench.choose(REAL)
    assert bench.task(2).run()["figures"]["frames"] == FRAMES
    assert (len(bench.cluster.every_pod), bench.cluster.pods) == (pods, {})
    assert (bench.events(), bench.results()) == (1, 1)


def test_an_evicted_pod_is_followed_by_another(bench: PodBench) -> None:
    bench.image("sleeps:1", SLEEPS)
    bench.cluster.make(Fault.EVICTED, after_s=0.3)
    with pytest.raises(AirflowException) as failed:
        bench.task().run()
    assert not isinstance(failed.value, AirflowFailException)
    assert "the pod of ingest was evicted from its node (The node was low on resource: ephemeral-storage.)" in str(
        failed.value
    )
    assert "Next: wait for the next try; if it stays so, allow it more disk or memory" in str(failed.value)
    goes_on(bench, pods=2)


def test_a_pod_out_of_memory_is_followed_by_one_that_plans_with_half(bench: PodBench) -> None:
    bench.image("sleeps:1", SLEEPS)
    for try_number in (1, 2):
        bench.cluster.make(Fault.OUT_OF_MEMORY, after_s=0.2)
        with pytest.raises(AirflowException, match=r"ran out of memory. Next: wait for the next try") as failed:
            bench.task(try_number).run()
        assert not isinstance(failed.value, AirflowFailException)
    goes_on(bench, pods=3)
    assert [float(pod.environment["REELKEEPER_MEMORY_SHARE"]) for pod in bench.cluster.every_pod] == [1.0, 0.5, 0.25]


def test_an_image_that_cannot_be_had_fails_at_once_and_is_not_tried_again(bench: PodBench) -> None:
    bench.choose("nobody/knows:1")
    with pytest.raises(AirflowFailException, match="its image cannot be had") as failed:
        bench.task().run()
    assert 'failed to pull and unpack image "nobody/knows:1": not found' in str(failed.value)
    assert "check the image's name and the registry" in str(failed.value)
    assert not bench.cluster.pods, "nothing is left waiting"


def test_a_pod_waits_for_a_gpu_as_long_as_the_archive_says_and_no_worker_with_it(
    bench: PodBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ingest asks for no GPU; what is asked for decides only the cluster's words.
    monkeypatch.setattr(pod_module, "pod_arguments", _asking_for_a_gpu(pod_module.pod_arguments))
    bench.cluster.make(Fault.STAYS_PENDING, times=2)
    waits = bench.task().begin()
    assert waits is not None
    watch = trigger_of(waits)
    assert watch.schedule_timeout == 6 * 3600 > watch.startup_timeout, "a queue may be longer than a start"
    killed_by_a_person(waits)
    assert not bench.cluster.pods

    monkeypatch.setenv("REELKEEPER_KUBERNETES_WAIT_HOURS", str(1 / 3600))
    with pytest.raises(AirflowFailException, match=r"found no node in 0\.000277778 hours") as failed:
        bench.task().run()
    assert "(0/1 nodes are available: 1 Insufficient nvidia.com/gpu.)" in str(failed.value)
    assert "Next: free or add a node that has what it asks for" in str(failed.value)
    bench.cluster.wait_for(lambda: not bench.cluster.pods)


def test_work_on_a_lost_node_is_done_on_another_and_its_pod_removed_by_force(
    bench: PodBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "DYING_PATIENCE_S", 0.5)
    bench.image("sleeps:1", SLEEPS)
    bench.cluster.make(Fault.NODE_LOST, after_s=0.3)
    with pytest.raises(AirflowException, match="is lost, as its node does not answer") as failed:
        bench.task().run()
    assert not isinstance(failed.value, AirflowFailException)
    assert "Next: wait for the next try, on another node" in str(failed.value)
    assert bench.cluster.pods, "the API goes on showing it, as nobody could end it"
    goes_on(bench, pods=2)


def test_an_api_server_that_is_away_for_a_while_is_waited_for(
    bench: PodBench, caplog: pytest.LogCaptureFixture
) -> None:
    gate = bench.gated()
    task = bench.task()
    deferred = task.begin()
    assert deferred is not None
    bench.wait_running()
    bench.cluster.away = True
    asked = len(bench.cluster.asked)
    watching = threading.Thread(target=lambda: task.end(deferred))
    watching.start()
    bench.cluster.wait_for(lambda: len(bench.cluster.asked) > asked + 3, PATIENCE_S)
    gate.touch()
    bench.cluster.wait_for(lambda: bench.cluster.every_pod[0].ended, PATIENCE_S)
    assert watching.is_alive(), "the pod has ended and nobody could know"
    bench.cluster.away = False
    watching.join(PATIENCE_S)
    assert task.pushed["return_value"]["figures"]["frames"] == FRAMES
    assert (len(bench.cluster.every_pod), bench.events()) == (1, 1)
    assert "The cluster's API server does not answer" in caplog.text


def test_an_api_server_that_is_away_for_too_long_fails_the_try_and_the_next_finds_the_pod(
    bench: PodBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert patience.API_PATIENCE_S >= 60, "a control plane that is upgraded is away for minutes"
    gate = bench.gated()
    task = bench.task()
    deferred = task.begin()
    bench.wait_running()
    monkeypatch.setattr(patience, "API_PATIENCE_S", 0.3)
    bench.cluster.away = True
    with pytest.raises(AirflowException, match="API server did not answer") as failed:
        task.end(deferred)
    assert not isinstance(failed.value, AirflowFailException)
    assert "the pod, if there is one, is found again by the next try" in str(failed.value)
    bench.cluster.away = False
    gate.touch()
    goes_on(bench, pods=1)


def test_a_task_cleared_while_its_pod_runs_starts_anew_when_that_one_is_gone(bench: PodBench) -> None:
    bench.image("stubborn:1", "trap '' TERM; echo at work; while :; do sleep 0.1; done")
    deferred = bench.task().begin()
    assert deferred is not None
    bench.wait_running()
    killed_by_a_person(deferred)
    assert bench.cluster.pods, "it takes its time to end"
    bench.choose(REAL)
    anew = bench.task(2, max_tries=3)
    assert anew.run()["figures"]["frames"] == FRAMES
    first, second = bench.cluster.every_pod
    assert (first.container.exit_code, second.phase) == (137, "Succeeded")
    assert first.container.finished <= second.container.started, "two pods worked at one time"
    assert bench.events() == 1


def test_a_task_marked_failed_while_its_pod_runs_leaves_no_pod_and_no_event(bench: PodBench) -> None:
    bench.image("sleeps:1", SLEEPS)
    deferred = bench.task().begin()
    assert deferred is not None
    bench.wait_running()
    killed_by_a_person(deferred)
    bench.cluster.wait_for(lambda: not bench.cluster.pods)
    assert bench.cluster.every_pod[0].container.exit_code == 143
    assert (bench.events(), bench.results()) == (0, 0)


def test_a_task_marked_failed_before_anybody_watched_leaves_a_pod_that_is_found_and_ended(bench: PodBench) -> None:
    bench.image("sleeps:1", SLEEPS)
    assert bench.task().begin() is not None
    bench.wait_running()
    api = CoreV1Api(new_client_from_config(str(bench.cluster.kubeconfig)))
    asked: list[Any] = []

    def states(*what: Any) -> dict[str, dict[str, str | None]]:
        asked.append(what)
        return {"run-1": {"ingest": "failed"}}

    for moment in (datetime.now(UTC), datetime.now(UTC) + left_pods.GRACE):
        left_pods.look(api, "reelkeeper", site(), states, moment)
    assert asked == [("restore_reel", ["ingest"], ["run-1"])] * 2
    bench.cluster.wait_for(lambda: not bench.cluster.pods)
    assert (bench.events(), bench.results()) == (0, 0)


def test_a_restarted_triggerer_lets_the_pod_run_and_watches_it_again(bench: PodBench) -> None:
    gate = bench.gated()
    task = bench.task()
    deferred = task.begin()
    assert deferred is not None
    bench.wait_running()
    triggerer_stopped(deferred)
    assert bench.phases() == ["Running"]
    gate.touch()
    task.end(deferred)
    assert (len(bench.cluster.every_pod), bench.events()) == (1, 1)


@pytest.mark.parametrize("when", ["it runs", "it has ended"])
def test_a_try_after_a_killed_worker_takes_the_running_pod_up_or_its_result(bench: PodBench, when: str) -> None:
    gate = bench.gated()
    bench.task().begin()
    bench.wait_running()
    gate.touch()
    if when == "it has ended":
        bench.cluster.wait_for(lambda: bench.cluster.every_pod[0].ended, PATIENCE_S)
    goes_on(bench, pods=1)


def test_a_pod_that_succeeds_and_leaves_no_result_has_failed(bench: PodBench) -> None:
    bench.image("does-nothing:1", "echo all is well")
    with pytest.raises(AirflowException, match="ended without leaving a whole result") as failed:
        bench.task().run()
    assert not isinstance(failed.value, AirflowFailException)
    assert bench.phases() == ["Succeeded"]
    assert bench.events() == 0


def test_a_pod_told_to_end_by_somebody_else_is_no_success(bench: PodBench) -> None:
    task = bench.task()
    deferred = task.begin()
    (pod,) = bench.cluster.every_pod
    # The step has begun when its first frame has been read; it is then told to end, as by a drained node.
    bench.cluster.wait_for(lambda: "progress" in pod.log.text, PATIENCE_S)
    bench.cluster.delete(pod, 10)
    with pytest.raises(AirflowException) as failed:
        task.end(deferred)
    assert not isinstance(failed.value, AirflowFailException)
    assert pod.container.exit_code == 143
    assert (bench.events(), bench.results()) == (0, 0)


def test_a_cluster_configured_twice_is_refused_before_anything_is_asked_of_it(
    bench: PodBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = json.dumps({"conn_type": "kubernetes", "extra": {"kube_config_path": str(bench.cluster.kubeconfig)}})
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", extra)
    with pytest.raises(AirflowFailException) as failed:
        bench.task().run()
    assert "the cluster is configured 2 times: kube_config_path of the connection, KUBECONFIG" in str(failed.value)
    assert not bench.cluster.asked


def test_the_steps_words_arrive_while_it_works(bench: PodBench, capsys: pytest.CaptureFixture[str]) -> None:
    gate = bench.gated(before=f"echo '{PROGRESS}'")
    task = bench.task()
    deferred = task.begin()
    ends = threading.Thread(target=lambda: task.end(deferred))
    ends.start()
    said, deadline = "", time.monotonic() + PATIENCE_S
    while "7 of 30 frames checked" not in said and time.monotonic() < deadline:
        time.sleep(0.05)
        said += capsys.readouterr().out
    assert "7 of 30 frames checked" in said
    assert bench.phases() == ["Running"]
    gate.touch()
    ends.join(PATIENCE_S)
    assert bench.events() == 1


def test_a_used_up_quota_is_asked_again_without_a_worker(bench: PodBench) -> None:
    bench.cluster.refuse_pods = (403, 'pods "x" is forbidden: exceeded quota: gpus')
    with pytest.raises(AirflowRescheduleException):
        bench.task().run()
    assert not bench.cluster.every_pod
    bench.cluster.refuse_pods = None
    bench.image("sleeps:1", SLEEPS)
    assert bench.task().begin() is not None
    bench.wait_running()


def test_a_right_that_airflow_lacks_fails_at_once(bench: PodBench) -> None:
    bench.cluster.refuse_pods = (403, 'pods is forbidden: User "airflow-scheduler" cannot create resource "pods"')
    with pytest.raises(AirflowFailException, match="in the cluster: pods is forbidden: User ") as failed:
        bench.task().run()
    assert "ask the platform engineer which rights Airflow has" in str(failed.value)


def _asking_for_a_gpu(made: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def arguments(*asked: Any) -> dict[str, Any]:
        pod = made(*asked)
        pod["container_resources"].limits[GPU] = "1"
        return pod

    return arguments
