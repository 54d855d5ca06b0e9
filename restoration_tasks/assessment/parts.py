"""Parts of a reel that are no picture: black, leader, colour bars, a countdown. Slates and titles are pictures here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.passage import Course

FEWEST_FRAMES = 12
"""Half a second: shorter black belongs to a fade, shorter white to a flash."""
LONGEST_GAP = 2
"""Frames that look otherwise (a burst of dust on a leader) and do not end a part."""
PLAIN_SPREAD = 6.0
PLAIN_REACH = 16.0
"""Codes: one tone, up to dust and an uneven light. Parts of the training joins reach 4.4 and 11, pictures begin beyond
10 and 40 but for those in the dark, which black has limits of its own for."""
BLACK_SPREAD = 1.5
BLACK_REACH = 5.0
BLACK_LEVEL = 36.0
"""Codes; black of a Cineon scan lies at 24 (code 95 of 1023), and fog lifts it."""
STRIPED = 0.99
STRIPED_REACH = 120.0
"""Colour bars go from white to blue or black."""
RINGED_CODES = 14.0
"""Rings of the training joins reach 22 and more, the pictures up to 6."""


class PartKind(StrEnum):
    """What a part shows."""

    PICTURE = "picture"
    BLACK = "black"
    LEADER = "leader"
    BARS = "colour bars"
    COUNTDOWN = "countdown"

    @property
    def is_plain(self) -> bool:
        """Whether it is one tone, into which a picture can fade."""
        return self in {PartKind.BLACK, PartKind.LEADER}


@dataclass(frozen=True)
class Part:
    """Frames `start ≤ i < stop` that are no picture."""

    kind: PartKind
    start: int
    stop: int


def find_parts(course: Course) -> list[Part]:
    """Every part that is no picture, in the order of the reel."""
    kinds = _kinds(course)
    found: list[Part] = []
    for kind in PartKind:
        if kind is not PartKind.PICTURE:
            found += [Part(kind, start, stop) for start, stop in runs(kinds == list(PartKind).index(kind), LONGEST_GAP)]
    return sorted((part for part in found if part.stop - part.start >= FEWEST_FRAMES), key=lambda part: part.start)


def _kinds(course: Course) -> NDArray[np.int64]:
    """For each frame the place of its kind in `PartKind`."""
    order = list(PartKind)
    black = (course.spread < BLACK_SPREAD) & (course.reach < BLACK_REACH) & (course.level < BLACK_LEVEL)
    plain = (course.spread < PLAIN_SPREAD) & (course.reach < PLAIN_REACH) & (course.level >= BLACK_LEVEL)
    striped = (course.stripes > STRIPED) & (course.reach > STRIPED_REACH)
    ringed = course.ring_codes > RINGED_CODES
    kinds = np.full(course.frames, order.index(PartKind.PICTURE))
    for kind, mask in (
        (PartKind.COUNTDOWN, ringed),
        (PartKind.BARS, striped),
        (PartKind.LEADER, plain),
        (PartKind.BLACK, black),
    ):
        kinds[mask] = order.index(kind)
    return kinds


def runs(mask: NDArray[np.bool_], gap: int = 0) -> list[tuple[int, int]]:
    """Runs `start ≤ i < stop` of a mask; those at most `gap` places apart are one.

    >>> runs(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], bool), gap=1)
    [(1, 5), (8, 9)]
    """
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(mask).tolist():
        if found and place - found[-1][1] <= gap:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found
