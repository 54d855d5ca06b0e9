"""Runs a step as a subprocess of the worker, its log line by line in the task's log."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil
from airflow.sdk import BaseOperator

from reelkeeper_airflow.operators.mixin import StepMixin, staff_language
from restoration_tasks.runtime.launch import GRACE_S, step_process
from restoration_tasks.runtime.progress import parse_line
from restoration_tasks.runtime.spec import StepName

if TYPE_CHECKING:
    from airflow.sdk import Context


class LocalStepOperator(StepMixin, BaseOperator):
    """A step on this machine.

    Args:
        step_name: the step.
        reel: XCom of `open_reel`.
        inputs: XComs of the tasks before, by step.
        batch: what a lane works on.
    """

    template_fields: Sequence[str] = ("reel", "inputs", "batch")

    def __init__(
        self, *, step_name: str, reel: Any, inputs: Mapping[str, Any] | None = None, batch: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.step_name = StepName(step_name)
        self.reel = reel
        self.inputs = dict(inputs or {})
        self.batch = batch
        self._group: int | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Do the work, or find it done; give the outcome as XCom."""
        with staff_language():
            asked = self.ask(context)
            if not asked.all_finished():
                with step_process(asked.spec_uri, asked.settings) as process:
                    self._group = process.pid
                    for line in process.lines():
                        progress = parse_line(line)
                        self.log.info(progress.line() if progress else line)
                    process.check()
                self._group = None
            return self.take_in(asked).xcom()

    def on_kill(self) -> None:
        """End the step and its children when the task is cleared, marked, or runs out of time.

        Runs in a signal handler while `execute` waits for the step's next line: it must neither wait for the process
        itself (the waiting code below us holds that lock) nor return while a child lives. The pipe's end then ends
        `execute`.
        """
        if self._group is None:
            return
        self.log.warning("Stopping the step: the task was cleared, marked or timed out.")
        end_group(self._group)


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """End a process group: TERM, then KILL after `grace_s` if a member still runs."""
    if not _signal(group, signal.SIGTERM):
        return
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        if not _members_run(group):
            return
        time.sleep(0.05)
    _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _members_run(group: int) -> bool:
    """Tell whether a member of the group still runs; one that has ended and waits to be collected does not."""
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return False
