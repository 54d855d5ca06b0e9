"""A Kubernetes API for tests: as much of it as Airflow's pod operator and its trigger use; its pods really run.

    with FakeKubernetes({"reelkeeper/restoration:test": Image(("reelkeeper",), {"PATH": …})}) as cluster:
        KubernetesPodOperator(config_file=str(cluster.kubeconfig), image="reelkeeper/restoration:test", …)

Each pod's container is a process of this machine (`kubernetes_pods`). `cluster.make(Fault.OUT_OF_MEMORY, …)` lets the
next pods go wrong; `cluster.every_pod` keeps all that ever were, to be looked at after the operator has deleted them.
Left out: more than one container a pod, mounted volumes, secrets, `exec` with stdin (the operator's XCom side-car would
send `kill -2 $(pgrep -f sh)` through it, and these pods share this machine's process table).

Alone: `python -m tests.fakes.kubernetes_api --kubeconfig FILE --image NAME=ENTRYPOINT [--env NAME=VALUE] [--port N]`.
"""

from __future__ import annotations

import argparse
import secrets
import shlex
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from types import TracebackType

import yaml

from tests.fakes.kubernetes_http import Handler
from tests.fakes.kubernetes_pods import Document, Fault, Image, Pod, stamp
from tests.fakes.kubernetes_rules import Refusal, accepted, selects

__all__ = ["FakeKubernetes", "Fault", "Image", "Pod"]

_DEFAULT_GRACE_S = 30  # terminationGracePeriodSeconds where a pod gives none

_SHUTDOWN_POLL_S = 0.05  # how often the server looks whether it should end


@dataclass
class _Planned:
    """A fault waiting for pods that carry its labels."""

    fault: Fault
    labels: Mapping[str, str]
    after_s: float
    times: int


