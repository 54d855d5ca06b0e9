"""Small moving pictures with a known truth, for the tests of assessment and restoration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter

GREY = PictureFormat(128, 96, "gray10le", Fraction(24))


def moving_clip(frames: int, *, seed: int = 0, fmt: PictureFormat = GREY, step: float = 1.3, grain: float = 3.0):
    """A textured scene that pans by `step` px a frame, with fine grain: `(T, C, H, W)` code values."""
    rng = np.random.default_rng(seed)
    height, width = fmt.height, fmt.width
    wide = width + int(step * frames) + 8
    scene = sum(
        cv2.GaussianBlur(rng.standard_normal((height, wide)).astype(np.float32), (0, 0), sigma) * sigma * weight
        for sigma, weight in ((12, 1.6), (4, 0.8), (1.5, 0.5))
    )
    scene = 0.45 + 0.13 * scene / scene.std()
    clip = []
    for number in range(frames):
        shift = np.float32([[1, 0, -step * number], [0, 1, 0]])
        picture = cv2.warpAffine(scene, shift, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        codes = picture * fmt.max_code + rng.standard_normal(picture.shape) * grain * fmt.max_code / 1023
        channel = np.clip(np.rint(codes), 0, fmt.max_code).astype(fmt.dtype)
        clip.append(np.repeat(channel[None], fmt.channels, axis=0))
    return np.stack(clip)


def add_dirt(clip, *, seed: int = 1, specks: int = 3, fmt: PictureFormat = GREY):
    """The clip with bright and dark specks, new on every frame, and the true masks `(T, H, W)`."""
    rng = np.random.default_rng(seed)
    dirty, masks = clip.copy(), np.zeros((len(clip), *clip.shape[2:]), bool)
    for picture, mask in zip(dirty, masks, strict=True):
        for _ in range(specks):
            spot = np.zeros(mask.shape, np.uint8)
            centre = tuple(int(rng.integers(10, side - 10)) for side in mask.shape[::-1])
            cv2.ellipse(spot, centre, (int(rng.integers(2, 6)), int(rng.integers(2, 5))), 30, 0, 360, 1, -1)
            picture[:, spot > 0] = int((0.95 if rng.random() < 0.5 else 0.02) * fmt.max_code)
            mask[spot > 0] = True
    return dirty, masks


def add_flicker(clip, gains, fmt: PictureFormat = GREY):
    """The clip with each frame's code values multiplied."""
    return np.stack(
        [
            np.clip(np.rint(picture * gain), 0, fmt.max_code).astype(clip.dtype)
            for picture, gain in zip(clip, gains, strict=True)
        ]
    )


def write_master(path: Path, clip, fmt: PictureFormat = GREY) -> Path:
    """The clip as an FFV1 master."""
    with FrameWriter(path, fmt) as writer:
        for picture in clip:
            writer.write((picture[1], picture[2], picture[0]) if fmt.is_rgb else (picture[0],))
    return path


def whole(frames: int) -> Segment:
    """One segment that is the whole of one shot."""
    return Segment("s001-01", 1, 0, frames, 0, frames)
