"""Blocking: the grid of a video codec's transform, in reels that were video once.

A codec that works in blocks leaves steps at their borders: at every eighth column and row, at every sixteenth with
larger blocks, and at eight times the scale where the picture was enlarged afterwards. The mean step between pixels side
by side is taken for every column of the tiles and folded over the period of a grid; a grid is there where one phase
stands out of all others, in both directions, as fences and windows have a period in one direction only. Source: Wang,
Bovik and Evans, "Blind measurement of blocking artifacts in images", ICIP 2000 (steps across the picture as a signal
with the block's period); here in the picture itself, and against the largest of the other phases instead of their mean,
so that what merely varies counts for nothing. How strong a grid is says the step it makes beyond the picture's own, in
code values, in the parts of the picture where it shows most: a codec spends nothing where nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances

Floats = NDArray[np.float32]

PHASES = 8
"""Parts of a grid's period that are told apart."""
FAR = (2, 3, 4, 5, 6)
"""How far from a grid's phase the others are that it is compared with; its neighbours share in it."""
SCALES = (1.0, 1.125, 4 / 3, 1.5, 1.875, 2.0, 2.25, 2.5, 8 / 3, 3.0)
"""Scales between the usual widths and heights of video (352 to 1920, 240 to 1080). 2 is also the grid of 16."""
SCALED_SHARE = 0.4
"""What a grid that is not of 8 pixels stands out by counts for so much: there are many to try, and in clean clips of
the training split one of them stands out by up to 0.14."""
AS_GOOD = 0.6
"""Of the grids that stand out nearly as much as the best, the one of the longest period is it: one of half the period
has every line of it, but one of twice the period has not."""
ASPECT = 1.3
"""Enlarging widens a grid by at most so many times more one way than the other."""
CAP = 15.0 / 255.0
"""Steps are counted up to this share of the code range: larger ones are edges of the picture."""
PARTS = 4
"""Cells a tile's side is parted into: 32 pixels in a tile of 128."""
LEAST_PERIODS = 4
"""Periods that must fit into a tile."""
LIVE = 0.6 / 255.0
"""Mean step at the grid, share of the code range, under which a cell holds nothing a codec would have kept."""
FEWEST_CELLS = 4
SHOWS_MOST = 0.9
"""Of these cells, the quantile of the step that counts. Quantile, cap and `LIVE` are those of the best rank correlation
with the quality of JPEG (60 to 5), pooled over the clips of the training split and the validation clip."""
FLOOR = 0.25 / 255.0
"""Added to the mean step a phase is compared with: nothing stands out of a picture without any."""
STANDS_OUT = (0.07, 0.2)
"""How much the grid's phase exceeds the largest other one, as a share of the mean step: up to the first it is chance or
stays unseen, from the second the step counts in full."""
KNOTS = ((0.0, 0.0), (1.0, 5.0), (8.0, 100.0))
"""Step in 8-bit code values to severity."""
NOTICED = 5.0


@dataclass(frozen=True)
class BlockingReading:
    """Of one frame."""

    step: float
    """What the grid adds to the step between neighbouring pixels where it shows most, 8-bit code values, 0–15; the
    smaller of both directions."""
    stands_out: float
    """How much the grid's phase exceeds every other one, share of the mean step; the smaller of both directions."""
    across_px: float
    down_px: float
    """Periods of the grid that stands out most, pixels of the scan; 0 where the picture is too small for any."""


class BlockingGauge(Gauge[BlockingReading]):
    """Reads how strong the grid of a codec is in a frame."""

    category: ClassVar[Category] = Category.BLOCKING
    reading: ClassVar[type[BlockingReading]] = BlockingReading

    def read(self, window: Glances) -> BlockingReading:
        """Read one frame, in its tiles at the scan's own size."""
        lumas, places = window[0].tile_lumas, window[0].tile_places
        if lumas.shape[1] < LEAST_PERIODS * PHASES:
            return BlockingReading(0.0, 0.0, 0.0, 0.0)
        across, down = (_grids(_steps(lumas, across=across), places[:, int(across)]) for across in (True, False))
        pairs = [pair for pair in product(across, down) if max(_ratio(pair), 1 / _ratio(pair)) <= ASPECT]
        score = [min(grid.stands_out for grid in pair) for pair in pairs]
        near_best = [pair for pair, one in zip(pairs, score, strict=True) if one >= AS_GOOD * max(score)]
        both = max(near_best, key=lambda pair: pair[0].scale * pair[1].scale) if max(score) > 0 else pairs[0]
        step = min(grid.step() for grid in both)
        return BlockingReading(
            255.0 * step, min(grid.stands_out for grid in both), PHASES * both[0].scale, PHASES * both[1].scale
        )

    def judge(self, rows: Sequence[BlockingReading], shot: ShotFacts) -> Verdict:
        """The mean over the frames: a codec's grid comes and goes with its key frames."""
        each = [blocking_severity(row.step, row.stands_out) for row in rows]
        severity = float(np.mean(each))
        shown = [row for row, one in zip(rows, each, strict=True) if one > 0]
        figures: dict[str, float | int | bool | str | None] = {
            "step_codes": round(float(np.mean([row.step for row in rows])), 3),
            "stands_out": round(float(np.median([row.stands_out for row in rows])), 4),
        }
        if severity > NOTICED:
            across, down = (
                float(np.median([getattr(row, name) for row in shown])) for name in ("across_px", "down_px")
            )
            figures |= {"across_px": round(across, 2), "down_px": round(down, 2)}
            words = (
                f"A codec's blocks of {across:.3g} x {down:.3g} pixels show by steps of "
                f"{np.mean([row.step for row in shown]):.1f} of 255 code values."
            )
        else:
            words = "No blocks of a codec show."
        worst = shot.start + int(np.argmax(each)) if severity > NOTICED else None
        return Verdict(self.category, severity, 1.0, words, figures, worst)


