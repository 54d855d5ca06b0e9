"""Frames that are there twice, and frames that are gone: what a sequence shows of itself by how it moves on.

A repeat differs from the frame before it by nothing, while its shot goes on moving. Where a frame is gone the picture
moves twice as far as it did before and as it does after, everywhere in the frame alike. Neither can be seen in a shot
in which nothing moves, and nobody misses a frame there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances

WIDTH_PX = 192
"""Movement is compared on pictures this wide."""
SMALLEST_SIDE = 24
MOVES_PX = 0.25
"""Cells that move by less (at `WIDTH_PX`, mean of the frames beside) say nothing."""
FEWEST_SHARE = 0.1
"""Share of the cells that must say something."""
REPEATED = 0.12
"""A repeat differs by at most this share of what its shot differs from frame to frame …"""
ALIVE_CODES = 0.3
"""… where that is more than this many 8-bit code values: in a still nothing can be told."""
EXACT_CODES = 0.02
"""A mean difference that is none."""
JUMPS = (1.6, 3.6)
"""How many times the usual step a jump is: one or two frames are gone. Less is acceleration, more is another thing."""
SURE = 0.8
FEWEST_FRAMES = 24
"""Of fewer frames the rate is counted as of so many: one in five says little of all."""
FULL_RATE = 0.25
"""Rate of repeats and gaps at which severity is 100; it grows with its root: the first ones are seen most."""


@dataclass(frozen=True)
class MissingReading:
    """How a frame follows on the one before."""

    difference: float
    """Mean difference to the frame before, 8-bit code values, brightness matched; −1 at a shot's first frame."""
    step: float
    """How far the picture moved from the frame before, in steps of the frames beside: 1 where it moves on evenly."""
    trust: float
    """How well one figure says that for the whole picture, 0–1; 0 where too little moves."""


class MissingGauge(Gauge[MissingReading]):
    """Reads whether frames are repeated or gone."""

    category: ClassVar[Category] = Category.MISSING
    reading: ClassVar[type[MissingReading]] = MissingReading
    radius: ClassVar[int] = 2

    def read(self, window: Glances) -> MissingReading:
        """Compare a frame with the one before, and their movement with that of the frames beside."""
        if -1 not in window:
            return MissingReading(-1.0, 1.0, 0.0)
        here, before = (_small(window[at]) for at in (0, -1))
        apart = here.astype(np.float32) - before
        difference = float(np.abs(apart - np.median(apart)).mean())
        step, trust = 1.0, 0.0
        if -2 in window and 1 in window and min(here.shape) >= SMALLEST_SIDE:
            step, trust = _step(_small(window[-2]), before, here, _small(window[1]))
        return MissingReading(difference, step, trust)

    def judge(self, rows: Sequence[MissingReading], shot: ShotFacts) -> Verdict:
        """Count the repeats and the gaps."""
        differences = np.array([row.difference for row in rows[1:]])
        usual = float(np.median(differences[differences > EXACT_CODES])) if (differences > EXACT_CODES).any() else 0.0
        alive = usual > ALIVE_CODES
        limit = max(REPEATED * usual, EXACT_CODES)
        repeats = [place for place, row in enumerate(rows) if alive and 0 <= row.difference <= limit]
        beside = {place + offset for place in repeats for offset in (-1, 0, 1)}
        gaps = [
            place
            for place, row in enumerate(rows)
            if row.trust >= SURE and JUMPS[0] <= row.step <= JUMPS[1] and place not in beside
        ]
        rate = (len(repeats) + len(gaps)) / max(len(rows), FEWEST_FRAMES)
        severity = float(min(100.0, 100.0 * np.sqrt(rate / FULL_RATE)))
        told = [f"{len(found)} {word}" for found, word in ((repeats, "repeated"), (gaps, "missing")) if found]
        words = f"Frames: {' and '.join(told)}." if told else "No frame is missing or repeated as far as motion shows."
        confidence = float(np.mean([row.trust >= SURE for row in rows])) if rows else 0.0
        figures = {"repeated": len(repeats), "gaps": len(gaps), "difference_codes": round(usual, 3)}
        first = min((*repeats, *gaps), default=None)
        return Verdict(
            self.category,
            severity,
            max(confidence, 0.5 if alive else 0.0),
            words,
            figures,
            None if first is None else shot.start + first,
        )


def _small(glance: Glance) -> NDArray[np.uint8]:
    height, width = glance.luma8.shape
    if width <= WIDTH_PX:
        return glance.luma8
    size = (WIDTH_PX, max(round(height * WIDTH_PX / width), 1))
    return np.asarray(cv2.resize(glance.luma8, size, interpolation=cv2.INTER_AREA), np.uint8)


def _step(*frames: NDArray[np.uint8]) -> tuple[float, float]:
    """The middle step of three, in steps of the outer two, and how far that can be trusted."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    shape = frames[0].shape
    size = (max(shape[1] // 8, 1), max(shape[0] // 8, 1))
    first, middle, last = (
        cv2.resize(finder.calc(one, other, np.zeros((*shape, 2), np.float32)), size, interpolation=cv2.INTER_AREA)
        for one, other in pairwise(frames)
    )
    outer = (first + last) / 2
    far = np.linalg.norm(outer, axis=2)
    # Cells whose outer steps differ do not move evenly: nothing follows from them.
    even = (np.linalg.norm(first - last, axis=2) <= 0.35 * far) & (far > MOVES_PX)
    if np.count_nonzero(even) < max(FEWEST_SHARE * even.size, 6):
        return 1.0, 0.0
    usual, found = outer[even].ravel(), middle[even].ravel()
    step = float(usual @ found / (usual @ usual))
    left = found - step * usual
    power = float(found @ found)
    trust = 1.0 - float(left @ left) / power if power > 0 else 0.0
    return (step, max(trust, 0.0)) if np.isfinite(step) else (1.0, 0.0)
