"""What looks like damage and is not: rain, snow, sparks, fire, glitter, titles, railings, blinds, books, strings.

Each is laid over a clean take as part of the scene, before any damage: it moves, flashes or stands as such things do.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.training.damage.layer import smooth_noise
from restoration_tasks.training.defects.footage import Take

Cover = NDArray[np.float32]
"""`(H, W)`: how much of the scene a thing hides, 0–1."""


def _over(picture: NDArray[np.float32], cover: Cover, tone: NDArray[np.float64]) -> NDArray[np.float32]:
    share = cover[..., None]
    return np.asarray(picture * (1 - share) + tone.astype(np.float32) * share, np.float32)


def _soft(canvas: NDArray[np.uint8], sigma_px: float) -> Cover:
    """A drawing of 0 to 255 as a cover, as soft as a lens would show it."""
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), sigma_px), np.float32) / np.float32(255)


def _size(take: Take) -> tuple[int, int]:
    height, width = take[0].shape[:2]
    return height, width


def _tone(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    return np.clip(rng.uniform(low, high) + rng.uniform(-0.08, 0.08, 3), 0, 1)


def _streaks(
    shape: tuple[int, int], places: NDArray[np.float64], way: NDArray[np.float64], thick: int
) -> NDArray[np.float32]:
    """Lines from `places` `(n, 2)` along `way` `(n, 2)`, x and y in pixels, drawn with soft edges."""
    canvas = np.zeros(shape, np.uint8)
    ends = places + way
    for start, end in zip(np.rint(places * 8).astype(int), np.rint(ends * 8).astype(int), strict=True):
        cv2.line(canvas, tuple(map(int, start)), tuple(map(int, end)), 255, thick, cv2.LINE_AA, 3)
    return np.asarray(canvas, np.float32) / np.float32(255)


def rain(take: Take, rng: np.random.Generator) -> Take:
    """Falling rain: faint slanting streaks, elsewhere in every frame, all one way."""
    height, width = _size(take)
    slant, length = rng.normal(0, 0.25), rng.uniform(8, 40)
    count, strength = int(rng.integers(20, 160)), rng.uniform(0.08, 0.35)
    tone = _tone(rng, 0.6, 0.95)
    fallen = []
    for picture in take:
        places = rng.uniform(0, 1, (count, 2)) * (width * 1.2, height * 1.2) - (0.1 * width, 0.1 * height)
        way = np.array([slant, 1.0]) * length * rng.uniform(0.6, 1.3, (count, 1))
        fallen.append(_over(picture, strength * _streaks((height, width), places, way, 1), tone))
    return fallen


def snow(take: Take, rng: np.random.Generator) -> Take:
    """Snow or dust in the air: round flakes of several sizes that drift on from frame to frame."""
    height, width = _size(take)
    count = int(rng.integers(15, 120))
    depth = rng.uniform(0.3, 1.0, count)
    places = rng.uniform(0, 1, (count, 2)) * (width, height)
    way = np.array([rng.normal(0, 3), rng.uniform(1, 9)]) * depth[:, None] + rng.normal(0, 0.6, (count, 2))
    tone = _tone(rng, 0.75, 1.0)
    blur = rng.uniform(0.6, 1.6)
    fallen = []
    for number, picture in enumerate(take):
        canvas = np.zeros((height, width), np.uint8)
        for place, near in zip((places + way * number) % (width, height), depth, strict=True):
            centre = tuple(round(float(value) * 8) for value in place)
            cv2.circle(canvas, centre, int(8 * near * 2.2), int(255 * near), -1, cv2.LINE_AA, 3)
        fallen.append(_over(picture, _soft(canvas, blur), tone))
    return fallen


def sparks(take: Take, rng: np.random.Generator) -> Take:
    """Sparks and fireworks: bright points that fly off one place, fall and go out, each a short trail."""
    height, width = _size(take)
    count = int(rng.integers(15, 90))
    source = rng.uniform(0.15, 0.85, 2) * (width, height)
    speed = rng.uniform(2, 22, (count, 1))
    angle = rng.uniform(0, 2 * np.pi, count)
    way = speed * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    born = rng.integers(-6, len(take), count)
    life = rng.integers(1, 8, count)
    tone = np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.9)])
    lit = []
    for number, picture in enumerate(take):
        age = (number - born)[:, None]
        alive = (age[:, 0] >= 0) & (age[:, 0] < life)
        places = source + way * age + np.array([0, 0.4]) * age**2
        trail = way[alive] * rng.uniform(0.2, 0.9)
        lit.append(_over(picture, 0.95 * _streaks((height, width), places[alive], trail, 1), tone))
    return lit


def fire(take: Take, rng: np.random.Generator) -> Take:
    """Flames, smoke and their shimmer: bright matter that boils, new in every frame."""
    height, width = _size(take)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] - np.float32(rng.uniform(-0.6, 0.6))
    cell = rng.uniform(6, 24)
    reach, spread = rng.uniform(0.4, 1.1), rng.uniform(0.15, 0.5)
    tone = (
        np.array([1.0, rng.uniform(0.5, 0.85), rng.uniform(0.1, 0.5)]) if rng.random() < 0.7 else _tone(rng, 0.4, 0.9)
    )
    base = smooth_noise(rng, height, width, 3 * cell)
    burning = []
    for picture in take:
        lick = base + smooth_noise(rng, height, width, cell) + 0.5 * smooth_noise(rng, height, width, cell / 2)
        body = np.clip(y * 1.6 - 1.6 + reach - np.square(x / spread) * 0.5 + 0.35 * lick, 0, 1)
        burning.append(_over(picture, np.asarray(np.clip(1.5 * body, 0, 0.95), np.float32), tone))
    return burning


def glitter(take: Take, rng: np.random.Generator) -> Take:
    """Glints on water, leaves or sequins: points of one region that light up again and again."""
    height, width = _size(take)
    count = int(rng.integers(20, 150))
    middle = rng.uniform(0.1, 0.9, 2) * (width, height)
    places = middle + rng.normal(0, 1, (count, 2)) * rng.uniform(15, 80, 2)
    drift = rng.normal(0, 1.0, 2)
    phase, pace = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.6, 3.0, count)
    tone = _tone(rng, 0.85, 1.0)
    lit = []
    for number, picture in enumerate(take):
        shine = np.clip(np.sin(phase + pace * number) * 2 - 1, 0, 1)
        canvas = np.zeros((height, width), np.uint8)
        for place, bright in zip(places + drift * number, shine, strict=True):
            centre = tuple(round(float(value) * 8) for value in place)
            cv2.circle(canvas, centre, int(8 * 1.2), int(255 * bright), -1, cv2.LINE_AA, 3)
        lit.append(_over(picture, _soft(canvas, 0.6), tone))
    return lit


def titles(take: Take, rng: np.random.Generator) -> Take:
    """Words: standing, or running up or sideways, also coming and going within the take."""
    height, width = _size(take)
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-!?")
    way = rng.choice([0.0, 1.0]) * np.array([rng.choice([0.0, rng.normal(0, 5)]), rng.choice([0.0, rng.normal(0, 4)])])
    lines = []
    for row in range(int(rng.integers(1, 6))):
        words = "".join(rng.choice([*letters, " ", " "], int(rng.integers(3, 24))))
        lines.append((words, rng.uniform(0.02, 0.4) * width, (0.2 + 0.15 * row) * height, rng.uniform(0.4, 1.4)))
    tone = _tone(rng, 0.8, 1.0) if rng.random() < 0.75 else _tone(rng, 0.0, 0.15)
    face, thick = int(rng.choice([0, 2, 3, 4])), int(rng.integers(1, 3))
    first = int(rng.integers(1, len(take))) if rng.random() < 0.25 else 0
    shown = []
    for number, picture in enumerate(take):
        canvas = np.zeros((height, width), np.uint8)
        for words, left, base, scale in lines:
            place = (int(left + way[0] * number), int(base + way[1] * number))
            cv2.putText(canvas, words, place, face, scale, 255, thick, cv2.LINE_AA)
        cover = _soft(canvas, 0.5)
        shown.append(_over(picture, cover, tone) if number >= first else picture)
    return shown


def uprights(take: Take, rng: np.random.Generator) -> Take:
    """Railings, blinds, door frames, bookcases, prison bars: upright lines and edges of the scene, here or moving."""
    height, width = _size(take)
    count = int(rng.integers(1, 14))
    pitch = rng.uniform(6, 60)
    start = rng.uniform(0, width)
    lean = np.tan(np.radians(rng.normal(0, 1.5)))
    lefts = start + pitch * np.arange(count) * rng.choice([1.0, -1.0]) + rng.normal(0, 0.1 * pitch, count)
    thick = rng.uniform(1.0, max(1.5, 0.5 * pitch), count) if rng.random() < 0.5 else np.full(count, rng.uniform(1, 8))
    tops = rng.uniform(-0.3, 0.5, count) * height if rng.random() < 0.6 else np.full(count, -5.0)
    ends = rng.uniform(0.5, 1.3, count) * height if rng.random() < 0.6 else np.full(count, height + 5.0)
    tones = [_tone(rng, 0.0, 1.0) for _ in range(count)]
    strength = rng.uniform(0.5, 1.0)
    # The scene is never quite still in the gate or in the hand: this is what tells its lines from scratches.
    drift = rng.normal(0, rng.choice([0.15, 1.0, 6.0]))
    weave = np.cumsum(rng.normal(0, 0.5, len(take)))
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    seen = []
    for number, picture in enumerate(take):
        shift = drift * number + weave[number]
        built = picture
        for left, wide, top, end, tone in zip(lefts, thick, tops, ends, tones, strict=True):
            distance = np.abs(columns - left - shift - lean * (rows - height / 2)) - wide / 2
            inside = np.clip(0.5 - distance, 0, 1) * np.clip(rows - top, 0, 1) * np.clip(end - rows, 0, 1)
            built = _over(built, np.asarray(strength * inside, np.float32), tone)
        seen.append(built)
    return seen


def strings(take: Take, rng: np.random.Generator) -> Take:
    """Wires, ropes, strings and loose hair of the scene: thin lines that hang, cross and sway."""
    height, width = _size(take)
    lines = []
    for _ in range(int(rng.integers(1, 6))):
        ends = rng.uniform(-0.1, 1.1, (2, 2)) * (width, height)
        lines.append((ends, rng.normal(0, 0.15) * height, rng.normal(0, 1.5), _tone(rng, 0.0, 0.35)))
    tone = _tone(rng, 0.0, 0.3) if rng.random() < 0.7 else _tone(rng, 0.7, 1.0)
    thick, drift = int(rng.integers(1, 3)), rng.normal(0, 1.5, 2)
    steps = np.linspace(0, 1, 24)[:, None]
    hung = []
    for number, picture in enumerate(take):
        canvas = np.zeros((height, width), np.uint8)
        for ends, sag, sway, _ in lines:
            bow = 4 * (steps * (1 - steps)) * np.array([sway * number, sag])
            points = ends[0] + (ends[1] - ends[0]) * steps + bow + drift * number
            cv2.polylines(canvas, [np.rint(points * 8).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 3)
        hung.append(_over(picture, _soft(canvas, 0.4), tone))
    return hung


HARD_NEGATIVES: tuple[Callable[[Take, np.random.Generator], Take], ...] = (
    rain,
    snow,
    sparks,
    fire,
    glitter,
    titles,
    uprights,
    uprights,
    strings,
)
"""All of them; uprights twice, for they are what was taken for scratches most."""
