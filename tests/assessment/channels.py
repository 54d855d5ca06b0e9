"""Simulated film with dirt on it, and what a scanner's own channel shows of it: dyes, silver, mattes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
HEIGHT, WIDTH = 180, 320


def picture(seed: int = 0, *, shift: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Floats:
    """A scene of blobs at several scales, 0 to 1, with grain; `shift` moves the camera."""
    random = np.random.default_rng(seed)
    scene = np.zeros((height, width + 128), np.float32)
    for size in (3, 8, 24):
        blobs = cv2.GaussianBlur(random.normal(0, 1, scene.shape).astype(np.float32), (0, 0), size)
        scene += blobs / blobs.std()
    scene = (scene - scene.min()) / (scene.max() - scene.min())
    grain = np.random.default_rng(1000 * seed + shift + 7).normal(0, 0.012, (height, width))
    return np.clip(0.1 + 0.8 * scene[:, shift : shift + width] + grain, 0, 1).astype(np.float32)


def dirt(seed: int = 0, *, specks: int = 12, height: int = HEIGHT, width: int = WIDTH, larger: int = 1) -> Floats:
    """How much light dirt blocks, 0 to 1: specks and one hair; specks and hair so many times larger."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((height, width), np.float32)
    for _ in range(specks):
        one = np.zeros(canvas.shape, np.uint8)
        centre = (int(random.integers(10, width - 10)), int(random.integers(10, height - 10)))
        axes = (larger * int(random.integers(2, 5)), larger * int(random.integers(1, 4)))
        cv2.ellipse(one, centre, axes, float(random.uniform(0, 180)), 0, 360, 255, -1)
        canvas = np.maximum(canvas, one / np.float32(255) * np.float32(random.uniform(0.3, 1)))
    hair = np.zeros(canvas.shape, np.uint8)
    begin = random.integers(40, (height, width))
    steps = larger * random.normal((3, 2), 5, (6, 2))
    bends = (begin + np.cumsum(steps, axis=0)).astype(np.int32)
    cv2.polylines(hair, [bends[:, ::-1].reshape(-1, 1, 2)], False, 255, 2 * larger)
    return np.maximum(canvas, hair / np.float32(255) * np.float32(0.7)).astype(np.float32)


def dirty(scene: Floats, blocked: Floats) -> npt.NDArray[np.uint8]:
    """The picture's analysis copy with dirt on it, dark as on a positive."""
    return np.rint(255 * scene * (1 - blocked)).astype(np.uint8)


def infrared(
    scene: Floats, blocked: Floats, *, leak: float = 0.0, silver: float = 0.0, level: float = 0.8, seed: int = 0
) -> Floats:
    """What infrared light shows, in 10-bit codes: the lamp's fall-off, noise, dirt a pixel beside itself; 0 to 1.

    Args:
        scene: the picture.
        blocked: the dirt on it.
        leak: share of the picture that the dyes let show.
        silver: contrast of the picture in infrared, where its image is of silver.
        level: of the clean film in the middle.
        seed: of the noise.
    """
    height, width = scene.shape
    rows, columns = np.mgrid[0:height, 0:width]
    lamp = 1 - 0.3 * (((columns - width / 2) / width) ** 2 + ((rows - height / 2) / height) ** 2)
    image = 1 - leak * (1 - scene) if not silver else 1 - silver * (1 - scene)
    soft = np.roll(cv2.GaussianBlur(blocked, (0, 0), 0.8), 1, (0, 1))
    light = level * lamp * image * (1 - soft) + np.random.default_rng(seed).normal(0, 0.006, scene.shape)
    return (np.rint(1023 * np.clip(light, 0, 1)) / 1023).astype(np.float32)


def matte(blocked: Floats) -> Floats:
    """What a scanner draws of its dirt, as 8-bit codes over their range."""
    return (np.rint(255 * blocked) / 255).astype(np.float32)
