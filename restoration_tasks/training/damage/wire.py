"""Stunt wires drawn over the frames of a shot: from the picture's edge to what moves in it, with the truth of each.

They are part of what was filmed and no damage of the film, so they move with the scene: what a wire hangs on is looked
for and followed along the clean shot's own motion. Each frame's truth is the wire's course and the pixels it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.motion import Flow, FlowFinder, Following, luma, small, to_rows
from restoration_tasks.training.damage.base import SD_WIDTH, CodeScale, Mask, Picture, require

Points = NDArray[np.float64]
"""`(n, 2)`: x and y in pixels of the frame, from the end that is up to the other."""

THINNEST_PX = 0.8
"""No wire is drawn thinner, pixels of the frame: it would be a share of a pixel's light and no line."""
LENS_PX = 0.45
"""Standard deviation of the blur every wire has: it is never sharper than the picture."""
_COUNT = 65
"""Points of a course."""
_FINER = 8
"""Lines are drawn on so many times finer a grid (OpenCV's fixed-point bits are three)."""
_BLOCK = 16
"""Motion is compared block by block, pixels."""
_CALM_SHARE = 0.12
"""Margin of the picture in which nothing is taken for what a wire hangs on."""


class WireForm(StrEnum):
    """How a wire hangs."""

    STRAIGHT = "straight"
    """Tight, from the upper edge to what moves most."""
    SAGGING = "sagging"
    """Slack."""
    CROSSING = "crossing"
    """Tight, and on across what moves, in front of it."""
    SWAYING = "swaying"
    """Between two places of the scene, moving by itself."""
    STILL = "still"
    """Between two places of the picture, fixed to it."""


@dataclass(frozen=True)
class Wire:
    """How one wire looks."""

    form: WireForm
    width_px: float
    """Pixels at SD width, 0.5–12."""
    contrast: float
    """How much darker or lighter than the median of what it hides on the first frame; share of the code range, 0–1."""
    seed: int = 0
    """Where it hangs, and whether it is dark."""

    def __post_init__(self) -> None:
        require(0.5 <= self.width_px <= 12, "width_px is 0.5–12")
        require(0 < self.contrast <= 1, "contrast is a share of the code range, over 0 to 1")

    def drawn(self, clean: Sequence[Picture], *, bit_depth: int | None = None) -> list[WiredFrame]:
        """The frames of one shot with the wire over them.

        Args:
            clean: `(C, H, W)` code values, one size.
            bit_depth: of integer frames, as `CodeScale.of` has it.
        """
        rng = np.random.default_rng([self.seed, 77])
        scale = CodeScale.of(clean[0], bit_depth)
        _, height, width = clean[0].shape
        courses = _courses(self.form, [scale.to_float(one) for one in clean], rng)
        thick = max(self.width_px * width / SD_WIDTH, THINNEST_PX)
        tone: NDArray[np.float32] | None = None
        made = []
        for picture, course in zip(clean, courses, strict=True):
            cover = _cover(course, thick, (height, width))
            shares = scale.to_float(picture)
            if tone is None:
                hidden = cover > 0.5 * float(cover.max())
                median = np.median(shares[:, hidden], axis=1)
                tone = _tone(median, self.contrast, darker=rng.random() < 0.7)
            on = cover > 0.02
            over = picture.copy()
            over[:, on] = scale.to_codes(shares[:, on] * (1 - cover[on]) + tone[:, None] * cover[on])
            made.append(WiredFrame(over, course, np.asarray((over != picture).any(axis=0)), thick))
        return made


@dataclass(frozen=True)
class WiredFrame:
    """One frame with a wire."""

    picture: Picture
    """`(C, H, W)`, in the dtype of the clean frame."""
    course: Points
    """Its middle line; may begin outside the picture."""
    mask: Mask
    """`(H, W)`: pixels it changed."""
    width_px: float
    """Pixels of the frame."""


def _tone(median: NDArray[np.float32], contrast: float, *, darker: bool) -> NDArray[np.float32]:
    """`(C,)`: nearly grey as wires are, so much darker or lighter; the other way round where there is no room."""
    level = float(median.mean())
    room = level - contrast > 0.01 if darker else level + contrast < 0.99
    sign = -1.0 if darker is room else 1.0
    return np.asarray(np.clip(0.5 * (median + level) + sign * contrast, 0.005, 0.995), np.float32)


def _cover(course: Points, thick: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """`(H, W)`: how much of each pixel the wire hides, 0–1."""
    height, width = shape
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    far = np.full(shape, np.float32(1e6))
    for one, other in pairwise(course):
        reach = thick + 3
        low, high = np.minimum(one, other) - reach, np.maximum(one, other) + reach
        left, top = (max(int(np.floor(value)), 0) for value in low)
        right, bottom = min(int(np.ceil(high[0])) + 1, width), min(int(np.ceil(high[1])) + 1, height)
        if left >= right or top >= bottom:
            continue
        way = other - one
        x, y = columns[:, left:right] - np.float32(one[0]), rows[top:bottom] - np.float32(one[1])
        along = np.clip((x * way[0] + y * way[1]) / max(float(way @ way), 1e-9), 0, 1)
        apart = np.hypot(x - along * way[0], y - along * way[1])
        box = far[top:bottom, left:right]
        np.minimum(box, apart.astype(np.float32), out=box)
    cover = np.clip(np.float32(thick / 2 + 0.5) - far, 0, min(thick, 1.0))
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), LENS_PX), np.float32)


