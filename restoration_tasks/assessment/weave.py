"""Weave: the whole picture dances in the gate. How far, sideways, up and down and turning, against where it is going.

Corners are followed from the frame before into each frame (Lucas-Kanade in pyramids, Bouguet 2000, there and back); a
reading is how each cell of a grid moved. What moves by itself in the scene shakes its own cells only, the gate shakes
all of them alike: the *tremble* is the median over the cells of the third difference of their paths. A camera, and a
thing that comes nearer, move smoothly: their third differences are small beside their second ones. Those of a gate
that places each frame anew are three times as large (power; 3.1 for the simulator's memory of 0.6, 3.3 for none), those
of a camera pushed about at random twice. Only what passes that counts, and only where most cells agree.

A hand that trembles from frame to frame cannot be told from a gate by the picture alone. Where the perforations are in
the scan it can; that is not read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.course import Doubles, chosen_bandwidth, local_linear
from restoration_tasks.assessment.gauge import Category, Gauge, Scanned, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances

SD_WIDTH = 720
"""Width that limits in pixels are given at."""
ROWS, COLUMNS = 4, 6
CELLS = ROWS * COLUMNS
CORNERS, CORNERS_A_CELL = 1000, 10
CORNER_QUALITY = 0.0002
"""Of the strongest corner, from which one is followed: less lets cells of drawn film and of soft pictures have a say;
what cannot be followed there and back has none. On training clips every third frame of a drawn film is followed so."""
CORNERS_APART = 1 / 90
"""Share of the picture's width, at least 4 px."""
WINDOW_PX, LEVELS = (15, 15), 3
THERE_AND_BACK_PX = 0.3
"""A corner that does not come back to within this distance was not followed."""
FEWEST_CORNERS, FOLLOWED = 3, 0.4
"""Corners, and their share of the cell's, that must be followed."""
SMALLEST_SIDE = 32
FAR = 4
"""Frames between a frame and the farther one that it is held against; the gauge of stains looks as far."""
# What follows is set on thirteen takes of training clips and photographs (half of the tuning takes; the other half and
# the validation clip agree): smooth cameras, hand-held ones, and scenery that rushes past a window.
CELL_SEEN = 0.6
"""Share of the frames a cell must be seen on to have a say."""
FEWEST_CELLS = 7
"""Cells with a say, of 24, below which a person who fills the picture would pass for it."""
FEWEST_HERE, FEWEST_FRAMES = 4, 6
"""Cells on a frame, and frames of differences, that make a figure."""
PUSHED, PLACED = 1.9, 2.6
"""Power of third differences against second ones: a camera's up to here, and a gate's from there."""
APART, ALIKE = 0.6, 0.8
"""Share of the tremble's power that the cells have in common: up to here it is the scene's, from there the gate's."""
POWER_OF_THIRD = 5.89
"""Power of third differences of the simulator's weave of deviation 1: 20 − 30·φ + 12·φ² − 2·φ³ for memory φ = 0.6."""
OUTLIERS, PATH_OUTLIERS = 3.0, 4.0
"""Robust deviations beyond which a difference, and a place, counts as so many: a jump at a splice is no weave."""
FREE_PX = 0.3
"""Tremble (px at 720 px width) up to which severity is 0: clean takes read up to 0.26 where corners are followed at a
quarter of that width …"""
FULL_PX = 6.0
"""… and from which it is 100; between the two it grows by octaves."""


Cells = tuple[float, ...]
"""A figure a cell, row by row from the upper left."""
NOTHING: Cells = (0.0,) * CELLS


@dataclass(frozen=True)
class WeaveReading:
    """How each cell of a grid of 4 by 6 moved since the frame before, row by row from the upper left."""

    x_px: tuple[float, ...]
    """To the right, pixels of the scan; 0 where a cell could not be followed, and at a shot's first frame."""
    y_px: tuple[float, ...]
    """Down, pixels of the scan."""
    followed: tuple[float, ...]
    """Share of the cell's corners that were followed, 0–1; 0 where it says nothing."""
    far_x_px: tuple[float, ...] = NOTHING
    """The same since the frame `FAR` before: what adds up from frame to frame is held together by it."""
    far_y_px: tuple[float, ...] = NOTHING
    far_followed: tuple[float, ...] = NOTHING


NOT_FOLLOWED = WeaveReading(NOTHING, NOTHING, NOTHING)