class FakeKubernetes:
    """One namespace-blind cluster with one node, this machine. A context manager: leaving it ends every pod."""

    def __init__(self, images: Mapping[str, Image], *, port: int = 0, kubeconfig: Path | None = None) -> None:
        self.images = dict(images)
        self.changed = threading.Condition()
        self.pods: dict[tuple[str, str], Pod] = {}
        self.every_pod: list[Pod] = []
        self.events: list[Document] = []
        self.asked: list[tuple[str, str, str]] = []
        """Every request in order: method, path, query."""
        self.token = secrets.token_urlsafe()
        self.away = False
        """Whether the API server hangs up on whoever asks; the pods go on."""
        self.refuse_pods: tuple[int, str] | None = None
        """Status and message with which pods are refused, as an admission plug-in does."""
        self._faults: list[_Planned] = []
        self._version = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("BoundHandler", (Handler,), {"cluster": self}))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_S,), name="fake Kubernetes API", daemon=True
        )
        self._folder = Path(tempfile.mkdtemp(prefix="fake-kubernetes-"))
        self.kubeconfig = kubeconfig or self._folder / "kubeconfig"

    # -- for tests --

    @property
    def url(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def make(
        self, fault: Fault, labels: Mapping[str, str] | None = None, *, after_s: float = 0, times: int = 1
    ) -> None:
        """Give `fault` to the next `times` pods that carry `labels`, `after_s` seconds into their container's run."""
        with self.changed:
            self._faults.append(_Planned(fault, labels or {}, after_s, times))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        """Wait until `condition()`, asked under the lock at every change and every 50 ms; TimeoutError otherwise."""
        end = monotonic() + timeout_s
        with self.changed:
            while not condition():
                if monotonic() > end:
                    raise TimeoutError(f"the cluster did not get there in {timeout_s:.0f} s")
                self.changed.wait(0.05)

    def __enter__(self) -> FakeKubernetes:
        self._thread.start()
        name = "fake"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for pod in self.every_pod:
            pod.stop(grace_s=0)
        if self.kubeconfig.parent == self._folder:
            self.kubeconfig.unlink(missing_ok=True)
            self._folder.rmdir()

    # -- what the API does; the caller holds no lock --

    def create(self, namespace: str, manifest: Document) -> Document:
        """`POST pods`."""
        if self.refuse_pods:
            status, message = self.refuse_pods
            raise Refusal(status, "Forbidden", message)
        manifest = accepted(manifest)
        metadata = manifest["metadata"] | {"namespace": namespace, "uid": str(uuid.uuid4())}
        metadata.setdefault("name", metadata.pop("generateName", "") + secrets.token_hex(3))
        manifest["metadata"] = metadata | {"creationTimestamp": stamp(datetime.now(UTC))}
        with self.changed:
            if (namespace, metadata["name"]) in self.pods:
                raise Refusal(409, "AlreadyExists", f'pods "{metadata["name"]}" already exists')
            planned = next((p for p in self._faults if p.times and selects(p.labels, metadata.get("labels"))), None)
            if planned:
                planned.times -= 1
            image = self.images.get(manifest["spec"]["containers"][0]["image"])
            fault, after_s = (planned.fault, planned.after_s) if planned else (None, 0.0)
            pod = Pod(manifest, image, fault, after_s, self.changed, self._announce, self._forget)
            self.pods[namespace, pod.name] = pod
            self.every_pod.append(pod)
            answer = self.show(pod)
        pod.start()
        return answer

    def find(self, namespace: str, name: str) -> Pod:
        """The pod of that name; Refusal 404 otherwise."""
        with self.changed:
            if (namespace, name) not in self.pods:
                raise Refusal(404, "NotFound", f'pods "{name}" not found')
            return self.pods[namespace, name]

    def show(self, pod: Pod) -> Document:
        """A pod as the API answers it."""
        with self.changed:
            return pod.document() | {"apiVersion": "v1", "kind": "Pod"}

    def patch(self, pod: Pod, change: Document) -> Document:
        """`PATCH pods/{name}` with a merge patch (RFC 7396)."""
        with self.changed:
            pod.manifest = _merged(pod.manifest, change)
            self._stamp(pod.manifest)
            return self.show(pod)

    def delete(self, pod: Pod, grace_s: float | None) -> Document:
        """`DELETE pods/{name}`: asks; the pod leaves when its container has ended (at once with a grace of 0)."""
        with self.changed:
            if grace_s is None:
                grace_s = pod.manifest["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_S)
            first = "deletionTimestamp" not in pod.manifest["metadata"]
            pod.manifest["metadata"].setdefault("deletionTimestamp", stamp(datetime.now(UTC)))
            self._announce(pod, "Normal", "Killing", f"Stopping container {pod.spec['name']}")
            answer = self.show(pod)
            if grace_s == 0 or pod.ended or not pod.scheduled:
                self._forget(pod)  # nobody to ask
        if (first and not pod.lost) or grace_s == 0:
            threading.Thread(target=pod.stop, args=(grace_s,), name=f"end of {pod.name}", daemon=True).start()
        return answer

    def _announce(self, pod: Pod, kind: str, reason: str, message: str) -> None:
        metadata = pod.manifest["metadata"]
        about = {"kind": "Pod", "name": pod.name, "namespace": metadata["namespace"], "uid": metadata["uid"]}
        event: Document = {"apiVersion": "v1", "kind": "Event", "involvedObject": about, "count": 1}
        now = stamp(datetime.now(UTC))
        event |= {"type": kind, "reason": reason, "message": message, "firstTimestamp": now, "lastTimestamp": now}
        uid = str(uuid.uuid4())
        event["metadata"] = {"name": f"{pod.name}.{uid[:8]}", "namespace": metadata["namespace"], "uid": uid}
        with self.changed:
            self._stamp(event)
            self._stamp(pod.manifest)
            self.events.append(event)
            self.changed.notify_all()

    def _forget(self, pod: Pod) -> None:
        with self.changed:
            if self.pods.get(key := (pod.manifest["metadata"]["namespace"], pod.name)) is pod:
                del self.pods[key]
            self.changed.notify_all()

    def _stamp(self, document: Document) -> None:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)


def _merged(target: Document, change: Document) -> Document:
    """RFC 7396: objects merge, null removes, everything else replaces."""
    result = dict(target)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A Kubernetes API for tests; its pods are processes of this machine.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="where to write the kubeconfig")
    parser.add_argument("--image", action="append", default=[], metavar="NAME=ENTRYPOINT")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set in every image")
    options = parser.parse_args()
    environment = dict(pair.split("=", 1) for pair in options.env)
    images = {
        name: Image(tuple(shlex.split(entrypoint)), environment)
        for name, entrypoint in (pair.split("=", 1) for pair in options.image)
    }
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with FakeKubernetes(images, port=options.port, kubeconfig=options.kubeconfig) as cluster:
        print(cluster.url, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
