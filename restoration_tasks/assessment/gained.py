"""What a frame gained in density against another one, along the motion between them, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.medians import weighted_median

Floats = NDArray[np.float32]

LEAST_WIDTH_PX = 180
"""Pictures are reduced by the largest whole factor that leaves this width; lengths below are in their pixels."""
CELL_PX = 4
"""Side of a cell: 16 px of a scan 720 wide."""
DARKEST_SHARE = 0.004
"""Added to shares before density is taken: one 8-bit code value, below which density is noise."""
DETAIL_DENSITY, DETAIL_SHARE = 0.02, 0.25
"""Misfit of detail at which a cell counts half: density, and as a share of what was gained around it."""
DETAIL_BOX_PX, FIT_BOX_PX = 9, 7
"""Boxes whose mean is taken from a gain and from a picture to have its detail."""
_PER_E = np.float32(-1 / np.log(10))
"""Density of a natural logarithm of a share."""


def reduced_density(glance: Glance) -> tuple[NDArray[np.uint8], Floats]:
    """The reduced picture: luma `(h, w)` in 8-bit codes, and density `(h, w, C)`."""
    factor = max(glance.rows.shape[1] // LEAST_WIDTH_PX, 1)
    rows = _reduced(glance.rows, factor)
    size = (rows.shape[1], rows.shape[0])
    luma = glance.luma8[: size[1] * factor, : size[0] * factor]
    density = np.asarray(cv2.log(rows + np.float32(DARKEST_SHARE)), np.float32).reshape(rows.shape) * _PER_E
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8), density


def _reduced(plane: Floats, factor: int) -> Floats:
    """Means over squares of a plane `(h, w)` or `(h, w, C)`; what is left over at its right and lower edge falls off.

    A whole factor both ways is what OpenCV is fast at.
    """
    height, width = (max(side // factor, 1) for side in plane.shape[:2])
    part = plane[: height * factor, : width * factor]
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(height, width, *plane.shape[2:])


@dataclass(frozen=True)
class Gained:
    """What a frame gained against another, by cells `(m, n)`."""

    gain: Floats
    """`(m, n, C)` density."""
    trust: Floats
    """0–1."""
    misfit: Floats
    detail: Floats
    """Mean square of what detail differs by, and of the detail of both; density squared."""
    shear: Floats
    """Sum of the slopes of the motion between them, pixels a pixel."""

    @classmethod
    def between(cls, here: tuple[NDArray[np.uint8], Floats], other: tuple[NDArray[np.uint8], Floats]) -> Gained:
        """Lay the other frame over this one and compare."""
        luma, density = here
        height, width, channels = density.shape
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        flow = finder.calc(luma, other[0], np.zeros((height, width, 2), np.float32))
        x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
        y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
        laid = cv2.remap(other[1], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        laid = np.asarray(laid, np.float32).reshape(density.shape)
        inside = ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).astype(np.float32)
        gain = density - laid
        mean = _mean(gain)
        low = _blur(mean, DETAIL_BOX_PX)
        rough = _blur(np.abs(mean - low), DETAIL_BOX_PX)
        trust = inside / (1 + np.square(rough / (DETAIL_DENSITY + DETAIL_SHARE * np.abs(low))))
        own, its = (one - _blur(one, FIT_BOX_PX) for one in (_mean(density), _mean(laid)))
        slopes = [np.abs(cv2.Sobel(flow, cv2.CV_32F, *axis, scale=1 / 8)) for axis in ((1, 0), (0, 1))]
        shear = 2 * _mean(np.asarray(slopes[0] + slopes[1], np.float32))
        weight = _reduced(trust, CELL_PX)
        found = _reduced(gain * trust[..., None], CELL_PX) / np.maximum(weight, np.float32(1e-3))[..., None]
        counts = np.asarray(weight.ravel() + np.float32(1e-6), np.float32)
        for channel in range(channels):
            found[..., channel] -= weighted_median(np.asarray(found[..., channel].ravel(), np.float32), counts)
        misfit, detail = np.square(own - its), np.square(own) + np.square(its)
        rest = (_reduced(plane, CELL_PX) for plane in (misfit, detail, shear))
        return cls(np.clip(found, -1, 1), weight, *rest)


def _mean(planes: Floats) -> Floats:
    """Mean of the channels of `(h, w, C)`; numpy is slow along so short an axis."""
    total = planes[..., 0].copy()
    for channel in range(1, planes.shape[2]):
        total += planes[..., channel]
    return np.asarray(total / np.float32(planes.shape[2]), np.float32)


def _blur(plane: Floats, side: int) -> Floats:
    return np.asarray(cv2.blur(plane, (side, side)), np.float32).reshape(plane.shape)
