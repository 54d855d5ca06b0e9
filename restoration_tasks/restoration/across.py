"""Continue a picture across lines, along the structures that meet them.

A scratch covers a few columns and all of the height, so what lies behind it is best told from its two sides: an edge
that meets it on the left goes on on the right, some rows higher or lower. In each place the slope is taken under which
the two sides agree best over some rows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]

SLOPES = (0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5)
"""Rows up or down a column, as tried; level first, so that it wins where all agree."""
COST_ROWS = 9
"""Rows over which the sides are compared."""
SLANT_COST = 0.004
"""What slope adds to the difference of the sides (share of the code range a row a column): grain must not choose it."""
SIDE_PX = 2
"""Columns each side is averaged over."""


def across_lines(rows: Rows, mask: Mask) -> Rows:
    """A picture `(H, W, C)` continued into a mask from its left and its right; unchanged outside."""
    if not mask.any() or mask.all(axis=1).any():
        return rows
    left, right = _nearest_clean(mask)
    y, x = np.nonzero(mask)
    sides = _sides(rows, mask)
    best: Floats | None = None
    least = np.zeros(0, np.float32)
    for slope in SLOPES:
        value, cost = _along(sides, left, right, mask, (y, x), slope)
        if best is None:
            best, least = value, cost
            continue
        better = cost < least
        best[better], least = value[better], np.minimum(cost, least)
    assert best is not None
    filled = rows.copy()
    filled[mask] = best
    return _smoothed_along(filled, mask)


def _nearest_clean(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """`(H, W)` each: column of the nearest clean pixel to the left and to the right; the other one at the border."""
    width = mask.shape[1]
    column = np.broadcast_to(np.arange(width), mask.shape)
    left = np.maximum.accumulate(np.where(mask, -1, column), axis=1)
    right = np.minimum.accumulate(np.where(mask, width, column)[:, ::-1], axis=1)[:, ::-1]
    return np.where(left < 0, right, left), np.where(right >= width, left, right)


def _sides(rows: Rows, mask: Mask) -> Rows:
    """Each clean pixel as the mean of clean pixels up to `SIDE_PX` columns around it: less grain, same structure."""
    clean = (~mask).astype(np.float32)
    kernel = (2 * SIDE_PX - 1, 1)
    share = cv2.boxFilter(clean, -1, kernel, normalize=False)
    total = cv2.boxFilter(rows * clean[..., None], -1, kernel, normalize=False).reshape(rows.shape)
    return np.asarray(total / np.maximum(share, 1.0)[..., None], np.float32)


def _along(
    sides: Rows,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    mask: Mask,
    where: tuple[NDArray[np.intp], NDArray[np.intp]],
    slope: float,
) -> tuple[Floats, Floats]:
    """What masked pixels are if structures run at a slope: `(N, C)`; and how ill their two sides agree: `(N,)`."""
    y, x = where
    last = mask.shape[0] - 1
    before, after = x - left[y, x], right[y, x] - x
    # Rows are whole, and so is the way from side to side: an edge stays as sharp as it is.
    up = np.clip(np.rint(y - slope * before).astype(np.intp), 0, last)
    down = np.clip(np.rint(y + slope * after).astype(np.intp), 0, last)
    one, other = sides[up, left[up, x]], sides[down, right[down, x]]
    share = (before / np.maximum(before + after, 1)).astype(np.float32)[:, None]
    value = one * (1 - share) + other * share
    apart = np.zeros(mask.shape, np.float32)
    apart[y, x] = np.abs(one - other).mean(axis=1)
    kernel = (3, COST_ROWS)
    total = cv2.boxFilter(apart, -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    held = cv2.boxFilter(mask.astype(np.float32), -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    cost = (total / np.maximum(held, 1.0))[y, x] + np.float32(SLANT_COST * abs(slope))
    return np.asarray(value, np.float32), np.asarray(cost, np.float32)


def _smoothed_along(filled: Rows, mask: Mask) -> Rows:
    """The fill averaged over three rows: what two grainy sides give is streaky from row to row."""
    smooth = cv2.sepFilter2D(filled, -1, np.ones(1, np.float32), np.array([0.25, 0.5, 0.25], np.float32))
    filled[mask] = smooth.reshape(filled.shape)[mask]
    return filled
