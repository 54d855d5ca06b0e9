"""Where a thin line runs in one frame, to parts of a pixel, and how wide it is: found about a rough course.

The picture is straightened along the rough course, so that the line runs along the strip. A line is a ridge: what is on
it differs in the same direction from both of its sides. What it differs by may change its sign where the picture behind
it does; so evidence is summed block by block along the line before its sign is dropped, and each block counts by how
far it stands out of what the same block shows elsewhere in the strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.motion import Luma, MotionEstimator, warp

Floats = NDArray[np.float32]
Points = NDArray[np.float64]
"""`(n, 2)`: x and y in pixels, one after the other along a course, a pixel apart."""

BLOCK_PX = 10
"""Pixels along the line over which its evidence keeps its sign."""
MOST = 4.0
"""Standard deviations a block counts at most: an edge of the scene is to weigh no more than a clear wire."""
SLOPES = (0.0, 0.15, -0.15, 0.3, -0.3, 0.5, -0.5, 0.75, -0.75)
"""Slopes against the rough course at which a block is looked at, pixels aside a pixel along."""
WIDTHS_PX = (1.5, 3.0, 6.0)
"""Widths a line is looked for at, pixels; its own is measured once it is found."""
LEAST_NOISE = 0.7
"""8-bit code values a block's mean is taken to vary by at least."""
USUAL_TIMES = 1.25
"""A standard deviation of what is normal, beside its mean distance from zero."""
NEAR_PX = 3
"""How far from a smooth course a line may run in places."""
SMOOTH_PX = 6.0
"""Standard deviation along the line over which evidence of its place is gathered."""
DEGREE = 2
"""Of the polynomial that a line's place is smoothed by, beside its rough course: wires hang in parabolas, nearly. At 4
they stray by pixels where the picture behind is as light as they are."""
SIDE_PX = 2.0
"""Beyond half its width and this, the sides of a line show nothing of it."""


def dense(points: Points) -> Points:
    """A course with its points a pixel apart; at least two."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(round(float(along[-1])) + 1, 2)
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)


def normals(course: Points) -> Points:
    """`(n, 2)`: of length 1, a quarter turn from the direction of the course, which is smoothed over 9 pixels."""
    reach = min(4, (len(course) - 1) // 2)
    ahead = np.minimum(np.arange(len(course)) + max(reach, 1), len(course) - 1)
    behind = np.maximum(np.arange(len(course)) - max(reach, 1), 0)
    way = course[ahead] - course[behind]
    way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)[:, None]
    return np.stack([-way[:, 1], way[:, 0]], axis=1)


def shifted(course: Points, off: NDArray[np.float64]) -> Points:
    """A course moved aside by so much at each of its points."""
    return np.asarray(course + normals(course) * off[:, None])


def bowed(count: int, first: float, last: float, bow: float) -> NDArray[np.float64]:
    """`(count,)`: how far aside a line lies that is off by so much at its ends and bows by so much in its middle."""
    share = np.linspace(0.0, 1.0, count)
    return np.asarray(first + (last - first) * share + 4.0 * bow * share * (1.0 - share))


APART = 3
"""Frames between a frame and those it is compared with: a wire that moves slowly has to have moved."""


def beside(at: int, frames: int) -> list[int]:
    """Which two frames a frame of a shot is compared with: one on each side, at the shot's ends two on one side.

    With one alone, where the wire is in that one would show as well.
    """
    for places in ((at - APART, at + APART), (at + APART, at + 2 * APART), (at - APART, at - 2 * APART)):
        if all(0 <= place < frames for place in places):
            return list(places)
    return []


@dataclass(frozen=True)
class Look:
    """One frame, as wires are looked for in it."""

    luma: Luma
    """`(H, W)` 8-bit analysis picture."""
    spike: Floats
    """`(H, W)` 8-bit code values, signed: what it has that the frames around, brought onto it, have not."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.luma.shape[0], self.luma.shape[1]

    @classmethod
    def of(cls, luma: Luma, around: Sequence[Luma], motion: MotionEstimator) -> Self:
        """Look at a frame and at two others, see `beside`.

        What differs in the same direction from both counts by the lesser difference (the spike index of Kokaram,
        *Motion Picture Restoration*, 1998): a wire that moves otherwise than what is behind it shows there, and the
        lines of the scene do not.
        """
        middle = luma.astype(np.float32)
        apart = [middle - warp(other, motion.flow(luma, other)) for other in around]
        if len(apart) < 2:
            return cls(luma, np.zeros(luma.shape, np.float32))
        low, high = np.min(apart, axis=0), np.max(apart, axis=0)
        return cls(luma, np.asarray(np.where(low > 0, low, np.where(high < 0, high, 0)), np.float32))


