"""Grain and noise: how strong they are in the shadows, the middle and the lights, and how coarse.

Grain is what is fine, everywhere, and fresh on every frame. Its strength is read where least of the picture is mixed
in: in the calmest cells of each band of brightness, once in the frame alone and once in the difference to each
neighbour, and the smallest of these counts. Texture that stands still falls out of the difference, motion out of the
frame alone. Sources: block-wise noise estimation from the calmest blocks (Pyatykh, Hesser and Zheng, "Image Noise
Level Estimation by Principal Component Analysis", IEEE TIP 2013, section I); film grain as noise whose spread peaks
in the middle tones (Selwyn, "A theory of graininess", 1935). The fine part holds only a share of the grain's variance;
that share follows from how neighbouring pixels hang together, which gives the coarseness, so that strength and
coarseness are those of the grain itself and it can be put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances

Floats = NDArray[np.float32]

BANDS = ("shadows", "middle", "lights")
EDGES = (0.3, 0.65)
"""Brightness (share of the code range) at which the bands part."""
UNCLIPPED = (0.02, 0.97)
"""Cells darker or lighter than this say nothing: grain is clipped away there, and bars and borders lie there."""
CELL = 1.5
"""Side of the cells a tile is parted into, in sides of the box whose mean is taken away: 11 pixels in a scan 720 wide.
Like the box they grow with the scan's width, as grain does."""
FEWEST_A_SIDE = 4
"""Cells along a tile's side, at least."""
FEWEST_CELLS = 24
"""Cells a band must have to be read."""
CALMEST = 0.03
"""Share of the cells of a band that are at least as calm as what counts. With more of them, or larger cells, rain and
snow are taken for grain; with fewer, the rank correlation with the simulator's strength falls (training split and
validation clip: 0.98 here)."""
CALMEST_NORMAL = -1.8808
"""That share's quantile of the standard normal law."""
UNEVEN = 3.0
"""Grain of one band has at most so many times the variance of another's: what seems to have more is texture. As in
`restoration.grain`."""
REPEATED = 0.1
"""A neighbour whose difference has less than this share of the other neighbour's is the same picture again (a repeated
frame) and no witness. Where neither differs, nothing is fresh: that is a picture without grain, or a still."""
RADII = tuple(np.round(np.arange(0.2, 6.01, 0.1), 1).tolist())
"""Radii of grain that are told apart: standard deviation of the blur that would make it of white noise, pixels."""
HELD_LEAST = 0.15
"""Less than this share of the grain's variance is never taken to be left in the fine part."""
STEADY = 0.2
"""Quantile over the frames of a shot: grain is on all of them, rain and dirt come and go."""
KNOTS = ((0.0, 0.0), (0.006, 5.0), (0.06, 85.0), (0.1, 100.0))
"""Deviation to severity."""


@dataclass(frozen=True)
class GrainReading:
    """Of one frame. Deviations are standard deviations of luma as shares of the code range; −1 where a band is bare."""

    shadows: float
    middle: float
    lights: float
    radius_px: float
    """Coarseness in pixels of the scan: standard deviation of the blur that would make it of white noise, 0.2–6."""
    cells: int
    """Cells that were looked at."""


class GrainGauge(Gauge[GrainReading]):
    """Reads how strong the grain of a frame is."""

    category: ClassVar[Category] = Category.GRAIN
    reading: ClassVar[type[GrainReading]] = GrainReading
    radius: ClassVar[int] = 1

    def read(self, window: Glances) -> GrainReading:
        """Read one frame."""
        middle = window[0]
        own = middle.tile_fines
        parts = max(round(own.shape[1] / (CELL * middle.fine_side)), FEWEST_A_SIDE)
        if own.shape[1] < 2 * parts:
            return GrainReading(-1.0, -1.0, -1.0, RADII[0], 0)
        brightness = _cells(middle.tile_lumas, parts)
        usable = (brightness > UNCLIPPED[0]) & (brightness < UNCLIPPED[1])
        band = np.where(usable, np.searchsorted(EDGES, brightness), -1)
        apart = [
            _Witness((own - glance.tile_fines) * np.float32(np.sqrt(0.5)), parts)
            for offset, glance in window.items()
            if offset and glance.tile_fines.shape == own.shape
        ]
        most = max((one.level for one in apart), default=0.0)
        witnesses = [_Witness(own, parts), *(one for one in apart if one.level >= REPEATED * most)]
        found = {number: _calmest(witnesses, band == number) for number in range(len(BANDS))}
        read = {number: one for number, one in found.items() if one is not None}
        if not read:
            return GrainReading(-1.0, -1.0, -1.0, RADII[0], int(usable.sum()))
        least = min(variance for variance, _ in read.values())
        weight = sum(np.count_nonzero(band == number) for number in read)
        together = sum(one[1] * np.count_nonzero(band == number) for number, one in read.items()) / weight
        grain = coarseness(float(together), middle.fine_side)
        calm = grain.calm((own.shape[1] / parts) * (own.shape[2] / parts))
        sigma = [-1.0] * len(BANDS)
        for number, (variance, _) in read.items():
            own_variance = max(min(variance, UNEVEN * least) - middle.step**2 / 12, 0.0)
            sigma[number] = float(np.sqrt(own_variance / (calm * grain.held)))
        return GrainReading(sigma[0], sigma[1], sigma[2], grain.radius_px, int(usable.sum()))

    def judge(self, rows: Sequence[GrainReading], shot: ShotFacts) -> Verdict:
        """A low quantile over the frames of each band; the strongest band counts."""
        levels: dict[str, float] = {}
        for name in BANDS:
            seen = [value for row in rows if (value := getattr(row, name)) >= 0]
            if 2 * len(seen) >= len(rows):
                levels[name] = float(np.quantile(seen, STEADY))
        radius = float(np.median([row.radius_px for row in rows]))
        strongest = max(levels.values(), default=0.0)
        severity = grain_severity(strongest)
        per_frame = [max(row.shadows, row.middle, row.lights) for row in rows]
        figures: dict[str, Any] = {f"{name}_sigma": round(value, 6) for name, value in levels.items()}
        figures["radius_px"] = round(radius, 2) if strongest > 0 else None
        confidence = min(1.0, float(np.median([row.cells for row in rows])) / 100) if levels else 0.0
        words = (
            f"Grain of {255 * strongest:.1f} of 255 code values, {radius:.1f} pixels coarse."
            if severity > NOTICED
            else "Grain hardly shows."
        )
        worst = shot.start + int(np.argmax(per_frame)) if severity > NOTICED else None
        return Verdict(self.category, severity, confidence, words, figures, worst)


