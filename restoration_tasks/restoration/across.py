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

SLOPES = (0.5, -0.5, 1.0, -1.0)
"""Rows up or down a column that are tried beside going straight across."""
BETTER = 0.25
"""A slope is taken where the sides differ under it by at most this share of what they do straight across: over
repeating patterns something or other always agrees."""
COST_ROWS = 15
"""Rows over which the sides are compared."""


def across_lines(rows: Rows, mask: Mask) -> Rows:
    """A picture `(H, W, C)` continued into a mask from its left and its right; unchanged outside."""
    if not mask.any() or mask.all(axis=1).any():
        return rows
    sides = _nearest_clean(mask)
    y, x = np.nonzero(mask)
    where = (y, x)
    best, straight = _along(rows, sides, mask, where, 0.0)
    least = straight * np.float32(BETTER)
    for slope in SLOPES:
        value, cost = _along(rows, sides, mask, where, slope)
        better = cost < least
        best[better] = value[better]
        least = np.minimum(least, cost)
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


def _along(
    rows: Rows,
    sides: tuple[NDArray[np.intp], NDArray[np.intp]],
    mask: Mask,
    where: tuple[NDArray[np.intp], NDArray[np.intp]],
    slope: float,
) -> tuple[Floats, Floats]:
    """What masked pixels are if structures run at a slope: `(N, C)`; and how ill their two sides agree: `(N,)`."""
    (left, right), (y, x) = sides, where
    last = mask.shape[0] - 1
    before, after = x - left[y, x], right[y, x] - x
    # Rows are whole, and so is the way from side to side: an edge stays as sharp as it is.
    up = np.clip(np.rint(y - slope * before).astype(np.intp), 0, last)
    down = np.clip(np.rint(y + slope * after).astype(np.intp), 0, last)
    one, other = rows[up, left[up, x]], rows[down, right[down, x]]
    share = (before / np.maximum(before + after, 1)).astype(np.float32)[:, None]
    value = one * (1 - share) + other * share
    apart = np.zeros(mask.shape, np.float32)
    apart[y, x] = np.abs(one - other).mean(axis=1)
    kernel = (3, COST_ROWS)
    total = cv2.boxFilter(apart, -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    held = cv2.boxFilter(mask.astype(np.float32), -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    cost = (total / np.maximum(held, 1.0))[y, x]
    return np.asarray(value, np.float32), np.asarray(cost, np.float32)


def _smoothed_along(filled: Rows, mask: Mask) -> Rows:
    """The fill averaged over three rows: what two grainy sides give is streaky from row to row."""
    smooth = cv2.sepFilter2D(filled, -1, np.ones(1, np.float32), np.array([0.25, 0.5, 0.25], np.float32))
    filled[mask] = smooth.reshape(filled.shape)[mask]
    return filled