@dataclass(frozen=True)
class Strip:
    """A frame straightened along a course: in it and in its spike, lines are looked for at several widths."""

    course: Points
    reach: int
    """Pixels seen on either side of the course."""
    ridges: list[Floats]
    """`(n, 2·reach + 1)` each: by how much a line would stand out from both sides, signed; of every width in the frame,
    then of every width in its spike."""
    inside: NDArray[np.bool_]
    """`(n,)`: the course is inside the picture there."""

    @classmethod
    def of(cls, look: Look, course: Points, reach: int) -> Self:
        """Straighten.

        Args:
            look: the frame.
            course: about which, a pixel apart.
            reach: pixels on either side.
        """
        margin = round(max(WIDTHS_PX) / 2 + SIDE_PX) + 2
        off = np.arange(-reach - margin, reach + margin + 1, dtype=np.float64)
        side = normals(course)
        x = (course[:, :1] + side[:, :1] * off).astype(np.float32)
        y = (course[:, 1:] + side[:, 1:] * off).astype(np.float32)
        ridges = []
        for picture in (look.luma, look.spike):
            values = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
            ridges += [_ridge(values, width, margin) for width in WIDTHS_PX]
        height, width = look.shape
        inside = (course[:, 0] > -0.5) & (course[:, 0] < width - 0.5)
        inside &= (course[:, 1] > -0.5) & (course[:, 1] < height - 0.5)
        return cls(course, reach, ridges, np.asarray(inside))

    @cached_property
    def clear(self) -> Floats:
        """`(looks, slopes, blocks, 2·reach + 1)`: how far a line stands out that crosses a block there at a slope.

        In standard deviations of what the block shows anywhere, up to `MOST`.
        """
        return np.stack([_clear(ridge) for ridge in self.ridges])

    @property
    def counted(self) -> NDArray[np.bool_]:
        """`(blocks,)`: those that lie inside the picture."""
        return np.asarray(_blocks(self.inside.astype(np.float32)[:, None])[:, 0] > 0.5)

    def standing_out(self, off: NDArray[np.float64]) -> Floats:
        """`(..., blocks)`: how far lines stand out, standard deviations up to `MOST`, in the look that shows it best.

        One look for the whole line: the best of many in each block would make something of every noise.

        Args:
            off: `(..., n)`: how far aside of the course each line lies, within `reach`.
        """
        edges = _starts(len(self.course))
        first, last = off[..., edges], off[..., np.append(edges[1:], len(self.course)) - 1]
        at = np.clip(np.rint((first + last) / 2).astype(np.intp) + self.reach, 0, 2 * self.reach)
        slope = (last - first) / BLOCK_PX
        lean = np.abs(slope[..., None] - np.array(SLOPES)).argmin(axis=-1)
        found = self.clear[:, lean, np.arange(len(edges)), at]
        counted = self.counted
        means = found[..., counted].mean(axis=-1) if counted.any() else found.mean(axis=-1)
        best = means.argmax(axis=0)
        return np.asarray(np.take_along_axis(found, best[None, ..., None], axis=0)[0], np.float32)

    @property
    def shown(self) -> Floats:
        """`(n,)`: how far a line along the course itself stands out at each of its pixels, as `standing_out` says it.

        Evidence is gathered over about as much of the line as a block has, and compared with what is beside it.
        """
        best: Floats | None = None
        for ridge in self.ridges:
            smooth = cv2.GaussianBlur(ridge, (1, 0), sigmaX=0.01, sigmaY=BLOCK_PX / 3)
            usual = cv2.GaussianBlur(np.abs(smooth).mean(axis=1, keepdims=True), (1, 0), sigmaX=0.01, sigmaY=BLOCK_PX)
            noise = np.maximum(USUAL_TIMES * usual.reshape(-1), np.float32(LEAST_NOISE))
            clear = np.minimum(np.abs(smooth[:, self.reach]) / noise, np.float32(MOST))
            if best is None or clear[self.inside].sum() > best[self.inside].sum():
                best = np.asarray(clear, np.float32)
        assert best is not None
        return best

    def score(self, off: NDArray[np.float64]) -> Floats:
        """`(...)`: mean of `standing_out` over the blocks inside the picture; 0 where there are none."""
        counted = self.counted
        if not counted.any():
            return np.zeros(off.shape[:-1], np.float32)
        return np.asarray(self.standing_out(off)[..., counted].mean(axis=-1), np.float32)


