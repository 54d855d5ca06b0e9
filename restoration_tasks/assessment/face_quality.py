"""How well a face can be made out: how large it is, how much detail it holds, how noisy it is, which way it looks.

The tier is that of the worst of these; each has a limit under which a face is *poor* and one from which it is *good*:

- **Width.** IEC 62676-4 asks for 125 pixels a metre to recognise a known person and for 250 to identify one; a face
  16 cm wide has 20 and 40 pixels then.
- **Detail**, in cycles across the width of the face: the frequency at which blur halves the contrast. People know
  faces by what lies between 8 and 13 cycles (R. Näsänen, "Spatial frequency bandwidth used in the recognition of facial
  images", Vision Research 39, 1999): a face that does not reach 8 has lost it, one that reaches 13 has all of it. The
  face is brought to 96 pixels wide, so that size counts too; the steepest of its slopes beside its contrast give
  the width of an edge, which `CALIBRATED` turns into cycles.
- **Noise.** Contrast beside noise, both of the face brought to that size (averaging takes noise from large ones). What
  is less than 5 times as strong as the noise is not seen for certain (A. Rose, "The sensitivity performance of the
  human eye on an absolute scale", 1948); from twice that noise takes nothing away.
- **Turned away.** Where the tip of the nose lies outside the eyes, or the box is cut by the frame, half the face is not
  there: such a face is *fair* at best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.float32]
"""`(h, w)`, shares of the code range."""

FACE_PX: Final = 96
"""Width faces are brought to."""
SMOOTH_PX: Final = 0.7
"""Standard deviation of the blur before slopes are taken; it and Sobel's own (0.8) are taken from the edge again."""
SOBEL_PX: Final = 0.8
GAUSSIAN: Final = 2.563
"""10–90 % width of an edge under a Gaussian blur, in its standard deviations; 1.02 of its step is its slope times
that."""
HALVED: Final = 0.48
"""Cycles a pixel at which that blur halves the contrast, times the width of the edge."""
STEEPEST: Final = 98.0
"""Percentile of the slopes that counts."""
CALIBRATED: Final = ((4.3, 4.0), (5.4, 6.0), (6.2, 8.0), (6.8, 10.0), (7.7, 13.0), (8.4, 16.0))
"""What is measured of a face blurred so that its contrast is halved at so many cycles. Edges inside a face are lower
than its whole contrast and not alone, so that the measure is drawn together. Means over five frames of the training
material's faces (`astronaut`, `talking`, `portrait`), each at up to three sizes."""
NOISE_SPREAD: Final = 3.29
"""5th to 95th percentile of noise, in its standard deviations."""
WIDTH_PX: Final = (20.0, 40.0)
DETAIL_CYCLES: Final = (8.0, 13.0)
CONTRAST_TO_NOISE: Final = (5.0, 10.0)
"""Under the first a face is poor, from the second it is good."""
TURNED: Final = 1.0
"""From which it is turned away: 0 when the tip of the nose is between the eyes, 1 when it is at one of them."""
EDGE_PX: Final = 1.0
"""A box that comes that near to the frame's edge is cut by it."""


class Tier(StrEnum):
    """How well a face can be made out."""

    POOR = "poor"
    FAIR = "fair"
    GOOD = "good"

    @property
    def rank(self) -> int:
        """0 is poor."""
        return list(Tier).index(self)


