"""How a training take is aged: the simulator's families a network may see, over grain, flicker and compression.

The recipe keeps families for the test (translucent dirt beside opaque, lint, hairs in the gate, rain, broken scratches,
local flicker, tide marks) and whole kinds (weave, fade, tears, missing frames): none of them is used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.training.damage import (
    CinchMarks,
    ColourDigs,
    Damage,
    DamageKind,
    Dirt,
    DustClusters,
    Flicker,
    FrameDamage,
    Grain,
    Hair,
    Scratch,
    SpliceDirt,
    Stain,
)
from restoration_tasks.training.defects.footage import Take

VISIBLE = 0.012
"""Change (share of the code range) from which a pixel counts as damaged: three 8-bit codes, about what fine grain does.
Fainter fringes of a mask are neither asked for nor held against the network."""

KINDS = {Defect.DIRT: DamageKind.DIRT, Defect.HAIR: DamageKind.HAIR, Defect.SCRATCH: DamageKind.SCRATCH}
"""The simulator's kind behind each map."""


@dataclass(frozen=True)
class Aged:
    """A take after ageing, frame by frame."""

    damaged: Take
    clean: Take
    """The same frames with grain, flicker and compression, without what is to be found."""
    masks: list[NDArray[np.bool_]]
    """`(3, H, W)` a frame, in the order of `Defect`: visible damage."""
    fringe: list[NDArray[np.bool_]]
    """`(H, W)` a frame: touched by damage, but too faint to be asked for."""


def age(take: Take, rng: np.random.Generator) -> Aged:
    """Age a take; the random stream decides everything."""
    width = take[0].shape[1]
    # A take shows a part of a frame: damage is sized as on frames between 180 and 1400 pixels wide.
    scale = float(np.exp(rng.uniform(np.log(180), np.log(1400)))) / width
    seed = int(rng.integers(1 << 31))
    pictures = [np.ascontiguousarray(frame.transpose(2, 0, 1), np.float32) for frame in take]
    under = [frame.picture for frame in Damage(_under(rng), seed).apply(pictures)]
    laid = list(Damage(_local(rng, scale), seed + 1).apply(under))
    finish = _Finish(rng)
    damaged = [finish(frame.picture, seed + number) for number, frame in enumerate(laid)]
    clean = [finish(picture, seed + number) for number, picture in enumerate(under)]
    masks, fringe = [], []
    for place, frame in enumerate(laid):
        # Seen before compression, which spreads a change about, and after the border, which hides what lies there.
        seen = np.abs(frame.picture - under[place]).max(axis=0) >= VISIBLE
        seen &= np.abs(damaged[place] - clean[place]).max(axis=2) >= VISIBLE / 2
        none = np.zeros_like(seen)
        maps = np.stack([frame.truth.masks.get(KINDS[defect], none) for defect in Defect])
        masks.append(maps & seen)
        fringe.append(maps.any(axis=0) & ~seen)
    return Aged(damaged, clean, masks, fringe)


def _under(rng: np.random.Generator) -> list[FrameDamage]:
    """What lies under the damage and is no damage to be found."""
    kinds: list[FrameDamage] = []
    if rng.random() < 0.75:
        kinds.append(
            Grain(sigma=float(np.exp(rng.uniform(np.log(0.004), np.log(0.05)))), size_px=rng.uniform(0.3, 2.5))
        )
    if rng.random() < 0.35:
        kinds.append(Flicker(density_sd=rng.uniform(0.005, 0.06), contrast_sd=0.0, local_sd=0.0))
    if rng.random() < 0.12:
        kinds.append(Stain(patches=1.5, radius_px=(40, 250), depth=(0.03, 0.4), tide_share=0.0))
    return kinds