def _clear(ridge: Floats) -> Floats:
    """`(slopes, blocks, width)` of `Strip.clear` for one ridge."""
    count, width = ridge.shape
    along = np.arange(count) - _centres(count)
    noise: Floats | None = None
    found = []
    for slope in SLOPES:
        at = np.clip(np.arange(width) + np.rint(slope * along).astype(np.intp)[:, None], 0, width - 1)
        means = _blocks(ridge if slope == 0 else np.take_along_axis(ridge, at, axis=1))
        if noise is None:  # the first is straight
            noise = np.maximum(1.4826 * np.median(np.abs(means), axis=1, keepdims=True), np.float32(LEAST_NOISE))
        found.append(np.minimum(np.abs(means) / noise, np.float32(MOST)))
    return np.stack(found)


def settled(look: Look, course: Points) -> Points:
    """A course moved onto the line beside it: the ridge's best path within `NEAR_PX`, smoothed.

    The path is found by dynamic programming (Amini, Weymouth and Jain 1990), then moved to the summit of the parabola
    through the evidence beside it.
    """
    strip = Strip.of(look, course, NEAR_PX)
    smooth = []
    for ridge in strip.ridges:
        noise = max(1.4826 * float(np.median(np.abs(_blocks(ridge)))), LEAST_NOISE)
        smooth.append(cv2.GaussianBlur(ridge, (1, 0), sigmaX=0.01, sigmaY=SMOOTH_PX) / np.float32(noise))
    evidence = np.asarray(np.minimum(np.max(np.abs(smooth), axis=0), np.float32(2 * MOST)), np.float32)
    path = _path(evidence)
    column = np.clip(path, 1, evidence.shape[1] - 2)
    rows = np.arange(len(path))
    left, top, right = (evidence[rows, column + at] for at in (-1, 0, 1))
    bend = left - 2 * top + right
    part = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, 1), 0.0)
    off = column - NEAR_PX + np.clip(part, -0.5, 0.5)
    return shifted(course, _smooth(off, evidence[rows, column].astype(np.float64)))


