"""The fake Kubernetes API through the official client: objects, selectors, logs, exec, endings and faults."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, watch
from kubernetes.stream import stream

from tests.fakes.kubernetes_api import FakeKubernetes, Fault, Image

NAMESPACE = "film"
SHELL = Image(("/bin/sh", "-c"), {"PATH": os.defpath, "PROJECTOR": "on"})


@pytest.fixture
def cluster() -> Iterator[FakeKubernetes]:
    with FakeKubernetes({"shell:1": SHELL}) as fake:
        yield fake


@pytest.fixture
def api(cluster: FakeKubernetes) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


def manifest(script: str, name: str = "reel", **spec: Any) -> dict[str, Any]:
    container = {"name": "base", "image": spec.pop("image", "shell:1"), "args": [script], **spec.pop("container", {})}
    return {"metadata": {"name": name, "labels": spec.pop("labels", {})}, "spec": {"containers": [container], **spec}}


def phase(cluster: FakeKubernetes, name: str = "reel") -> str:
    return cluster.pods[NAMESPACE, name].phase


def log(api: client.CoreV1Api, **query: int) -> str:
    """A pod's log so far. (Preloaded, this client answers the repr of the bytes.)"""
    return api.read_namespaced_pod_log("reel", NAMESPACE, _preload_content=False, **query).data.decode()


def run(cluster: FakeKubernetes, api: client.CoreV1Api, script: str, name: str = "reel", **spec: Any) -> client.V1Pod:
    """Create a pod, wait for its end, return it as the client reads it."""
    api.create_namespaced_pod(NAMESPACE, manifest(script, name, **spec))
    cluster.wait_for(lambda: cluster.pods[NAMESPACE, name].ended)
    return api.read_namespaced_pod(name, NAMESPACE)


def test_a_pod_runs_to_success_and_says_when(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    pod = run(cluster, api, "echo leader; echo tail >&2")
    ended = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, ended.exit_code, ended.reason) == ("Succeeded", 0, "Completed")
    assert pod.metadata.creation_timestamp <= ended.started_at <= ended.finished_at
    assert pod.metadata.uid
    assert log(api) == "leader\ntail\n"


def test_a_failing_pod_shows_its_exit_code_and_last_words(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    pod = run(
        cluster, api, "echo no such reel; exit 3", container={"terminationMessagePolicy": "FallbackToLogsOnError"}
    )
    ended = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, ended.exit_code, ended.reason, ended.message) == ("Failed", 3, "Error", "no such reel")


def test_command_replaces_the_entrypoint_and_is_found_on_the_images_path(
    cluster: FakeKubernetes, api: client.CoreV1Api, tmp_path: Path
) -> None:
    (tmp_path / "perforate").write_text("#!/bin/sh\necho perforated $1\n")
    (tmp_path / "perforate").chmod(0o755)
    cluster.images["tools:1"] = Image(environment={"PATH": f"{tmp_path}:{os.defpath}"})
    run(cluster, api, "16mm", image="tools:1", container={"command": ["perforate"]})
    assert log(api) == "perforated 16mm\n"
    pod = run(cluster, api, "", "other", image="tools:1", container={"command": ["no-such-program"]})
    assert pod.status.container_statuses[0].state.terminated.reason == "StartError"


def test_a_container_sees_its_own_variables_and_not_ours(
    cluster: FakeKubernetes, api: client.CoreV1Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", "postgresql://secret")
    name = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    script = "echo $PROJECTOR $REEL $POD [$REELKEEPER_DATABASE_URL]"
    run(cluster, api, script, container={"env": [{"name": "REEL", "value": "R1"}, name]})
    assert log(api) == "on R1 reel []\n"


def test_lists_select_by_label(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    run(cluster, api, "true", "one", labels={"task_id": "restore", "lane": "1"})
    run(cluster, api, "true", "two", labels={"task_id": "restore", "lane": "2", "checked": "True"})

    def names(selector: str) -> list[str]:
        return [pod.metadata.name for pod in api.list_namespaced_pod(NAMESPACE, label_selector=selector).items]

    assert names("task_id=restore") == ["one", "two"]
    assert names("task_id=restore,checked!=True,!worker") == ["one"]
    assert names("lane==2,checked") == ["two"]
    assert names("!lane") == []
    assert not api.list_namespaced_pod("elsewhere").items
    with pytest.raises(client.ApiException, match="400"):
        names("lane in (1,2)")


def test_patch_merges_labels_and_moves_the_version(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    before = run(cluster, api, "true", labels={"lane": "1", "old": "x"})
    after = api.patch_namespaced_pod("reel", NAMESPACE, {"metadata": {"labels": {"checked": "True", "old": None}}})
    assert after.metadata.labels == {"lane": "1", "checked": "True"}
    assert after.metadata.resource_version != before.metadata.resource_version
    assert after.spec.containers[0].image == "shell:1"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"metadata": {"name": "Bad Name"}}, 422),
        ({"metadata": {"name": "x", "labels": {"reel": "not a label"}}}, 422),
        ({"spec": {"containers": []}}, 422),
        ({"spec": {"containers": [{"name": "base", "image": "shell:1", "env": [{"name": "N", "value": 1}]}]}}, 422),
        ({"spec": {"containers": [{"name": "base", "image": "shell:1", "envFrom": [{"secretRef": {}}]}]}}, 422),
    ],
)
def test_what_a_cluster_would_refuse_is_refused(api: client.CoreV1Api, change: dict[str, Any], status: int) -> None:
    with pytest.raises(client.ApiException) as refused:
        api.create_namespaced_pod(NAMESPACE, manifest("true") | change)
    assert refused.value.status == status


