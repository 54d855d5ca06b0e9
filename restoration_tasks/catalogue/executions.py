"""Recorded executions: how a task that a person cleared after it succeeded is told from one that is retried.

A task instance is known by run, task and map index. Its *clear generation* is a number that rises each time a person
clears it and stays through retries (Airflow's `max_tries` at the time). Work is fresh exactly when an execution of the
same task instance was recorded under a lower generation: recorded means it had succeeded, and a lower generation means
somebody has cleared it since.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import Execution
from restoration_tasks.provenance.vocabulary import Outcome

NOT_MAPPED = -1
"""Airflow's map index of a task that is not mapped."""


@dataclass(frozen=True)
class TaskInstance:
    """A task of a run, as Airflow (or the CLI) names it."""

    run_id: str
    task_id: str
    map_index: int = NOT_MAPPED


@dataclass(frozen=True)
class Took:
    """What a piece of work took; what was reused took nothing and has no such thing."""

    reel_id: str
    step: str
    device: str
    """Class of device the pixels were computed on."""
    wall_s: float
    device_s: float
    """Of the wall time, what was spent in a slot of the device."""
    cpu_s: float
    frames: int | None = None
    megapixels: float | None = None
    """Of one frame."""
    treatments: int | None = None


def record(
    session: Session,
    task: TaskInstance,
    generation: int,
    *,
    result_uri: str,
    signature: str,
    segment: str | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    took: Took | None = None,
) -> bool:
    """Record that a task instance finished a piece of work. True when it is new; recording again adds nothing."""
    new = session.execute(
        insert(Execution)
        .values(
            id=uuid.uuid4(),
            run_id=task.run_id,
            task_id=task.task_id,
            map_index=task.map_index,
            generation=generation,
            segment=segment or "",
            result_uri=result_uri,
            signature=signature,
            outcome=outcome,
            **({} if took is None else asdict(took)),
        )
        .on_conflict_do_nothing()
        .returning(Execution.id)
    )
    return new.scalar() is not None


def claimed(session: Session, run_id: str, task_id: str, map_index: int = NOT_MAPPED) -> int | None:
    """The highest clear generation under which this task instance finished anything, or None."""
    return session.scalar(
        select(func.max(Execution.generation)).where(
            Execution.run_id == run_id, Execution.task_id == task_id, Execution.map_index == map_index
        )
    )


def is_fresh(session: Session, task: TaskInstance, generation: int, segment: str | None = None) -> bool:
    """Whether a person asks for work again that had succeeded: some execution is recorded under a lower generation.

    Args:
        session: any session.
        task: the task instance.
        generation: its clear generation now.
        segment: ask for one segment of a batch; without, for the task instance as a whole.
    """
    query = select(Execution.id).where(
        Execution.run_id == task.run_id,
        Execution.task_id == task.task_id,
        Execution.map_index == task.map_index,
        Execution.generation < generation,
    )
    if segment is not None:
        query = query.where(Execution.segment == segment)
    return session.scalar(query.limit(1)) is not None
