"""Strands: the curved, tapering line that hairs and lint are made of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_OVERSAMPLE = 4


def strand_path(
    rng: np.random.Generator, *, length_px: float, curl: float, heading: float | None = None, bend: float = 0.0
) -> NDArray[np.float64]:
    """A random walk of curvature: the way a springy fibre lies.

    Args:
        rng: random stream.
        length_px: length of the strand.
        curl: how much it turns in all, radians (about 0.5 for a stiff bristle, 6 for a curly hair).
        heading: direction at the root, radians; drawn at random if None.
        bend: extra turn spread evenly along the strand, radians (a gate hair swaying).

    Returns:
        points `(n, 2)` as (x, y), starting at the origin.
    """
    count = max(8, int(length_px / 2))
    # Slow noise only: curvature that changes every step would be a wire crumpled by hand, not a hair.
    knots = rng.normal(0, 1, 6) + rng.choice((-1.0, 1.0)) * 0.8
    curvature = np.interp(np.linspace(0, 5, count), np.arange(6), knots) * curl
    start = rng.uniform(0, 2 * np.pi) if heading is None else heading
    angle = start + np.cumsum(curvature + bend) / count
    step = length_px / count
    points = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1) * step, axis=0)
    return np.vstack([np.zeros((1, 2)), points])


def draw_strand(points: NDArray[np.float64], width_px: float) -> tuple[NDArray[np.float32], int, int]:
    """Paint a strand that tapers to its tips.

    Args:
        points: `(n, 2)` (x, y) in frame pixels.
        width_px: width at the thickest, 0.3 or more.

    Returns:
        opacity `(h, w)` 0–1, and the row and column of its first pixel.
    """
    margin = int(np.ceil(width_px)) + 2
    left, top = (int(np.floor(low)) - margin for low in points.min(axis=0))
    right, bottom = (int(np.ceil(high)) + margin + 1 for high in points.max(axis=0))
    canvas = np.zeros(((bottom - top) * _OVERSAMPLE, (right - left) * _OVERSAMPLE), np.uint8)
    fine = np.rint((points - (left, top)) * _OVERSAMPLE).astype(np.int32)
    count = len(fine) - 1
    for number in range(count):
        place = (number + 0.5) / count
        taper = 0.45 + 0.55 * np.sin(np.pi * (0.12 + 0.83 * place))
        thick = max(1, round(width_px * taper * _OVERSAMPLE))
        cv2.line(canvas, tuple(map(int, fine[number])), tuple(map(int, fine[number + 1])), 255, thick, cv2.LINE_8)
    opacity = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    # The lens of the scanner: a hair is never sharper than the picture it lies on.
    return np.asarray(cv2.GaussianBlur(opacity, (0, 0), 0.45), np.float32), top, left


def strand_patch(rng: np.random.Generator, *, length_px: float, width_px: float, curl: float) -> NDArray[np.float32]:
    """A free strand as an opacity patch `(h, w)`, 0–1."""
    patch, _, _ = draw_strand(strand_path(rng, length_px=length_px, curl=curl), width_px)
    return patch