def _local(rng: np.random.Generator, scale: float) -> list[FrameDamage]:
    """What is to be found; nothing at all on one take in eight."""
    if rng.random() < 0.12:
        return []
    opacity = rng.uniform(0.35, 1.0)
    opaque = (0.9 * opacity, opacity)
    kinds: list[FrameDamage] = []
    if rng.random() < 0.4:
        kinds.append(_scratches(rng, scale))
    if rng.random() < 0.15:
        kinds.append(_digs(scale))
    if rng.random() < 0.12:
        kinds.append(CinchMarks(swarms=1.0, width_px=_px((1.0, 2.5), scale, 0.5, 8)))
    if rng.random() < 0.75:
        radius = float(np.clip(rng.uniform(0.8, 4.0) * scale, 0.3, 20))
        kinds.append(
            Dirt(
                area=(0.001, float(rng.choice([0.004, 0.012, 0.03]))),
                opacity=opaque,
                translucent_share=0.0,
                lint_share=0.0,
                bright_share=rng.uniform(0.1, 0.9),
                radius_px=radius,
                largest_px=max(radius, rng.uniform(6, 26) * scale),
            )
        )
    if rng.random() < 0.2:
        kinds.append(
            DustClusters(
                clusters=1.5,
                spread_px=_px((8, 60), scale, 1, 400),
                radius_px=_px((0.6, 3.5), scale, 0.3, 20),
                soft_px=(0.0, float(min(2.0 * scale, 8))),
                opacity=opaque,
            )
        )
    if rng.random() < 0.05:
        kinds.append(SpliceDirt(rate=0.3, reach_px=_px((4, 40), scale, 1, 200)))
    if rng.random() < 0.5:
        opacity = rng.uniform(0.4, 0.95)
        kinds.append(
            Hair(
                strands=rng.choice([0.7, 2.0]),
                gate_hairs=0.0,
                length_px=_px((20, rng.choice([140, 400])), scale, 4, 600),
                width_px=_px((0.8, 2.6), scale, 0.5, 6),
                opacity=(0.8 * opacity, opacity),
            )
        )
    return kinds


def _scratches(rng: np.random.Generator, scale: float) -> Scratch:
    opacity = float(np.exp(rng.uniform(np.log(0.12), np.log(0.95))))
    return Scratch(
        lines=rng.choice([1.0, 3.0]),
        width_px=_px((1.5, 10.0), scale, 1, 20),
        opacity=(0.7 * opacity, opacity),
        wander_px=float(min(rng.uniform(0, 14) * scale, 40)),
        tilt_deg=rng.uniform(0, 3),
        broken_share=0.0,
        rain=0.0,
    )


def _digs(scale: float) -> ColourDigs:
    return ColourDigs(lines=1.5, width_px=_px((1.5, 6.0), scale, 1, 20), opacity=(0.3, 0.9), broken_share=0.0, rain=0.0)


def _px(bounds: tuple[float, float], scale: float, lowest: float, highest: float) -> tuple[float, float]:
    """A range of sizes at SD width, scaled and kept within what the simulator takes."""
    low, high = (float(np.clip(value * scale, lowest, highest)) for value in bounds)
    return low, high


class _Finish:
    """What comes after the damage, the same for a frame with and without it: borders, blur, compression, 8 bits."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._quality = int(rng.integers(55, 97)) if rng.random() < 0.35 else None
        self._blur = rng.uniform(0.4, 0.9) if rng.random() < 0.2 else 0.0
        self._border = rng.uniform(2, 14) if rng.random() < 0.12 else 0.0

    def __call__(self, picture: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        rows = np.ascontiguousarray(picture.transpose(1, 2, 0))
        if self._border:
            rows = rows * _aperture(rows.shape[:2], self._border, np.random.default_rng(seed))[..., None]
        if self._blur:
            rows = np.asarray(cv2.GaussianBlur(rows, (0, 0), self._blur), np.float32)
        codes = np.rint(np.clip(rows, 0, 1) * 255).astype(np.uint8)
        if self._quality is not None:
            _, packed = cv2.imencode(".jpg", codes[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            codes = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
        return np.asarray(codes, np.float32) / np.float32(255)


def _aperture(shape: tuple[int, int], wide_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """The edge of the printer's aperture, ragged and never quite in the same place: `(H, W)`, 0–1."""
    height, width = shape
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    dx, dy = rng.normal(0, 0.7, 2)
    inside = np.minimum(np.minimum(x - dx, width - 1 - x + dx), np.minimum(y - dy, height - 1 - y + dy))
    return np.asarray(np.clip((inside - wide_px) / 1.5 + 0.5, 0, 1), np.float32)
