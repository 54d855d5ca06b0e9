"""Frames as the gauges see them, made from shares."""

from __future__ import annotations

import cv2
import numpy as np

from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import PictureFormat


def glance(shares, index=0, bits=10):
    """A frame of shares `(H, W, C)`, C 1 or 3, as a scan of so many bits."""
    height, width, channels = shares.shape
    pix_fmt = ("gray" if channels == 1 else "gbrp") + ("" if bits == 8 else f"{bits}le")
    picture = PictureFormat(width, height, pix_fmt)
    codes = np.rint(np.clip(shares, 0, 1) * picture.max_code).astype(picture.dtype)
    return Glance.of(index, np.ascontiguousarray(codes.transpose(2, 0, 1)), picture)


def panned_wall(frames, shape, spare, moving=(0.0, 0.0), seed=4):
    """A textured wall `(T, H, W, 3)`, seen by a camera that pans by so many pixels a frame.

    `spare` is how much higher and wider the wall is than the picture.
    """
    (height, width), rng = shape, np.random.default_rng(seed)
    wall = cv2.GaussianBlur(rng.random((height + spare[0], width + spare[1])).astype(np.float32), (0, 0), 2.5)
    wall = (wall - wall.min()) / (wall.max() - wall.min())
    made = []
    for number in range(frames):
        matrix = np.float32([[1, 0, -60 + moving[0] * number], [0, 1, -50 + moving[1] * number]])
        grey = cv2.warpAffine(wall, matrix, (width, height), flags=cv2.INTER_CUBIC)
        made.append(np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=2))
    return np.stack(made)


def window(pictures, at, radius):
    """The window around frame `at` of shares `(T, H, W, C)`."""
    return {
        offset: glance(pictures[at + offset], at + offset)
        for offset in range(-radius, radius + 1)
        if 0 <= at + offset < len(pictures)
    }
