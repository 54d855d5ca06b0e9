"""Brightness relations between frames: what flicker changes, measured robustly and applied exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

TUKEY = 4.685
"""Tukey's biweight constant: 95 % efficiency on normal errors (Holland & Welsch 1977)."""
MIDDLE = (0.06, 0.75)
"""Share of the code range in which samples are best believed: measured on a flickering night street, where lights
clip, keeping to it halves the error of a relation."""
UNCLIPPED = (0.02, 0.97)
"""Share of the code range outside which a sample may be clipped; used where the middle holds too little of the
picture."""
ENOUGH = 0.2
"""Share of the picture that the middle must hold."""
STEADY_SPREAD = 0.02
"""Prior spread (share of the code range) that keeps the gain of a nearly flat picture at 1."""


@dataclass(frozen=True)
class ToneMap:
    """`y = gain · x + offset`, on code values as shares of the code range (0 … 1)."""

    gain: float = 1.0
    """Neutral: 1."""
    offset: float = 0.0
    """Share of the code range; neutral: 0."""

    def apply(self, values: Floats) -> Floats:
        """The mapped values, not clipped."""
        return values * np.float32(self.gain) + np.float32(self.offset)


def match_tone(source: Floats, target: Floats, valid: npt.NDArray[np.bool_] | None = None) -> ToneMap:
    """The map that brings `source` to the brightness of `target`.

    The difference is regressed on the *mean* of the two pictures (so that noise in either does not pull the gain
    towards 1), by iteratively reweighted least squares with Tukey's biweight, so that dirt, blinking lights and what
    motion compensation missed have no say.

    Args:
        source: `(H, W)` float32, share of the code range, aligned with `target` as well as can be.
        target: `(H, W)` float32.
        valid: `(H, W)`, samples that may be used.
    """
    level = (source + target).ravel() * 0.5
    difference = (target - source).ravel()
    shown = np.ones(level.shape, np.bool_) if valid is None else valid.ravel()
    usable = shown & (level > MIDDLE[0]) & (level < MIDDLE[1])
    if np.count_nonzero(usable) < ENOUGH * level.size:
        usable = shown & (level > UNCLIPPED[0]) & (level < UNCLIPPED[1])
    if np.count_nonzero(usable) < 16:
        return ToneMap()
    level, difference = level[usable].astype(np.float64), difference[usable].astype(np.float64)
    slope, intercept = 0.0, float(np.median(difference))
    for _ in range(6):
        residual = difference - (intercept + slope * level)
        scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-4)
        weight = np.square(np.clip(1.0 - np.square(residual / (TUKEY * scale)), 0.0, None))
        total = float(weight.sum())
        if total < 8.0:
            break
        # Sums of products, not dot products: BLAS would start threads for these short vectors and wait for them.
        mean_level = float(np.sum(weight * level)) / total
        mean_difference = float(np.sum(weight * difference)) / total
        centred = level - mean_level
        spread = float(np.sum(weight * np.square(centred))) / total
        covariance = float(np.sum(weight * centred * (difference - mean_difference))) / total
        slope = covariance / (spread + STEADY_SPREAD**2)
        intercept = mean_difference - slope * mean_level
    half = 0.5 * slope
    return ToneMap((1.0 + half) / (1.0 - half), intercept / (1.0 - half))
