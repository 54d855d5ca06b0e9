"""A pod of the fake cluster: what the API shows of it, and a real process of this machine as its container."""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.kubernetes_log import ContainerLog

Document = dict[str, Any]
"""A Kubernetes object as JSON."""
LOST_SINCE = timedelta(minutes=2)
"""So long ago a pod on a lost node was to be gone, when the API first says so."""


class Fault(enum.StrEnum):
    """What can be made to go wrong with a pod."""

    STAYS_PENDING = "stays-pending"
    """No node has room: never scheduled."""
    IMAGE_PULL_FAILS = "image-pull-fails"
    """Scheduled, but its image cannot be had. An image the cluster was not given ends the same way."""
    OUT_OF_MEMORY = "out-of-memory"
    """The kernel kills the container: exit code 137, reason OOMKilled."""
    VANISHES = "vanishes"
    """The process dies and the pod is gone from the API, as after a forced delete."""
    EVICTED = "evicted"
    """Its node needs disk back: the container is killed, the pod has failed with the reason Evicted."""
    NODE_LOST = "node-lost"
    """Its node does not answer: what runs there dies unseen. The pod was to be gone `LOST_SINCE` ago and stays until it
    is removed by force."""


@dataclass(frozen=True)
class Image:
    """What stands for a container image: how its container starts on this machine."""

    entrypoint: tuple[str, ...] = ()
    """Used where the pod gives no `command`, as ENTRYPOINT is."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables the image sets; PATH decides where a bare command name is found."""


@dataclass
class _Container:
    """What the kubelet knows of the base container."""

    waiting: Document = field(default_factory=lambda: {"reason": "ContainerCreating"})
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""

    def state(self) -> Document:
        """The `state` object of its container status."""
        if self.started is None:
            return {"waiting": self.waiting}
        if self.finished is None:
            return {"running": {"startedAt": stamp(self.started)}}
        ended = {"exitCode": self.exit_code, "reason": self.reason, "message": self.message}
        return {"terminated": ended | {"startedAt": stamp(self.started), "finishedAt": stamp(self.finished)}}


