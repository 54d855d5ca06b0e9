"""Two frames between which a soft pattern moves over another: the input that reference outputs were recorded on."""

from __future__ import annotations

import cv2
import numpy as np

SHAPE = (128, 160)
"""Height and width."""
STEP = (14, -6)
"""What the inner square moves by, x and y; the ground moves a third of that the other way, in whole pixels."""


def moving_pair() -> np.ndarray:
    """`(6, H, W)` float32, 0–1: the frame before and the frame after, R, G, B each."""
    rng = np.random.default_rng(20221)
    high, wide = SHAPE
    ground = _soft(rng, (high + 40, wide + 40))
    square = _soft(rng, (56, 64))
    frames = []
    for sign in (0, 1):
        x, y = 20 - sign * 4, 20 + sign * 2
        frame = ground[y : y + high, x : x + wide].copy()
        left, top = 44 + sign * STEP[0], 40 + sign * STEP[1]
        frame[top : top + 56, left : left + 64] = square
        frames.append(frame)
    return np.ascontiguousarray(np.concatenate(frames, axis=2).transpose(2, 0, 1), np.float32)


def _soft(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    noise = rng.random((*shape, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5) - 0.5
    return np.clip(0.5 + soft * 5, 0, 1)


def moving_run(frames: int) -> np.ndarray:
    """`(T, 3, 40, 56)` float32, 0–1: a soft pattern that a camera passes by two and a half pixels a frame."""
    rng = np.random.default_rng(2012)
    ground = np.asarray(cv2.GaussianBlur(rng.random((60, 120, 3)).astype(np.float32), (0, 0), 1.2)) - 0.5
    run = []
    for index in range(frames):
        shift = np.array([[1, 0, -10 - 2.5 * index], [0, 1, -8 - index]], np.float32)
        seen = cv2.warpAffine(0.5 + ground * 2.5, shift, (56, 40), flags=cv2.INTER_LINEAR)
        run.append(np.clip(seen, 0, 1).transpose(2, 0, 1))
    return np.ascontiguousarray(np.stack(run), np.float32)
