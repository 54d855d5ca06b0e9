"""Clipped blacks and whites: what the scanner or an earlier copy cut off, which no restoration brings back.

A frame is clipped where many pixels share the very lowest or the very highest value in it although the picture around
them is not flat there: a scan's own noise spreads a black or a white over several codes, a clipped one has them all in
one. Source of the idea: clip indicators of scanners and of QCTools ("YMAX/YHIGH
and the flat-topped histogram"); the law is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances

NEAR = 0.01
"""Codes within this share of the extreme are compared with it."""
PEAKED = 0.6
"""Of those, so many in the extreme code itself make it a clip: noise would spread them."""
SLOPE = 0.02
"""And beside them so many on their way there, as a share of them: without, the end is flat by nature, as the ground of
a title or a leader is."""
ENDS = (0.04, 0.93)
"""Extremes between these shares are shadows and lights of the picture, not ends of the range. Video black and white
(16 and 235 of 255) lie outside."""
BARE = 0.03
"""Share of pixels up to which a clip is nothing: lamps, specular lights, the deepest shadows. The validation clip, a
street with lamps that nobody would call cut off, has 0.026."""
WHOLE = 0.4
"""Share from which severity is 100."""


@dataclass(frozen=True)
class ClippingReading:
    """Of one frame."""

    black: float
    """Share of the pixels looked at that are clipped at the dark end, 0–1."""
    white: float
    """Share at the light end, 0–1."""


class ClippingGauge(Gauge[ClippingReading]):
    """Reads how much of a frame is cut off at either end."""

    category: ClassVar[Category] = Category.CLIPPING
    reading: ClassVar[type[ClippingReading]] = ClippingReading

    def read(self, window: Glances) -> ClippingReading:
        """Read one frame."""
        values = window[0].rows.reshape(-1, window[0].rows.shape[2])
        return ClippingReading(black=_clipped(values, low=True), white=_clipped(values, low=False))

    def judge(self, rows: Sequence[ClippingReading], shot: ShotFacts) -> Verdict:
        """The mean of the frames' larger ends."""
        black, white = (float(np.mean([getattr(row, name) for row in rows])) for name in ("black", "white"))
        worst = max(range(len(rows)), key=lambda place: rows[place].black + rows[place].white)
        severity = clipping_severity(max(black, white))
        ends = [
            f"{100 * share:.1f} % of the {name}"
            for share, name in ((black, "shadows"), (white, "lights"))
            if share > BARE
        ]
        words = (
            f"Cut off: {' and '.join(ends)} hold no drawing any more." if severity > 0 else "Blacks and whites hold."
        )
        figures = {"black_share": round(black, 6), "white_share": round(white, 6)}
        return Verdict(self.category, severity, 1.0, words, figures, shot.start + worst if severity > 0 else None)


def clipping_severity(share: float) -> float:
    """0 … 100 of a share of the picture, by its logarithm: 0 up to 3 %, 50 at 11 %, 100 from 40 %."""
    if share <= BARE:
        return 0.0
    return float(min(100.0, 100.0 * np.log(share / BARE) / np.log(WHOLE / BARE)))


def _clipped(values: NDArray[np.float32], *, low: bool) -> float:
    """The larger share of the channels that is clipped at one end."""
    most = 0.0
    for channel in values.T:
        end = float(channel.min() if low else channel.max())
        if (end > ENDS[0]) if low else (end < ENDS[1]):
            continue
        apart = np.abs(channel - end)
        near, peak = np.count_nonzero(apart <= NEAR), np.count_nonzero(apart < 1e-6)
        if PEAKED * near <= peak <= near / (1 + SLOPE):
            most = max(most, peak / len(channel))
    return float(most)