def width_px(luma: Luma, course: Points, known: NDArray[np.bool_] | None = None) -> float:
    """How wide the line along a course is: full width at half of what it stands out by, pixels, 1 to 12.

    Args:
        luma: `(H, W)` 8-bit.
        course: its middle, to parts of a pixel.
        known: `(n,)`: where it is sure to be seen; everywhere if not named.
    """
    reach = 8
    off = np.arange(-reach, reach + 0.01, 0.25)
    side = normals(course)
    x = (course[:, :1] + side[:, :1] * off).astype(np.float32)
    y = (course[:, 1:] + side[:, 1:] * off).astype(np.float32)
    strip = cv2.remap(luma, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    far = np.abs(off) >= reach - 1.5
    ground = strip[:, far].mean(axis=1, keepdims=True)
    differs = cv2.GaussianBlur(strip - ground, (1, 0), sigmaX=0.01, sigmaY=3.0)
    middle = np.abs(off) <= 0.5
    sign = np.sign(differs[:, middle].mean(axis=1))
    use = np.ones(len(course), np.bool_) if known is None or not known.any() else known
    profile = (differs * sign[:, None])[use].mean(axis=0)
    top = float(profile[middle].max())
    if top <= 0:
        return 1.0
    below = profile < top / 2
    half = [float(np.abs(off[below & one]).min(initial=reach)) for one in (off < 0, off > 0)]
    return float(np.clip(half[0] + half[1] - 0.25, 1.0, 12.0))


def _ridge(values: Floats, width: float, margin: int) -> Floats:
    """How much the middle of `width` stands out from both sides: the lesser of the two, 0 where they disagree."""
    size = max(round(width), 1)
    middle = cv2.blur(values, (size | 1, 1)) if size > 1 else values
    away = round(width / 2 + SIDE_PX)
    beside = cv2.blur(values, (3, 1))
    inner = slice(margin, values.shape[1] - margin)
    left = middle[:, inner] - beside[:, margin - away : values.shape[1] - margin - away]
    right = middle[:, inner] - beside[:, margin + away : values.shape[1] - margin + away]
    least = np.minimum(np.abs(left), np.abs(right))
    return np.asarray(np.where(left * right > 0, np.sign(left) * least, np.float32(0)), np.float32)


def _starts(count: int) -> NDArray[np.intp]:
    """The first pixel of each block along so many; the last block may be longer."""
    return np.arange(max(count // BLOCK_PX, 1)) * BLOCK_PX


def _centres(count: int) -> NDArray[np.float64]:
    """`(count,)`: the middle of the block that each pixel is in."""
    starts = _starts(count)
    sizes = np.diff(np.append(starts, count))
    return np.repeat(starts + (sizes - 1) / 2, sizes)


def _blocks(values: NDArray[np.float32]) -> Floats:
    """`(n, m)` to means of blocks along the first axis, `(blocks, m)`."""
    starts = _starts(len(values))
    sizes = np.diff(np.append(starts, len(values))).astype(np.float32)
    return np.asarray(np.add.reduceat(values, starts, axis=0) / sizes[:, None], np.float32)


def _path(evidence: Floats) -> NDArray[np.intp]:
    """The column of each row along the path of most evidence that moves by at most one column a row."""
    count, width = evidence.shape
    total = np.zeros((count, width), np.float32)
    came = np.zeros((count, width), np.int8)
    total[0] = evidence[0]
    costs = np.array([0.3, 0.0, 0.3], np.float32)[:, None]
    for row in range(1, count):
        padded = np.pad(total[row - 1], 1, constant_values=-np.inf)
        from_ = np.stack([padded[:-2], padded[1:-1], padded[2:]]) - costs
        came[row] = from_.argmax(axis=0)
        total[row] = from_.max(axis=0) + evidence[row]
    path = np.zeros(count, np.intp)
    path[-1] = int(total[-1].argmax())
    for row in range(count - 1, 0, -1):
        path[row - 1] = path[row] + came[row, path[row]] - 1
    return path


def _smooth(off: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth curve through places that are seen more or less clearly, whatever a few of them say.

    A polynomial of `DEGREE`, by reweighted least squares with Tukey's biweight: a wire is stiff and heavy.
    """
    share = np.linspace(-1.0, 1.0, len(off))
    terms = np.polynomial.legendre.legvander(share, min(DEGREE, max(len(off) // (3 * BLOCK_PX), 1)))
    weight = np.square(evidence) + 1e-3
    curve = off
    for turn in range(5):
        root = np.sqrt(weight)[:, None]
        curve = terms @ np.linalg.lstsq(terms * root, off * root[:, 0], rcond=None)[0]
        scale = max(1.4826 * float(np.median(np.abs(off - curve))), 0.15)
        weight = (np.square(evidence) + 1e-3) * np.square(
            np.clip(1 - np.square((off - curve) / (4.685 * scale)), 0, None)
        )
        if turn == 4 or weight.sum() < 1e-6:
            break
    return np.asarray(curve, np.float64)
