"""Repair scratches along the tracks of the plan: from what a moving scene shows behind them, else across the line."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import FillEngine, Filler, FillingTreatment, FillParams
from restoration_tasks.restoration.neighbours import REACH
from restoration_tasks.restoration.treatment import Shown, TreatmentParams

CORRIDOR_SHARE = 0.75
"""Half the width of a track's corridor, as a share of the track's width: a scratch trembles about its course …"""
CORRIDOR_PX = 2.0
"""… and has soft shoulders."""

Finite = Annotated[float, Field(ge=-65536.0, le=65536.0, allow_inf_nan=False)]


class TrackParams(BaseModel):
    """One scratch over time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    """Its first frame, counted from the shot's start."""
    last: int
    """Its last, included."""
    x: tuple[tuple[int, Finite, Finite], ...] = Field(min_length=1, max_length=100_000)
    """Knots `(frame, x in the top row, x in the bottom row)` in pixels, in order of frames; straight between them,
    constant beyond them."""
    width_px: float = Field(gt=0.0, le=200.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"a track goes from its first frame to its last; found {self.first} to {self.last}")
        if any(one[0] >= other[0] for one, other in pairwise(self.x)):
            raise ValueError("the knots of a track stand in order of frames, one a frame")
        return self

    def ends_at(self, frame: int) -> tuple[float, float]:
        """Where it is in the top and in the bottom row."""
        frames = [knot[0] for knot in self.x]
        top, bottom = (float(np.interp(frame, frames, [knot[place] for knot in self.x])) for place in (1, 2))
        return top, bottom

    def within(self, first: int, stop: int) -> Self:
        """The track on frames `first ≤ i < stop`, counted from `first + REACH`; it must be alive on some of them."""
        inner = [place for place, knot in enumerate(self.x) if first <= knot[0] < stop]
        low = inner[0] if inner else sum(knot[0] < first for knot in self.x)
        high = inner[-1] + 1 if inner else low
        # One knot each side is kept, so that it runs between them as it did.
        kept = self.x[max(low - 1, 0) : high + 1]
        begin = first + REACH
        return self.model_copy(
            update={
                "first": max(self.first, first) - begin,
                "last": min(self.last, stop - 1) - begin,
                "x": tuple((frame - begin, top, bottom) for frame, top, bottom in kept),
            }
        )


class ScratchRepairParams(FillParams):
    """Which scratches are repaired, and how."""

    tracks: tuple[TrackParams, ...] = Field(
        default=(), description="The scratches of the shot; what people added by hand is repaired without any."
    )
    threshold: float = Field(
        default=0.35,
        ge=0.05,
        le=0.95,
        description="Confidence from which a pixel inside a track's corridor is repaired; lower repairs more.",
    )

    def sliced(self, first: int, stop: int) -> Self:
        """The tracks that touch frames `first ≤ i < stop` or the frames looked at beside them."""
        low, high = first - REACH, stop + REACH
        near = [track.within(low, high) for track in self.tracks if track.last >= low and track.first < high]
        return self.model_copy(update={"tracks": tuple(near)})

    def require_frames(self, frames: int) -> None:
        """Refuse tracks on frames the shot does not have.

        Raises:
            ValueError: a track begins before the shot or goes on after it.
        """
        for number, track in enumerate(self.tracks, start=1):
            if track.first < 0 or track.last >= frames:
                raise ValueError(
                    f"track {number} is on frames {track.first} to {track.last} of a shot with frames 0 to {frames - 1}"
                )


class ScratchRepair(FillingTreatment[ScratchRepairParams]):
    """Fills scratches, pixel by pixel where a frame shows them, inside the corridors of confirmed tracks."""

    name: ClassVar[str] = "scratches"
    title: ClassVar[str] = "Scratches"
    order: ClassVar[int] = 110
    params_model: ClassVar[type[TreatmentParams]] = ScratchRepairParams

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: where the map of scratches is at the threshold inside a track, and what people added to it."""
        if shown.map is None:
            return np.zeros(shown.work.shape[1:], np.bool_)
        found = shown.map.scratch
        mask = np.zeros(found.shape, np.bool_)
        level = max(1, int(np.ceil(self.params.threshold * 255)))
        frame = shown.index - self.origin
        for track in self.params.tracks:
            if track.first <= frame <= track.last:
                mask |= _corridor(track, frame, mask.shape) & (found >= level)
        if shown.map.added is not None:
            mask |= shown.map.added & (found == 255)
        return mask

    def filler(self) -> Filler:
        """The engine the parameters name."""
        if self.params.engine is FillEngine.CLASSICAL:
            from restoration_tasks.restoration.classical_fill import ClassicalFill

            return ClassicalFill()
        from restoration_tasks.restoration.across import across_lines
        from restoration_tasks.restoration.network_fill import NetworkFill

        return NetworkFill(self.means, grain=self.params.grain, continuation=across_lines)


def _corridor(track: TrackParams, frame: int, shape: tuple[int, ...]) -> Mask:
    """`(H, W)`: the pixels a track may be on."""
    height, width = shape
    top, bottom = track.ends_at(frame)
    centre = np.linspace(top, bottom, height)[:, None]
    return np.asarray(abs(np.arange(width)[None] - centre) <= CORRIDOR_SHARE * track.width_px + CORRIDOR_PX)
