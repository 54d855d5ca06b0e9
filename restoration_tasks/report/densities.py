"""How dense a picture is in each colour: histograms of density, in which a dye that has gone is seen at once.

A print holds black where cyan, magenta and yellow are dense together. Where one dye has faded, the curve of the colour
it holds back (cyan: red, magenta: green, yellow: blue) is pushed to the left of the others and ends before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.report.charts import HEIGHT, WIDTH

BINS: Final = 48
DENSEST: Final = 3.0
"""Density the plots end at; what is denser is counted there."""
NAMES: Final = ("red", "green", "blue")
DYES: Final = ("cyan", "magenta", "yellow")
TOP_SHARE: Final = 0.985
GREY_SHARE: Final = 0.02
"""Share of the pixels that may lie elsewhere in one colour than in all of them: such a picture is grey, whatever the
scan's channels."""
Counts = NDArray[np.float64]
"""`(C, BINS)`: share of the pixels by density, one row a channel."""


@dataclass(frozen=True)
class Curve:
    """One channel."""

    style: str
    """Class of its line: `red`, `green`, `blue` or `grey`."""
    path: str
    label: str
    """The channel, the dye that makes it dense, and between which densities nearly all of it lies."""


@dataclass(frozen=True)
class DensityPlot:
    """Curves over density 0 to 3."""

    curves: tuple[Curve, ...]
    summary: str
    """For those who do not see the plot."""


def counted(frame: Frame, picture: PictureFormat) -> Counts:
    """Histograms of one frame's densities (D = −log10 of the share of the code range)."""
    densities = Glance.of(0, picture.to_work(frame), picture).densities
    pixels = densities.reshape(-1, densities.shape[2])
    edges = np.linspace(0.0, DENSEST, BINS + 1)
    rows = [np.histogram(np.clip(one, 0, DENSEST - 1e-6), edges)[0] / len(pixels) for one in pixels.T]
    return np.array(rows, np.float64)


def plot(counts: Sequence[Counts]) -> DensityPlot | None:
    """The curves of some frames together; None where there is none."""
    if not counts:
        return None
    together = np.mean(counts, axis=0)
    silver = together.mean(axis=0, keepdims=True)
    if np.abs(together - silver).sum(axis=1).max() / 2 <= GREY_SHARE:
        together = silver
    # Flat ends hold much of many pictures: the curves are drawn by their roots, so that they do not hide the rest.
    heights = np.sqrt(together)
    top = max(float(heights.max()), 1e-6)
    curves = []
    for place, row in enumerate(heights):
        low, high = _between(together[place])
        if len(heights) == 1:
            style, label = "grey", f"silver: density {low:.2f} to {high:.2f}"
        else:
            style = NAMES[place]
            label = f"{style} ({DYES[place]} dye): density {low:.2f} to {high:.2f}"
        curves.append(Curve(style, _path(row / top), label))
    return DensityPlot(tuple(curves), "Densities. " + "; ".join(curve.label for curve in curves) + ".")


def _between(shares: Counts) -> tuple[float, float]:
    """The densities between which all but 1.5 % at each end lies."""
    sums = np.cumsum(shares)
    step = DENSEST / BINS
    low = int(np.searchsorted(sums, (1 - TOP_SHARE) * sums[-1]))
    high = int(np.searchsorted(sums, TOP_SHARE * sums[-1]))
    return low * step, min(high + 1, BINS) * step


def _path(heights: Iterable[float]) -> str:
    places = [f"{(place + 0.5) / BINS * WIDTH:.1f},{HEIGHT * (1 - one):.1f}" for place, one in enumerate(heights)]
    return "M" + " L".join(places)
