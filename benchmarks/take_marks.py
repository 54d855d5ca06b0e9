"""What happens to a take before it is joined: framing, whips, displacement, too much light, a splice's bar."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.no_picture import SIZE, Light

Pictures = NDArray[np.uint8]
"""`(T, H, W, 3)` R, G, B."""
GAMMA = 2.2


def framed(shot: Pictures, rng: np.random.Generator) -> Light:
    """A part of the picture, 70 to 100 % of its width, at the size of the reels."""
    _, height, width, _ = shot.shape
    share = float(rng.uniform(0.7, 1.0))
    wide = min(width, height * SIZE[0] / SIZE[1]) * share
    box = (max(int(wide * SIZE[1] / SIZE[0]), 8), max(int(wide), 8))
    top, left = int(rng.integers(height - box[0] + 1)), int(rng.integers(width - box[1] + 1))
    return np.stack([_sized(frame) for frame in shot[:, top : top + box[0], left : left + box[1]]])


def whipped(shot: Pictures, rng: np.random.Generator) -> Light:
    """A camera whipped across the picture and back, up to a third of it in eight frames, blurred by its speed."""
    _, height, width, _ = shot.shape
    wide = int(min(width, height * SIZE[0] / SIZE[1]) * 0.62)
    tall = int(wide * SIZE[1] / SIZE[0])
    room = width - wide
    phase = float(rng.uniform(0, 6.3))
    speed = 2 * np.pi / float(rng.uniform(16, 40))
    places = [room * (0.5 + 0.5 * np.sin(phase + speed * number)) for number in range(len(shot) + 1)]
    top = int(rng.integers(height - tall + 1))
    made = []
    for number, frame in enumerate(shot):
        left = int(places[number])
        cut = np.ascontiguousarray(frame[top : top + tall, left : left + wide])
        blur = max(int(abs(places[number + 1] - places[number]) / 2), 1)
        made.append(_sized(np.asarray(cv2.blur(cut, (blur, 1)), np.uint8)))
    return np.stack(made)


def _sized(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(np.ascontiguousarray(frame), SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def moved(frame: NDArray[np.float32], dy: float, dx: float = 0.0) -> NDArray[np.float32]:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    moved = cv2.warpAffine(
        np.ascontiguousarray(frame), matrix, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def overexposed(shot: Light, first: int, gains: Sequence[float], rng: np.random.Generator) -> Light:
    """Frames that got so many times the light, with a veil over them."""
    shot = shot.copy()
    veil = float(rng.uniform(0.02, 0.15))
    for place, gain in enumerate(gains, first):
        light = shot[place] ** np.float32(GAMMA) * np.float32(gain) + np.float32(veil)
        shot[place] = np.clip(light, 0, 1) ** np.float32(1 / GAMMA)
    return shot


def lay_bar(frame: NDArray[np.float32], rng: np.random.Generator) -> None:
    """The overlap of a cement splice or the edge of a tape: dark or bright, along the top or the bottom."""
    height = frame.shape[0]
    rows = max(round(rng.uniform(0.012, 0.045) * height), 2)
    where = slice(0, rows) if rng.random() < 0.5 else slice(height - rows, height)
    ground, cover = np.float32(rng.choice([0.03, 0.97])), np.float32(rng.uniform(0.5, 1.0))
    frame[where] = frame[where] * (1 - cover) + ground * cover
