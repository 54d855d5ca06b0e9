"""Where a line runs, where the picture itself shows it, and how far the whole scene moved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.restoration.damage_map import Map
from restoration_tasks.restoration.motion import Flow, Luma

Floats = npt.NDArray[np.float32]

BANDS = 36
"""A line is looked at in so many pieces of its height."""
SD_WIDTH = 720
"""Lengths are given for a picture so wide and grow with the width."""
STICKS_PX = 14
"""How far a line draws the flow along, in any picture: the estimator's patches are 16 px of a halved picture wide."""
_PIECE = 4
"""Bands in which a line's place is looked for in the picture."""
_SETTLE_PX = 3.0
"""How far beside the evidence, and half its width, that is looked for, at 720; never under two pixels."""
_SETTLED_PX = 2.0
"""Pieces farther than this from the median of all, at 720, show something else."""
_LEAN_SHARE = 0.3
"""Share of the height that the pieces must span to say how the line leans."""
_DOUBTED = 26
"""Map value (a tenth) from which a place may be scratched."""
_STEEP = 3.0
"""Slope across the picture, 8-bit code values a pixel, under which the flow has nothing to hold on to."""


@dataclass(frozen=True)
class Course:
    """Where a line runs: its column at the first and the last row."""

    top: float
    bottom: float

    def distance(self, other: Course) -> float:
        """How far two lines are apart, the mean of top and bottom, px."""
        return 0.5 * (abs(self.top - other.top) + abs(self.bottom - other.bottom))

    def strip(self, bands: Floats, reach: int) -> Floats:
        """A strip of a picture in bands along the line, `(BANDS, 2 reach + 1)`, the line upright in its middle."""
        width = bands.shape[1]
        share = ((np.arange(BANDS) + 0.5) / BANDS)[:, None]
        x = self.top + (self.bottom - self.top) * share + np.arange(-reach, reach + 1)[None, :]
        x = np.clip(x, 0, width - 1)
        left = np.minimum(x.astype(np.intp), width - 2)
        part = (x - left).astype(np.float32)
        one, two = (np.take_along_axis(bands, places, axis=1) for places in (left, left + 1))
        return np.asarray(one + (two - one) * part, np.float32)


def ridges_of(strip: Floats, middle: int, wide: int, size: float) -> tuple[Floats, Floats]:
    """By band: how much brighter the line is than both sides, and how much these differ, 8-bit code values."""
    half, gap, flank = wide // 2, max(1, round(1.5 * size)), max(2, round(4 * size))
    core = strip[:, middle - half : middle + half + 1].mean(axis=1)
    left = strip[:, middle - half - gap - flank : middle - half - gap].mean(axis=1)
    right = strip[:, middle + half + gap + 1 : middle + half + gap + flank + 1].mean(axis=1)
    return np.asarray(core - (left + right) / 2, np.float32), np.asarray(np.abs(left - right), np.float32)


def settled(course: Course, luma: Floats, shown: npt.NDArray[np.bool_], wide: int, sign: int) -> Course:
    """A line's course as the picture itself shows it, to a tenth of a pixel where it is clear.

    Evidence alone wanders with what the network makes of a place. In pieces of the height that show evidence the
    ridge's own summit is looked for, and a straight line is laid through the summits that lie on one.

    Args:
        course: the line by the evidence.
        luma: `(BANDS, W)`.
        shown: `(BANDS,)` where there is evidence.
        wide: the line's width, px.
        sign: 1 for a bright line, -1 for a dark one.
    """
    size = luma.shape[1] / SD_WIDTH
    reach = wide // 2 + max(2, round(_SETTLE_PX * size))
    far = reach + wide + max(8, round(8 * size))
    strip = course.strip(luma, far)
    rise = np.stack([sign * ridges_of(strip, far + shift, wide, size)[0] for shift in range(-reach, reach + 1)])
    found: list[tuple[float, float]] = []
    for first in range(0, BANDS, _PIECE):
        inside = np.flatnonzero(shown[first : first + _PIECE]) + first
        summit = _summit(rise[:, inside].mean(axis=1)) if len(inside) >= _PIECE / 2 else None
        if summit is not None:
            found.append(((float(inside.mean()) + 0.5) / BANDS, summit - reach))
    if not found:
        return course
    height, off = np.array(found).T
    middle = float(np.median(off))
    near = np.abs(off - middle) <= max(_SETTLED_PX, _SETTLED_PX * size)
    if np.count_nonzero(near) >= 3 and float(np.ptp(height[near])) >= _LEAN_SHARE:
        lean, start = (float(value) for value in np.polyfit(height[near], off[near], 1))
        return Course(course.top + start, course.bottom + start + lean)
    return Course(course.top + middle, course.bottom + middle)


def _summit(values: Floats) -> float | None:
    """Place of the largest value, to a part of a step (a parabola through three); None at an end or if none rises."""
    place = int(values.argmax())
    if not 0 < place < len(values) - 1 or values[place] <= 0:
        return None
    before, top, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * top + after
    return place + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def whole_move(luma: Luma, flow: Flow, scratch: Map) -> float:
    """How far the whole scene is moved across, px: the median of the flow, upright edges counting as they are steep.

    What may be a scratch has no say, nor what lies so near that the flow may stick to it.

    Args:
        luma: `(H, W)`, 8-bit code values.
        scratch: `(H, W)` confidence × 255 that a scratch is there.
        flow: `(H, W, 2)` from it into another frame.
    """
    steep = np.abs(cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3)[::2, ::2]) / np.float32(8)
    near = cv2.dilate((scratch >= _DOUBTED).astype(np.uint8), np.ones((1, 2 * STICKS_PX + 1), np.uint8))[::2, ::2]
    holds = (steep >= _STEEP) & (near == 0)
    if not holds.any():
        return 0.0
    across, weight = flow[::2, ::2, 0][holds], steep[holds]
    order = np.argsort(across, kind="stable")
    total = np.cumsum(weight[order], dtype=np.float64)
    return float(across[order][int(np.searchsorted(total, total[-1] / 2))])