NOTICED = 5.0


def grain_severity(sigma: float) -> float:
    """0 … 100 of the grain's standard deviation in its strongest band, as a share of the code range.

    0 at 0, 5 at 0.6 % (1.5 of 255 codes, about where it begins to show), 85 at 6 %, 100 from 10 %; linear between.
    """
    return float(np.interp(sigma, [knot[0] for knot in KNOTS], [knot[1] for knot in KNOTS]))


class _Witness:
    """The fine part of a frame, or of its difference to another, by cells."""

    def __init__(self, fines: Floats, parts: int) -> None:
        self._fines = fines
        self._parts = parts
        self.variance = _cells(fines * fines, parts)
        """`(N,)`."""
        self.level = float(np.median(self.variance))
        """The median variance."""

    @cached_property
    def shared(self) -> Floats:
        """`(N,)`: covariance of pixels side by side and of pixels one above the other, their mean."""
        across = self._fines[:, :, :-1] * self._fines[:, :, 1:]
        down = self._fines[:, :-1] * self._fines[:, 1:]
        return np.asarray((_cells(across, self._parts) + _cells(down, self._parts)) / 2, np.float32)


def _cells(tiles: Floats, parts: int) -> Floats:
    """Means of `parts` by `parts` cells of each of `(K, h, w)`, in one row."""
    height, width = tiles.shape[1:]
    return np.asarray(_means(height, parts).T @ tiles @ _means(width, parts), np.float32).ravel()


@cache
def _means(length: int, parts: int) -> Floats:
    """`(length, parts)`: times this, a line becomes the means of its cells."""
    edges = np.arange(parts + 1) * length // parts
    within = (np.arange(length)[:, None] >= edges[:-1]) & (np.arange(length)[:, None] < edges[1:])
    return np.asarray(within / within.sum(axis=0), np.float32)


def _calmest(witnesses: Sequence[_Witness], cells: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Variance and correlation of side-by-side pixels in the calmest cells of the calmest witness."""
    if np.count_nonzero(cells) < FEWEST_CELLS:
        return None
    best: tuple[float, float] | None = None
    place = int(CALMEST * np.count_nonzero(cells))
    for witness in witnesses:
        variance = witness.variance[cells]
        level = float(np.partition(variance, place)[place])
        if best is None or level < best[0]:
            calm = variance <= level
            power = float(variance[calm].sum())
            best = (level, float(witness.shared[cells][calm].sum()) / power if power > 0 else 0.0)
    return best


@dataclass(frozen=True)
class Coarseness:
    """What follows from how coarse grain is."""

    radius_px: float
    together: float
    """Correlation of pixels side by side in the fine part."""
    held: float
    """Share of the grain's variance that is in its fine part."""
    hanging: float
    """How many pixels vary as one: the sum of the squared correlations of the fine part."""

    def calm(self, pixels: float) -> float:
        """What the `CALMEST` quantile of variances in cells of so many pixels is of the true variance.

        The variance of a cell follows a χ² law of `pixels / hanging` degrees of freedom; its quantile by Wilson and
        Hilferty, "The distribution of chi-square", PNAS 1931.
        """
        part = 2.0 / (9.0 * max(pixels / self.hanging, 2.0))
        return float(max(1.0 - part + CALMEST_NORMAL * np.sqrt(part), 0.1) ** 3)


def coarseness(together: float, side: int) -> Coarseness:
    """How coarse grain is whose fine part hangs together so.

    Args:
        together: correlation of pixels side by side in the fine part.
        side: of the box whose mean was taken away, pixels.
    """
    return min(_table(side), key=lambda one: abs(one.together - together))


@cache
def _table(side: int) -> tuple[Coarseness, ...]:
    """Every radius, by the kernels themselves: white noise blurred, less its mean in boxes."""
    half = 40
    rows = []
    for radius in RADII:
        line = cv2.getGaussianKernel(2 * half + 1, radius, cv2.CV_64F)
        grain = line @ line.T
        fine = grain - cv2.blur(grain, (side, side), borderType=cv2.BORDER_CONSTANT)
        energy = float(np.square(fine).sum())
        power = np.square(np.abs(np.fft.rfft2(fine, (4 * half, 4 * half))))
        alike = np.square(np.fft.irfft2(power) / energy)
        together = float((fine[:, 1:] * fine[:, :-1]).sum()) / energy
        held = max(energy / float(np.square(grain).sum()), HELD_LEAST)
        rows.append(Coarseness(radius, together, held, float(alike.sum())))
    return tuple(rows)
