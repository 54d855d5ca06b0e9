"""Tears: the film torn from edge to edge, the lower side pulled away for a frame or three.

Movement is found from a frame to the one before and to the one after (dense inverse search, Kroeger et al. 2016) and
added up: what moves evenly cancels. Over a torn frame the sum is a step across a line that runs from the left edge to
the right one, with one figure above and another below. The best such line is searched on a coarse grid of cells, as
the split that explains most of how the cells differ (the criterion of Otsu 1979).

In time a tear has a course that nothing in a scene has: away and back within a few frames, with the counter-swing in
the frames beside that a second difference brings. That course is looked for over the shot by least squares, for each
length of tear; it also tells the pull from half of it. The light through the rip is not needed for that and not read:
a tear that was joined again so well that nothing is displaced is not found, nor one on the last frames of a shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances
from restoration_tasks.assessment.medians import weighted_median

Floats = NDArray[np.float32]

SD_WIDTH = 720
"""Width that limits in pixels are given at."""
LEAST_WIDTH_PX = 320
"""Pictures are reduced by the largest whole factor that leaves this width."""
SMALLEST_SIDE = 48
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

COURSES = (
    (-0.5, 1.0, -0.5),
    (-0.5, 0.5, 0.5, -0.5),
    (-0.5, 0.5, 0.0, 0.5, -0.5),
    (-0.5, 0.5, 0.5),
    (0.5, 0.5, -0.5),
    (-0.5, 0.5, 0.0, 0.5),
    (0.5, 0.0, 0.5, -0.5),
)
"""What the bend of movement does around tears of one, two and three frames with a pull of 1; of the longer ones also
with the frame before or after left out, which may lie between two tears. A picture that jumps and stays (−0.5, 0.5)
explains two thirds of any."""
# The thresholds below: validation clip and eighteen takes of training clips, simulated tears against clean takes and
# other damage. Tears of 1 px and more have rigid sides of 0.66 and more, what else follows the course 0.5 and less.
EXPLAINED = 0.9
"""Share of the bends that a course must explain."""
RIGID, RIGID_ON_AVERAGE = 0.5, 0.65
"""How rigid the sides must be: on every torn frame, and on average with the frames beside."""
SAME_HEIGHT, SAME_TILT = 0.3, 0.8
"""How far the line's middle and its tilt may differ from frame to frame, shares of the picture's height."""
STANDS_OUT = 2.0
"""Times the shot's median bend that a pull must reach."""
LEAST_PX = 0.5
"""Pull (px at 720 px width) below which nothing is taken for a tear."""
FREE_PX = 0.3
"""Pull (px at 720 px width) at which severity would be 0 …"""
FULL_PX = 18.0
"""… and from which it is 100, where a tenth of the frames is torn; between the two it grows by octaves. A tear that
takes most of the picture along also shakes it: it is to weigh more as a tear than as weave."""
USUAL_SHARE, BY_SHARE = 0.1, 0.1
"""The pull is weighed with the share of torn frames against a tenth, to the power of 0.1."""


@dataclass(frozen=True)
class TearReading:
    """The best split of a frame by a line from edge to edge."""

    x_px: float
    """How far the lower side is displaced to the right, against the upper one and the mean of the frames beside, pixels
    of the scan; 0 at a shot's first and last frame."""
    y_px: float
    """The same, down."""
    rigid: float
    """Share of the cells that move with their side, the worse side, 0–1."""
    left: float
    """Height of the line at the left edge, share of the picture's: 0 (top) to 1."""
    right: float
    """The same at the right edge."""


WHOLE = TearReading(0.0, 0.0, 0.0, 0.5, 0.5)


@dataclass(frozen=True)
class _Tear:
    """A course that was found."""

    pull_px: float
    first: int
    frames: int


