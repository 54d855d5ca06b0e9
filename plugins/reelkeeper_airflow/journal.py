"""Names the Airflow task at hand in the catalogue's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from restoration_tasks.catalogue.engine import Sessions
    from restoration_tasks.catalogue.journal import Task


def task_of(context: Context) -> Task:
    """Name a task instance; Airflow's `max_tries` is its clear generation: retries leave it, clearing raises it."""
    from restoration_tasks.catalogue.journal import Task

    ti = context["ti"]
    map_index = -1 if ti.map_index is None else ti.map_index
    return Task(str(context["run_id"]), ti.task_id, map_index, ti.max_tries)


def catalogue(settings: Settings | None = None) -> Sessions:
    """Open the catalogue."""
    from restoration_tasks.catalogue.engine import open_sessions

    return open_sessions(settings or Settings())
