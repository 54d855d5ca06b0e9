"""How one shot becomes the next: cuts, dissolves and fades.

TransNetV2 says where to look: one of its outputs is for the frame before a cut, the other for every frame of a
transition. What it is, is told by coarse pictures of the frames. Across a cut they have nothing in common, in whatever
brightness; in a fade the picture stays and its contrast goes; in a dissolve every frame lies on the way from the
picture before to the picture after, frame ≈ (1 − t) · before + t · after, and t rises from 0 to 1.

Limits were chosen on joins of the training takes (`benchmarks/cuts.py --split train`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from restoration_tasks.assessment.dissolves import BEYOND, CUT_LIKENESS, mixture
from restoration_tasks.assessment.flashes import BRIGHTER_CODES, LONGEST, SAME_LIKENESS, flashes_within
from restoration_tasks.assessment.parts import Part, runs
from restoration_tasks.assessment.passage import Course, Figures

CUT_SCORE = 0.25
"""Frames that are no more alike than `CUT_LIKENESS`, and TransNetV2 says as much: a cut …"""
CUT_DROP = 0.3
USUAL_FRAMES = 5
"""… if they are that much less alike than frames are before or behind it: grass under a fast camera never is."""
SURE_LIKENESS = 0.85
SURE_SCORE = 0.7
"""Where it is surer, the frames may be more alike: a cut within one scene."""
NEAR = 3
"""Frames its score may be off by where a camera stopped or started in a flash."""
GRADUAL_MANY = 0.25
GRADUAL_SINGLE = 0.15
"""Scores from which a frame may belong to a dissolve or a fade …"""
GRADUAL_SURE = 0.45
"""… of which the best must score this."""
GRADUAL_GAP = 2
GRADUAL_FRAMES = 4
"""Fewer frames are a soft cut."""
FADED = 0.35
"""Share of its contrast that is left of a picture in the middle of a fade."""
GROWTH = 1.03
"""A fade goes on while its contrast grows by this much in `GROWTH_FRAMES`."""
GROWTH_FRAMES = 4
LEAPT = 0.6
SPREAD_NOISE = 8.0
LEVEL_NOISE = 60.0
"""More than this share of what four frames bring, in one step, is no fade; less than these codes may be flicker."""


class JointKind(StrEnum):
    """How a shot becomes the next."""

    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE_BLACK = "fade through black"
    FADE_WHITE = "fade through white"


@dataclass(frozen=True)
class Joint:
    """Where one shot becomes the next."""

    kind: JointKind
    frame: int
    """First frame of the later shot."""
    first: int
    stop: int
    """Frames `first ≤ i < stop` show neither shot as it was taken; none for a cut."""
    score: float
    """0–1: the highest score of TransNetV2 there."""


@dataclass(frozen=True)
class Scores:
    """What TransNetV2 says, `(N,)` each, 0–1."""

    single: Figures
    """How likely the frame is the last before a cut."""
    many: Figures
    """How likely it belongs to a transition of any kind."""


class JointFinder:
    """Finds the joints of one reel.

    Args:
        course: of the reel.
        scores: of its frames.
        parts: of it that are no picture.
    """

    def __init__(self, course: Course, scores: Scores, parts: Sequence[Part]) -> None:
        self._course, self._scores, self._parts = course, scores, parts
        self.picture = np.ones(course.frames, bool)
        for part in parts:
            self.picture[part.start : part.stop] = False
        self.flashes = flashes_within(course, self.picture)
        self._steps = course.steps

    def joints(self) -> list[Joint]:
        """Every joint, in the order of the reel."""
        joints = self._at_parts()
        joints += self._gradual(joints)
        joints += [Joint(JointKind.CUT, cut, cut, cut, self._score(cut)) for cut in self._cuts(joints)]
        return sorted(joints, key=lambda joint: joint.frame)

    # -- parts that are no picture -------------------------------------------------------------------------------------

    def _at_parts(self) -> list[Joint]:
        """The ends of black, leader and the like, into which a picture may fade."""
        found = []
        for part in self._parts:
            if part.start > 0:
                first = self._faded_from(part.start, -1) if part.kind.is_plain else part.start
                found.append(self._at_part(part, part.start, first, part.start))
            if part.stop < self._course.frames:
                stop = self._faded_from(part.stop - 1, 1) + 1 if part.kind.is_plain else part.stop
                found.append(self._at_part(part, part.stop, part.stop, stop))
        return [joint for number, joint in enumerate(found) if joint.frame not in {one.frame for one in found[:number]}]

    def _at_part(self, part: Part, frame: int, first: int, stop: int) -> Joint:
        kind = JointKind.CUT
        if stop - first >= GRADUAL_FRAMES - 1:
            dark = self._course.level[part.start : part.stop].mean() < 128
            kind = JointKind.FADE_BLACK if dark else JointKind.FADE_WHITE
        else:
            first = stop = frame
        return Joint(kind, frame, first, stop, self._score(frame))

    def _faded_from(self, place: int, side: int) -> int:
        """The last frame of a fade that begins beside a place without contrast, going back (−1) or on (1)."""
        spread, frames = self._course.spread, self._course.frames
        while 0 <= (beyond := place + side * GROWTH_FRAMES) < frames and self.picture[beyond]:
            ahead = spread[min(place + side, beyond) : max(place + side, beyond) + 1]
            if ahead.max() < GROWTH * spread[place] or self._is_leap(place, side):
                break
            place += side
        return place

    def _is_leap(self, place: int, side: int) -> bool:
        """Whether light or contrast comes all at once beside a place: a cut, and no fade."""
        beyond = min(max(place + 4 * side, 0), self._course.frames - 1)
        return any(
            abs(values[place + side] - values[place]) > LEAPT * max(abs(values[beyond] - values[place]), noise)
            for values, noise in ((self._course.spread, SPREAD_NOISE), (self._course.level, LEVEL_NOISE))
        )

    # -- cuts ----------------------------------------------------------------------------------------------------------

    def _cuts(self, known: Iterable[Joint]) -> list[int]:
        """First frames behind cuts of one picture to another."""
        single, steps = self._scores.single, self._steps
        before = np.concatenate([[0.0], single[:-1]]) if len(single) else single
        for joint in known:
            before[max(joint.frame - 1, 0) : joint.frame + 2] = 0.0
        nearby = np.where(self._burnt(), maximum_filter1d(before, 2 * NEAR + 1, mode="constant"), before)
        candidates = ((steps < CUT_LIKENESS) & (nearby > CUT_SCORE)) | ((steps < SURE_LIKENESS) & (before > SURE_SCORE))
        candidates &= self.picture & (self._usual() - steps > CUT_DROP)
        for joint in known:
            candidates[max(joint.first - 1, 0) : max(joint.stop, joint.frame) + 2] = False
        for flash in self.flashes:
            candidates[flash.start : flash.stop + 1] = False
        return [cut for run in runs(candidates, LONGEST) if (cut := self._cut_of(*run)) is not None]

    def _burnt(self) -> NDArray[np.bool_]:
        """Where frames just behind or just before are far brighter than what follows or precedes them."""
        level = np.pad(self._course.level, NEAR + 1, mode="edge")
        frames = self._course.frames
        at = [level[NEAR + 1 + shift :][:frames] for shift in range(-NEAR - 1, NEAR + 1)]
        behind = np.max(at[NEAR + 1 : -1], axis=0) - at[-1]
        ahead = np.max(at[1 : NEAR + 1], axis=0) - at[0]
        return np.asarray(np.maximum(behind, ahead) > BRIGHTER_CODES, np.bool_)

    def _usual(self) -> Figures:
        """How like frames are to the ones before, beside each frame: on the calmer side."""
        filled = np.pad(np.where(self.picture, self._steps, 0.0), USUAL_FRAMES, mode="edge")
        sides = [
            np.median(np.lib.stride_tricks.sliding_window_view(filled, USUAL_FRAMES), axis=1)[shift:][
                : len(self._steps)
            ]
            for shift in (0, USUAL_FRAMES + 1)
        ]
        return np.asarray(np.maximum(*sides), np.float64)

    def _cut_of(self, start: int, stop: int) -> int | None:
        """Which of some steps that lie together is the cut; None if the same goes on behind them."""
        if start == 0 or self._course.likeness(start - 1, stop - 1) > SURE_LIKENESS:
            return None
        if stop - start > 1 and self._course.likeness(start - 1, stop - 1) > SAME_LIKENESS:
            return None
        return start + int(np.argmin(self._steps[start:stop]))

    # -- dissolves and fades -------------------------------------------------------------------------------------------

    def _gradual(self, known: Sequence[Joint]) -> list[Joint]:
        scores = self._scores
        mask = ((scores.many > GRADUAL_MANY) | (scores.single > GRADUAL_SINGLE)) & self.picture
        for joint in known:
            if joint.kind is not JointKind.CUT:
                mask[joint.first : joint.stop] = False
        bounds = [0, *sorted(joint.frame for joint in known), self._course.frames]
        found: list[Joint] = []
        for start, stop in runs(mask, GRADUAL_GAP):
            cuts = [start, *(bound for bound in bounds if start < bound < stop), stop]
            for first, end in pairwise(cuts):
                if end - first < GRADUAL_FRAMES or scores.many[first:end].max() < GRADUAL_SURE:
                    continue
                low = max(bound for bound in bounds if bound <= first)
                high = min(bound for bound in bounds if bound >= end)
                one = self._fade((first, end), (low, high)) or self._dissolve((first, end), (low, high))
                if one is not None:
                    found.append(one)
        return _apart(found)

    def _fade(self, run: tuple[int, int], shot: tuple[int, int]) -> Joint | None:
        """A fade out and in again with hardly anything in between."""
        course = self._course
        low, high = max(run[0] - BEYOND, shot[0]), min(run[1] + BEYOND, shot[1])
        darkest = low + int(np.argmin(course.spread[low:high]))
        first, last = self._faded_from(darkest, -1), self._faded_from(darkest, 1)
        ends = [first, last]
        if not all(shot[0] <= place < shot[1] for place in ends):
            return None
        if course.spread[darkest] > FADED * min(course.spread[ends]) or not self._falls_and_rises(first, darkest, last):
            return None
        kind = JointKind.FADE_BLACK if course.level[darkest] < min(course.level[ends]) else JointKind.FADE_WHITE
        return Joint(kind, darkest, first + 1, last, self._score(*run))

    def _falls_and_rises(self, first: int, darkest: int, last: int) -> bool:
        """Whether contrast goes and comes over some frames: a burnt-out frame at a cut has none either."""
        spread = self._course.spread
        sides = ((first, darkest), (darkest, last))
        return all(
            np.count_nonzero((inside > 1.2 * spread[darkest]) & (inside < 0.9 * max(spread[start], spread[stop]))) >= 2
            for start, stop in sides
            if (inside := spread[start : stop + 1]).size
        )

    def _dissolve(self, run: tuple[int, int], shot: tuple[int, int]) -> Joint | None:
        mixed = mixture(self._course, self._steps, run, shot)
        if mixed is None or mixed.stop - mixed.start < GRADUAL_FRAMES:
            return None
        middle = (mixed.start + mixed.stop + 1) // 2
        return Joint(JointKind.DISSOLVE, middle, mixed.start, mixed.stop, self._score(*run))

    def _score(self, start: int, stop: int | None = None) -> float:
        """The highest score of frames, or of those beside a cut."""
        window = slice(max(start - 1 - NEAR, 0), start + NEAR) if stop is None else slice(start, stop)
        single, many = self._scores.single[window], self._scores.many[window]
        best = single if stop is None else np.maximum(single, many)
        return float(best.max(initial=0.0))


def _apart(joints: Sequence[Joint]) -> list[Joint]:
    """Joints of which none lies in another; of two that overlap, the surer."""
    kept: list[Joint] = []
    for joint in sorted(joints, key=lambda one: -one.score):
        if all(joint.stop <= other.first or joint.first >= other.stop for other in kept):
            kept.append(joint)
    return kept
