"""What the detector is shown: the frame, how it differs from its neighbours, and what stands still in the frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.motion import (
    Carried,
    FlowFinder,
    Picture,
    Plane,
    Rows,
    carry,
    luma,
    slow_difference,
    to_rows,
)

EACH_WAY = 2
"""Neighbours looked at before and after the frame."""
FEATURES = 24
"""Planes of `detector_features`."""
HIGH_PASS_PX = 15
COLUMN_ROWS = 41
"""Width and height over which a standing line is told from the picture: wider than the widest scratch of a
standard-definition scan (10 px), longer than most vertical edges of a scene."""
_GAIN = np.float32(4.0)
"""Differences are small beside the picture itself; brought to its order of size."""
_BOX = np.ones((3, 3), np.uint8)


def detector_features(
    centre: Picture, before: Sequence[Picture], after: Sequence[Picture], finder: FlowFinder
) -> NDArray[np.float32]:
    """The detector's input for one frame.

    Args:
        centre: the frame, `(C, H, W)`, 0–1.
        before: up to two frames before it, nearest first, of the same size and shot.
        after: up to two frames after it, nearest first.
        finder: finds motion; it keeps working memory, so one a thread.

    Returns:
        `(24, H, W)` float32: the frame (3); its difference to the nearest carried neighbour before and after (3 each)
        and to the second ones (1 each); rise and fall that no hypothesis of motion explains, before and after (4);
        how little the nearest neighbours agree (1); lines that stand in this frame (3) and in its neighbours (3);
        whether there is a counterpart before and after (2). With frames on one side only, that side stands for both;
        with none, all differences are zero.
    """
    rows = to_rows(centre)
    plane = luma(rows)
    # Frames past the second are of no use here; a caller may hand over its whole window.
    sides = [[_Neighbour(rows, plane, other, finder) for other in side[:EACH_WAY]] for side in (before, after)]
    empty = _Side.none(plane.shape)
    seen = [_Side.of(plane, side) if side else None for side in sides]
    earlier, later = seen[0] or seen[1] or empty, seen[1] or seen[0] or empty
    disagreement = np.abs((earlier.first - later.first) @ np.full(3, 1 / 3, np.float32))
    others = [neighbour.rows for side in sides for neighbour in side]
    standing = np.mean([standing_lines(other) for other in others], axis=0) if others else np.zeros_like(rows)
    planes = [
        *np.moveaxis(rows - np.float32(0.5), 2, 0),
        *np.moveaxis(_GAIN * earlier.first, 2, 0),
        *np.moveaxis(_GAIN * later.first, 2, 0),
        _GAIN * earlier.second,
        _GAIN * later.second,
        *(_GAIN * side_plane for side in (earlier, later) for side_plane in (side.rise, side.fall)),
        _GAIN * disagreement,
        *np.moveaxis(2 * _GAIN * standing_lines(rows), 2, 0),
        *np.moveaxis(2 * _GAIN * np.asarray(standing, np.float32), 2, 0),
        *(np.zeros_like(plane) if side is None else side.shown for side in seen),
    ]
    return np.stack(planes).astype(np.float32, copy=False)


def standing_lines(rows: Rows) -> Rows:
    """What is brighter or darker than its left and right, all along a column: `(H, W, 3)`, signed.

    A horizontal high-pass of `HIGH_PASS_PX`, averaged over `COLUMN_ROWS` rows.
    """
    high = rows - cv2.blur(rows, (HIGH_PASS_PX, 1), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.blur(high, (1, COLUMN_ROWS), borderType=cv2.BORDER_REFLECT), np.float32)


class _Neighbour:
    """One neighbour: as it is, and carried onto the frame."""

    def __init__(self, centre: Rows, centre_luma: Plane, picture: Picture, finder: FlowFinder) -> None:
        self.rows = to_rows(picture)
        self.luma = luma(self.rows)
        self.flow = finder.flow(centre_luma, self.luma)
        self.carried: Carried = carry(self.rows, self.flow)
        difference = centre - self.carried.rows
        self.difference: Rows = difference - slow_difference(difference)

    def hypotheses(self, centre_luma: Plane) -> list[Plane]:
        """Lumas the frame might be explained by: motion followed, one shift for all, no motion at all."""
        followed = centre_luma - luma(self.difference)
        shift = np.median(self.flow[::8, ::8].reshape(-1, 2), axis=0)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        size = (centre_luma.shape[1], centre_luma.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shifted = cv2.warpAffine(self.luma, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        tone = np.float32(np.median((centre_luma - self.luma)[::4, ::4]))
        return [followed, np.asarray(shifted + tone, np.float32), self.luma + tone]


class _Side:
    """What the frames on one side of the frame say about it."""

    def __init__(self, first: Rows, second: Plane, rise: Plane, fall: Plane, shown: Plane) -> None:
        self.first = first
        """Difference to the nearest, `(H, W, 3)`."""
        self.second = second
        """Difference to the second nearest, `(H, W)` luma; to the nearest where there is no second."""
        self.rise = rise
        """How far the frame is above everything the hypotheses offer, `(H, W)`, 0 or more."""
        self.fall = fall
        """How far it is below."""
        self.shown = shown
        """1 where the nearest shows the pixel at all."""

    @classmethod
    def none(cls, shape: tuple[int, int]) -> _Side:
        """No neighbour anywhere: nothing can be said."""
        empty = np.zeros(shape, np.float32)
        return cls(np.zeros((*shape, 3), np.float32), empty, empty, empty, empty)

    @classmethod
    def of(cls, centre_luma: Plane, neighbours: Sequence[_Neighbour]) -> _Side:
        """The side's one or two neighbours."""
        rise = np.full(centre_luma.shape, np.inf, np.float32)
        fall = rise.copy()
        for number, neighbour in enumerate(neighbours):
            # The second neighbour along its flow only: the other guesses are for motion that was not followed.
            for plane in neighbour.hypotheses(centre_luma)[: None if number == 0 else 1]:
                # A pixel of slack: registration is never exact at an edge.
                rise = np.minimum(rise, centre_luma - cv2.dilate(plane, _BOX))
                fall = np.minimum(fall, cv2.erode(plane, _BOX) - centre_luma)
        first, last = neighbours[0], neighbours[-1]
        return cls(
            first.difference,
            luma(last.difference),
            np.maximum(rise, 0),
            np.maximum(fall, 0),
            first.carried.shown.astype(np.float32),
        )
