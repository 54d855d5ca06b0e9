"""Average a picture with those around it along the motion, each as far as it shows the same.

Where a neighbour shows the same (blurred until little grain is left, the two differ by no more than that little) it is
averaged in; where it does not, it has no part. How much of the grain is left is known pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709
from restoration_tasks.restoration.motion import Flow, Luma, MotionEstimator, inside, sampling_grid
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]

GUIDE_PX = 1.5
"""Standard deviation of the blur that takes most grain out before frames are compared."""
ALIKE = 2.1
"""Deviations of the guide's own grain at which the weight of a frame has fallen to 1/e. Chosen with the figures below
on the validation clip: white noise of 5, 15 and 25 codes and the recipe's grain, as it is and thinned to every third
frame."""
PATCH_PX = 7
"""Side of the surround over which frames are compared."""
LEAST_LEFT = 0.2
"""Share of the deviation that averaging is never taken to go below: what is carried wrongly is left too."""


@dataclass(frozen=True)
class Sight:
    """A picture, and what it is compared by."""

    rows: Rows
    """`(H, W, C)` shares."""

    @cached_property
    def guide(self) -> Rows:
        """The same with most of its grain blurred away."""
        return np.asarray(cv2.GaussianBlur(self.rows, (0, 0), GUIDE_PX), np.float32).reshape(self.rows.shape)

    @cached_property
    def luma(self) -> Luma:
        """The guide's, 8 bits, to follow motion on."""
        weights = REC709 if self.guide.shape[2] == 3 else (1.0,)
        mixed = cv2.transform(self.guide, np.array([weights], np.float32))
        return np.asarray(cv2.convertScaleAbs(mixed, alpha=255.0), np.uint8).reshape(self.guide.shape[:2])


def averaged(
    sights: Mapping[int, Sight], level: Floats, radius_px: float, motion: MotionEstimator
) -> tuple[Rows, Floats]:
    """The picture in the middle averaged with what shows the same.

    Args:
        sights: offset to picture, 0 the one in the middle.
        level: `(H, W)`: deviation of the grain in each channel.
        radius_px: how coarse it is.
        motion: finds it.

    Returns:
        `(H, W, C)` shares, 0–1, and `(H, W)`: the share of the grain's deviation that is left.
    """
    middle = sights[0]
    total, weight = middle.rows.copy(), np.ones(level.shape, np.float32)
    squares = weight.copy()
    # Where there is no grain, nothing need be averaged.
    alike = np.maximum(np.float32(ALIKE * guide_share(radius_px)) * level, np.float32(1e-6))
    for offset in sorted(sights):
        if offset == 0:
            continue
        other = sights[offset]
        flow = motion.flow(middle.luma, other.luma)
        apart = np.square(_carried(other.guide, flow) - middle.guide).mean(axis=2)
        share = np.exp(-cv2.blur(apart, (PATCH_PX, PATCH_PX)) / np.square(alike)).astype(np.float32)
        share[~inside(flow)] = 0
        total += share[..., None] * _carried(other.rows, flow)
        weight += share
        squares += share * share
    left = np.maximum(np.sqrt(squares) / weight, np.float32(LEAST_LEFT))
    return np.clip(total / weight[..., None], 0, 1), left


def guide_share(radius_px: float) -> float:
    """Share of the deviation of grain so coarse that the guide's blur leaves."""
    half = 40
    grain = cv2.getGaussianKernel(2 * half + 1, radius_px, cv2.CV_64F).ravel()
    blurred = np.convolve(grain, cv2.getGaussianKernel(2 * half + 1, GUIDE_PX, cv2.CV_64F).ravel())
    # the same across and down: the product of two equal square roots
    return float(np.square(blurred).sum() / np.square(grain).sum())


def _carried(rows: Rows, flow: Flow) -> Rows:
    moved = cv2.remap(rows, sampling_grid(flow), np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32).reshape(rows.shape)
