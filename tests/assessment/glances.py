"""Frames as the gauges see them, made from shares."""

from __future__ import annotations

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


def window(pictures, at, radius):
    """The window around frame `at` of shares `(T, H, W, C)`."""
    return {
        offset: glance(pictures[at + offset], at + offset)
        for offset in range(-radius, radius + 1)
        if 0 <= at + offset < len(pictures)
    }
