"""Medians that count by weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def weighted_median(figures: Floats, weights: Floats) -> float:
    """The median of figures `(N,)` that count by weights `(N,)`, 0 or more; N is 1 or more."""
    order = np.argsort(figures)
    total = np.cumsum(weights[order])
    return float(figures[order[min(int(np.searchsorted(total, total[-1] / 2)), len(order) - 1)]])
