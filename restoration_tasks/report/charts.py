"""Draw the timelines of a report as small inline SVG: no plotting library, nothing to load, a few kilobytes a chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

POINTS_MAX: Final = 1200
"""More points than a screen has pixels show nothing; longer reels are binned to this many."""
WIDTH: Final = 1000.0
HEIGHT: Final = 100.0
"""Units of the view box; the page stretches it, strokes keep their width."""


@dataclass(frozen=True)
class Series:
    """One line or filled area of a chart."""

    name: str
    style: str
    """CSS class: `damage`, `before` or `after`."""
    path: str
    """SVG path data."""


@dataclass(frozen=True)
class Chart:
    """One timeline, ready for the template."""

    title: str
    unit: str
    summary: str
    """What the chart shows, in words: its text alternative."""
    series: tuple[Series, ...]
    ticks: tuple[tuple[float, str], ...]
    """Place from the top (0 … 100 %) and label of each grid line."""


def binned(
    values: Sequence[float], reduce: Callable[[Sequence[float]], float], points: int = POINTS_MAX
) -> list[float]:
    """At most so many values, each the reduction of an equal run of the input.

    >>> binned([1, 5, 2, 8], max, points=2)
    [5, 8]
    """
    if len(values) <= points:
        return list(values)
    bounds = [len(values) * place // points for place in range(points + 1)]
    return [reduce(values[begin:end]) for begin, end in pairwise(bounds)]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of a run that is not empty."""
    return math.fsum(values) / len(values)


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten, so that axis labels are round.

    >>> [nice_ceiling(value) for value in (0.0, 0.013, 3.1, 7.0)]
    [1.0, 0.02, 5.0, 10.0]
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(step * power, 12) for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def line(values: Sequence[float], low: float, high: float) -> str:
    """Path through the values, low at the bottom and high at the top.

    >>> line([0, 1], 0, 1)
    'M0.0,100.00 L1000.0,0.00'
    """
    if not values:
        return ""
    span = (high - low) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    places = [f"{place * step:.1f},{HEIGHT * (1 - (value - low) / span):.2f}" for place, value in enumerate(values)]
    return "M" + " L".join(places)


def area(values: Sequence[float], high: float) -> str:
    """Closed path between the values and zero."""
    return f"{line(values, 0.0, high)} L{WIDTH},{HEIGHT} L0,{HEIGHT} Z" if values else ""


def damage_chart(percent: Sequence[float]) -> Chart:
    """Damage found, per frame, in percent of the picture; of binned frames the worst is shown."""
    shown = binned(percent, max)
    high = nice_ceiling(max(shown, default=0.0))
    worst = max(range(len(percent)), key=percent.__getitem__, default=0)
    top = percent[worst] if percent else 0.0
    return Chart(
        title="Damage found",
        unit="% of the picture",
        summary=f"Damage found per frame; most in frame {worst}, {top:.2f} percent of the picture.",
        series=(Series("damage found", "damage", area(shown, high)),),
        ticks=_ticks(0.0, high),
    )


def brightness_chart(before: Sequence[float], after: Sequence[float]) -> Chart:
    """Mean brightness per frame before and after, in percent of the code range: flicker is the unrest of the line."""
    both = [*before, *after] or [0.0, 100.0]
    pad = max(1.0, (max(both) - min(both)) * 0.12)
    low, high = math.floor(min(both) - pad), math.ceil(max(both) + pad)
    return Chart(
        title="Brightness",
        unit="% of the code range",
        summary=f"Mean brightness of scan and restoration per frame, {min(both):.1f} to {max(both):.1f} percent.",
        series=(
            Series("scan", "before", line(binned(before, mean), low, high)),
            Series("restored", "after", line(binned(after, mean), low, high)),
        ),
        ticks=_ticks(float(low), float(high)),
    )


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    return tuple((share * 100, f"{high - (high - low) * share:g}") for share in (0.0, 0.5, 1.0))
