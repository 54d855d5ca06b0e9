"""Airflow's own pod operator and trigger against the fake Kubernetes API: what our operators build on behaves as there.

The operator's `execute`, the trigger's `run` and the re-entry are called as Airflow calls them, without a scheduler.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

NAMESPACE = "film"


@pytest.fixture(scope="module", autouse=True)
def airflow_home() -> Iterator[None]:
    """A home for Airflow's import to write into, unless another test gave it one."""
    with tempfile.TemporaryDirectory(prefix="airflow-home-") as folder:
        os.environ.setdefault("AIRFLOW_HOME", folder)
        yield


@pytest.fixture
def cluster() -> Iterator[FakeKubernetes]:
    with FakeKubernetes({"shell:1": Image(("/bin/sh", "-c"), {"PATH": os.defpath})}) as fake:
        yield fake


@pytest.fixture
def context() -> dict[str, Any]:
    """As much of a task's context as the operator reads."""
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="restore_reel",
        task_id="lane.restore",
        run_id="manual__1",
        map_index=2,
        try_number=1,
        start_date=datetime.now(UTC),
        pushed=pushed,
        xcom_push=lambda key, value: pushed.update({key: value}),
    )
    return {"ti": ti, "run_id": ti.run_id, "dag": SimpleNamespace()}


def operator(cluster: FakeKubernetes, script: str, **options: Any) -> KubernetesPodOperator:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    settings = {
        "name": "restore",
        "namespace": NAMESPACE,
        "image": "shell:1",
        "arguments": [script],
        "config_file": str(cluster.kubeconfig),
        "kubernetes_conn_id": None,
        "in_cluster": False,
        "startup_check_interval_seconds": 0.1,
        "poll_interval": 0.1,
        "do_xcom_push": False,
        "log_events_on_failure": True,  # exit code and reason appear in the log only with it
    }
    return KubernetesPodOperator(task_id="restore", **settings | options)


def run_deferred(
    task: KubernetesPodOperator, context: dict[str, Any], beside: Coroutine[Any, Any, None] | None = None
) -> dict[str, Any]:
    """Execute up to the deferral, run the trigger as the triggerer would (`beside` it what is given), and come back.

    Returns the trigger's event.
    """
    from airflow.sdk.exceptions import TaskDeferred

    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    trigger = rebuilt(deferred.value.trigger)

    async def first_event() -> dict[str, Any]:
        companion = asyncio.create_task(beside) if beside else None
        async for event in trigger.run():
            if companion:
                await companion
            return dict(event.payload)
        raise AssertionError("the trigger ended without an event")

    payload = asyncio.run(asyncio.wait_for(first_event(), 20))
    getattr(task, deferred.value.method_name)(context=context, event=payload)
    return payload