class TearGauge(Gauge[TearReading]):
    """Reads how each frame falls into two parts."""

    category: ClassVar[Category] = Category.TEAR
    reading: ClassVar[type[TearReading]] = TearReading
    radius: ClassVar[int] = 1

    def read(self, window: Glances) -> TearReading:
        """Split the bend of movement at this frame."""
        if -1 not in window or 1 not in window:
            return WHOLE
        before, here, after = (_reduced(window[at]) for at in (-1, 0, 1))
        if min(here.shape) < SMALLEST_SIDE or not before.shape == here.shape == after.shape:
            return WHOLE
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        start = np.zeros((*here.shape, 2), np.float32)
        back, on = (finder.calc(here, other, start.copy()) for other in (before, after))
        rows = max(round(COLUMNS * here.shape[0] / here.shape[1]), 4)
        bend = _cells(np.asarray(-0.5 * (back + on), np.float32), rows).reshape(-1, 2)
        if not np.isfinite(bend).all():
            return WHOLE
        slopes = [np.abs(cv2.Sobel(here, cv2.CV_32F, *axis, scale=1 / 8)) for axis in ((1, 0), (0, 1))]
        slope = _cells(np.asarray(slopes[0] + slopes[1], np.float32), rows).ravel()
        factor = window[0].luma.shape[1] / here.shape[1]
        return _split(bend, slope / (slope + np.float32(PLAIN_CODES)), rows, window[0].scale * factor)

    def judge(self, rows: Sequence[TearReading], shot: ShotFacts) -> Verdict:
        """Look for the course of tears over the shot."""
        tears = _tears(rows, SD_WIDTH / shot.scan.width)
        torn = sum(tear.frames for tear in tears)
        largest = max(tears, key=lambda tear: tear.pull_px, default=None)
        pull = largest.pull_px if largest else 0.0
        share = torn / max(len(rows), 1)
        severity = tear_severity(pull * SD_WIDTH / shot.scan.width, share)
        bends = [float(np.hypot(row.x_px, row.y_px)) for row in rows[1:-1] if row.rigid > 0]
        usual = float(np.median(bends)) if bends else 0.0
        # What moves unevenly by itself hides tears that pull less.
        unrest = usual * SD_WIDTH / shot.scan.width
        confidence = len(bends) / max(len(rows) - 2, 1) / (1.0 + unrest / (2 * LEAST_PX))
        words = (
            f"Torn from edge to edge {len(tears)} time{'' if len(tears) == 1 else 's'}, pulled by up to {pull:.1f} px."
            if tears
            else "No tear from edge to edge displaces the picture."
        )
        figures = {
            "tears": len(tears),
            "torn_frames": torn,
            "largest_pull_px": round(pull, 2),
            "usual_bend_px": round(usual, 3),
        }
        return Verdict(
            self.category,
            severity,
            float(min(max(confidence, 0.8 if tears else 0.0), 1.0)),
            words,
            figures,
            shot.start + largest.first if largest else None,
        )


def tear_severity(pull_px: float, torn_share: float = USUAL_SHARE) -> float:
    """0 … 100 of the largest pull (px at 720 px width), by octaves: 0 up to 0.3, 50 at 2.3, 100 from 18.

    Args:
        pull_px: how far one side is displaced against the other.
        torn_share: share of the shot's frames that are torn; a hundred times as many weigh as a pull 1.6 times as far.
    """
    if pull_px <= 0 or torn_share <= 0:
        return 0.0
    weighed = pull_px * (torn_share / USUAL_SHARE) ** BY_SHARE
    return float(np.clip(100.0 * np.log(weighed / FREE_PX) / np.log(FULL_PX / FREE_PX), 0.0, 100.0))


def _reduced(glance: Glance) -> NDArray[np.uint8]:
    luma = glance.luma8
    factor = max(luma.shape[1] // LEAST_WIDTH_PX, 1)
    height, width = (max(side // factor, 1) for side in luma.shape)
    # A whole factor both ways is what OpenCV is fast at.
    part = luma[: height * factor, : width * factor]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _cells(plane: Floats, rows: int) -> Floats:
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


def _split(bend: Floats, seen: Floats, rows: int, scale: float) -> TearReading:
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
    return TearReading(float(step[0]) * scale, float(step[1]) * scale, rigid, left, right)


def _tears(rows: Sequence[TearReading], size: float) -> list[_Tear]:
    """Every course of a tear in the readings of a shot, the largest pull first; none shares a frame with another."""
    bends = np.array([(row.x_px, row.y_px) for row in rows])
    least = max(STANDS_OUT * float(np.median(np.hypot(*bends.T))), LEAST_PX / size)
    found = []
    for course in COURSES:
        for start in range(1, len(rows) - len(course)):
            pull = _pull(rows[start : start + len(course)], bends[start : start + len(course)], np.array(course))
            if pull > least:
                torn = [place for place, share in enumerate(course, start) if share >= 0]
                found.append(_Tear(pull, torn[0], len(torn)))
    # The course of another length fits a tear too, but tells a smaller pull.
    taken: set[int] = set()
    kept = []
    for tear in sorted(found, key=lambda one: -one.pull_px):
        frames = set(range(tear.first, tear.first + tear.frames))
        if not taken & frames:
            taken |= set(range(tear.first - 1, tear.first + tear.frames + 1))
            kept.append(tear)
    return kept


def _pull(rows: Sequence[TearReading], bends: NDArray[np.float64], course: NDArray[np.float64]) -> float:
    """The pull (pixels of the scan) if these frames follow the course of a tear, else 0."""
    power = float(np.square(bends).sum())
    pull = course @ bends / (course @ course)
    if power <= 0 or float(np.square(bends - course[:, None] * pull).sum()) > (1 - EXPLAINED) * power:
        return 0.0
    bent = [row for row, share in zip(rows, course, strict=True) if share]
    torn = [row for row, share in zip(rows, course, strict=True) if share > 0]
    heights = [(row.left + row.right) / 2 for row in bent]
    tilts = [row.right - row.left for row in bent]
    one_piece = (
        min(row.rigid for row in torn) >= RIGID
        and float(np.mean([row.rigid for row in bent])) >= RIGID_ON_AVERAGE
        and max(heights) - min(heights) <= SAME_HEIGHT
        and max(tilts) - min(tilts) <= SAME_TILT
    )
    return float(np.hypot(*pull)) if one_piece else 0.0
