"""Mend torn frames: the side that was pulled away is put back, then what the rip took is filled from frames around.

How far the side lies off, and where the rip runs, is measured at work against what the whole frames on both sides let
expect (`torn`). The side is resampled once. Moving it touches all of that side, so the side is the treatment's mask;
the other one is copied but for the rip. Filled is what the rip shows, what the move uncovers, and what it brings in
from beyond the frame's edge.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from restoration_tasks.media.picture import Work
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import FillEngine, Filler, FillJob, FillParams, Masked
from restoration_tasks.restoration.neighbours import EACH_WAY
from restoration_tasks.restoration.regions import Coordinate
from restoration_tasks.restoration.torn import Torn, midway, reduced, torn
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

LONGEST = 12
"""Frames in a row that may be torn: those on both sides say what they would show."""
STRAY = 0.15
"""Share of the picture's height that a rip may be away from the straight line it is given by."""


class Side(StrEnum):
    """Which side of a rip was pulled away."""

    LOWER = "lower"
    UPPER = "upper"


class Tear(BaseModel):
    """A tear on some frames of a shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    """Its first frame, counted from the shot's start."""
    last: int
    """Its last, included."""
    left: Coordinate
    """Row of the scan at which the rip meets the left edge, roughly …"""
    right: Coordinate
    """… and the right one."""
    moved: Side = Side.LOWER
    """The side that is put back."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.first <= self.last < self.first + LONGEST:
            raise ValueError(
                f"a tear is on 1 to {LONGEST} frames in a row; found {self.first} to {self.last}; frames that are lost "
                "for longer are made anew"
            )
        return self


class TearParams(FillParams):
    """Which tears are mended, and how what they took is filled."""

    tears: tuple[Tear, ...] = Field(
        default=(), max_length=10_000, description="The tears of the shot: on which frames, and where the rip runs."
    )

    @property
    def models(self) -> dict[str, str]:
        """The repair network, where it is used."""
        return super().models if self.tears else {}

    def sliced(self, first: int, stop: int) -> Self:
        """The tears on frames `first ≤ i < stop` or on those looked at beside them, counted from `first`."""
        near = tuple(
            tear.model_copy(update={"first": tear.first - first, "last": tear.last - first})
            for tear in self.tears
            if tear.last >= first - _FARTHEST and tear.first < stop + _FARTHEST
        )
        on = any(tear.first < stop - first and tear.last >= 0 for tear in near)
        return self.model_copy(update={"tears": near if on else ()})

    def require_frames(self, frames: int) -> None:
        """Refuse tears on frames the shot does not have.

        Raises:
            ValueError: a tear begins before the shot or goes on after it.
        """
        for number, tear in enumerate(self.tears, start=1):
            if tear.first < 0 or tear.last >= frames:
                raise ValueError(
                    f"tear {number} is on frames {tear.first} to {tear.last} of a shot with frames 0 to {frames - 1}"
                )


_FARTHEST = LONGEST + EACH_WAY


class TearRepair(Treatment[TearParams]):
    """Puts the pulled side back and fills what is gone."""

    name: ClassVar[str] = "tears"
    title: ClassVar[str] = "Tears"
    fidelity: ClassVar[Fidelity] = Fidelity.MASKED
    order: ClassVar[int] = 130
    params_model: ClassVar[type[TreatmentParams]] = TearParams

    def __init__(self, params: TearParams, **where: Any) -> None:
        super().__init__(params, **where)
        self._torn: dict[int, list[Tear]] = {}
        # Outwards from the side that stays: what is put back first carries the rest along.
        for tear in sorted(params.tears, key=lambda one: (one.left + one.right) * (-1) ** (one.moved is Side.UPPER)):
            for frame in range(tear.first, tear.last + 1):
                self._torn.setdefault(frame, []).append(tear)
        self._fillers = threading.local()

    @property
    def radius(self) -> int:
        """So far that two whole frames are seen beyond the longest run of torn ones."""
        runs, longest = 0, 0
        for frame in sorted(self._torn):
            runs = runs + 1 if frame - 1 in self._torn else 1
            longest = max(longest, runs)
        return min(longest + EACH_WAY - 1, _FARTHEST) if longest else 0

    @property
    def needs_map(self) -> bool:
        """Its map is in its parameters."""
        return False

    def touches(self, index: int) -> bool:
        """Only torn frames."""
        return index - self.origin in self._torn

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: the side that is moved, and where the rip may run."""
        shape = (shown.picture.height, shown.picture.width)
        moved, stray = np.zeros(shape, np.bool_), STRAY * shape[0]
        for tear in self._torn.get(shown.index - self.origin, ()):
            far = np.arange(shape[0])[:, None] - np.linspace(tear.left, tear.right, shape[1])[None]
            moved |= far >= -stray if tear.moved is Side.LOWER else far <= stray
        return moved

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The torn frames mended, the others as they are."""
        return [self._mended(window) for window in windows]

    def _mended(self, window: Mapping[int, Shown]) -> Work:
        shown = window[0]
        whole = {at: one for at, one in window.items() if at and not self.touches(one.index)}
        before = sorted((at for at in whole if at < 0), reverse=True)[:EACH_WAY]
        after = sorted(at for at in whole if at > 0)[:EACH_WAY]
        if not self.touches(shown.index) or not before or not after:
            # On one side there is nothing to say where it belongs.
            return shown.work.copy()
        one, other = before[0], after[0]
        expected = midway(reduced(window[one].luma), reduced(window[other].luma), one / (one - other))
        mask = self.mask(shown)
        sides = [[Masked(window[at], np.zeros_like(mask)) for at in side] for side in (before, after)]
        tears = self._torn[shown.index - self.origin]
        for place, tear in enumerate(tears):
            beyond = next((next_one for next_one in tears[place + 1 :] if next_one.moved is tear.moved), None)
            found = torn(
                shown.luma,
                expected,
                (tear.left, tear.right),
                STRAY * shown.picture.height,
                lower=tear.moved is Side.LOWER,
                until=None if beyond is None else (beyond.left, beyond.right),
            )
            work, gone = put_back(shown.work, found, shown.picture.max_code, lower=tear.moved is Side.LOWER)
            (work,) = self._filler().fill([FillJob(Masked(replace(shown, work=work), gone & mask), *sides)])
            shown = replace(shown, work=work)
        mended = window[0].work.copy()
        mended[:, mask] = shown.work[:, mask]
        return mended

    def _filler(self) -> Filler:
        made: Filler | None = getattr(self._fillers, "made", None)
        if made is None:
            if self.params.engine is FillEngine.CLASSICAL:
                from restoration_tasks.restoration.classical_fill import ClassicalFill

                made = ClassicalFill()
            else:
                from restoration_tasks.restoration.network_fill import NetworkFill

                made = NetworkFill(self.means, grain=self.params.grain)
            self._fillers.made = made
        return made


def put_back(work: Work, found: Torn, max_code: int, *, lower: bool) -> tuple[Work, Mask]:
    """A torn frame with its pulled side where it belongs, and what shows no picture now.

    Args:
        work: `(C, H, W)` code values.
        found: how it lies.
        max_code: the largest code value.
        lower: whether the lower side was pulled away; else the upper one.

    Returns:
        `(C, H, W)` code values and `(H, W)`: the rip, what the move uncovers, and what came from beyond the edge.
    """
    shape = (work.shape[1], work.shape[2])
    below = np.arange(shape[0])[:, None] >= found.seam[None]
    side = below if lower else ~below
    x, y = found.pull
    if not (x or y):
        return work.copy(), found.gone.copy()
    moved = np.stack([_moved(plane.astype(np.float32), x, y, cv2.INTER_LANCZOS4) for plane in work])
    # A pixel is the moved side's if all it is made of is.
    own = _moved((side & ~found.gone).astype(np.float32), x, y, cv2.INTER_LINEAR, outside=0.0) > 0.99
    kept = ~side & ~found.gone & ~own
    back = np.where(own, np.clip(np.rint(moved), 0, max_code).astype(work.dtype), work)
    return np.asarray(back), np.asarray(~own & ~kept, np.bool_)


def _moved(
    plane: NDArray[np.float32], x: float, y: float, how: int, outside: float | None = None
) -> NDArray[np.float32]:
    """A plane taken from so far to the right and down."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    size = (plane.shape[1], plane.shape[0])
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=border, borderValue=outside or 0.0), np.float32
    )
