"""What the detector is shown: the frame, how it differs from its neighbours, and what stands still in the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.motion import (
    Flow,
    FlowFinder,
    Following,
    Picture,
    Places,
    Plane,
    Rows,
    Small,
    luma,
    slow_difference,
    small,
    to_rows,
)

EACH_WAY = 2
"""Neighbours looked at before and after the frame."""
FEATURES = 26
"""Planes of `detector_features`."""
RISE_BEFORE, FALL_BEFORE, RISE_AFTER, FALL_AFTER = 11, 12, 13, 14
"""Where rise and fall stand among them."""
WIDEST_PX = 1400
"""Pictures wider than this are looked at in half size: damage on a 2K scan is twice as wide as on one of 720 pixels,
and what is then under a pixel and a half is grain."""
HIGH_PASS_PX = 15
COLUMN_ROWS = 41
"""Width and height over which a standing line is told from the picture: wider than the widest scratch of a
standard-definition scan (10 px), longer than most vertical edges of a scene."""
LONG_COLUMN_ROWS = 161
"""Height over which faint lines come out of grain and texture."""
GAIN = np.float32(4.0)
"""Differences are small beside the picture itself; brought to its order of size."""
_BOX = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Look:
    """One frame as the detector looks at it; made once, and used for every frame it is a neighbour of."""

    rows: Rows
    shape: tuple[int, int]
    """Height and width of the frame itself; `rows` is half that size on wide pictures."""

    @classmethod
    def of(cls, picture: Picture) -> Look:
        """Look at a frame, `(C, H, W)`, 0–1."""
        height, width = picture.shape[1:]
        rows = to_rows(picture)
        if width > WIDEST_PX:
            rows = np.asarray(cv2.resize(rows, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32)
        return cls(rows, (height, width))

    @cached_property
    def luma(self) -> Plane:
        """Its analysis picture."""
        return luma(self.rows)

    @cached_property
    def small(self) -> Small:
        """What motion is found on."""
        return small(self.luma)

    @cached_property
    def standing(self) -> Rows:
        """Its lines along the columns, see `standing_lines`."""
        return standing_lines(self.rows)

    @cached_property
    def long_standing(self) -> Plane:
        """The same over `LONG_COLUMN_ROWS`, of the analysis picture."""
        return standing_lines(self.luma, LONG_COLUMN_ROWS)


class MotionFinder:
    """Motion between looks: small movements too to the nearest neighbours, stiffer and faster to the second ones."""

    def __init__(self) -> None:
        self._near, self._far = FlowFinder(Following.SMALL), FlowFinder(Following.STIFF)

    def flow(self, centre: Look, other: Look, distance: int) -> Flow:
        """Displacement of every pixel of `centre` into its `distance`-th neighbour on a side, 0 the nearest."""
        finder = self._far if distance else self._near
        return finder.flow(centre.small, other.small, (centre.rows.shape[0], centre.rows.shape[1]))


@dataclass(frozen=True)
class Features:
    """The detector's input for one frame, and the motion found on the way."""

    planes: NDArray[np.float32]
    """`(26, H, W)`: the frame (3); its difference to the nearest carried neighbour before and after (3 each) and to the
    second ones (1 each); rise and fall that no hypothesis of motion explains, before and after (4); how little the
    nearest neighbours agree (1); lines that stand in this frame (3) and in its neighbours (3), and longer ones (1 and
    1); whether there is a counterpart before and after (2). With frames on one side only, that side stands for both;
    with none, all differences are zero."""
    motion: Flow | None
    """Into the nearest frame before, else after; None without neighbours."""


def detector_features(centre: Look, before: Sequence[Look], after: Sequence[Look], finder: MotionFinder) -> Features:
    """The detector's input for one frame.

    Args:
        centre: the frame.
        before: up to two frames before it, nearest first, of the same size and shot.
        after: up to two frames after it, nearest first.
        finder: finds motion; it keeps working memory, so one a thread.
    """
    # Frames past the second are of no use here; a caller may hand over its whole window.
    sides = [[_Neighbour.of(centre, other, n, finder) for n, other in enumerate(s[:EACH_WAY])] for s in (before, after)]
    shape = centre.luma.shape
    seen = [_Side.of(centre.luma, side) if side else None for side in sides]
    earlier, later = seen[0] or seen[1] or _Side.none(shape), seen[1] or seen[0] or _Side.none(shape)
    others = [*before[:EACH_WAY], *after[:EACH_WAY]]
    planes = np.empty((FEATURES, *shape), np.float32)
    _fill(planes[0:3], centre.rows - np.float32(0.5), np.float32(1))
    _fill(planes[3:6], earlier.first, GAIN)
    _fill(planes[6:9], later.first, GAIN)
    singles = (earlier.second, later.second, earlier.rise, earlier.fall, later.rise, later.fall)
    for place, plane in enumerate(singles, start=9):
        np.multiply(plane, GAIN, out=planes[place])
    third = np.full((1, 3), 1 / 3, np.float32)
    np.multiply(np.abs(cv2.transform(earlier.first - later.first, third)), GAIN, out=planes[15])
    _fill(planes[16:19], centre.standing, 2 * GAIN)
    _fill(planes[19:22], _mean([other.standing for other in others], centre.rows), 2 * GAIN)
    np.multiply(centre.long_standing, 2 * GAIN, out=planes[22])
    np.multiply(_mean([other.long_standing for other in others], centre.luma), 2 * GAIN, out=planes[23])
    for place, one in enumerate(seen, start=24):
        planes[place] = 0.0 if one is None else one.shown
    nearest = next((side[0].flow for side in sides if side), None)
    return Features(planes, nearest)


