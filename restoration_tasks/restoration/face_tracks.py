"""A face through a shot, in numbers of the plan: where it is on each frame, how large, and the soft mask around it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

WHOLE: Final = 0.85
"""Of the ellipse that fits the box: inside so much of it the mask is 1 …"""
ENDS: Final = 1.2
"""… and from so much of it on 0. The box goes from hair line to chin: the lower hair is inside."""
LANDMARKS: Final = 5

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Floats = NDArray[np.float32]


class FaceTier(StrEnum):
    """How well a face that is not good can be made out."""

    POOR = "poor"
    FAIR = "fair"


class FaceTrack(BaseModel):
    """One face of a shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    """Its first frame, counted from the shot's start."""
    tier: FaceTier
    cycles: float = Field(ge=1.0, le=16.0, allow_inf_nan=False)
    """Its detail: cycles across its width at which blur halves the contrast."""
    places: tuple[tuple[Number, Number, Annotated[float, Field(gt=0.0, le=1e5)]], ...] = Field(min_length=1)
    """Frame by frame: x and y of its middle and its width, pixels of the scan."""
    height: float = Field(gt=0.2, lt=5.0)
    """Of its box, in widths."""
    landmarks: tuple[tuple[Number, Number], ...] = Field(min_length=LANDMARKS, max_length=LANDMARKS)
    """Eye, eye, tip of the nose, corner and corner of the mouth: how far from its middle, in widths."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.places) > 10_000_000:
            raise ValueError("a face is on more frames than a reel has")
        return self

    @property
    def stop(self) -> int:
        """The frame after its last."""
        return self.first + len(self.places)

    def on(self, frame: int) -> bool:
        """Whether it is on a frame."""
        return self.first <= frame < self.stop

    def place(self, frame: int) -> tuple[float, float, float]:
        """X and y of its middle and its width; beyond its ends those of the nearest frame."""
        return self.places[min(max(frame - self.first, 0), len(self.places) - 1)]

    def cut(self, first: int, stop: int) -> Self | None:
        """What of it lies on frames `first ≤ i < stop`, counted from where it counted; None if nothing."""
        low, high = max(first, self.first), min(stop, self.stop)
        if low >= high:
            return None
        places = self.places[low - self.first : high - self.first]
        return self.model_copy(update={"first": low, "places": places})

    def moved(self, frames: int) -> Self:
        """The same, counted from so many frames later."""
        return self.model_copy(update={"first": self.first - frames})

    def mask(self, frame: int, rows: slice, columns: slice) -> Floats:
        """Its soft mask on a frame, 0–1, in a part of the picture."""
        x, y, width = self.place(frame)
        down = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - y) / (self.height * width / 2)
        across = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] - x) / (width / 2)
        far = np.clip((ENDS - np.hypot(down, across)) / (ENDS - WHOLE), 0, 1)
        return np.asarray(far * far * (3 - 2 * far), np.float32)

    def box(self, frame: int, shape: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns of a picture `(H, W)` that its mask may reach on a frame; empty outside it."""
        x, y, width = self.place(frame)
        beside, above = ENDS * width / 2, ENDS * self.height * width / 2
        return tuple(  # type: ignore[return-value]
            slice(min(max(int(middle - reach), 0), side), min(max(int(middle + reach) + 2, 0), side))
            for middle, reach, side in ((y, above, shape[0]), (x, beside, shape[1]))
        )