def rebuilt(trigger: Any) -> Any:
    """The trigger after its way through the database: only what it serializes is left."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**arguments)


def test_a_pod_that_succeeds(
    cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    operator(cluster, "echo frame 1; sleep 0.2; echo frame 2 >&2").execute(context)
    written = capsys.readouterr().out
    assert "[base] frame 1" in written
    assert "[base] frame 2" in written
    assert cluster.every_pod[0].labels["map_index"] == "2"
    assert context["ti"].pushed["pod_name"] == cluster.every_pod[0].name
    assert not cluster.pods, "the operator deletes what has succeeded"


def test_a_pod_that_fails(cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    from airflow.sdk.exceptions import AirflowException

    with pytest.raises(AirflowException, match=r"'exit_code': 3"):
        operator(cluster, "echo reel 7 is missing; exit 3").execute(context)
    written = capsys.readouterr().out
    assert "reel 7 is missing" in written
    assert "exit_code=3" in written


def test_a_deferred_pod_that_succeeds(
    cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    event = run_deferred(operator(cluster, "sleep 0.3; echo done", deferrable=True), context)
    assert event["status"] == "success"
    assert "logs: done" in capsys.readouterr().out
    assert not cluster.pods


def test_a_deferred_pod_that_fails(
    cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.sdk.exceptions import AirflowException

    with pytest.raises(AirflowException, match=r"'exit_code': 3"):
        run_deferred(operator(cluster, "sleep 0.3; echo reel 7 is missing; exit 3", deferrable=True), context)
    assert "reel 7 is missing" in capsys.readouterr().out


def test_the_logging_interval_brings_lines_before_the_end(
    cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = f"echo early; until [ -e {gate} ]; do sleep 0.05; done; echo late"

    async def open_when_early_is_seen() -> None:
        while "early" not in capsys.readouterr().out:
            await asyncio.sleep(0.05)
        gate.touch()

    task = operator(cluster, script, deferrable=True, logging_interval=1)
    assert run_deferred(task, context, open_when_early_is_seen())["status"] == "success"
    assert "late" in capsys.readouterr().out


def test_out_of_memory_is_named(
    cluster: FakeKubernetes, context: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.sdk.exceptions import AirflowException

    cluster.make(Fault.OUT_OF_MEMORY, {"task_id": "lane.restore"}, after_s=0.3)
    with pytest.raises(AirflowException, match="OOMKilled"):
        run_deferred(operator(cluster, "exec sleep 60", deferrable=True), context)
    assert "exit_code=137" in capsys.readouterr().out


def test_a_missing_image_fails_early(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import AirflowException

    with pytest.raises(AirflowException) as failed:
        operator(cluster, "true", image="nobody/knows:1").execute(context)
    assert "Image cannot be pulled" in str(failed.value.__context__), "the operator's clean-up hides the first error"
    assert not cluster.pods


def test_a_pod_that_finds_no_room_times_out(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import AirflowException

    cluster.make(Fault.STAYS_PENDING)
    with pytest.raises(AirflowException) as failed:
        operator(cluster, "true", schedule_timeout_seconds=1).execute(context)
    assert "took too long to be scheduled" in str(failed.value.__context__)
    cluster.wait_for(lambda: not cluster.pods)


def test_a_pod_that_vanishes_while_deferred_is_not_found(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    from airflow.providers.cncf.kubernetes.utils.pod_manager import PodNotFoundException

    cluster.make(Fault.VANISHES, after_s=0.3)
    with pytest.raises(PodNotFoundException):
        run_deferred(operator(cluster, "exec sleep 60", deferrable=True), context)


def test_a_second_try_takes_the_running_pod_over(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    with contextlib.suppress(TaskDeferred):
        operator(cluster, "sleep 1; echo done", deferrable=True).execute(context)
    context["ti"].try_number = 2
    assert run_deferred(operator(cluster, "sleep 1; echo done", deferrable=True), context)["status"] == "success"
    assert len(cluster.every_pod) == 1


def test_a_killed_task_takes_its_pod_along(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    task = operator(cluster, "exec sleep 60", termination_grace_period=1)
    outcome: list[BaseException] = []

    def execute() -> None:
        try:
            task.execute(context)
        except Exception as error:
            outcome.append(error)

    worker = threading.Thread(target=execute)
    worker.start()
    # the operator deletes the pod it knows: wait until it has heard back of its creation, too
    cluster.wait_for(lambda: task.pod is not None and cluster.every_pod[0].phase == "Running")
    task.on_kill()
    worker.join(40)
    assert not worker.is_alive()
    cluster.wait_for(lambda: not cluster.pods)
    assert cluster.every_pod[0].container is not None
    assert cluster.every_pod[0].container.exit_code == 143


def test_the_deadline_of_the_task_ends_a_deferred_pod(cluster: FakeKubernetes, context: dict[str, Any]) -> None:
    """Only with a logging interval: without one, the re-entry follows the log until the pod ends by itself."""
    from airflow.sdk.exceptions import AirflowException

    limit = timedelta(seconds=2)
    task = operator(cluster, "exec sleep 60", deferrable=True, execution_timeout=limit, logging_interval=1)
    with pytest.raises(AirflowException) as failed:
        run_deferred(task, context)
    assert "execution_timeout" in str(failed.value.__context__)
    cluster.wait_for(lambda: not cluster.pods)
