"""Take out stunt wires: along the courses that the plan holds for each frame, from what other frames show behind them.

Where a wire runs on each frame was measured before, over the whole shot, from two points a person set; so the pixels do
not depend on how a shot was cut. Changed is the wire and its soft edge and nothing beside it, across a figure as over
the scene. Frames near by often show the wire over the same place; so of the frames up to a second away those are taken
that show the place without any wire, in so far as the scene moved.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from restoration_tasks.media.picture import Work
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import FillEngine, Filler, FillingTreatment, FillJob, FillParams, Masked
from restoration_tasks.restoration.motion import Effort, Luma, MotionEstimator
from restoration_tasks.restoration.neighbours import REACH
from restoration_tasks.restoration.regions import Coordinate
from restoration_tasks.restoration.treatment import Shown, TreatmentParams

FAR = 12
"""Frames each way in which a place without the wire is looked for."""
SOFT_PX = 1.4
"""How far a wire's soft edge reaches beyond half its width, pixels of the scan: a lens spreads it so, and a course is
known to parts of a pixel. On training clips and the validation clip 0.4 less leaves traces that weigh more than all
that is filled (one clip: 42 dB in place of 58), 0.3 more goes too far beside the wire on one clip in three."""
EACH_WAY = 2
SHOWN_WORTH = 10.0
"""How many frames farther away one may lie that shows all of the place, against one that shows none of it …"""
NEW_WORTH = 20.0
"""… and against one that shows what others chosen show as well."""
BEYOND_PX = 6.0
"""How far beyond a wire's ends the picture is not believed to be without it."""
_SHIFT = 4
"""Bits of OpenCV's fixed-point places."""


