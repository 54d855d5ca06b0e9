"""Hair: curved strands that lie on the film for one frame, and hairs caught in the gate that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from restoration_tasks.training.damage.base import (
    SD_WIDTH,
    CodeScale,
    DamagedFrame,
    DamageKind,
    FrameDamage,
    alive,
    require,
    require_range,
    stream,
)
from restoration_tasks.training.damage.layer import Layer, neutral_tone
from restoration_tasks.training.damage.strand import draw_strand, strand_path

# Gate hairs draw from lives of their own, apart from the strands of single frames.
_GATE_SEED = 7919


@dataclass(frozen=True)
class Hair(FrameDamage):
    """Strands on single frames, and gate hairs that reach in from an edge and sway while they stay."""

    kind: ClassVar[DamageKind] = DamageKind.HAIR

    strands: float = 0.5
    """Expected number of loose strands on a frame, 0–20."""
    gate_hairs: float = 0.0
    """Expected number of gate hairs on a frame, 0–5."""
    gate_frames: tuple[int, int] = (12, 72)
    """Shortest and longest stay of a gate hair, in frames."""
    length_px: tuple[float, float] = (30, 140)
    """Length at SD width, 4–600."""
    width_px: tuple[float, float] = (1.0, 2.2)
    """Width at SD width, 0.5–6."""
    opacity: tuple[float, float] = (0.6, 0.95)
    """Opacity, 0–1."""
    bright_share: float = 0.35
    """Share of loose strands that are bright (on the negative); gate hairs are dark: they block the light."""

    def __post_init__(self) -> None:
        require(0 <= self.strands <= 20, "strands is 0–20 a frame")
        require(0 <= self.gate_hairs <= 5, "gate_hairs is 0–5 a frame")
        require_range("gate_frames", self.gate_frames, 1, 2000)
        require_range("length_px", self.length_px, 4, 600)
        require_range("width_px", self.width_px, 0.5, 6)
        require_range("opacity", self.opacity, 0, 1)
        require(0 <= self.bright_share <= 1, "bright_share is a share, 0–1")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its hairs; `values` hold the number of loose `strands` and of `gate_hairs`."""
        channels, height, width = frame.picture.shape
        layer = Layer(channels, height, width)
        rng = stream(self.seed, self.kind, index)
        strands = int(rng.poisson(self.strands))
        for _ in range(strands):
            self._lay_strand(rng, layer, channels)
        gate_hairs = 0
        if self.gate_hairs > 0:
            lives = alive(self.seed + _GATE_SEED, self.kind, index, present=self.gate_hairs, durations=self.gate_frames)
            for life in lives:
                sway = float(stream(self.seed + _GATE_SEED, self.kind, life.born, index).normal(0, 0.22))
                self._lay_gate_hair(life.looks, sway, layer, channels)
                gate_hairs += 1
        aged = layer.lay(frame, scale)
        values = {"strands": float(strands), "gate_hairs": float(gate_hairs)}
        return DamagedFrame(aged.picture, frame.truth.with_kind(self.kind, layer.mask, values))

    def _sizes(self, rng: np.random.Generator, width: int) -> tuple[float, float, np.float32]:
        size = width / SD_WIDTH
        length = rng.uniform(*self.length_px) * size
        return length, max(rng.uniform(*self.width_px) * size, 0.5), np.float32(rng.uniform(*self.opacity))

    def _lay_strand(self, rng: np.random.Generator, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        length, thick, opacity = self._sizes(rng, width)
        path = strand_path(rng, length_px=length, curl=rng.uniform(0.8, 4.5))
        middle = path.mean(axis=0)
        path += (rng.uniform(0, width), rng.uniform(0, height)) - middle
        patch, top, left = draw_strand(path, thick)
        bright = rng.random() < self.bright_share
        tone = (
            neutral_tone(rng, channels, 0.85, 0.98, 0.03) if bright else neutral_tone(rng, channels, 0.01, 0.08, 0.02)
        )
        layer.add(patch * opacity, top, left, tone)

    def _lay_gate_hair(self, rng: np.random.Generator, sway: float, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        length, thick, opacity = self._sizes(rng, width)
        # Most dirt of the gate gathers at the top and bottom, where the film slides in and out.
        edge = rng.choice(4, p=(0.4, 0.4, 0.1, 0.1))
        across, along = rng.uniform(0.03, 0.97), 0.5 * np.pi
        root, inward = (
            ((across * width, -2.0), along),
            ((across * width, height + 2.0), -along),
            ((-2.0, across * height), 0.0),
            ((width + 2.0, across * height), np.pi),
        )[edge]
        heading = inward + rng.normal(0, 0.35)
        path = strand_path(rng, length_px=length, curl=rng.uniform(0.6, 2.5), heading=heading, bend=sway)
        patch, top, left = draw_strand(path + np.asarray(root), thick)
        layer.add(patch * opacity, top, left, neutral_tone(rng, channels, 0.0, 0.05, 0.01))