class WeaveGauge(Gauge[WeaveReading]):
    """Reads how each frame lies against the one before."""

    category: ClassVar[Category] = Category.WEAVE
    reading: ClassVar[type[WeaveReading]] = WeaveReading
    radius: ClassVar[int] = FAR

    def read(self, window: Glances) -> WeaveReading:
        """Follow corners from the frame before, and from the farther one, into this one."""
        near, far = (_cells_moved(window[back], window[0]) if back in window else None for back in (-1, -FAR))
        return WeaveReading(*(near or (NOTHING,) * 3), *(far or (NOTHING,) * 3))

    def judge(self, rows: Sequence[WeaveReading], shot: ShotFacts) -> Verdict:
        """What all cells tremble by."""
        steps, share = _steps(rows)
        tremble = tremble_of(rows, shot.scan)
        if tremble is None:
            return Verdict(self.category, 0.0, 0.0, "How the picture lies in the gate could not be followed here.")
        x, y, turn = _left_over(steps, shot)
        far = np.hypot(x, y)
        severity = weave_severity(tremble.counted_px)
        figures = {
            "x_rms_px": round(_deviation(x), 3),
            "y_rms_px": round(_deviation(y), 3),
            "turn_rms_deg": round(_deviation(turn), 4),
            "largest_px": round(float(far.max()), 2),
            "tremble_sd_px": round(tremble.px, 3),
            "third_to_second": round(tremble.steepness, 2),
            "alike_share": round(tremble.alike, 3),
            "followed_share": round(share, 3),
        }
        words = (
            f"The picture weaves by {figures['x_rms_px']:.1f} px sideways and {figures['y_rms_px']:.1f} px up and down."
            if severity
            else "It lies still, or moves as a camera does."
        )
        # Where the camera or the scene shakes by itself, a weave up to that is not seen.
        confidence = share / (1 + max(tremble.px - tremble.counted_px - FREE_PX, 0.0))
        worst = shot.start + int(np.argmax(far)) if severity else None
        return Verdict(self.category, severity, min(confidence, 1.0), words, figures, worst)


def weave_severity(tremble_px: float) -> float:
    """0 … 100 of a tremble in pixels at 720 px width, by octaves: 0 up to 0.3, 50 at 1.3, 100 from 6."""
    if tremble_px <= FREE_PX:
        return 0.0
    return float(min(100.0, 100.0 * np.log(tremble_px / FREE_PX) / np.log(FULL_PX / FREE_PX)))


class Tremble(NamedTuple):
    """What third differences say."""

    px: float
    """Standard deviation of a weave that would tremble so, pixels at 720 px width, both ways together."""
    steepness: float
    """Power of third differences against second ones."""
    alike: float
    """Share of the power that the cells have in common, 0–1."""

    @property
    def counted_px(self) -> float:
        """What of it is the gate's."""
        placed = np.clip((self.steepness - PUSHED) / (PLACED - PUSHED), 0.0, 1.0)
        common = np.clip((self.alike - APART) / (ALIKE - APART), 0.0, 1.0)
        return float(self.px * np.sqrt(placed) * common)


def _cells_moved(before: Glance, here: Glance) -> tuple[Cells, Cells, Cells] | None:
    """How each cell moved, x and y in pixels of the scan, and the share of its corners followed; None without any."""
    one, other = before.luma8, here.luma8
    if min(other.shape) < SMALLEST_SIDE or one.shape != other.shape:
        return None
    apart = max(4, round(other.shape[1] * CORNERS_APART))
    found = cv2.goodFeaturesToTrack(one, CORNERS, CORNER_QUALITY, apart)
    if found is None or len(found) < FEWEST_CORNERS:
        return None
    corners, cells = _strongest(np.asarray(found, np.float32).reshape(-1, 2), (other.shape[0], other.shape[1]))
    moved, kept = _followed(one, other, corners)
    x, y, followed = (np.zeros(CELLS) for _ in range(3))
    for cell in np.unique(cells):
        own = cells == cell
        good = own & kept
        share = float(good.sum() / own.sum())
        if good.sum() >= FEWEST_CORNERS and share >= FOLLOWED:
            x[cell], y[cell] = np.median(moved[good], axis=0) * here.scale
            followed[cell] = share
    return tuple(x.tolist()), tuple(y.tolist()), tuple(followed.tolist())


def tremble_of(rows: Sequence[WeaveReading], scan: Scanned) -> Tremble | None:
    """How a shot trembles by its readings; None where too little of it could be followed."""
    steps, _ = _steps(rows)
    return _tremble(steps, SD_WIDTH / scan.width) if len(steps) >= FEWEST_CELLS else None


