"""Tears: the film torn from edge to edge, its two sides displaced, light or black showing through the rip."""

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
    FrameTruth,
    alive,
    require,
    require_range,
)


@dataclass(frozen=True)
class Tear(FrameDamage):
    """A jagged line across the frame; what lies below it is pulled away.

    The mask holds everything that moved (the part below the line) and the rip itself.
    """

    kind: ClassVar[DamageKind] = DamageKind.TEAR

    tears: float = 0.05
    """Expected number of tears on a frame, 0–2."""
    frames: tuple[int, int] = (1, 3)
    """Shortest and longest stay, in frames: a tear spans a frame line or two at most."""
    pull_px: tuple[float, float] = (2.0, 10.0)
    """How far the lower side is displaced, pixels at SD width, 0.5–60."""
    rip_px: tuple[float, float] = (1.5, 6.0)
    """Width of the rip, pixels at SD width, 0–30."""

    def __post_init__(self) -> None:
        require(0 <= self.tears <= 2, "tears is 0–2 a frame")
        require_range("frames", self.frames, 1, 12)
        require_range("pull_px", self.pull_px, 0.5, 60)
        require_range("rip_px", self.rip_px, 0, 30)

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame, torn or not; where it is, `values` hold the displacement `x_px`, `y_px` of the lower side."""
        if self.tears > 0:
            for life in alive(self.seed, self.kind, index, present=self.tears, durations=self.frames):
                frame = self._torn(frame, life.looks, scale)
        return frame

    def _torn(self, frame: DamagedFrame, rng: np.random.Generator, scale: CodeScale) -> DamagedFrame:
        _, height, width = frame.picture.shape
        size = width / SD_WIDTH
        line = rip_line(rng, height, width)
        pull = rng.uniform(*self.pull_px) * size
        turn = rng.uniform(0, 2 * np.pi)
        x, y = pull * np.cos(turn), pull * np.sin(turn) * 0.5
        rip = rng.uniform(*self.rip_px) * size
        # Torn film shows the lamp (bright on a print) or, once taped and printed again, black.
        tone = rng.uniform(0.88, 1.0) if rng.random() < 0.6 else rng.uniform(0.0, 0.06)
        rows = np.arange(height, dtype=np.float32)[:, None]
        below = rows > line[None, :]
        gap = abs(rows - line[None, :]) <= rip / 2 * (0.5 + 0.5 * rip_line(rng, 2, width)[None, :])
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
        moved = [
            cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for plane in scale.to_float(frame.picture)
        ]
        torn = np.where(gap, np.float32(tone), np.stack(moved))
        mask = below | gap
        picture = frame.picture.copy()
        picture[:, mask] = scale.to_codes(torn[:, mask])
        masks = {}
        for kind, earlier in frame.truth.masks.items():
            shifted = cv2.warpAffine(earlier.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR) > 0
            masks[kind] = np.where(mask, shifted, earlier)
        truth = FrameTruth(frame.truth.source, masks, frame.truth.values)
        return DamagedFrame(picture, truth.with_kind(self.kind, mask, {"x_px": float(x), "y_px": float(y)}))


def rip_line(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A ragged line from the left edge to the right: a row for each column, `(width,)`."""
    start, end = rng.uniform(0.1, 0.9, 2) * height
    places = np.linspace(0, 1, width)
    line = start + (end - start) * places
    for cells, reach in ((5, 0.05), (18, 0.02), (70, 0.006)):
        knots = rng.normal(0, reach * height, cells + 1)
        line += np.interp(places * cells, np.arange(cells + 1), knots)
    return np.asarray(np.clip(line, 0, height - 1), np.float32)
