"""Measure flicker over a shot: how each frame's light stands out from the course the light of the shot takes.

The relation of each frame to the one before is measured by the segments (`light.py`). Here the relations of the whole
shot are chained, in natural logarithms of light; the chain is taken apart into a course and what comes and goes about
it (`lasting.py`); and a frame's correction is what brings it onto the course: scale-time equalisation (J. Delon: "Movie
and video scale-time equalization: application to flicker reduction", IEEE Transactions on Image Processing 15(1), 2006)
with a law of two numbers a frame, a gain in light and a contrast, which is what exposure and development do to film.

What is over light for a frame or three and far beyond the rest was meant (lightning, a flash): it is no part of the
course, and such a frame is left as it is. So are frames whose light is not comparable at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restoration_tasks.assessment.lasting import FEWEST_FRAMES, MEMORY, Doubles, lasting
from restoration_tasks.assessment.light import LightRelation

UNSEEN = 0.5
"""Amplitude, 8-bit code values, up to which nothing is to be seen, and nothing is said of a rhythm."""
MAD_TO_SD = 1.4826
FAR_OUT = 3.8
"""Standard deviations beyond which a frame is a flash, and no flicker."""
EVEN_BY_ROOT = 2.75
"""How much larger than the spread of most frames the standard deviation of all may be, beyond 1 and times the root of
their number: three times what chance makes of it in flicker with the memory of the simulator's."""
TIMES_UNSURE, IN_FEW = 3.0, 4.0
"""Times what the relations of a shot may be off by that flicker must reach to be believed, and by how many frames'
share of the shot more where there are few. Clean training clips thinned to every third and sixth frame stand out by
1.2 to 2.7 times as much over 24 frames, and up to 3.9 over 8; flicker that anybody sees by 4 and more."""
SPRINGS, DIES_AWAY = 1.5, 0.2
"""Skewness of the steps of light from which it springs up, and share of their variance that the next step takes back
up to which it dies away slowly. Simulated fireworks over training clips: 2.2 to 2.6, and 0.09 to 0.16; simulated
flicker up to 0.2, and mostly 0.24 and more."""
LONGEST_FLASH = 3
"""Frames that light may flash for."""
LEAST_FLASH = 0.1
"""Natural logarithm of light that a flash adds at least: ten per cent."""
MOST_FLICKER = 0.1
"""Usual flicker (natural logarithm of light) beyond which no flash can be told from it."""
FEWEST_FREQUENCIES = 6
MOST_MEMORY = 0.5
"""A rhythm has memory itself: more is not put down to noise."""
CHANCE = 0.01
"""Probability under which a rhythm is none of chance."""
GAIN_BOUNDS = (-1.4, 1.4)
CONTRAST_BOUNDS = (0.5, 2.0)
"""What a correction may be at most (natural logarithm of light; factor on it); beyond it is no flicker."""
DARKEST = 1e-3


@dataclass(frozen=True)
class LightMap:
    """`λ′ = contrast · λ + gain`, on natural logarithms of transmission."""

    gain: float = 0.0
    contrast: float = 1.0

    def then(self, after: LightMap) -> LightMap:
        """This map followed by `after`."""
        return LightMap(after.contrast * self.gain + after.gain, self.contrast * after.contrast)

    def at(self, light: float) -> float:
        """What becomes of a λ."""
        return self.contrast * light + self.gain

    @classmethod
    def of(cls, relation: LightRelation, *, evened: bool = False) -> LightMap:
        """From the frame before to this one. The relation is stated at the mean of both, so that it has an inverse."""
        half = relation.contrast / 2
        gain = relation.evened if evened else relation.gain
        return cls((gain - relation.contrast * relation.middle) / (1 - half), (1 + half) / (1 - half))


@dataclass(frozen=True)
class FlickerCurve:
    """The corrections of one shot's frames and how much flicker they take away."""

    corrections: tuple[LightMap, ...]
    """One a frame; applied to the frame's light they bring it onto the shot's course."""
    amplitude: float
    """How far frames stand out, as a standard deviation in 8-bit code values at the shot's mean level; single frames
    far out are left aside, and what the course took of the flicker is added again."""
    rhythm: float | None = None
    """Cycles a frame, up to 0.5, of what comes again and again; None if nothing does."""
    flashes: frozenset[int] = frozenset()
    """Places in the shot of frames whose light was meant, and that are left alone."""
    lit: bool = False
    """Whether the light springs up and dies away again and again, as that of fireworks: all of it was meant."""


