"""How a restored frame's picture compares with the planned one outside the damage map: place, structure, grain, edges.

Where every pixel outside the map is what the plan makes of it there is nothing to measure, and nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat
from restoration_tasks.quality.metrics import ssim
from restoration_tasks.quality.pixels import Luma, Mask

WIDTH_PX: Final = 720
"""Structure is compared at most so wide: it is about what people make out, not about grain."""
GRAIN_PX: Final = 1.0
"""Standard deviation of the blur whose remainder is taken for grain."""
PLACE_PX: Final = 1.5
"""Standard deviation of the blur before a shift is looked for: grain must not tell where a picture lies."""
EDGE_PERCENTILE: Final = 99.0
"""Edges are the steepest hundredth of the picture."""
LEAST: Final = 5e-4
"""What is added to both sides of a ratio: half a code of 10 bit, under which there is neither grain nor edge."""


@dataclass(frozen=True, slots=True)
class Texture:
    """One restored frame beside the planned one; the defaults are those of an equal picture."""

    place_off_px: float = 0.0
    """How far the picture lies from where the plan puts it, pixels of the scan."""
    structure: float = 1.0
    """Structural similarity of luma, 1 where equal; a change of brightness or contrast of the whole frame is none."""
    grain_ratio: float = 1.0
    """Strength of what is finer than a pixel and a half, over that of the planned frame."""
    sharpness_ratio: float = 1.0
    """Steepness of the steepest edges, over that of the planned frame."""
    colour_drift: float = 0.0
    """How far the mean of a channel went another way than the others', or that of chroma; share of the code range."""


SAME: Final = Texture()


def compared(planned: Luma, restored: Luma, mask: Mask, drift: float) -> Texture:
    """Hold a restored frame against the planned one.

    Args:
        planned: `(H, W)` luma as the plan makes it of the scan, share of the code range.
        restored: `(H, W)` luma of the restored frame.
        mask: `(H, W)`: where local repairs may write; it is left out.
        drift: see `colour_drift`.
    """
    outside = ~mask
    if not outside.any():
        return SAME
    # What was repaired must not count: there the planned frame stands in.
    seen = np.where(mask, planned, restored)
    even = matched(seen, planned, outside)
    return Texture(
        place_off_px=shift_px(planned, even),
        structure=_structure(planned, even),
        grain_ratio=_ratio(grain_of(seen, outside), grain_of(planned, outside)),
        sharpness_ratio=_ratio(_edges(even, outside), _edges(planned, outside)),
        colour_drift=drift,
    )


def colour_drift(planned: Frame, restored: Frame, picture: PictureFormat) -> float:
    """How far a channel's mean went another way than the others', share of the code range; 0 for grey film."""
    moved = [
        (float(after.mean(dtype=np.float64)) - float(before.mean(dtype=np.float64))) / picture.max_code
        for before, after in zip(planned[:3], restored[:3], strict=True)
    ]
    if picture.layout.model is ColourModel.GREY:
        return 0.0
    if picture.layout.model is ColourModel.RGB:
        middle = sum(moved) / len(moved)
        return max(abs(one - middle) for one in moved)
    return max(abs(one) for one in moved[1:])


def grain_of(plane: Luma, where: Mask) -> float:
    """Median of what a slight blur takes away: grain, as edges are under half of a picture."""
    fine = np.abs(plane - cv2.GaussianBlur(plane, (0, 0), GRAIN_PX))
    return float(np.median(fine[where]))


def _edges(plane: Luma, where: Mask) -> float:
    # Grain has steep edges too: it is taken out first.
    smooth = cv2.GaussianBlur(plane, (0, 0), 0.7)
    steep = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) / 8
    return float(np.percentile(steep[where], EDGE_PERCENTILE))


def _ratio(after: float, before: float) -> float:
    return (after + LEAST) / (before + LEAST)


def matched(plane: Luma, planned: Luma, where: Mask) -> Luma:
    """The plane with the planned one's mean and contrast outside the mask."""
    mean, wanted = float(plane[where].mean()), float(planned[where].mean())
    contrast, asked = float(plane[where].std()), float(planned[where].std())
    factor = asked / contrast if contrast > LEAST and asked > LEAST else 1.0
    return np.asarray((plane - mean) * factor + wanted, np.float32)


def shift_px(planned: Luma, seen: Luma) -> float:
    """By how much the one is moved against the other, pixels: the one move of the whole frame that explains most.

    Source: Lucas and Kanade, "An iterative image registration technique", IJCAI 1981, one step for the whole frame.
    """
    one, other = (cv2.GaussianBlur(plane, (0, 0), PLACE_PX) for plane in (planned, seen))
    both = (one + other) / 2
    across, down = cv2.Sobel(both, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(both, cv2.CV_32F, 0, 1) / 8
    apart = one - other
    matrix = np.array(
        [[np.vdot(across, across), np.vdot(across, down)], [np.vdot(across, down), np.vdot(down, down)]], np.float64
    )
    # A picture with edges in one direction only (or none) tells no more than that.
    matrix += np.eye(2) * LEAST * LEAST * one.size
    return float(np.hypot(*np.linalg.solve(matrix, np.array([np.vdot(across, apart), np.vdot(down, apart)]))))


def _structure(planned: Luma, seen: Luma) -> float:
    height, width = planned.shape
    if width > WIDTH_PX:
        size = (WIDTH_PX, max(11, round(height * WIDTH_PX / width)))
        planned = np.asarray(cv2.resize(planned, size, interpolation=cv2.INTER_AREA), np.float32)
        seen = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), np.float32)
    if min(planned.shape) < 11:
        return 1.0
    return ssim(planned, seen, 1.0)
