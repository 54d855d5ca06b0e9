"""How wide the strong edges of a picture are, by the direction they are crossed in.

The width of an edge is the distance over which it goes from 10 to 90 per cent of its step, in pixels, on the profile
across it (the "10–90 % edge response" of ISO 12233; on natural pictures as in Marziliano, Dufaux, Winkler and Ebrahimi,
"A no-reference perceptual blur metric", ICIP 2002, who take the extent of the monotone run around an edge pixel). A
Gaussian blur of deviation σ makes an ideal edge 2.56 σ wide. Profiles are means of three side by side, which takes
noise away, and are taken along rows, columns and both diagonals only, so that no interpolation adds to the width.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

REACH = 12
"""Pixels of the profile on each side of an edge."""
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Row and column a profile goes on by: across upright edges, across level ones, across both slants."""
SLANT = 0.4142
"""Tangent of 22.5°: gradients nearer to an axis than that belong to it."""
STRONGEST = 0.06
"""Share of the pixels of which edges are sought: those with the steepest gradient."""
HALF = 0.5
"""Of each direction the edges at least half as steep as its steepest are measured."""
MOST = 160
"""Edges measured in each direction."""
FEWEST = 16
"""Edges a direction must have."""
TAIL = 0.08
"""An edge ends where its slope falls under this share of its steepest: 97 % of a Gaussian edge lie between."""
FAINTEST = 24.0
"""Step of an edge, 8-bit code values, under which it is not measured."""
SHARPEST = 0.25
"""Share of the edges of a direction that are at least as sharp as what counts."""
LOW, HIGH = 0.1, 0.9
GAUSSIAN = 2.563
"""Width between them of an ideal edge under a Gaussian blur, in its standard deviations."""
CALM = 0.05
NOISY = 2
"""Where not even that share of the pixels is calmer than this (in quarters of Sobel's gradient; white noise of about 6
code values), noise would cut the edges short."""
SMOOTHED_PX = 1.2
"""Standard deviation of the blur such a picture gets first."""


@dataclass(frozen=True)
class EdgeWidths:
    """Widths of the sharper edges of a picture."""

    px: tuple[float, float, float, float]
    """In pixels, across each of `STEPS`; 0 where there are too few edges."""
    count: int
    """Edges measured."""

    @property
    def sharpest_px(self) -> float:
        """Of the direction with the sharpest edges; 0 if there are none."""
        return min((width for width in self.px if width > 0), default=0.0)

    @property
    def softest_px(self) -> float:
        """Of the direction with the softest edges; 0 if there are none."""
        return max(self.px)


NONE = EdgeWidths((0.0, 0.0, 0.0, 0.0), 0)


def edge_widths(luma: Bytes, seam_px: int | None = None) -> EdgeWidths:
    """Measure the strong edges of a picture. A noisy one is blurred first, and that blur taken from the widths again.

    Args:
        luma: `(h, w)`, 8-bit code values.
        seam_px: the picture is made of pieces of so many rows, one above the other; no profile crosses their seams.
    """
    height, width = luma.shape
    margin = REACH + 1
    piece = height if seam_px is None else seam_px
    if min(piece, width) < 2 * margin + 2:
        return NONE
    gradient = _Gradient.of(luma)
    if gradient.calm() >= NOISY:
        smooth = np.asarray(cv2.GaussianBlur(luma, (0, 0), SMOOTHED_PX), np.uint8)
        widths = _measured(smooth, _Gradient.of(smooth), piece)
        upright, level, falling, rising = (
            max(width**2 - (GAUSSIAN * SMOOTHED_PX) ** 2, 1.0) ** 0.5 if width > 0 else 0.0 for width in widths.px
        )
        return EdgeWidths((upright, level, falling, rising), widths.count)
    return _measured(luma, gradient, piece)


@dataclass(frozen=True)
class _Gradient:
    """Of a picture, by Sobel's kernels."""

    across: NDArray[np.int16]
    down: NDArray[np.int16]
    steep: Bytes
    """|across| + |down|, in quarters: what a step over the whole range has is 255."""

    @classmethod
    def of(cls, luma: Bytes) -> _Gradient:
        across, down = cv2.Sobel(luma, cv2.CV_16S, 1, 0), cv2.Sobel(luma, cv2.CV_16S, 0, 1)
        steep = cv2.add(cv2.convertScaleAbs(across, alpha=0.25), cv2.convertScaleAbs(down, alpha=0.25))
        return cls(np.asarray(across, np.int16), np.asarray(down, np.int16), np.asarray(steep, np.uint8))

    def calm(self) -> int:
        """Steepness that a share of `CALM` of the pixels does not exceed."""
        total = np.cumsum(np.bincount(self.steep[::5].ravel(), minlength=256))
        return int(np.searchsorted(total, CALM * total[-1]))