def test_names_are_taken_once_and_unknown_ones_not_found(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    run(cluster, api, "true")
    with pytest.raises(client.ApiException, match="AlreadyExists"):
        api.create_namespaced_pod(NAMESPACE, manifest("true"))
    with pytest.raises(client.ApiException, match="404"):
        api.read_namespaced_pod("nobody", NAMESPACE)


def test_a_client_without_the_token_is_turned_away(cluster: FakeKubernetes) -> None:
    stranger = client.CoreV1Api(client.ApiClient(client.Configuration(host=cluster.url)))
    with pytest.raises(client.ApiException, match="401"):
        stranger.list_namespaced_pod(NAMESPACE)


def test_a_followed_log_arrives_while_the_pod_runs(
    cluster: FakeKubernetes, api: client.CoreV1Api, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = f"echo first; until [ -e {gate} ]; do sleep 0.02; done; echo last"
    api.create_namespaced_pod(NAMESPACE, manifest(script))
    cluster.wait_for(lambda: phase(cluster) == "Running")
    answer = api.read_namespaced_pod_log("reel", NAMESPACE, follow=True, timestamps=True, _preload_content=False)
    chunks = answer.stream()
    assert next(chunks).endswith(b"Z first\n")
    assert phase(cluster) == "Running"
    gate.touch()
    assert b"".join(chunks).endswith(b"Z last\n")


def test_a_log_can_be_cut_by_time_and_by_lines(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    run(cluster, api, "echo old; sleep 1.3; echo new; echo newest")
    assert log(api, since_seconds=1) == "new\nnewest\n"
    assert log(api, tail_lines=1) == "newest\n"


def test_exec_runs_beside_the_container_and_tells_its_exit_code(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    api.create_namespaced_pod(NAMESPACE, manifest("exec sleep 60"))
    cluster.wait_for(lambda: phase(cluster) == "Running")

    def execute(script: str, **streams: bool) -> Any:
        return stream(
            api.connect_get_namespaced_pod_exec,
            "reel",
            NAMESPACE,
            command=["/bin/sh", "-c", script],
            **{"stdout": True, "stderr": True, "stdin": False, "tty": False, "_preload_content": False, **streams},
        )

    session = execute("echo $PROJECTOR; echo warn >&2; exit 4")
    session.run_forever(timeout=10)
    assert (session.read_stdout(), session.read_stderr(), session.returncode) == ("on\n", "warn\n", 4)
    with pytest.raises(client.ApiException, match="400"):
        api.connect_get_namespaced_pod_exec("reel", NAMESPACE, command=["sh"], stdin=True)


def test_delete_asks_with_term_and_waits_for_the_end(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    script = "trap 'sleep 0.3; echo wound back; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    api.create_namespaced_pod(NAMESPACE, manifest(script))
    pod = cluster.pods[NAMESPACE, "reel"]
    cluster.wait_for(lambda: pod.log.text == "ready")
    api.delete_namespaced_pod("reel", NAMESPACE)
    assert api.read_namespaced_pod("reel", NAMESPACE).metadata.deletion_timestamp
    cluster.wait_for(lambda: not cluster.pods)
    assert (pod.log.text, pod.phase) == ("ready\nwound back", "Succeeded")


def test_delete_kills_what_ignores_term_with_all_its_children(
    cluster: FakeKubernetes, api: client.CoreV1Api, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    script = f"trap '' TERM; setsid sh -c 'echo $$ > {child}; exec sleep 60' & echo ready; sleep 60; wait"
    api.create_namespaced_pod(NAMESPACE, manifest(script))
    pod = cluster.pods[NAMESPACE, "reel"]
    cluster.wait_for(lambda: child.exists() and bool(child.read_text()), 5)
    api.delete_namespaced_pod("reel", NAMESPACE, grace_period_seconds=1)
    cluster.wait_for(lambda: not cluster.pods)
    assert pod.container is not None
    assert pod.container.exit_code == 137
    assert not alive(int(child.read_text()))


def test_a_pod_ends_with_its_first_process(cluster: FakeKubernetes, api: client.CoreV1Api, tmp_path: Path) -> None:
    child = tmp_path / "child"
    pod = run(cluster, api, f"setsid sleep 60 & echo $! > {child}")
    assert pod.status.phase == "Succeeded"
    assert not alive(int(child.read_text()))


def test_leaving_the_cluster_leaves_no_process(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with FakeKubernetes({"shell:1": SHELL}) as cluster:
        api = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
        api.create_namespaced_pod(NAMESPACE, manifest(f"echo $$ > {child}; exec sleep 60"))
        cluster.wait_for(lambda: child.exists() and bool(child.read_text()), 5)
    assert not alive(int(child.read_text()))
    assert not cluster.kubeconfig.exists()


def test_a_deadline_ends_the_pod(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    pod = run(cluster, api, "exec sleep 60", activeDeadlineSeconds=1)
    assert (pod.status.phase, pod.status.reason) == ("Failed", "DeadlineExceeded")


def test_events_can_be_listed_and_watched(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    run(cluster, api, "true", "other")
    run(cluster, api, "true")
    selector = "involvedObject.name=reel"
    listed = api.list_namespaced_event(NAMESPACE, field_selector=selector).items
    assert [event.reason for event in listed] == ["Scheduled", "Started"]
    seen = watch.Watch().stream(
        api.list_namespaced_event,
        NAMESPACE,
        field_selector=selector,
        resource_version=listed[0].metadata.resource_version,
        timeout_seconds=1,
    )
    assert [event["object"].reason for event in seen] == ["Started"]


def test_out_of_memory_is_told_as_the_kubelet_tells_it(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    cluster.make(Fault.OUT_OF_MEMORY, {"lane": "2"}, after_s=0.2)
    assert run(cluster, api, "true", "first", labels={"lane": "1"}).status.phase == "Succeeded"
    pod = run(cluster, api, "exec sleep 60", "second", labels={"lane": "2"})
    ended = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, ended.exit_code, ended.reason) == ("Failed", 137, "OOMKilled")
    assert run(cluster, api, "true", "third", labels={"lane": "2"}).status.phase == "Succeeded"


def test_a_vanished_pod_is_not_found(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    cluster.make(Fault.VANISHES, after_s=0.2)
    api.create_namespaced_pod(NAMESPACE, manifest("exec sleep 60"))
    cluster.wait_for(lambda: not cluster.pods)
    with pytest.raises(client.ApiException, match="404"):
        api.read_namespaced_pod("reel", NAMESPACE)


def test_an_unknown_image_cannot_be_pulled(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    api.create_namespaced_pod(NAMESPACE, manifest("true", image="nobody/knows:1"))
    cluster.wait_for(lambda: any(event["reason"] == "Failed" for event in cluster.events))
    status = api.read_namespaced_pod("reel", NAMESPACE).status
    assert (status.phase, status.container_statuses[0].state.waiting.reason) == ("Pending", "ErrImagePull")
    with pytest.raises(client.ApiException, match="waiting to start"):
        log(api)


def test_a_pod_without_room_stays_pending_until_deleted(cluster: FakeKubernetes, api: client.CoreV1Api) -> None:
    cluster.make(Fault.STAYS_PENDING)
    api.create_namespaced_pod(NAMESPACE, manifest("true"))
    cluster.wait_for(lambda: any(event["reason"] == "FailedScheduling" for event in cluster.events))
    status = api.read_namespaced_pod("reel", NAMESPACE).status
    assert (status.phase, status.conditions[0].status) == ("Pending", "False")
    api.delete_namespaced_pod("reel", NAMESPACE)
    cluster.wait_for(lambda: not cluster.pods)


def test_it_serves_alone(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    arguments = ["--kubeconfig", str(kubeconfig), "--image", "shell:1=/bin/sh -c", "--env", "PROJECTOR=on"]
    command = [sys.executable, "-m", "tests.fakes.kubernetes_api", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("http://127.0.0.1:")
        api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
        assert client.VersionApi(api.api_client).get_code().major == "1"
        api.create_namespaced_pod(NAMESPACE, manifest("echo $PROJECTOR"))
        while api.read_namespaced_pod("reel", NAMESPACE).status.phase != "Succeeded":
            time.sleep(0.02)
        assert log(api) == "on\n"
    finally:
        server.terminate()
        assert server.wait(20) == 0


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
