"""Which function does which step; a step's module is imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module

from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.step import StepDefinition


def definition(step: StepName) -> StepDefinition:
    """The step of that name.

    Step modules import nothing heavy at their top, so this is cheap enough for a worker that only needs the version.
    """
    found = import_module(f"restoration_tasks.steps.{step}").STEP
    if not isinstance(found, StepDefinition) or found.name is not step:
        raise TypeError(f"restoration_tasks.steps.{step} must define STEP, a StepDefinition named {step}")
    return found
