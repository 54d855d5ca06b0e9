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
UNSEEN = 0.5
"""Amplitude, 8-bit code values, up to which nothing is to be seen, and nothing is said of a rhythm."""
MAD_TO_SD = 1.4826
FAR_OUT = 3.5
"""Standard deviations beyond which a frame is a flash, and no flicker."""
EVEN = 1.35
"""How much larger than the spread of most frames the standard deviation of all may be: three times its own error over
48 frames of noise."""
LEAST_SHARE = 0.3
FEWEST_FREQUENCIES = 6
MOST_MEMORY = 0.5
"""A rhythm has memory itself: more is not put down to noise."""
CHANCE = 0.01
"""Probability under which a rhythm is none of chance."""
GAIN_BOUNDS = (0.25, 4.0)
OFFSET_BOUNDS = (-0.5, 0.5)
"""What a correction may be at most; beyond it is no flicker."""


@dataclass(frozen=True)
class FlickerCurve:
    """The corrections of one shot's frames and how much flicker they take away."""

    corrections: tuple[ToneMap, ...]
    """One a frame; applied to the frame's code values they bring it onto the shot's smoothed course."""
    amplitude: float
    """How far frames stand out, as a standard deviation in 8-bit code values at the shot's mean level; single frames
    far out are left aside, and what the smoothed course took of the flicker is added again."""
    bandwidth_frames: float
    """Standard deviation of the smoothing window that was chosen."""
    rhythm: float | None = None
    """Cycles a frame, up to 0.5, of what comes again and again; None if nothing does."""


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
    amplitude = 255.0 * _amplitude(stands_out, smoother)
    return FlickerCurve(corrections, amplitude, bandwidth, rhythm(stands_out) if amplitude > UNSEEN else None)


def _amplitude(stands_out: Doubles, smoother: Doubles) -> float:
    """Standard deviation of what the smoother left over, made up for what it took (of noise, its trace says how much).

    Where some frames stand out far more than most, they were measured badly because much moves: then most count.

    On the simulator's courses of 48 frames it is within 4 % of the true one (root mean square); the median absolute
    deviation alone was within 13 %.
    """
    apart = stands_out - np.median(stands_out)
    spread = MAD_TO_SD * float(np.median(np.abs(apart)))
    usual = apart[np.abs(apart) <= FAR_OUT * spread]
    left = np.eye(len(smoother)) - smoother
    share = float(np.sqrt(np.mean(np.square(left).sum(axis=1))))
    found = float(usual.std()) if len(usual) else 0.0
    return (found if found <= EVEN * spread else spread) / max(share, LEAST_SHARE)


def rhythm(stands_out: Doubles) -> float | None:
    """The frequency that stands out of a course, cycles a frame; None if none does.

    The periodogram is held against red noise of the course's own memory (C. Torrence, G. P. Compo: "A Practical Guide
    to Wavelet Analysis", 1998, section 4), and its peak against chance (R. A. Fisher: "Tests of significance in
    harmonic analysis", 1929).
    """
    frames = len(stands_out)
    apart = stands_out - stands_out.mean()
    power = np.square(np.abs(np.fft.rfft(apart)))[1 : (frames + 1) // 2]
    if len(power) < FEWEST_FREQUENCIES or not power.sum() > 0:
        return None
    memory = float(np.clip(apart[1:] @ apart[:-1] / (apart @ apart), 0.0, MOST_MEMORY))
    at = np.arange(1, len(power) + 1) / frames
    share = power * (1 + memory**2 - 2 * memory * np.cos(2 * np.pi * at))
    peak = int(np.argmax(share))
    chance = len(share) * (1 - share[peak] / share.sum()) ** (len(share) - 1)
    return round(float(at[peak]), 4) if chance < CHANCE else None


def flicker_severity(amplitude: float) -> float:
    """Severity 0 … 100 of an amplitude in 8-bit code values, by octaves: 0 up to 0.5, 17 at 1, 50 at 4, 100 from 32."""
    if amplitude <= UNSEEN:
        return 0.0
    return float(min(100.0, 100.0 / 6.0 * np.log2(amplitude / UNSEEN)))


def _chain(relations: Sequence[ToneMap]) -> tuple[Doubles, Doubles]:
    """Maps from the first frame to every frame, as gains and offsets."""
    chained = [ToneMap()]
    for relation in relations[1:]:
        chained.append(chained[-1].then(relation))
    return np.array([tone.gain for tone in chained]), np.array([tone.offset for tone in chained])
