"""Which boxes of a frame a repair works on: the damage and its surround, few sizes, no more picture than it needs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.damage_map import Mask

Box = tuple[slice, slice]
"""Rows and columns of a frame, both with start and stop."""

SIDES_PX = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Sides boxes are rounded up to, so that many go through a network together. All are multiples of 16, which the
network asks for."""
WHOLE_SHARE = 0.8
"""Boxes that together hold this share of the picture are not worth cutting out."""
_MERGING = 400
"""More boxes than this are not looked at pair by pair."""


def boxes_around(mask: Mask, margin: int) -> list[Box]:
    """Boxes that hold the mask's specks with their surround; specks close together share one."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    height, width = mask.shape
    return [
        (slice(max(y - margin, 0), min(y + h + margin, height)), slice(max(x - margin, 0), min(x + w + margin, width)))
        for x, y, w, h, _ in stats[1:].tolist()
    ]


def batched_boxes(mask: Mask, margin: int, largest: int = SIDES_PX[-1]) -> list[Box]:
    """Boxes like those of `boxes_around`, of few sizes, by which the same picture is worked as seldom as can be.

    A box is rounded up by taking more of the frame, not by padding; boxes that overlap are joined where that makes less
    work. All the frame is one box where they would hold most of it anyway.

    Args:
        mask: the damage.
        margin: clean surround (px) beside it.
        largest: side (px) over which a box is cut into tiles, for pictures that do not fit a network's memory.

    Returns:
        boxes that cover the mask, each inside the frame; nothing for an empty mask.
    """
    height, width = mask.shape
    found = boxes_around(mask, margin)
    if not found:
        return []
    joined = _joined(np.array([[r.start, r.stop, c.start, c.stop] for r, c in found]), (height, width))
    if _area(joined) >= WHOLE_SHARE * height * width:
        joined = np.array([[0, height, 0, width]])
    boxes = [tile for one in joined.tolist() for tile in _tiles(one, (height, width), margin, largest)]
    return [box for box in boxes if mask[box].any()]


def _joined(bounds: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Bounds `(N, 4)` rounded to `SIDES_PX`, overlapping ones joined where that saves pixels."""
    rounded = _rounded(bounds, shape)
    while 1 < len(rounded) <= _MERGING:
        low = np.maximum(rounded[:, None, ::2], rounded[None, :, ::2])
        high = np.minimum(rounded[:, None, 1::2], rounded[None, :, 1::2])
        apart = (high <= low).any(axis=2)
        union = np.stack(
            [
                (np.minimum if place % 2 == 0 else np.maximum)(rounded[:, None, place], rounded[None, :, place])
                for place in range(4)
            ],
            axis=2,
        )
        both = _rounded(union.reshape(-1, 4), shape)
        sizes = _sizes(rounded)
        saved = sizes[:, None] + sizes[None, :] - _sizes(both).reshape(len(sizes), -1)
        saved[apart | np.eye(len(sizes), dtype=bool)] = -1
        one, other = np.unravel_index(int(saved.argmax()), saved.shape)
        if saved[one, other] < 0:
            break
        kept = np.delete(rounded, [one, other], axis=0)
        rounded = np.concatenate((kept, both[None, one * len(sizes) + other]))
    return rounded


def _rounded(bounds: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Each box grown to the next of `SIDES_PX` about its middle, moved into the frame; or the frame's whole side.

    Nearly square ones are made square: a tenth more picture, in half as many sizes.
    """
    known = np.array(SIDES_PX)
    spans = [bounds[:, 2 * axis + 1] - bounds[:, 2 * axis] for axis in (0, 1)]
    lengths = [known[np.minimum(np.searchsorted(known, span), len(known) - 1)] for span in spans]
    longer = np.maximum(*lengths)
    square = 2 * np.minimum(*lengths) > longer
    grown = np.empty_like(bounds)
    for axis, side in enumerate(shape):
        start, stop = bounds[:, 2 * axis], bounds[:, 2 * axis + 1]
        length = np.where(square, longer, lengths[axis])
        length = np.where((length < spans[axis]) | (length > side), side, length)
        begin = np.clip((start + stop - length) // 2, 0, side - length)
        grown[:, 2 * axis], grown[:, 2 * axis + 1] = begin, begin + length
    return grown


def _sizes(bounds: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.asarray((bounds[:, 1] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 2]), np.intp)


def _area(bounds: NDArray[np.intp]) -> int:
    return int(_sizes(bounds).sum())


def _tiles(bounds: list[int], shape: tuple[int, int], margin: int, largest: int) -> list[Box]:
    """A box in pieces no larger than allowed, each with the surround it needs beside its neighbours."""
    rows, columns = (_pieces(bounds[2 * axis], bounds[2 * axis + 1], shape[axis], margin, largest) for axis in (0, 1))
    return [(row, column) for row in rows for column in columns]


def _pieces(start: int, stop: int, side: int, margin: int, largest: int) -> list[slice]:
    if stop - start <= largest:
        return [slice(start, stop)]
    core = largest - 2 * margin
    count = -(-(stop - start) // core)
    cuts = [start + (stop - start) * number // count for number in range(count)]
    begins = [min(max(cut - margin, 0), side - largest) for cut in cuts]
    return [slice(begin, begin + largest) for begin in begins]
