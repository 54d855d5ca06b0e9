"""Between a task of a run and the catalogue: which execution this is, whether it is asked for again, what it left."""

from __future__ import annotations

from dataclasses import dataclass

from restoration_tasks.catalogue import conditions, executions, scans
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.provenance.recorder import RecordedEvent, Recorder
from restoration_tasks.runtime.spec import Spec, StepName, StepResult
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
        if result.step is StepName.INGEST:
            scans.enter(session, event.id, result, result_uri=result_uri)
        if result.step is StepName.PLAN:
            vault = Vault(spec.vault)
            conditions.enter(session, event.id, result, vault, run_id=task.run_id, result_uri=result_uri)
        executions.record(
            session,
            task.instance,
            task.generation,
            result_uri=result_uri,
            signature=result.signature,
            segment=spec.segment,
        )
    return event
