"""Measure flicker over a shot: how each frame's brightness stands out from the course the shot's brightness takes.

The relation of each frame to the ones beside it is measured by the segments, robustly against motion and dirt. Here the
relations of the whole shot are chained, the chain is smoothed in time, and a frame's correction is what brings it onto
the smoothed course: the affine case of Delon's scale-time equalisation ("Movie and video scale-time equalization:
application to flicker reduction", IEEE Transactions on Image Processing 15(1), 2006). How far to smooth is chosen by
leave-one-out cross-validation, so that a fade or a slow change of light is followed and kept; of the windows that
predict about as well the widest is taken, because flicker that lasts two or three frames otherwise passes for light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restoration_tasks.assessment.course import Doubles, chosen_bandwidth, local_linear
from restoration_tasks.restoration.tone import ToneMap

FEWEST_FRAMES = 5
"""Under so many frames flicker cannot be told from a change of light."""
GAIN_BOUNDS = (0.25, 4.0)
OFFSET_BOUNDS = (-0.5, 0.5)
"""What a correction may be at most; beyond it is no flicker."""


@dataclass(frozen=True)
class FlickerCurve:
    """The corrections of one shot's frames and how much flicker they take away."""

    corrections: tuple[ToneMap, ...]
    """One a frame; applied to the frame's code values they bring it onto the shot's smoothed course."""
    amplitude: float
    """How far frames stand out, as a standard deviation in 8-bit code values at the shot's mean level (from the
    median absolute deviation, so that single flashes do not make flicker)."""
    bandwidth_frames: float
    """Standard deviation of the smoothing window that was chosen."""


def flicker_curve(relations: Sequence[ToneMap], level: float) -> FlickerCurve:
    """The corrections for one whole shot.

    Args:
        relations: for each frame the map from the frame before it; the first frame's is not looked at.
        level: the shot's mean level, share of the code range, at which amplitude is measured.
    """
    frames = len(relations)
    if frames < FEWEST_FRAMES:
        return FlickerCurve((ToneMap(),) * frames, 0.0, 0.0)
    gains, offsets = _chain(relations)
    course = gains * level + offsets
    bandwidth = chosen_bandwidth(course)
    smoother = local_linear(frames, bandwidth)
    gain = (smoother @ gains) / gains
    offset = smoother @ offsets - offsets * gain
    corrections = tuple(
        ToneMap(float(np.clip(g, *GAIN_BOUNDS)), float(np.clip(o, *OFFSET_BOUNDS)))
        for g, o in zip(gain, offset, strict=True)
    )
    stands_out = np.array([correction.change_at(level) for correction in corrections])
    amplitude = 255.0 * 1.4826 * float(np.median(np.abs(stands_out - np.median(stands_out))))
    return FlickerCurve(corrections, amplitude, bandwidth)


def flicker_severity(amplitude: float) -> float:
    """Severity 0 … 100 of an amplitude in 8-bit code values, by octaves: 0 up to 0.5, 17 at 1, 50 at 4, 100 from 32."""
    if amplitude <= 0.5:
        return 0.0
    return float(min(100.0, 100.0 / 6.0 * np.log2(amplitude / 0.5)))


def _chain(relations: Sequence[ToneMap]) -> tuple[Doubles, Doubles]:
    """Maps from the first frame to every frame, as gains and offsets."""
    chained = [ToneMap()]
    for relation in relations[1:]:
        chained.append(chained[-1].then(relation))
    return np.array([tone.gain for tone in chained]), np.array([tone.offset for tone in chained])
