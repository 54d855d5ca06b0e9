"""`restore_reel` on Kubernetes: a real Airflow, a fake Kubernetes API, pods that run the real `reelkeeper step run`.

One lane's first pod vanishes in the middle of its work, as when a node is lost: the task's next try ends the work.
Scheduler and triggerer are killed while another pod runs, and started again. A second reel's task is cleared, then
marked failed; a pod of it that nobody could be told of is found and ended.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from kubernetes.client import CoreV1Api
from kubernetes.config import new_client_from_config
from reelkeeper_airflow.operators.left_pods import LEFT_SINCE
from reelkeeper_airflow.operators.owner import OURS
from reelkeeper_airflow.stack import processes, service
from reelkeeper_airflow.stack.environment import Layout
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestError
from sqlalchemy import select

from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image
from tests.integration.conftest import OVER, Stack
from tests.integration.reels import SHOTS, deliver

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

REEL, OTHER = "TEST-KUBERNETES", "TEST-KUBERNETES-2"
IMAGE, NAMESPACE = "reelkeeper/restoration:test", "reelkeeper"
LOST_STEP = StepName.RESTORE
KILLED_DURING = StepName.INGEST
"""Scheduler and triggerer are killed while its pod runs."""
LOST_AFTER_S = 0.4
"""Into the container's run: Python has started, the step has not ended."""
PATIENCE_S = 480
"""About a minute is needed on two idle cores; other tests may run beside this one."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeKubernetes]:
    """A cluster that knows one image: this checkout's own environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    with FakeKubernetes({IMAGE: Image(("reelkeeper",), {"PATH": path, "OMP_NUM_THREADS": "1"})}) as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(cluster: FakeKubernetes) -> Iterator[Stack]:
    """A stack of its own, whose steps run on the fake cluster."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="reelkeeper-stack-") as folder:
        for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
            patch.delenv(name)
        patch.setenv("REELKEEPER_RUNTIME", "kubernetes")
        patch.setenv("REELKEEPER_KUBERNETES_IMAGE", IMAGE)
        # A triggerer that has been killed is missed after seconds, not half a minute.
        patch.setenv("AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC", "1")
        patch.setenv("AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD", "6")
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        home = Home(Path(folder))
        running = service.up(home, Layout(port=free_port()), lambda _line: None)
        try:
            yield Stack(running, *(running.client(user) for user in ("operator", "conservator", "viewer")))
        finally:
            service.down(home, lambda _line: None)


@pytest.fixture(scope="module")
def run_id(stack: Stack, cluster: FakeKubernetes) -> str:
    """A run from the trigger to the package, over one lost pod."""
    deliver(stack.inbox, REEL)
    cluster.make(Fault.VANISHES, {"reelkeeper/step": LOST_STEP}, after_s=LOST_AFTER_S)
    run_id = trigger_when_read_in(stack)
    kill_and_start_again(stack, cluster)
    assert approved_to_the_end(stack, run_id) == "success", stack.failures(run_id)
    return run_id


def test_the_lane_that_lost_its_pod_is_tried_again(stack: Stack, cluster: FakeKubernetes, run_id: str) -> None:
    (lost,) = [pod for pod in cluster.every_pod if pod.phase == "Failed"]
    lane = int(lost.labels["map_index"])
    assert "did not do its work" in stack.log(run_id, "restore.batch", lane, tries=1)
    task = stack.tasks(run_id)["restore.batch", lane]
    assert (task["state"], task["try_number"] > 1) == ("success", True)


def test_every_step_ran_in_a_pod_and_none_runs_on(cluster: FakeKubernetes, run_id: str) -> None:
    ended = Counter((pod.labels["reelkeeper/step"], pod.phase) for pod in cluster.every_pod)
    lanes = dict.fromkeys([(StepName.ASSESS, "Succeeded"), (StepName.RESTORE, "Succeeded")], SHOTS)
    asked = [step for step in StepName if step is not StepName.ENLARGE]  # nobody asked for a larger version
    assert ended == {(step, "Succeeded"): 1 for step in asked} | lanes | {(LOST_STEP, "Failed"): 1}
    assert not [pod.name for pod in cluster.pods.values() if not pod.ended]


def test_no_pod_holds_a_database_address_or_a_token(cluster: FakeKubernetes, run_id: str) -> None:
    for pod in cluster.every_pod:
        assert not [name for name in pod.environment if "DATABASE" in name or name.startswith(("AIRFLOW", "PG"))]
        assert not [value for value in pod.environment.values() if "postgres" in value]
        assert pod.manifest["spec"]["automountServiceAccountToken"] is False


def test_pods_are_locked_down_and_bounded(cluster: FakeKubernetes, run_id: str) -> None:
    for pod in cluster.every_pod:
        inside, outside = pod.spec["securityContext"], pod.manifest["spec"]["securityContext"]
        assert outside["runAsNonRoot"]
        assert inside["readOnlyRootFilesystem"]
        assert inside["capabilities"]["drop"] == ["ALL"]
        assert not inside["allowPrivilegeEscalation"]
        assert pod.spec["resources"]["limits"]["memory"]
        assert pod.manifest["spec"]["activeDeadlineSeconds"] > 0


def test_the_pods_progress_is_in_the_tasks_log_in_words(stack: Stack, cluster: FakeKubernetes, run_id: str) -> None:
    (pod,) = [pod for pod in cluster.every_pod if pod.labels["reelkeeper/step"] == StepName.INGEST]
    log = stack.log(run_id, "ingest")
    assert '"done"' in pod.log.text
    assert '"done"' not in log
    assert "frames" in log
    assert "ingest: worked" in log


def test_tasks_hand_on_where_the_result_is(stack: Stack, run_id: str) -> None:
    """The value would be lost if it came from the pod operator itself."""
    vault = Vault(str(stack.vault))
    assert vault.result_at(stack.xcom(run_id, "assemble")["uri"]).step == StepName.ASSEMBLE
    assert stack.xcom(run_id, "restore.batch", 0)["work"] == 1


def test_each_execution_left_one_event_and_the_chain_holds(stack: Stack, run_id: str) -> None:
    with stack.sessions.begin() as session:
        executions = Counter(session.scalars(select(Event.execution_id).where(Event.reel_id == REEL)))
        assert verify(session, REEL).ok
    assert set(executions.values()) == {1}
    assert len([execution for execution in executions if "/restore.batch/" in execution]) == SHOTS


def test_no_pod_was_started_twice_over_the_kill(stack: Stack, cluster: FakeKubernetes, run_id: str) -> None:
    """The task that waited when scheduler and triggerer were killed ended with the pod it had."""
    (pod,) = [pod for pod in cluster.every_pod if pod.labels["reelkeeper/step"] == KILLED_DURING]
    assert pod.phase == "Succeeded"
    assert stack.tasks(run_id)[KILLED_DURING, -1]["state"] == "success"


def test_no_step_was_worked_twice(stack: Stack, run_id: str) -> None:
    """The lost pod left scratch at most; the vault holds one whole result a segment."""
    vault = Vault(str(stack.vault))
    works = list((stack.vault / "reels" / REEL / LOST_STEP).glob("*/result.json"))
    assert len(works) == SHOTS
    for path in works:
        result = vault.result(REEL, LOST_STEP, path.parent.name)
        assert result is not None
        assert not vault.missing(result)
        assert len(list(path.parent.glob("a*/result.json"))) == 1


def test_a_task_cleared_or_marked_failed_takes_its_pod_along(
    stack: Stack, cluster: FakeKubernetes, run_id: str
) -> None:
    """Airflow tells the triggerer, which deletes the pod; only the cleared task gets another."""
    deliver(stack.inbox, OTHER)
    cluster.make(Fault.STAYS_PENDING, {"reelkeeper/step": StepName.INGEST}, times=2)
    known = len(cluster.every_pod)
    other = stack.trigger(OTHER)
    stack.wait_task(other, StepName.INGEST, "deferred")
    assert len(cluster.pods) == 1
    stack.clear(other, (StepName.INGEST, -1))
    cluster.wait_for(lambda: len(cluster.every_pod) == known + 2, PATIENCE_S)
    assert [pod.name for pod in cluster.pods.values()] == [cluster.every_pod[-1].name]
    stack.wait_task(other, StepName.INGEST, "deferred")
    (waiting,) = (pod.name for pod in cluster.pods.values())
    # Until the triggerer has taken the pod up, there is nobody whom Airflow could tell.
    so_far = len(cluster.asked)
    cluster.wait_for(lambda: any(waiting in path for _, path, _ in cluster.asked[so_far:]), PATIENCE_S)
    # Who ends left pods lets be what a task waits for, whatever is noted on it.
    api, pod = CoreV1Api(new_client_from_config(str(cluster.kubeconfig))), cluster.every_pod[-1]
    long_ago = {LEFT_SINCE: "2026-01-01T00:00:00+00:00"}
    api.patch_namespaced_pod(waiting, NAMESPACE, {"metadata": {"annotations": long_ago}})
    tidied(stack)
    owner = pod.manifest["metadata"]["annotations"]
    assert LEFT_SINCE not in owner
    assert [pod.name for pod in cluster.pods.values()] == [waiting]
    stack.mark(other, StepName.INGEST, "failed")
    cluster.wait_for(lambda: not cluster.pods, PATIENCE_S)
    assert stack.wait_over(other) == "failed"
    assert len(cluster.every_pod) == known + 2
    # As if nobody had been there to be told: the same pod again, of a task that is over.
    cluster.make(Fault.STAYS_PENDING)
    left = {"name": "left", "labels": OURS, "annotations": owner | long_ago}
    api.create_namespaced_pod(NAMESPACE, {"metadata": left, "spec": pod.manifest["spec"]})
    tidied(stack)
    assert not cluster.pods
    with stack.sessions.begin() as session:
        assert not list(session.scalars(select(Event.id).where(Event.reel_id == OTHER)))


def tidied(stack: Stack) -> None:
    """Run the DAG that ends left pods, to its end."""
    run = stack.operator.post("/api/v2/dags/tidy_pods/dagRuns", {"logical_date": None})["dag_run_id"]
    deadline = time.monotonic() + PATIENCE_S
    while (state := stack.operator.get(f"/api/v2/dags/tidy_pods/dagRuns/{quote(run, safe='')}")["state"]) not in OVER:
        assert time.monotonic() < deadline, state
        time.sleep(0.5)
    assert state == "success"


def kill_and_start_again(stack: Stack, cluster: FakeKubernetes) -> None:
    """Hold a step's pod, kill scheduler (with its workers) and triggerer with -9, start both, let the pod go on."""
    running = stack.running
    cluster.wait_for(lambda: bool(cluster.every_pod) and cluster.every_pod[0].phase == "Running", PATIENCE_S)
    (pod,) = cluster.every_pod
    assert pod.labels["reelkeeper/step"] == KILLED_DURING
    pod.signal(signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE_S
    while not (deferred := _deferred_to_a_triggerer(stack)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    parts = {record.name.removesuffix(processes.SUFFIX): record for record in processes.records(running.home.run)}
    for name in ("scheduler", "triggerer"):
        victims = parts[name].family()
        for process in victims:
            process.kill()
        psutil.wait_procs(victims, timeout=30)
        command = [*service.AIRFLOW, *service.COMPONENTS[name]]
        log = running.home.logs / f"{name}.log"
        processes.start(name, command, running.environment, log, running.home.run)
    while _deferred_to_a_triggerer(stack) in (deferred, None):
        assert time.monotonic() < deadline, "no triggerer took the waiting task over"
        time.sleep(0.2)
    pod.signal(signal.SIGCONT)


def _deferred_to_a_triggerer(stack: Stack) -> int | None:
    """The triggerer that watches the step's pod, if one does."""
    found = stack.operator.get(f"/api/v2/dags/{stack.dag}/dagRuns/~/taskInstances?state=deferred")["task_instances"]
    jobs = [(task["triggerer_job"] or {}).get("id") for task in found if task["task_id"] == KILLED_DURING]
    return jobs[0] if jobs else None


def trigger_when_read_in(stack: Stack) -> str:
    """Start a run as soon as the DAG has been read in."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return stack.trigger(REEL, batch_frames=1)
        except RestError as error:
            if error.status != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def approved_to_the_end(stack: Stack, run_id: str) -> str:
    """Approve whenever asked; give the state the run ends in.

    Airflow 3.3 may ask twice: a task resumed before its scheduler has seen the paused worker end counts as killed from
    outside and is tried again (`process_executor_events`); its answer is lost with the try.
    """
    deadline = time.monotonic() + PATIENCE_S
    answered = 0
    while (state := str(stack.run(run_id)["state"])) not in OVER:
        assert time.monotonic() < deadline, {task: found["state"] for task, found in stack.tasks(run_id).items()}
        question = stack.tasks(run_id).get(("decide", -1), {})
        if question.get("state") == "awaiting_input" and question["try_number"] > answered:
            stack.answer(run_id, "Approve", plan_version=1, note=None, strength="same")
            answered = question["try_number"]
        time.sleep(0.5)
    return state


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
