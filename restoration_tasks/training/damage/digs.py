"""Digs and cinch marks: lines cut into one dye layer of a colour film, and swarms of short marks from a slack roll."""

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
    alive,
    require,
    require_range,
    stream,
)
from restoration_tasks.training.damage.layer import Layer, neutral_tone
from restoration_tasks.training.damage.scratch import Scratch

# Streams of their own, apart from those of `Scratch`, which has the same kind.
_DIG_SEED = 104_729
_CINCH_KEY = 21


@dataclass(frozen=True)
class ColourDigs(Scratch):
    """Scratches that reach one or two of the three dye layers: green, cyan, yellow, red … lines.

    They run as `Scratch` says. On grey film a dig is a faint scratch.
    """

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its digs; `values` hold their number (`digs`)."""
        channels, height, width = frame.picture.shape
        seed = self.seed + _DIG_SEED
        opacity = np.zeros((channels, height, width), np.float32)
        ink = np.zeros_like(opacity)
        digs = 0
        for life in alive(seed, self.kind, index, present=self.lines, durations=self.frames):
            line = Layer(1, height, width)
            self._lay_line(life.looks, index - life.born, life.duration, line, 1)
            layers, through = _dyes(stream(seed, self.kind, life.born, life.duration), channels)
            cut = layers[:, None, None] * line.opacity * (1 - opacity)
            ink += cut * through
            opacity += cut
            digs += 1
        mask = opacity.max(axis=0) > 0
        values = {"digs": float(digs)}
        truth = frame.truth.with_kind(self.kind, mask, values)
        if not mask.any():
            return DamagedFrame(frame.picture, truth)
        picture = frame.picture.copy()
        below = scale.to_float(frame.picture[:, mask])
        picture[:, mask] = scale.to_codes(np.asarray(below * (1 - opacity[:, mask]) + ink[:, mask], np.float32))
        return DamagedFrame(picture, truth)


def _dyes(rng: np.random.Generator, channels: int) -> tuple[NDArray[np.float32], np.float32]:
    """What a dig takes: how much of each channel, `(channels,)`, and the code it leaves there.

    One layer wholly, its neighbour sometimes too. Where a dye is gone its colour gets through (1); where it was gone
    on the negative it is held back (0).
    """
    through = np.float32(rng.random() < 0.7)
    if channels == 1:
        return np.ones(1, np.float32), through
    taken = np.zeros(3, np.float32)
    first = int(rng.integers(3))
    taken[first] = 1
    taken[(first + 1) % 3] = rng.choice([0.0, 0.0, 0.5, 1.0])
    return taken, through


@dataclass(frozen=True)
class CinchMarks(FrameDamage):
    """Swarms of short marks along the film, one frame each: a slack roll was pulled tight and slid on itself."""

    kind: ClassVar[DamageKind] = DamageKind.SCRATCH

    swarms: float = 0.5
    """Expected number of swarms on a frame, 0–10."""
    marks: tuple[int, int] = (4, 20)
    """Fewest and most marks of a swarm."""
    length: tuple[float, float] = (0.03, 0.15)
    """Length as a share of the frame's height, 0.01–0.5."""
    width_px: tuple[float, float] = (1.0, 2.5)
    """Width at SD width, 0.5–8."""
    opacity: tuple[float, float] = (0.4, 0.9)
    """Opacity, 0–1."""

    def __post_init__(self) -> None:
        require(0 <= self.swarms <= 10, "swarms is 0–10 a frame")
        require(1 <= self.marks[0] <= self.marks[1], "marks is a range from 1")
        require_range("length", self.length, 0.01, 0.5)
        require_range("width_px", self.width_px, 0.5, 8)
        require_range("opacity", self.opacity, 0, 1)

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its marks; `values` hold the number of `swarms`."""
        channels, height, width = frame.picture.shape
        rng = stream(self.seed, self.kind, index, _CINCH_KEY)
        layer = Layer(channels, height, width)
        swarms = int(rng.poisson(self.swarms))
        for _ in range(swarms):
            self._lay_swarm(rng, layer, channels)
        aged = layer.lay(frame, scale)
        truth = frame.truth.with_kind(self.kind, layer.mask, {"swarms": float(swarms)})
        return DamagedFrame(aged.picture, truth)

    def _lay_swarm(self, rng: np.random.Generator, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        size = width / SD_WIDTH
        tone = neutral_tone(rng, channels, *((0.8, 1.0) if rng.random() < 0.6 else (0.02, 0.12)), 0.03)
        middle = rng.uniform(0, 1, 2) * (height, width)
        lean = rng.normal(0, 0.02)
        for _ in range(int(rng.integers(self.marks[0], self.marks[1] + 1))):
            length = max(rng.uniform(*self.length) * height, 3.0)
            thick = max(rng.uniform(*self.width_px) * size, 0.7)
            rows = np.arange(int(np.ceil(length)) + 1, dtype=np.float32)[:, None]
            across = np.arange(-int(thick) - 2, int(thick) + 3, dtype=np.float32)[None, :]
            body = np.clip(thick / 2 + 0.5 - abs(across - lean * (rows - length / 2)), 0, 1)
            ends = np.clip(np.minimum(rows, length - rows) / (0.2 * length) + 0.1, 0, 1)
            top = round(middle[0] + rng.normal(0, 0.08 * height) - length / 2)
            left = round(middle[1] + rng.normal(0, 40 * size))
            layer.add(np.asarray(body * ends * rng.uniform(*self.opacity), np.float32), top, left, tone)
