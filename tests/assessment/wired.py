"""A small shot with a wire in it: a textured scene that pans, a body that goes its own way, a wire that hangs on it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from restoration_tasks.assessment.wire_course import Look, beside
from restoration_tasks.restoration.motion import Effort, MotionEstimator, analysis_luma
from restoration_tasks.training.damage.wire import Wire, WireForm

HEIGHT, WIDTH, FRAMES = 180, 320, 9
BODY = (70, 60)
"""Height and width of what moves."""


def textured(rng, shape, coarse_px, contrast):
    """A random texture about 500 of 1023 codes."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), coarse_px)
    return 500 + contrast * noise / noise.std()


def scene(frames=FRAMES, pan=1.0, speed=3.0, seed=5):
    """Clean frames, `(3, H, W)` 10-bit codes: the scene pans to the left, the body goes to the right."""
    rng = np.random.default_rng(seed)
    wide = textured(rng, (HEIGHT, WIDTH + 200), 3, 60)
    body = textured(rng, BODY, 2, 130)
    shown = []
    for at in range(frames):
        left = round(pan * at)
        frame = wide[:, left : left + WIDTH].copy()
        x = round(110 + speed * at)
        frame[95 : 95 + BODY[0], x : x + BODY[1]] = body
        shown.append(np.repeat(np.clip(np.rint(frame), 0, 1023)[None], 3, axis=0).astype(np.uint16))
    return shown


@lru_cache(maxsize=8)
def wired(form=WireForm.STRAIGHT, width_px=4.0, contrast=0.3, seed=2, frames=FRAMES):
    """Clean frames, and the same with a wire."""
    clean = scene(frames)
    return clean, Wire(form, width_px, contrast, seed=seed).drawn(clean, bit_depth=10)


def looks(pictures):
    """What `follow` asks for, of frames `(3, H, W)`."""
    lumas = [analysis_luma(one, 1023, rgb=True) for one in pictures]
    motion = MotionEstimator(Effort.FOLLOW)

    @lru_cache(maxsize=8)
    def look(at):
        return Look.of(lumas[at], [lumas[other] for other in beside(at, len(lumas))], motion)

    return look


def seen_ends(frame):
    """The ends of what shows of a wire on one frame, `(2, 2)`."""
    x, y = frame.course.T
    inside = (x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)
    return frame.course[inside][[0, -1]]
