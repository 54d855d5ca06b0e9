"""Motion for the networks: optical flow on an analysis copy, neighbours warped onto the frame, brightness matched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709

Picture = NDArray[np.float32]
"""`(C, H, W)` float32, C is 1 (grey) or 3 (R, G, B); shares of the code range, 0–1."""
Rows = NDArray[np.float32]
"""The same picture as OpenCV holds it, `(H, W, 3)`; grey is repeated."""
Plane = NDArray[np.float32]
"""`(H, W)` float32."""
Small = NDArray[np.uint8]
"""`(H/2, W/2)` uint8 luma, what motion is found on; small pictures at full size, grown to `_SMALLEST_SIDE`."""
Flow = NDArray[np.float32]
"""`(H, W, 2)`: where a pixel of the frame is found in a neighbour, x and y displacement in pixels."""
Mask = NDArray[np.bool_]
"""`(H, W)` bool."""

LUMA = np.array([REC709], np.float32)
"""Weights of ITU-R BT.709 (section 3.2), used on code values only to get one analysis picture."""
_SMALLEST_SIDE = 48
_TONE_CELL_PX = 8


class Following(Enum):
    """How motion is followed (dense inverse search, Kroeger et al., ECCV 2016; OpenCV's presets)."""

    SMALL = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    """Small movements too: to find damage, what moves must not look damaged."""
    STIFF = cv2.DISOPTICAL_FLOW_PRESET_FAST
    """Stiffer, and five times as fast: to fill, the flow must carry on underneath what is missing."""


def to_rows(picture: Picture) -> Rows:
    """`(C, H, W)` to `(H, W, 3)`, contiguous; grey is repeated."""
    planes = [np.ascontiguousarray(plane, np.float32) for plane in picture]
    return np.asarray(cv2.merge(planes if len(planes) == 3 else planes * 3), np.float32)


def luma(rows: Rows) -> Plane:
    """One analysis picture of an `(H, W, 3)` picture."""
    return np.asarray(cv2.transform(rows, LUMA), np.float32)


def is_halved(shape: tuple[int, int]) -> bool:
    """Whether motion in a picture of this height and width is found at half the size."""
    return min(shape) >= 2 * _SMALLEST_SIDE


def small(plane: Plane) -> Small:
    """What motion is found on, from a luma `(H, W)`, 0–1."""
    codes = cv2.convertScaleAbs(plane, alpha=255.0)
    height, width = plane.shape
    if is_halved((height, width)):
        return np.asarray(cv2.resize(codes, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    below, right = max(_SMALLEST_SIDE - height, 0), max(_SMALLEST_SIDE - width, 0)
    return np.asarray(cv2.copyMakeBorder(codes, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


class FlowFinder:
    """Dense optical flow between analysis copies. It keeps working memory: one a thread."""

    def __init__(self, following: Following) -> None:
        self._dis = cv2.DISOpticalFlow.create(following.value)

    def flow(self, reference: Small, other: Small, shape: tuple[int, int]) -> Flow:
        """Displacement of every pixel of a picture into another.

        Args:
            reference: `small` of the picture.
            other: `small` of the other one.
            shape: height and width of the pictures themselves.
        """
        found = self._dis.calc(reference, other, np.zeros((*reference.shape, 2), np.float32))
        height, width = shape
        if not is_halved(shape):
            return np.ascontiguousarray(found[:height, :width], np.float32)
        grow = np.array([width / found.shape[1], height / found.shape[0]], np.float32)
        return np.asarray(cv2.resize(found * grow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


@lru_cache(maxsize=8)
def positions(height: int, width: int) -> tuple[Plane, Plane]:
    """Column and row of every pixel of a picture, each `(H, W)`; not to be written to."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for plane in (x, y):
        plane.flags.writeable = False
    return x, y


@dataclass(frozen=True)
class Places:
    """Where the pixels of a frame, or of a box of it, are found in a neighbour."""

    x: Plane
    y: Plane

    @classmethod
    def of(cls, flow: Flow, box: tuple[slice, slice] | None = None) -> Places:
        """The absolute positions a flow points at.

        Args:
            flow: of the whole frame.
            box: rows and columns of the frame; all of it, if not named.
        """
        x, y = positions(*flow.shape[:2])
        if box is not None:
            flow, x, y = flow[box], x[box], y[box]
        across, down = cv2.split(flow)
        return cls(np.asarray(across + x, np.float32), np.asarray(down + y, np.float32))

    def shown(self, shape: tuple[int, int]) -> Mask:
        """Which of them lie inside a neighbour of this height and width."""
        height, width = shape
        return (self.x > -0.5) & (self.x < width - 0.5) & (self.y > -0.5) & (self.y < height - 0.5)

    def sample(self, values: NDArray[np.float32], interpolation: int = cv2.INTER_LINEAR) -> NDArray[np.float32]:
        """A neighbour's values `(H, W)` or `(H, W, 3)` there; its border is repeated where it does not reach."""
        # Cut out what is needed: cv2.remap cannot address pictures wider than 32767 px, and it is faster.
        height, width = values.shape[:2]
        left = min(max(int(np.floor(self.x.min())) - 3, 0), width - 1)
        top = min(max(int(np.floor(self.y.min())) - 3, 0), height - 1)
        right = max(int(np.ceil(self.x.max())) + 4, left + 1)
        bottom = max(int(np.ceil(self.y.max())) + 4, top + 1)
        cut = values[top:bottom, left:right]
        # Two maps, not one and an empty second: with that, OpenCV 5.0 returns garbage from a linear remap.
        x, y = self.x - np.float32(left), self.y - np.float32(top)
        return np.asarray(cv2.remap(cut, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE), np.float32)


def slow_difference(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a difference that changes slowly over the frame: flicker, fade, shading. `(H, W)` or `(H, W, 3)`.

    Means of cells, their median over five by five cells (specks and small movements have no vote), spread out again.
    """
    height, width = difference.shape[:2]
    slow = cv2.resize(slow_cells(difference), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(slow, np.float32).reshape(difference.shape)


def slow_cells(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """`slow_difference` before it is spread out: a value a cell of eight pixels each way."""
    height, width = difference.shape[:2]
    size = (max(width // _TONE_CELL_PX, 1), max(height // _TONE_CELL_PX, 1))
    cells = cv2.medianBlur(cv2.resize(difference, size, interpolation=cv2.INTER_AREA), 5)
    return np.asarray(cells, np.float32)
