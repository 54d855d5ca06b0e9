"""Tears: the film torn from edge to edge, the lower side pulled away for a frame or three.

Movement is found from a frame to the one before and to the one after (dense inverse search, Kroeger et al. 2016) and
added up: what moves evenly cancels. Over a torn frame the sum is a step across a line that runs from the left edge to
the right one, with one figure above and another below. The best such line is searched on a coarse grid of cells, as
the split that explains most of how the cells differ (the criterion of Otsu 1979).

In time a tear has a course that nothing in a scene has: away and back within a few frames, with the counter-swing in
the frames beside that a second difference brings. That course is looked for over the shot by least squares, for each
length of tear; it also tells the pull from half of it. Where things move by themselves that course is lost; there the
light through the rip is seen (`rip`), which comes and goes along one line from edge to edge. A tear that was joined
again so well that nothing is displaced and no light falls through is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances
from restoration_tasks.assessment.rip import NO_LINE, Line, Rip, lines, rips
from restoration_tasks.assessment.split import COLUMNS, PLAIN_CODES, WHOLE, Split, cells, split

Floats = NDArray[np.float32]

SD_WIDTH = 720
"""Width that limits in pixels are given at."""
LEAST_WIDTH_PX = 320
"""Pictures are reduced by the largest whole factor that leaves this width."""
SMALLEST_SIDE = 48
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
BESIDE_EDGE = 0.08
"""Share of the picture's height from its upper and lower edge within which a line is none between two sides."""
STANDS_OUT, ALONE = 2.0, 3.0
"""Times the shot's median bend that a pull must reach, with a rip on the same frames and without one. Where much moves
by itself, as in small pictures of running animals, what follows a tear's course by chance reaches 2.4 times; tears of
the simulator whose rip is not seen, 4 and more in 16 of 19."""
SEEN_BY_RIP, WITHIN = 0.5, 3.0
"""Share of the bends along a rip that must follow its course for the pull to be read off them, and how many times more
or less than what such rips let expect it may be."""
NARROWEST_PX, BY_SHARE_OF_RIP = 0.53, 3.05
"""Pull (px at 720 px width) that a rip lets expect: it grows from here with so many times its share, as a power of e.
Fitted to the recipe's tears on training clips; it stands in where movement cannot tell the pull."""
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
    came_share: float
    """Share of the width over which a thin line is seen that was not on the frame before, 0–1."""
    came_left: float
    came_right: float
    came_light: bool
    """Where, and whether it is lighter than what is around it; see `rip.Line`."""
    goes_share: float
    """The same for a line that is not on the frame after."""
    goes_left: float
    goes_right: float
    goes_light: bool

    @property
    def came(self) -> Line:
        """The line that came."""
        return Line(self.came_share, self.came_left, self.came_right, self.came_light)

    @property
    def goes(self) -> Line:
        """The line that goes."""
        return Line(self.goes_share, self.goes_left, self.goes_right, self.goes_light)


@dataclass(frozen=True)
class _Tear:
    """A course that was found."""

    pull_px: float
    first: int
    frames: int
    measured: bool = True
    """Whether movement tells the pull; else it is what such rips let expect."""
    whole: bool = True
    """Whether all of its course lies in the shot."""


class TearGauge(Gauge[TearReading]):
    """Reads how each frame falls into two parts."""

    category: ClassVar[Category] = Category.TEAR
    reading: ClassVar[type[TearReading]] = TearReading
    radius: ClassVar[int] = 1

    def read(self, window: Glances) -> TearReading:
        """Split the bend of movement at this frame, and look for a line that is on no frame beside."""
        here = _reduced(window[0])
        before, after = (_reduced(window[at]) if at in window else None for at in (-1, 1))
        sides = [one if one is not None and one.shape == here.shape else None for one in (before, after)]
        if min(here.shape) < SMALLEST_SIDE:
            return _reading(WHOLE, NO_LINE, NO_LINE)
        return _reading(self._bend(window, here, *sides), *lines(here, sides))

    def _bend(
        self,
        window: Glances,
        here: NDArray[np.uint8],
        before: NDArray[np.uint8] | None,
        after: NDArray[np.uint8] | None,
    ) -> Split:
        if before is None or after is None:
            return WHOLE
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        start = np.zeros((*here.shape, 2), np.float32)
        back, on = (finder.calc(here, other, start.copy()) for other in (before, after))
        rows = max(round(COLUMNS * here.shape[0] / here.shape[1]), 4)
        bend = cells(np.asarray(-0.5 * (back + on), np.float32), rows).reshape(-1, 2)
        if not np.isfinite(bend).all():
            return WHOLE
        slopes = [np.abs(cv2.Sobel(here, cv2.CV_32F, *axis, scale=1 / 8)) for axis in ((1, 0), (0, 1))]
        slope = cells(np.asarray(slopes[0] + slopes[1], np.float32), rows).ravel()
        factor = window[0].luma.shape[1] / here.shape[1]
        return split(bend, slope / (slope + np.float32(PLAIN_CODES)), rows, window[0].scale * factor)

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