@dataclass(frozen=True)
class Quality:
    """What was measured of a face."""

    width_px: float
    """Pixels of the scan."""
    detail_cycles: float
    """Cycles a face, 0 to 16."""
    contrast: float
    """5th to 95th percentile of luma without what noise adds, share of the code range."""
    noise: float
    """Standard deviation at the scan's own size, share of the code range."""
    turned: float
    """0 frontal, 1 and more turned away; see `TURNED`."""
    cut: bool
    """Whether the frame cuts it."""

    @property
    def contrast_to_noise(self) -> float:
        """Both of the face at `FACE_PX`; at most 1000."""
        return min(self.contrast / max(_left(self.noise, self.width_px), 1e-6), 1000.0)

    @property
    def tiers(self) -> dict[str, Tier]:
        """By what each of the measures says of the face, in one word each."""
        whole = self.turned < TURNED
        return {
            "small": _tier(self.width_px, WIDTH_PX),
            "soft": _tier(self.detail_cycles, DETAIL_CYCLES),
            "noisy": _tier(self.contrast_to_noise, CONTRAST_TO_NOISE),
            "turned away": Tier.GOOD if whole else Tier.FAIR,
            "cut off": Tier.FAIR if self.cut else Tier.GOOD,
        }

    @property
    def tier(self) -> Tier:
        """The worst of them."""
        return min(self.tiers.values(), key=lambda tier: tier.rank)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What makes the face no better than it is; nothing if it is good."""
        tier = self.tier
        return tuple(word for word, own in self.tiers.items() if own is tier) if tier is not Tier.GOOD else ()


def _tier(value: float, limits: tuple[float, float]) -> Tier:
    return Tier.POOR if value < limits[0] else Tier.FAIR if value < limits[1] else Tier.GOOD


def measured(face: Luma, *, width_px: float, landmarks: Sequence[tuple[float, float]], cut: bool) -> Quality:
    """Measure a face.

    Args:
        face: luma inside its box, at the scan's own size; at least one pixel.
        width_px: width of the box in the scan.
        landmarks: x and y of left eye, right eye and tip of the nose first; any unit.
        cut: whether the frame cuts it.
    """
    height, width = face.shape
    size = (FACE_PX, max(round(height * FACE_PX / width), 4))
    way = cv2.INTER_AREA if width > FACE_PX else cv2.INTER_CUBIC
    shown = np.asarray(cv2.resize(face, size, interpolation=way), np.float32)
    low, high = np.percentile(shown, (5, 95))
    spread, noise = float(high - low), _noise(face)
    contrast = max(spread**2 - (NOISE_SPREAD * _left(noise, width_px)) ** 2, 0.0) ** 0.5
    return Quality(width_px, _detail(shown, spread), contrast, noise, _turned(landmarks), cut)


def _left(noise: float, width_px: float) -> float:
    """What is left of the noise when the face is brought to `FACE_PX`."""
    return noise * min(1.0, FACE_PX / max(width_px, 1.0))


def _detail(shown: Luma, contrast: float) -> float:
    smooth = cv2.GaussianBlur(shown, (0, 0), SMOOTH_PX)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = float(np.percentile(np.hypot(across, down), STEEPEST))
    if slope < 1e-5:
        return 0.0
    own = GAUSSIAN * float(np.hypot(SMOOTH_PX, SOBEL_PX))
    edge = max((1.02 * contrast / slope) ** 2 - own**2, 0.25) ** 0.5
    found, cycles = zip(*CALIBRATED, strict=True)
    at = HALVED * FACE_PX / edge
    if at < found[0]:
        return float(cycles[0] * at / found[0])
    return float(np.interp(at, found, cycles))


def _noise(face: Luma) -> float:
    """J. Immerkær, "Fast noise variance estimation", 1996: what is left of second differences both ways.

    By the median of their sizes, so that the drawing of the face counts little.
    """
    if min(face.shape) < 5:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    left = np.asarray(cv2.filter2D(face, cv2.CV_32F, kernel))[1:-1, 1:-1]
    return float(1.4826 * np.median(np.abs(left)) / 6.0)


def _turned(landmarks: Sequence[tuple[float, float]]) -> float:
    """How far the tip of the nose is from between the eyes, along the line through them; at most 10."""
    left, right, nose = (np.array(point) for point in landmarks[:3])
    axis = right - left
    length = float(axis @ axis)
    if length < 1e-6:
        return 10.0
    return float(min(abs(2.0 * float((nose - left) @ axis) / length - 1.0), 10.0))
