"""A field of movement that falls into two parts: the line from edge to edge that explains most of how cells differ."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.medians import weighted_median

Floats = NDArray[np.float32]

COLUMNS = 24
"""Cells across; they are square."""
MOST_ENDS = 28
"""Heights tried at each edge of the picture."""
CLEAR_OF_LINE = 0.7
"""Cells whose middle is closer to the line (in cells) belong to neither side: a rip is ragged."""
LEAST_SIDE = 0.08
"""Share of what can be followed that must lie on either side."""
PLAIN_CODES = 1.5
"""Mean slope (8-bit codes a pixel) at which a cell counts half: movement cannot be seen on a plain wall."""
NEAR = 0.25
"""A cell moves with its side if it is as near to it as this share of the step …"""
NEAR_PX = 0.1
"""… and this many pixels of the reduced picture."""


class Split(NamedTuple):
    """Two parts of a picture, and the line between them; `TearReading` says what the figures are."""

    x_px: float
    y_px: float
    rigid: float
    left: float
    right: float


WHOLE = Split(0.0, 0.0, 0.0, 0.5, 0.5)


def cells(plane: Floats, rows: int) -> Floats:
    """Means over cells, `(rows, COLUMNS)` or `(rows, COLUMNS, 2)`."""
    return np.asarray(cv2.resize(plane, (COLUMNS, rows), interpolation=cv2.INTER_AREA), np.float32)


@lru_cache(maxsize=16)
def _lines(rows: int) -> tuple[Floats, Floats, Floats]:
    """Ends `(L, 2)` of every line that is tried, in cells, and the cells above and below it, `(L, rows·COLUMNS)`."""
    heights = np.linspace(1, rows - 1, min(2 * rows - 3, MOST_ENDS))
    ends = np.stack(np.meshgrid(heights, heights, indexing="ij"), axis=-1).reshape(-1, 2)
    across = (np.arange(COLUMNS) + 0.5) / COLUMNS
    line = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * across
    lean = np.hypot(1.0, (ends[:, 1] - ends[:, 0]) / COLUMNS)
    off = (np.arange(rows)[None, :, None] + 0.5 - line[:, None, :]) / lean[:, None, None]
    off = off.reshape(len(ends), -1)
    above, below = off < -CLEAR_OF_LINE, off > CLEAR_OF_LINE
    return np.asarray(ends, np.float32), np.asarray(above, np.float32), np.asarray(below, np.float32)


def split(bend: Floats, seen: Floats, rows: int, scale: float) -> Split:
    """The line that explains most of how cells differ.

    Args:
        bend: `(N, 2)` of each cell, pixels of the reduced picture.
        seen: `(N,)` how far each can be trusted, 0–1.
        rows: of cells.
        scale: pixels of the scan a pixel of the reduced picture stands for.
    """
    ends, above, below = _lines(rows)
    figures = np.column_stack([seen, seen[:, None] * bend])
    upper, lower = above @ figures, below @ figures
    least = LEAST_SIDE * float(seen.sum()) + 1e-6
    fit = (upper[:, 0] > least) & (lower[:, 0] > least)
    if not fit.any():
        return WHOLE
    apart = lower[:, 1:] / np.maximum(lower[:, :1], least) - upper[:, 1:] / np.maximum(upper[:, :1], least)
    explained = np.square(apart).sum(axis=1) * upper[:, 0] * lower[:, 0] / (upper[:, 0] + lower[:, 0] + 1e-6)
    best = int(np.argmax(np.where(fit, explained, -1.0)))
    sides = [(bend[mask[best] > 0], seen[mask[best] > 0]) for mask in (above, below)]
    middles = [np.array([weighted_median(side[:, axis], trust) for axis in (0, 1)]) for side, trust in sides]
    step = middles[1] - middles[0]
    near = NEAR * float(np.hypot(*step)) + NEAR_PX
    rigid = min(
        float(trust[np.hypot(*(side - middle).T) <= near].sum() / trust.sum())
        for (side, trust), middle in zip(sides, middles, strict=True)
    )
    left, right = (float(end) / rows for end in ends[best])
    return Split(float(step[0]) * scale, float(step[1]) * scale, rigid, left, right)
