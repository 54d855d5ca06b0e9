"""From what a task was given to the specs it must get done: one small function a step, all through `steps.way`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reelkeeper_airflow.operators.outcome import result_at
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.spec import Reference, Spec, StepName, StepResult
from restoration_tasks.steps.asked import Execution, PlanFile
from restoration_tasks.steps.way import Way

Asks = Callable[[str], Execution]
"""Gives the execution for a segment id (empty for work on the whole reel)."""


@dataclass(frozen=True)
class Ask:
    """What one task was given.

    Attributes:
        way: the reel's way, with the form's options.
        asks: who asks, for each piece of work.
        inputs: XComs of the tasks before, by the name of their step.
        batch: the batch of a lane: `Batch.as_xcom()`; None for a reel's step.
    """

    way: Way
    asks: Asks
    inputs: Mapping[str, Any]
    batch: Mapping[str, Any] | None

    def result(self, step: str) -> StepResult:
        """Fetch the result of an earlier step of this run."""
        if step not in self.inputs:
            raise StepFailed(f"the task was not given the result of {step}", reel=self.way.reel_id)
        return result_at(self.way.vault, self.inputs[step])

    def segments(self) -> list[Any]:
        """Find the segments of the batch."""
        known = self.way.segments(self.result("shots"))
        places = {segment.id: place for place, segment in enumerate(known)}
        ends = [str((self.batch or {}).get(end)) for end in ("first", "last")]
        if missing := [id_ for id_ in ends if id_ not in places]:
            raise StepFailed(
                f"the shot list has no segment {missing[0]}",
                reel=self.way.reel_id,
                action="clear the task 'batches' and what follows",
            )
        return list(known[places[ends[0]] : places[ends[1]] + 1])

    def plan_file(self) -> PlanFile:
        """Read the plan version this run carries out.

        Raises:
            StepFailed: its file is gone, or is not the one that was recorded.
        """
        recorded = self.inputs["version"]
        reference = Reference.model_validate(recorded["plan"])
        content = self.way.vault.read_bytes(reference.uri)
        if content is None or hashlib.sha256(content).hexdigest() != reference.sha256:
            raise StepFailed(
                "the recorded plan is gone or was changed",
                reel=self.way.reel_id,
                file=reference.uri,
                action="clear the task 'record_plan'; it writes the file again",
            )
        return PlanFile(int(recorded["version"]), Plan.from_yaml(content, source=reference.uri), reference)


def specs_of(step: StepName, ask: Ask) -> tuple[Spec, ...]:
    """Build the specs of one task.

    Raises:
        ReelkeeperError: a result of an earlier step is gone, or does not fit.
    """
    return _BUILDERS[step](ask)


def _ingest(ask: Ask) -> tuple[Spec, ...]:
    return (ask.way.ingest(ask.asks("")),)


def _shots(ask: Ask) -> tuple[Spec, ...]:
    return (ask.way.shots(ask.asks(""), ask.result("ingest")),)


def _assess(ask: Ask) -> tuple[Spec, ...]:
    ingest = ask.result("ingest")
    return tuple(ask.way.assess(ask.asks(segment.id), ingest, segment) for segment in ask.segments())


def _plan(ask: Ask) -> tuple[Spec, ...]:
    ingest, shots = ask.result("ingest"), ask.result("shots")
    return (ask.way.plan(ask.asks(""), ingest, shots, ask.way.assessed(ingest, shots)),)


def _restore(ask: Ask) -> tuple[Spec, ...]:
    ingest, shots, plan = ask.result("ingest"), ask.result("shots"), ask.plan_file().plan
    assessed = ask.way.assessed(ingest, shots)
    return tuple(ask.way.restore(ask.asks(segment.id), ingest, assessed, plan, segment) for segment in ask.segments())


def _enlarge(ask: Ask) -> tuple[Spec, ...]:
    ingest, shots, plan = ask.result("ingest"), ask.result("shots"), ask.plan_file().plan
    if plan.enlarge is None:
        raise StepFailed("the plan asks for no larger version", reel=ask.way.reel_id, action="clear 'record_plan'")
    restored = ask.way.restored(ingest, shots, plan)
    return tuple(ask.way.enlarge(ask.asks(segment.id), restored, plan.enlarge, segment) for segment in ask.segments())


def _assemble(ask: Ask) -> tuple[Spec, ...]:
    ingest, shots, plan = ask.result("ingest"), ask.result("shots"), ask.plan_file().plan
    restored = ask.way.restored(ingest, shots, plan)
    enlarged = ask.way.enlarged(shots, plan, restored)
    return (ask.way.assemble(ask.asks(""), ingest, restored, ask.way.segments(shots), enlarged),)


def _check(ask: Ask) -> tuple[Spec, ...]:
    ingest, shots, plan = ask.result("ingest"), ask.result("shots"), ask.plan_file()
    return (
        ask.way.check(
            ask.asks(""),
            ingest,
            shots,
            ask.way.assessed(ingest, shots),
            ask.way.restored(ingest, shots, plan.plan),
            plan.reference,
            ask.result("assemble"),
        ),
    )


def _package(ask: Ask) -> tuple[Spec, ...]:
    catalogued = ask.inputs["catalogue"]
    return (
        ask.way.package(
            ask.asks(""),
            ask.result("ingest"),
            ask.plan_file().reference,
            ask.result("assemble"),
            ask.result("check"),
            {name: Reference.model_validate(document) for name, document in catalogued["documents"].items()},
            catalogued["info"],
        ),
    )


_BUILDERS: Mapping[StepName, Callable[[Ask], tuple[Spec, ...]]] = {
    StepName.INGEST: _ingest,
    StepName.SHOTS: _shots,
    StepName.ASSESS: _assess,
    StepName.PLAN: _plan,
    StepName.RESTORE: _restore,
    StepName.ENLARGE: _enlarge,
    StepName.ASSEMBLE: _assemble,
    StepName.CHECK: _check,
    StepName.PACKAGE: _package,
}
