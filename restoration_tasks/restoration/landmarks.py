"""How far the landmarks of a face lie from where they were, by following the patch around each.

Source: Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", Intel 2000 (`calcOpticalFlowPyrLK`).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

PATCH: Final = 0.3
"""Side of a landmark's patch, share of the face's width: an eye, or a corner of the mouth with what is beside it."""
LEVELS: Final = 2
"""Halvings a patch is followed through: it is found again over about half of a face."""
ENDS: Final = (1.0, 99.0)
"""Percentiles of luma that become black and white before patches are followed."""
RETURNS_PX: Final = 0.5
"""A patch that is not found back where it came from, to so much, was not followed and tells nothing."""
LEAST: Final = 5e-4
"""Half a code of 10 bit: a flatter face has no contrast to stretch."""

Luma = npt.NDArray[np.float32]
Points = npt.NDArray[np.float32]


def landmark_shifts(planned: Luma, restored: Luma, landmarks: Points, width_px: float) -> npt.NDArray[np.float32]:
    """How far each landmark lies from where it was, pixels, the least first; 0 where it cannot be followed.

    Args:
        planned: `(h, w)` the face as planned.
        restored: `(h, w)` the same part of the restored frame.
        landmarks: `(N, 2)` x and y in that part.
        width_px: width of the face in it.
    """
    one, other = _shown(planned, planned), _shown(restored, restored)
    window = max(round(PATCH * width_px) | 1, 5)
    places = np.ascontiguousarray(landmarks[:, None, :], np.float32)
    there, ahead = _followed(one, other, places, window)
    back, returned = _followed(other, one, there, window)
    sure = ahead & returned & (np.hypot(*(back - places)[:, 0].T) <= RETURNS_PX)
    return np.sort(np.where(sure, np.hypot(*(there - places)[:, 0].T), 0.0)).astype(np.float32)


def _followed(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], places: Points, window: int
) -> tuple[Points, npt.NDArray[np.bool_]]:
    there, told, _ = cv2.calcOpticalFlowPyrLK(
        one, other, places, places.copy(), winSize=(window, window), maxLevel=LEVELS
    )
    return np.asarray(there, np.float32), np.asarray(told[:, 0] > 0, np.bool_)


def _shown(plane: Luma, like: Luma) -> npt.NDArray[np.uint8]:
    """8 bit, stretched to the range: patches are followed by differences of codes."""
    low, high = np.percentile(like, ENDS)
    gain = 255.0 / max(float(high - low), LEAST)
    return np.asarray(np.clip((plane - low) * gain, 0, 255), np.uint8)
