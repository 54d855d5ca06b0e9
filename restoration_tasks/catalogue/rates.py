"""How long work takes: what past executions took, by step, device and size of picture.

A rate is seconds a frame and megapixel. The cost of a frame does not grow in step with its size (some gauges look at
every frame in the same size, a network at all of it), so executions on frames of about the same size count most:

    rate = Σ weight · seconds / Σ weight · frames · megapixels,    weight = exp(−(log₂ of the ratio of sizes)²)

Restoring is counted by frames and treatments. A new archive has no past: what `python -m benchmarks.demo` measured
stands in as its first run, and counts for no more than its 152 frames; for a GPU what `python -m
benchmarks.dirt_lanes` measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Numeric, func, select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import Execution
from restoration_tasks.provenance.vocabulary import Outcome
from restoration_tasks.runtime.spec import IN_DEVICE_SLOT, StepName

ALWAYS = (
    StepName.INGEST,
    StepName.SHOTS,
    StepName.ASSESS,
    StepName.PLAN,
    StepName.RESTORE,
    StepName.ASSEMBLE,
    StepName.CHECK,
    StepName.PACKAGE,
)
"""Steps of every reel's way."""


@dataclass(frozen=True)
class Seen:
    """What executions of one step on one device and one size of picture took together."""

    step: StepName
    device: str
    megapixels: float
    """Of one frame, in millions of pixels."""
    frames: float
    treatments: float
    """Mean number a frame; 1 for steps that treat nothing."""
    wall_s: float


# docs/benchmarks/demo.json, 2026-11-26: 152 frames of 640x272 on two cores. The three damaged shots of 120 frames got
# two treatments each; the clean one was copied. The demo does not time the package step: it copies what assemble made.
_DEMO_S = {
    StepName.INGEST: 40.5,
    StepName.SHOTS: 43.6,
    StepName.ASSESS: 281.4,
    StepName.PLAN: 16.0,
    StepName.RESTORE: 209.6,
    StepName.ASSEMBLE: 88.1,
    StepName.CHECK: 59.7,
}
_DEMO_TREATMENTS = 240 / 152
FIRST_RUN = tuple(
    Seen(step, "cpu", 640 * 272 / 1e6, 152, _DEMO_TREATMENTS if step is StepName.RESTORE else 1.0, seconds)
    for step, seconds in _DEMO_S.items()
)
# docs/benchmarks/dirt-gpu.json: 140 frames of 2048x1556 in 16.32 s by 14 lanes beside one H100, one treatment each,
# both steps together, parted among them as on two cores at 1440x1080 (docs/benchmarks/dirt.json: 14.26 s to 33.63 s).
# Reading and writing of files are not in it, so real work takes longer, and a lane holds more of it than reckoned.
_GPU_LANE_S = 14 * 16.32
_GPU_ASSESS = 14.26 / (14.26 + 33.63)
ON_A_GPU = (
    Seen(StepName.ASSESS, "cuda", 2048 * 1556 / 1e6, 140, 1.0, _GPU_LANE_S * _GPU_ASSESS),
    Seen(StepName.RESTORE, "cuda", 2048 * 1556 / 1e6, 140, 1.0, _GPU_LANE_S * (1.0 - _GPU_ASSESS)),
)
STAND_INS = (*FIRST_RUN, *ON_A_GPU)
"""What counts before an archive has a past."""
TYPICAL_FRAMES = 16_000
"""Frames of a reel where the archive has taken in none: 1000 feet of 35 mm, 16 frames a foot (SMPTE ST 139)."""
TYPICAL_MEGAPIXELS = 2048 * 1556 / 1e6
"""The full aperture of 35 mm scanned at 2K."""


@dataclass(frozen=True)
class Hours:
    """What a reel takes, in hours of one slot."""

    device_h: float
    """In the `gpu` pool."""
    worker_h: float
    """Beside it."""


@dataclass(frozen=True)
class Rates:
    """What past executions teach."""

    seen: tuple[Seen, ...]

    def hours(self, frames: int, megapixels: float, treatments: float | None = None, *, device: str = "cpu") -> Hours:
        """Estimate a reel: frames × treatments × measured rates.

        Args:
            frames: of the reel.
            megapixels: of one frame.
            treatments: mean number a frame; None: as many as past reels got.
            device: the class of device the work will run on; where nothing was seen of it, any counts.
        """
        many = self.treatments if treatments is None else treatments
        device_s = worker_s = 0.0
        for step in ALWAYS:
            seconds = self.rate(step, megapixels, device=device) * frames * megapixels
            seconds *= many if step is StepName.RESTORE else 1.0
            if step in IN_DEVICE_SLOT:
                device_s += seconds
            else:
                worker_s += seconds
        return Hours(device_s / 3600.0, worker_s / 3600.0)

    def rate(self, step: StepName, megapixels: float, *, device: str = "cpu") -> float:
        """Seconds a frame, megapixel and (restore) treatment; 0 for a step nobody has seen."""
        of_step = [one for one in self.seen if one.step is step]
        alike = [one for one in of_step if one.device == device] or of_step
        seconds = units = 0.0
        for one in alike:
            weight = math.exp(-(math.log2(megapixels / one.megapixels) ** 2))
            seconds += weight * one.wall_s
            units += weight * one.frames * one.megapixels * one.treatments
        return seconds / units if units > 0 else 0.0

    @property
    def treatments(self) -> float:
        """How many treatments a frame of past reels got, in the mean."""
        restored = [one for one in self.seen if one.step is StepName.RESTORE and one not in ON_A_GPU]
        frames = sum(one.frames for one in restored)
        return sum(one.frames * one.treatments for one in restored) / frames if frames else 1.0


def learned(session: Session, *, before_run: str | None = None) -> Rates:
    """The rates by all executions on record, and the first runs.

    Args:
        session: of the catalogue.
        before_run: leave out what was recorded since this run's first execution was: a run learns the same every time.
    """
    return Rates((*STAND_INS, *_recorded(session, before_run)))


def _recorded(session: Session, before_run: str | None) -> Iterable[Seen]:
    worked = (
        select(
            Execution.step,
            Execution.device,
            func.round(Execution.megapixels.cast(Numeric), 2).label("megapixels"),
            func.sum(Execution.frames),
            func.sum(Execution.frames * func.coalesce(Execution.treatments, 1)),
            func.sum(Execution.wall_s),
        )
        .where(
            Execution.wall_s.is_not(None),
            Execution.frames > 0,
            Execution.megapixels > 0,
            Execution.outcome == Outcome.SUCCESS,
        )
        .group_by(Execution.step, Execution.device, "megapixels")
    )
    if before_run is not None:
        first = select(func.min(Execution.recorded_at)).where(Execution.run_id == before_run).scalar_subquery()
        worked = worked.where(Execution.recorded_at < func.coalesce(first, func.now()))
    known: Mapping[str, StepName] = {step.value: step for step in StepName}
    for step, device, megapixels, frames, units, wall_s in session.execute(worked):
        if step in known and megapixels > 0:
            yield Seen(known[step], device, float(megapixels), float(frames), float(units) / float(frames), wall_s)
