"""What looks like dirt and is none: rain, snow, fireworks and glitter, simulated as light over clean clips.

Not those a network was shown in training (`training.defects.negatives` pastes drawings over code values): here light
is added in linear light, things have a distance, a speed and an exposure, and follow from physics as far as a few
lines go. Sizes are in pixels of a picture 720 wide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.training.damage.base import SD_WIDTH

Light = NDArray[np.float32]
"""`(H, W, 3)` linear light, 0–1."""
Points = NDArray[np.float64]
FPS = 24.0
SHUTTER_S = 1 / 48
"""A shutter of 180 degrees at 24 frames a second."""
GAMMA = 2.2
GRAVITY = 9.8

Scene = Callable[[Sequence[Light], np.random.Generator], list[Light]]


def over(frames: Sequence[NDArray[np.uint16]], scene: Scene, seed: int, full: float) -> list[NDArray[np.uint16]]:
    """A scene over clean frames.

    Args:
        frames: `(3, H, W)` codes, gamma-coded.
        scene: one of `SCENES`.
        seed: the same seed gives the same scene.
        full: the largest code.
    """
    shares = [frame.transpose(1, 2, 0) / np.float32(full) for frame in frames]
    light = [np.asarray(share ** np.float32(GAMMA), np.float32) for share in shares]
    seen = scene(light, np.random.default_rng(seed))
    return [
        np.rint(np.clip(one, 0, 1) ** (1 / GAMMA) * full).astype(np.uint16).transpose(2, 0, 1).copy() for one in seen
    ]


def rain(frames: Sequence[Light], rng: np.random.Generator) -> list[Light]:
    """Heavy rain: drops of 2 mm falling at 7 to 9 m/s, 2 to 20 m away, streaks as long as the shutter is open.

    A drop shows the sky behind the camera: it brightens what is dark behind it, by the share of the exposure it covers
    a pixel for.
    """
    height, width = frames[0].shape[:2]
    focal = 1.1 * width
    sky = np.quantile(frames[0], 0.95, axis=(0, 1)).astype(np.float32)
    wind = rng.normal(0, 1.2)
    seen = []
    for frame in frames:
        # A drop crosses the picture in two or three frames at most: those of the next frame are others.
        distance = rng.uniform(2, 20, 900)
        speed = rng.uniform(7, 9, 900)
        x, y = rng.uniform(-0.1, 1.1, 900) * width, rng.uniform(-0.1, 1.1, 900) * height
        down, aside = focal / distance * speed * SHUTTER_S, focal / distance * wind * SHUTTER_S
        thick = focal / distance * 0.002
        canvas = np.zeros((height, width), np.float32)
        for place in range(len(x)):
            # Thinner than a pixel, a streak is fainter instead; blurred by the lens when near.
            share = min(1.0, thick[place]) * min(1.0, 0.45 * 6 / down[place] + 0.18)
            box, cover = _line((x[place], y[place]), (aside[place], down[place]), (height, width), thick[place])
            canvas[box] = np.maximum(canvas[box], np.float32(share) * cover)
        seen.append(_mixed(frame, canvas, sky))
    return seen


def snow(frames: Sequence[Light], rng: np.random.Generator) -> list[Light]:
    """Snow: flakes of 3 to 9 mm drifting down at about 1 m/s, 1 to 15 m away, near ones out of focus."""
    height, width = frames[0].shape[:2]
    focal, count = 1.1 * width, 500
    white = np.quantile(frames[0], 0.98, axis=(0, 1)).astype(np.float32)
    distance = 1 / rng.uniform(1 / 15, 1.0, count)
    across, drop = rng.uniform(-0.2, 1.2, count) * width, rng.uniform(-0.2, 1.2, count) * height
    size = rng.uniform(0.003, 0.009, count)
    fall, wind = rng.normal(1.0, 0.15, count), rng.normal(0.4, 0.5)
    phase, pace = rng.uniform(0, 2 * np.pi, count), rng.uniform(2, 7, count)
    seen = []
    for number, frame in enumerate(frames):
        time = number / FPS
        sway = 0.06 * np.sin(phase + pace * time)
        x = (across + focal / distance * (wind * time + sway)) % (1.4 * width) - 0.2 * width
        y = (drop + focal / distance * fall * time) % (1.4 * height) - 0.2 * height
        radius = 0.5 * focal / distance * size
        blur = np.abs(1 / distance - 1 / 5.0) * focal * 0.004
        canvas = np.zeros((height, width), np.float32)
        for place in range(count):
            total = radius[place] + blur[place]
            share = 0.85 * (max(radius[place], 0.3) / max(total, 0.5)) ** 2
            _dot(canvas, (x[place], y[place]), total, min(share, 0.9))
        seen.append(_mixed(frame, canvas, white))
    return seen


def fireworks(frames: Sequence[Light], rng: np.random.Generator) -> list[Light]:
    """Fireworks: shells burst into sparks that air slows, gravity bends and cooling dims; bursts light up the scene."""
    height, width = frames[0].shape[:2]
    metre = width / 160
    bursts = [(-6 + int(9 * number + rng.integers(4)), rng.uniform((0.15, 0.1), (0.85, 0.6))) for number in range(9)]
    shells = []
    for born, place in bursts:
        count = int(rng.integers(70, 160))
        heading = rng.normal(0, 1, (count, 3))
        heading *= rng.uniform(24, 40) / np.linalg.norm(heading, axis=1, keepdims=True)
        tint = np.clip(rng.uniform(0.25, 1.0, 3) + np.eye(3)[rng.integers(3)], 0, 1).astype(np.float32)
        shells.append((born, place * (width, height), heading, tint, rng.uniform(0.9, 1.8)))
    seen = []
    for number, frame in enumerate(frames):
        lit = frame * np.float32(0.35)
        for born, place, heading, tint, life in shells:
            age = (number - born) / FPS
            if not 0 <= age < life:
                continue
            start, end = (_flown(heading, moment) for moment in (age, age + SHUTTER_S))
            bright = (1 - age / life) ** 1.5 * rng.uniform(0.6, 1.0, len(heading))
            glow = np.zeros((height, width), np.float32)
            for first, last, power in zip(place + metre * start, place + metre * end, bright, strict=True):
                box, cover = _line(tuple(first), tuple(last - first), (height, width), 0.9 * width / SD_WIDTH)
                glow[box] = np.maximum(glow[box], np.float32(power) * cover)
            glow = np.maximum(glow, np.float32(0.6) * cv2.GaussianBlur(glow, (0, 0), 2.0 * width / SD_WIDTH))
            lit = lit + glow[..., None] * tint + frame * tint * np.float32(0.5 * np.exp(-6 * age))
        seen.append(np.asarray(lit, np.float32))
    return seen


def glitter(frames: Sequence[Light], rng: np.random.Generator) -> list[Light]:
    """Sun on water: facets of moving waves mirror the sun where their slope happens to be right, for a frame or two."""
    height, width = frames[0].shape[:2]
    horizon = int(height * rng.uniform(0.35, 0.6))
    rows, columns = np.mgrid[horizon:height, 0:width].astype(np.float64)
    near = 1 / ((rows - horizon) / height + 0.04)
    waves = [(rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 1.3), rng.uniform(3, 9)) for _ in range(12)]
    sun = rng.uniform(0.3, 0.7) * width
    path = np.exp(-np.square((columns - sun) / (0.16 * width)))
    rough = rng.normal(0, 1, (height - horizon, width))
    seen = []
    for number, frame in enumerate(frames):
        slope = np.zeros(rows.shape)
        for angle, length, speed in waves:
            phase = (np.cos(angle) * columns + 4 * np.sin(angle) * (rows - horizon)) * near * 0.02 / length
            slope += np.sin(phase + speed * number / FPS * 2 + angle)
        slope = slope / np.sqrt(6) + 0.35 * np.roll(rough, 3 * number, axis=1)
        shine = np.clip((slope - 2.35 + 0.5 * path) * 6, 0, 1) * path
        lit = frame.copy()
        glint = np.asarray(shine, np.float32)
        bloom = glint + np.float32(0.4) * cv2.GaussianBlur(glint, (0, 0), 1.2 * width / SD_WIDTH)
        lit[horizon:] += bloom[..., None] * np.array([1.0, 0.95, 0.8], np.float32)
        seen.append(lit)
    return seen


SCENES: dict[str, Scene] = {"rain": rain, "snow": snow, "fireworks": fireworks, "glitter": glitter}
"""By name."""


def _flown(heading: Points, age: float) -> Points:
    """Where sparks are, metres from the burst in the picture's plane: slowed by the air, bent by gravity."""
    drag = 2.2
    gone = heading * (1 - np.exp(-drag * age)) / drag
    sunk = GRAVITY / drag * (age - (1 - np.exp(-drag * age)) / drag)
    return np.stack([gone[:, 0], gone[:, 1] + sunk], axis=1)


