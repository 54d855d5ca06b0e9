"""Strokes: spots longer than wide, and whether they lie all one way. Rain does; dirt and hairs lie anyhow."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

WIDTH_PX: Final = 720.0
"""Width of picture that lengths are given for."""
LARGEST_PX: Final = 400
"""Largest area of a spot; what is larger is no sparkle and no drop."""
SMALLEST_PX: Final = 6
"""Smallest area that has a direction."""
LONG: Final = 3.0
"""How much longer than wide a spot must be to be a stroke."""
PIXEL_SPREAD: Final = 1 / 12
"""Variance of places inside one pixel, px²."""

Directions = npt.NDArray[np.complex128]
"""`(N,)`: of each stroke the unit vector of twice the angle in which it lies (axial data: Fisher, Statistical Analysis
of Circular Data, 1993). Their sum is as long as their number where all lie one way, short where they lie anyhow."""


def directions(hit: npt.NDArray[np.bool_], smallest_px: int = SMALLEST_PX) -> Directions:
    """In which way the strokes of a picture lie, by the moments of their pixels.

    Args:
        hit: `(H, W)`: the spots; those that are no strokes are left out.
        smallest_px: the smallest area that is told.
    """
    count, labels = cv2.connectedComponents(np.asarray(hit, np.uint8), connectivity=8)
    places = np.flatnonzero(labels)
    of = np.asarray(labels.ravel()[places], np.intp)
    area = np.bincount(of, minlength=count)
    lie = lying(places, of, np.ones(len(places)), (count, hit.shape[1]))
    most = LARGEST_PX * hit.shape[1] / WIDTH_PX  # in a smaller picture strokes are shorter, but no thinner than a pixel
    told: Directions = lie[(area >= smallest_px) & (area <= most) & (lie != 0)]
    return told


def lying(
    places: npt.NDArray[np.integer[Any]],
    of: npt.NDArray[np.integer[Any]],
    weight: npt.NDArray[np.floating[Any]],
    sizes: tuple[int, int],
    long: float = LONG,
) -> Directions:
    """In which way each of several spots lies, `(n,)`: 0 for those that are not long enough.

    Args:
        places: `(k,)` their pixels, in a picture row by row.
        of: `(k,)` whose pixel it is.
        weight: `(k,)` how much it counts.
        sizes: how many spots there are, and how wide the picture is, px.
        long: how much longer than wide a spot must be.
    """
    count, width = sizes
    down, across = np.divmod(places, width)
    total = np.maximum(np.bincount(of, weight, count), 1e-9)

    def mean(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(of, values * weight, count) / total, np.float64)

    right, below = across - mean(across)[of], down - mean(down)[of]
    aside, along = mean(right * right) - mean(below * below), 2 * mean(right * below)
    spread, strength = mean(right * right + below * below), np.hypot(aside, along)
    narrow = (spread - strength) / 2 + PIXEL_SPREAD
    is_long = ((spread + strength) / 2 >= long**2 * narrow) & (np.bincount(of, minlength=count) > 0)
    is_long[0] = False  # what lies beside them all
    return np.where(is_long, (aside + 1j * along) / np.maximum(strength, 1e-9), 0j)
