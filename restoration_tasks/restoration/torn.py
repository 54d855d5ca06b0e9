"""How a torn frame lies: how far one side was pulled away, where the rip runs, and what of the picture is gone in it.

What the frame would show is made of the nearest whole frames on both sides, carried half way (or as far as it lies
between them) along the motion between them. Against that each side of the frame is displaced as a whole, by its median;
what both sides are displaced alike is the camera's or the gate's, and stays. The rip runs from edge to edge where the
sum of what the upper side fails to explain above it and the lower side below it is least (a seam, by dynamic
programming: Avidan and Shamir 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.motion import Flow, positions
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.motion import Luma

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]
"""`(W,)`: a row for each column."""

WIDEST_PX = 720
"""Frames are looked at no wider than this."""
LEAST_SIDE_PX = 48
FEWEST_PX = 576
"""Pixels a side must have for its place to be told."""
LARGEST_PULL = 0.08
"""Share of the width; the simulator pulls by 30 px of 720 at most."""
STEEPEST = 3
"""Rows the rip may climb from column to column, as it is looked at …"""
CLIMB_COST = 0.6
"""… and what each costs, 8-bit code values."""
COST_BOX_PX = (5, 3)
"""Box (across, down) over which a pixel's misfit is averaged for the seam."""
MOST_MISFIT = 40.0
"""8-bit code values from which a misfit is as bad as it gets: light through the rip is to weigh no more."""
DRAWN = 1.0
"""How much of what neither side explains draws the seam to it: over an even sky the rip alone shows where it runs."""
WIDEST_RIP = 1.0 / 50.0
"""Share of the width that a rip is wide at most, either way of its line."""
GONE_CODES, GONE_TIMES = 14.0, 4.0
"""A pixel near the rip is gone if neither side explains it within so many 8-bit code values and so many times the
frame's usual misfit; so are those beside it from seven tenths of that on."""
RIM_PX = 2
"""Pixels either way of the rip, at `WIDEST_PX`, that hold some of it."""
LEAST_PULL_PX = 0.15
"""Pull (pixels of the scan) under which nothing is moved: resampling would cost more than it mends."""
BETTER = 0.92
"""A side is moved if that leaves at most this share of what it lay apart from what was expected."""


@dataclass(frozen=True)
class Torn:
    """How a torn frame lies, pixels of the scan."""

    pull: tuple[float, float]
    """How far the moved side lies to the right and down of where it belongs; (0, 0) where that cannot be told."""
    seam: Rows
    """`(W,)`: the first row of the lower side, in the frame as it is."""
    gone: Mask
    """`(H, W)`: what of the frame as it is shows the rip, and no picture."""


