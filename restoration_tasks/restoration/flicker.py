"""Deflicker: bring each frame to the brightness of its surroundings in time, by a curve measured over the shot."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from restoration_tasks.media.picture import Work
from restoration_tasks.restoration.treatment import Fidelity, FrameByFrame, Shown, TreatmentParams


class DeflickerParams(TreatmentParams):
    """The curve that takes flicker away, one entry a frame of the shot."""

    gain: tuple[Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)], ...] = Field(
        min_length=1, description="What each frame's code values are multiplied by; 1 leaves it alone."
    )
    offset: tuple[Annotated[float, Field(ge=-0.5, le=0.5, allow_inf_nan=False)], ...] = Field(
        min_length=1, description="What is then added, as a share of the code range; 0 leaves it alone."
    )
    amount: float = Field(
        default=1.0, gt=0.0, le=1.0, description="How much of the measured flicker is taken away; 1 is all of it."
    )

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.gain) != len(self.offset):
            raise ValueError(f"gain has {len(self.gain)} entries and offset {len(self.offset)}; one each a frame")
        return self

    def sliced(self, first: int, stop: int) -> Self:
        """The part of the curve that covers frames `first ≤ i < stop` of the shot."""
        return self.model_copy(update={"gain": self.gain[first:stop], "offset": self.offset[first:stop]})

    def require_frames(self, frames: int) -> None:
        """Refuse a curve of another length than the shot's.

        Raises:
            ValueError: the lengths differ.
        """
        if len(self.gain) != frames:
            raise ValueError(f"the curve has {len(self.gain)} entries for a shot of {frames} frames")


class Deflicker(FrameByFrame[DeflickerParams]):
    """Applies the curve to the code values of all channels alike (flicker is exposure, not colour)."""

    name: ClassVar[str] = "flicker"
    title: ClassVar[str] = "Deflicker"
    fidelity: ClassVar[Fidelity] = Fidelity.GLOBAL
    order: ClassVar[int] = 200
    params_model: ClassVar[type[TreatmentParams]] = DeflickerParams

    def treated(self, shown: Shown) -> Work:
        """Its entry of the curve applied, rounded to the scan's code values and kept in its range."""
        place = shown.index - self.origin
        full = float(shown.picture.max_code)
        gain = 1.0 + self.params.amount * (self.params.gain[place] - 1.0)
        offset = self.params.amount * self.params.offset[place] * full
        # One table of all code values: exact, and faster than arithmetic on every pixel.
        codes = np.arange(shown.picture.max_code + 1, dtype=np.float64)
        table = np.clip(np.rint(codes * gain + offset), 0, full).astype(shown.work.dtype)
        treated: Work = table[shown.work]
        return treated