@dataclass(frozen=True)
class SureTear:
    """A tear that both its pull and its rip were seen of."""

    first: int
    last: int
    """Positions in the shot of the torn frames, the last included."""
    pull_px: float
    """Pixels of the scan."""
    left: float
    right: float
    """Where the rip meets the edges, shares of the picture's height, 0–1."""


def sure_tears(rows: Sequence[TearReading], width: int) -> list[SureTear]:
    """The tears of a shot whose pull follows the course of a tear where a rip comes and goes on the same frames.

    Neither alone is enough: what moves unevenly may follow that course, and thin lines come and go where all rushes by.

    Args:
        rows: of every frame of the shot, in order.
        width: of the scan, pixels.
    """
    if not rows:
        return []
    found = rips([row.came for row in rows], [row.goes for row in rows])
    sure = []
    for tear in _tears(rows, SD_WIDTH / width):
        rip = next((one for one in found if one.first == tear.first and one.frames == tear.frames), None)
        if rip is None or not (tear.measured and tear.whole):
            continue
        seen, told = rows[rip.first].came, rows[tear.first]
        middle = (seen.left + seen.right) / 2
        # The frame's own edge comes and goes where film weaves in the gate.
        inside = BESIDE_EDGE <= middle <= 1 - BESIDE_EDGE
        if inside and abs(middle - (told.left + told.right) / 2) <= SAME_HEIGHT:
            sure.append(SureTear(rip.first, rip.first + rip.frames - 1, tear.pull_px, seen.left, seen.right))
    return sorted(sure, key=lambda tear: tear.first)


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


def _reading(split: Split, came: Line, goes: Line) -> TearReading:
    sides = (figure for line in (came, goes) for figure in (line.share, line.left, line.right, line.light))
    return TearReading(*split, *sides)  # type: ignore[arg-type]


def _reduced(glance: Glance) -> NDArray[np.uint8]:
    luma = glance.luma8
    factor = max(luma.shape[1] // LEAST_WIDTH_PX, 1)
    height, width = (max(side // factor, 1) for side in luma.shape)
    # A whole factor both ways is what OpenCV is fast at.
    part = luma[: height * factor, : width * factor]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _tears(rows: Sequence[TearReading], size: float) -> list[_Tear]:
    """Every course of a tear in the readings of a shot, the largest pull first; none shares a frame with another."""
    bends = np.array([(row.x_px, row.y_px) for row in rows])
    usual = float(np.median(np.hypot(*bends.T)))
    seen = rips([row.came for row in rows], [row.goes for row in rows])
    with_rip = {(rip.first, rip.frames) for rip in seen}
    found = []
    for course in COURSES:
        for start in range(1, len(rows) - len(course)):
            pull = _pull(rows[start : start + len(course)], bends[start : start + len(course)], np.array(course))
            torn = [place for place, share in enumerate(course, start) if share >= 0]
            tear = _Tear(pull, torn[0], len(torn))
            times = STANDS_OUT if (tear.first, tear.frames) in with_rip else ALONE
            if pull > max(times * usual, LEAST_PX / size):
                found.append(tear)
    ripped = [_ripped(rows, bends, rip, size) for rip in seen]
    found += [tear for tear in ripped if tear.measured]
    # Where the pull of a tear is measured, that of others is not guessed to be larger.
    most = max((tear.pull_px for tear in found), default=np.inf)
    guessed = [replace(tear, pull_px=min(tear.pull_px, float(most))) for tear in ripped if not tear.measured]
    # The course of another length fits a tear too, but tells a smaller pull.
    taken: set[int] = set()
    kept = []
    for tear in (*sorted(found, key=lambda one: -one.pull_px), *guessed):
        frames = set(range(tear.first, tear.first + tear.frames))
        if not taken & frames:
            taken |= set(range(tear.first - 1, tear.first + tear.frames + 1))
            kept.append(tear)
    return kept


def _ripped(rows: Sequence[TearReading], bends: NDArray[np.float64], rip: Rip, size: float) -> _Tear:
    """The tear of a rip; its pull is read off the movement as far as that follows the course of a tear."""
    expected = NARROWEST_PX * float(np.exp(BY_SHARE_OF_RIP * rip.share)) / size
    course = np.array(COURSES[rip.frames - 1])
    start = rip.first - 1
    # The first and the last frame of a shot have no bend; of a tear beside them a part of its course is seen.
    places = np.arange(max(start, 1), min(start + len(course), len(rows) - 1))
    part, course = bends[places], course[places - start]
    power, weight = float(np.square(part).sum()), float(course @ course)
    if power > 0 and weight > 0:
        read = course @ part / weight
        left = float(np.square(part - course[:, None] * read).sum())
        if left <= (1 - SEEN_BY_RIP) * power:
            pull = float(np.clip(np.hypot(*read), expected / WITHIN, expected * WITHIN))
            return _Tear(pull, rip.first, rip.frames, whole=len(places) == rip.frames + 2)
    return _Tear(expected, rip.first, rip.frames, measured=False)


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