def _strongest(corners: NDArray[np.float32], shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The strongest corners of every cell, `(N, 2)`, and the cell of each; they come strongest first."""
    height, width = shape
    row = np.minimum((corners[:, 1] * ROWS / height).astype(np.intp), ROWS - 1)
    column = np.minimum((corners[:, 0] * COLUMNS / width).astype(np.intp), COLUMNS - 1)
    cells = row * COLUMNS + column
    kept = np.concatenate([np.flatnonzero(cells == cell)[:CORNERS_A_CELL] for cell in range(CELLS)])
    return corners[kept], cells[kept]


def _followed(
    before: NDArray[np.uint8], here: NDArray[np.uint8], corners: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How corners `(N, 2)` moved, and which of them were followed there and back."""
    # OpenCV writes into what it is given, and returns it.
    there, back = np.empty_like(corners), np.empty_like(corners)
    _, seen, _ = cv2.calcOpticalFlowPyrLK(before, here, corners, there, winSize=WINDOW_PX, maxLevel=LEVELS)
    _, again, _ = cv2.calcOpticalFlowPyrLK(here, before, there, back, winSize=WINDOW_PX, maxLevel=LEVELS)
    home = np.linalg.norm(back - corners, axis=1) <= THERE_AND_BACK_PX
    return there - corners, np.asarray((seen.ravel() > 0) & (again.ravel() > 0) & home)


def _steps(rows: Sequence[WeaveReading]) -> tuple[Doubles, float]:
    """Steps of the cells that have a say, and the share of the picture that has.

    Steps are `(N, T, 4)`: x and y, NaN where a cell was not followed, and its place, shares from the picture's middle.
    """
    followed = np.array([row.followed for row in rows]).T > 0
    moves = np.stack([np.array([row.x_px for row in rows]).T, np.array([row.y_px for row in rows]).T], axis=2)
    tried = int(followed.any(axis=0).sum())
    has_a_say = followed.sum(axis=1) >= max(CELL_SEEN * tried, 1)
    row, column = np.divmod(np.arange(CELLS), COLUMNS)
    places = np.stack([(column + 0.5) / COLUMNS - 0.5, (row + 0.5) / ROWS - 0.5], axis=1)
    moves = np.where(followed[..., None], moves, np.nan)
    steps = np.concatenate([moves, np.broadcast_to(places[:, None], moves.shape)], axis=2)
    return steps[has_a_say], float(has_a_say.mean())


def _tremble(steps: Doubles, size: float) -> Tremble | None:
    """The common part of the cells' second and third differences; None where too few frames have them."""
    path = steps[..., :2] * size
    powers, rest = [], 0.0
    for _ in range(2):
        path = np.diff(path, axis=1)
        path = path[:, np.isfinite(path[..., 0]).sum(axis=0) >= FEWEST_HERE]
        if path.shape[1] < FEWEST_FRAMES:
            return None
        common = np.nanmedian(path, axis=0)
        powers.append(sum(float(np.square(_held(common[:, axis], OUTLIERS)).mean()) for axis in (0, 1)))
        spread = 1.4826 * np.nanmedian(np.abs(path - common), axis=(0, 1))
        rest = float(np.square(spread).sum())
    second, third = powers
    if third <= 0 or second <= 0:
        return Tremble(0.0, 0.0, 1.0)
    return Tremble(float(np.sqrt(third / POWER_OF_THIRD)), third / second, third / (third + rest))


def _held(figures: Doubles, times: float) -> Doubles:
    """Figures with those drawn in that lie farther than so many robust deviations from their median."""
    middle = float(np.median(figures))
    spread = 1.4826 * float(np.median(np.abs(figures - middle)))
    if spread == 0:
        return figures
    return np.clip(figures, middle - times * spread, middle + times * spread)


def _left_over(steps: Doubles, shot: ShotFacts) -> tuple[Doubles, Doubles, Doubles]:
    """The path of the picture less its course: x and y in pixels of the scan, turn in degrees, each `(T,)`."""
    seen = np.isfinite(steps[..., 0]).sum(axis=0) >= FEWEST_HERE
    common = np.zeros((steps.shape[1], 3))
    common[seen, :2] = np.nanmedian(steps[:, seen, :2], axis=0)
    x, y = steps[..., 2] * shot.scan.width, steps[..., 3] * shot.scan.height
    around = x * (steps[..., 1] - common[:, 1]) - y * (steps[..., 0] - common[:, 0])
    arm = np.where(np.isfinite(around), x * x + y * y, 0.0).sum(axis=0)
    common[seen, 2] = -np.degrees(np.nansum(around, axis=0)[seen] / arm[seen])
    path = np.cumsum(common, axis=0)
    return tuple(one - local_linear(len(one), chosen_bandwidth(one)) @ one for one in path.T)


def _deviation(left_over: Doubles) -> float:
    return float(_held(left_over, PATH_OUTLIERS).std())
