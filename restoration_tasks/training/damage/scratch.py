"""Scratches: long, nearly vertical lines that run on from frame to frame, and the fine rain of a worn print."""

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
from restoration_tasks.training.damage.layer import FAINTEST, Layer, neutral_tone

STEEPEST_DEG = 5.0
"""A scratch leans less than this: the film runs past whatever scratches it (Kokaram, *Motion Picture Restoration*)."""

_RAIN_KEY = 1


@dataclass(frozen=True)
class Scratch(FrameDamage):
    """Persistent scratches and rain.

    A scratch is cut while the film runs, so its place across the film is a smooth function of the length of film that
    has run past, frames after frames: the line at the foot of one frame goes on at the head of the next.
    """

    kind: ClassVar[DamageKind] = DamageKind.SCRATCH

    lines: float = 1.0
    """Expected number of persistent scratches on a frame, 0–20."""
    frames: tuple[int, int] = (24, 240)
    """Shortest and longest stay of a scratch, in frames."""
    width_px: tuple[float, float] = (3.0, 10.0)
    """Width at SD width, 1–20 (3–10 is what the literature gives)."""
    opacity: tuple[float, float] = (0.4, 0.9)
    """Opacity in the middle of the line, 0–1."""
    tilt_deg: float = 1.5
    """Largest lean from the vertical, 0–4.5 degrees; wander adds to it but never past 5 degrees."""
    wander_px: float = 6.0
    """How far a line strays from its mean place, at SD width, 0–40."""
    broken_share: float = 0.4
    """Share of lines that come and go along the film, 0–1."""
    bright_share: float = 0.6
    """Share of lines that are bright, 0–1."""
    rain: float = 0.0
    """Expected number of fine rain scratches on a frame, 0–200: thin, short, one frame each."""

    def __post_init__(self) -> None:
        require(0 <= self.lines <= 20, "lines is 0–20 a frame")
        require_range("frames", self.frames, 1, 2000)
        require_range("width_px", self.width_px, 1, 20)
        require_range("opacity", self.opacity, 0, 1)
        require(0 <= self.tilt_deg <= 4.5, "tilt_deg is 0–4.5 degrees")
        require(0 <= self.wander_px <= 40, "wander_px is 0–40 pixels at SD width")
        for name in ("broken_share", "bright_share"):
            require(0 <= getattr(self, name) <= 1, f"{name} is a share, 0–1")
        require(0 <= self.rain <= 200, "rain is 0–200 a frame")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with its scratches; `values` hold the number of persistent `lines` and of `rain` scratches."""
        channels, height, width = frame.picture.shape
        layer = Layer(channels, height, width)
        lines = 0
        if self.lines > 0:
            for life in alive(self.seed, self.kind, index, present=self.lines, durations=self.frames):
                self._lay_line(life.looks, index - life.born, life.duration, layer, channels)
                lines += 1
        rng = stream(self.seed, self.kind, index, _RAIN_KEY, 0)
        rain = int(rng.poisson(self.rain))
        for _ in range(rain):
            self._lay_rain(rng, layer, channels)
        aged = layer.lay(frame, scale)
        values = {"lines": float(lines), "rain": float(rain)}
        return DamagedFrame(aged.picture, frame.truth.with_kind(self.kind, layer.mask, values))

    def _lay_line(self, rng: np.random.Generator, age: int, duration: int, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        size = width / SD_WIDTH
        # Length of film run past since the scratch began, in frame heights, for every row.
        run = age + (np.arange(height) + 0.5) / height
        lean = np.tan(np.radians(rng.uniform(-self.tilt_deg, self.tilt_deg)))
        home = rng.uniform(0.04, 0.96) * width
        stray, slope = _wander(rng, run, self.wander_px * size, height)
        # The lean belongs to each frame's own geometry (film skewed in the gate); the wander runs through.
        steepest = np.tan(np.radians(STEEPEST_DEG)) * 0.98
        room = np.clip((steepest - abs(lean)) / max(slope, 1e-9), 0, 1)
        centre = home + stray * room + lean * (np.arange(height) - height / 2)
        thick = max(rng.uniform(*self.width_px) * size, 0.8)
        strength = rng.uniform(*self.opacity) * (0.82 + 0.18 * _waves(rng, run, (0.3, 2.0)))
        strength = strength * _ends(run, duration)
        if rng.random() < self.broken_share:
            strength = strength * np.clip(_waves(rng, run, (0.25, 1.6)) * 4 + rng.uniform(0.2, 1.6), 0, 1)
        bright = rng.random() < self.bright_share
        tone = neutral_tone(rng, channels, 0.8, 0.98, 0.05) if bright else neutral_tone(rng, channels, 0.02, 0.1, 0.03)
        _lay_profile(layer, centre, np.full(height, thick), strength, tone, core=rng.uniform(0.35, 0.8))

    def _lay_rain(self, rng: np.random.Generator, layer: Layer, channels: int) -> None:
        height, width = layer.opacity.shape
        size = width / SD_WIDTH
        rows = np.arange(height)
        length = rng.uniform(0.06, 0.5) * height
        middle = rng.uniform(0, height)
        lean = np.tan(np.radians(rng.uniform(-self.tilt_deg, self.tilt_deg)))
        centre = rng.uniform(0, width) + lean * (rows - middle)
        strength = rng.uniform(*self.opacity) * np.clip((length / 2 - abs(rows - middle)) / (0.15 * length + 1), 0, 1)
        bright = rng.random() < max(self.bright_share, 0.5)
        tone = neutral_tone(rng, channels, 0.8, 0.98, 0.03) if bright else neutral_tone(rng, channels, 0.02, 0.1, 0.02)
        _lay_profile(layer, centre, np.full(height, max(1.2 * size, 0.7)), strength, tone, core=1.0)


def _waves(rng: np.random.Generator, run: NDArray[np.float64], lengths: tuple[float, float]) -> NDArray[np.float64]:
    """Smooth noise along the film, about −1 to 1; `lengths` are the shortest and longest wave in frame heights."""
    total = np.zeros_like(run)
    for _ in range(4):
        length = np.exp(rng.uniform(*np.log(lengths)))
        total += np.sin(2 * np.pi * run / length + rng.uniform(0, 2 * np.pi))
    return total / 2.5


def _wander(
    rng: np.random.Generator, run: NDArray[np.float64], reach_px: float, height: int
) -> tuple[NDArray[np.float64], float]:
    """How a line strays along the film: pixels a row, and the steepest slope (pixels across per pixel down)."""
    total, slope = np.zeros_like(run), 0.0
    for length in np.exp(rng.uniform(np.log(1.5), np.log(40), 4)):
        # Slow waves reach far, quick ones little: the slope stays that of a line.
        reach = reach_px * np.sqrt(length / 40) / 1.5
        total += reach * np.sin(2 * np.pi * run / length + rng.uniform(0, 2 * np.pi))
        slope += reach * 2 * np.pi / length / height
    return total, slope


def _ends(run: NDArray[np.float64], duration: int) -> NDArray[np.float64]:
    """Scratches set in and run out over about a third of a frame, they do not start at a frame line."""
    return np.clip(np.minimum(run, duration - run) / 0.35, 0, 1)


def _lay_profile(
    layer: Layer,
    centre: NDArray[np.float64],
    thick: NDArray[np.float64],
    strength: NDArray[np.float64],
    tone: NDArray[np.float32],
    *,
    core: float,
) -> None:
    """Lay a line: a flat floor `core` of its width wide, soft shoulders beside it, `thick` pixels wide in all."""
    if strength.max() < FAINTEST:
        return
    reach = float(thick.max()) / 2 + 1.5
    left, right = int(np.floor(centre.min() - reach)), int(np.ceil(centre.max() + reach)) + 1
    columns = np.arange(left, right)[None, :]
    distance = abs(columns + 0.5 - centre[:, None])
    half, floor = thick[:, None] / 2, thick[:, None] / 2 * core
    # At least a pixel of softness: the scanner's lens draws no sharper line.
    shoulder = np.clip((half + 0.5 - distance) / np.maximum(half - floor + 0.5, 1.0), 0, 1)
    opacity = strength[:, None] * shoulder * shoulder * (3 - 2 * shoulder)
    layer.add(np.asarray(opacity, np.float32), 0, left, tone)
