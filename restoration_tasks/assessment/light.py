"""What the light of a frame does beside the frame before: over the whole picture, by level, by channel and by place.

Light is natural logarithms of transmission, `λ = −ln 10 · density`, so that a gain in light is a sum, in log scans too.

Motion is followed before light is compared, and light is matched before motion is followed: in an even surface that is
lighter on one side a dense flow finds any brightness by sliding along it. Measured on three training and validation
clips with flicker of the whole picture alone, flow between frames as they are swallowed 2, 21 and 37 % of it. Matched
first by what differs at the same place, whole and by cell, light is measured as well as without motion followed, and
what moves is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.glance import Glance
from restoration_tasks.restoration.densities import density
from restoration_tasks.restoration.motion import Effort, Flow, MotionEstimator, inside, sampling_grid
from restoration_tasks.restoration.tone import TUKEY

SIDE = 4
"""Cells each way that light is matched by before motion is followed."""
WIDTH_PX = 240
"""Frames are compared in pictures at most this wide."""
BLOCK_PX = 4
"""Pixels of these whose means are compared: small enough to see motion, large enough to drown grain."""
USABLE = (0.04, 0.95)
"""Shares of the code range between which light is believed: below is noise, above it may be clipped."""
FEWEST = 16
"""Blocks without which nothing is said."""
DEGREE = 3
SHAPES = tuple((i, total - i) for total in range(1, DEGREE + 1) for i in range(total, -1, -1))
"""Powers of x and y of the shapes that light may differ by over the picture: Legendre polynomials, together of degree
3. Each has a mean of 0 over the picture."""
SPREAD = 0.03
"""Prior spread of contrast and of what a tilt makes from frame to frame (natural logarithm); finer shapes' falls with
the square of their degree: lamps and shutters shade a picture slowly."""
LEAST_SCALE = 1e-3
"""Scale of differences (natural logarithm) under which none is believed to lie."""
TOGETHER = 16.0
"""Blocks that are worth one."""
MAD_TO_SD = 1.4826
ROUNDS = 5
Plane = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class LightRelation:
    """What a frame's light gains on the frame before; all natural logarithms of transmission."""

    gain: float = 0.0
    """Of the whole picture, at the level `middle`, as it is: the surer where light changes alike everywhere."""
    evened: float = 0.0
    """The same, less what the picture's parts gain beyond the whole: the surer where they do."""
    contrast: float = 0.0
    """What a level gains beyond that, a unit of λ over `middle`; 0 where all levels gain alike."""
    middle: float = 0.0
    """The median λ of what was compared."""
    red: float = 0.0
    """What red gains beyond the whole; 0 for grey."""
    blue: float = 0.0
    """What blue gains beyond the whole; 0 for grey."""
    shapes: tuple[float, ...] = (0.0,) * 9
    """What the picture's parts gain beyond the whole: shares of `SHAPES`."""
    unsure: float = 0.0
    """What `gain` may be off by, as a standard error: how far the picture's cells gain apart from one another. Movement
    that could not be followed does something else to each of them."""


def relate(before: Glance, here: Glance) -> LightRelation:
    """Compare a frame's light with the one before it."""
    seen, came = _small(here.luma), _small(before.luma)
    flow = _flow(came, seen, here.transfer)
    pair = _Pair.of(came, seen, flow, here.transfer)
    usable = pair.usable
    if np.count_nonzero(usable) < FEWEST:
        return LightRelation()
    difference, light = (plane[usable].astype(np.float64) for plane in (pair.difference, pair.mean))
    down, across = ((np.arange(length) + 0.5) * 2 / length - 1 for length in usable.shape)
    places = shape_values(across, down)[usable]
    middle = float(np.median(light))
    contrast, shapes = _parted(difference, light - middle, places)
    level = difference - contrast * (light - middle)
    gain, evened = float(np.median(level)), float(np.median(level - places @ shapes))
    cells = _by_cell(pair.difference, usable, gain)
    unsure = MAD_TO_SD * float(np.median(np.abs(cells - np.median(cells)))) / SIDE
    red, blue = (0.0, 0.0)
    if here.rows.shape[2] == 3:
        whole = float(np.median(difference))
        red, blue = (_channel(before, here, channel, flow) - whole for channel in (0, 2))
    return LightRelation(gain, evened, contrast, middle, red, blue, tuple(shapes.tolist()), unsure)


