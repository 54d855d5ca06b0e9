"""Weave: the picture's small unsteadiness in the gate, sideways, up and down, and in turn."""

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
    autoregressive,
    require,
)


@dataclass(frozen=True)
class Weave(FrameDamage):
    """Sub-pixel gate jitter: an autoregressive process in x, y and rotation.

    Damage already on the frame moves with it, and so do its masks.
    """

    kind: ClassVar[DamageKind] = DamageKind.WEAVE

    x_px: float = 0.6
    """Standard deviation sideways, pixels at SD width, 0–10."""
    y_px: float = 0.4
    """Standard deviation up and down, pixels at SD width, 0–10."""
    rotation_deg: float = 0.02
    """Standard deviation of the turn about the frame's middle, degrees, 0–1."""
    memory: float = 0.6
    """How much of a frame's place the next one keeps, 0–0.95."""

    def __post_init__(self) -> None:
        require(0 <= self.x_px <= 10 and 0 <= self.y_px <= 10, "x_px and y_px are 0–10 pixels at SD width")
        require(0 <= self.rotation_deg <= 1, "rotation_deg is 0–1 degree")
        require(0 <= self.memory <= 0.95, "memory is 0–0.95")

    def place(self, index: int) -> NDArray[np.float64]:
        """Where frame `index` lies: x and y in pixels at SD width, rotation in degrees."""
        total = autoregressive(self.seed, self.kind, index, self.memory, 3)
        scales = np.array([self.x_px, self.y_px, self.rotation_deg])
        return np.asarray(total * scales)

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame moved; `values` are `x_px` (right), `y_px` (down) in the frame's own pixels, `rotation_deg`."""
        _, height, width = frame.picture.shape
        x, y, turn = self.place(index)
        x, y = x * width / SD_WIDTH, y * width / SD_WIDTH
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0)
        matrix[:, 2] += (x, y)
        moved = [
            cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for plane in scale.to_float(frame.picture)
        ]
        picture = scale.to_codes(np.stack(moved))
        masks = {
            kind: cv2.warpAffine(mask.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR) > 0
            for kind, mask in frame.truth.masks.items()
        }
        truth = FrameTruth(frame.truth.source, masks, frame.truth.values)
        values = {"x_px": float(x), "y_px": float(y), "rotation_deg": float(turn)}
        return DamagedFrame(picture, truth.with_kind(self.kind, None, values))
