"""One way to put a step into a DAG; the settings say where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator

from restoration_tasks.runtime.settings import Runtime, Settings
from restoration_tasks.runtime.spec import IN_DEVICE_SLOT, StepName

LONGEST = timedelta(hours=12)
LANE_LABEL = "{{ task.batch['title'] if task.batch is mapping else '' }}"
"""How a lane is called in the grid. It is rendered after the work, too, where an error would fail a finished task."""


def step(
    name: str, *, reel: Any, inputs: Mapping[str, Any] | None = None, batch: Any = None, **kwargs: Any
) -> BaseOperator:
    """Make the task of a step, for the runtime of the settings (`REELKEEPER_RUNTIME`).

    Args:
        name: the step; also the task id unless one is given.
        reel: output of `open_reel`.
        inputs: outputs of the tasks before, by step.
        batch: what a lane works on; None for a reel's step.
        kwargs: anything an operator takes.
    """
    step_name = StepName(name)
    arguments: dict[str, Any] = {"task_id": name, "execution_timeout": LONGEST} | kwargs
    if step_name in IN_DEVICE_SLOT:
        arguments.setdefault("pool", "gpu")
    if batch is not None:
        arguments.setdefault("map_index_template", LANE_LABEL)
    arguments |= {"step_name": name, "reel": reel, "inputs": inputs, "batch": batch}
    if Settings().runtime is Runtime.KUBERNETES:
        # The Kubernetes client takes a second to import: only where it is used.
        from reelkeeper_airflow.operators.pod import PodStepOperator

        return PodStepOperator(**arguments)
    from reelkeeper_airflow.operators.local import LocalStepOperator

    return LocalStepOperator(**arguments)
