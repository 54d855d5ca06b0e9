"""What lasts of a figure over a shot and what comes and goes: the course light takes, apart from flicker.

A figure is taken for the sum of a course and of flicker. Flicker is a process of first order about zero with a memory
of `MEMORY`. The course is a random walk, with or without a steady trend; how far it walks from frame to frame is found
by marginal likelihood (A. C. Harvey: "Forecasting, Structural Time Series Models and the Kalman Filter", 1989, sections
2.3 and 4.3), with a prior at what the relations between frames are off by when nothing flickers. So the weaker flicker
is, the nearer it is followed, and errors that add up along a chain of relations end in the course, not in a correction:
over any number of frames it does not wander. The walk's steps are Student-t distributed (iteratively reweighted), and
where it surely takes one long step, as when a lamp is switched on, both sides are looked at apart.

All matrices are tridiagonal: cost and memory grow with the length only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

MEMORY = 0.4
"""How much of a frame's flicker the next one keeps at most."""
STEP = 0.0015
"""Usual step of the course from frame to frame (natural logarithm): what relations are off by, and slow light."""
STEP_SPREAD = 1.0
"""Spread of that, natural logarithm."""
SLOPE = 0.001
"""Usual slope of the course (natural logarithm a frame), likewise."""
TREND_COST = 3.0
"""Log likelihood that any other slope must gain, and a bend again: what short flicker makes by chance is none."""
STEP_COST = 7.0
"""Log likelihood that a step must gain, wherever it lies: 3.7 standard deviations."""
IN_FEW = 4
"""Both costs grow by the number of frames over this many fewer: what few frames gain by a number more is more often
chance (C. M. Hurvich, C.-L. Tsai: "Regression and time series model selection in small samples", 1989)."""
LEAST_STAY = 4
"""Frames on each side of a step: what is shorter is a flash, or flicker."""
MOST_BREAKS = 16
FREE = 1e-6
"""Weight that holds the two sides of a step together."""
FREEDOM = 4.0
"""Degrees of freedom of the steps."""
ROUNDS = 8
RATIOS = np.exp(np.linspace(np.log(1e-6), np.log(4.0), 28))
"""Variance of a step, in variances of the flicker, that are tried."""
FEWEST_FRAMES = 5


@dataclass(frozen=True)
class Lasting:
    """A figure taken apart."""

    course: Doubles
    """`(T,)`."""
    flicker: float
    """Standard deviation of the flicker that was found likeliest."""
    left: float
    """Share of flicker without memory that the course leaves over, amplitude, 0–1."""


