"""One frame as the gauges of its condition see it: a small picture for what is slow, whole tiles for what is fine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709, UNKNOWN, PictureFormat, Work
from restoration_tasks.restoration.densities import density
from restoration_tasks.restoration.shares import Rows, shares

Plane = NDArray[np.float32]
"""`(h, w)` float32, shares of the code range."""

WIDEST_PX = 720
"""Wider frames are brought to this width (means of areas): what stains, fades, sways or tears is larger than that."""
TILE_PX = 128
"""Side of the tiles that are kept at full size."""
FINE_SHARE = 6.0 / 720.0
"""What is fine, as a share of the picture's width: grain looks the same in a large scan and in a small one."""
FINEST_SIDE = 5
"""The smallest box that still parts grain from tones, pixels."""
TILES = 3
"""Tiles each way, spread over the frame."""


@dataclass(frozen=True)
class Glance:
    """One frame."""

    index: int
    """Position in the reel."""
    rows: Rows
    """`(h, w, C)` float32 shares of the code range, 0–1, at most `WIDEST_PX` wide; C is 3 (R, G, B) or 1 (grey)."""
    scale: float
    """Pixels of the scan a pixel of `rows` stands for, 1 or more."""
    tiles: NDArray[np.float32]
    """`(K, t, t, C)`: parts of the frame at the scan's own size; K is 1 to 9, t `TILE_PX` or the frame's short side."""
    tile_places: NDArray[np.intp]
    """`(K, 2)`: row and column of each tile's first pixel in the scan."""
    step: float
    """One code value as a share."""
    transfer: str = UNKNOWN
    """The scan's transfer, as `PictureFormat` has it."""

    @classmethod
    def of(cls, index: int, work: Work, picture: PictureFormat) -> Glance:
        """Look at a frame: code values `(C, H, W)` as `PictureFormat.to_work` gives them."""
        full = np.clip(shares(work, picture), 0.0, 1.0)
        height, width = full.shape[:2]
        scale = max(width / WIDEST_PX, 1.0)
        small = full
        if scale > 1.0:
            size = (WIDEST_PX, max(round(height / scale), 1))
            resized = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
            small = np.asarray(resized, np.float32).reshape(size[1], size[0], full.shape[2])
        tiles, places = _tiles(full)
        return cls(
            index,
            np.ascontiguousarray(small, np.float32),
            scale,
            tiles,
            places,
            1.0 / picture.max_code,
            picture.transfer,
        )

    @cached_property
    def luma(self) -> Plane:
        """`(h, w)`: the analysis picture, ITU-R BT.709 weights on code values."""
        if self.rows.shape[2] == 1:
            return self.rows[..., 0]
        return np.asarray(cv2.transform(self.rows, np.array([REC709], np.float32)), np.float32)

    @cached_property
    def luma8(self) -> NDArray[np.uint8]:
        """`luma` as 8-bit code values."""
        return np.asarray(cv2.convertScaleAbs(self.luma, alpha=255.0), np.uint8)

    @cached_property
    def tile_lumas(self) -> NDArray[np.float32]:
        """`(K, t, t)`: luma of the tiles."""
        if self.tiles.shape[3] == 1:
            return self.tiles[..., 0]
        return np.asarray(self.tiles @ np.array(REC709, np.float32), np.float32)

    @property
    def fine_side(self) -> int:
        """Side in pixels of the box whose mean is taken away in `tile_fines`: odd, 7 in a scan 720 wide."""
        return max(2 * round(FINE_SHARE * float(self.rows.shape[1]) * self.scale / 2) + 1, FINEST_SIDE)

    @cached_property
    def tile_fines(self) -> NDArray[np.float32]:
        """`(K, t, t)`: luma of the tiles less its mean in boxes of `fine_side`; grain is in it, tones are not."""
        side = (self.fine_side, self.fine_side)
        return np.stack([luma - cv2.blur(luma, side).reshape(luma.shape) for luma in self.tile_lumas])

    @cached_property
    def densities(self) -> Rows:
        """`(h, w, C)`: density by the scan's transfer, see `restoration.densities`."""
        return density(self.rows, self.transfer)


Glances = Mapping[int, Glance]
"""Offset to frame; 0 is the frame in the middle, only frames of the same shot."""


def _tiles(full: Rows) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    height, width = full.shape[:2]
    side = min(TILE_PX, height, width)

    def starts(length: int) -> list[int]:
        count = max(min(TILES, length // side), 1)
        return [round((length - side) * (2 * place + 1) / (2 * count)) for place in range(count)]

    places = [(y, x) for y in starts(height) for x in starts(width)]
    return np.stack([full[y : y + side, x : x + side] for y, x in places]), np.array(places, np.intp)
