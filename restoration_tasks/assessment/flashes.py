"""Flash frames: up to three frames that got too much light, within a shot or where the camera starts or stops.

A flash looks like a cut to whoever compares neighbours. It is told by what lies on both sides: the same thing, in its
usual light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.passage import Course

LONGEST = 3
"""Frames of a flash."""
BRIGHTER_CODES = 16.0
"""How much brighter a flash is than the frames it stands beside, 8-bit code values …"""
BRIGHTER_USUAL = 4.0
"""… and how many times as much as frames there usually differ: flicker makes no flashes."""
USUAL_FRAMES = 12
"""Frames on each side that say what is usual."""
SAME_LIKENESS = 0.75
"""From here on two frames show the same thing (`Course.likeness`)."""
LEFT = 0.2
"""A flash at a cut dies down; what is less than this share of it is gone."""
RETURNS = 0.5
"""The light behind a flash is that before it, within this share of the flash."""
SAME_TONES = 0.12
"""What moves fast is known by its tones: they differ by no more than this share of the flash."""
BURNT_LIKENESS = 0.45
"""The same between a burnt-out frame and its neighbour."""


@dataclass(frozen=True)
class Flash:
    """Frames `start ≤ i < stop` that got too much light."""

    start: int
    stop: int


def flashes_within(course: Course, picture: NDArray[np.bool_]) -> list[Flash]:
    """Flashes in the middle of shots.

    Args:
        course: of the reel.
        picture: `(N,)`, where it is neither black nor leader.
    """
    found: list[Flash] = []
    place = 1
    while place < course.frames - 1:
        lengths = (count for count in range(LONGEST, 0, -1) if _stands_out(course, place, count))
        count = next(lengths, 0)
        if count and picture[place - 1 : place + count + 1].all():
            found.append(Flash(place, place + count))
            place += count
        place += 1
    return found


def flashes_at(course: Course, cut: int) -> list[Flash]:
    """Flashes of the frames just before and just behind a cut: where the camera stopped, and where it started."""
    found = []
    for side in (-1, 1):
        own = [cut + place if side > 0 else cut - 1 - place for place in range(LONGEST + 2)]
        if own[-1] < 0 or own[-1] >= course.frames:
            continue
        for count in range(LONGEST, 0, -1):
            if _settles(course, own[: count + 2], side):
                found.append(Flash(min(own[:count]), max(own[:count]) + 1))
                break
    return found


def _settles(course: Course, own: list[int], side: int) -> bool:
    """Whether frames from a cut on are a flash, all but the last two: it dies down and is gone."""
    *burnt, usual, beyond = own
    above = course.level[burnt] - course.level[usual]
    settled = abs(float(course.level[usual] - course.level[beyond])) < LEFT * above[0]
    falls = bool((np.diff(above) <= LEFT * above[0]).all()) and above[-1] > LEFT * above[0]
    same = course.likeness(burnt[-1], usual) > BURNT_LIKENESS
    return (
        settled
        and falls
        and same
        and above[0] > _limit(course, *((usual, usual) if side > 0 else (usual + 1, usual + 1)))
    )


def _stands_out(course: Course, start: int, count: int) -> bool:
    stop = start + count
    if stop >= course.frames:
        return False
    level = course.level
    beside = level[[start - 1, stop]]
    brighter = float(level[start:stop].min() - beside.max())
    if brighter <= _limit(course, start, stop) or np.ptp(beside) > RETURNS * brighter:
        return False
    same = course.likeness(start - 1, stop) > SAME_LIKENESS
    return same or course.apart_in_tone(start - 1, stop) < SAME_TONES * brighter


def _limit(course: Course, start: int, stop: int) -> float:
    """How much brighter a flash must be than the frames around it."""
    before, after = course.level[max(start - USUAL_FRAMES, 0) : start], course.level[stop : stop + USUAL_FRAMES]
    steps = np.abs(np.concatenate([np.diff(before), np.diff(after)]))
    return max(BRIGHTER_CODES, BRIGHTER_USUAL * float(np.median(steps)) if len(steps) else 0.0)
