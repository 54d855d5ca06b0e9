"""Progress of a step: JSON lines for machines, bars for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

REPORT_EVERY_S = 0.5
"""A line at most this often: a log line costs more than a frame at proxy size."""


class StepProgress(BaseModel):
    """How far one piece of work is."""

    model_config = ConfigDict(frozen=True)

    label: str
    done: int
    total: int
    unit: str

    def line(self) -> str:
        """The form a task log shows."""
        share = 100 * self.done // self.total if self.total else 100
        return f"{self.label}: {self.done} of {self.total} {self.unit} ({share} %)"


class Reporter(Protocol):
    """Where progress goes."""

    def __call__(self, progress: StepProgress) -> None:
        """Take note of one report."""


def silent(progress: StepProgress) -> None:
    """Keep quiet."""


class JsonLines:
    """Print `{"progress": …}` lines, throttled; the first and the last of each unit always."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._write = write
        self._last: dict[tuple[str, str], float] = {}

    def __call__(self, progress: StepProgress) -> None:
        """Print the report if the last is long enough ago."""
        key = (progress.label, progress.unit)
        now = time.monotonic()
        if progress.done < progress.total and now - self._last.get(key, float("-inf")) < REPORT_EVERY_S:
            return
        self._last[key] = now
        self._write(json.dumps({"progress": progress.model_dump()}) + "\n")
        sys.stdout.flush()


def parse_line(line: str) -> StepProgress | None:
    """The report a printed line holds, or None if it is an ordinary log line."""
    if not line.startswith('{"progress"'):
        return None
    try:
        return StepProgress.model_validate(json.loads(line)["progress"])
    except (ValueError, ValidationError, TypeError):
        return None


class Bars:
    """A rich progress bar per piece of work, for a terminal."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, highlight=False)

    def __call__(self, progress: StepProgress) -> None:
        """Move the bar."""
        key = (progress.label, progress.unit)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(progress.label, total=progress.total, unit=progress.unit)
        self._bars.update(self._tasks[key], completed=progress.done, total=progress.total)