def _courses(form: WireForm, shares: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> list[Points]:
    _, height, width = shares[0].shape
    count = len(shares)
    size = width / SD_WIDTH
    if form in (WireForm.SWAYING, WireForm.STILL):
        upper = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.02, 0.2) * height])
        lower = np.array([np.clip(upper[0] + rng.normal(0, 0.2) * width, 0.1 * width, 0.9 * width), 0.0])
        lower[1] = rng.uniform(0.55, 0.85) * height
        pace, phase = rng.uniform(0.15, 0.4), rng.uniform(0, 2 * np.pi)
        swing = 0.0 if form is WireForm.STILL else rng.uniform(3.0, 8.0) * size
        drift = rng.normal(0, 1.0, 2) * size * (form is WireForm.SWAYING)
        ends = [
            (
                upper + drift * at,
                lower + drift * at + swing * np.array([np.sin(pace * at + phase), 0.3 * np.cos(pace * at + phase)]),
            )
            for at in range(count)
        ]
        sag = rng.uniform(0.0, 0.05)
    else:
        hung = _followed(shares, rng)
        lean = rng.uniform(-0.2, 0.2) * width
        ends = [(np.array([hung[0, 0] + lean + 0.7 * (at - hung[0])[0], -4.0]), at) for at in hung]
        sag = rng.uniform(0.06, 0.14) if form is WireForm.SAGGING else rng.uniform(0.0, 0.015)
    side = rng.choice((-1.0, 1.0))
    past = rng.uniform(0.15, 0.3) * height if form is WireForm.CROSSING else 0.0
    return [_course(upper, lower, side * sag, past) for upper, lower in ends]


def _course(upper: Points, lower: Points, sag: float, past: float) -> Points:
    """A parabola between two places, hanging through by a share of its length; and on beyond the second one."""
    way = lower - upper
    length = float(np.hypot(*way))
    lower = lower + way / max(length, 1e-9) * past
    way = lower - upper
    share = np.linspace(0, 1, _COUNT)[:, None]
    aside = np.array([-way[1], way[0]]) * sag
    return np.asarray(upper + share * way + 4 * share * (1 - share) * aside, np.float64)


def _followed(shares: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> Points:
    """`(T, 2)`: a place on what moves most otherwise than the scene, followed from the middle frame both ways."""
    finder = FlowFinder(Following.SMALL)
    smalls = [small(luma(to_rows(one))) for one in shares]
    shape = (shares[0].shape[1], shares[0].shape[2])

    def flow(one: int, other: int) -> Flow:
        return finder.flow(smalls[one], smalls[other], shape)

    middle = len(shares) // 2
    moves = [flow(at, at + 1) for at in range(max(middle - 3, 0), min(middle + 3, len(shares) - 1))]
    odd = np.mean([np.hypot(*np.moveaxis(one - np.median(one, axis=(0, 1)), 2, 0)) for one in moves], axis=0)
    # Inside what moves, not at its rim, where the scene comes out from behind it.
    odd = cv2.erode(odd.astype(np.float32), np.ones((_BLOCK, _BLOCK), np.uint8))
    cells = cv2.resize(odd, (shape[1] // _BLOCK, shape[0] // _BLOCK), interpolation=cv2.INTER_AREA)
    margin = [max(round(_CALM_SHARE * side), 1) for side in cells.shape]
    inner = cells[2 * margin[0] : -margin[0], margin[1] : -margin[1]]
    # One of the places that move most, so that seeds differ.
    order = np.argsort(inner.ravel())[::-1]
    chosen = int(order[int(rng.integers(0, max(len(order) // 20, 1)))])
    row, column = np.unravel_index(chosen, inner.shape)
    start = (np.array([column + margin[1], row + 2 * margin[0]]) + 0.5) * _BLOCK
    places = np.zeros((len(shares), 2))
    places[middle] = start
    for step in (1, -1):
        at = middle
        while 0 <= at + step < len(shares):
            moved = _around(flow(at, at + step), places[at])
            low, high = 0.06 * np.array([shape[1], shape[0]]), 0.94 * np.array([shape[1], shape[0]])
            places[at + step] = np.clip(places[at] + moved, low, high)
            at += step
    return places


def _around(flow: Flow, place: Points) -> Points:
    """The median of a flow about a place."""
    x, y = (round(float(value)) for value in place)
    patch = flow[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9].reshape(-1, 2)
    return np.asarray(np.median(patch, axis=0), np.float64) if len(patch) else np.zeros(2)