def _measured(luma: Bytes, gradient: _Gradient, piece: int) -> EdgeWidths:
    width, margin, steep = luma.shape[1], REACH + 1, gradient.steep
    flat = _steepest(steep, piece, margin)
    x, y = gradient.across.ravel()[flat].astype(np.int32), gradient.down.ravel()[flat].astype(np.int32)
    far, near = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    slanted = near > SLANT * far
    sector = np.where(slanted, np.where((x > 0) == (y > 0), 2, 3), np.where(abs(x) >= abs(y), 0, 1))
    values, chosen = steep.ravel(), []
    for number, (step_y, step_x) in enumerate(STEPS):
        here = np.flatnonzero(sector == number)
        step = step_y * width + step_x
        own = values[flat[here]]
        ridge = (own >= values[flat[here] - step]) & (own >= values[flat[here] + step])
        here, own = here[ridge], own[ridge]
        if len(here):
            here = here[own >= HALF * own.max()]
        chosen.append(here[:: max(len(here) // MOST, 1)])
    strong = np.concatenate(chosen)
    if not len(strong):
        return NONE
    kind = np.repeat(np.arange(len(STEPS)), [len(here) for here in chosen])
    x, y = x[strong], y[strong]
    rising = np.sign(np.choose(kind, (x, y, x + y, y - x)))
    steps = np.array([step_y * width + step_x for step_y, step_x in STEPS])[kind]
    besides = np.array((width, 1, width - 1, width + 1))[kind]
    widths, clear = _widths(luma, flat[strong], steps, besides, rising)
    found = []
    for number in range(len(STEPS)):
        own_widths = np.sort(widths[clear & (kind == number)])
        unit = 1.0 if number < 2 else 2.0**0.5
        enough = len(own_widths) >= FEWEST
        found.append(unit * float(own_widths[int(SHARPEST * len(own_widths))]) if enough else 0.0)
    return EdgeWidths((found[0], found[1], found[2], found[3]), int(np.count_nonzero(clear)))


def _steepest(steep: Bytes, piece: int, margin: int) -> NDArray[np.intp]:
    """Places in memory of the steepest pixels of every other row, away from borders and seams."""
    height, width = steep.shape
    rows = [row for row in range(0, height, 2) if margin <= row % piece < piece - margin]
    inner = np.ascontiguousarray(steep[rows, margin : width - margin])
    counts = np.bincount(inner[::2].ravel(), minlength=256)
    above = np.cumsum(counts[::-1])[::-1]
    least = max(int(np.searchsorted(-above, -STRONGEST * above[0])), 2)
    found = np.flatnonzero(inner.ravel() >= least)
    row, column = np.divmod(found, inner.shape[1])
    return np.asarray(np.asarray(rows)[row] * width + column + margin, np.intp)


def _widths(
    luma: Bytes,
    flat: NDArray[np.intp],
    steps: NDArray[np.intp],
    besides: NDArray[np.intp],
    sign: NDArray[np.signedinteger],
) -> tuple[Floats, NDArray[np.bool_]]:
    """10–90 % widths of edges, in steps of their profiles, and which of them are clear steps.

    Args:
        luma: the picture.
        flat: `(N,)`: places of the edges in its memory.
        steps: `(N,)`: distance in memory between pixels of the profile.
        besides: `(N,)`: distance in memory to the next profile along the edge.
        sign: `(N,)`: 1 where the profile rises, −1 where it falls.
    """
    places = flat[:, None] + steps[:, None] * np.arange(-REACH, REACH + 1)
    values = luma.ravel()
    profile = sum(values[places + side * besides[:, None]].astype(np.float32) for side in (-1, 0, 1)) / np.float32(3.0)
    profile *= np.asarray(sign, np.float32)[:, None]
    slope = np.diff(profile, axis=1)
    peak = slope[:, REACH - 2 : REACH + 2].max(axis=1)
    over = slope <= TAIL * peak[:, None]
    number = np.arange(len(flat))
    middle = REACH - 2 + np.argmax(slope[:, REACH - 2 : REACH + 2], axis=1)
    order = np.arange(2 * REACH)
    # the run of rising slopes around the steepest one
    left = np.where(over & (order < middle[:, None]), order, -1).max(axis=1) + 1
    right = np.where(over & (order > middle[:, None]), order, 2 * REACH).min(axis=1)
    inside = (order >= left[:, None]) & (order < right[:, None])
    low, high = profile[number, left], profile[number, right]
    height = high - low
    clear = (peak > 0) & (height >= FAINTEST) & (left > 0) & (right < 2 * REACH)
    run = np.where(inside, slope, np.float32(1.0))
    # a part of each step of the run lies between the levels
    start = profile[:, :-1]
    begin = np.clip((low + LOW * height)[:, None], start, start + run)
    end = np.clip((low + HIGH * height)[:, None], start, start + run)
    share = np.where(inside, (end - begin) / np.maximum(run, 1e-6), 0.0)
    return np.asarray(share.sum(axis=1), np.float32), clear
