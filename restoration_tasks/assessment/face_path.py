"""Where a face goes on the frames around the one it was looked for in: a grid of points on it, followed frame by frame.

Points that do not come back to where they came from are dropped; the others say how far the face moved and how much it
grew (a similarity, so that a face that turns stays a face). Where too few are left, nobody knows where the face is, and
the path ends.

Source: Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", Intel 2000 (`calcOpticalFlowPyrLK`);
Kalal, Mikolajczyk, Matas, "Forward-backward error: automatic detection of tracking failures", ICPR 2010.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GRID: Final = 7
"""Points each way."""
INNER: Final = 0.7
"""Share of the box, about its middle, that they lie in: further out is hair that waves, and what is behind."""
WINDOW: Final = 0.25
"""Side of the patch around a point, share of the face's width."""
LEAST_WINDOW_PX: Final = 9
LEVELS: Final = 3
"""Halvings a patch is followed through: a face may go by about its own width in a frame."""
RETURNS: Final = 0.03
"""Share of the face's width within which a point must come back, and the points must agree."""
FEWEST: Final = 12
"""Points of the grid that must have been followed."""
GROWS: Final = 1.15
"""Times a face may grow or shrink from frame to frame: what does is another thing."""

Picture = NDArray[np.uint8]
"""`(h, w)`, 8 bit."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the picture."""


@dataclass(frozen=True)
class Step:
    """Where a face is, so many frames on."""

    offset: int
    """Frames from the one it was looked for in; negative before it."""
    x: float
    y: float
    """How far the middle of its box has gone, in pixels."""
    size: float
    """How many times as wide as there."""


@dataclass
class _Followed:
    """A face on its way."""

    box: Box
    points: NDArray[np.float32]
    """`(N, 2)`, where they are now."""
    middle: NDArray[np.float32]
    size: float = 1.0
    lost: bool = False
    steps: list[Step] = field(default_factory=list)


class Follower:
    """Follows faces backwards through the frames gone by, and forwards as frames come.

    Args:
        reach: frames each way.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._gone: deque[Picture] = deque(maxlen=max(reach, 1))
        self._ahead: list[_Followed] = []
        self._offset = 0

    def next(self, picture: Picture) -> None:
        """Take the next frame: faces that are followed go on to it."""
        if self._gone and self._offset < self._reach:
            self._offset += 1
            for face in self._ahead:
                _on(face, self._gone[-1], picture, self._offset)
        self._gone.append(picture)

    def start(self, boxes: list[Box]) -> list[list[Step]]:
        """Faces found in the frame taken last: their ways back, and from now on they are followed ahead.

        Returns:
            A list of steps a face, those back in it; those ahead are appended as frames come.
        """
        pictures = list(self._gone)
        self._ahead, self._offset = [], 0
        for box in boxes:
            back = _started(box)
            for offset, (later, earlier) in enumerate(_backwards(pictures), start=1):
                _on(back, later, earlier, -offset)
            ahead = _started(box)
            ahead.steps = back.steps[::-1]
            self._ahead.append(ahead)
        return [face.steps for face in self._ahead]


def _backwards(pictures: list[Picture]) -> Iterator[tuple[Picture, Picture]]:
    for place in range(len(pictures) - 1, 0, -1):
        yield pictures[place], pictures[place - 1]


def _started(box: Box) -> _Followed:
    left, top, right, bottom = box
    middle = np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
    shares = np.linspace(-INNER / 2, INNER / 2, GRID, dtype=np.float32)
    across, down = np.meshgrid(shares * (right - left), shares * (bottom - top))
    points = np.stack([across.ravel(), down.ravel()], axis=1) + middle
    return _Followed(box, np.asarray(points, np.float32), middle.copy())


def _on(face: _Followed, one: Picture, other: Picture, offset: int) -> None:
    """One frame further, or lost."""
    if face.lost:
        return
    width = (face.box[2] - face.box[0]) * face.size
    window = max(round(WINDOW * width) | 1, LEAST_WINDOW_PX)
    there, ahead = _tracked(one, other, face.points, window)
    back, returned = _tracked(other, one, there, window)
    near = max(RETURNS * width, 0.5)
    sure = ahead & returned & (np.hypot(*(back - face.points).T) <= near)
    face.lost = True
    if np.count_nonzero(sure) < FEWEST:
        return
    matrix, agree = cv2.estimateAffinePartial2D(
        face.points[sure], there[sure], method=cv2.RANSAC, ransacReprojThreshold=near
    )
    if matrix is None or np.count_nonzero(agree) < FEWEST:
        return
    grown = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not 1 / GROWS <= grown <= GROWS:
        return
    moved = np.concatenate([face.points, face.middle[None]]) @ matrix[:, :2].T + matrix[:, 2]
    face.points, face.middle = np.asarray(moved[:-1], np.float32), np.asarray(moved[-1], np.float32)
    height, wide = other.shape
    if not (0 <= face.middle[0] < wide and 0 <= face.middle[1] < height):
        return
    face.size *= grown
    face.lost = False
    begun = np.array([(face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2])
    x, y = (face.middle - begun).tolist()
    face.steps.append(Step(offset, float(x), float(y), face.size))


def _tracked(
    one: Picture, other: Picture, places: NDArray[np.float32], window: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    asked = np.ascontiguousarray(places[:, None, :], np.float32)
    there, told, _ = cv2.calcOpticalFlowPyrLK(
        one, other, asked, asked.copy(), winSize=(window, window), maxLevel=LEVELS
    )
    return np.asarray(there[:, 0], np.float32), np.asarray(told[:, 0] > 0, np.bool_)
