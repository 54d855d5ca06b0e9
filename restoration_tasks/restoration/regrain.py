"""Give a whole new frame the grain that the frames beside it have: made of two, it is quieter than either.

Seeded noise, as strong by brightness as what is lacking and as coarse as the grain of the frames beside it: grain
differs from frame to frame, so none of theirs is repeated. After Norkin & Birkbeck, "Film Grain Synthesis for AV1 Video
Codec", DCC 2018 (strength by brightness, one pattern).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.grain import (
    BANDS,
    BLURS,
    CALMEST,
    CELL_PX,
    FAINTEST,
    FEWEST_CELLS,
    FINE_PX,
    UNEVEN,
    calm_cells,
    fine_deviation,
    hangs_together,
)
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]

CALM = 0.03
"""Share of the cells of a band that are at least as calm as what counts: in scenes full of texture a fifth of them (as
many as fills ask, which are held by their neighbours too) shows twice the grain there is."""
COARSE = (*BLURS, 1.4, 1.8, 2.3)
"""Standard deviations that make white noise as coarse as grain may be."""


def regrained(rows: Rows, beside: Sequence[Rows], *, seed: int, amount: float = 1.0) -> Rows:
    """A frame with the grain it lacks.

    Args:
        rows: the frame, `(H, W, C)`, shares of the code range.
        beside: frames of the same shot and shape, which have grain.
        seed: decides the pattern, such as the frame's position in the reel.
        amount: how much of what lacks is given, 0–1.

    Returns:
        `(H, W, C)` float32, not clipped; the very frame where the others have no grain.
    """
    together = _together(beside)
    coarse = round(float(np.interp(together, [hangs_together(blur) for blur in COARSE], COARSE)), 2)
    middles, wanted = _levels(beside, coarse)
    _, has = _levels([rows], coarse, middles)
    lacking = np.sqrt(np.maximum(wanted - has, 0.0)) * np.float32(amount)
    if not lacking.any():
        return rows
    brightness = rows.mean(axis=2)
    strength = np.stack([np.interp(brightness, middles, channel) for channel in lacking.T], axis=2)
    white = np.random.default_rng(seed).standard_normal(rows.shape).astype(np.float32)
    noise = cv2.GaussianBlur(white, (0, 0), coarse).reshape(rows.shape) / np.float32(fine_deviation(coarse))
    return np.asarray(rows + noise * strength, np.float32)


def _levels(frames: Sequence[Rows], coarse: float, middles: Floats | None = None) -> tuple[Floats, Floats]:
    """Brightness in the middle of each band `(B,)`, and the variance of grain there `(B, C)`, mean of the frames."""
    none = np.zeros(frames[0].shape[:2], np.bool_)
    measured = [calm_cells(rows, none) for rows in frames]
    if middles is None:
        brightness = np.concatenate([one[0] for one in measured])
        bands = BANDS if len(measured[0][0]) >= BANDS * FEWEST_CELLS else 1
        middles = np.asarray(np.quantile(brightness, (np.arange(bands) + 0.5) / bands), np.float32)
    edges = (middles[1:] + middles[:-1]) / 2
    levels = np.zeros((len(frames), len(middles), frames[0].shape[2]), np.float32)
    for level, (brightness, power) in zip(levels, measured, strict=True):
        band = np.searchsorted(edges, brightness)
        for number in range(len(middles)):
            cells = power[band == number]
            # a band that only one of the frames has takes what the whole frame shows
            level[number] = np.quantile(cells if len(cells) else power, CALM, axis=0) / calm_share(coarse)
    variance = np.maximum(levels.mean(axis=0) - np.float32(FAINTEST), 0.0)
    return middles, np.minimum(variance, UNEVEN * variance.min(axis=0))


def _together(frames: Sequence[Rows]) -> float:
    """How grain hangs together from column to column, −1 to 1, where the frames are calmest."""
    found = []
    for rows in frames:
        grey = rows.mean(axis=2)
        fine = grey - cv2.GaussianBlur(grey, (0, 0), FINE_PX)
        power = cv2.blur(fine * fine, (9, 9))
        calm = power <= np.quantile(power, CALMEST)
        pairs = calm[:, 1:] & calm[:, :-1]
        one, other = fine[:, 1:][pairs], fine[:, :-1][pairs]
        spread = float(np.sqrt(np.mean(np.square(one)) * np.mean(np.square(other)))) if len(one) else 0.0
        found.append(float(np.mean(one * other)) / spread if spread > 0 else 0.0)
    return float(np.mean(found))


@cache
def calm_share(coarse: float) -> float:
    """What the `CALM` quantile of variances in cells is of the true variance, for noise so coarse and nothing else."""
    white = np.random.default_rng(0).standard_normal((768, 768)).astype(np.float32)
    grain = cv2.GaussianBlur(white, (0, 0), coarse)
    fine = grain - cv2.GaussianBlur(grain, (0, 0), FINE_PX)
    power = cv2.resize(fine * fine, (768 // CELL_PX,) * 2, interpolation=cv2.INTER_AREA)
    return float(np.quantile(power, CALM) / power.mean())
