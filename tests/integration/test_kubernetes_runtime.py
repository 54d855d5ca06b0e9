"""`restore_reel` on Kubernetes: a real Airflow, a fake Kubernetes API, pods that run the real `reelkeeper step run`.

One lane's first pod vanishes in the middle of its work, as when a node is lost: the task's next try ends the work.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reelkeeper_airflow.stack import service
from reelkeeper_airflow.stack.environment import Layout
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestError
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image, Pod
from tests.integration.reels import SHOTS, deliver

pytestmark = [pytest.mark.integration, pytest.mark.timeout(560)]

REEL = "HK-1967-012_r3"
IMAGE = "reelkeeper/restoration:test"
DAG = "/api/v2/dags/restore_reel"
RUN_ID = "kubernetes"
RUN = f"{DAG}/dagRuns/{RUN_ID}"
PATIENCE_S = 450
STEPS = {"ingest", "shots", "assess", "plan", "restore", "assemble", "check", "package"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeKubernetes]:
    """A cluster that knows one image: this checkout's own environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    with FakeKubernetes({IMAGE: Image(("reelkeeper",), {"PATH": path, "OMP_NUM_THREADS": "1"})}) as fake:
        yield fake


@pytest.fixture(scope="module")
def stack(cluster: FakeKubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Running]:
    """A stack of its own that works on the fake cluster."""
    home = Home(tmp_path_factory.mktemp("kubernetes"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
            patch.delenv(name)
        patch.setenv("REELKEEPER_RUNTIME", "kubernetes")
        patch.setenv("REELKEEPER_KUBERNETES_IMAGE", IMAGE)
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        running = service.up(home, Layout(port=free_port()))
        try:
            yield running
        finally:
            service.down(home)


@pytest.fixture(scope="module")
def final_state(stack: service.Running, cluster: FakeKubernetes) -> str:
    """The state `restore_reel` ended in, the decision answered by the conservator."""
    deliver(stack.home.inbox, REEL)
    cluster.make(Fault.VANISHES, {"reelkeeper/step": "restore"}, after_s=0.4)
    operator, conservator = stack.client("operator"), stack.client("conservator")
    conf = {"reel_id": REEL, "batch_frames": 1}
    operator.post(f"{DAG}/dagRuns", {"dag_run_id": RUN_ID, "logical_date": None, "conf": conf})
    deadline = time.monotonic() + PATIENCE_S
    while (state := str(operator.get(RUN)["state"])) not in ("success", "failed"):
        assert time.monotonic() < deadline, f"not finished in {PATIENCE_S} s:\n{story(stack)}"
        for task in tasks(stack, state="awaiting_input"):
            approve(conservator, task["task_id"])
        time.sleep(0.5)
    return state


def test_the_run_succeeds_over_a_lost_pod(stack: service.Running, final_state: str) -> None:
    assert final_state == "success", story(stack)
    tries = {(task["task_id"], task["map_index"]): task["try_number"] for task in tasks(stack)}
    assert sorted(tries[lane] for lane in tries if lane[0] == "restore.batch") == [1] * (SHOTS - 1) + [2]


def test_every_step_ran_in_a_pod_that_is_gone_again(cluster: FakeKubernetes, final_state: str) -> None:
    ended = Counter((pod.labels["reelkeeper/step"], pod.phase) for pod in cluster.every_pod)
    assert ended == {(step, "Succeeded"): 1 for step in STEPS} | {
        ("assess", "Succeeded"): SHOTS,
        ("restore", "Succeeded"): SHOTS,
        ("restore", "Failed"): 1,
    }
    assert not cluster.pods


def test_no_pod_holds_a_database_address_or_a_token(cluster: FakeKubernetes, final_state: str) -> None:
    for pod in cluster.every_pod:
        assert not [name for name in pod.environment if "DATABASE" in name or name.startswith(("AIRFLOW", "PG"))]
        assert not [value for value in pod.environment.values() if "postgres" in value]
        assert pod.manifest["spec"]["automountServiceAccountToken"] is False


def test_pods_are_locked_down_and_bounded(cluster: FakeKubernetes, final_state: str) -> None:
    for pod in cluster.every_pod:
        inside, outside = pod.spec["securityContext"], pod.manifest["spec"]["securityContext"]
        assert outside["runAsNonRoot"]
        assert inside["readOnlyRootFilesystem"]
        assert inside["capabilities"]["drop"] == ["ALL"]
        assert not inside["allowPrivilegeEscalation"]
        assert pod.spec["resources"]["limits"]["memory"]
        assert pod.manifest["spec"]["activeDeadlineSeconds"] > 0


def test_what_a_pod_wrote_is_in_the_tasks_log(
    stack: service.Running, cluster: FakeKubernetes, final_state: str
) -> None:
    (ingest,) = pods_of(cluster, "ingest")
    assert ingest.log.text
    log = task_log(stack, "ingest", -1, 1)
    assert "frame" in log, log
    assert "ingest: worked" in log, log


def test_each_execution_left_one_event_and_the_chain_holds(stack: service.Running, final_state: str) -> None:
    from restoration_tasks.provenance.models import Event
    from restoration_tasks.provenance.verify import verify

    engine = create_engine(stack.databases.reelkeeper)
    with Session(engine) as session:
        events = session.scalars(select(Event).where(Event.reel_id == REEL)).all()
        assert verify(session, REEL).ok
    engine.dispose()
    executions = Counter(event.execution_id for event in events)
    assert max(executions.values()) == 1, executions
    restored = [execution for execution in executions if "/restore.batch/" in execution]
    assert len(restored) == SHOTS, executions


def test_the_lane_that_lost_its_pod_has_the_bytes_it_would_have_had(stack: service.Running, final_state: str) -> None:
    """Every result named by the vault has the digest written in it, the one of the broken lane too."""
    from restoration_tasks.runtime.spec import StepName
    from restoration_tasks.runtime.vault import Vault

    vault = Vault(str(stack.home.vault))
    found = list((stack.home.vault / "reels" / REEL / StepName.RESTORE).glob("*/result.json"))
    assert len(found) == SHOTS
    for path in found:
        result = vault.result(REEL, StepName.RESTORE, path.parent.name)
        assert result is not None
        assert not vault.missing(result)


# -- questions to Airflow ------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tasks(stack: service.Running, **query: str) -> list[dict[str, Any]]:
    wanted = "&".join(f"{name}={value}" for name, value in {"limit": "200", **query}.items())
    found: list[dict[str, Any]] = stack.client("viewer").get(f"{RUN}/taskInstances?{wanted}")["task_instances"]
    return found


def approve(conservator: Any, task_id: str) -> None:
    address = f"{RUN}/taskInstances/{task_id}/-1/hitlDetails"
    question = conservator.get(address)
    answers = {name: param["value"] for name, param in question["params"].items()}
    conservator.patch(address, {"chosen_options": ["Approve"], "params_input": answers})


def task_log(stack: service.Running, task_id: str, map_index: int, attempt: int) -> str:
    answer = stack.client("operator").get(f"{RUN}/taskInstances/{task_id}/logs/{attempt}?map_index={map_index}")
    return "\n".join(str(line.get("event", line)) if isinstance(line, dict) else line for line in answer["content"])


def pods_of(cluster: FakeKubernetes, step: str) -> list[Pod]:
    return [pod for pod in cluster.every_pod if pod.labels["reelkeeper/step"] == step]


def story(stack: service.Running) -> str:
    """What every task of the run came to, and the last lines of those that failed."""
    lines = []
    for task in tasks(stack):
        lines.append(f"{task['task_id']}[{task['map_index']}] {task['state']} after {task['try_number']} tries")
        if task["state"] in ("failed", "up_for_retry"):
            try:
                lines += task_log(stack, task["task_id"], task["map_index"], task["try_number"]).splitlines()[-25:]
            except RestError as error:
                lines.append(f"no log: {error}")
    return "\n".join(lines)
