"""Dirt: sparkle and blotches that lie on the film for one frame, dark (on the print) or bright (on the negative)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.training.damage.base import (
    SD_WIDTH,
    CodeScale,
    DamagedFrame,
    DamageKind,
    FrameDamage,
    require,
    require_range,
    stream,
)
from restoration_tasks.training.damage.layer import Layer, neutral_tone, smooth_noise
from restoration_tasks.training.damage.strand import strand_patch

Patch = NDArray[np.float32]

_TURNS = 256
_HARMONICS = np.arange(1, 9)
_CIRCLE = np.outer(_HARMONICS, np.arange(_TURNS) * (2 * np.pi / _TURNS))


@dataclass(frozen=True)
class Dirt(FrameDamage):
    """Specks, flakes, clusters and lint, new on every frame.

    Sizes follow a log-normal law: mostly sparkle of a few pixels and now and then a blotch, as on real reels.
    """

    kind: ClassVar[DamageKind] = DamageKind.DIRT

    area: tuple[float, float] = (0.01, 0.03)
    """Share of each frame that dirt covers, drawn anew a frame (0–0.3)."""
    opacity: tuple[float, float] = (0.6, 1.0)
    """Opacity of opaque dirt, 0–1."""
    translucent_share: float = 0.3
    """Share of specks that let the picture through, 0–1; their opacity is a third to two thirds of the above."""
    bright_share: float = 0.5
    """Share of specks that are bright: dirt on the negative prints white. 0–1."""
    radius_px: float = 1.5
    """Median radius at SD width, 0.3–20."""
    radius_spread: float = 0.8
    """Spread of the radius: standard deviation of its logarithm, 0–1.5."""
    largest_px: float = 14.0
    """Largest radius at SD width, at least `radius_px`."""
    lint_share: float = 0.06
    """Share of specks that are short fibres, 0–1."""

    def __post_init__(self) -> None:
        require_range("area", self.area, 0, 0.3)
        require_range("opacity", self.opacity, 0, 1)
        for name in ("translucent_share", "bright_share", "lint_share"):
            require(0 <= getattr(self, name) <= 1, f"{name} is a share, 0–1")
        require(0.3 <= self.radius_px <= 20, "radius_px is 0.3–20 pixels at SD width")
        require(0 <= self.radius_spread <= 1.5, "radius_spread is 0–1.5")
        require(self.largest_px >= self.radius_px, "largest_px is at least radius_px")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with fresh dirt; `values` hold the covered `area` and the number of `specks`."""
        channels, height, width = frame.picture.shape
        rng = stream(self.seed, self.kind, index)
        layer = Layer(channels, height, width)
        pixels = height * width
        wanted = rng.uniform(*self.area) * pixels
        most = self.area[1] * pixels
        covered, specks, misses = 0, 0, 0
        # A speck too large for what is left is thrown away; a few in a row mean the frame is as full as it can be.
        while covered < wanted and misses < 200:
            patch = self._speck(rng, width)
            size = int(np.count_nonzero(patch >= 0.03))
            top = int(rng.integers(-patch.shape[0] // 2, height - patch.shape[0] // 2 + 1))
            left = int(rng.integers(-patch.shape[1] // 2, width - patch.shape[1] // 2 + 1))
            tone = self._tone(rng, channels)
            if size == 0 or covered + size > most:
                misses += 1
                continue
            misses = 0
            covered += layer.add(patch, top, left, tone)
            specks += 1
        aged = layer.lay(frame, scale)
        values = {"area": covered / pixels, "specks": float(specks)}
        return DamagedFrame(aged.picture, frame.truth.with_kind(self.kind, layer.mask, values))

    def _tone(self, rng: np.random.Generator, channels: int) -> NDArray[np.float32]:
        if rng.random() < self.bright_share:
            return neutral_tone(rng, channels, 0.86, 1.0, 0.04)
        return neutral_tone(rng, channels, 0.01, 0.09, 0.02)

    def _speck(self, rng: np.random.Generator, width: int) -> Patch:
        """The opacity of one piece of dirt, `(h, w)`."""
        size = width / SD_WIDTH
        radius = self.radius_px * float(np.exp(self.radius_spread * rng.standard_normal()))
        radius = float(np.clip(radius, 0.5, self.largest_px)) * size
        opacity = rng.uniform(*self.opacity)
        if rng.random() < self.translucent_share:
            opacity *= rng.uniform(1 / 3, 2 / 3)
        if rng.random() < self.lint_share:
            length = max(radius, 2.0 * size) * rng.uniform(4, 9)
            return strand_patch(rng, length_px=length, width_px=max(1.0 * size, 0.6), curl=2.5) * np.float32(opacity)
        patch = flake(rng, max(radius, 0.45))
        return patch * np.float32(opacity)


def flake(rng: np.random.Generator, radius_px: float) -> Patch:
    """One irregular piece of dirt, `(n, n)`, opacity 0–1, centred at a sub-pixel offset.

    Its outline is a circle disturbed by a few harmonics (Fourier descriptors with random phase), stretched and turned.
    Larger pieces are several such lobes, thinner in places, and carry a faint halo where dust bends the light.
    """
    lobes = 1 if radius_px < 3 else int(rng.integers(1, 5))
    edge = rng.uniform(0.5, 0.9) + 0.05 * radius_px
    reach = int(np.ceil(radius_px * 2.6 + 3 * edge)) + 1
    grid = np.arange(-reach, reach + 1, dtype=np.float32)
    rows, columns = grid[:, None], grid[None, :]
    depth = np.full((grid.size, grid.size), -np.inf, np.float32)
    for lobe in range(lobes):
        lobe_radius = radius_px * (1.0 if lobe == 0 else rng.uniform(0.35, 0.75))
        away = rng.uniform(-0.5, 0.5, 2) if lobe == 0 else rng.normal(0, 0.55 * radius_px, 2)
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 2.4)
        y, x = rows - np.float32(away[0]), columns - np.float32(away[1])
        along = (x * np.cos(turn) + y * np.sin(turn)) / np.sqrt(stretch)
        across = (y * np.cos(turn) - x * np.sin(turn)) * np.sqrt(stretch)
        angle, distance = np.arctan2(across, along), np.hypot(across, along)
        outline = _outline(rng)[np.rint(angle * (_TURNS / (2 * np.pi))).astype(np.intp) % _TURNS] * lobe_radius
        depth = np.maximum(depth, outline - distance)
    if radius_px >= 2:
        # Broken edges: harmonics alone draw petals.
        for cell, roughness in ((0.8, 0.3), (0.35, 0.16)):
            depth += roughness * radius_px * smooth_noise(rng, grid.size, grid.size, max(1.5, radius_px * cell))
    patch = np.clip(depth / edge + 0.5, 0, 1)
    if radius_px >= 3:
        # Thin places let light through; the middle of a flake is not one flat tone.
        thickness = 0.8 + 0.35 * smooth_noise(rng, grid.size, grid.size, max(2.0, radius_px * 0.6))
        halo = rng.uniform(0.0, 0.12) * np.exp(-np.square(np.minimum(depth, 0) / (0.1 * radius_px + 0.6)))
        patch = np.maximum(patch * np.clip(thickness, 0.35, 1.0), np.where(depth < 0, halo, 0))
    return np.asarray(patch, np.float32)


def _outline(rng: np.random.Generator) -> NDArray[np.float32]:
    """Radius by direction, `(_TURNS,)`, about 1: a circle and eight harmonics that weaken as they get finer."""
    swing = rng.normal(0, 0.22, _HARMONICS.size) / _HARMONICS**0.7
    phase = rng.uniform(0, 2 * np.pi, _HARMONICS.size)
    return np.asarray(1 + swing @ np.cos(_CIRCLE + phase[:, None]), np.float32)
