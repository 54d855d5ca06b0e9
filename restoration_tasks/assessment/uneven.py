"""Gauge of flicker that differs over the picture: a lamp or a shutter that lights one side more, another frame another.

A frame is parted into four by four cells. What a cell gains on the frame before, beyond what the picture as a whole
gains, comes and goes at random where it is flicker: one frame's gain is the next frame's loss. What moves through a
cell goes on for some frames. The variance of the gains and the covariance of each with the next tell the two apart (a
process of first order: its memory is 1 − 2r, r the share of the variance that the next frame takes back).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.evening import shot_flicker
from restoration_tasks.assessment.flicker import flicker_severity
from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances
from restoration_tasks.assessment.light import LightRelation, relate

SIDE = 4
"""Cells each way."""
WIDTH_PX = 96
"""Cells are compared in pictures this wide."""
DARKEST = 8.0 / 255.0
"""Shares of the code range under which a gain is not followed."""
TAKEN_BACK = 0.2
"""Share of the variance that the next frame must take back: flicker with the memory of the simulator's (0.35) takes
0.33, without any 0.5; what moves takes about none."""
HIDDEN = 0.15
"""Share of what pixels within a cell differ by, under which nothing is said: on training clips thinned to every sixth
and eighth frame movement made up to 0.09, the simulator's weakest local flicker makes 0.2 where little moves."""
FEWEST_FRAMES = 8
"""Steps from a frame to the next but one that bursts must have."""
FEWEST_TOLD = 6
"""Frames of a whole shot without which a course and flicker cannot be told apart."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class UnevenReading:
    """Gains of a frame on the one before, as natural logarithms; 0 at the first frame of a shot."""

    follows: bool
    """Whether there is a frame before."""
    level: float
    """Mean luma, share of the code range."""
    unlike: float = 0.0
    """How much the gains of pixels within a cell differ (interquartile range, root mean square over the cells): what
    light does to all of them alike, movement does to each in its own way."""
    cell_0: float = 0.0
    cell_1: float = 0.0
    cell_2: float = 0.0
    cell_3: float = 0.0
    cell_4: float = 0.0
    cell_5: float = 0.0
    cell_6: float = 0.0
    cell_7: float = 0.0
    cell_8: float = 0.0
    cell_9: float = 0.0
    cell_10: float = 0.0
    cell_11: float = 0.0
    cell_12: float = 0.0
    cell_13: float = 0.0
    cell_14: float = 0.0
    cell_15: float = 0.0
    gain: float = 0.0
    """From here on as `LightRelation`: what the plan evens flicker out by, motion followed."""
    evened: float = 0.0
    contrast: float = 0.0
    middle: float = 0.0
    red: float = 0.0
    blue: float = 0.0
    shapes: tuple[float, ...] = LightRelation().shapes
    unsure: float = 0.0

    @property
    def relation(self) -> LightRelation:
        """How its light relates to that of the frame before."""
        return LightRelation(
            self.gain, self.evened, self.contrast, self.middle, self.red, self.blue, self.shapes, self.unsure
        )

    @property
    def cells(self) -> tuple[float, ...]:
        """What each cell gains, in place."""
        return tuple(getattr(self, name) for name in _CELLS)


_CELLS = tuple(f"cell_{number}" for number in range(SIDE**2))


class UnevenGauge(Gauge[UnevenReading]):
    """Reads what each part of the picture gains from frame to frame."""

    category: ClassVar[Category] = Category.FLICKER
    reading: ClassVar[type[UnevenReading]] = UnevenReading
    radius: ClassVar[int] = 1

    def read(self, window: Glances) -> UnevenReading:
        """Compare a frame with the one before, cell by cell: the median of its pixels' gains."""
        here = _small(window[0])
        if -1 not in window:
            return UnevenReading(False, float(here.mean()))
        before = _small(window[-1])
        gains = (here - before) / np.maximum((here + before) / 2, DARKEST)
        quarters = np.array(
            [
                np.quantile(cell, (0.25, 0.5, 0.75))
                for band in np.array_split(gains, min(SIDE, gains.shape[0]), axis=0)
                for cell in np.array_split(band, min(SIDE, gains.shape[1]), axis=1)
            ]
        )
        unlike = float(np.sqrt(np.mean(np.square(quarters[:, 2] - quarters[:, 0]))))
        cells = dict(zip(_CELLS, quarters[:, 1].tolist(), strict=False))
        return UnevenReading(True, float(here.mean()), unlike, **cells, **asdict(relate(window[-1], window[0])))

    def judge(self, rows: Sequence[UnevenReading], shot: ShotFacts) -> Verdict:  # noqa: ARG002
        """How far the whole picture and its parts stand out, 8-bit code values.

        Of a whole shot that is what the plan evens out by. Of bursts from here and there, which have no common course,
        it is read off the cells.
        """
        follows = np.array([row.follows for row in rows])
        level = 255.0 * float(np.mean([row.level for row in rows]))
        if follows[1:].all() and len(rows) >= FEWEST_TOLD:
            found = shot_flicker([row.relation for row in rows], level / 255.0)
            return _verdict(found.curve.amplitude, found.local.amplitude)
        gains = np.array([row.cells for row in rows])
        if np.count_nonzero(follows[1:] & follows[:-1]) < FEWEST_FRAMES:
            return Verdict(Category.FLICKER, 0.0, 0.0, "Too few frames to tell flicker.", {})
        whole = np.median(gains, axis=1, keepdims=True)
        hidden = HIDDEN * float(np.sqrt(np.mean(np.square([row.unlike for row in rows if row.follows]))))
        overall, local = (
            level * (unrest if unrest > hidden else 0.0)
            for unrest in (_unrest(whole, follows), _unrest(gains - whole, follows))
        )
        return _verdict(overall, local)


def _verdict(whole: float, local: float) -> Verdict:
    words = (
        f"Brightness jumps by {whole:.1f} of 255 code values from frame to frame, "
        f"and differs over the picture by {local:.1f}."
    )
    figures = {"whole_codes": round(whole, 3), "local_codes": round(local, 3)}
    return Verdict(Category.FLICKER, flicker_severity(float(np.hypot(whole, local))), 1.0, words, figures)


def _small(glance: Glance) -> NDArray[np.float32]:
    height, width = glance.luma.shape
    size = (min(WIDTH_PX, width), max(round(height * min(WIDTH_PX / width, 1.0)), 1))
    small = cv2.resize(glance.luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(size[::-1])


def _unrest(gains: Doubles, follows: NDArray[np.bool_]) -> float:
    """Root mean square over the columns of how far each comes and goes at random.

    Args:
        gains: `(T, K)`, on the frame before.
        follows: `(T,)`, where there is one.
    """
    pairs = np.flatnonzero(follows[1:] & follows[:-1])
    steps, onward = gains[pairs], gains[pairs + 1]
    variance = (np.square(steps).mean(axis=0) + np.square(onward).mean(axis=0)) / 2
    back = -(steps * onward).mean(axis=0) / np.maximum(variance, 1e-12)
    together = float((variance * back).sum() / max(variance.sum(), 1e-12))
    if together >= TAKEN_BACK:
        return float(np.sqrt(variance.mean() / (4 * min(together, 0.5))))
    own = variance / (4 * np.clip(back, TAKEN_BACK, 0.5))
    return float(np.sqrt(np.mean(np.where(back >= TAKEN_BACK, own, 0.0))))
