"""The smooth course a figure takes over a shot, and how far to smooth: what jumps from frame to frame is left over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

BANDWIDTHS_FRAMES = (1.5, 3.0, 6.0, 12.0, 24.0)
"""Standard deviations (frames) of the smoothing windows to choose from. Wider ones would follow the error that adds
up along a chain."""
ERROR_TOLERATED = 2.0
"""The widest window is taken whose prediction error is at most this many times the best window's."""


def chosen_bandwidth(course: Doubles, bandwidths: Sequence[float] = BANDWIDTHS_FRAMES) -> float:
    """The window to smooth a course `(T,)` with, by leave-one-out cross-validation.

    Of the windows that predict about as well the widest is taken: what lasts two or three frames otherwise passes for
    the course itself.
    """
    errors = {candidate: _left_out_error(course, candidate) for candidate in bandwidths}
    tolerated = ERROR_TOLERATED * min(errors.values())
    return max(candidate for candidate, error in errors.items() if error <= tolerated)


def local_linear(frames: int, bandwidth: float) -> Doubles:
    """`(T, T)` weights of local linear regression with a Gaussian window.

    A steady trend is kept, also at a shot's ends. See Fan & Gijbels, "Local Polynomial Modelling and Its Applications"
    (1996), section 3.
    """
    time = np.arange(frames, dtype=np.float64)
    apart = time[None, :] - time[:, None]
    kernel = np.exp(-0.5 * np.square(apart / bandwidth))
    first = (kernel * apart).sum(axis=1, keepdims=True)
    second = (kernel * np.square(apart)).sum(axis=1, keepdims=True)
    weights = kernel * (second - first * apart)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def _left_out_error(course: Doubles, bandwidth: float) -> float:
    """Mean square error of predicting each frame from the others with this window."""
    smoother = local_linear(len(course), bandwidth)
    own = np.clip(np.diag(smoother), None, 0.999)
    return float(np.mean(np.square((course - smoother @ course) / (1.0 - own))))
