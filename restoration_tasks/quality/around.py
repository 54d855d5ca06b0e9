"""What only the frames before and after tell of a repair: whether frames are in order, and whether it was dirt at all.

Dirt lies on one frame. What the scan shows in the same place three frames long, or going on its way through three
frames, was in front of the camera: a title, a lamp, a spark, a drop of rain.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.strokes import LARGEST_PX, WIDTH_PX, directions
from restoration_tasks.media.table import ByFrame
from restoration_tasks.quality.pixels import Luma, Mask
from restoration_tasks.quality.policy import Policy

SAMPLING_PX: Final = 4
"""Order is judged on every fourth pixel of every fourth line."""
CLEARLY: Final = 0.5
"""A restored frame is taken for another one if it lies closer to that by this factor."""
LASTS: Final = 0.5
"""Share of the contrast of a spike by which a pixel may change from frame to frame and still show the same."""
FARTHEST_PX: Final = 20.0
"""How far a highlight goes from frame to frame."""
NEAREST_PX: Final = 2.0
"""What goes less far is judged by whether it lasts where it is."""
OFF_PX: Final = 1.5
"""How far from where it should be a highlight may be found …"""
OFF_SHARE: Final = 0.1
"""… and as a share of its way."""
ALIKE: Final = 2.5
"""By what factor its area may differ from frame to frame; and 1.6 its brightness above its surround."""
BRIGHT_ALIKE: Final = 1.6
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Around:
    """What the neighbours tell of one frame; the defaults are those of a frame nothing was done to."""

    out_of_order: bool = False
    """The restored frame shows the scan's frame before or after its own."""
    lasting_px: int = 0
    """Pixels of repaired dirt that the scan shows alike in this frame and in those before and after."""
    highlights: int = 0
    """Bright spots that were repaired away."""
    going_on: int = 0
    """Those of them that the scan shows going on their way through three frames …"""
    by_chance: float = 0.0
    """… and how many would by chance: found the same way, but turned by a quarter, a half and three quarters."""
    strokes: int = 0
    """Bright spots that were repaired away and are longer than wide …"""
    lie: complex = 0j
    """… and the sum of their directions as unit vectors of twice the angle: as long as their number where all lie one
    way, short where they lie anyhow (Fisher, Statistical Analysis of Circular Data, 1993, axial data)."""


NOTHING: Final = Around()


@dataclass(frozen=True, slots=True)
class _Seen:
    frame: int
    planned: Luma
    restored: Luma
    repaired: Mask
    """Where repairs may have written that were told to be dirt."""
    judged: bool
    """Whether frames around may be held against it: not where a frame was made anew."""


