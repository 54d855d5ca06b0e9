"""A step's task on a fake cluster, taken through its life as Airflow takes it: worker, triggerer, worker again.

The operator, its trigger, the catalogue and the vault are the real ones, and pods are processes; what stands in is the
cluster's API and Airflow's own loop around the calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred
from reelkeeper_airflow.operators.pod import PodStepOperator
from reelkeeper_airflow.operators.pod_trigger import StepPodTrigger
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.provenance.models import Event
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from tests.fakes.kubernetes_api import FakeKubernetes, Image

REEL = "POD-1"
REAL = "reelkeeper/restoration:real"
"""Image whose `reelkeeper` is this checkout's."""
PATIENCE_S = 40.0
QUICK_S = 0.1


@dataclass(frozen=True)
class PodBench:
    """A vault, an inbox with one reel, a catalogue and a cluster."""

    home: Path
    cluster: FakeKubernetes
    sessions: sessionmaker[Session]
    choose: Callable[[str], None]
    """Set the image that pods are started from."""

    def image(self, name: str, script: str) -> None:
        """Start pods from an image whose `reelkeeper` is this shell script; `$3` is the spec file."""
        folder = self.home / "images" / name.replace(":", "-")
        folder.mkdir(parents=True)
        program = folder / "reelkeeper"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        self.cluster.images[name] = Image((), {"PATH": f"{folder}:{os.defpath}"})
        self.choose(name)

    def gated(self, before: str = "echo at work") -> Path:
        """Start pods whose step begins only when the file given back is there."""
        gate = self.home / "gate"
        program = Path(sys.executable).with_name("reelkeeper")
        self.image("gated:1", f'{before}\nuntil [ -e {gate} ]; do sleep 0.05; done\nexec {program} "$@"')
        return gate

    def task(self, try_number: int = 1, max_tries: int = 2) -> Task:
        """Give the next try of the ingest task. Clearing raises `max_tries`, as in Airflow."""
        return Task(self.cluster.kubeconfig, try_number, max_tries)

    def events(self) -> int:
        """How many events are recorded."""
        with self.sessions.begin() as session:
            return session.scalar(select(func.count()).select_from(Event)) or 0

    def results(self) -> int:
        """How many whole results of the step lie in the vault."""
        return len(list((self.home / "vault" / "reels" / REEL / StepName.INGEST).glob("*/result.json")))

    @property
    def vault(self) -> Vault:
        """Where results lie."""
        return Vault(str(self.home / "vault"))

    def phases(self) -> list[str]:
        """How each pod there ever was stands."""
        return [pod.phase for pod in self.cluster.every_pod]

    def wait_running(self, pods: int = 1) -> None:
        """Wait until so many pods have been made and the newest runs."""
        self.cluster.wait_for(
            lambda: len(self.cluster.every_pod) == pods and self.cluster.every_pod[-1].phase == "Running", PATIENCE_S
        )


@dataclass
class Task:
    """One try of a task."""

    kubeconfig: Path
    try_number: int
    max_tries: int
    pushed: dict[str, Any] = field(default_factory=dict)
    """Its XComs."""
    logging_interval: int = 1

    def __post_init__(self) -> None:
        self.started = datetime.now(UTC)

    def operator(self) -> PodStepOperator:
        """Make the operator anew, as each process of Airflow does, but quicker to look."""
        made = PodStepOperator(task_id="ingest", step_name="ingest", reel={"reel_id": REEL, "options": {}})
        made.poll_interval = made.startup_check_interval_seconds = QUICK_S  # type: ignore[assignment]
        made.logging_interval = self.logging_interval
        made.termination_grace_period = 1
        # As KUBECONFIG gives it, which the client reads once, when it is imported.
        made.config_file = str(self.kubeconfig)
        return made

    def context(self) -> Any:
        """As much of the context as the operator reads."""
        ti = SimpleNamespace(
            dag_id="restore_reel",
            task_id="ingest",
            run_id="run-1",
            map_index=-1,
            try_number=self.try_number,
            max_tries=self.max_tries,
            start_date=self.started,
            xcom_push=lambda key, value: self.pushed.update({key: value}),
        )
        return {"ti": ti, "run_id": ti.run_id, "dag": SimpleNamespace()}

    def begin(self) -> TaskDeferred | None:
        """Run on a worker until it lets go; None if it ended there."""
        try:
            self.operator().execute(self.context())
        except TaskDeferred as deferred:
            return deferred
        return None

    def watched(self, deferred: TaskDeferred) -> dict[str, Any]:
        """Watch in a triggerer until there is something to tell the worker."""

        async def first() -> dict[str, Any]:
            async for event in trigger_of(deferred).run():
                return dict(event.payload)  # type: ignore[call-overload]
            raise AssertionError("the trigger ended without an event")

        return asyncio.run(asyncio.wait_for(first(), PATIENCE_S))

    def resume(self, event: dict[str, Any]) -> None:
        """Come back to a worker with what the triggerer told."""
        self.operator().trigger_reentry(self.context(), event)

    def run(self) -> dict[str, Any]:
        """Run the try to its end. Returns its outcome."""
        self.end(self.begin())
        return dict(self.pushed["return_value"])

    def end(self, deferred: TaskDeferred | None) -> None:
        """Go on from a deferral to the end."""
        while deferred is not None:
            event = self.watched(deferred)
            deferred = None
            try:
                self.resume(event)
            except TaskDeferred as again:
                deferred = again


def trigger_of(deferred: TaskDeferred) -> StepPodTrigger:
    """Give the trigger after its way through Airflow's database: only what it serializes is left."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    made = getattr(import_module(module), name)(**arguments)
    assert isinstance(made, StepPodTrigger)
    return made


def killed_by_a_person(deferred: TaskDeferred) -> None:
    """Do in a triggerer what Airflow does when the task it waits for is cleared or marked: cancel, then `on_kill`."""
    asyncio.run(_cancelled(deferred, by_a_person=True))


def triggerer_stopped(deferred: TaskDeferred) -> None:
    """Do in a triggerer what a restart of it does: cancel, no more."""
    asyncio.run(_cancelled(deferred, by_a_person=False))


async def _cancelled(deferred: TaskDeferred, *, by_a_person: bool) -> None:
    trigger = trigger_of(deferred)

    async def watch() -> None:
        async for event in trigger.run():
            raise AssertionError(f"the pod was to run on: {event}")

    watching = asyncio.create_task(watch())
    await asyncio.sleep(3 * QUICK_S)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    if by_a_person:
        await trigger.on_kill()
    await trigger.cleanup()


def real_image() -> Image:
    """This checkout's own environment as an image."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    return Image((), {"PATH": path, "OMP_NUM_THREADS": "1"})


@contextlib.contextmanager
def one_cluster() -> Iterator[FakeKubernetes]:
    """A cluster that knows the real image."""
    with FakeKubernetes({REAL: real_image()}) as cluster:
        yield cluster
