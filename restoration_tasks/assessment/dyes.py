"""How much density the dyes of a frame still hold, told by its colours against those that pictures usually have.

A fade that leaves each dye a share of its density multiplies the densities of a channel: D' = kept · D + base. Against
the lightest density of each channel, every pixel's log ratios ln(D_red / D_green) and ln(D_blue / D_green) then move by
the same amounts, ln(kept_cyan / kept_magenta) and ln(kept_yellow / kept_magenta), whatever was photographed; so do the
ratios of density *differences* across edges, which base and lamp do not touch at all. In a picture that has not faded
both heaps lie about (0, 0), where neutral things do, with wide skirts of warm, green and blue things. Where the heaps
lie is found by sliding the usual heap over them. The form is that of convolutional colour constancy (J. Barron,
"Convolutional Color Constancy", ICCV 2015), in ratios of densities instead of exposures.

One picture cannot tell how much *all* dyes have lost together: a shot of mist looks the same. Only the shares against
magenta, the steadiest dye in the dark (J. Reilly, "Storage Guide for Color Photographic Materials", 1998), are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Heap = NDArray[np.float32]
"""`(BINS, BINS)` shares of weight by log ratio: first axis red against green, second blue against green."""

BIN = 0.05
"""Width of a bin, in natural logarithms: 5 %, what the answer should be good for."""
REACH = 2.0
"""Log ratios beyond this on either side are not counted."""
BINS = round(2 * REACH / BIN)
MOST_RED, MOST_BLUE = 48, 40
"""Fades looked for, in bins: down to 9 % of cyan and 14 % of yellow."""
Component = tuple[float, float, float, float, float, float]
USUAL_PIXELS: tuple[Component, ...] = (
    (0.338, -0.032, 0.053, 0.135, 0.114, -0.24),
    (0.195, -0.341, 0.273, 0.191, 0.172, -0.45),
    (0.146, 0.676, -0.281, 0.488, 0.294, -0.01),
    (0.118, 0.083, -0.226, 0.157, 0.321, -0.24),
    (0.100, -0.921, 0.395, 0.464, 0.299, -0.25),
    (0.055, 0.134, -0.248, 0.560, 0.895, -0.81),
    (0.048, 0.288, 0.618, 0.315, 0.387, 0.32),
)
"""Normal components (weight, two means, two standard deviations, correlation) of the pixels of pictures that have not
faded. Fitted to the recipe's training clips and `city`, the colour photographs of `training/defects/material.py` and
nine free photographs (the samples of scikit-learn and gradio), each scene with the same weight."""
USUAL_EDGES: tuple[Component, ...] = (
    (0.274, -0.071, 0.057, 0.183, 0.173, -0.38),
    (0.169, 0.387, 0.024, 0.686, 0.812, 0.16),
    (0.165, -0.350, 0.285, 0.371, 0.245, -0.36),
    (0.135, 0.029, -0.016, 0.308, 0.372, -0.35),
    (0.098, -1.017, 0.460, 0.500, 0.496, -0.07),
    (0.089, 0.660, -0.301, 0.573, 0.304, -0.09),
    (0.071, 0.164, -0.173, 0.283, 0.726, -0.34),
)
"""The same of differences across edges."""
UNUSUAL = 2e-4
"""Share of anything at all in a bin."""
PIXELS_WORTH, EDGES_WORTH = 4.0, 8.0
"""How many independent looks the pixels and the edges of one picture are worth: things in a picture hang together."""
RARELY = 1.0
"""How fast fades grow rarer, a unit of log loss. Where little speaks, a fade needs to be asked for all the more."""
YELLOW_TO_CYAN, SPREAD = 0.6, 0.15
"""In the dark yellow goes with cyan, at a little over half its log loss, give or take so much: light that is merely
warm lifts one and lowers the other."""
EDGES_PX = (3, 8)
"""Across how many pixels differences are taken."""
NEAR = 0.15
"""Pixels within this log ratio of where neutral was found are counted as neutral."""


@dataclass(frozen=True)
class Dyes:
    """What one frame says of its dyes."""

    cyan: float
    """Natural logarithm of the share of density cyan keeps against magenta, −2.4–0."""
    yellow: float
    """The same of yellow, −2–0."""
    unsure: float
    """Standard deviation of the two, mean; natural logarithms."""
    evidence: float
    """0–1: 1 from a twentieth of the picture that has density to compare, edges included; 0 without any."""
    neutral: float
    """Share of the pixels compared that come out neutral, 0–1."""


NOTHING_TOLD = Dyes(0.0, 0.0, 0.0, 0.0, 0.0)


def dyes(densities: NDArray[np.float32], clear: NDArray[np.float32]) -> Dyes:
    """Read the dyes of a frame.

    Args:
        densities: `(h, w, 3)` red, green, blue, about 150 wide; finer detail than that carries no colour in video.
        clear: `(3,)`: the lightest density of each.
    """
    pixels, pixel_share = _pixels(densities, clear)
    edges, edge_share = _edges(densities)
    evidence = min(1.0, 20.0 * min(pixel_share, 2.0 * edge_share))
    if evidence == 0.0:
        return NOTHING_TOLD
    usual_pixels, usual_edges, rarity = _usual()
    fits = PIXELS_WORTH * evidence * cv2.matchTemplate(usual_pixels, pixels, cv2.TM_CCORR)
    fits += EDGES_WORTH * evidence * cv2.matchTemplate(usual_edges, edges, cv2.TM_CCORR)
    fits = fits.astype(np.float64) + rarity / evidence
    chance = np.exp(fits - fits.max())
    chance /= chance.sum()
    red, blue = _fades()
    cyan, yellow = float((chance * red).sum()), float((chance * blue).sum())
    unsure = np.sqrt((chance * (red - cyan) ** 2).sum()) + np.sqrt((chance * (blue - yellow) ** 2).sum())
    at = (np.arange(BINS) + 0.5) * BIN - REACH
    near = np.hypot((at - cyan)[:, None], (at - yellow)[None]) <= NEAR
    return Dyes(cyan, yellow, float(unsure) / 2, evidence, float(pixels[near].sum()))


def _heap(red: NDArray[np.float32], blue: NDArray[np.float32], weight: NDArray[np.float32]) -> Heap:
    row = np.floor((red + np.float32(REACH)) * np.float32(1 / BIN)).astype(np.int32)
    column = np.floor((blue + np.float32(REACH)) * np.float32(1 / BIN)).astype(np.int32)
    inside = (row >= 0) & (row < BINS) & (column >= 0) & (column < BINS)
    heap = np.bincount((row * BINS + column)[inside], weight[inside], BINS * BINS)
    return np.asarray(heap / max(float(heap.sum()), 1e-9), np.float32).reshape(BINS, BINS)


def _pixels(densities: NDArray[np.float32], clear: NDArray[np.float32]) -> tuple[Heap, float]:
    """The heap of the pixels that are not clear, rare tones weighted up; and their share of the picture."""
    red, green, blue = (plane.ravel() - lightest for plane, lightest in zip(cv2.split(densities), clear, strict=True))
    total = red + green + blue
    used = (total > 0.36) & (np.minimum(np.minimum(red, green), blue) > 0.02)
    if not used.any():
        return np.zeros((BINS, BINS), np.float32), 0.0
    tone = np.minimum((total[used] * np.float32(6 / total.max())).astype(np.int32), 5)
    weight = (1 / np.sqrt(np.bincount(tone, minlength=6) + 30.0)).astype(np.float32)[tone]
    log_green = np.log(green[used])
    heap = _heap(np.log(red[used]) - log_green, np.log(blue[used]) - log_green, weight)
    return heap, float(used.mean())


def _edges(densities: NDArray[np.float32]) -> tuple[Heap, float]:
    """The heap of differences in which all channels go the same way; and how many of those looked at they are."""
    height, width = densities.shape[:2]
    planes = cv2.split(densities)
    along = [apart for apart in EDGES_PX if apart < width]
    down = [apart for apart in EDGES_PX if apart < height]
    if not along and not down:
        return np.zeros((BINS, BINS), np.float32), 0.0
    red, green, blue = (
        np.concatenate(
            [(plane[::2, apart:] - plane[::2, :-apart]).ravel() for apart in along]
            + [(plane[apart:, ::2] - plane[:-apart, ::2]).ravel() for apart in down]
        )
        for plane in planes
    )
    same = np.where(green < 0, np.float32(-1), np.float32(1))
    red, green, blue = red * same, green * same, blue * same
    mean = (red + green + blue) * np.float32(1 / 3)
    used = (np.minimum(np.minimum(red, green), blue) > 0.004) & (mean > 0.04)
    log_green = np.log(green[used])
    heap = _heap(np.log(red[used]) - log_green, np.log(blue[used]) - log_green, np.minimum(mean[used], 0.15))
    return heap, float(used.mean())


def _fades() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    red, blue = (-BIN * np.arange(count + 1, dtype=np.float64) for count in (MOST_RED, MOST_BLUE))
    return np.asarray(red[:, None], np.float64), np.asarray(blue[None], np.float64)


@cache
def _usual() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Log shares of the usual heaps, with room for every fade, and the log rarity of the fades."""
    red, blue = _fades()
    loss = -(0.8 * red + 0.6 * blue)
    rarity = -RARELY * loss - 0.5 * ((blue - YELLOW_TO_CYAN * red) / SPREAD) ** 2
    return _log_shares(USUAL_PIXELS), _log_shares(USUAL_EDGES), rarity


def _log_shares(components: tuple[Component, ...]) -> NDArray[np.float32]:
    x = ((np.arange(BINS + MOST_RED) + 0.5) * BIN - REACH)[:, None]
    y = ((np.arange(BINS + MOST_BLUE) + 0.5) * BIN - REACH)[None]
    total = np.full((BINS + MOST_RED, BINS + MOST_BLUE), UNUSUAL)
    for weight, mean_x, mean_y, sd_x, sd_y, correlation in components:
        u, v, rest = (x - mean_x) / sd_x, (y - mean_y) / sd_y, 1 - correlation**2
        peak = weight * BIN**2 / (2 * np.pi * sd_x * sd_y * np.sqrt(rest))
        total += peak * np.exp(-0.5 * (u * u - 2 * correlation * u * v + v * v) / rest)
    return np.asarray(np.log(total), np.float32)
