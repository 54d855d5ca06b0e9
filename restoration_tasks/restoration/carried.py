"""What a fill may be made of, for all boxes of a frame at once: neighbours carried onto it, and its surround continued.

The same candidates as `models.defects.candidates.Surroundings` gives box by box, made for many small boxes in a few
calls: boxes of one size lie in one tall picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709
from restoration_tasks.models.defects.candidates import (
    CANDIDATES,
    NEIGHBOURS,
    TELEA_PX,
    FillCandidates,
    median_of_usable,
)
from restoration_tasks.models.defects.motion import Flow, FlowFinder, Plane, Small, positions, small
from restoration_tasks.restoration.boxes import Box
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import Masked
from restoration_tasks.restoration.shares import Rows, shares

Floats = NDArray[np.float32]

TALLEST_PX = 16384
"""Rows of a picture of boxes; cv2.remap takes up to 32767."""
KNOWN_SHARE = 0.1
"""A cell of brightness counts where so much of it is clean in both frames."""
_TONE_STEP = 4
"""Brightness relations are read off copies this many times smaller: they hold nothing finer."""
_CLEAN = 0.01


Continuation = Callable[[Rows, Mask], Rows]
"""Continues a picture `(H, W, C)` into its mask; unchanged outside."""


def continued_around(rows: Rows, mask: Mask, *, fine: bool = False) -> Rows:
    """The surround continued inwards (Telea, "An image inpainting technique based on the fast marching method", 2004).

    Args:
        rows: the picture.
        mask: what is damaged in it.
        fine: continue colours at 16 bits too, channel by channel, which takes twice as long. A candidate beside fills
            from time need not be that fine, a fill that stands alone must be.
    """
    if not mask.any() or mask.all():
        return rows
    hole = mask.astype(np.uint8)
    filled = rows.copy()
    # cv2.inpaint leaves the range on float pictures (OpenCV 5.0), and takes colours at 8 bits only.
    together = rows.shape[2] > 1 and not fine
    whole = np.float32(255.0 if together else 65535.0)
    levels = np.rint(np.clip(rows, 0.0, 1.0) * whole).astype(np.uint8 if together else np.uint16)
    planes = [levels] if together else cv2.split(levels)
    smooth = cv2.merge([cv2.inpaint(plane, hole, TELEA_PX, cv2.INPAINT_TELEA) for plane in planes]).reshape(rows.shape)
    filled[mask] = smooth[mask].astype(np.float32) / whole
    return filled


@dataclass(frozen=True)
class Sight:
    """A frame as fills look at it; each part is made once and kept with the frame."""

    frame: Masked
    continuation: Continuation

    @property
    def mask(self) -> Mask:
        """`(H, W)`: what is to be filled, and no source of fills."""
        return self.frame.mask

    @property
    def rows(self) -> Rows:
        """`(H, W, C)` shares of red, green and blue, or grey."""
        return self.frame.kept("rows", lambda: shares(self.frame.shown.work, self.frame.shown.picture))

    @property
    def continued(self) -> Rows:
        """`rows`, continued into the mask from its surround."""
        return self.frame.kept("continued", lambda: self.continuation(self.rows, self.mask))

    @property
    def small(self) -> Small:
        """What motion is found on: damage is papered over, so that it neither draws nor repels."""
        return self.frame.kept("small", lambda: small(_luma(self.continued)))

    @property
    def dirty(self) -> Plane:
        """The mask as numbers."""
        return self.frame.kept("dirty", lambda: self.mask.astype(np.float32))

    @property
    def tone(self) -> tuple[Rows, Plane]:
        """Small copies of `rows` and `dirty`, from which brightness relations are read."""

        def made() -> tuple[Rows, Plane]:
            height, width = self.mask.shape
            size = (max(width // _TONE_STEP, 8), max(height // _TONE_STEP, 8))
            rows, dirty = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (self.continued, self.dirty))
            return np.asarray(rows, np.float32).reshape(*dirty.shape, -1), np.asarray(dirty, np.float32)

        return self.frame.kept("tone", made)


@dataclass(frozen=True)
class Group:
    """The boxes of one size of a frame, and what their fills may be made of."""

    boxes: list[Box]
    candidates: Floats
    """`(N, 6, C, h, w)`: nearest before, nearest after, second before, second after, the median of those usable, and
    the surround continued."""
    usable: NDArray[np.bool_]
    """`(N, 4, h, w)`: the neighbour shows the pixel and is clean there."""
    mask: NDArray[np.bool_]
    """`(N, h, w)`."""
    picture: Floats
    """`(N, C, h, w)`: the frame itself, with its damage."""

    def for_network(self) -> list[FillCandidates]:
        """One a box, in three channels."""
        three = np.broadcast_to(self.candidates, (*self.candidates.shape[:2], 3, *self.candidates.shape[3:]))
        return [
            FillCandidates(candidates, usable, mask)
            for candidates, usable, mask in zip(
                np.clip(three, 0.0, 1.0), self.usable.astype(np.float32), self.mask.astype(np.float32), strict=True
            )
        ]


class Carried:
    """A frame that is to be filled and its neighbours, motion and brightness found once for all boxes."""

    def __init__(self, centre: Sight, before: Sequence[Sight], after: Sequence[Sight], finder: FlowFinder) -> None:
        """Take a frame and up to two distinct frames on each side of it, nearest first."""
        self._centre = centre
        self._shape = (centre.mask.shape[0], centre.mask.shape[1])
        self._neighbours = [
            (2 * distance + side, other, finder.flow(centre.small, other.small, self._shape))
            for side, sights in enumerate((before, after))
            for distance, other in enumerate(sights[: NEIGHBOURS // 2])
        ]
        self._tones = [tone_cells(centre, other, flow) for _, other, flow in self._neighbours]

    def groups(self, boxes: Sequence[Box]) -> list[Group]:
        """The candidates of boxes of the frame, those of one size together."""
        by_size: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            by_size.setdefault((box[0].stop - box[0].start, box[1].stop - box[1].start), []).append(box)
        groups = []
        for (height, _), alike in sorted(by_size.items()):
            most = max(TALLEST_PX // height, 1)
            groups += [self._group(alike[first : first + most]) for first in range(0, len(alike), most)]
        return groups

    def _group(self, boxes: list[Box]) -> Group:
        across, down = _positions(boxes, self._shape)
        continued = _cut(self._centre.continued, boxes)
        count, channels, height, width = continued.shape
        candidates = np.repeat(continued[:, None], CANDIDATES, axis=1)
        usable = np.zeros((count, NEIGHBOURS, height, width), np.bool_)
        for (place, other, flow), tone in zip(self._neighbours, self._tones, strict=True):
            moved, risen = cv2.split(np.concatenate([flow[box] for box in boxes]))
            x, y = np.asarray(moved + across, np.float32), np.asarray(risen + down, np.float32)
            carried = cv2.remap(other.rows, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            carried = carried.reshape(*x.shape, channels) + _spread(tone, across, down, self._shape)
            candidates[:, place] = carried.reshape(count, height, width, channels).transpose(0, 3, 1, 2)
            dirty = cv2.remap(other.dirty, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            usable[:, place] = (self._shown(x, y) & (dirty < _CLEAN)).reshape(count, height, width)
        candidates[:, NEIGHBOURS] = median_of_usable(candidates[:, :NEIGHBOURS], usable, continued)
        mask = np.stack([self._centre.mask[box] for box in boxes])
        return Group(boxes, candidates, usable, mask, _cut(self._centre.rows, boxes))

    def _shown(self, x: Plane, y: Plane) -> Mask:
        height, width = self._shape
        return np.asarray((x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5), np.bool_)


def tone_cells(centre: Sight, other: Sight, flow: Flow) -> Floats:
    """What brings a neighbour to a frame's brightness: `(h, w, C)`, a value a cell of eight pixels.

    Under damage larger than a cell, what the cells around it say is carried on.
    """
    (one, soiled), (two, spoilt) = centre.tone, other.tone
    height, width = soiled.shape
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    moved = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) * scale
    across, down = positions(height, width)
    x, y = across + moved[..., 0], down + moved[..., 1]
    aligned = cv2.remap(two, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(one.shape)
    dirty = cv2.remap(spoilt, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    clean = ((dirty < _CLEAN) & (soiled < _CLEAN)).astype(np.float32)
    size = (max(flow.shape[1] // 8, 1), max(flow.shape[0] // 8, 1))
    share = cv2.resize(clean, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize((one - aligned) * clean[..., None], size, interpolation=cv2.INTER_AREA)
    means = total.reshape(*share.shape, -1) / np.maximum(share, np.float32(1e-6))[..., None]
    cells = carried_on(np.asarray(means, np.float32), np.asarray(share >= KNOWN_SHARE))
    return np.asarray(cv2.medianBlur(cells, 5), np.float32).reshape(cells.shape)


def carried_on(cells: Floats, known: Mask) -> Floats:
    """Cells `(h, w, C)` with the unknown ones filled from those around them, from as near as there are any."""
    filled = np.ascontiguousarray(np.where(known[..., None], cells, np.float32(0)), np.float32)
    left = ~known
    weight, spread = known.astype(np.float32), 1.0
    values = filled.copy()
    while left.any() and spread < max(known.shape):
        total = cv2.GaussianBlur(values, (0, 0), spread).reshape(values.shape)
        share = cv2.GaussianBlur(weight, (0, 0), spread)
        reached = left & (share > 0.02)
        filled[reached] = total[reached] / share[reached][:, None]
        left &= ~reached
        spread *= 2
    return filled


def _luma(rows: Rows) -> Plane:
    if rows.shape[2] == 1:
        return rows[..., 0]
    return np.asarray(cv2.transform(rows, np.array([REC709], np.float32)), np.float32)


def _positions(boxes: Sequence[Box], shape: tuple[int, int]) -> tuple[Plane, Plane]:
    """Column and row in the frame of every pixel of boxes laid one under another."""
    across, down = positions(*shape)
    return np.concatenate([across[box] for box in boxes]), np.concatenate([down[box] for box in boxes])


def _cut(rows: Rows, boxes: Sequence[Box]) -> Floats:
    """`(N, C, h, w)`: boxes of a picture."""
    return np.ascontiguousarray(np.stack([rows[box] for box in boxes]).transpose(0, 3, 1, 2), np.float32)


def _spread(cells: Floats, across: Plane, down: Plane, shape: tuple[int, int]) -> Floats:
    """What cells of the whole frame say of pixels: their places among the cells as cv2.resize has them."""
    x = (across + np.float32(0.5)) * np.float32(cells.shape[1] / shape[1]) - np.float32(0.5)
    y = (down + np.float32(0.5)) * np.float32(cells.shape[0] / shape[0]) - np.float32(0.5)
    spread = cv2.remap(cells, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(spread, np.float32).reshape(*across.shape, cells.shape[2])