def flicker_curve(
    relations: Sequence[LightRelation],
    level: float,
    *,
    otherwise: frozenset[int] = frozenset(),
    evened: bool = False,
) -> FlickerCurve:
    """The corrections for one whole shot.

    Args:
        relations: for each frame what its light does beside the frame before; the first frame's is not looked at.
        level: the shot's mean level, share of the code range, at which amplitude is measured.
        otherwise: places in the shot of frames that were meant to be lighter or darker, or are mixtures.
        evened: whether flicker that differs over the picture is corrected besides.
    """
    frames = len(relations)
    if frames < FEWEST_FRAMES:
        return FlickerCurve((LightMap(),) * frames, 0.0)
    light = float(np.log(max(level, DARKEST)))
    lights, contrasts = _chain(relations, light, otherwise, evened=evened)
    course = _course(lights, otherwise)
    flashes = course.flashes
    contrast = np.exp(lasting(contrasts, course.known).course - contrasts)
    corrections = []
    for place in range(frames):
        if place in flashes or place in otherwise:
            corrections.append(LightMap())
            continue
        slope = float(np.clip(contrast[place], *CONTRAST_BOUNDS))
        # The frame's own light at the level of the shot goes to the course's; contrast turns about it.
        gain = course.course[place] - slope * lights[place] + light * (1 - slope)
        corrections.append(LightMap(float(np.clip(gain, *GAIN_BOUNDS)), slope))
    stands_out = level * (course.course - lights)[course.known]
    if _springs(np.where(course.known, lights - course.course, 0.0), course.known):
        return FlickerCurve((LightMap(),) * frames, 0.0, lit=True)
    unsure = float(np.sqrt(np.mean(np.square([one.unsure for one in relations[1:]]))))
    doubted = 255.0 * level * TIMES_UNSURE * (1 + IN_FEW / frames) * unsure
    amplitude = _believed(255.0 * spread_of(stands_out) / course.left, doubted)
    return FlickerCurve(
        tuple(corrections), amplitude, rhythm(stands_out) if amplitude > UNSEEN else None, frozenset(flashes)
    )


@dataclass(frozen=True)
class _Course:
    course: Doubles
    left: float
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    flashes: set[int]


def _course(lights: Doubles, otherwise: frozenset[int]) -> _Course:
    """The course of a shot's light, looked for again without what flashes."""
    known = np.ones(len(lights), np.bool_)
    known[[place for place in otherwise if place < len(lights)]] = False
    flashes: set[int] = set()
    apart = lasting(lights, known)
    for _ in range(3):
        found = _flashes(lights - apart.course, known) - flashes
        if not found or np.count_nonzero(known) - len(found) < FEWEST_FRAMES:
            break
        flashes |= found
        known[list(found)] = False
        apart = lasting(lights, known)
    return _Course(apart.course, apart.left, known, flashes)


def _flashes(apart: Doubles, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> set[int]:
    """Frames that together are far lighter than the course, three running at most."""
    usual = MAD_TO_SD * float(np.median(np.abs(apart[known]))) if known.any() else 0.0
    if usual > MOST_FLICKER:
        return set()
    excess = np.where(known, apart, 0.0)
    found: set[int] = set()
    for length in range(1, LONGEST_FLASH + 1):
        together = np.convolve(excess, np.ones(length), "valid")
        least = np.lib.stride_tricks.sliding_window_view(excess, length).min(axis=1)
        # What flicker with its memory adds up to over so many frames.
        beside = MEMORY ** np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        far = np.maximum(FAR_OUT * usual * float(np.sqrt(beside.sum())), LEAST_FLASH * length)
        for start in np.flatnonzero((together > far) & (least > usual)):
            found |= set(range(int(start), int(start) + length))
    return found


def spread_of(stands_out: Doubles) -> float:
    """Standard deviation of how far frames stand out, where most say how far.

    Where some frames stand out far more than most, they were measured badly because much moves: then most count.
    """
    if len(stands_out) == 0:
        return 0.0
    apart = stands_out - np.median(stands_out)
    spread = MAD_TO_SD * float(np.median(np.abs(apart)))
    usual = apart[np.abs(apart) <= FAR_OUT * spread]
    found = float(usual.std()) if len(usual) else 0.0
    return found if found <= (1 + EVEN_BY_ROOT / np.sqrt(len(apart))) * spread else spread


def _springs(apart: Doubles, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
    """Whether light springs up at once and dies away slowly, which flicker, being the same both ways, does not."""
    steps = np.where(known[1:] & known[:-1], np.diff(apart), 0.0)
    power, spread = float(np.mean(np.square(steps))), float(steps.std())
    if spread <= 0:
        return False
    skewed = float(np.mean((steps - steps.mean()) ** 3)) / spread**3
    back = -float(np.mean(steps[1:] * steps[:-1])) / power
    return skewed > SPRINGS and back < DIES_AWAY


def _believed(amplitude: float, doubted: float) -> float:
    """What is left of an amplitude: nothing up to what is doubted, nearly all from twice that on."""
    return float(amplitude * np.sqrt(1.0 - (doubted / amplitude) ** 4)) if amplitude > doubted else 0.0


def _chain(
    relations: Sequence[LightRelation], light: float, otherwise: frozenset[int], *, evened: bool
) -> tuple[Doubles, Doubles]:
    """What the maps from the first frame to every frame add to a light, and the logarithm of their contrasts."""
    chained = LightMap()
    lights, contrasts = [0.0], [0.0]
    for place, relation in enumerate(relations[1:], 1):
        if not {place - 1, place} & otherwise:
            chained = chained.then(LightMap.of(relation, evened=evened))
        lights.append(chained.at(light) - light)
        contrasts.append(float(np.log(chained.contrast)))
    return np.array(lights), np.array(contrasts)


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
