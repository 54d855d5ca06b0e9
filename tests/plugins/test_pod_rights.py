"""The roles in docker/kubernetes/rbac.yaml are what Airflow's components ask of the cluster: no less, and no more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from reelkeeper_airflow.operators import cluster as cluster_module
from reelkeeper_airflow.operators.pod_trigger import StepPodTrigger

from tests.docker.kubernetes_types import MANIFESTS, documents
from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image

PATH = re.compile(r"/api/v1/namespaces/[^/]+/(pods|events)(/[^/]+)?(/log|/exec)?")
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
Right = tuple[str, str]


def granted(role: str) -> set[Right]:
    (found,) = [
        document
        for document in documents(MANIFESTS / "rbac.yaml")
        if document["kind"] == "Role" and document["metadata"]["name"] == role
    ]
    assert all(rule["apiGroups"] == [""] for rule in found["rules"])
    return {(verb, what) for rule in found["rules"] for what in rule["resources"] for verb in rule["verbs"]}


def rights(asked: list[tuple[str, str, str]]) -> set[Right]:
    """As Kubernetes' authorisation sees requests."""
    found = set()
    for method, path, query in asked:
        if not (match := PATH.fullmatch(path)):
            continue
        kind, name, part = match.groups()
        verb = VERBS.get(method) or ("get" if name else "list")
        if verb == "list" and parse_qs(query).get("watch", ["false"])[0].lower() in ("true", "1"):
            verb = "watch"
        found.add((verb, kind + (part or "")))
    return found


class Asked(SimpleNamespace):
    """Who asked for what."""

    worker: set[Right]
    triggerer: set[Right]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """A pod that succeeds, one that fails, one whose task is cleared, one that no node takes; deferred as ours are."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.sdk.exceptions import AirflowException, TaskDeferred

    said = Asked(worker=set(), triggerer=set())
    with FakeKubernetes({"shell:1": Image(("/bin/sh", "-c"), {"PATH": "/bin:/usr/bin"})}) as cluster:

        def told() -> set[Right]:
            found = rights(cluster.asked)
            cluster.asked.clear()
            return found

        cluster.make(Fault.STAYS_PENDING, {"run_id": "manual__3"})
        for number, script in enumerate(("echo begun; sleep 1.5", "exit 3", "sleep 60", "echo waits for a node")):
            pushed: dict[str, Any] = {}
            ti = SimpleNamespace(
                dag_id="restore_reel",
                task_id="ingest",
                run_id=f"manual__{number}",
                map_index=-1,
                try_number=1,
                start_date=datetime.now(UTC),
                xcom_push=lambda key, value, into=pushed: into.update({key: value}),
            )
            context = {"ti": ti, "run_id": ti.run_id, "dag": SimpleNamespace()}
            ingest = KubernetesPodOperator(
                task_id="ingest",
                name="ingest",
                namespace="reelkeeper",
                image="shell:1",
                arguments=[script],
                config_file=str(cluster.kubeconfig),
                kubernetes_conn_id=None,
                in_cluster=False,
                deferrable=True,
                do_xcom_push=False,
                poll_interval=0.1,
                startup_check_interval_seconds=0.1,
                logging_interval=0.2,
                schedule_timeout_seconds=1,
                log_events_on_failure=True,
                on_finish_action="delete_pod",
                on_kill_action="delete_pod",
            )
            with pytest.raises(TaskDeferred) as deferred:
                ingest.execute(context)
            said.worker |= told()
            trigger = StepPodTrigger(**deferred.value.trigger.serialize()[1])
            event = asyncio.run(first_event(trigger, cleared=script == "sleep 60"))
            said.triggerer |= told()
            if event is not None:
                try:
                    getattr(ingest, deferred.value.method_name)(context=context, event=event)
                except AirflowException:
                    assert script in ("exit 3", "echo waits for a node")
                said.worker |= told()
        yield said


async def first_event(trigger: StepPodTrigger, cleared: bool) -> dict[str, Any] | None:
    """What the triggerer hands back; None where a person cleared the task meanwhile."""
    if cleared:
        await trigger.on_kill()
        return None
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError("the trigger ended without an event")


def test_the_scheduler_may_do_what_its_tasks_ask(asked: Asked) -> None:
    assert asked.worker == granted("reelkeeper-conductor")


def test_the_triggerer_may_do_what_it_asks(asked: Asked) -> None:
    assert asked.triggerer == granted("reelkeeper-watcher")


def test_calls_of_our_own_are_among_them() -> None:
    folder = Path(cluster_module.__file__).parent
    calls = {
        found
        for path in folder.glob("*.py")
        for found in re.findall(r"\b(read|list|delete|patch|create)_namespaced_(pod_log|pod|event)\b", path.read_text())
    }
    names = {"pod": "pods", "pod_log": "pods/log", "event": "events"}
    wanted = {("get" if verb == "read" else verb, names[kind]) for verb, kind in calls}
    assert wanted
    assert wanted <= granted("reelkeeper-conductor")


def test_bindings_name_the_charts_service_accounts_and_roles_that_are_there() -> None:
    bound = {}
    for document in documents(MANIFESTS / "rbac.yaml"):
        if document["kind"] == "RoleBinding":
            (subject,) = document["subjects"]
            bound[subject["name"]] = document["roleRef"]["name"]
    # The chart names accounts by release and component; docs/kubernetes.md installs the release `airflow`.
    assert bound == {"airflow-scheduler": "reelkeeper-conductor", "airflow-triggerer": "reelkeeper-watcher"}