def _mixed(frame: Light, cover: NDArray[np.float32], tone: NDArray[np.float32]) -> Light:
    share = np.clip(cover, 0, 1)[..., None]
    return np.asarray(frame * (1 - share) + tone * share, np.float32)


def _box(low: Points, high: Points, shape: tuple[int, int]) -> tuple[slice, slice]:
    left, top = (max(int(np.floor(value)), 0) for value in low)
    right, bottom = min(int(np.ceil(high[0])), shape[1]), min(int(np.ceil(high[1])), shape[0])
    return slice(min(top, shape[0]), max(bottom, 0)), slice(min(left, shape[1]), max(right, 0))


def _line(
    start: tuple[float, float], way: tuple[float, float], shape: tuple[int, int], thick: float
) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """A soft streak: the box it lies in, and how much it covers of each pixel there."""
    first, along = np.asarray(start, np.float64), np.asarray(way, np.float64)
    reach = 0.5 * max(thick, 1.0) + 1.5
    ends = np.stack([first, first + along])
    box = _box(ends.min(axis=0) - reach, ends.max(axis=0) + reach + 1, shape)
    y, x = np.mgrid[box]
    length = max(float(along @ along), 1e-9)
    share = np.clip(((x - first[0]) * along[0] + (y - first[1]) * along[1]) / length, 0, 1)
    distance = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    return box, np.clip(0.5 * max(thick, 1.0) + 0.5 - distance, 0, 1).astype(np.float32)


def _dot(canvas: NDArray[np.float32], centre: tuple[float, float], radius: float, share: float) -> None:
    place = np.asarray(centre)
    box = _box(place - radius - 2, place + radius + 2, canvas.shape)
    y, x = np.mgrid[box]
    cover = np.clip(radius + 0.5 - np.hypot(x - centre[0], y - centre[1]), 0, 1)
    if radius < 0.5:
        # Smaller than a pixel: what falls on it is spread by the lens.
        cover = np.exp(-2 * (np.square(x - centre[0]) + np.square(y - centre[1]))) * (2 * radius) ** 2
    canvas[box] = np.maximum(canvas[box], (share * cover).astype(np.float32))
