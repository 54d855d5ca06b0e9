"""Lines of letters in one frame, told by their looks: strokes of like height and thickness side by side.

Letters are much brighter or darker than what is around them, stand in a row, are made of strokes all equally thick and
equally bright, and differ from one another; windows, railings and lamps in a row fill their outlines, or are all alike.
The gauge of text (`text`) asks of lines that they stand or roll; the check (`quality.lettering`) that they keep their
strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

WIDTH_PX: Final = 720
"""Lettering is looked for at most so wide; all lengths are for that width."""
STROKE_PX: Final = 15
"""Side of the square of the top-hat: what is wider than that is no stroke."""
STROKE_CONTRAST: Final = 0.15
"""How much brighter or darker than its surround a stroke is, share of the code range: lettering is made to be read."""
LETTER_PX: Final = (5, 90)
"""Height of a letter."""
LETTER_AREA_PX: Final = 8
LONGEST: Final = 8.0
"""Width of a letter, or of letters that touch, over its height."""
LIKE: Final = 2.2
"""By what factor heights in a line differ: small letters and capitals."""
GAP: Final = 1.5
"""What lies between letters or words of a line, over their height."""
LINE: Final = 4
"""So many letters make a line."""
MOST: Final = 600
"""More pieces than that are no lettering but foliage, gravel or a crowd."""


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of strokes, and the lines that some of them stand in."""

    labels: npt.NDArray[np.int32]
    """`(h, w)`: the number of the piece at each pixel, 0 where there is none."""
    stats: npt.NDArray[np.int32]
    """`(n, 5)`: left, top, width, height and area of each piece, as OpenCV gives them."""
    lines: tuple[tuple[int, ...], ...]
    """The numbers of the pieces of each line."""

    @property
    def letters(self) -> list[int]:
        """The numbers of all pieces that stand in lines."""
        return sorted(one for line in self.lines for one in line)


def raised(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """How far pixels rise above their surround: the white top-hat, `(h, w)`, in the plane's own type."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX, STROKE_PX))
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_TOPHAT, kernel))


def pieces_of(strokes: Mask, most: int = MOST) -> Pieces:
    """Connected pieces of strokes, and which of them stand in lines of letters.

    Args:
        strokes: `(h, w)`.
        most: with more pieces than that it is no lettering.
    """
    _, labels, stats, centres = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    labels, stats = np.asarray(labels, np.int32), np.asarray(stats, np.int32)
    wide, high, area = (stats[:, at] for at in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    fits = (high >= LETTER_PX[0]) & (high <= LETTER_PX[1]) & (wide <= LONGEST * high) & (area >= LETTER_AREA_PX)
    fits[0] = False
    pieces = np.flatnonzero(fits)
    if not LINE <= len(pieces) <= most:
        return Pieces(labels, stats, ())
    groups = _in_lines(*_beside(stats[pieces].astype(np.float64), centres[pieces, 1]), len(pieces))
    return Pieces(labels, stats, tuple(tuple(int(pieces[at]) for at in group) for group in groups))


def _beside(
    stats: npt.NDArray[np.float64], middle: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of pieces that stand side by side as letters do: the one, and the other.

    Args:
        stats: `(n, 5)`, see `Pieces`.
        middle: `(n,)`: the row in which the middle of each piece lies.
    """
    order = np.argsort(stats[:, cv2.CC_STAT_LEFT], kind="stable")
    left, height = stats[order, cv2.CC_STAT_LEFT], stats[order, cv2.CC_STAT_HEIGHT]
    right, middle = left + stats[order, cv2.CC_STAT_WIDTH], middle[order]
    # To the right of each piece, those that begin no farther than a gap of the largest letter it could stand beside.
    ends = np.searchsorted(left, right + GAP * LIKE * height, side="right")
    counts = np.maximum(ends - np.arange(len(left)) - 1, 0)
    one = np.repeat(np.arange(len(left)), counts)
    other = one + 1 + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    larger, smaller = np.maximum(height[one], height[other]), np.minimum(height[one], height[other])
    fits = (larger <= LIKE * smaller) & (np.abs(middle[one] - middle[other]) <= 0.5 * larger)
    fits &= left[other] - np.minimum(right[one], right[other]) <= GAP * larger
    return order[one[fits]], order[other[fits]]


def _in_lines(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], count: int) -> list[npt.NDArray[np.intp]]:
    """Pieces that hang together with enough others, line by line, from pairs that stand side by side."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = coo_array((np.ones(len(one), np.bool_), (one, other)), shape=(count, count))
    _, line = connected_components(pairs, directed=False)
    return [np.flatnonzero(line == at) for at in np.flatnonzero(np.bincount(line) >= LINE)]
