"""Grain: noise of the emulsion, correlated in space and strongest in the middle tones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restoration_tasks.training.damage.base import (
    SD_WIDTH,
    CodeScale,
    DamagedFrame,
    DamageKind,
    FrameDamage,
    require,
    stream,
)


@dataclass(frozen=True)
class Grain(FrameDamage):
    """Fresh grain on every frame."""

    kind: ClassVar[DamageKind] = DamageKind.GRAIN

    sigma: float = 0.02
    """Standard deviation in the middle tones, as a share of full scale, 0–0.2."""
    size_px: float = 0.8
    """Radius of a grain (standard deviation of its blur) at SD width, 0–6."""
    floor: float = 0.35
    """What is left of it in black and white, as a share of `sigma`, 0–1."""
    dye_share: float = 0.5
    """Share of the variance that each dye layer has for itself, 0 (grey grain) to 1."""

    def __post_init__(self) -> None:
        require(0 <= self.sigma <= 0.2, "sigma is 0–0.2 of full scale")
        require(0 <= self.size_px <= 6, "size_px is 0–6 pixels at SD width")
        require(0 <= self.floor <= 1 and 0 <= self.dye_share <= 1, "floor and dye_share are shares, 0–1")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with grain; `values` hold `sigma`, and `sigma_seen`: its standard deviation over this frame."""
        channels, height, width = frame.picture.shape
        rng = stream(self.seed, self.kind, index)
        noise = rng.standard_normal((channels + 1, height, width), dtype=np.float32)
        radius = self.size_px * width / SD_WIDTH
        if radius > 0.2:
            # Blurring takes variance away; what is left is brought back to one, by the kernel's own energy.
            kernel = cv2.getGaussianKernel(2 * int(np.ceil(3 * radius)) + 1, radius, cv2.CV_32F)
            energy = float(np.square(kernel).sum())
            noise = np.stack([cv2.sepFilter2D(plane, -1, kernel, kernel) for plane in noise]) / np.float32(energy)
        own, shared = noise[:channels], noise[channels:]
        share = self.dye_share if channels > 1 else 0.0
        mixed = np.sqrt(share) * own + np.sqrt(1 - share) * shared
        picture = scale.to_float(frame.picture)
        # Selwyn's law puts the spread in density; seen in codes it peaks in the middle tones and dies to both ends.
        spread = self.sigma * (self.floor + (1 - self.floor) * 2 * np.sqrt(np.clip(picture * (1 - picture), 0, None)))
        grained = scale.to_codes(np.asarray(picture + spread * mixed, np.float32))
        values = {"sigma": self.sigma, "sigma_seen": float(np.std(scale.to_float(grained) - picture))}
        return DamagedFrame(grained, frame.truth.with_kind(self.kind, None, values))
