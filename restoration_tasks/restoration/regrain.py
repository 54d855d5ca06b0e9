"""Give a whole new frame the grain that the frames beside it have: made of two, it is quieter than either.

What it lacks is measured where the new frame is calmest: the power, frequency by frequency, that the frames beside it
have there and it has not. Seeded noise of that spectrum is laid over it, as strong by brightness as what is lacking:
grain differs from frame to frame, so none of theirs is repeated. A periodogram of windowed tiles (P. Welch, IEEE
Transactions on Audio and Electroacoustics 15(2), 1967), strength by brightness as in A. Norkin and N. Birkbeck, "Film
Grain Synthesis for AV1 Video Codec", DCC 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.grain import BANDS, DEAD, FAINTEST, UNCLIPPED, UNEVEN
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TILE_PX = 32
"""Side of a tile that power is measured in, at most …"""
TILES_ACROSS = 4
"""… and so that about so many lie side by side at least."""
SLOW_PX = 6.0
"""Standard deviation of a blur that grain is mostly lost in."""
CALM_BESIDE = 0.4
"""Share of the tiles that are calm enough in the frames beside it: the picture moves, and other things lie there."""
CALMEST_BESIDE, MOST_OF_CALMEST = 0.1, 1.1
"""Quantile of the tiles beside it by variance, and how many times what it tells of the grain there may be at most."""
CALMEST = 0.125
"""Share of these tiles that are looked at: there the new frame and all about it are calmest, so that least of the
picture's own texture is taken for grain that it lacks."""
FEWEST_TILES = 12
"""Tiles that are looked at where there are so many, and that a band of brightness must hold."""
RINGS = 16
"""Rings of frequency, from none to half a cycle a pixel: grain looks alike in all directions."""
LEAST_WAVES = 2
"""Waves that a tile must hold of a frequency for its power to be measured in it."""
SURE_RINGS = slice(3, 7)
"""Rings in which grain is strong, and little of the picture is so fine in calm places."""
MOST_OVER = 1.3
"""How much denser slower waves may be than the spectrum of a blur that goes through these rings."""
MOST_RISE = 2.0
"""How much denser than the slowest waves that are measured slower ones are taken to be, at most."""
LEAST_DENSITY = 1e-4
"""Of the largest density, that a ring is taken to have at least."""
OUTLIERS = 3.0
"""Tiles whose lack is so many times farther from the usual one than is usual are left aside: something moved there."""


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
    side = min(TILE_PX, max(min(rows.shape[:2]) // TILES_ACROSS, 2 * TILES_ACROSS), *rows.shape[:2])
    own, others = _Tiles.of(rows, side), [_Tiles.of(one, side) for one in beside]
    calm = _calm(own, others)
    spectrum = _spectrum(own, others, calm)
    if spectrum is None:
        return rows
    noise = _noise(rows.shape, spectrum, seed)
    unit = _Tiles.of(noise, side).variance
    # Tiles differ by chance, the more the coarser the grain is.
    by_chance = float(np.quantile(unit, CALMEST_BESIDE) / unit.mean())
    middles, variance = _strength(own, others, calm, by_chance)
    strength = np.sqrt(variance / unit.mean()) * np.float32(amount)
    if not strength.any():
        return rows
    brightness = rows.mean(axis=2)
    by_channel = np.stack([np.interp(brightness, middles, channel) for channel in strength.T], axis=2)
    return np.asarray(rows + noise * by_channel, np.float32)


@dataclass(frozen=True, eq=False)
class _Tiles:
    """A frame in square tiles that lie half over one another, row by row; the last ones end with the frame."""

    rows: Rows
    side: int
    downs: NDArray[np.intp]
    acrosses: NDArray[np.intp]
    """Where they begin."""
    brightness: Floats
    """`(N,)`: mean of each."""
    variance: Floats
    """`(N, C)`: in each."""
    slow: Floats
    """`(N,)`: variance of what is coarser than grain, the picture's own."""

    @classmethod
    def of(cls, rows: Rows, side: int) -> Self:
        """The tiles of a frame `(H, W, C)`."""
        downs, acrosses = (
            np.unique(np.r_[0 : room - side + 1 : max(side // 2, 1), room - side]) for room in rows.shape[:2]
        )
        where = np.ix_(downs, acrosses)
        # Both filters look to the right and down from where a tile begins.
        mean = cv2.blur(rows, (side, side), anchor=(0, 0)).reshape(rows.shape)[where]
        square = cv2.sqrBoxFilter(rows, cv2.CV_32F, (side, side), anchor=(0, 0)).reshape(rows.shape)[where]
        variance = np.maximum(square - np.square(mean), 0.0).reshape(-1, rows.shape[2])
        blurred = cv2.GaussianBlur(rows.mean(axis=2), (0, 0), SLOW_PX)
        slow = cv2.sqrBoxFilter(blurred, cv2.CV_32F, (side, side), anchor=(0, 0))
        slow -= np.square(cv2.blur(blurred, (side, side), anchor=(0, 0)))
        return cls(rows, side, downs, acrosses, mean.mean(axis=2).ravel(), variance, slow[where].ravel())

    def texture(self) -> Floats:
        """`(N,)`: the most variance of a tile and of those about it, which may lie there a frame before or after."""
        grid = self.variance.mean(axis=1).reshape(len(self.downs), len(self.acrosses))
        return np.asarray(cv2.dilate(grid, np.ones((3, 3), np.uint8)).ravel(), np.float32)

    def power(self, chosen: NDArray[np.intp]) -> Doubles:
        """Power in some of them, `(K, C, RINGS)`: parts of the variance by frequency."""
        down, across = self.downs[chosen // len(self.acrosses)], self.acrosses[chosen % len(self.acrosses)]
        tiles = np.stack(
            [self.rows[y : y + self.side, x : x + self.side] for y, x in zip(down, across, strict=True)]
        ).transpose(0, 3, 1, 2)
        window = np.outer(np.hanning(self.side), np.hanning(self.side))
        even = (tiles - tiles.mean(axis=(2, 3), keepdims=True)) * window
        power = np.square(np.abs(np.fft.fft2(even))) / (np.square(window).sum() * self.side**2)
        flat, rings = power.reshape(*power.shape[:2], -1), _rings(self.side).ravel()
        return np.stack([flat[..., rings == ring].sum(axis=2) for ring in range(RINGS)], axis=2)


def _calm(own: _Tiles, others: Sequence[_Tiles]) -> NDArray[np.intp]:
    """The calmest tiles of the new frame, of those that are calm beside it, are not clipped and show film."""
    shown = (own.brightness > UNCLIPPED[0]) & (own.brightness < UNCLIPPED[1])
    shown &= np.min([one.variance.max(axis=1) for one in others], axis=0) > DEAD
    places = np.flatnonzero(shown) if shown.any() else np.arange(len(shown))
    slow = np.max([one.slow for one in others], axis=0)[places]
    places = places[np.argsort(slow, kind="stable")[: max(round(CALM_BESIDE * len(places)), FEWEST_TILES)]]
    order = np.argsort(own.texture()[places], kind="stable")
    return np.asarray(places[order[: max(round(CALMEST * len(places)), FEWEST_TILES)]])


def _spectrum(own: _Tiles, others: Sequence[_Tiles], calm: NDArray[np.intp]) -> Doubles | None:
    """`(RINGS,)`: density of the power that is lacking at each ring, of any unit; None where none is."""
    first = int(np.ceil(2 * RINGS * LEAST_WAVES / own.side))
    if first + 1 >= RINGS:
        return None  # a frame of a few pixels
    lacking = _usual(np.mean([one.power(calm) for one in others], axis=0) - own.power(calm))
    density = np.maximum(lacking.mean(axis=(0, 1)), 0.0) / np.maximum(_bins(own.side), 1)
    if not density[first:].any():
        return None
    density = np.log(np.maximum(density, LEAST_DENSITY * density[first:].max()))
    # As a blur's spectrum goes on towards slow waves: its logarithm falls with the frequency's square. Slower waves
    # than a tile shows are taken from it, and what is much stronger than it there is the picture's own, moved.
    square = np.square(np.arange(RINGS) + 0.5)
    sure = slice(max(SURE_RINGS.start, first), max(SURE_RINGS.stop, first + 2))
    slope, level = np.polyfit(square[sure], density[sure], 1, w=np.sqrt(_bins(own.side)[sure]))
    blur = level + min(slope, 0.0) * square[: sure.start]
    density[first : sure.start] = np.minimum(density[first : sure.start], blur[first:] + np.log(MOST_OVER))
    density[:first] = np.minimum(blur[:first], density[first] + np.log(MOST_RISE))
    return np.asarray(np.exp(density), np.float64)


def _strength(own: _Tiles, others: Sequence[_Tiles], calm: NDArray[np.intp], by_chance: float) -> tuple[Floats, Floats]:
    """Brightness in the middle of each band `(B,)`, and the variance that is lacking there `(B, C)`.

    Args:
        own: the new frame.
        others: those beside it.
        calm: tiles to look at.
        by_chance: the `CALMEST_BESIDE` quantile of the variance of such grain in tiles, as a share of its mean.
    """
    brightness = own.brightness[calm]
    lacking = (np.mean([one.variance for one in others], axis=0) - own.variance)[calm]
    bands = min(BANDS, max(len(calm) // FEWEST_TILES, 1))
    middles = np.quantile(brightness, (np.arange(bands) + 0.5) / bands)
    edges = (middles[1:] + middles[:-1]) / 2
    band = np.searchsorted(edges, brightness)
    variance = np.stack([_usual(lacking[band == number]).mean(axis=0) for number in range(bands)])
    # Where the frames beside it are calmest they have hardly less grain than elsewhere.
    for other in others:
        every = np.searchsorted(edges, other.brightness)
        for number in range(bands):
            tiles = other.variance[every == number]
            if len(tiles) >= FEWEST_TILES:
                most = MOST_OF_CALMEST / by_chance * np.quantile(tiles, CALMEST_BESIDE, axis=0)
                variance[number] = np.minimum(variance[number], most)
    variance = np.maximum(variance - FAINTEST, 0.0)
    variance = np.minimum(variance, UNEVEN * variance.min(axis=0))
    return middles.astype(np.float32), variance.astype(np.float32)


def _usual(lacking: Doubles) -> Doubles:
    """Tiles `(N, C, …)` whose lack is not far from that of most."""
    by_tile = lacking.sum(axis=tuple(range(1, lacking.ndim)))
    apart = np.abs(by_tile - np.median(by_tile))
    return np.asarray(lacking[apart <= OUTLIERS * np.median(apart)])


@cache
def _rings(side: int) -> NDArray[np.intp]:
    """`(side, side)`: which ring each frequency of a transform is in; corners are in the last."""
    along = np.abs(np.fft.fftfreq(side))
    far = np.hypot(along[:, None], along[None])
    return np.asarray(np.minimum(2 * RINGS * far, RINGS - 1), np.intp)


@cache
def _bins(side: int) -> NDArray[np.intp]:
    """How many frequencies each ring has."""
    return np.asarray(np.bincount(_rings(side).ravel(), minlength=RINGS), np.intp)


def _noise(shape: tuple[int, ...], spectrum: Doubles, seed: int) -> Floats:
    """`(H, W, C)`: seeded noise of a spectrum, its variance 1."""
    height, width, channels = shape
    far = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    middles = (np.arange(RINGS) + 0.5) / (2 * RINGS)
    density = np.exp(np.interp(far, middles, np.log(spectrum)))
    # Of every column but the first and, in even widths, the last there are two.
    twice = np.where((np.arange(far.shape[1]) == 0) | (2 * np.arange(far.shape[1]) == width), 1.0, 2.0)
    gain = np.sqrt(density * height * width / (density * twice).sum()).astype(np.float32)
    white = np.random.default_rng(seed).standard_normal(shape, np.float32)
    made = [np.fft.irfft2(np.fft.rfft2(white[..., channel]) * gain, (height, width)) for channel in range(channels)]
    return np.asarray(np.stack(made, axis=2), np.float32)
