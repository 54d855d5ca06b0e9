"""How a restoration is scored against the truth: PSNR by region, intervals, flicker, and scratches as tracks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.motion import Flow, inside, sampling_grid

Mask = NDArray[np.bool_]
Codes = NDArray[np.unsignedinteger]
"""`(C, H, W)` codes."""
BEST_DB = 99.0
"""PSNR written where nothing differs: infinity has no mean."""
RING_PX = 9
"""How far around a repaired place its surround reaches, for comparing how much the two flicker."""
_ROUNDS = 2000


@dataclass
class Errors:
    """Squared error in all, in the damage and outside it, added up over frames."""

    squared: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("total", "damage", "outside"), 0.0))
    samples: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("total", "damage", "outside"), 0))

    def add(self, found: Codes, truth: Codes, mask: Mask, full: float) -> None:
        """Take in one frame.

        Args:
            found: `(C, H, W)` codes.
            truth: the same without damage.
            mask: `(H, W)`, the true damage.
            full: the largest code.
        """
        error = np.square((found.astype(np.float32) - truth.astype(np.float32)) / np.float32(full)).sum(axis=0)
        total, damage = float(error.sum(dtype=np.float64)), float(error[mask].sum(dtype=np.float64))
        channels, pixels, damaged = found.shape[0], mask.size, int(np.count_nonzero(mask))
        for name, value, count in (
            ("total", total, pixels),
            ("damage", damage, damaged),
            ("outside", max(total - damage, 0.0), pixels - damaged),
        ):
            self.squared[name] += value
            self.samples[name] += channels * count

    def psnr_db(self) -> dict[str, float | None]:
        """PSNR by region, at full scale, at most `BEST_DB`; None where there are no pixels."""
        return {
            name: None if not count else psnr_db(self.squared[name] / count) for name, count in self.samples.items()
        }


def psnr_db(mean_squared: float) -> float:
    """PSNR of an error in shares of the code range, at most `BEST_DB`."""
    return min(BEST_DB, -10 * math.log10(max(mean_squared, 1e-30)))


def interval(values: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """95 % confidence interval of the mean: percentile bootstrap over the values (Efron & Tibshirani, 1993)."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (_ROUNDS, len(values)))
    means = np.asarray(values, np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def summary(values: Sequence[float]) -> dict[str, float | int | list[float]]:
    """Mean, interval, worst (the least) and number of cases."""
    low, high = interval(values)
    return {
        "mean": round(float(np.mean(values)), 3),
        "ci95": [round(low, 3), round(high, 3)],
        "worst": round(float(min(values)), 3),
        "cases": len(values),
    }


def at_least(mask: Mask, across_px: int) -> Mask:
    """The pieces of a mask that are so many pixels across, at the longer side of their box."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= across_px
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


@dataclass
class Flicker:
    """How much a repaired area changes from frame to frame beside its surround, motion followed."""

    repaired: float = 0.0
    """Sum of absolute differences, shares of the code range."""
    repaired_px: int = 0
    surround: float = 0.0
    surround_px: int = 0

    def add(self, pair: tuple[NDArray[np.float32], NDArray[np.float32]], areas: tuple[Mask, Mask], flow: Flow) -> None:
        """Take in two consecutive frames.

        Args:
            pair: lumas `(H, W)`, shares of the code range.
            areas: what was repaired in each.
            flow: of the clean picture, from the first into the second.
        """
        x, y = cv2.split(sampling_grid(flow))
        moved = cv2.remap(pair[1], x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        there = cv2.remap(areas[1].astype(np.uint8), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
        either = areas[0] | (there > 0)
        seen = inside(flow)
        size = 2 * RING_PX + 1
        near = cv2.dilate(either.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
        soft = cv2.dilate(either.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        change = np.abs(moved - pair[0])
        area, ring = either & seen, near & ~soft & seen
        self.repaired += float(change[area].sum(dtype=np.float64))
        self.repaired_px += int(np.count_nonzero(area))
        self.surround += float(change[ring].sum(dtype=np.float64))
        self.surround_px += int(np.count_nonzero(ring))

    def means(self) -> tuple[float, float] | None:
        """Mean change in the repaired area and in its surround; None where nothing was repaired."""
        if not self.repaired_px or not self.surround_px or self.surround == 0:
            return None
        return self.repaired / self.repaired_px, self.surround / self.surround_px


@dataclass(frozen=True)
class Line:
    """A scratch as a track: where it crosses the middle of the frame, frame by frame."""

    places: Mapping[int, float]
    """Frame to x in pixels."""
    width_px: float


@dataclass(frozen=True)
class TrackScore:
    """Tracks found against true ones."""

    true: int
    found: int
    right: int
    """Tracks found that lie on a true one."""
    met: int
    """True tracks of which at least half was found."""

    @property
    def f1(self) -> float:
        """Harmonic mean of precision (right of found) and recall (met of true)."""
        if not self.true and not self.found:
            return 1.0
        precision, recall = self.right / max(self.found, 1), self.met / max(self.true, 1)
        return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def match_tracks(true: Sequence[Line], found: Sequence[Line]) -> TrackScore:
    """Compare tracks.

    A track lies on a true one if, on more than half of its frames, it is within three pixels or half the line's width
    of it, whichever is more. A true track is met if the tracks that lie on it cover half of its frames: a broken line
    may be found in pieces, none of which counts as false.
    """
    covered: list[set[int]] = [set() for _ in true]
    right = 0
    for one in found:
        hits = [_together(one, other) for other in true]
        best = max(range(len(true)), key=lambda place: len(hits[place]), default=None)
        if best is None or 2 * len(hits[best]) <= len(one.places):
            continue
        right += 1
        covered[best] |= hits[best]
    met = sum(2 * len(frames) >= len(line.places) for frames, line in zip(covered, true, strict=True))
    return TrackScore(len(true), len(found), right, met)


def _together(one: Line, other: Line) -> set[int]:
    reach = max(3.0, 0.5 * max(one.width_px, other.width_px))
    return {frame for frame, x in one.places.items() if frame in other.places and abs(other.places[frame] - x) <= reach}
