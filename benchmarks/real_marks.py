"""A mark drawn by hand on a frame of real film, and the pixels it stands for."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from restoration_tasks.runtime.errors import StepFailed

Point = tuple[float, float]

EDGE_SHARE = 0.35
"""A pixel belongs to a speck from this share of its contrast on: where the eye sees its soft edge end."""
LEAST_CONTRAST = 3.0
"""Code values of 8 bit: compression and grain of these transfers stay below it on even ground."""
SMALLEST_PART_PX = 4
"""Smaller pieces of a line are noise at its edge."""
GAP_PX = 6
"""A line that fades out for so long is one line."""
MEMBRANE_ROUNDS = 300
"""Jacobi rounds. The widest snapped region is 16 px across and has settled well before."""
LOCAL_PX = 9
"""Window in which a line's contrast is judged, for it fades along its length."""


class Kind(StrEnum):
    """What a mark is."""

    DIRT = "dirt"
    HAIR = "hair"
    SCRATCH = "scratch"
    IGNORE = "ignore"


DAMAGES = (Kind.DIRT, Kind.HAIR, Kind.SCRATCH)
CLEAN = 0
IGNORE = 255
VALUES = {Kind.DIRT: 1, Kind.HAIR: 2, Kind.SCRATCH: 3, Kind.IGNORE: IGNORE}
"""What a mask's pixels say. Everything else is clean."""


class Side(StrEnum):
    """Whether a damage is lighter or darker than what it lies on."""

    LIGHT = "light"
    DARK = "dark"


class Mark(BaseModel):
    """One damage or one undecidable place, drawn as exactly one shape.

    Coordinates are x, y in pixels of the frame, measured from its upper left corner: the centre of the first pixel
    is at (0.5, 0.5).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    snap: Side | None = None
    """Only the pixels inside the shape count that stand out to this side; None: the whole shape counts."""
    ellipse: tuple[float, float, float, float] | None = None
    """Centre x, y and radii x, y."""
    polygon: tuple[Point, ...] | None = None
    polyline: tuple[Point, ...] | None = None
    width: float | None = None
    """Of the polyline."""

    @model_validator(mode="after")
    def _one_shape(self) -> Mark:
        if sum(shape is not None for shape in (self.ellipse, self.polygon, self.polyline)) != 1:
            raise ValueError("a mark has exactly one of ellipse, polygon and polyline")
        if (self.polyline is None) != (self.width is None):
            raise ValueError("a polyline needs a width, other shapes have none")
        if self.polygon is not None and len(self.polygon) < 3:
            raise ValueError("a polygon needs three points or more")
        if self.polyline is not None and len(self.polyline) < 2:
            raise ValueError("a polyline needs two points or more")
        if self.kind is Kind.IGNORE and self.snap is not None:
            raise ValueError("an ignored place is never snapped")
        return self


def drawn(mark: Mark, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels whose centres lie inside the shape as drawn: bool (height, width)."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    if mark.ellipse is not None:
        centre_x, centre_y, radius_x, radius_y = mark.ellipse
        return np.asarray(((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2 <= 1)
    if mark.polygon is not None:
        return _inside(mark.polygon, x, y)
    assert mark.polyline is not None
    assert mark.width is not None
    nearest = np.full((height, width), np.inf)
    for start, stop in zip(mark.polyline[:-1], mark.polyline[1:], strict=True):
        nearest = np.minimum(nearest, _distance(start, stop, x, y))
    return nearest <= mark.width / 2


def _inside(corners: tuple[Point, ...], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Even-odd rule: an odd number of edges lies to the right of an inner point."""
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 != y1:
            crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
            inside ^= ((y0 > y) != (y1 > y)) & (x < crossing)
    return inside


def _distance(start: Point, stop: Point, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in pixels of every pixel centre from a line between two points."""
    along_x, along_y = stop[0] - start[0], stop[1] - start[1]
    length = along_x**2 + along_y**2
    place = ((x - start[0]) * along_x + (y - start[1]) * along_y) / length if length else np.zeros_like(x)
    place = np.clip(place, 0, 1)
    return np.hypot(x - start[0] - place * along_x, y - start[1] - place * along_y)


def membrane(frame: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The frame (H, W) with `region` covered by a membrane stretched from the pixels around it (Laplace's equation).

    At the frame's border the membrane ends level.
    """
    height, width = frame.shape
    ground = frame.astype(np.float64)
    rows, columns = np.nonzero(region)
    ground[region] = np.median(frame[~region])
    beside = (
        (np.maximum(rows - 1, 0), columns),
        (np.minimum(rows + 1, height - 1), columns),
        (rows, np.maximum(columns - 1, 0)),
        (rows, np.minimum(columns + 1, width - 1)),
    )
    for _ in range(MEMBRANE_ROUNDS):
        ground[rows, columns] = sum(ground[place] for place in beside) / len(beside)
    return ground


def snapped(mark: Mark, frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels of a mark on its frame: bool (H, W), never outside the shape as drawn.

    Inside the shape the ground is a membrane stretched from the pixels around it. A pixel counts from `EDGE_SHARE` of
    the contrast on that the speck reaches (a line: reaches nearby). Of a speck the strongest connected part counts;
    of a line all parts, bridged over short gaps, but for crumbs.

    Args:
        mark: the mark.
        frame: uint8 (H, W), the frame it was drawn on.

    Raises:
        StepFailed: nothing stands out inside the shape.
    """
    import cv2

    region = drawn(mark, *frame.shape)
    if mark.snap is None:
        return region
    margin = 3
    rows, columns = np.nonzero(region)
    window = (
        slice(max(0, rows.min() - margin), rows.max() + margin + 1),
        slice(max(0, columns.min() - margin), columns.max() + margin + 1),
    )
    part, part_region = frame[window], region[window]
    contrast = part.astype(np.float64) - membrane(part, part_region)
    contrast = np.where(part_region, contrast if mark.snap is Side.LIGHT else -contrast, 0.0)
    reached: NDArray[np.float64] | float = contrast.max()
    if mark.polyline is not None:
        reached = np.asarray(cv2.dilate(contrast, np.ones((LOCAL_PX, LOCAL_PX), np.uint8)), np.float64)
    stands_out = part_region & (contrast >= np.maximum(LEAST_CONTRAST, EDGE_SHARE * reached))
    if mark.polyline is not None:
        bridge = np.ones((GAP_PX + 1, GAP_PX + 1), np.uint8)
        stands_out = part_region & (cv2.morphologyEx(stands_out.astype(np.uint8), cv2.MORPH_CLOSE, bridge) > 0)
    count, parts = cv2.connectedComponents(stands_out.astype(np.uint8), connectivity=8)
    strength = np.bincount(parts.ravel(), np.where(stands_out, contrast, 0).ravel(), count)
    pixels = np.bincount(parts.ravel(), minlength=count)
    pixels[0] = 0
    keep = pixels >= SMALLEST_PART_PX if mark.polyline is not None else np.arange(count) == strength.argmax()
    keep[0] = False
    if not keep.any():
        raise StepFailed(
            "nothing stands out where a label was drawn",
            found=mark.model_dump(exclude_none=True, mode="json"),
            expected=f"a {mark.snap} damage of at least {LEAST_CONTRAST:g} code values",
            action="Look at the frame again and correct the label.",
        )
    result = np.zeros(frame.shape, bool)
    result[window] = keep[parts]
    return result
