"""The frames before and after a frame, brought onto it: motion followed, brightness matched, duplicates skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.restoration.motion import Flow, Luma, MotionEstimator, inside, near_duplicate, warp
from restoration_tasks.restoration.tone import ToneMap, match_tone

REACH = 3
"""How many frames each way are looked at: two neighbours each way, and one near-duplicate skipped."""
EACH_WAY = 2
"""Neighbours used each way (±1 and ±2 where nothing is skipped), so that grain does not freeze and one dirty
neighbour is outvoted."""
TONE_BLOCK = 4
"""Side (px) of the blocks whose means are compared for brightness; small enough to see motion, large enough to drown
grain."""


@dataclass(frozen=True)
class Neighbour:
    """One neighbouring frame brought onto the frame in the middle."""

    offset: int
    """Position relative to the frame in the middle, never 0."""
    flow: Flow
    """From the middle frame into the neighbour."""
    tone: ToneMap
    """Brings the neighbour's brightness to the middle frame's."""
    luma: npt.NDArray[np.float32]
    """`(H, W)` the neighbour's analysis picture, aligned and matched, 0 … 255, not clipped."""
    inside: npt.NDArray[np.bool_]
    """`(H, W)`: the neighbour shows this pixel at all."""


def small_tones(luma: Luma | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Block means as shares of the code range, for `match_tone`."""
    size = (max(luma.shape[1] // TONE_BLOCK, 8), max(luma.shape[0] // TONE_BLOCK, 8))
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)


def distinct_neighbours(lumas: Mapping[int, Luma]) -> tuple[list[int], list[int]]:
    """Offsets of the neighbours to use, nearest first: before and after.

    A frame that nearly repeats one already counted (the middle frame included) is passed over: its dirt would vouch
    for itself.

    Args:
        lumas: offset to picture, 0 included; only frames of the same shot.
    """
    sides: tuple[list[int], list[int]] = ([], [])
    for side, step in zip(sides, (-1, 1), strict=True):
        last = lumas[0]
        for distance in range(1, REACH + 1):
            offset = step * distance
            if offset not in lumas or len(side) == EACH_WAY:
                break
            if not near_duplicate(last, lumas[offset]):
                side.append(offset)
                last = lumas[offset]
    return sides


def align(middle: Luma, other: Luma, offset: int, motion: MotionEstimator) -> Neighbour:
    """Bring one frame onto another."""
    flow = motion.flow(middle, other)
    shows = inside(flow)
    moved = warp(other, flow)
    seen = cv2.resize(shows.astype(np.uint8), small_tones(middle).shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    tone = match_tone(small_tones(moved), small_tones(middle), seen)
    return Neighbour(offset, flow, tone, tone.apply(moved / np.float32(255.0)) * np.float32(255.0), shows)
