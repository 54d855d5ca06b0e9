"""Between a task of a run and the catalogue: which execution this is, whether it is asked for again, what it left."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import checks, conditions, executions, frames, policies, scans
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.provenance.recorder import RecordedEvent, Recorder
from restoration_tasks.runtime.spec import IN_DEVICE_SLOT, Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault


@dataclass(frozen=True)
class Task:
    """One task of a run in one clear generation."""

    run_id: str
    task_id: str
    map_index: int = executions.NOT_MAPPED
    generation: int = 0
    """It stays through retries and rises each time a person clears the task (Airflow's `max_tries`)."""

    @property
    def execution_id(self) -> str:
        """The name of this execution in the provenance; a batch's segments add their ids to it."""
        return f"{self.run_id}/{self.task_id}/{self.map_index}/{self.generation}"

    @property
    def instance(self) -> executions.TaskInstance:
        """The task without its generation."""
        return executions.TaskInstance(self.run_id, self.task_id, self.map_index)


def earlier_success(sessions: Sessions, task: Task, segment: str | None = None) -> bool:
    """Whether a person cleared this work after it had succeeded, so that it must be worked afresh."""
    with sessions.begin() as session:
        return executions.is_fresh(session, task.instance, task.generation, segment)


def record(sessions: Sessions, task: Task, spec: Spec, result: StepResult) -> RecordedEvent:
    """Record a finished piece of work: one event, and the execution. Recording again adds nothing.

    Two transactions, event first: killed in between, the next try finds the event and adds the execution.
    """
    event = Recorder(sessions).record(result, execution_id=spec.execution_id)
    result_uri = f"vault:reels/{result.reel_id}/{result.step}/{result.signature}/result.json"
    with sessions.begin() as session:
        match result.step:
            case StepName.INGEST:
                scans.enter(session, event.id, result, result_uri=result_uri)
                frames.enter_exceptions(session, event.id, result, Vault(spec.vault))
            case StepName.PLAN:
                vault = Vault(spec.vault)
                conditions.enter(session, event.id, result, vault, run_id=task.run_id, result_uri=result_uri)
            case StepName.RESTORE | StepName.ENLARGE | StepName.ASSEMBLE:
                frames.enter_relationships(session, event.id, result)
            case StepName.CHECK:
                vault = Vault(spec.vault)
                policies.enter(session, event.id, result, vault)
                checks.enter(session, event.id, result, vault, run_id=task.run_id)
        executions.record(
            session,
            task.instance,
            task.generation,
            result_uri=result_uri,
            signature=result.signature,
            segment=spec.segment,
            took=None if spec.execution_id != result.execution_id else _took(session, result),
        )
    return event


def _took(session: Session, result: StepResult) -> executions.Took:
    """What the work took. A reel's step works on all frames of its scan; a segment's says on how many it did."""
    scan = scans.newest(session, result.reel_id)
    frames = result.figures.get("frames")
    if not isinstance(frames, int):
        frames = None if scan is None or result.segment is not None else scan.frames
    carried_out = result.figures.get("treatments")
    return executions.Took(
        reel_id=result.reel_id,
        step=str(result.step),
        device=str(result.profile.device),
        wall_s=result.wall_s,
        device_s=result.wall_s if result.step in IN_DEVICE_SLOT else 0.0,
        cpu_s=result.cpu_s,
        frames=frames,
        megapixels=None if scan is None else scan.width * scan.height / 1e6,
        treatments=len(carried_out) if isinstance(carried_out, list) else None,
    )
