"""Lines of letters in one frame, told by their looks: strokes of like height and thickness side by side.

Letters are much brighter or darker than what is around them, stand in a row, are made of strokes all equally thick and
equally bright, and differ from one another; windows, railings and lamps in a row fill their outlines, or are all alike.
The gauge of text (`text`) asks of lines that they stand or roll; the check (`quality.lettering`) that they keep their
strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
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
MOST_IN_PICTURE: Final = 2000
"""The same where lines are then looked at one by one."""

CONTRASTS: Final = (STROKE_CONTRAST, 0.35, 0.55)
"""Contrasts at which lines are looked for: letters over a lively picture stand apart from it at a high one only."""

# Limits of what a line of letters looks like. Set on titled takes of the training clips and of the validation clip,
# against the same clips as they are and scenes full of railings, blinds, bookcases, door frames and lamp posts.
SURE_LETTERS: Final = 6
"""So many letters in a line are taken for text where no other text is."""
SURE_PX: Final = 8.0
"""… of at least this height."""
SURE_TONE: Final = 0.92
"""… that goes so far of the way from the picture's darkest to its brightest, or the other way round: lettering on
screen is printed over the picture with all the light there is, or with none. Boards, books and signs of a scene have
its middle tones (real prints: 0.90 at most; titled takes: 0.93 and more on nine frames of ten)."""
EXTREMES: Final = (0.5, 99.5)
"""Percentiles of a picture that stand for its darkest and its brightest: grain and dirt go beyond."""
EDGE_PX: Final = 2
BASE: Final = 0.12
"""How far off the base a foot may be, over the letters' height …"""
ON_BASE: Final = 0.66
"""… and the share of them that must be on it: a few hang below, dots and commas do not count as pieces."""
PARTS: Final = 10
"""The parts of Chinese signs stand on no base: so many of them …"""
PARTS_UNEVEN: Final = 0.03
"""… must be as even …"""
PARTS_THICK: Final = 0.35
"""… and as thin as this."""
TALLEST: Final = 2.9
FILLED: Final = (0.22, 0.8)
"""Share of its box that a letter fills, the median: an I, an l and a dash fill theirs, and so do windows."""
THICK: Final = (0.1, 0.6)
MOST_ALIKE: Final = 0.77
MOST_UNEVEN: Final = 0.14
SHAPE_PX: Final = 12
"""Side of the square in which letters are compared."""


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
    _, drawn, boxes, centres = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    labels: npt.NDArray[np.int32] = np.asarray(drawn, np.int32)
    stats: npt.NDArray[np.int32] = np.asarray(boxes, np.int32)
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


@dataclass(frozen=True)
class Line:
    """A line of letters. Places in pixels of the picture it was looked for in."""

    left: int
    top: int
    right: int
    bottom: int
    """One beyond its last column and row."""
    letter_px: float
    """Height of its letters, their median."""
    letters: int
    """How many pieces it has."""
    tone: float
    """How far its letters go from the picture's darkest (0) to its brightest (1); dark letters the other way round."""

    @property
    def is_sure(self) -> bool:
        """Whether its looks alone are enough, where no other text is."""
        return self.is_sure_from(SURE_TONE)

    def is_sure_from(self, tone: float) -> bool:
        """The same, if its letters need go no farther than `tone` towards the picture's brightest or darkest."""
        return self.letters >= SURE_LETTERS and self.letter_px >= SURE_PX and self.tone >= tone


def lines_of(luma: npt.NDArray[np.uint8]) -> list[Line]:
    """Lines of letters, bright ones on dark ground and dark ones on bright; those that may be, the others left out.

    Args:
        luma: `(h, w)` 8-bit code values, at most `WIDTH_PX` wide.
    """
    height, width = luma.shape
    found = []
    for plane in (luma, np.asarray(255 - luma, np.uint8)):
        rise = raised(plane)
        extremes = np.percentile(plane, EXTREMES) / 255
        for contrast in CONTRASTS:
            pieces = pieces_of(rise > round(255 * contrast), MOST_IN_PICTURE)
            found += [line for one in pieces.lines for line in _lettering(plane, extremes, pieces, one)]
    # Text keeps away from the frame's edge; railings, blinds and shelves run on beyond it.
    return [
        line
        for line in found
        if min(line.left, line.top) >= EDGE_PX and line.right <= width - EDGE_PX and line.bottom <= height - EDGE_PX
    ]


def _lettering(
    plane: npt.NDArray[np.uint8], extremes: npt.NDArray[np.float64], pieces: Pieces, line: tuple[int, ...]
) -> list[Line]:
    """The line, if it may be lettering; what is cheap to tell is asked first."""
    numbers = sorted(line, key=lambda one: int(pieces.stats[one, cv2.CC_STAT_LEFT]))
    rows = pieces.stats[numbers]
    left, top, wide, high, area = (rows[:, at].astype(np.float64) for at in range(5))
    filled, letter_px, feet = area / (wide * high), float(np.median(high)), top + high
    on_base = float(np.mean(np.abs(feet - np.median(feet)) <= BASE * letter_px))
    if (
        feet.max() - top.min() > TALLEST * letter_px
        or not FILLED[0] <= np.median(filled) <= FILLED[1]
        or (on_base < ON_BASE and len(numbers) < PARTS)
    ):
        return []
    shapes, tones, thick = [], [], []
    for number, (x, y, w, h, _) in zip(numbers, rows, strict=True):
        inside = (pieces.labels[y : y + h, x : x + w] == number).astype(np.uint8)
        depth = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
        thick.append(2 * float(depth.max()) / letter_px)
        tones.append(float(np.percentile(plane[y : y + h, x : x + w][inside > 0], 80)) / 255)
        shapes.append(cv2.resize(inside * 255, (SHAPE_PX, SHAPE_PX), interpolation=cv2.INTER_AREA) / 255)
    uneven, thickness = float(np.std(tones)), float(np.median(thick))
    of_parts = len(numbers) >= PARTS and uneven <= PARTS_UNEVEN and thickness <= PARTS_THICK
    alike = 1 - float(np.mean([np.abs(one - other).mean() for one, other in pairwise(shapes)]))
    fits = THICK[0] <= thickness <= THICK[1] and alike <= MOST_ALIKE and uneven <= MOST_UNEVEN
    if not fits or not (on_base >= ON_BASE or of_parts):
        return []
    box = (int(left.min()), int(top.min()), int((left + wide).max()), int(feet.max()))
    tone = float((np.median(tones) - extremes[0]) / max(extremes[1] - extremes[0], 1 / 255))
    return [Line(*box, letter_px=letter_px, letters=len(numbers), tone=tone)]
