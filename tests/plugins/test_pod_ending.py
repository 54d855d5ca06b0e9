"""How a pod ended, in the staff's language; whether trying again helps; a cluster configured twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes.client import models as k8s
from reelkeeper_airflow.operators.cluster import require_one_cluster
from reelkeeper_airflow.operators.ending import Cause, ending_of, failure

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.launch import Failure, memory_share_now
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName


def pod(deleted: datetime | None = None, state: dict[str, Any] | None = None, **status: Any) -> k8s.V1Pod:
    statuses = None
    if state:
        container = {"name": "base", "image": "i", "image_id": "i", "ready": False, "restart_count": 0}
        statuses = [k8s.V1ContainerStatus(**container, state=k8s.V1ContainerState(**state))]
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(deletion_timestamp=deleted),
        status=k8s.V1PodStatus(container_statuses=statuses, **status),
    )


def ended(reason: str, code: int) -> dict[str, Any]:
    return {"terminated": k8s.V1ContainerStateTerminated(reason=reason, exit_code=code)}


def condition(kind: str, status: str, message: str) -> list[k8s.V1PodCondition]:
    return [k8s.V1PodCondition(type=kind, status=status, message=message)]


NO_GPU = condition("PodScheduled", "False", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
NO_IMAGE = {"waiting": k8s.V1ContainerStateWaiting(reason="ErrImagePull", message="not found")}


@pytest.mark.parametrize(
    ("seen", "cause", "says", "again"),
    [
        (pod(phase="Failed", reason="Evicted", message="low on disk"), Cause.EVICTED, "low on disk", True),
        (pod(phase="Failed", state=ended("OOMKilled", 137)), Cause.OUT_OF_MEMORY, "out of memory", True),
        (pod(phase="Pending", state=NO_IMAGE), Cause.IMAGE, "image cannot be had", False),
        (pod(phase="Pending", conditions=NO_GPU), Cause.NO_NODE, "Insufficient nvidia.com/gpu", False),
        (pod(phase="Running", reason="NodeLost"), Cause.NODE_LOST, "node does not answer", True),
        (pod(datetime.now(UTC) - timedelta(minutes=5), phase="Running"), Cause.NODE_LOST, "node does not answer", True),
        (pod(phase="Failed", reason="DeadlineExceeded"), Cause.DEADLINE, "longer than its task may", False),
        (pod(phase="Failed", state=ended("Error", 3)), Cause.EXITED, "exit code 3", True),
        (None, Cause.GONE, "connection lost", True),
    ],
)
def test_an_ending_is_one_line_for_staff(seen: k8s.V1Pod | None, cause: Cause, says: str, again: bool) -> None:
    ending = ending_of(seen, "base")
    failed = failure(ending, "restore", "R-1", 6, "connection lost")
    assert ending.cause is cause
    assert says in str(failed)
    assert " Next: " in str(failed)
    assert failed.retry_helps is again


def test_what_the_next_try_does_with_less_memory_is_promised_only_where_it_does_it() -> None:
    killed = ending_of(pod(phase="Failed", state=ended("OOMKilled", 137)), "base")
    said = {step: str(failure(killed, step, "R-1", 6, "")) for step in StepName}
    assert [step for step, line in said.items() if "with smaller tiles" in line] == [StepName.ENLARGE]
    fewer = {step for step, line in said.items() if "with fewer frames at once" in line}
    assert fewer == {StepName.ASSESS, StepName.RESTORE}
    assert all("Next: wait for the next try" in line for line in said.values())


def test_a_pod_that_is_just_ending_is_not_lost() -> None:
    assert ending_of(pod(datetime.now(UTC), phase="Running"), "base").cause is not Cause.NODE_LOST


def test_a_try_after_one_without_memory_plans_with_half() -> None:
    settings = Settings()
    killed = Failure(kind="OutOfMemory", text="…", memory_share=1.0)
    assert memory_share_now(settings, None) == 1
    assert memory_share_now(settings, Failure(kind="StepFailed", text="…")) == 1
    assert memory_share_now(settings, killed) == 0.5
    assert memory_share_now(settings, killed.model_copy(update={"memory_share": 0.5})) == 0.25


def test_a_cluster_configured_twice_is_refused() -> None:
    require_one_cluster({"in_cluster": True}, {})
    require_one_cluster({}, {"KUBECONFIG": "/k"})
    with pytest.raises(WrongUse, match="configured 2 times"):
        require_one_cluster({"in_cluster": True}, {"KUBECONFIG": "/k"})
