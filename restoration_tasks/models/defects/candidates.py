"""What a fill may be made of: four neighbours carried onto the frame, their median, and the surround continued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.features import EACH_WAY
from restoration_tasks.models.defects.motion import (
    Flow,
    FlowFinder,
    Mask,
    Picture,
    Places,
    Plane,
    Rows,
    Small,
    luma,
    slow_cells,
    small,
    to_rows,
)

TELEA_PX = 4
"""Radius of the spatial fill (Telea, "An image inpainting technique based on the fast marching method", 2004)."""
NEIGHBOURS = 2 * EACH_WAY
"""Neighbours a fill may come from."""
CANDIDATES = NEIGHBOURS + 2
"""The neighbours, the median of those that are usable, and the spatial fill."""
Box = tuple[slice, slice]
"""Rows and columns of a frame, both with start and stop."""
_FINEST = 65535.0
_SURROUND_PX = 24
"""How much of the picture around a box the spatial fill may see."""


@dataclass(frozen=True)
class Sheet:
    """A frame with its damage; made once, and used for every frame it is a neighbour of."""

    picture: Picture
    """`(C, H, W)`, 0–1."""
    mask: Mask
    """Its damage, `(H, W)`: nothing is taken from there."""

    @cached_property
    def rows(self) -> Rows:
        """As OpenCV holds it."""
        return to_rows(self.picture)

    @cached_property
    def papered(self) -> Plane:
        """Its luma with the damage papered over, so that it neither draws nor repels the motion."""
        plane = luma(self.rows)
        return plane if not self.mask.any() else paper_over(plane[..., None], self.mask)[..., 0]

    @cached_property
    def small(self) -> Small:
        """What motion is found on."""
        return small(self.papered)

    @cached_property
    def dirty(self) -> Plane:
        """Its mask as numbers."""
        return self.mask.astype(np.float32)


@dataclass(frozen=True)
class FillCandidates:
    """What the fusion network chooses from, for a box of a frame."""

    candidates: NDArray[np.float32]
    """`(6, 3, h, w)`, 0–1: nearest before, nearest after, second before, second after, the median of those that are
    usable, and the spatial fill. Where there is nothing else, a copy of the spatial fill."""
    usable: NDArray[np.float32]
    """`(4, h, w)`, 0 or 1: the neighbour shows the pixel and is clean there."""
    mask: NDArray[np.float32]
    """`(h, w)`, 0 or 1: what is to be filled."""


class Surroundings:
    """A frame that is to be filled, and its neighbours of the same shot, motion found once for all its boxes."""

    def __init__(self, centre: Sheet, before: Sequence[Sheet], after: Sequence[Sheet], finder: FlowFinder) -> None:
        """Take a frame and up to two distinct frames on each side of it, nearest first; more are passed over.

        Args:
            centre: the frame.
            before: frames before it.
            after: frames after it.
            finder: finds motion.
        """
        self._centre = centre
        self._shape = (centre.mask.shape[0], centre.mask.shape[1])
        self._neighbours = [
            (2 * distance + side, other, finder.flow(centre.small, other.small, self._shape))
            for side, sheets in enumerate((before, after))
            for distance, other in enumerate(sheets[:EACH_WAY])
        ]

    def whole(self) -> FillCandidates:
        """The candidates of the whole frame."""
        return self.box((slice(0, self._shape[0]), slice(0, self._shape[1])))

    def box(self, box: Box) -> FillCandidates:
        """The candidates of a box of the frame; rows and columns must lie inside the frame."""
        spatial, mask = self._continued(box), self._centre.mask[box]
        candidates = np.repeat(spatial[None], CANDIDATES, axis=0)
        usable = np.zeros((NEIGHBOURS, *mask.shape), np.float32)
        for (place, other, flow), tone in zip(self._neighbours, self._tones, strict=True):
            places = Places.of(flow, box)
            carried = places.sample(other.rows, cv2.INTER_CUBIC)
            candidates[place] = (carried + _spread(tone, box, self._shape)).transpose(2, 0, 1)
            usable[place] = places.shown(self._shape) & (places.sample(other.dirty) < 0.01)
        candidates[NEIGHBOURS] = median_of_usable(candidates[:NEIGHBOURS], usable, candidates[NEIGHBOURS])
        return FillCandidates(np.ascontiguousarray(candidates, np.float32), usable, mask.astype(np.float32))

    @cached_property
    def _tones(self) -> list[NDArray[np.float32]]:
        """What brings each neighbour to the frame's brightness, a value a cell of the frame and channel."""
        return [self._tone(other, flow) for _, other, flow in self._neighbours]

    def _tone(self, other: Sheet, flow: Flow) -> NDArray[np.float32]:
        # Where either is damaged the difference is that of the damage: it is left out of the cells' means.
        places = Places.of(flow)
        clean = ((places.sample(other.dirty) < 0.01) & ~self._centre.mask).astype(np.float32)
        difference = (self._centre.rows - places.sample(other.rows)) * clean[..., None]
        share = np.maximum(slow_cells(clean), np.float32(0.1))
        return np.asarray(slow_cells(difference) / share[..., None], np.float32)

    def _continued(self, box: Box) -> NDArray[np.float32]:
        """The surround continued into the mask: `(3, h, w)`."""
        rows, columns = box
        height, width = self._shape
        top, left = max(rows.start - _SURROUND_PX, 0), max(columns.start - _SURROUND_PX, 0)
        wide = (slice(top, min(rows.stop + _SURROUND_PX, height)), slice(left, min(columns.stop + _SURROUND_PX, width)))
        filled = paper_over(self._centre.rows[wide], self._centre.mask[wide])
        inner = filled[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        return np.ascontiguousarray(inner.transpose(2, 0, 1), np.float32)


def _spread(cells: NDArray[np.float32], box: Box, shape: tuple[int, int]) -> Rows:
    """A box of what `cells` say of the whole frame: `(h, w, 3)`."""
    rows, columns = box
    # Places of the box's pixels among the cells, as cv2.resize has them.
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * (cells.shape[1] / shape[1]) - 0.5
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * (cells.shape[0] / shape[0]) - 0.5
    across, down = np.meshgrid(x, y)
    return np.asarray(cv2.remap(cells, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def median_of_usable(
    carried: NDArray[np.float32], usable: NDArray[Any], otherwise: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The median of the neighbours that show a pixel clean; of an even number the mean of the middle two.

    Args:
        carried: `(…, 4, C, h, w)`.
        usable: `(…, 4, h, w)`, false or 0 where a neighbour does not show a pixel clean.
        otherwise: `(…, C, h, w)`, for pixels no neighbour shows.
    """
    shown = usable > 0
    values = [
        np.where(shown[..., place, None, :, :], carried[..., place, :, :, :], np.float32(np.inf))
        for place in range(NEIGHBOURS)
    ]
    for low, high in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):  # the shortest network that sorts four
        values[low], values[high] = np.minimum(values[low], values[high]), np.maximum(values[low], values[high])
    count = shown.sum(axis=-3)[..., None, :, :]
    lower = np.where(count <= 2, values[0], values[1])
    upper = np.where(count <= 1, values[0], np.where(count <= 3, values[1], values[2]))
    known = np.broadcast_to(count > 0, lower.shape)
    middle = (np.where(known, lower, np.float32(0)) + np.where(known, upper, np.float32(0))) * np.float32(0.5)
    return np.asarray(np.where(known, middle, otherwise), np.float32)


def paper_over(rows: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    """A picture `(H, W, C)` with its damage filled from the surround; unchanged outside the mask."""
    if not mask.any() or mask.all():
        return rows
    hole = mask.astype(np.uint8)
    filled = rows.copy()
    for channel in range(rows.shape[2]):
        # cv2.inpaint leaves the range on float pictures (OpenCV 5.0); 16 bits are finer than any scan.
        codes = np.rint(np.clip(rows[..., channel], 0.0, 1.0) * _FINEST).astype(np.uint16)
        smooth = cv2.inpaint(codes, hole, TELEA_PX, cv2.INPAINT_TELEA).astype(np.float32) / np.float32(_FINEST)
        filled[..., channel][mask] = smooth[mask]
    return filled
