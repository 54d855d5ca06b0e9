"""Which segments go into one lane: enough work that a start weighs little, and as many lanes as that leaves.

A lane is one process, or one pod: it starts once and works its segments one after the other. How long they take is
reckoned from what past work took (`catalogue/rates.py`), how long a start takes stands in the settings. So a fast GPU
gets long lanes and a slow one short ones, and shots that the plan leaves alone, which are copied, weigh nothing.

What a run has learned does not change while it lasts: only work recorded before the run's own first counts. Its lanes
are the same however often tasks are cleared, and with them the names of its executions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import rates, scans
from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.asked import Batch

MOST_START_SHARE = 0.05
"""A lane's start is at most this share of its work, unless the whole reel is less."""
MOST_LANES = 64
"""Lanes of one step: four times what a run works side by side (`max_active_tasks` of `restore_reel`), so that the last
ones to end leave few GPUs idle. More would only be more for Airflow to keep."""
_HALVINGS = 40

Weigh = Callable[[Segment], float]


@dataclass(frozen=True)
class Pace:
    """How fast a reel is worked, as it was when its run began."""

    start_s: float
    """What a lane takes beside its work."""
    assess_s: float
    """Of one frame."""
    treatment_s: float
    """Of one frame and treatment."""
    enlarge_s: float
    """Of one frame; where nobody has enlarged yet as for a treatment, which is less than it takes."""

    @property
    def enough_s(self) -> float:
        """Seconds of work that a lane needs."""
        return self.start_s / MOST_START_SHARE

    def of(self, step: StepName, plan: Plan | None = None) -> Weigh:
        """Seconds a segment takes.

        Args:
            step: assess, restore or enlarge.
            plan: what is carried out, for restore.
        """
        if step is StepName.RESTORE and plan is not None:
            treatments = {shot.shot: len(shot.treatments) for shot in plan.shots}
            return lambda segment: self.treatment_s * segment.frames * treatments.get(segment.shot, 0)
        frame_s = self.enlarge_s if step is StepName.ENLARGE else self.assess_s
        return lambda segment: frame_s * segment.frames


def pace_of(session: Session, settings: Settings, reel_id: str, run_id: str) -> Pace:
    """What past work says of a reel that was taken in: seconds by the device and the size of its frames.

    Args:
        session: of the catalogue.
        settings: device and start.
        reel_id: the reel.
        run_id: the run; its own work, and what was recorded after it began, does not count.
    """
    scan = scans.newest(session, reel_id)
    megapixels = rates.TYPICAL_MEGAPIXELS if scan is None else scan.width * scan.height / 1e6
    learned = rates.learned(session, before_run=run_id)

    def frame_s(step: StepName) -> float:
        return megapixels * learned.rate(step, megapixels, device=str(settings.device))

    treatment_s = frame_s(StepName.RESTORE)
    return Pace(
        start_s=settings.lane_start_s,
        assess_s=frame_s(StepName.ASSESS),
        treatment_s=treatment_s,
        enlarge_s=frame_s(StepName.ENLARGE) or treatment_s,
    )


def by_frames(segments: Sequence[Segment], frames: int) -> list[Batch]:
    """Lanes of at least so many frames, as a person or the settings ask for."""
    return _numbered(_gathered(segments, [float(segment.frames) for segment in segments], float(frames)))


def by_seconds(segments: Sequence[Segment], weigh: Weigh, pace: Pace, *, beside: int = 1) -> list[Batch]:
    """As many lanes of enough work as there can be, at most `MOST_LANES`, as even as can be.

    Args:
        segments: of the reel, in order.
        weigh: seconds each takes.
        pace: how much is enough.
        beside: lanes that cost nothing to have, as the cores they run on are there anyway: a reel with less than enough
            for them is shared out among so many all the same, as long as each has more to do than to start.

    Where the whole reel takes less, it is one lane.
    """
    work = [weigh(segment) for segment in segments]
    enough = max(pace.enough_s, sum(work) / MOST_LANES)
    lanes = len(_gathered(segments, work, enough))
    if lanes < beside:
        enough = pace.start_s
        lanes = min(beside, len(_gathered(segments, work, enough)))
    return _numbered(_evened(segments, work, enough, lanes))


def _evened(segments: Sequence[Segment], work: Sequence[float], enough: float, lanes: int) -> list[list[Segment]]:
    """So many lanes, or the next more there can be, the lightest as heavy as can be; `enough` gives no fewer."""
    groups = _gathered(segments, work, enough)
    low, high = enough, sum(work) / max(1, lanes)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = _gathered(segments, work, middle)
        if len(tried) >= lanes:
            low, groups = middle, tried
        else:
            high = middle
    return groups


def _gathered(segments: Sequence[Segment], work: Sequence[float], enough: float) -> list[list[Segment]]:
    """Close a lane once it has enough; what is left at the end goes to the last. No other cut gives more lanes."""
    groups: list[list[Segment]] = []
    open_: list[Segment] = []
    held = 0.0
    for segment, its in zip(segments, work, strict=True):
        open_.append(segment)
        held += its
        if held >= enough:
            groups.append(open_)
            open_, held = [], 0.0
    if open_ and groups:
        groups[-1] += open_
    elif open_:
        groups.append(open_)
    return groups


def _numbered(groups: Sequence[Sequence[Segment]]) -> list[Batch]:
    return [Batch(number=number, segments=tuple(group)) for number, group in enumerate(groups, start=1)]