class WireOn(BaseModel):
    """A wire on one frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int
    """Counted from the shot's start."""
    width_px: float = Field(gt=0.0, le=64.0, allow_inf_nan=False)
    pieces: tuple[Annotated[tuple[Coordinate, ...], Field(min_length=4, max_length=2000)], ...] = Field(max_length=200)
    """What shows of it: lines from place to place, each as x, y, x, y … in pixels of the scan."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(len(piece) % 2 for piece in self.pieces):
            raise ValueError("a piece of a wire is x and y of one place after the other")
        return self

    def mask(self, shape: tuple[int, int]) -> Mask:
        """`(H, W)`: the wire and its soft edge."""
        lines = [np.asarray(piece, np.float64).reshape(-1, 2) for piece in self.pieces]
        return self._drawn(lines, self.width_px / 2 + SOFT_PX, shape)

    def suspect(self, shape: tuple[int, int]) -> Mask:
        """`(H, W)`: where wire may be and nothing is to be learnt: in its gaps and beyond its ends as well."""
        line = np.concatenate([np.asarray(piece, np.float64).reshape(-1, 2) for piece in self.pieces])
        ends = [_unit(line[0] - line[1]), _unit(line[-1] - line[-2])]
        longer = np.concatenate([[line[0] + BEYOND_PX * ends[0]], line, [line[-1] + BEYOND_PX * ends[1]]])
        return self._drawn([longer], self.width_px / 2 + SOFT_PX, shape)

    def _drawn(self, lines: Sequence[NDArray[np.float64]], half: float, shape: tuple[int, int]) -> Mask:
        drawn = np.zeros(shape, np.uint8)
        for places in lines:
            for one, other in pairwise(places):
                way = _unit(other - one)
                aside = np.array([-way[1], way[0]]) * half
                corners = np.stack([one - aside, one + aside, other + aside, other - aside])
                cv2.fillConvexPoly(drawn, _fixed(corners), 1, shift=_SHIFT)
            for place in places[1:-1]:
                centre = tuple(int(value) for value in _fixed(place))
                cv2.circle(drawn, centre, round(half * 2**_SHIFT), 1, -1, shift=_SHIFT)
        return drawn > 0


class Wire(BaseModel):
    """A wire through a shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: int = Field(ge=0)
    """The frame on which its ends were set, counted from the shot's start …"""
    ends: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    """… at x, y and x, y, pixels of the scan."""
    on: Annotated[tuple[WireOn, ...], Field(min_length=1, max_length=100_000)]
    """Where it runs, frame by frame."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(one.frame >= other.frame for one, other in pairwise(self.on)):
            raise ValueError("the frames of a wire stand in order, each once")
        return self


class WireParams(FillParams):
    """Which wires are taken out, and how what they hide is filled."""

    wires: tuple[Wire, ...] = Field(
        default=(), max_length=200, description="The wires of the shot that are taken out; a person named each."
    )

    @property
    def models(self) -> dict[str, str]:
        """The repair network, where it is used."""
        return super().models if self.wires else {}

    def sliced(self, first: int, stop: int) -> Self:
        """The wires on frames `first ≤ i < stop` or on those looked at beside them, counted from `first`."""
        near = []
        for wire in self.wires:
            on = tuple(
                one.model_copy(update={"frame": one.frame - first})
                for one in wire.on
                if first - FAR <= one.frame < stop + FAR
            )
            if on:
                # Where its ends were set makes no other pixels.
                near.append(wire.model_copy(update={"key": 0, "ends": (0.0, 0.0, 0.0, 0.0), "on": on}))
        here = any(0 <= one.frame < stop - first for wire in near for one in wire.on)
        return self.model_copy(update={"wires": tuple(near) if here else ()})

    def require_frames(self, frames: int) -> None:
        """Refuse wires on frames the shot does not have.

        Raises:
            ValueError: a wire is on a frame before the shot or after it.
        """
        for number, wire in enumerate(self.wires, start=1):
            if wire.on[0].frame < 0 or wire.on[-1].frame >= frames:
                raise ValueError(
                    f"wire {number} is on frames {wire.on[0].frame} to {wire.on[-1].frame} of a shot with frames 0 to "
                    f"{frames - 1}"
                )


class WireRemoval(FillingTreatment[WireParams]):
    """Fills wires along their courses."""

    name: ClassVar[str] = "wires"
    title: ClassVar[str] = "Stunt wires"
    order: ClassVar[int] = 115
    params_model: ClassVar[type[TreatmentParams]] = WireParams

    def __init__(self, params: WireParams, **where: Any) -> None:
        super().__init__(params, **where)
        self._on: dict[int, list[WireOn]] = {}
        for wire in params.wires:
            for one in wire.on:
                self._on.setdefault(one.frame, []).append(one)
        self._moves: OrderedDict[tuple[int, int], NDArray[np.float64]] = OrderedDict()
        self._moving = threading.Lock()

    @property
    def radius(self) -> int:
        """As far as a place without the wire is looked for; none where there is no wire."""
        return FAR if self._on else 0

    @property
    def needs_map(self) -> bool:
        """Its map is in its parameters."""
        return False

    def touches(self, index: int) -> bool:
        """Only frames with a wire."""
        return index - self.origin in self._on

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: the wires on the frame and their soft edges."""
        shape = (shown.picture.height, shown.picture.width)
        mask = np.zeros(shape, np.bool_)
        for one in self._on.get(shown.index - self.origin, ()):
            mask |= one.mask(shape)
        return mask

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The frames with the wires filled; where a wire may be and none was seen, they stay as they are."""
        made = super().apply_all(windows)
        for work, window in zip(made, windows, strict=True):
            kept = ~self.mask(window[0])
            work[:, kept] = window[0].work[:, kept]
        return made

    def filler(self) -> Filler:
        """The engine the parameters name."""
        if self.params.engine is FillEngine.CLASSICAL:
            from restoration_tasks.restoration.classical_fill import ClassicalFill

            return ClassicalFill()
        from restoration_tasks.restoration.across_thin import across_thin
        from restoration_tasks.restoration.network_fill import NetworkFill

        return NetworkFill(self.means, grain=self.params.grain, continuation=across_thin)

    def _job(self, window: Mapping[int, Shown]) -> FillJob | None:
        if not self.touches(window[0].index):
            return None
        if not self.mask(window[0]).any():
            return None
        centre = self._masked(window[0])
        chosen = self._clear(window)
        sides = [[self._masked(window[at]) for at in chosen if at * step > 0] for step in (-1, 1)]
        return FillJob(centre, *sides)

    def _masked(self, shown: Shown) -> Masked:
        """A frame as another one is filled from it."""
        with self._guard:
            known = self._frames.get(shown.index)
            if known is None or known.shown is not shown:
                known = self._frames[shown.index] = Masked(shown, self._suspect(shown))
                while len(self._frames) > 2 * REACH + (self.means.threads + 1) * self.batch(shown.picture):
                    self._frames.popitem(last=False)
            return known

    def _suspect(self, shown: Shown) -> Mask:
        """`(H, W)`: where wires are or may be on a frame."""
        shape = (shown.picture.height, shown.picture.width)
        mask = self.mask(shown)
        for one in self._on.get(shown.index - self.origin, ()):
            if one.pieces:
                mask |= one.suspect(shape)
        return mask

    def _clear(self, window: Mapping[int, Shown]) -> list[int]:
        """Offsets of frames that between them show most of what the wires hide, at most two each way, nearest first.

        One that repeats the frame hides the same place, and so needs no thought of its own.
        """
        wanted = self.mask(window[0])
        shown: dict[int, NDArray[np.bool_]] = {}
        for step in (-1, 1):
            move = np.zeros(2)
            for at in range(step, step * (FAR + 1), step):
                if at not in window:
                    break
                move = move + self._move(window[at - step], window[at])
                shown[at] = ~_hidden(wanted, self._suspect(window[at]), move)
        known = np.zeros(int(np.count_nonzero(wanted)), np.bool_)
        chosen: list[int] = []
        while left := [at for at in shown if at not in chosen and _fewer(chosen, at)]:
            best = max(left, key=lambda at: _worth(shown[at], known, at))
            chosen.append(best)
            known |= shown[best]
        return sorted(chosen, key=abs)

    def _move(self, one: Shown, other: Shown) -> NDArray[np.float64]:
        """`(2,)`: how the scene as a whole moved from a frame to the one beside it, pixels."""
        key = (one.index, other.index)
        with self._moving:
            if key not in self._moves:
                self._moves[key] = _whole_move(one.luma, other.luma)
                while len(self._moves) > 8 * FAR:
                    self._moves.popitem(last=False)
            return self._moves[key]


def _whole_move(one: Luma, other: Luma) -> NDArray[np.float64]:
    flow = MotionEstimator(Effort.CARRY).flow(one, other)
    return np.asarray(np.median(flow[::4, ::4].reshape(-1, 2), axis=0), np.float64)


def _fewer(chosen: list[int], at: int) -> bool:
    """Whether there may be another one on the side of `at`."""
    return sum(one * at > 0 for one in chosen) < EACH_WAY


def _worth(shown: NDArray[np.bool_], known: NDArray[np.bool_], at: int) -> float:
    """What a frame is worth that shows some of the places, beside those that show others, in frames of distance."""
    return SHOWN_WORTH * float(shown.mean()) + NEW_WORTH * float((shown & ~known).mean()) - abs(at)


def _hidden(wanted: Mask, hidden: Mask, move: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`(n,)`: which of the places wanted are not seen in another frame, into which the scene moved by so much."""
    y, x = np.nonzero(wanted)
    column, row = x + round(float(move[0])), y + round(float(move[1]))
    inside = (column >= 0) & (column < hidden.shape[1]) & (row >= 0) & (row < hidden.shape[0])
    unseen = np.ones(len(x), np.bool_)
    unseen[inside] = hidden[row[inside], column[inside]]
    return unseen


def _unit(way: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(way / max(float(np.hypot(*way)), 1e-9))


def _fixed(places: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.rint(places * 2**_SHIFT), np.int32)
