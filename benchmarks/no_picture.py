"""What is on a reel and is no picture: black, leader, colour bars and a countdown, drawn for the benchmark of joins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float32]
"""`(T, H, W, 3)` code values 0–1."""
SIZE = (320, 180)
"""Width and height."""


def black(frames: int, rng: np.random.Generator) -> Light:
    return np.full((frames, SIZE[1], SIZE[0], 3), rng.uniform(0.0, 0.09), np.float32)


def leader(frames: int, rng: np.random.Generator) -> Light:
    """Clear or coloured leader: one tone, scratches along it, dust of its own on every frame."""
    tone = (
        np.float32(rng.uniform(0.25, 1.0, 3)) if rng.random() < 0.6 else np.full(3, rng.uniform(0.55, 1.0), np.float32)
    )
    made = np.full((frames, SIZE[1], SIZE[0], 3), tone, np.float32)
    for _ in range(int(rng.integers(0, 6))):
        made[:, :, int(rng.integers(SIZE[0]))] *= np.float32(rng.uniform(0.4, 1.3))
    for frame in made:
        for _ in range(int(rng.integers(0, 12))):
            place = (int(rng.integers(SIZE[0])), int(rng.integers(SIZE[1])))
            cv2.circle(frame, place, int(rng.integers(1, 3)), (0.05, 0.05, 0.05), -1)
    return np.clip(made, 0, 1)


def bars(frames: int, rng: np.random.Generator) -> Light:
    """Colour bars at 75 % or 100 %, whole or with a strip below them (after SMPTE EG 1)."""
    level = np.float32(rng.choice([0.75, 1.0]))
    tones = level * np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]], np.float32)
    frame = np.empty((SIZE[1], SIZE[0], 3), np.float32)
    frame[:] = tones[np.arange(SIZE[0]) * 7 // SIZE[0]]
    if rng.random() < 0.5:
        frame[int(SIZE[1] * 0.67) : int(SIZE[1] * 0.75)] = frame[: int(SIZE[1] * 0.75) - int(SIZE[1] * 0.67), ::-1]
        frame[int(SIZE[1] * 0.75) :] = np.float32(0.08)
        frame[int(SIZE[1] * 0.75) :, : SIZE[0] // 5] = np.float32(0.95)
    return np.repeat(frame[None], frames, axis=0)


def countdown(frames: int, rng: np.random.Generator) -> Light:
    """A countdown leader: crossed lines, two rings, a figure, and a hand that goes round once a second."""
    made = []
    ground, ink = (140, 25) if rng.random() < 0.5 else (38, 216)
    line, middle, right = (ink,) * 3, (SIZE[0] // 2, SIZE[1] // 2), (SIZE[0] // 2 - 24, SIZE[1] // 2 + 28)
    for number in range(frames):
        frame = np.full((SIZE[1], SIZE[0], 3), ground, np.uint8)
        angle = 360.0 * (number % 24) / 24
        cv2.ellipse(frame, middle, (SIZE[0], SIZE[0]), -90, 0, angle, (ground * 3 // 4,) * 3, -1)
        cv2.line(frame, (0, middle[1]), (SIZE[0], middle[1]), line, 1)
        cv2.line(frame, (middle[0], 0), (middle[0], SIZE[1]), line, 1)
        for radius in (0.42, 0.36):
            cv2.circle(frame, middle, int(radius * SIZE[1]), line, 2, cv2.LINE_AA)
        figure = str(max(8 - number // 24, 2))
        cv2.putText(frame, figure, right, cv2.FONT_HERSHEY_SIMPLEX, 2.6, line, 6, cv2.LINE_AA)
        made.append(frame.astype(np.float32) / 255)
    return np.stack(made)
