"""Where the picture ends: the ragged frame edge and the empty surround that old transfers show, frame by frame.

The edge moves with the film's weave, so each frame is judged by the deepest edge of the frames around it. Nothing but
those frames is looked at: memory stays constant, and it does not matter how a shot was cut into segments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.motion import Luma

Depths = npt.NDArray[np.int32]

DEEPEST_SHARE = 0.12
DEEPEST_LIGHT_SHARE = 0.05
"""A surround deeper than this share of the picture's side is taken for a part of the scene; a light one sooner, for
skies end at straight roofs."""
DARK, LIGHT = 40, 235
"""A surround is darker or lighter than this (8-bit code values)."""
FLAT = 6
"""How far (8-bit code values) four in five of its pixels are from its level at most."""
STEP = 24
"""How far (8-bit code values) the picture must leave the surround's level."""
STRAIGHT_SHARE = 0.6
"""Share of a side's rows whose edge lies near the side's median edge: an edge is straight, a dark scene is not."""
STRAIGHT_SPREAD = 0.012
"""How near, as a share of the picture's width."""
RAGGED_PX = 2
"""What is masked beyond the edge, at 720 pixels width; raggedness and blur reach so far."""


@dataclass(frozen=True)
class Edges:
    """How deep the surround reaches into one frame from each side, row by row (column by column); 0 where it does not.

    `left` and `right` are `(H,)`, `top` and `bottom` `(W,)`, in pixels.
    """

    left: Depths
    right: Depths
    top: Depths
    bottom: Depths

    @classmethod
    def of(cls, luma: Luma) -> Edges:
        """Look for the edges of a frame, `(H, W)` 8-bit."""
        turned = np.ascontiguousarray(luma.T)
        return cls(_depths(luma), _depths(luma[:, ::-1]), _depths(turned), _depths(turned[:, ::-1]))

    @property
    def sides(self) -> tuple[Depths, Depths, Depths, Depths]:
        """Left, right, top, bottom."""
        return self.left, self.right, self.top, self.bottom


def outside(edges: Iterable[Edges], shape: tuple[int, int]) -> Mask | None:
    """What is surround in one of several frames that follow each other; None where there is none.

    Args:
        edges: of the frames.
        shape: height and width of the frames.
    """
    every = list(edges)
    deepest = [np.maximum.reduce(side) for side in zip(*(one.sides for one in every), strict=True)]
    if not any(side.any() for side in deepest):
        return None
    left, right, top, bottom = (_with_margin(side, shape[1]) for side in deepest)
    height, width = shape
    columns, rows = np.arange(width)[None, :], np.arange(height)[:, None]
    across = (columns < left[:, None]) | (columns >= width - right[:, None])
    return np.asarray(across | (rows < top[None, :]) | (rows >= height - bottom[None, :]), np.bool_)


def _with_margin(depths: Depths, width: int) -> Depths:
    """Depths smoothed along the edge (dirt on it, a dark thing of the scene) and grown by the ragged margin."""
    if not depths.any():
        return depths
    margin = max(1, round(RAGGED_PX * width / 720))
    return np.asarray(_running(depths, np.maximum, 2 * margin + 1) + margin, np.int32)


def _running(values: Depths, reduce: np.ufunc, size: int) -> Depths:
    padded = np.pad(values, size // 2, mode="edge")
    return np.asarray(reduce.reduce(np.lib.stride_tricks.sliding_window_view(padded, size), axis=1), np.int32)


def _depths(luma: Luma) -> Depths:
    """How deep a surround reaches in from the left, `(H,)`; all 0 if there is no straight edge."""
    height, width = luma.shape
    nothing = np.zeros(height, np.int32)
    level = float(np.median(luma[:, :2]))
    deepest = int((DEEPEST_SHARE if level <= DARK else DEEPEST_LIGHT_SHARE) * width)
    if DARK < level < LIGHT or deepest < 4:
        return nothing
    # A little wider than the deepest edge, so that one that has not come by then is seen not to have come.
    strip = cv2.blur(np.ascontiguousarray(luma[:, : deepest + 4]), (1, 5))
    picture = np.abs(strip.astype(np.int16) - level) > STEP
    depths = np.where(picture.any(axis=1), picture.argmax(axis=1), deepest + 4).astype(np.int32)
    middle = int(np.median(depths))
    near = np.abs(depths - middle) <= max(2.0, STRAIGHT_SPREAD * width)
    if not 2 <= middle <= deepest or float(near.mean()) < STRAIGHT_SHARE:
        return nothing
    if float(np.percentile(np.abs(strip[:, : max(middle - 2, 1)].astype(np.int16) - level), 80)) > FLAT:
        return nothing
    # Rows that stray: a dark thing of the scene at the edge (too deep), dirt on the surround (too shallow).
    return np.where(near, depths, middle).astype(np.int32)
