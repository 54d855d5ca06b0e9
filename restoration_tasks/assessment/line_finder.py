"""Find lines along the film in one frame: where they are, what they look like, whether the scene moved behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.line_place import BANDS, SD_WIDTH, STICKS_PX, Course, ridges_of, settled, whole_move
from restoration_tasks.assessment.lines import Line
from restoration_tasks.restoration.damage_map import Map
from restoration_tasks.restoration.motion import Flow, Luma

Floats = npt.NDArray[np.float32]

STEEPEST = 0.0875
"""Largest slope of a scratch: five degrees (Kokaram, *Motion Picture Restoration*, 1998)."""
MOST_LINES = 24
"""Lines kept of one frame, the best."""
LEAST_COVERAGE = 0.12
"""Share of the height that must show evidence."""
EVIDENCE = 64
"""Map value that counts as some evidence (a quarter); full evidence is one half."""
_APART_PX = 6.0
"""Lines nearer to each other than this on average, at 720 pixels width, are one."""
_BOTH_DISTINCT = 2.0
"""How far (px) the scene must have moved at least for staying and following to be two different places."""


@dataclass(frozen=True)
class Beside:
    """The nearest distinct frame, for comparison."""

    luma: Luma
    flow: Flow
    """From the frame into it."""
    before: bool
    """Whether it lies before the frame."""


def find_lines(frame: int, scratch: Map, luma: Luma, beside: Beside | None, scale: float = 1.0) -> list[Line]:
    """The lines of one frame, the best first.

    Args:
        frame: its position in the reel.
        scratch: `(H, W)` confidence × 255 that a scratch is there.
        luma: `(H, W)` the frame's analysis picture.
        beside: the nearest distinct frame.
        scale: pixels of the scan a pixel of these pictures stands for.
    """
    found: list[Line] = []
    courses: list[Course] = []
    capped = _in_bands(np.minimum(scratch, np.uint8(128))) * np.float32(1 / 128)
    candidates = _candidates(capped, scratch.shape[0])
    if not candidates:
        return []
    apart = max(3.0, _APART_PX * scratch.shape[1] / SD_WIDTH)
    shown = _Banded.of(scratch, luma, beside)
    for middle, half_shift in candidates:
        course = _fitted(shown, middle, half_shift)
        if len(found) == MOST_LINES or any(course.distance(other) < apart for other in courses):
            continue
        courses.append(course)
        line = _measured(frame, course, shown)
        if line is not None:
            found.append(_scaled(line, scale))
            # What one line explains speaks for no other.
            shown = shown.without(course, line.width_px / 2 + apart / 2)
    return found


def _candidates(bands: Floats, height: int) -> list[tuple[float, float]]:
    """Middle column and half the shift from top to bottom of straight lines with evidence along the height.

    Args:
        bands: `(BANDS, W)`, 0-1: one is one half of confidence or more all along a band.
        height: of the picture.
    """
    width = bands.shape[1]
    if float(bands.sum(axis=0).max()) < LEAST_COVERAGE * BANDS / 2:
        return []
    size = width / SD_WIDTH
    blurred = cv2.blur(bands, (2 * max(1, round(2 * size)) + 1, 1), borderType=cv2.BORDER_CONSTANT)
    reach = STEEPEST * height / 2
    shifts = np.linspace(-reach, reach, 2 * int(np.ceil(reach / 1.5)) + 1)
    middles = (np.arange(BANDS) + 0.5) / BANDS * 2 - 1
    columns = np.arange(width)
    sums = np.zeros((len(shifts), width), np.float32)
    rows = np.arange(BANDS)[:, None]
    for place, shift in enumerate(shifts):
        at = columns[None, :] + np.rint(shift * middles).astype(np.intp)[:, None]
        inside = (at >= 0) & (at < width)
        sums[place] = (blurred[rows, np.clip(at, 0, width - 1)] * inside).mean(axis=0)
    peak = sums.max(axis=0)
    apart = max(3, round(_APART_PX * size))
    chosen: list[tuple[float, float]] = []
    while len(chosen) < 3 * MOST_LINES:
        middle = int(peak.argmax())
        if peak[middle] < 0.5 * LEAST_COVERAGE:
            break
        chosen.append((float(middle), float(shifts[int(sums[:, middle].argmax())])))
        peak[max(middle - apart, 0) : middle + apart + 1] = 0
    return chosen


def _in_bands(plane: npt.NDArray[Any]) -> Floats:
    """Means over bands of rows, `(BANDS, W)`. A line of five degrees leans less than a pixel in one."""
    size = (plane.shape[1], BANDS)
    return np.asarray(cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class _Banded:
    """The pictures a line is measured on, in bands."""

    scratch: Floats
    luma: Floats
    height: int
    """Of the pictures themselves."""
    other: Floats | None
    """The nearest distinct frame."""
    across: Floats | None
    """Motion into it, to the right."""
    before: bool
    whole_px: float
    """How far the whole scene moved across from the other frame to this one, px."""

    @classmethod
    def of(cls, scratch: Map, luma: Luma, beside: Beside | None) -> _Banded:
        """Pictures in bands."""
        other = None if beside is None else _in_bands(beside.luma)
        across = None if beside is None else _in_bands(beside.flow[..., 0])
        height = scratch.shape[0]
        whole = 0.0 if beside is None else whole_move(luma, beside.flow, scratch)
        before = beside is not None and beside.before
        return cls(_in_bands(scratch), _in_bands(luma), height, other, across, before, -whole if before else whole)

    def without(self, course: Course, reach: float) -> _Banded:
        """The same with the evidence near a line taken out."""
        share = ((np.arange(BANDS) + 0.5) / BANDS)[:, None]
        middle = course.top + (course.bottom - course.top) * share
        near = np.abs(np.arange(self.scratch.shape[1])[None, :] - middle) <= reach
        return replace(self, scratch=np.where(near, np.float32(0), self.scratch))


def _fitted(shown: _Banded, middle: float, half_shift: float) -> Course:
    """The straight line through the evidence near a candidate (least squares over bands, twice)."""
    course = Course(middle - half_shift, middle + half_shift)
    reach = max(4, round(8 * shown.luma.shape[1] / SD_WIDTH))
    places = np.arange(-reach, reach + 1)
    heights = (np.arange(BANDS) + 0.5) / BANDS * 2 - 1
    for _ in range(2):
        evidence = course.strip(shown.scratch, reach)
        evidence = np.where(evidence >= EVIDENCE / 2, evidence, 0.0)
        weight = evidence.sum(axis=1)
        total = float(weight.sum())
        if total <= 0:
            return course
        offset = (evidence @ places) / np.maximum(weight, 1e-6)
        mean_height, mean_offset = float(weight @ heights) / total, float(weight @ offset) / total
        centred = heights - mean_height
        spread = float(weight @ np.square(centred)) / total
        # Evidence on a small part of the height does not say how the whole line leans: the candidate's lean is kept.
        slope = float(weight @ (centred * (offset - mean_offset))) / total / (spread + 0.02)
        start = mean_offset - slope * mean_height
        course = Course(course.top + start - slope, course.bottom + start + slope)
    return course


def _measured(frame: int, course: Course, shown: _Banded) -> Line | None:
    """A line's figures; None if it leans too much or too little of it shows."""
    size = shown.luma.shape[1] / SD_WIDTH
    if abs(course.bottom - course.top) > 1.1 * STEEPEST * shown.height + 1:
        return None
    reach = max(4, round(8 * size))
    evidence = course.strip(shown.scratch, reach)
    profile = evidence.mean(axis=0)
    wide = max(1, int(np.count_nonzero(profile >= 0.5 * profile.max())))
    core = slice(max(reach - wide // 2 - 1, 0), reach + wide // 2 + 2)
    sure = evidence[:, core].max(axis=1)
    bands = sure >= EVIDENCE
    coverage = float(bands.mean())
    if coverage < LEAST_COVERAGE:
        return None
    far = _off(wide, size) + max(STICKS_PX, round(28 * size))
    ridges, steps = ridges_of(course.strip(shown.luma, far), far, wide, size)
    ridge = float(np.median(ridges[bands]))
    seen = settled(course, shown.luma, bands, wide, 1 if ridge >= 0 else -1)
    scene, moved, stays, follows = 0.0, 0.0, 0.0, 0.0
    if shown.other is not None and shown.across is not None:
        other, across = shown.other, shown.across
        scene, moved, stays, follows = _against(course, other, across, ridges, bands, far, wide, size)
        scene = -scene if shown.before else scene
    return Line(
        frame=frame,
        picture_px=shown.luma.shape[1],
        x_top=seen.top,
        x_bottom=seen.bottom,
        width_px=float(wide),
        coverage=coverage,
        confidence=float(sure[bands].mean()) / 255.0,
        ridge=ridge,
        step=float(np.median(steps[bands])),
        scene_px=scene,
        moved=moved,
        stays=stays,
        follows=follows,
        whole_px=shown.whole_px,
    )


def _off(wide: int, size: float) -> int:
    """How far from a line's middle the scene's motion is read, px."""
    return wide // 2 + max(STICKS_PX, round(14 * size))


def _against(
    course: Course,
    beside: Floats,
    across: Floats,
    ridges: Floats,
    shown: npt.NDArray[np.bool_],
    far: int,
    wide: int,
    size: float,
) -> tuple[float, float, float, float]:
    """How far the scene beside the line is moved in the other frame (px), and three shares: `moved` and so on."""
    flow = course.strip(across, far)
    # Close to a line the flow sticks to it; the scene's own is read some way off, on the side that moved more.
    off = _off(wide, size)
    left, right = np.median(flow[:, : far - off], axis=1), np.median(flow[:, far + off + 1 :], axis=1)
    moves = np.where(np.abs(left) > np.abs(right), left, right)
    # What moves on one side only is a thing, not the scene.
    sides = float(np.median(left[shown])), float(np.median(right[shown]))
    scene = min(sides, key=abs) if sides[0] * sides[1] > 0 else 0.0
    crossed = shown & (np.abs(moves) >= max(_BOTH_DISTINCT, wide))
    stays = follows = 0.0
    if crossed.any():
        wander = max(1, round(1.5 * size))
        same = np.zeros(BANDS, np.float32)
        along = np.zeros(BANDS, np.float32)
        sign = np.where(ridges >= 0, 1.0, -1.0)
        reach = far + wander + int(np.ceil(min(float(np.abs(moves).max()), far)))
        other = course.strip(beside, reach)
        for shift in range(-wander, wander + 1):
            same = np.maximum(same, sign * _shifted_ridges(other, reach, np.full(BANDS, shift), wide, size))
            where = np.clip(np.rint(moves), -far, far).astype(np.intp) + shift
            along = np.maximum(along, sign * _shifted_ridges(other, reach, where, wide, size))
        own = np.abs(ridges)
        stays = float((crossed & (same >= 0.5 * own) & (along < 0.6 * same)).mean())
        follows = float((crossed & (along >= 0.5 * own) & (same < 0.6 * along)).mean())
    return scene, float(crossed.mean()), stays, follows


def _shifted_ridges(strip: Floats, middle: int, shifts: npt.NDArray[np.intp], wide: int, size: float) -> Floats:
    """`_ridges` with another middle for each band."""
    half, gap, flank = wide // 2, max(1, round(1.5 * size)), max(2, round(4 * size))
    reach = half + gap + flank
    places = np.clip(middle + shifts[:, None] + np.arange(-reach, reach + 1)[None, :], 0, strip.shape[1] - 1)
    return ridges_of(np.take_along_axis(strip, places, axis=1), reach, wide, size)[0]


def _scaled(line: Line, scale: float) -> Line:
    if scale == 1.0:
        return line
    lengths = {name: getattr(line, name) * scale for name in ("x_top", "x_bottom", "width_px", "scene_px", "whole_px")}
    return replace(line, picture_px=round(line.picture_px * scale), **lengths)
