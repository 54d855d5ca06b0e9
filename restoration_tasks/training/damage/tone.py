"""Damage of tone over the whole frame: flicker and the fading of dyes, both worked in density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.training.damage.base import (
    CodeScale,
    DamagedFrame,
    DamageKind,
    FloatPicture,
    FrameDamage,
    autoregressive,
    require,
)

DEEPEST = 1e-4
"""Transmission below which density is not followed further: density 4, past what film holds."""


def density(picture: FloatPicture) -> FloatPicture:
    """Density of codes 0–1 taken as transmission: D = −log10(code), 0–4."""
    return np.asarray(-np.log10(np.maximum(picture, DEEPEST)), np.float32)


def transmission(densities: FloatPicture) -> FloatPicture:
    """Codes of densities: 10^−D."""
    return np.asarray(np.power(np.float32(10), -densities), np.float32)


@dataclass(frozen=True)
class Flicker(FrameDamage):
    """Uneven exposure from frame to frame: D′ = contrast · D + offset, and a slow drift over the picture's area.

    An offset of density is a gain in light: 0.03 is about 7 per cent.
    """

    kind: ClassVar[DamageKind] = DamageKind.FLICKER

    density_sd: float = 0.035
    """Standard deviation of the density offset, 0–0.3."""
    contrast_sd: float = 0.0
    """Standard deviation of the contrast about 1, 0–0.2."""
    local_sd: float = 0.0
    """Standard deviation of the density that varies slowly over the frame, 0–0.2."""
    memory: float = 0.35
    """How much of a frame's offset the next one keeps, 0 (each frame alone) to 0.95 (slow pumping)."""

    def __post_init__(self) -> None:
        require(0 <= self.density_sd <= 0.3, "density_sd is 0–0.3")
        require(0 <= self.contrast_sd <= 0.2, "contrast_sd is 0–0.2")
        require(0 <= self.local_sd <= 0.2, "local_sd is 0–0.2")
        require(0 <= self.memory <= 0.95, "memory is 0–0.95")

    def curve(self, index: int) -> NDArray[np.float64]:
        """The six numbers of a frame: density offset, contrast offset, and four weights of the local field.

        An autoregressive process of order one, written as its moving average so that any frame can be asked for alone.
        """
        total = autoregressive(self.seed, self.kind, index, self.memory, 6)
        scales = np.array([self.density_sd, self.contrast_sd, *(self.local_sd / 2,) * 4])
        return np.asarray(total * scales)

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its exposure moved; `values` are the `density_offset`, `contrast` and `local_*` applied."""
        _, height, width = frame.picture.shape
        offset, contrast, *local = self.curve(index)
        change: FloatPicture = np.full((height, width), offset, np.float32)
        if self.local_sd > 0:
            y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
            x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
            # Tilts and bows only: a lamp or a shutter shades the frame slowly.
            for weight, shape in zip(local, (x + 0 * y, y + 0 * x, x * y, 1.5 * x * x + 1.5 * y * y - 1), strict=True):
                change += np.float32(weight) * shape
        densities = density(scale.to_float(frame.picture))
        picture = scale.to_codes(transmission(densities * np.float32(1 + contrast) + change))
        values = {"density_offset": float(offset), "contrast": float(1 + contrast)}
        if self.local_sd > 0:
            names = ("local_x", "local_y", "local_twist", "local_bow")
            values |= {name: float(weight) for name, weight in zip(names, local, strict=True)}
        return DamagedFrame(picture, frame.truth.with_kind(self.kind, None, values))


@dataclass(frozen=True)
class Fade(FrameDamage):
    """Loss of dyes in dark storage: each dye keeps a share of its density, and the base yellows.

    Cyan holds back red, magenta green, yellow blue. Cyan and yellow usually go first, which leaves a pink print.
    On grey film the first figure stands for the silver image.
    """

    kind: ClassVar[DamageKind] = DamageKind.FADE

    kept: tuple[float, float, float] = (0.55, 0.9, 0.7)
    """Share of density the cyan, magenta and yellow dyes keep, 0.05–1 each."""
    base: tuple[float, float, float] = (0.0, 0.02, 0.06)
    """Density the base has gained in red, green and blue, 0–0.6 each."""

    def __post_init__(self) -> None:
        require(all(0.05 <= share <= 1 for share in self.kept), "kept is 0.05–1 a dye")
        require(all(0 <= gain <= 0.6 for gain in self.base), "base is 0–0.6 a channel")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:  # noqa: ARG002
        """One faded frame; `values` are the gains on density by dye and the base densities."""
        channels = frame.picture.shape[0]
        kept = np.asarray(self.kept[:channels], np.float32)[:, None, None]
        base = np.asarray(self.base[:channels], np.float32)[:, None, None]
        picture = scale.to_codes(transmission(density(scale.to_float(frame.picture)) * kept + base))
        values = {f"kept_{dye}": share for dye, share in zip(("cyan", "magenta", "yellow"), self.kept, strict=True)}
        values |= {f"base_{name}": gain for name, gain in zip(("red", "green", "blue"), self.base, strict=True)}
        return DamagedFrame(picture, frame.truth.with_kind(self.kind, None, values))
