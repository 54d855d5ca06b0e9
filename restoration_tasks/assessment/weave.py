"""Weave: the whole picture dances in the gate. How far, sideways, up and down and turning, against where it is going.

Corners are followed from the frame before into each frame (Lucas-Kanade in pyramids, Bouguet 2000, there and back), and
one translation, rotation and scale is fitted to them that most agree with (RANSAC): what moves by itself in the scene
is outvoted. Over the shot the steps add up to a path; the path is smoothed as `course` does, and what is left over is
weave. An intended camera move is kept apart by that, a hand-held camera is not: a picture alone cannot tell its tremble
from a gate's. Where the perforations are in the scan they can; that is not read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.course import Doubles, chosen_bandwidth, local_linear
from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances

CORNERS = 400
CORNER_QUALITY = 0.01
CORNERS_APART_PX = 8
WINDOW_PX, LEVELS = (15, 15), 3
THERE_AND_BACK_PX = 0.3
"""A corner that does not come back to within this distance was not followed."""
AGREES_PX = 0.5
"""A corner within this distance of the common movement agrees with it."""
FEWEST = 12
"""Corners that must agree."""
TRUSTED = 0.35
"""Share of the corners that must agree before a step counts; under half of a picture may hold still while it weaves."""
SMALLEST_SIDE = 32
FEWEST_FRAMES = 5
FREE_PX = 0.12
"""Deviation (px at 720 px width) up to which severity is 0: following corners is not more exact than half of that …"""
FREE_OF_STEP = 0.2
"""… and a moving camera does not move more evenly than to this share of its step."""
FULL_PX = 6.0
"""Deviation at which severity is 100; between the two it grows by octaves."""


@dataclass(frozen=True)
class WeaveReading:
    """The step from the frame before to this one."""

    x_px: float
    """To the right, pixels of the scan; 0 at a shot's first frame."""
    y_px: float
    """Down, pixels of the scan."""
    turn_deg: float
    """Counter-clockwise, degrees."""
    trust: float
    """Share of the corners that agree, 0–1; 0 where nothing could be followed."""


NOT_FOLLOWED = WeaveReading(0.0, 0.0, 0.0, 0.0)


class WeaveGauge(Gauge[WeaveReading]):
    """Reads how each frame lies against the one before."""

    category: ClassVar[Category] = Category.WEAVE
    reading: ClassVar[type[WeaveReading]] = WeaveReading
    radius: ClassVar[int] = 1

    def read(self, window: Glances) -> WeaveReading:
        """Follow corners from the frame before into this one."""
        if -1 not in window:
            return NOT_FOLLOWED
        before, here = window[-1].luma8, window[0].luma8
        height, width = here.shape
        if min(height, width) < SMALLEST_SIDE or before.shape != here.shape:
            return NOT_FOLLOWED
        found = cv2.goodFeaturesToTrack(before, CORNERS, CORNER_QUALITY, CORNERS_APART_PX)
        if found is None or len(found) < FEWEST:
            return NOT_FOLLOWED
        start, end = _followed(before, here, np.asarray(found, np.float32))
        if len(start) < FEWEST:
            return NOT_FOLLOWED
        middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
        matrix, agree = cv2.estimateAffinePartial2D(
            start - middle, end - middle, method=cv2.RANSAC, ransacReprojThreshold=AGREES_PX, maxIters=500
        )
        if matrix is None or not np.isfinite(matrix).all() or int(agree.sum()) < FEWEST:
            return NOT_FOLLOWED
        scale = window[0].scale
        turn = float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))
        trust = float(agree.sum()) / len(found)
        return WeaveReading(float(matrix[0, 2]) * scale, float(matrix[1, 2]) * scale, turn, trust)

    def judge(self, rows: Sequence[WeaveReading], shot: ShotFacts) -> Verdict:
        """The deviation of the path from its course."""
        steps = rows[1:]
        trust = float(np.mean([row.trust >= TRUSTED for row in steps])) if steps else 0.0
        if len(rows) < FEWEST_FRAMES or trust < 0.5:
            return Verdict(self.category, 0.0, 0.0, "How the picture lies in the gate could not be followed here.")
        shaken = {name: _left_over(rows, name) for name in ("x_px", "y_px", "turn_deg")}
        x, y, turn = (_deviation(path) for path in shaken.values())
        size = 720 / shot.scan.width
        # A turn moves the picture's sides: a quarter of its width from the middle stands for all of it.
        sides = np.radians(turn) * shot.scan.width / 4
        whole = float(np.sqrt(x * x + y * y + sides * sides)) * size
        worst = int(np.argmax(np.hypot(shaken["x_px"], shaken["y_px"])))
        figures = {
            "x_rms_px": round(x, 3),
            "y_rms_px": round(y, 3),
            "turn_rms_deg": round(turn, 4),
            "largest_px": round(float(np.hypot(shaken["x_px"], shaken["y_px"]).max()), 2),
            "followed_share": round(trust, 3),
        }
        steady = float(np.median([np.hypot(row.x_px, row.y_px) for row in steps])) * size
        severity = weave_severity(whole, steady)
        words = (
            f"The picture weaves by {x:.1f} px sideways and {y:.1f} px up and down." if severity else "It lies still."
        )
        return Verdict(self.category, severity, trust, words, figures, shot.start + worst if severity else None)


def weave_severity(deviation_px: float, step_px: float = 0.0) -> float:
    """0 … 100 of a deviation in pixels at 720 px width, by octaves: 0 up to 0.12, 50 at 0.85, 100 from 6.

    Args:
        deviation_px: of the picture's place from its course.
        step_px: how far the picture usually moves from frame to frame; a weave that is small beside it is none.
    """
    free = FREE_PX + FREE_OF_STEP * step_px
    if deviation_px <= free:
        return 0.0
    return float(min(100.0, 100.0 * np.log(deviation_px / FREE_PX) / np.log(FULL_PX / FREE_PX)))


def _followed(
    before: NDArray[np.uint8], here: NDArray[np.uint8], corners: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Corners `(N, 2)` that were followed there and back, and where they are now."""
    # OpenCV writes into what it is given, and returns it.
    there, back = np.empty_like(corners), np.empty_like(corners)
    _, seen, _ = cv2.calcOpticalFlowPyrLK(before, here, corners, there, winSize=WINDOW_PX, maxLevel=LEVELS)
    _, again, _ = cv2.calcOpticalFlowPyrLK(here, before, there, back, winSize=WINDOW_PX, maxLevel=LEVELS)
    apart = np.linalg.norm((back - corners).reshape(-1, 2), axis=1)
    kept = np.asarray((seen.ravel() > 0) & (again.ravel() > 0) & (apart <= THERE_AND_BACK_PX))
    return (
        np.asarray(corners.reshape(-1, 2)[kept], np.float32),
        np.asarray(there.reshape(-1, 2)[kept], np.float32),
    )


def _left_over(rows: Sequence[WeaveReading], name: str) -> Doubles:
    """The path of one figure over the shot, less its course; steps that are not trusted count as none."""
    path = np.cumsum([getattr(row, name) if row.trust >= TRUSTED else 0.0 for row in rows])
    return np.asarray(path - local_linear(len(path), chosen_bandwidth(path)) @ path, np.float64)


def _deviation(left_over: Doubles) -> float:
    """Standard deviation; what lies beyond four robust deviations counts as four: a jump at a splice is no weave."""
    middle = np.median(left_over)
    spread = 1.4826 * float(np.median(np.abs(left_over - middle)))
    if spread == 0:
        return float(left_over.std())
    return float(np.clip(left_over, middle - 4 * spread, middle + 4 * spread).std())
