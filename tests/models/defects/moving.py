"""Small moving pictures with known damage."""

from __future__ import annotations

import cv2
import numpy as np


def moving_window(shape=(64, 80), *, frames=5, step=(2, 1), channels=3, seed=1) -> list[np.ndarray]:
    """Frames of a soft texture that moves by `step` (x, y) pixels a frame: `(C, H, W)` float32, 0.2–0.8."""
    height, width = shape
    rng = np.random.default_rng(seed)
    room = frames * max(map(abs, step)) + 8
    large = rng.random((channels, height + 2 * room, width + 2 * room)).astype(np.float32)
    large = np.stack([cv2.GaussianBlur(plane, (0, 0), 3) for plane in large])
    large = 0.2 + 0.6 * (large - large.min()) / np.ptp(large)
    starts = [(room + step[1] * (n - frames // 2), room + step[0] * (n - frames // 2)) for n in range(frames)]
    return [np.ascontiguousarray(large[:, y : y + height, x : x + width]) for y, x in starts]


def with_speck(picture: np.ndarray, *, row=30, column=40, radius=3, code=1.0) -> tuple[np.ndarray, np.ndarray]:
    """The picture with one round speck, and where it lies."""
    y, x = np.ogrid[: picture.shape[1], : picture.shape[2]]
    mask = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    spoilt = picture.copy()
    spoilt[:, mask] = code
    return spoilt, mask
