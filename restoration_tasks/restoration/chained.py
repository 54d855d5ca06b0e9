"""Motion over many frames: what lies far away in time is brought onto a frame along the motion from each to the next.

Damage that stays for frames hides the same place on all of them; what lies behind it shows on frames far before and far
after, farther than optical flow looks at once. Flow from frame to frame is chained, and mended by one more look from
where the chain points. All of it happens on small copies.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.motion import Flow, positions
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.densities import density
from restoration_tasks.restoration.shares import shares
from restoration_tasks.restoration.treatment import Shown

Floats = NDArray[np.float32]

SMALL_WIDTH_PX = 360
"""Width of the copies: half of a standard-definition scan, at which flow from frame to frame was found best."""
LEAST_SIDE_PX = 48
"""Smallest side the optical flow's pyramid takes."""
DETAIL_PX = 6.0
"""Standard deviation (small pixels) of the blur that takes stains out of what motion is settled on: flow slides along
the slope of a stain, as along that of any light."""
DARKEST_SHARE = 0.03
"""Added before density is taken: under eight of 255 codes it would be noise."""
DETAIL_CODES = 120.0
"""8-bit codes a natural logarithm of light."""
_CLEAN = 0.01


@dataclass(frozen=True)
class SmallFrame:
    """A frame's small copy."""

    index: int
    """Position in the reel."""
    density: Floats
    """`(h, w, C)`, see `densities.density`; C is 3 (R, G, B) or 1 (grey)."""
    luma: NDArray[np.uint8]
    """`(h, w)` 8-bit analysis copy: what motion is looked for on first."""
    detail: NDArray[np.uint8]
    """`(h, w)`: what is finer than a stain, in density, 8 bit about 128: what motion is settled on."""
    dirty: Floats
    """`(h, w)`: how much of each pixel is damaged, 0–1."""

    @classmethod
    def of(cls, shown: Shown, mask: Mask) -> SmallFrame:
        """Make it of a frame and what is damaged in it."""
        size = small_size((mask.shape[0], mask.shape[1]))
        rows = shares(shown.work, shown.picture)
        small = cv2.resize(rows, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], rows.shape[2])
        luma = cv2.resize(shown.luma, size, interpolation=cv2.INTER_AREA)
        dirty = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return cls(
            shown.index,
            density(np.asarray(small, np.float32), shown.picture.transfer),
            np.asarray(luma, np.uint8),
            _detail(np.asarray(luma, np.uint8)),
            np.asarray(dirty, np.float32),
        )


@dataclass(frozen=True)
class Laid:
    """Another frame laid over a frame, both small."""

    offset: int
    flow: Flow
    """`(h, w, 2)`: where each pixel of the frame is found in the other one, small pixels."""
    density: Floats
    """`(h, w, C)`: the other frame's, brought onto the frame."""
    clean: Mask
    """`(h, w)`: the other frame shows the pixel, undamaged."""


