"""A small delivery for whole-DAG tests: three unlike shots of a few frames, one of them left clean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.training.damage import Damage, Dirt, Flicker

WIDTH, HEIGHT = 96, 72
FRAMES_A_SHOT = 10
SHOTS = 3
CLEAN_SHOT = 2
"""1-based; the others are aged."""
FIRST_NUMBER = 1001
DIRT_SHARE = (0.008, 0.012)
"""Of a frame. Specks are of their usual size in px, so on so small a frame their seams are several times as much: twice
as many specks and the check rightly refuses some reels, as more of a frame is changed than local repairs may."""


@dataclass(frozen=True)
class SmallReel:
    """A delivery on disk."""

    reel_id: str
    delivery: Path


def deliver(
    inbox: Path,
    reel_id: str,
    *,
    seed: int = 7,
    fps: float = 24.0,
    shots: int = SHOTS,
    frames_a_shot: int = FRAMES_A_SHOT,
) -> SmallReel:
    """Write a delivery: 10-bit DPX frames, manifest, completion marker."""
    folder = inbox / reel_id
    folder.mkdir(parents=True)
    digests = {}
    for index, codes in enumerate(small_frames(seed, shots, frames_a_shot)):
        path = folder / f"{reel_id}_{FIRST_NUMBER + index:07d}.dpx"
        write_dpx(
            path,
            codes,
            fps=fps,
            frame_position=index,
            sequence_length=shots * frames_a_shot,
            transfer=Transfer.BT709,
            colorimetric_code=6,
            project=reel_id,
        )
        digests[path.name] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    write_manifest(folder / "manifest-md5.txt", digests)
    (folder / ".ready").touch()
    return SmallReel(reel_id, folder)


def small_frames(seed: int, shots: int = SHOTS, frames_a_shot: int = FRAMES_A_SHOT) -> Iterator[NDArray[np.uint16]]:
    """Make `(3, H, W)` 10-bit codes: in each shot a texture of its own drifts by a pixel a frame."""
    random = np.random.default_rng(seed)
    levels = [(250, 420, 700), (760, 640, 300), (420, 300, 250)]
    for shot in range(shots):
        wide = random.normal(size=(3, HEIGHT, WIDTH + frames_a_shot)).astype(np.float32)
        # Each shot is rough or smooth in its own way, so that the cuts are plain to see.
        rough = np.stack([cv2.GaussianBlur(plane, (0, 0), 2.0 + 3.0 * (shot % SHOTS)) for plane in wide])
        rough /= rough.std()
        base = np.array(levels[shot % SHOTS], np.float32)[:, None, None]
        drift = [base + 60.0 * rough[:, :, i : i + WIDTH] for i in range(frames_a_shot)]
        codes = [np.clip(np.rint(frame), 64, 940).astype(np.uint16) for frame in drift]
        if shot % SHOTS + 1 != CLEAN_SHOT:
            damage = Damage((Flicker(density_sd=0.04, seed=shot), Dirt(area=DIRT_SHARE, seed=shot)), seed=seed)
            codes = [aged.picture for aged in damage.apply(codes, bit_depth=10, first=0)]
        yield from codes