def _fill(planes: NDArray[np.float32], rows: Rows, gain: np.float32) -> None:
    """Write the channels of `(H, W, 3)` into three planes."""
    for plane, channel in zip(planes, cv2.split(rows), strict=True):
        np.multiply(channel, gain, out=plane)


def _mean(pictures: Sequence[NDArray[np.float32]], like: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of pictures; nothing, of the shape of `like`, where there are none."""
    total = np.zeros_like(like)
    for picture in pictures:
        total += picture
    return total / np.float32(max(len(pictures), 1))


def standing_lines(rows: NDArray[np.float32], column_rows: int = COLUMN_ROWS) -> NDArray[np.float32]:
    """What is brighter or darker than its left and right, all along a column: of the shape of `rows`, signed.

    A horizontal high-pass of `HIGH_PASS_PX`, averaged over so many rows.
    """
    high = rows - cv2.blur(rows, (HIGH_PASS_PX, 1), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.blur(high, (1, column_rows), borderType=cv2.BORDER_REFLECT), np.float32)


@dataclass(frozen=True)
class _Neighbour:
    """One neighbour, carried onto the frame."""

    look: Look
    flow: Flow
    difference: NDArray[np.float32]
    """What the frame has more than the neighbour, brightness matched: `(H, W, 3)` of the nearest, `(H, W)` luma of the
    second."""
    shown: Plane
    """1 where the neighbour shows the pixel at all."""

    @classmethod
    def of(cls, centre: Look, other: Look, distance: int, finder: MotionFinder) -> _Neighbour:
        flow = finder.flow(centre, other, distance)
        places = Places.of(flow)
        own, values = (centre.luma, other.luma) if distance else (centre.rows, other.rows)
        difference = own - places.sample(values)
        difference -= slow_difference(difference)
        return cls(other, flow, difference, places.shown(other.luma.shape).astype(np.float32))

    @property
    def difference_luma(self) -> Plane:
        """The difference as one plane."""
        return self.difference if self.difference.ndim == 2 else luma(self.difference)

    def guesses(self, centre: Plane) -> list[Plane]:
        """Lumas the frame might be explained by: motion followed; for the nearest also one shift for all, and none."""
        followed = centre - self.difference_luma
        if self.difference.ndim == 2:
            # The second neighbour along its flow only: the other guesses are for motion that was not followed.
            return [followed]
        shift = np.median(self.flow[::8, ::8].reshape(-1, 2), axis=0)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (centre.shape[1], centre.shape[0])
        shifted = cv2.warpAffine(self.look.luma, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        tone = np.float32(np.median((centre - self.look.luma)[::4, ::4]))
        return [followed, np.asarray(shifted + tone, np.float32), self.look.luma + tone]


@dataclass(frozen=True)
class _Side:
    """What the frames on one side of the frame say about it."""

    first: Rows
    """Difference to the nearest, `(H, W, 3)`."""
    second: Plane
    """Difference to the second nearest, `(H, W)` luma; to the nearest where there is no second."""
    rise: Plane
    """How far the frame is above everything the guesses offer, `(H, W)`, 0 or more."""
    fall: Plane
    """How far it is below."""
    shown: Plane
    """1 where the nearest shows the pixel at all."""

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> _Side:
        """No neighbour anywhere: nothing can be said."""
        empty = np.zeros(shape, np.float32)
        return cls(np.zeros((*shape, 3), np.float32), empty, empty, empty, empty)

    @classmethod
    def of(cls, centre: Plane, neighbours: Sequence[_Neighbour]) -> _Side:
        """The side's one or two neighbours."""
        highest = np.full(centre.shape, -np.inf, np.float32)
        lowest = np.full(centre.shape, np.inf, np.float32)
        for neighbour in neighbours:
            for plane in neighbour.guesses(centre):
                # A pixel of slack: registration is never exact at an edge.
                np.maximum(highest, cv2.dilate(plane, _BOX), out=highest)
                np.minimum(lowest, cv2.erode(plane, _BOX), out=lowest)
        first, last = neighbours[0], neighbours[-1]
        rise, fall = np.maximum(centre - highest, 0), np.maximum(lowest - centre, 0)
        return cls(first.difference, last.difference_luma, rise, fall, first.shown)
