"""Continue a picture across thin things that run any way, along the structures that meet them.

What lies behind a wire is best told from its two sides: an edge that meets it on one goes on on the other, straight on.
From each place rays go out in many directions, each both ways to the nearest clean pixels; a direction counts the more,
the better its two ends and their surround agree, and the nearer they are. This is the edge-directed interpolation of
de-interlacing (Doyle and Looymans, *Progressive scan conversion using edge information*, 1990) for gaps of any course,
with all directions mixed by their evidence instead of one chosen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709
from restoration_tasks.restoration.carried import continued_around
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]

DIRECTIONS = 16
"""Directions that are tried, over half a turn. Twice as many came no nearer on training clips."""
FARTHEST_PX = 32
"""Pixels a ray goes to either side at most; beyond that nothing is told of what is hidden."""
ALIKE = 0.012
"""Mean difference of the surrounds of two ends (share of the code range) at which a direction counts for 1/e. On the
validation clip and training clips; at less than half of it the fill is 0.2 dB farther off, and streaky."""
TOGETHER_PX = 9
"""Side of the square over which evidence for a direction is gathered: grain alone has none."""
BEYOND_PX = (2.0, 4.0)
"""How far beyond its two ends a ray is looked along: where a structure runs its way, nothing changes there …"""
STRAIGHT = 0.125
"""… and what each of these differences counts beside that of the ends. Without it stripes are wrongly joined."""
_AROUND = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
_LEAST = 1e-12


def across_thin(rows: Rows, mask: Mask) -> Rows:
    """A picture `(H, W, C)` of shares 0–1 continued into a mask of thin things; unchanged outside.

    Where no ray ends in clean picture on both sides, it is continued from around (`carried.continued_around`).
    """
    if not mask.any() or mask.all():
        return rows
    base = continued_around(rows, mask, fine=True)
    y, x = np.nonzero(mask)
    top, left = max(int(y.min()) - TOGETHER_PX, 0), max(int(x.min()) - TOGETHER_PX, 0)
    box = (slice(top, int(y.max()) + TOGETHER_PX + 1), slice(left, int(x.max()) + TOGETHER_PX + 1))
    seen = _Seen(base, base @ _luma_of(rows.shape[2]), mask, (y, x), (y - top, x - left), mask[box].shape)
    total = np.zeros((len(x), rows.shape[2]), np.float64)
    weights = np.zeros(len(x), np.float64)
    for angle in np.arange(DIRECTIONS) * (np.pi / DIRECTIONS):
        value, weight = seen.along(float(angle))
        total += weight[:, None] * value
        weights += weight
    known = weights > _LEAST
    base[y[known], x[known]] = np.clip(total[known] / weights[known, None], 0.0, 1.0)
    return base


def _luma_of(channels: int) -> Floats:
    return np.asarray(REC709 if channels == 3 else np.ones(channels), np.float32)


class _Seen:
    """What rays through the hidden pixels of a picture meet."""

    def __init__(
        self,
        rows: Rows,
        luma: Floats,
        mask: Mask,
        hidden: tuple[NDArray[np.intp], NDArray[np.intp]],
        in_box: tuple[NDArray[np.intp], NDArray[np.intp]],
        box: tuple[int, ...],
    ) -> None:
        self._rows, self._luma, self._mask = rows, np.ascontiguousarray(luma), mask
        self._y, self._x = (one.astype(np.float32) for one in hidden)
        self._in_box, self._box = in_box, (box[0], box[1])

    def along(self, angle: float) -> tuple[Floats, Floats]:
        """What the hidden pixels are if structures run at an angle, `(N, C)`, and how far that counts, `(N,)`."""
        way = np.array([np.cos(angle), np.sin(angle)])
        way = way / np.abs(way).max()
        before, after = self._steps(-way), self._steps(way)
        met = (before > 0) & (after > 0)
        ends: list[tuple[Floats, Floats]] = [
            (
                np.asarray(self._x + sign * steps * way[0], np.float32),
                np.asarray(self._y + sign * steps * way[1], np.float32),
            )
            for sign, steps in ((-1.0, np.maximum(before, 1)), (1.0, np.maximum(after, 1)))
        ]
        apart = np.zeros(len(self._x), np.float32)
        for dx, dy in _AROUND:
            one, other = (_at(self._luma, ex + np.float32(dx), ey + np.float32(dy)) for ex, ey in ends)
            apart += np.abs(one - other)[:, 0] / np.float32(len(_AROUND))
        for (ex, ey), sign in zip(ends, (-1.0, 1.0), strict=True):
            here = _at(self._luma, ex, ey)
            for beyond in BEYOND_PX:
                away = np.float32(sign * beyond) * way.astype(np.float32)
                apart += np.float32(STRAIGHT) * np.abs(here - _at(self._luma, ex + away[0], ey + away[1]))[:, 0]
        cost = self._gathered(apart, met)
        length = np.float32(np.hypot(*way)) * (before + after)
        weight = np.where(met, np.exp(-cost / np.float32(ALIKE)) / np.maximum(np.square(length), 1), np.float32(0))
        share = (before / np.maximum(before + after, 1))[:, None]
        first, last = (_at(self._rows, *end) for end in ends)
        return np.asarray(first + share * (last - first), np.float32), np.asarray(weight, np.float32)

    def _steps(self, way: NDArray[np.float64]) -> Floats:
        """`(N,)`: steps along a way to the nearest clean pixel; 0 where there is none in the picture."""
        height, width = self._mask.shape
        found = np.zeros(len(self._x), np.float32)
        left = np.arange(len(self._x))
        for step in range(1, FARTHEST_PX + 1):
            column = np.rint(self._x[left] + step * way[0]).astype(np.intp)
            row = np.rint(self._y[left] + step * way[1]).astype(np.intp)
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            left, column, row = left[inside], column[inside], row[inside]
            clean = ~self._mask[row, column]
            found[left[clean]] = step
            left = left[~clean]
            if not len(left):
                break
        return found

    def _gathered(self, apart: Floats, met: Mask) -> Floats:
        """How far two ends are apart, as a mean over the hidden pixels around."""
        total, count = np.zeros(self._box, np.float32), np.zeros(self._box, np.float32)
        total[self._in_box] = np.where(met, apart, np.float32(0))
        count[self._in_box] = met
        side = (TOGETHER_PX, TOGETHER_PX)
        # Twice: a square that falls off towards its edge.
        spread, known = (np.asarray(cv2.blur(cv2.blur(one, side), side), np.float32) for one in (total, count))
        return np.asarray(spread[self._in_box] / np.maximum(known[self._in_box], np.float32(1e-6)), np.float32)


def _at(picture: Floats, x: Floats, y: Floats) -> Floats:
    """`(N, C)`: a picture at places between its pixels; beyond its edge, as at the edge."""
    # cv2.remap takes no more than 32767 columns or rows.
    side = 4096
    short = -len(x) % side
    at = [np.pad(np.asarray(one, np.float32), (0, short)).reshape(-1, side) for one in (x, y)]
    read = cv2.remap(picture, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, np.float32).reshape(len(x) + short, -1)[: len(x)]
