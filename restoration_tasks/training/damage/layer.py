"""A sheet of matter on the film: opacity and tone, built patch by patch and laid over a frame where it is opaque."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.training.damage.base import CodeScale, DamagedFrame, FloatPicture, Mask

FAINTEST = 0.03
"""Opacity below which matter is not there: it keeps soft edges from reaching over the whole frame."""


class Layer:
    """Opacity `(H, W)` and tone `(C, H, W)` of all matter lying on one frame.

    Tone is the code (0–1) the matter itself shows: near 0 for dirt on the print that was scanned, near 1 for dirt on
    the negative it was printed from.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.opacity: NDArray[np.float32] = np.zeros((height, width), np.float32)
        self._ink: FloatPicture = np.zeros((channels, height, width), np.float32)

    def add(self, patch: NDArray[np.float32], top: int, left: int, tone: NDArray[np.float32]) -> int:
        """Lay a patch over what is there; parts outside the frame fall off.

        Args:
            patch: opacity, `(h, w)`, 0–1.
            top: row of the patch's first row.
            left: column of the patch's first column.
            tone: `(C,)`, 0–1.

        Returns:
            the number of pixels covered now that were not before.
        """
        height, width = self.opacity.shape
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + patch.shape[0], height), min(left + patch.shape[1], width)
        if y0 >= y1 or x0 >= x1:
            return 0
        laid = patch[y0 - top : y1 - top, x0 - left : x1 - left]
        laid = np.where(laid < FAINTEST, np.float32(0), laid)
        below = self.opacity[y0:y1, x0:x1]
        fresh = int(np.count_nonzero((below == 0) & (laid > 0)))
        ink = self._ink[:, y0:y1, x0:x1]
        ink *= 1 - laid
        ink += tone[:, None, None] * laid
        below += laid * (1 - below)
        return fresh

    @property
    def mask(self) -> Mask:
        """Where any matter lies, `(H, W)`."""
        return self.opacity > 0

    def over(self, frame: DamagedFrame, scale: CodeScale) -> FloatPicture | None:
        """The frame's pixels under the matter, composited: `(C, n)` in the order of `mask`; None if there is none."""
        mask = self.mask
        if not mask.any():
            return None
        below = scale.to_float(frame.picture[:, mask])
        return np.asarray(below * (1 - self.opacity[mask]) + self._ink[:, mask], np.float32)

    def lay(self, frame: DamagedFrame, scale: CodeScale) -> DamagedFrame:
        """The frame with the matter on it; pixels outside the mask are copied. The truth is not touched."""
        laid = self.over(frame, scale)
        if laid is None:
            return frame
        picture = frame.picture.copy()
        picture[:, self.mask] = scale.to_codes(laid)
        return DamagedFrame(picture, frame.truth)


def neutral_tone(rng: np.random.Generator, channels: int, low: float, high: float, tint: float) -> NDArray[np.float32]:
    """A tone near neutral: `(C,)` between `low` and `high`, each channel off by at most `tint`."""
    tone = rng.uniform(low, high) + rng.uniform(-tint, tint, channels)
    return np.clip(tone, 0.0, 1.0).astype(np.float32)


def smooth_noise(rng: np.random.Generator, height: int, width: int, cell_px: float) -> NDArray[np.float32]:
    """Low-frequency noise, `(height, width)`, about −1 to 1, with features about `cell_px` across."""
    import cv2

    rows, columns = (max(2, round(size / cell_px) + 2) for size in (height, width))
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