def torn(
    luma: Luma,
    expected: Floats,
    rough: tuple[float, float],
    stray: float,
    *,
    lower: bool,
    until: tuple[float, float] | None = None,
) -> Torn:
    """Measure a torn frame.

    Args:
        luma: `(H, W)` 8-bit analysis copy of the frame.
        expected: `(h, w)`: what it would show, 0–255, from `midway`, at the size of `reduced(luma)`.
        rough: rows of the frame at its left and right edge that the rip begins and ends near.
        stray: rows it may be away from the straight line between them.
        lower: whether the lower side was pulled away; else the upper one.
        until: the same rows of the next tear on that side, beyond which it lies otherwise; None where there is none.
    """
    small = reduced(luma)
    height, width = small.shape
    scale = luma.shape[1] / width
    line = np.linspace(rough[0], rough[1], width) / scale
    far = np.arange(height)[:, None] - line[None]
    above, below = far < -stray / scale / 2, far > stray / scale / 2
    sides = (below, above) if lower else (above, below)
    if until is not None:
        beyond = np.arange(height)[:, None] - np.linspace(until[0], until[1], width)[None] / scale
        near = sides[0] & ((beyond < 0) if lower else (beyond > 0))
        sides = (near if np.count_nonzero(near) >= FEWEST_PX else sides[0], sides[1])
    moved, kept = (_displaced(expected, small, side) for side in sides)
    pull = moved - kept
    if np.hypot(*pull) > LARGEST_PULL * width:
        pull = np.zeros(2)
    stays = _shifted(expected, *kept)
    goes = _shifted(stays, *pull)
    if _apart(small, goes, sides[0]) > BETTER * _apart(small, stays, sides[0]):
        pull, goes = np.zeros(2), stays
    misfits = [cv2.absdiff(small.astype(np.float32), one) for one in ((stays, goes) if lower else (goes, stays))]
    seam = _seam(np.asarray(misfits[0]), np.asarray(misfits[1]), line, stray / scale)
    gone = _gone(np.minimum(*misfits), seam)
    full = np.rint(np.interp((np.arange(luma.shape[1]) + 0.5) / scale - 0.5, np.arange(width), seam) * scale)
    big = cv2.resize(gone.astype(np.float32), luma.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.25
    x, y = (float(one) * scale for one in pull)
    if np.hypot(x, y) < LEAST_PULL_PX:
        x = y = 0.0
    return Torn((x, y), np.asarray(full, np.intp), np.asarray(big, np.bool_))


def reduced(luma: Luma) -> Luma:
    """The analysis copy that is looked at, at most `WIDEST_PX` wide."""
    height, width = luma.shape
    if width <= WIDEST_PX:
        return luma
    size = (WIDEST_PX, max(round(height * WIDEST_PX / width), 1))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def midway(before: Luma, after: Luma, share: float) -> Floats:
    """What lies between two frames `(h, w)`, 0–255, at a share (0–1) of the way: both carried there and averaged.

    Flows at a time between as in Super SloMo (Jiang et al., CVPR 2018).
    """
    forth, back = _flow(before, after), _flow(after, before)
    to_first = np.asarray(-(1 - share) * share * forth + share * share * back, np.float32)
    to_second = np.asarray((1 - share) ** 2 * forth - share * (1 - share) * back, np.float32)
    carried = [_carried(frame.astype(np.float32), flow) for frame, flow in ((before, to_first), (after, to_second))]
    return np.asarray((1 - share) * carried[0] + share * carried[1], np.float32)


def _flow(one: Luma, other: Luma) -> Flow:
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = one.shape
    below, right = max(LEAST_SIDE_PX - height, 0), max(LEAST_SIDE_PX - width, 0)
    grown = [cv2.copyMakeBorder(each, 0, below, 0, right, cv2.BORDER_REPLICATE) for each in (one, other)]
    found = finder.calc(grown[0], grown[1], np.zeros((*grown[0].shape[:2], 2), np.float32))
    return np.asarray(found[:height, :width], np.float32)


def _carried(plane: Floats, flow: Flow) -> Floats:
    across, down = positions(*plane.shape[:2])
    x, y = across + flow[..., 0], down + flow[..., 1]
    return np.asarray(cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _displaced(expected: Floats, seen: Luma, side: Mask) -> NDArray[np.float64]:
    """How far a side lies to the right and down of what was expected, `(2,)`: the median motion, settled."""
    if np.count_nonzero(side) < FEWEST_PX:
        return np.zeros(2)
    codes = np.asarray(np.clip(np.rint(expected), 0, 255), np.uint8)
    flow = _flow(codes, seen)
    slope = np.abs(cv2.Sobel(expected, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(expected, cv2.CV_32F, 0, 1))
    telling = side & (slope >= np.quantile(slope[side], 0.5))
    first = np.median(flow[telling], axis=0).astype(np.float64)
    return _settled(expected, seen, side, first)


def _settled(expected: Floats, seen: Luma, side: Mask, first: NDArray[np.float64]) -> NDArray[np.float64]:
    """A displacement made exact by enhanced correlation (Evangelidis and Psarakis 2008); the guess where that fails."""
    matrix = np.array([[1, 0, first[0]], [0, 1, first[1]]], np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
    try:
        _, found = cv2.findTransformECC(
            np.ascontiguousarray(expected, np.float32),
            seen.astype(np.float32),
            matrix,
            cv2.MOTION_TRANSLATION,
            criteria,
            side.astype(np.uint8),
            5,
        )
    except cv2.error:
        return first
    settled = np.array([found[0, 2], found[1, 2]], np.float64)
    return settled if np.hypot(*(settled - first)) <= 2.0 + 0.2 * np.hypot(*first) else first


def _shifted(plane: Floats, x: float, y: float) -> Floats:
    """A plane moved to the right and down."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = (plane.shape[1], plane.shape[0])
    moved = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _apart(seen: Luma, other: Floats, side: Mask) -> float:
    return float(np.abs(seen.astype(np.float32) - other)[side].mean()) if side.any() else 0.0


def _seam(upper: Floats, lower: Floats, line: NDArray[np.float64], stray: float) -> Rows:
    """`(w,)`: the first row of the lower side for each column, by the misfits `(h, w)` of both sides."""
    height, width = upper.shape
    up, low = (cv2.blur(np.minimum(one, np.float32(MOST_MISFIT)), COST_BOX_PX) for one in (upper, lower))
    neither = np.minimum(up, low)
    neither = np.maximum(neither - np.float32(GONE_TIMES * np.median(neither)), 0.0)
    # What it costs if the lower side begins at row r: all the upper side's misfit above it, all the lower's from it on.
    costs = np.zeros((height + 1, width), np.float32)
    np.cumsum(up - low, axis=0, out=costs[1:])
    costs[:-1] -= np.float32(DRAWN) * neither
    rows = np.arange(height + 1)
    costs[np.abs(rows[:, None] - line[None]) > max(stray, 2.0)] = np.inf
    total = costs[:, 0].copy()
    came = np.zeros((width, height + 1), np.int8)
    steps = np.arange(-STEEPEST, STEEPEST + 1)
    for column in range(1, width):
        padded = np.pad(total, STEEPEST, constant_values=np.inf)
        ways = np.stack([padded[STEEPEST + step : STEEPEST + step + height + 1] for step in steps])
        ways += np.float32(CLIMB_COST) * np.abs(steps)[:, None]
        best = ways.argmin(axis=0)
        came[column] = steps[best]
        total = ways[best, rows] + costs[:, column]
    seam = np.zeros(width, np.intp)
    seam[-1] = int(np.argmin(total))
    for column in range(width - 1, 0, -1):
        seam[column - 1] = seam[column] + came[column, seam[column]]
    return seam


def _gone(misfit: Floats, seam: Rows) -> Mask:
    """`(h, w)`: what neither side explains beside the rip, and its rim."""
    height, width = misfit.shape
    far = np.abs(np.arange(height)[:, None] - seam[None])
    reach = max(WIDEST_RIP * width, RIM_PX)
    least = max(GONE_CODES, GONE_TIMES * float(np.median(misfit)))
    near = far <= reach
    weak = (near & (misfit > 0.7 * least)).astype(np.uint8)
    _, labels = cv2.connectedComponents(weak, connectivity=8)
    whole = (weak > 0) & np.isin(labels, np.unique(labels[near & (misfit > least)]))
    whole = cv2.morphologyEx(whole.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    whole = cv2.dilate(whole, np.ones((3, 3), np.uint8)) > 0
    return np.asarray(whole | (far <= RIM_PX), np.bool_)
