"""Where the simulator's persistent scratches run, from its own lives, and where a plan says they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from benchmarks.dirt_cases import FULL, Aged
from benchmarks.scoring import Line
from restoration_tasks.restoration.plan import PlannedShot
from restoration_tasks.training.damage import DamageKind, Scratch
from restoration_tasks.training.damage.base import SD_WIDTH, alive
from restoration_tasks.training.damage.layer import Layer
from restoration_tasks.training.defects.ageing import VISIBLE

LEAST_HEIGHT = 0.1
"""Share of the frame's rows a line must be seen on to count as being on the frame."""
LEAST_FRAMES = 5
"""Frames of a shot a line must be seen on to be asked for as a track: a second pass needs something to link."""


def true_lines(aged: Aged, shot: tuple[int, int]) -> list[Line]:
    """The persistent scratches of one shot that can be seen: where each crosses the middle of the frame.

    Every life is laid by itself, and seen where the damaged frame differs from the clean one below it by `VISIBLE`.

    Args:
        aged: a take with scratches.
        shot: its frames, `start ≤ i < stop` of the take.
    """
    scratch = aged.damage
    assert isinstance(scratch, Scratch)
    channels, height, width = aged.clean[0].shape
    places: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for index in range(*shot):
        changed = np.abs(aged.damaged[index].astype(np.int32) - aged.clean[index]).max(axis=0) >= VISIBLE * FULL
        for life in alive(scratch.seed, DamageKind.SCRATCH, index, present=scratch.lines, durations=scratch.frames):
            layer = Layer(channels, height, width)
            scratch._lay_line(life.looks, index - life.born, life.duration, layer, channels)
            rows = np.flatnonzero((layer.mask & changed).any(axis=1))
            if len(rows) >= LEAST_HEIGHT * height:
                opacity = layer.opacity[rows]
                centres = (opacity * (np.arange(width) + 0.5)).sum(axis=1) / opacity.sum(axis=1)
                slope, at = np.polyfit(rows, centres, 1)
                places[life.born, life.duration][index] = float(slope * height / 2 + at)
    thick = float(np.mean(scratch.width_px)) * width / SD_WIDTH
    least = min(LEAST_FRAMES, shot[1] - shot[0])
    return [Line(frames, thick) for frames in places.values() if len(frames) >= least]


def planned_lines(shot: PlannedShot) -> list[Line]:
    """The scratches a plan repairs in one shot, frames counted as the take counts them."""
    return [
        _line(track, shot.start)
        for treatment in shot.treatments
        if treatment.name == "scratches"
        for track in cast("list[dict[str, Any]]", treatment.params.get("tracks", []))
    ]


def _line(track: Mapping[str, Any], start: int) -> Line:
    knots = np.asarray(track["x"], np.float64)
    frames = np.arange(track["first"], track["last"] + 1)
    middle = np.interp(frames, knots[:, 0], knots[:, 1:].mean(axis=1))
    return Line({int(frame) + start: float(x) for frame, x in zip(frames, middle, strict=True)}, track["width_px"])