def _parted(difference: Doubles, light: Doubles, places: Doubles) -> tuple[float, Doubles]:
    """What of a gain goes with the level, and what with the place: robust regression on both together.

    A bright sky over dark ground would pass one for the other. Iteratively reweighted (Tukey's biweight), with priors;
    dark blocks weigh less, their noise being larger in logarithms.

    Args:
        difference: `(N,)` gains.
        light: `(N,)` levels about the middle.
        places: `(N, 9)` values of the shapes there.
    """
    terms = np.column_stack((np.ones(len(light)), light, places))
    dark = np.exp(np.minimum(light, 0.0))
    found = np.zeros(terms.shape[1])
    found[0] = np.median(difference)
    for _ in range(ROUNDS):
        residual = difference - terms @ found
        scale = max(MAD_TO_SD * float(np.median(np.abs(residual))), LEAST_SCALE)
        weight = np.square(np.clip(1.0 - np.square(residual / (TUKEY * scale)), 0.0, None)) * dark
        # Neighbouring blocks move together: so many are worth a few.
        normal = (terms * weight[:, None]).T @ terms / (TOGETHER * scale**2)
        right = (terms * weight[:, None]).T @ difference / (TOGETHER * scale**2)
        found = np.linalg.solve(normal + np.diag(_priors()), right)
    return float(found[1]), found[2:]


@dataclass(frozen=True)
class _Pair:
    """Block means of two frames, one brought onto the other."""

    difference: Plane
    """λ of the frame less that of the one before."""
    mean: Plane
    """Mean of both λ."""
    usable: NDArray[np.bool_]

    @classmethod
    def of(cls, before: Plane, here: Plane, flow: Flow | None, transfer: str) -> _Pair:
        size = (max(here.shape[1] // BLOCK_PX, 1), max(here.shape[0] // BLOCK_PX, 1))
        shown = np.ones(size[::-1], np.bool_)
        if flow is not None:
            grid = sampling_grid(flow)
            before = np.asarray(
                cv2.remap(before, grid, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32
            )
            shown = _shrunk(inside(flow).astype(np.float32), size) > 0.99
        one, other = _shrunk(here, size), _shrunk(before, size)
        level = (one + other) / 2
        usable = shown & (level > USABLE[0]) & (level < USABLE[1])
        lights = [_light(np.maximum(plane, USABLE[0] / 4), transfer) for plane in (one, other)]
        return cls(lights[0] - lights[1], (lights[0] + lights[1]) * np.float32(0.5), usable)


def _small(luma: Plane) -> Plane:
    height, width = luma.shape
    if width <= WIDTH_PX:
        return luma
    return _shrunk(luma, (WIDTH_PX, max(round(height * WIDTH_PX / width), 1)))


def _shrunk(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32).reshape(size[::-1])


def _light(shares: Plane, transfer: str) -> Plane:
    return density(shares, transfer) * np.float32(-np.log(10))


def _flow(before: Plane, here: Plane, transfer: str) -> Flow:
    """Where the frame's pixels came from, found between pictures of the same light everywhere."""
    still = _Pair.of(before, here, None, transfer)
    field = np.zeros((SIDE, SIDE), np.float32)
    if np.count_nonzero(still.usable) >= FEWEST:
        whole = float(np.median(still.difference[still.usable]))
        field = _by_cell(still.difference, still.usable, whole)
    spread = cv2.resize(field, here.shape[::-1], interpolation=cv2.INTER_LINEAR)
    # Exact for transmission; in log scans near enough to follow motion by.
    matched = before * cv2.exp(np.asarray(spread, np.float32)).reshape(before.shape)
    eight = [np.asarray(cv2.convertScaleAbs(plane, alpha=255.0), np.uint8) for plane in (here, matched)]
    return MotionEstimator(Effort.FOLLOW).flow(eight[0], eight[1])


def _by_cell(difference: Plane, usable: NDArray[np.bool_], whole: float) -> Plane:
    """`(4, 4)`: median gain of each cell; the whole's where too little of it is usable."""
    gains = np.full((SIDE, SIDE), whole, np.float32)
    rows, columns = (np.array_split(np.arange(length), SIDE) for length in difference.shape)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            values = difference[np.ix_(row, column)][usable[np.ix_(row, column)]]
            if 4 * len(values) >= row.size * column.size > 0:
                gains[y, x] = np.median(values)
    return gains


def _channel(before: Glance, here: Glance, channel: int, flow: Flow) -> float:
    """What a channel gains; the whole's own pixels where the channel cannot be told."""
    planes = [_small(np.ascontiguousarray(glance.rows[..., channel])) for glance in (before, here)]
    pair = _Pair.of(planes[0], planes[1], flow, here.transfer)
    if np.count_nonzero(pair.usable) < FEWEST:
        pair = _Pair.of(_small(before.luma), _small(here.luma), flow, here.transfer)
    return float(np.median(pair.difference[pair.usable]))


def shape_values(x: Doubles, y: Doubles) -> Doubles:
    """`(len(y), len(x), 9)`: each of `SHAPES` at places −1 … 1."""
    across, down = (np.polynomial.legendre.legvander(places, DEGREE) for places in (x, y))
    return np.stack([np.outer(down[:, j], across[:, i]) for i, j in SHAPES], axis=-1)


@cache
def _priors() -> Doubles:
    """Inverse prior variances of gain, contrast and shapes."""
    spreads = [SPREAD / (i + j) ** 2 for i, j in SHAPES]
    return np.array([0.0, *(1.0 / np.square([SPREAD, *spreads]))])
