"""Stains: soft, slowly changing areas of dirt water, mould or chemistry that stay for several frames."""

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
    Life,
    alive,
    require,
    require_range,
)
from restoration_tasks.training.damage.layer import FAINTEST, smooth_noise
from restoration_tasks.training.damage.tone import density, transmission


@dataclass(frozen=True)
class Stain(FrameDamage):
    """Patches of added density with uneven insides and, often, a tide mark at the rim."""

    kind: ClassVar[DamageKind] = DamageKind.STAIN

    patches: float = 0.8
    """Expected number of stains on a frame, 0–10."""
    frames: tuple[int, int] = (8, 40)
    """Shortest and longest stay, in frames."""
    radius_px: tuple[float, float] = (40, 140)
    """Radius at SD width, 5–500."""
    depth: tuple[float, float] = (0.06, 0.25)
    """Density added in the middle, 0–2."""
    tide_share: float = 0.5
    """Share of stains with a darker rim, 0–1."""

    def __post_init__(self) -> None:
        require(0 <= self.patches <= 10, "patches is 0–10 a frame")
        require_range("frames", self.frames, 1, 2000)
        require_range("radius_px", self.radius_px, 5, 500)
        require_range("depth", self.depth, 0, 2)
        require(0 <= self.tide_share <= 1, "tide_share is a share, 0–1")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its stains; `values` hold their number (`patches`) and the greatest `depth` added."""
        channels, height, width = frame.picture.shape
        added = np.zeros((channels, height, width), np.float32)
        cover = np.zeros((height, width), np.float32)
        patches = 0
        if self.patches > 0:
            for life in alive(self.seed, self.kind, index, present=self.patches, durations=self.frames):
                field, tint = self._patch(life, index, height, width)
                cover += field
                added += tint[:channels, None, None] * field
                patches += 1
        mask = cover > FAINTEST * max(self.depth[1], 0.05)
        picture = frame.picture
        if mask.any():
            picture = picture.copy()
            stained = density(scale.to_float(frame.picture[:, mask])) + added[:, mask]
            picture[:, mask] = scale.to_codes(transmission(stained))
        values = {"patches": float(patches), "depth": float(added.max())}
        return DamagedFrame(picture, frame.truth.with_kind(self.kind, mask, values))

    def _patch(
        self, life: Life, index: int, height: int, width: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Density field `(H, W)` of one stain on one frame, and its colour `(3,)`."""
        rng, size = life.looks, width / SD_WIDTH
        radius = rng.uniform(*self.radius_px) * size
        depth = rng.uniform(*self.depth) * np.sin(np.pi * (life.age(index) + 0.5 / life.duration)) ** 0.5
        # Brown and yellow stains hold back blue most; on grey film the first figure alone counts.
        tint = np.array([1.0, rng.uniform(1.0, 1.3), rng.uniform(1.1, 1.8)], np.float32)
        middle = (rng.uniform(0, height), rng.uniform(0, width))
        ragged = [smooth_noise(rng, height, width, radius * cell) for cell in (0.9, 0.35)]
        drift = rng.normal(0, 0.12 * radius, 2) * life.age(index)
        tide = rng.uniform(0.3, 0.8) if rng.random() < self.tide_share else 0.0
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(middle[0] + drift[0])
        x = np.arange(width, dtype=np.float32)[None, :] - np.float32(middle[1] + drift[1])
        inside = 1 - np.hypot(x, y) / radius + 0.3 * ragged[0] + 0.12 * ragged[1]
        body = np.clip(inside / 0.35, 0, 1)
        body = body * body * (3 - 2 * body) * (0.75 + 0.25 * ragged[1])
        rim = tide * np.exp(-np.square((inside - 0.12) / 0.05))
        return np.asarray(depth * (body * (1 - 0.4 * tide) + rim), np.float32), tint
