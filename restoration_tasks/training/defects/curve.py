"""Precision and recall of a map, pixel by pixel, over any number of frames in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 1000


@dataclass(frozen=True)
class Point:
    """What a threshold does."""

    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are."""
        total = self.precision + self.recall
        return 0.0 if total == 0 else 2 * self.precision * self.recall / total


class Curve:
    """Counts of damaged and sound pixels by the probability they were given, to a thousandth unless asked otherwise."""

    def __init__(self, bins: int = _BINS) -> None:
        self._bins = bins
        self._damaged = np.zeros(bins + 1, np.int64)
        self._sound = np.zeros(bins + 1, np.int64)

    @property
    def counts(self) -> tuple[list[int], list[int]]:
        """Damaged and sound pixels, bin by bin, to be kept and added to another curve of as many bins."""
        return self._damaged.tolist(), self._sound.tolist()

    def add_counts(self, damaged: Sequence[int], sound: Sequence[int]) -> None:
        """Take in the counts of another curve of as many bins."""
        self._damaged += np.asarray(damaged, np.int64)
        self._sound += np.asarray(sound, np.int64)

    def add(self, probability: NDArray[np.float32], damaged: NDArray[np.bool_], counted: NDArray[np.bool_]) -> None:
        """Take in one frame.

        Args:
            probability: `(H, W)`, 0–1.
            damaged: `(H, W)`, the truth.
            counted: `(H, W)`, which pixels count.
        """
        bins = np.rint(np.clip(probability, 0, 1) * self._bins).astype(np.intp)
        self._damaged += np.bincount(bins[damaged & counted], minlength=self._bins + 1)
        self._sound += np.bincount(bins[~damaged & counted], minlength=self._bins + 1)

    def average_precision(self) -> float:
        """Area under precision over recall, as a sum over its steps; not a number where nothing was damaged."""
        found, wrong = np.cumsum(self._damaged[::-1]), np.cumsum(self._sound[::-1])
        if found[-1] == 0:
            return float("nan")
        precision = found / np.maximum(found + wrong, 1)
        gained = np.diff(found, prepend=0) / found[-1]
        return float((precision * gained).sum())

    def chance(self) -> float:
        """The average precision of a map that knows nothing: the share of damaged pixels."""
        total = self._damaged.sum() + self._sound.sum()
        return float(self._damaged.sum() / total) if total else float("nan")

    def at(self, threshold: float) -> Point:
        """Precision and recall from a threshold on."""
        first = round(threshold * self._bins)
        found, wrong = int(self._damaged[first:].sum()), int(self._sound[first:].sum())
        wanted = int(self._damaged.sum())
        return Point(threshold, found / max(found + wrong, 1), found / max(wanted, 1))

    def masked_share(self, threshold: float) -> float:
        """Share of the counted pixels that a threshold marks."""
        first = round(threshold * self._bins)
        marked = int(self._damaged[first:].sum() + self._sound[first:].sum())
        return marked / max(int(self._damaged.sum() + self._sound.sum()), 1)
