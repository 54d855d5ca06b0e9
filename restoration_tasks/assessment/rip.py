"""The rip of a tear: a thin line of light or black that runs from edge to edge, and is not there on the frame beside.

What is thin and lighter (or darker) than its surroundings is found by morphology (top hats, Serra 1982), and what was
as thin on the other frame within a few pixels is taken away: edges that move. The strongest line from the left edge to
the right one is found by dynamic programming, column by column (the seam of Avidan and Shamir 2007). Nothing in a scene
comes and goes like that: rain and wires do not cross the picture sideways within a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS, COLUMNS = 90, 80
"""Cells a line is searched on."""
STEEPEST = 2
"""Rows a line may climb from column to column."""
THIN_PX = 9
"""What is higher than this is no rip; pixels of the reduced picture, 320 to 640 wide."""
MOVES_PX = 13
"""A thin thing on the other frame in a box of this side is the same one."""
FULL_CODES = 30.0
"""Contrast (8-bit codes) from which a pixel counts whole: a rip is as light as the lamp, or black."""
# On training clips, also every third frame of them, and in pans over photographs, lines come to 0.2 at most; the rips
# of the recipe to 0.14 to 0.3 at the least strength, 0.3 to 0.5 at the second, 0.8 at the fifth.
FOUND = 0.25
"""Share of the picture's width that a rip must be seen over, as it comes and as it goes …"""
FOUND_AT_END = 0.4
"""… and where a shot begins or ends with it, so that only one of them is seen."""
STANDS_OUT = 3.0
"""Times the shot's median line that a rip must be: of a wall of bricks or a page that rushes by, thin lines come and go
on every frame (medians of 0.3 to 0.8)."""
LONGEST = 3
"""Frames a rip stays, at most."""
SAME_HEIGHT = 0.08
"""How far its ends may differ, shares of the picture's height."""


@dataclass(frozen=True)
class Line:
    """The strongest line on a frame that is not on the other one."""

    share: float
    """Of the picture's width over which it is seen, weighed with its contrast, 0–1."""
    left: float
    right: float
    """Heights at the edges, shares of the picture's: 0 (top) to 1."""
    light: bool
    """Whether it is lighter than its surroundings."""


NO_LINE = Line(0.0, 0.0, 0.0, False)


class Rip(NamedTuple):
    """A line that came and went."""

    first: int
    frames: int
    """Position in the shot, and how many."""
    share: float


def lines(here: NDArray[np.uint8], others: Sequence[NDArray[np.uint8] | None]) -> list[Line]:
    """The line on this frame against each of the others, `(h, w)` 8-bit codes; none against one that is None."""
    own = _thin(here)
    planes = [
        _fresh(mine, its) for other in others if other is not None for mine, its in zip(own, _thin(other), strict=True)
    ]
    if not planes:
        return [NO_LINE] * len(others)
    shares, left, right = _strongest(np.stack(planes))
    found = []
    place = 0
    for other in others:
        if other is None:
            found.append(NO_LINE)
            continue
        best = place + int(shares[place + 1] > shares[place])
        found.append(Line(float(shares[best]), float(left[best]), float(right[best]), best == place))
        place += 2
    return found


def rips(came: Sequence[Line], goes: Sequence[Line]) -> list[Rip]:
    """The rips of a shot, from the lines of each frame against the frame before and the frame after."""
    last = len(came) - 1
    usual = STANDS_OUT * float(np.median([line.share for line in (*came[1:], *goes[:-1])] or [0.0]))
    found: list[Rip] = []
    for first in range(len(came)):
        if found and first < found[-1].first + found[-1].frames:
            continue
        for stop in range(first, min(first + LONGEST, last + 1)):
            if first == 0 and stop > 0 and _alike(came[stop], goes[stop]):
                break  # it came within the shot
            share = _share(came[first], goes[stop], first == 0, stop == last)
            if share and share >= usual:
                found.append(Rip(first, stop - first + 1, share))
                break
    return found


def _share(came: Line, goes: Line, begins: bool, ends: bool) -> float:
    if begins != ends:
        seen = goes if begins else came
        return seen.share if seen.share >= FOUND_AT_END else 0.0
    return min(came.share, goes.share) if _alike(came, goes) else 0.0


def _alike(came: Line, goes: Line) -> bool:
    """Whether both are seen, and are one line."""
    apart = max(abs(came.left - goes.left), abs(came.right - goes.right))
    return min(came.share, goes.share) >= FOUND and came.light is goes.light and apart <= SAME_HEIGHT


def _thin(luma: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What is thin and light, and what is thin and dark."""
    upright = np.ones((THIN_PX, 1), np.uint8)
    light, dark = (cv2.morphologyEx(luma, kind, upright) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    return np.asarray(light, np.uint8), np.asarray(dark, np.uint8)


def _fresh(here: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
    """What is here and not there, by cells, 0–1."""
    more = cv2.subtract(here, cv2.dilate(other, np.ones((MOVES_PX, MOVES_PX), np.uint8)))
    # A line drawn thicker by a pixel either way does not fall between cells.
    thick = cv2.dilate(np.minimum(more, np.uint8(FULL_CODES)), np.ones((3, 1), np.uint8))
    cells = cv2.resize(thick.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells / np.float32(FULL_CODES), np.float32)


def _strongest(planes: Floats) -> tuple[Floats, Floats, Floats]:
    """The line with the largest mean through each of planes `(N, ROWS, COLUMNS)`: mean, left and right height."""
    columns = np.ascontiguousarray(planes.transpose(2, 1, 0))
    totals = np.full((COLUMNS, ROWS + 2 * STEEPEST, len(planes)), -1.0, np.float32)
    inside = slice(STEEPEST, STEEPEST + ROWS)
    reach = np.ones((2 * STEEPEST + 1, 1), np.uint8)
    totals[0, inside] = columns[0]
    for column in range(1, COLUMNS):
        # The best of the rows that may come before is a maximum over a window.
        totals[column, inside] = cv2.dilate(totals[column - 1, inside], reach) + columns[column]
    each = np.arange(len(planes))
    end = totals[-1, inside].argmax(axis=0)
    row, window = end, np.arange(2 * STEEPEST + 1)[:, None]
    for column in range(COLUMNS - 2, -1, -1):
        row = np.clip(row + totals[column, row + window, each].argmax(axis=0) - STEEPEST, 0, ROWS - 1)
    shares = totals[-1, inside][end, each] / COLUMNS
    left, right = (np.asarray((edge + 0.5) / ROWS, np.float32) for edge in (row, end))
    return np.asarray(shares, np.float32), left, right
