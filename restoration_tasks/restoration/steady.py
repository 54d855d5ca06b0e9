"""Keep what is continued into damage steady from frame to frame where the scene itself is.

A scratch stands at the same place frame after frame. Where nothing moves, no frame shows what lies behind it, and each
frame's own continuation differs a little by its grain: looked at in a row, the line would shimmer. There the
continuations of the frames around are averaged, each matched to the frame's brightness; where the surround changes,
they have no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.boxes import Box
from restoration_tasks.restoration.carried import Sight
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.shares import Rows

Floats = NDArray[np.float32]

CALM_PX = 2.0
"""Standard deviation of the blur that takes grain out before surrounds are compared."""
AROUND_PX = 25
"""Side of the surround that is compared, clean pixels only."""
STILL = 3.0 / 255.0
"""Mean difference of the surrounds (share of the code range) at which a neighbour loses all weight."""


def steadied(centre: Sight, others: Sequence[Sight], boxes: Sequence[Box]) -> list[Rows]:
    """What is continued into the damage of a frame, averaged over frames around it where the scene is still.

    Args:
        centre: the frame.
        others: frames around it, of the same shot.
        boxes: which parts of the frame.

    Returns:
        `(h, w, C)` for each box.
    """
    return [_steadied(centre, others, box) for box in boxes]


def _steadied(centre: Sight, others: Sequence[Sight], box: Box) -> Rows:
    total = centre.continued[box].copy()
    weight = np.ones((*total.shape[:2], 1), np.float32)
    for other in others:
        clean = ~(centre.mask[box] | other.mask[box])
        shift, still = _compared(calm(centre)[box] - calm(other)[box], clean)
        total += still * (other.continued[box] + shift)
        weight += still
    return np.asarray(total / weight, np.float32)


def calm(sight: Sight) -> Rows:
    """The frame, its damage filled, without its grain; kept with the frame."""
    rows = sight.continued

    def blurred() -> Rows:
        return np.asarray(cv2.GaussianBlur(rows, (0, 0), CALM_PX), np.float32).reshape(rows.shape)

    return sight.frame.kept("calm", blurred)


def _compared(difference: Rows, clean: Mask) -> tuple[Rows, Floats]:
    """How much brighter the surround is than the other frame's `(h, w, C)`, and how still: `(h, w, 1)`, 0–1."""
    weight = clean.astype(np.float32)
    share = np.maximum(_mean(weight), np.float32(1e-3))[..., None]
    shift = _mean(difference * weight[..., None]).reshape(difference.shape) / share
    apart = np.abs(difference - shift).mean(axis=2) * weight
    left = (_mean(apart)[..., None] / share) / np.float32(STILL)
    return np.asarray(shift, np.float32), np.asarray(np.clip(1.0 - left * left, 0.0, 1.0), np.float32)


def _mean(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, (AROUND_PX, AROUND_PX)), np.float32)
