"""Motion for the networks: optical flow on an analysis copy, neighbours warped onto the frame, brightness matched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""`(C, H, W)` float32, C is 1 (grey) or 3 (R, G, B); shares of the code range, 0–1."""
Rows = NDArray[np.float32]
"""The same picture as OpenCV holds it, `(H, W, 3)`; grey is repeated."""
Plane = NDArray[np.float32]
"""`(H, W)` float32."""
Flow = NDArray[np.float32]
"""`(H, W, 2)`: where a pixel of the frame is found in a neighbour, x and y displacement in pixels."""
Mask = NDArray[np.bool_]
"""`(H, W)` bool."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of ITU-R BT.709 (section 3.2), used on code values only to get one analysis picture."""
_SMALLEST_SIDE = 48
_TONE_CELL_PX = 8


class Following(Enum):
    """How motion is followed (dense inverse search, Kroeger et al., ECCV 2016; OpenCV's presets)."""

    SMALL = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    """Small movements too: to find damage, what moves must not look damaged."""
    STIFF = cv2.DISOPTICAL_FLOW_PRESET_FAST
    """Stiffer: to fill, the flow must carry on underneath what is missing."""


def to_rows(picture: Picture) -> Rows:
    """`(C, H, W)` to `(H, W, 3)`, contiguous; grey is repeated."""
    three = np.broadcast_to(picture, (3, *picture.shape[1:]))
    return np.ascontiguousarray(three.transpose(1, 2, 0), np.float32)


def luma(rows: Rows) -> Plane:
    """One analysis picture of an `(H, W, 3)` picture."""
    return np.asarray(cv2.transform(rows, LUMA[None]), np.float32)


class FlowFinder:
    """Dense optical flow between lumas, at half the size where there is room."""

    def __init__(self, following: Following) -> None:
        self._dis = cv2.DISOpticalFlow.create(following.value)

    def flow(self, reference: Plane, other: Plane) -> Flow:
        """Displacement of every pixel of `reference` into `other`; both `(H, W)`, 0–1."""
        height, width = reference.shape
        one, two = (cv2.convertScaleAbs(plane, alpha=255.0) for plane in (reference, other))
        if min(height, width) < 2 * _SMALLEST_SIDE:
            below, right = max(_SMALLEST_SIDE - height, 0), max(_SMALLEST_SIDE - width, 0)
            one, two = (cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE) for plane in (one, two))
            found = self._dis.calc(one, two, np.zeros((*one.shape, 2), np.float32))
            return np.ascontiguousarray(found[:height, :width], np.float32)
        size = (width // 2, height // 2)
        one, two = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (one, two))
        found = self._dis.calc(one, two, np.zeros((*one.shape, 2), np.float32))
        full = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full * np.array([width / size[0], height / size[1]], np.float32), np.float32)


@lru_cache(maxsize=4)
def _positions(height: int, width: int) -> NDArray[np.float32]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    positions = np.dstack((x, y))
    positions.flags.writeable = False
    return positions


@dataclass(frozen=True)
class Carried:
    """A neighbour carried onto the frame."""

    rows: Rows
    """`(H, W, 3)`, brightness as in the neighbour."""
    shown: Mask
    """Which pixels of the frame the neighbour shows at all."""


def carry(rows: Rows, flow: Flow, interpolation: int = cv2.INTER_LINEAR) -> Carried:
    """Carry a neighbour along a flow; its border is repeated where it does not reach."""
    height, width = flow.shape[:2]
    places = flow + _positions(height, width)
    # Two maps, not one and an empty second: with that, OpenCV 5.0 returns garbage from a linear remap.
    x, y = cv2.split(places)
    moved = cv2.remap(rows, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    shown = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return Carried(np.asarray(moved, np.float32), shown)


def slow_difference(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a difference that changes slowly over the frame: flicker, fade, shading. `(H, W)` or `(H, W, 3)`.

    Means of cells, their median over five by five cells (specks and small movements have no vote), spread out again.
    """
    height, width = difference.shape[:2]
    size = (max(width // _TONE_CELL_PX, 1), max(height // _TONE_CELL_PX, 1))
    small = cv2.resize(difference, size, interpolation=cv2.INTER_AREA)
    slow = cv2.resize(cv2.medianBlur(small, 5), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(slow, np.float32).reshape(difference.shape)
