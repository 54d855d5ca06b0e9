"""What a fill may be made of: four neighbours carried onto the frame, and the frame continued from the surround."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.features import EACH_WAY
from restoration_tasks.models.defects.motion import (
    FlowFinder,
    Mask,
    Picture,
    Rows,
    carry,
    luma,
    slow_difference,
    to_rows,
)

TELEA_PX = 4
"""Radius of the spatial fill (Telea, "An image inpainting technique based on the fast marching method", 2004)."""
_FINEST = 65535.0


@dataclass(frozen=True)
class Around:
    """The neighbours of a frame, each with its own damage: nothing is taken from there."""

    before: Sequence[tuple[Picture, Mask]]
    """Up to two distinct frames of the same shot before it, nearest first."""
    after: Sequence[tuple[Picture, Mask]]
    """Up to two after it, nearest first."""


@dataclass(frozen=True)
class FillCandidates:
    """What the fusion network chooses from."""

    candidates: NDArray[np.float32]
    """`(5, 3, H, W)`, 0–1: nearest before, nearest after, second before, second after, and the spatial fill. A
    neighbour that is not there is a copy of the spatial fill."""
    usable: NDArray[np.float32]
    """`(4, H, W)`, 0 or 1: the neighbour shows the pixel and is clean there."""


def fill_candidates(centre: Picture, mask: Mask, around: Around, finder: FlowFinder) -> FillCandidates:
    """Carry the neighbours onto a frame that is to be filled.

    Motion is found on copies whose damage is papered over, so that it neither draws nor repels the flow; brightness is
    matched where both are clean.

    Args:
        centre: the frame, `(C, H, W)`, 0–1.
        mask: its damage, `(H, W)`.
        around: its neighbours.
        finder: finds motion.
    """
    papered = paper_over(to_rows(centre), mask)
    plane = luma(papered)
    spatial = papered.transpose(2, 0, 1)
    candidates = np.repeat(spatial[None], 2 * EACH_WAY + 1, axis=0)
    usable = np.zeros((2 * EACH_WAY, *mask.shape), np.float32)
    for side, neighbours in enumerate((around.before, around.after)):
        for distance, (picture, own) in enumerate(neighbours[:EACH_WAY]):
            place = 2 * distance + side
            rows = paper_over(to_rows(picture), own)
            flow = finder.flow(plane, luma(rows))
            carried = carry(rows, flow, cv2.INTER_CUBIC)
            dirty = carry(own.astype(np.float32), flow).rows > 0.01
            candidates[place] = (carried.rows + slow_difference(papered - carried.rows)).transpose(2, 0, 1)
            usable[place] = carried.shown & ~dirty
    return FillCandidates(np.ascontiguousarray(candidates, np.float32), usable)


def paper_over(rows: Rows, mask: Mask) -> Rows:
    """A picture with its damage filled from the surround; unchanged outside the mask."""
    if not mask.any():
        return rows
    hole = mask.astype(np.uint8)
    filled = rows.copy()
    for channel in range(rows.shape[2]):
        # cv2.inpaint leaves the range on float pictures (OpenCV 5.0); 16 bits are finer than any scan.
        codes = np.rint(np.clip(rows[..., channel], 0.0, 1.0) * _FINEST).astype(np.uint16)
        smooth = cv2.inpaint(codes, hole, TELEA_PX, cv2.INPAINT_TELEA).astype(np.float32) / np.float32(_FINEST)
        filled[..., channel][mask] = smooth[mask]
    return filled
