"""Frames that are there twice, and frames that are gone: what a sequence shows of itself by how it moves on.

A repeat differs from the frame before it by nothing, while its shot moves on before and after. Where a frame is gone
the picture moves twice as far as it did before and as it does after, everywhere in the frame alike. Neither can be seen
where nothing moves, and nobody misses a frame there. Repeats at one interval throughout are how it was made, animation
on twos or a pulldown: they are named and not counted.
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
"""A repeat differs by at most this share of what the frames on either side of it differ …"""
REPEATED_AT_END = 0.03
"""… of what it differs on one side at an end of a shot: there a movement may just have come to rest …"""
ALIVE_CODES = 0.15
"""… where that is more than this many 8-bit code values: in a still nothing can be told."""
BESIDE = 2
"""Frames looked at on either side: of two repeats in a row each has a moving frame so near."""
REGULAR, LONGEST_CADENCE = 4, 6
"""So many repeats at one interval of at most so many frames, and none at another, are a cadence."""
EXACT_CODES = 0.02
"""A mean difference that is none."""
JUMPS = (1.7, 3.6)
"""How many times the usual step a jump is: one or two frames are gone. Less is acceleration, more is another thing.
Gaps of the simulator in training clips, thinned ones among them, read 1.71 to 2.74, a bird that turns its head 1.65."""
SURE = 0.9
"""Trust from which a jump counts: gaps of the simulator read 0.92 and more, a head thrown back 0.88."""
LASTS = 0.5
"""A movement that has changed by this share one frame on is a movement of its own, and no gap was before it."""
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
            frames = [_small(window[-2]), before, here, *(_small(window[at]) for at in (1, 2) if at in window)]
            step, trust = _step(*frames)
        return MissingReading(difference, step, trust)

    def judge(self, rows: Sequence[MissingReading], shot: ShotFacts) -> Verdict:
        """Count the repeats and the gaps."""
        repeats = _repeats([row.difference for row in rows])
        cadence = _cadence(repeats)
        beside = {place + offset for place in repeats for offset in (-1, 0, 1)}
        if cadence:
            repeats = []
        gaps = [
            place
            for place, row in enumerate(rows)
            if row.trust >= SURE and JUMPS[0] <= row.step <= JUMPS[1] and place not in beside
        ]
        rate = (len(repeats) + len(gaps)) / max(len(rows), FEWEST_FRAMES)
        severity = float(min(100.0, 100.0 * np.sqrt(rate / FULL_RATE)))
        told = [f"{len(found)} {word}" for found, word in ((repeats, "repeated"), (gaps, "missing")) if found]
        words = f"Frames: {' and '.join(told)}." if told else "No frame is missing or repeated as far as motion shows."
        if cadence:
            words = f"Every {cadence}. frame is a repeat, as in animation or after a pulldown. {words}"
        moving = [row.difference for row in rows[1:] if row.difference > EXACT_CODES]
        usual = float(np.median(moving)) if moving else 0.0
        confidence = float(np.mean([row.trust >= SURE for row in rows]))
        figures = {
            "repeated": len(repeats),
            "gaps": len(gaps),
            "cadence_frames": cadence,
            "difference_codes": round(usual, 3),
        }
        first = min((*repeats, *gaps), default=None)
        return Verdict(
            self.category,
            severity,
            max(confidence, 0.5 if usual > ALIVE_CODES else 0.0),
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


def _repeats(differences: Sequence[float]) -> list[int]:
    """Places that differ from the frame before by next to nothing, while it moves on before and after."""
    found = []
    for place, own in enumerate(differences):
        sides = (differences[max(place - BESIDE, 1) : place], differences[place + 1 : place + 1 + BESIDE])
        # At an end of the shot one side has to do.
        usual = min((max(side) for side in sides if side), default=0.0)
        share = REPEATED if all(sides) else REPEATED_AT_END
        if 0 <= own <= max(share * usual, EXACT_CODES) and usual > ALIVE_CODES:
            found.append(place)
    return found


def _cadence(repeats: Sequence[int]) -> int:
    """The interval of repeats that come regularly, in frames; 0 where they do not."""
    apart = {later - earlier for earlier, later in pairwise(repeats)}
    regular = len(repeats) >= REGULAR and len(apart) == 1 and 2 <= min(apart) <= LONGEST_CADENCE
    return min(apart) if regular else 0


def _step(*frames: NDArray[np.uint8]) -> tuple[float, float]:
    """The second step, in steps of the first and third, and how far that can be trusted; frames are four or five."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    shape = frames[0].shape
    size = (max(shape[1] // 8, 1), max(shape[0] // 8, 1))
    first, middle, last, *next_one = (
        cv2.resize(finder.calc(one, other, np.zeros((*shape, 2), np.float32)), size, interpolation=cv2.INTER_AREA)
        for one, other in pairwise(frames)
    )
    outer = (first + last) / 2
    far = np.linalg.norm(outer, axis=2)
    # Cells whose outer steps differ do not move evenly: nothing follows from them.
    even = (np.linalg.norm(first - last, axis=2) <= 0.35 * far) & (far > MOVES_PX)
    for later in next_one:
        even &= np.linalg.norm(last - later, axis=2) <= LASTS * far
    if np.count_nonzero(even) < max(FEWEST_SHARE * even.size, 6):
        return 1.0, 0.0
    usual, found = outer[even].ravel(), middle[even].ravel()
    step = float(usual @ found / (usual @ usual))
    left = found - step * usual
    power = float(found @ found)
    trust = 1.0 - float(left @ left) / power if power > 0 else 0.0
    return (step, max(trust, 0.0)) if np.isfinite(step) else (1.0, 0.0)