class AroundMeter:
    """Takes the frames of a reel in order; it holds three."""

    def __init__(self, policy: Policy) -> None:
        self._contrast = policy.limit("spike_contrast_min")
        self._same = policy.limit("frozen_difference_max")
        self._recent: deque[_Seen] = deque(maxlen=3)
        self.found = ByFrame(Around)
        """By frame; frames at the ends of a shot are told by one side only, or not at all."""

    def cut(self) -> None:
        """Forget the frames before: a new shot begins."""
        if len(self._recent) >= 2:
            self._order(self._recent[-1], [self._recent[-2]])
        self._recent.clear()

    def add(self, frame: int, planned: Luma, restored: Luma, dirt: Mask, *, judged: bool) -> None:
        """Take the next frame.

        Args:
            frame: 0-based position in the reel.
            planned: `(H, W)` luma as the plan makes it of the scan, share of the code range.
            restored: `(H, W)` luma of the restored frame.
            dirt: `(H, W)`: where dirt may be repaired, and nothing that stays longer than a frame.
            judged: whether the frame is to be one of the scan's at all.
        """
        self._recent.append(_Seen(frame, planned, restored, dirt, judged))
        if len(self._recent) == 2:
            self._order(self._recent[0], [self._recent[1]])
        elif len(self._recent) == 3:
            before, here, after = self._recent
            self._order(here, [before, after])
            self._judge(before, here, after)

    def end(self) -> None:
        """The reel is over."""
        self.cut()

    def _order(self, here: _Seen, others: list[_Seen]) -> None:
        if not here.judged:
            return
        own = _apart(here.planned, here.restored)
        if own <= self._same:
            return
        nearest = min(_apart(one.planned, here.restored) for one in others)
        if nearest < CLEARLY * own:
            self.found.add(here.frame, Around(out_of_order=True))

    def _judge(self, before: _Seen, here: _Seen, after: _Seen) -> None:
        known = self.found.get(here.frame, NOTHING)
        if not here.judged or known.out_of_order or not here.repaired.any():
            return
        gone = here.repaired & (np.abs(here.planned - here.restored) > self._contrast)
        if not gone.any() or self._doubled(before, here) or self._doubled(here, after):
            return
        limit = self._contrast * LASTS
        lasting = (
            gone & (np.abs(here.planned - before.planned) < limit) & (np.abs(here.planned - after.planned) < limit)
        )
        taken = np.where(gone, here.planned - here.restored, 0.0)
        spots = self._spots(taken)
        going, chance = self._followed(spots, before, after) if len(spots) else (0, 0.0)
        lie = directions(taken > self._contrast)
        told = Around(False, int(np.count_nonzero(lasting)), len(spots), going, chance, len(lie), complex(lie.sum()))
        self.found.add(here.frame, told)

    def _doubled(self, one: _Seen, other: _Seen) -> bool:
        """Whether the scan shows one frame twice: dirt is then there twice as well."""
        every = slice(None, None, SAMPLING_PX)
        return float(np.mean(np.abs(one.planned[every, every] - other.planned[every, every]))) <= self._same

    def _followed(self, spots: Points, before: _Seen, after: _Seen) -> tuple[int, float]:
        earlier, later = (self._spots(_raised(one.planned)) for one in (before, after))
        if not len(earlier) or not len(later):
            return 0, 0.0
        scale = before.planned.shape[1] / WIDTH_PX
        turned = [_going_on(spots, earlier, later, scale, turns) for turns in range(4)]
        return turned[0], sum(turned[1:]) / 3

    def _spots(self, raised: npt.NDArray[np.floating]) -> Points:
        """Small bright spots, `(N, 4)`: x, y, area and peak."""
        hit = np.asarray(raised > self._contrast, np.uint8)
        count, labels, stats, centres = cv2.connectedComponentsWithStats(hit, connectivity=8)
        if count < 2:
            return np.zeros((0, 4))
        peaks = np.zeros(count)
        np.maximum.at(peaks, np.asarray(labels[hit > 0], np.intp), raised[hit > 0])
        areas = stats[:, cv2.CC_STAT_AREA]
        small = np.flatnonzero(areas <= max(LARGEST_PX * (raised.shape[1] / WIDTH_PX) ** 2, 4))
        small = small[small > 0]
        return np.column_stack([centres[small], areas[small], peaks[small]])


def _apart(planned: Luma, restored: Luma) -> float:
    """Median distance of two frames, as they are or after their mean brightness has been matched, whichever is less.

    Dirt on one of them moves the mean: matched, a frame that is as it was but for its dirt would be none of its own.
    """
    every = slice(None, None, SAMPLING_PX)
    one, other = planned[every, every], restored[every, every]
    matched = other * (one.mean() / max(float(other.mean()), 1e-6))
    return min(float(np.median(np.abs(one - shown))) for shown in (other, matched))


def _raised(plane: Luma) -> Luma:
    """How far pixels rise above their surround: the white top-hat."""
    side = max(3, round(25 * plane.shape[1] / WIDTH_PX)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_TOPHAT, kernel), np.float32)


def _going_on(spots: Points, earlier: Points, later: Points, scale: float, turns: int) -> int:
    """How many spots came from one of the earlier ones and went on to one of the later ones, the way turned or not."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    count = 0
    for x, y, area, peak in spots:
        way = np.array([x, y]) - earlier[:, :2]
        far = np.hypot(way[:, 0], way[:, 1])
        came = (far <= FARTHEST_PX * scale) & (far >= NEAREST_PX * scale) & _alike(earlier, area, peak)
        for (right, down), length in zip(way[came], far[came], strict=True):
            place = (x + cosine * right - sine * down, y + sine * right + cosine * down)
            off = np.hypot(later[:, 0] - place[0], later[:, 1] - place[1])
            if (_alike(later, area, peak) & (off <= OFF_PX * scale + OFF_SHARE * length)).any():
                count += 1
                break
    return count


def _alike(spots: Points, area: float, peak: float) -> npt.NDArray[np.bool_]:
    like = (spots[:, 2] <= ALIKE * area) & (area <= ALIKE * spots[:, 2])
    return np.asarray(like & (spots[:, 3] <= BRIGHT_ALIKE * peak) & (peak <= BRIGHT_ALIKE * spots[:, 3]), np.bool_)
