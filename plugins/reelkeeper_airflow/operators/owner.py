"""Whose a pod is: the try of a task that started it, in full, as the cluster's labels hold only what fits into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from reelkeeper_airflow.notify import site

if TYPE_CHECKING:
    from airflow.sdk import Context

PREFIX = "reelkeeper/"
OURS = {"app.kubernetes.io/part-of": "reelkeeper"}
"""Label of every pod of a step."""


@dataclass(frozen=True)
class Owner:
    """A try of a task instance."""

    airflow: str
    """Address of the Airflow that knows the task: another one may use the same namespace."""
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    """-1 for a task that is not mapped."""
    try_number: int

    @property
    def task(self) -> tuple[str, str, str, str, int]:
        """The task instance, whatever the try."""
        return (self.airflow, self.dag_id, self.run_id, self.task_id, self.map_index)

    def __str__(self) -> str:
        """As the log names it."""
        lane = "" if self.map_index < 0 else f", lane {self.map_index}"
        return f"{self.task_id}{lane} of run {self.run_id} of {self.dag_id}, try {self.try_number}"

    @classmethod
    def of(cls, context: Context) -> Self:
        """Name the task at hand."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(site(), ti.dag_id, str(context["run_id"]), ti.task_id, map_index, ti.try_number)

    def annotations(self) -> dict[str, str]:
        """Write it onto a pod: labels would cut a run id off at 63 characters."""
        return {
            f"{PREFIX}airflow": self.airflow,
            f"{PREFIX}dag-id": self.dag_id,
            f"{PREFIX}run-id": self.run_id,
            f"{PREFIX}task-id": self.task_id,
            f"{PREFIX}map-index": str(self.map_index),
            f"{PREFIX}try-number": str(self.try_number),
        }

    @classmethod
    def read(cls, pod: Any) -> Self | None:
        """Read it off a pod; None where it is not written, or not whole."""
        said: Mapping[str, str] = pod.metadata.annotations or {}
        try:
            return cls(
                said[f"{PREFIX}airflow"],
                said[f"{PREFIX}dag-id"],
                said[f"{PREFIX}run-id"],
                said[f"{PREFIX}task-id"],
                int(said[f"{PREFIX}map-index"]),
                int(said[f"{PREFIX}try-number"]),
            )
        except (KeyError, ValueError):
            return None