def small_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the small copy of a picture of this height and width."""
    height, width = shape
    share = min(1.0, SMALL_WIDTH_PX / width)
    return max(round(width * share), LEAST_SIDE_PX), max(round(height * share), LEAST_SIDE_PX)


class Chain:
    """Small copies of frames and the motion between them, each made once and kept for a while.

    Several threads may use it; what they get does not depend on who made it.
    """

    def __init__(self, keep: int) -> None:
        """Make it; `keep` is how many frames are kept."""
        self._keep = keep
        self._frames: OrderedDict[int, tuple[Shown, SmallFrame]] = OrderedDict()
        self._flows: OrderedDict[tuple[int, int], Flow] = OrderedDict()
        self._guard = threading.RLock()

    def small(self, shown: Shown, mask: Callable[[Shown], Mask]) -> SmallFrame:
        """The small copy of a frame whose damage a function tells."""
        with self._guard:
            known = self._frames.get(shown.index)
            if known is None or known[0] is not shown:
                known = (shown, SmallFrame.of(shown, mask(shown)))
                self._frames[shown.index] = known
                while len(self._frames) > self._keep:
                    self._frames.popitem(last=False)
            return known[1]

    def step(self, one: SmallFrame, other: SmallFrame) -> Flow:
        """The flow from a frame into one beside it."""
        with self._guard:
            key = (one.index, other.index)
            if key not in self._flows:
                self._flows[key] = _found(one, other, _guessed(one, other))
                while len(self._flows) > 2 * self._keep:
                    self._flows.popitem(last=False)
            return self._flows[key]


class Reach:
    """The frames around one frame, laid over it one after another, going away from it."""

    def __init__(
        self, chain: Chain, window: Mapping[int, Shown], mask: Callable[[Shown], Mask], most: int | None = None
    ) -> None:
        """Look from the middle of a window.

        Args:
            chain: keeps what was made of frames.
            window: offset to frame, 0 the frame itself.
            mask: tells what is damaged in a frame; what is damaged in another one is no source.
            most: frames looked at each way; all of the window's, if not named.
        """
        self._chain, self._window, self._mask = chain, window, mask
        self._most = max(map(abs, window)) if most is None else most
        self.centre = chain.small(window[0], mask)

    def laid(self, step: int, wanted: Callable[[int, Mask], bool]) -> list[Laid]:
        """Frames on one side that are of use, nearest first.

        Args:
            step: −1 for those before, 1 for those after.
            wanted: told an offset and where that frame shows the picture undamaged; whether it is of use.
        """
        height, width = self.centre.luma.shape
        across, down = positions(height, width)
        flow = np.zeros((height, width, 2), np.float32)
        found: list[Laid] = []
        for distance in range(1, self._most + 1):
            offset = step * distance
            if offset not in self._window:
                break
            near = self._chain.small(self._window[offset - step], self._mask)
            other = self._chain.small(self._window[offset], self._mask)
            x, y = across + flow[..., 0], down + flow[..., 1]
            on = cv2.remap(self._chain.step(near, other), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            flow = np.asarray(flow + on, np.float32)
            if not wanted(offset, _shows(flow, other)):
                continue
            mended = flow if distance == 1 else _found(self.centre, other, flow)
            x, y = across + mended[..., 0], down + mended[..., 1]
            moved = cv2.remap(other.density, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            moved = np.asarray(moved, np.float32).reshape(other.density.shape)
            found.append(Laid(offset, mended, moved, _shows(mended, other)))
        return found


def _shows(flow: Flow, other: SmallFrame) -> Mask:
    """Where a frame shows the picture, undamaged."""
    height, width = other.dirty.shape
    across, down = positions(height, width)
    x, y = across + flow[..., 0], down + flow[..., 1]
    dirty = cv2.remap(other.dirty, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return np.asarray(inside & (dirty < _CLEAN), np.bool_)


def _detail(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is finer than `DETAIL_PX`, in density: a soft sheet over the picture is no part of it."""
    dense = cv2.log(luma.astype(np.float32) / np.float32(255.0) + np.float32(DARKEST_SHARE))
    fine = dense - cv2.GaussianBlur(dense, (0, 0), DETAIL_PX)
    return np.asarray(np.clip(128.0 + DETAIL_CODES * fine, 0, 255), np.uint8)


def _found(one: SmallFrame, other: SmallFrame, start: Flow) -> Flow:
    """The flow from a frame into another, from a first guess."""
    # A finder keeps working memory, so each call has its own.
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(finder.calc(one.detail, other.detail, start.copy()), np.float32)


def _guessed(one: SmallFrame, other: SmallFrame) -> Flow:
    """The flow from a frame into another by all they show: large movements need what is coarse too."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(finder.calc(one.luma, other.luma, np.zeros((*one.luma.shape, 2), np.float32)), np.float32)


def full_flow(flow: Flow, shape: tuple[int, int]) -> Flow:
    """A flow between small copies as one between the frames themselves, of this height and width."""
    height, width = shape
    grow = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow * grow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def at_full_size(plane: Floats, shape: tuple[int, int]) -> Floats:
    """A small plane `(h, w)` or `(h, w, C)` at a height and width."""
    grown = cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.float32).reshape(*shape, *plane.shape[2:])