def blocking_severity(step: float, stands_out: float) -> float:
    """0 … 100 of the step at the grid, in 8-bit code values.

    5 at 1 code, 100 from 8, linear between; none of it where no grid stands out, all of it where one does clearly.
    """
    seen = float(np.interp(stands_out, STANDS_OUT, (0.0, 1.0)))
    return seen * float(np.interp(step, [knot[0] for knot in KNOTS], [knot[1] for knot in KNOTS]))


@dataclass(frozen=True)
class _Grid:
    """A grid that may be in a picture, in one direction."""

    scale: float
    """Its period in parts of 8 pixels."""
    phase: int
    stands_out: float
    steps: Floats
    """`(K, PARTS, n)`: see `_steps`."""
    phases: NDArray[np.intp]
    """`(K, n)`: see `_phases`."""

    def step(self) -> float:
        """What its phase has beyond the others, share of the code range, in the cells where that is most."""
        own = self.phases == self.phase
        other = np.isin((self.phases - self.phase) % PHASES, FAR)
        part = self.steps.shape[2] // PARTS
        shape = (*self.steps.shape[:2], PARTS, part)
        parted = self.steps[:, :, : PARTS * part].reshape(shape)
        means = []
        for mask in (own, other):
            weights = mask[:, : PARTS * part].reshape(len(mask), PARTS, part).astype(np.float32)
            held = np.maximum(weights.sum(axis=2), 1.0)
            means.append(np.einsum("kpcn,kcn->kpc", parted, weights) / held[:, None])
        at_grid, elsewhere = means
        live = at_grid > LIVE / self.scale
        if np.count_nonzero(live) < FEWEST_CELLS:
            return 0.0
        # an enlarged picture spreads a step over as many pixels
        return max(self.scale * float(np.quantile((at_grid - elsewhere)[live], SHOWS_MOST)), 0.0)


def _ratio(pair: tuple[_Grid, _Grid]) -> float:
    return pair[0].scale / pair[1].scale


def _steps(lumas: Floats, *, across: bool) -> Floats:
    """`(K, PARTS, t − 1)`: mean step from each column to the next, for each quarter of the tile's rows.

    Or from row to row by quarters of the columns.
    """
    steps = lumas[:, :, 1:] - lumas[:, :, :-1] if across else lumas[:, 1:] - lumas[:, :-1]
    np.abs(steps, out=steps)
    np.minimum(steps, np.float32(CAP), out=steps)
    means = _means(lumas.shape[1])
    return np.asarray(means.T @ steps if across else (steps @ means).transpose(0, 2, 1), np.float32)


@cache
def _means(side: int) -> Floats:
    """`(side, PARTS)`: times this, a line becomes the means of its quarters."""
    within = (np.arange(side) * PARTS // side)[:, None] == np.arange(PARTS)
    return np.asarray(within / within.sum(axis=0), np.float32)


def _grids(steps: Floats, starts: NDArray[np.intp]) -> list[_Grid]:
    """Every grid that may be in the mean steps `(K, PARTS, n)` of tiles that begin at `starts`."""
    profile = steps.mean(axis=1)
    length = profile.shape[1]
    scales = [scale for scale in SCALES if scale == 1.0 or PHASES * scale * LEAST_PERIODS <= length]
    phases = [_phases(tuple(starts.tolist()), length, scale) for scale in scales]
    values = profile.ravel()
    means = np.stack([np.bincount(one.ravel(), values, PHASES) / np.bincount(one.ravel()) for one in phases])
    best = np.argmax(means, axis=1)
    others = np.sort(np.take_along_axis(means, (best[:, None] + np.array(FAR)) % PHASES, axis=1), axis=1)
    own = means[np.arange(len(scales)), best]
    stands_out = np.maximum(own - others[:, -1], 0.0) / (others[:, len(FAR) // 2] + FLOOR)
    stands_out[1:] *= SCALED_SHARE
    return [
        _Grid(scale, int(best[number]), float(stands_out[number]), steps, phases[number])
        for number, scale in enumerate(scales)
    ]


@cache
def _phases(starts: tuple[int, ...], length: int, scale: float) -> NDArray[np.intp]:
    """`(K, length)`: the part of the period each step is in; at scale 1, those into pixels 0, 8, 16 … are in part 0."""
    places = np.asarray(starts)[:, None] + np.arange(1, length + 1)
    return np.asarray(np.floor(places / scale + 1e-6), np.intp) % PHASES
