"""Make destroyed frames anew from the frames on either side. Generative: asked for frame by frame, never by itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator

from restoration_tasks.media.picture import Work
from restoration_tasks.models.between.interpolator import Interpolator, load_interpolator
from restoration_tasks.restoration.regrain import regrained
from restoration_tasks.restoration.shares import Rows, codes, shares
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

LONGEST_RUN = 8
"""Frames in a row that may be made anew: a third of a second, beyond which what moved is not known any more."""


class NewFramesParams(TreatmentParams):
    """Which frames are made anew."""

    frames: tuple[Annotated[int, Field(ge=-LONGEST_RUN - 1, lt=1_000_000)], ...] = Field(
        default=(), max_length=100_000, description="The frames, counted from the shot's start, in order."
    )
    grain: float = Field(
        default=1.0, ge=0.0, le=1.0, description="How much of the grain beside them they are given; 1 is all of it."
    )

    @field_validator("frames")
    @classmethod
    def _in_order(cls, frames: tuple[int, ...]) -> tuple[int, ...]:
        if any(one >= other for one, other in pairwise(frames)):
            raise ValueError("the frames stand in order, each once")
        return frames

    @property
    def runs(self) -> list[tuple[int, int]]:
        """First and last frame of each run of frames that follow one another."""
        runs: list[tuple[int, int]] = []
        for frame in self.frames:
            if runs and frame == runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], frame)
            else:
                runs.append((frame, frame))
        return runs

    @property
    def models(self) -> dict[str, str]:
        """The networks that make them."""
        from restoration_tasks.models.between.interpolator import models

        return models() if self.frames else {}

    def sliced(self, first: int, stop: int) -> Self:
        """The frames on `first ≤ i < stop`, and those of runs that reach in, counted from `first`."""
        near = [frame for low, high in self.runs if high >= first and low < stop for frame in range(low, high + 1)]
        # Of a run that begins or ends far outside, so much is kept that where it is from is beyond it.
        kept = [frame - first for frame in near if first - LONGEST_RUN <= frame < stop + LONGEST_RUN]
        return self.model_copy(update={"frames": tuple(kept)})

    def require_frames(self, frames: int) -> None:
        """Refuse frames that the shot does not have, or that have no frame to be made from on either side.

        Raises:
            ValueError: which, and why.
        """
        for low, high in self.runs:
            if low < 0 or high >= frames:
                raise ValueError(f"frame {high if high >= frames else low} is none of the shot's 0 to {frames - 1}")
            if low == 0 or high == frames - 1:
                raise ValueError(
                    f"frames {low} to {high} are at an end of the shot: a frame is made from one before and one after"
                )
            if high - low >= LONGEST_RUN:
                raise ValueError(
                    f"frames {low} to {high} are {high - low + 1} in a row; at most {LONGEST_RUN} are made"
                )


class NewFrames(Treatment[NewFramesParams]):
    """Interpolates the named frames between the nearest frames that are not named; all others pass."""

    name: ClassVar[str] = "frames"
    title: ClassVar[str] = "Frames made anew"
    fidelity: ClassVar[Fidelity] = Fidelity.GENERATIVE
    order: ClassVar[int] = 150
    params_model: ClassVar[type[TreatmentParams]] = NewFramesParams

    def __init__(self, params: NewFramesParams, **where: object) -> None:
        super().__init__(params, **where)  # type: ignore[arg-type]
        self._wanted = frozenset(params.frames)
        self._one_at_a_time = threading.Lock()

    def remarks(self) -> tuple[str, ...]:
        """Whether networks computed in half the precision."""
        if not self._wanted or not self._interpolator.halved:
            return ()
        return (
            "frames were made anew in bfloat16, as this processor computes in it; on one that does not, codes may come "
            "out a little otherwise",
        )

    @property
    def radius(self) -> int:
        """So far that a frame beyond the longest run is seen."""
        return max((high - low + 1 for low, high in self.params.runs), default=0)

    def touches(self, index: int) -> bool:
        """Only the named frames."""
        return index - self.origin in self._wanted

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The named frames made anew, the others as they are."""
        return [self._made(window) if self.touches(window[0].index) else window[0].work.copy() for window in windows]

    def _made(self, window: Mapping[int, Shown]) -> Work:
        sound = [offset for offset, shown in window.items() if not self.touches(shown.index)]
        before = max(offset for offset in sound if offset < 0)
        after = min(offset for offset in sound if offset > 0)
        sides = [shares(window[offset].work, window[offset].picture) for offset in (before, after)]
        planes = [np.clip(np.ascontiguousarray(rows.transpose(2, 0, 1)), 0, 1) for rows in sides]
        with self._one_at_a_time:
            made = self._interpolator.between(planes[0], planes[1], before / (before - after))
        rows: Rows = np.ascontiguousarray(made.transpose(1, 2, 0))
        rows = regrained(rows, sides, seed=window[0].index, amount=self.params.grain)
        flat = rows.reshape(-1, rows.shape[2]).T
        work: Work = codes(flat, window[0].picture).reshape(window[0].work.shape)
        return work

    @cached_property
    def _interpolator(self) -> Interpolator:
        return load_interpolator(self.means.device.value)