def lasting(figure: Doubles, known: NDArray[np.bool_] | None = None) -> Lasting:
    """The course of a figure `(T,)`; where it is not `known` it is bridged.

    A shot of fewer than five frames is all course.
    """
    frames = len(figure)
    if frames < FEWEST_FRAMES:
        return Lasting(figure.copy(), 0.0, 1.0)
    bridged = figure if known is None else _bridged(figure, known)
    flicker = _Tridiagonal.first_order(frames)
    time = np.arange(frames, dtype=np.float64) - (frames - 1) / 2
    level, breaks = bridged, np.zeros(frames - 1, np.bool_)
    found = _likeliest(level, time, flicker)
    while np.count_nonzero(breaks) < MOST_BREAKS:
        # A step in the middle passes for a trend: both are tried.
        tried = [_without_step(level, trend, flicker, found) for trend in (np.zeros(frames), found.trend)]
        options = [(_likeliest(one, time, flicker), one, place) for one, place in tried if place]
        best, left, place = max(options, key=lambda option: option[0].best, default=(found, level, 0))
        if best.best < found.best + STEP_COST * _in_few(frames):
            break
        found, level = best, left
        breaks[place - 1] = True
    steps = bridged - level
    level = level - found.trend
    weights = np.where(breaks, FREE, 1.0) / found.ratio
    course = level
    for _ in range(ROUNDS):
        course = flicker.plus_steps(weights).solved(flicker.times(level))
        far = np.square(np.diff(course)) / (found.ratio * found.variance)
        weights = np.where(breaks, FREE, (FREEDOM + 1) / (FREEDOM + far)) / found.ratio
    middle = np.zeros(frames)
    middle[frames // 2] = 1.0
    taken = flicker.plus_steps(np.full(frames - 1, 1.0 / found.ratio)).solved(flicker.times(middle))[frames // 2]
    share = float(np.sqrt(np.clip(1.0 - taken, 0.05, 1.0)))
    return Lasting(course + steps + found.trend, float(np.sqrt(found.variance)), share)


def _bridged(figure: Doubles, known: NDArray[np.bool_]) -> Doubles:
    places = np.flatnonzero(known)
    if len(places) == 0:
        return np.zeros_like(figure)
    return np.interp(np.arange(len(figure)), places, figure[places])


@dataclass(frozen=True)
class _Likely:
    """How likely a ratio is, with the trend that is likeliest."""

    ratio: float
    best: float
    variance: float
    """Of the flicker."""
    trend: Doubles
    """`(T,)`: what the course does steadily."""


def _likeliest(figure: Doubles, time: Doubles, flicker: _Tridiagonal) -> _Likely:
    return max((_likely(figure, time, flicker, ratio) for ratio in RATIOS), key=lambda one: one.best)


def _likely(figure: Doubles, time: Doubles, flicker: _Tridiagonal, ratio: float) -> _Likely:
    """Marginal log likelihood (but for constants) of a figure, its level free, its variance the likeliest.

    A trend is a slope as is usual, drawn towards none by its prior; or any, at a cost, with a bend for another cost.
    """
    frames = len(figure)
    both = flicker.plus_steps(np.full(frames - 1, 1.0 / ratio))
    terms = np.stack((time, np.square(time) - np.square(time).mean()))
    white = np.stack([_whitened(term, flicker, both) for term in terms])
    told, sure = white @ figure, white @ terms.T
    square = float(figure @ _whitened(figure, flicker, both))

    def likelihood(left: float, freedom: int) -> tuple[float, float]:
        variance = max(left / freedom, 1e-10)
        step = np.log(np.sqrt(ratio * variance) / STEP) / STEP_SPREAD
        fit = (frames - 1) * (np.log(variance) + np.log(ratio)) + both.log_determinant
        return float(-0.5 * (fit + step * step)), variance

    best, variance = likelihood(square, frames - 1)
    likely = _Likely(ratio, best, variance, time * told[0] / (sure[0, 0] + variance / SLOPE**2))
    for degree in (1, 2):
        shares = np.linalg.solve(sure[:degree, :degree], told[:degree])
        best, variance = likelihood(square - float(shares @ told[:degree]), frames - 1 - degree)
        cost = degree * TREND_COST * _in_few(frames)
        if best - cost > likely.best:
            likely = _Likely(ratio, best - cost, variance, shares @ terms[:degree])
    return likely


def _in_few(frames: int) -> float:
    return frames / max(frames - IN_FEW, 1)


def _whitened(values: Doubles, flicker: _Tridiagonal, both: _Tridiagonal) -> Doubles:
    """Product with the inverse covariance of flicker and course together, in units of the flicker's variance."""
    own = flicker.times(values)
    return own - flicker.times(both.solved(own))


def _without_step(level: Doubles, trend: Doubles, flicker: _Tridiagonal, found: _Likely) -> tuple[Doubles, int]:
    """A figure without the likeliest step for good, and the frame it lies before; 0 where there is no room for one.

    A score test of a step at every place at once. What a step in the middle weighs is taken for all; towards the ends
    it weighs less, so that one there must be larger.
    """
    frames = len(level)
    both = flicker.plus_steps(np.full(frames - 1, 1.0 / found.ratio))
    onward = np.cumsum(_whitened(level - trend, flicker, both)[::-1])[::-1]
    middle = (np.arange(frames) >= frames // 2).astype(np.float64)
    weight = float(middle @ _whitened(middle, flicker, both))
    inner = np.abs(onward[LEAST_STAY : frames - LEAST_STAY + 1])
    if len(inner) == 0:
        return level, 0
    place = LEAST_STAY + int(np.argmax(inner))
    return level - np.where(np.arange(frames) >= place, onward[place] / weight, 0.0), place


class _Tridiagonal:
    """A symmetric positive definite tridiagonal matrix."""

    def __init__(self, diagonal: Doubles, beside: Doubles) -> None:
        self._diagonal, self._beside = diagonal, beside
        self._factor: Doubles | None = None

    @classmethod
    def first_order(cls, frames: int) -> _Tridiagonal:
        """The inverse covariance of flicker of variance 1."""
        diagonal = np.full(frames, 1 + MEMORY**2)
        diagonal[[0, -1]] = 1.0
        return cls(diagonal / (1 - MEMORY**2), np.full(frames - 1, -MEMORY / (1 - MEMORY**2)))

    def plus_steps(self, weights: Doubles) -> _Tridiagonal:
        """The matrix with each step from frame to frame held together by a weight `(T − 1,)`."""
        diagonal = self._diagonal.copy()
        diagonal[:-1] += weights
        diagonal[1:] += weights
        return _Tridiagonal(diagonal, self._beside - weights)

    def times(self, values: Doubles) -> Doubles:
        """Its product with a vector."""
        product = self._diagonal * values
        product[:-1] += self._beside * values[1:]
        product[1:] += self._beside * values[:-1]
        return product

    def solved(self, right: Doubles) -> Doubles:
        """The vector whose product is `right`."""
        from scipy.linalg import cho_solve_banded

        return np.asarray(cho_solve_banded((self._cholesky, False), right))

    @property
    def log_determinant(self) -> float:
        """Of the matrix."""
        return 2.0 * float(np.log(self._cholesky[1]).sum())

    @property
    def _cholesky(self) -> Doubles:
        from scipy.linalg import cholesky_banded

        if self._factor is None:
            bands = np.zeros((2, len(self._diagonal)))
            bands[0, 1:], bands[1] = self._beside, self._diagonal
            self._factor = np.asarray(cholesky_banded(bands))
        return self._factor
