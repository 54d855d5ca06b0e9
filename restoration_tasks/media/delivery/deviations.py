"""Frames that deviate from a rule, gathered into few findings: one a run, one for the reel where all deviate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.records import FrameRecord

MOST_RUNS = 12
"""Runs told one by one; a fault that comes and goes more often is told once, with how often."""
_Value = TypeVar("_Value", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Deviation:
    """One frame that is not as a rule wants it."""

    at: int
    """Its place in the list of records."""
    expected: object | None = None
    found: object | None = None


@dataclass(frozen=True)
class Verdict:
    """What a rule says of frames that deviate from it."""

    rule: Rule
    grade: Grade
    message: str
    """One sentence in the operator's language."""
    action: str = ""

    def findings(self, records: Sequence[FrameRecord], deviations: Iterable[Deviation]) -> tuple[Finding, ...]:
        """One finding for each run of neighbouring frames, one for all if they are too many."""
        runs: list[list[Deviation]] = []
        for one in sorted(deviations, key=lambda deviation: deviation.at):
            last = runs[-1][-1] if runs else None
            joined = last is not None and one.at == last.at + 1
            if joined and last is not None and records[last.at].frame.part == records[one.at].frame.part:
                runs[-1].append(one)
            else:
                runs.append([one])
        count = sum(len(run) for run in runs)
        if len(runs) > 1 and (len(runs) > MOST_RUNS or count == len(records)):
            places = "" if count == len(records) else f" ({len(runs)} times)"
            return (self._finding(records, [one for run in runs for one in run], places),)
        return tuple(self._finding(records, run) for run in runs)

    def _finding(self, records: Sequence[FrameRecord], run: Sequence[Deviation], places: str = "") -> Finding:
        first, last = records[run[0].at], records[run[-1].at]
        return Finding(
            self.grade,
            self.rule,
            self.message + places,
            file=first.name,
            frame=first.frame.number,
            last_frame=last.frame.number if last is not first and last.frame.part == first.frame.part else None,
            part=first.frame.part,
            count=len(run),
            expected=None if run[0].expected is None else str(run[0].expected),
            found=None if run[0].found is None else str(run[0].found),
            action=self.action,
        )


def majority(values: Iterable[_Value]) -> tuple[_Value | None, float]:
    """The commonest value (the earliest of equals) and the share of all that have it; `(None, 0)` of nothing."""
    counted = Counter(values)
    if not counted:
        return None, 0.0
    value, count = counted.most_common(1)[0]
    return value, count / counted.total()
