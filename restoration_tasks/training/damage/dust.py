"""Dust that gathers: clusters of fine specks, out of focus or ringed by sharpening, and dirt beside a splice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
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
from restoration_tasks.training.damage.dirt import flake
from restoration_tasks.training.damage.layer import FAINTEST, Layer, neutral_tone

# Streams of their own, apart from those of `Dirt`, which has the same kind.
_CLUSTER_KEY = 11
_SPLICE_KEY = 12


@dataclass(frozen=True)
class DustClusters(FrameDamage):
    """Dust that lies in swarms, new on every frame.

    Dust on the outer side of the film is out of focus; sharpening in the scanner draws a rim of the other polarity.
    """

    kind: ClassVar[DamageKind] = DamageKind.DIRT

    clusters: float = 1.0
    """Expected number of clusters on a frame, 0–20."""
    specks: tuple[int, int] = (5, 40)
    """Fewest and most specks of a cluster."""
    spread_px: tuple[float, float] = (10, 60)
    """Standard deviation of the specks' places at SD width, 1–400."""
    radius_px: tuple[float, float] = (0.6, 4.0)
    """Radius of a speck at SD width, 0.3–20."""
    soft_px: tuple[float, float] = (0.0, 2.0)
    """Blur of a cluster (standard deviation) at SD width, 0–8."""
    rim: tuple[float, float] = (0.0, 0.35)
    """Opacity of the rim as a share of the speck's, 0–1."""
    opacity: tuple[float, float] = (0.6, 1.0)
    """Opacity in the middle, 0–1."""
    bright_share: float = 0.5
    """Share of clusters that are bright (on the negative), 0–1."""

    def __post_init__(self) -> None:
        require(0 <= self.clusters <= 20, "clusters is 0–20 a frame")
        require(1 <= self.specks[0] <= self.specks[1], "specks is a range from 1")
        require_range("spread_px", self.spread_px, 1, 400)
        require_range("radius_px", self.radius_px, 0.3, 20)
        require_range("soft_px", self.soft_px, 0, 8)
        require_range("rim", self.rim, 0, 1)
        require_range("opacity", self.opacity, 0, 1)
        require(0 <= self.bright_share <= 1, "bright_share is a share, 0–1")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with fresh dust; `values` hold the number of `clusters`."""
        channels, height, width = frame.picture.shape
        rng = stream(self.seed, self.kind, index, _CLUSTER_KEY)
        layer = Layer(channels, height, width)
        clusters = int(rng.poisson(self.clusters))
        for _ in range(clusters):
            middle = rng.uniform(0, 1, 2) * (height, width)
            self._lay_cluster(rng, layer, channels, middle)
        aged = layer.lay(frame, scale)
        truth = frame.truth.with_kind(self.kind, layer.mask, {"clusters": float(clusters)})
        return DamagedFrame(aged.picture, truth)

    def _lay_cluster(self, rng: np.random.Generator, layer: Layer, channels: int, middle: NDArray[np.float64]) -> None:
        size = layer.opacity.shape[1] / SD_WIDTH
        spread = rng.uniform(*self.spread_px) * size * rng.uniform(0.4, 1.0, 2)
        soft, rim = rng.uniform(*self.soft_px) * size, rng.uniform(*self.rim)
        bright = rng.random() < self.bright_share
        light = neutral_tone(rng, channels, 0.85, 1.0, 0.04)
        dark = neutral_tone(rng, channels, 0.01, 0.1, 0.03)
        tone, other = (light, dark) if bright else (dark, light)
        for _ in range(int(rng.integers(self.specks[0], self.specks[1] + 1))):
            radius = np.exp(rng.uniform(*np.log(self.radius_px))) * size
            patch = _soft(flake(rng, max(float(radius), 0.45)), soft) * np.float32(rng.uniform(*self.opacity))
            top, left = np.rint(middle + rng.normal(0, spread) - patch.shape[0] / 2).astype(int)
            if rim > FAINTEST:
                halo = cv2.dilate(patch, np.ones((3, 3), np.uint8)) - patch
                layer.add(np.asarray(halo * rim, np.float32), int(top), int(left), other)
            layer.add(patch, int(top), int(left), tone)


@dataclass(frozen=True)
class SpliceDirt(FrameDamage):
    """What a splice leaves on the frames beside it: glue and dirt along the upper or the lower edge."""

    kind: ClassVar[DamageKind] = DamageKind.DIRT

    rate: float = 0.02
    """Chance that a frame lies beside a splice, 0–1."""
    reach_px: tuple[float, float] = (4, 40)
    """How far the dirt reaches into the frame, at SD width, 1–200."""
    opacity: tuple[float, float] = (0.5, 1.0)
    """Opacity of its flakes, 0–1."""

    def __post_init__(self) -> None:
        require(0 <= self.rate <= 1, "rate is a chance, 0–1")
        require_range("reach_px", self.reach_px, 1, 200)
        require_range("opacity", self.opacity, 0, 1)

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame, with the dirt of a splice if it lies beside one; `values` say whether (`splice`, 0 or 1)."""
        channels, height, width = frame.picture.shape
        rng = stream(self.seed, self.kind, index, _SPLICE_KEY)
        layer = Layer(channels, height, width)
        beside = rng.random() < self.rate
        if beside:
            self._lay(rng, layer, channels)
        aged = layer.lay(frame, scale)
        truth = frame.truth.with_kind(self.kind, layer.mask, {"splice": float(beside)})
        return DamagedFrame(aged.picture, truth)

    def _lay(self, rng: np.random.Generator, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        size = width / SD_WIDTH
        reach = max(rng.uniform(*self.reach_px) * size, 2.0)
        below = rng.random() < 0.5
        tone = neutral_tone(rng, channels, 0.02, 0.25, 0.05)
        band = np.zeros((int(np.ceil(reach)) + 2, width), np.float32)
        ragged = reach * (0.25 + 0.2 * np.cumsum(rng.normal(0, 0.06, width)))
        band[:] = rng.uniform(0.3, 0.8) * np.clip(ragged[None, :] - np.arange(band.shape[0])[:, None], 0, 1)
        layer.add(band[::-1] if below else band, height - band.shape[0] if below else 0, 0, tone)
        for _ in range(int(rng.integers(10, 60))):
            patch = flake(rng, max(rng.uniform(0.8, 4.0) * size, 0.45)) * np.float32(rng.uniform(*self.opacity))
            away = abs(rng.normal(0, reach / 2))
            top = round((height - away if below else away) - patch.shape[0] / 2)
            layer.add(patch, top, int(rng.integers(-2, width)), tone)


def _soft(patch: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """A patch out of focus, grown by what it spreads."""
    if sigma_px < 0.2:
        return patch
    room = int(np.ceil(2.5 * sigma_px))
    return np.asarray(cv2.GaussianBlur(np.pad(patch, room), (0, 0), sigma_px), np.float32)