class Pod:
    """One pod and its life, in a thread of its own. Every attribute is read and written under the cluster's lock.

    The container sees this machine's file system: a volume's mount path is made to exist, nothing is mounted there, so
    paths must be the same inside and out. It does not see the environment of the tests, only its image's and its own.
    """

    def __init__(
        self,
        manifest: Document,
        image: Image | None,
        fault: Fault | None,
        fault_after_s: float,
        changed: threading.Condition,
        announce: Callable[[Pod, str, str, str], None],
        gone: Callable[[Pod], None],
    ) -> None:
        self.manifest = manifest
        self.phase = "Pending"
        self.reason = ""
        self.message = ""
        self.scheduled = False
        self.container: _Container | None = None
        self.log = ContainerLog(changed, lambda: self.ended)
        self._image, self._fault, self._fault_after_s = image, fault, fault_after_s
        self._changed, self._announce, self._gone = changed, announce, gone
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="pod-"))
        self._stopping = threading.Event()
        self._unseen = False
        self._thread = threading.Thread(target=self._live, name=f"pod {self.name}", daemon=True)

    # -- what the API shows --

    @property
    def name(self) -> str:
        """Its name, unique in its namespace."""
        return str(self.manifest["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        """Its labels as they are now."""
        return dict(self.manifest["metadata"].get("labels") or {})

    @property
    def spec(self) -> Document:
        """The container specification (there is one container)."""
        return dict(self.manifest["spec"]["containers"][0])

    @property
    def environment(self) -> dict[str, str]:
        """All the container's variables: a bare system's, the image's, the pod's own."""
        own = {entry["name"]: str(self._value_of(entry)) for entry in self.spec.get("env") or []}
        bare = {"PATH": os.defpath, "HOME": str(self._folder), "LANG": "C.UTF-8", "HOSTNAME": self.name}
        marker = {"FAKE_POD_UID": self.manifest["metadata"]["uid"]}
        return bare | dict(self._image.environment if self._image else {}) | own | marker

    @property
    def lost(self) -> bool:
        """Whether its node does not answer."""
        return self._fault is Fault.NODE_LOST and self._unseen

    @property
    def ended(self) -> bool:
        """Whether it has succeeded or failed for good."""
        return self.phase in ("Succeeded", "Failed")

    def document(self) -> Document:
        """The pod as `GET pods/{name}` answers it."""
        condition = {"type": "PodScheduled", "status": "True" if self.scheduled else "False"}
        if not self.scheduled:
            condition |= {"reason": "Unschedulable", "message": self._no_room()}
        status: Document = {"phase": self.phase, "conditions": [condition], "qosClass": "BestEffort"}
        status |= {key: said for key, said in (("reason", self.reason), ("message", self.message)) if said}
        if self.container is not None:
            state = self.container.state()
            running = "running" in state
            entry = {"name": self.spec["name"], "image": self.spec["image"], "imageID": self.spec["image"]}
            entry |= {"ready": running, "started": running, "restartCount": 0, "state": state, "lastState": {}}
            status["containerStatuses"] = [entry]
        return self.manifest | {"status": status}

    def _no_room(self) -> str:
        """What the scheduler says: devices are what is short, where any are asked for."""
        devices = [name for name in (self.spec.get("resources") or {}).get("limits") or {} if "/" in name]
        return f"0/1 nodes are available: 1 Insufficient {devices[0] if devices else 'resources'}."

    def _value_of(self, entry: Document) -> str:
        path = ((entry.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
        metadata = self.manifest["metadata"]
        fields = {"metadata.name": metadata["name"], "metadata.namespace": metadata["namespace"]}
        return fields[path] if path else entry.get("value") or ""

    # -- its life --

    def start(self) -> None:
        """Let it be scheduled and run."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """End the container (TERM to its first process, KILL to all of it after `grace_s`), then leave the cluster."""
        self._stopping.set()
        with self._changed:
            process = self._process
        if process is not None:
            if grace_s > 0:
                process.terminate()
                self._thread.join(grace_s)
            self._kill_container()
        self._thread.join()
        if not self.lost or grace_s == 0:
            self._gone(self)
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, argv: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run one command beside the container's own, in the same environment and folder (`exec`)."""
        return subprocess.run(argv, env=self.environment, cwd=self._cwd, capture_output=True, check=False)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the container, such as STOP to hold it and CONT to let it go on."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def _cwd(self) -> str:
        return self.spec.get("workingDir") or str(self._folder)

    def _live(self) -> None:
        if self._fault is Fault.STAYS_PENDING:
            self._announce(self, "Warning", "FailedScheduling", self._no_room())
            return
        with self._changed:
            self.scheduled, self.container = True, _Container()
            self._announce(self, "Normal", "Scheduled", f"Successfully assigned {self.name} to this machine")
        if self._image is None or self._fault is Fault.IMAGE_PULL_FAILS:
            self._fail_to_pull()
        else:
            self._run_container(self._image, self.container)

    def _fail_to_pull(self) -> None:
        image = self.spec["image"]
        with self._changed:
            assert self.container is not None
            message = f'failed to pull and unpack image "{image}": not found'
            self.container.waiting = {"reason": "ErrImagePull", "message": message}
            self._announce(self, "Warning", "Failed", f'Failed to pull image "{image}": not found')

    def _run_container(self, image: Image, container: _Container) -> None:
        argv = list(self.spec.get("command") or image.entrypoint) + list(self.spec.get("args") or [])
        with self._changed:
            if self._stopping.is_set():
                return
            container.started = datetime.now(UTC)
            for mount in self.spec.get("volumeMounts") or []:
                Path(mount["mountPath"]).mkdir(parents=True, exist_ok=True)
            try:
                self._process = subprocess.Popen(
                    argv,
                    env=self.environment,
                    cwd=self._cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                container.message = f"failed to create containerd task: {error}"
                self._end(container, 128, "StartError")
                return
            self.phase = "Running"
            self._announce(self, "Normal", "Started", f"Started container {self.spec['name']}")
        reader = threading.Thread(target=self._read_log, args=(self._process,), name=f"log of {self.name}", daemon=True)
        reader.start()
        why = self._wait(self._process)
        self._kill_container()  # when its first process ends, a container's other processes end too
        reader.join()
        code = self._process.returncode
        code = 128 - code if code < 0 else code
        with self._changed:
            if code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
                container.message = self.log.last_words()
            if why is Fault.VANISHES:
                self._gone(self)
            if why == "DeadlineExceeded":
                self.reason = why
            if why is Fault.EVICTED:
                self.reason, self.message = "Evicted", "The node was low on resource: ephemeral-storage."
            if why is Fault.NODE_LOST:
                self._unseen = True
                self.manifest["metadata"]["deletionTimestamp"] = stamp(datetime.now(UTC) - LOST_SINCE)
                self._changed.notify_all()
                return
            self._end(container, code, "OOMKilled" if why is Fault.OUT_OF_MEMORY else "Error" if code else "Completed")

    def _wait(self, process: subprocess.Popen[bytes]) -> Fault | str | None:
        """Wait for the first process's end. Returns what ended it, None when it ended by itself or was stopped."""
        deadline_s = self.manifest["spec"].get("activeDeadlineSeconds")
        limits: list[tuple[float, Fault | str]] = [(deadline_s, "DeadlineExceeded")] if deadline_s else []
        if self._fault is not None:
            limits.append((self._fault_after_s, self._fault))
        after_s, why = min(limits, default=(None, None), key=lambda limit: limit[0])
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            self._kill_container()
            process.wait()
            return why
        return None

    def _end(self, container: _Container, code: int, reason: str) -> None:
        container.exit_code, container.reason, container.finished = code, reason, datetime.now(UTC)
        self.phase = "Failed" if code or self.reason else "Succeeded"
        self._changed.notify_all()

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.write(line)

    def _kill_container(self) -> None:
        """KILL every process of this pod, also children in sessions of their own, as a PID namespace that ends does."""
        while members := self._processes():
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)

    def _processes(self) -> list[int]:
        """The pod's living processes: those that inherited its marker."""
        marker = f"FAKE_POD_UID={self.manifest['metadata']['uid']}".encode()
        members = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # not ours to read, or just ended
                if marker in environ.read_bytes().split(b"\0"):
                    members.append(int(environ.parent.name))
        return members


def stamp(moment: datetime) -> str:
    """A moment as Kubernetes writes it in objects: RFC 3339, UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
