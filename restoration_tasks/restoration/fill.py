"""How a masked repair fills what it masks: a frame and its neighbours in, the scan's integer codes out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import cv2
import numpy as np
from pydantic import Field

from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.neighbours import REACH, distinct_neighbours
from restoration_tasks.restoration.treatment import Fidelity, Params, Shown, Treatment, TreatmentParams
from restoration_tasks.runtime.settings import Device

Kept = TypeVar("Kept")

SAME_DAMAGE = 6
"""Damaged pixels of a near-duplicate that differ by less (8-bit code values, mean of 3x3) are damaged alike. Copies
differ by under 1 on average (see `motion.DUPLICATE_MEAN`), found damage from its surround by more than 10."""
MOST_FRAMES = 4
"""Frames whose boxes go through a network together: the boxes of one small frame are so few of each size that half the
time would be spent beside the convolutions."""
TOGETHER_PX = 1 << 20
"""On a processor, so many pixels of frames at most: large frames have boxes enough, and take memory."""


class FillEngine(StrEnum):
    """How damage is filled."""

    NETWORK = "network"
    CLASSICAL = "classical"


class FillParams(TreatmentParams):
    """How a fill is made."""

    engine: FillEngine = Field(
        default=FillEngine.NETWORK,
        description="network: our own repair network mixes the fill; classical: the best neighbour's own pixels.",
    )
    grain: float = Field(
        default=1.0,
        ge=0.0,
        le=1.0,
        description="How much of the grain that a fill lacks beside its surround it is given; 1 is all of it.",
    )

    @property
    def models(self) -> dict[str, str]:
        """The repair network, where it is used."""
        if self.engine is not FillEngine.NETWORK:
            return {}
        from restoration_tasks.models.defects.load import SHIPPED_SHA256, Weights

        return {"fusion": SHIPPED_SHA256[Weights.FUSION]}


@dataclass(frozen=True)
class Masked:
    """A frame and what is to be filled in it. What an engine works out of it is kept with it."""

    shown: Shown
    mask: Mask
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def kept(self, name: str, make: Callable[[], Kept]) -> Kept:
        """What was made of the frame under a name; made on the first call, by one thread only."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            made: Kept = self._kept[name]
            return made


@dataclass(frozen=True)
class FillJob:
    """A frame with damage and its neighbours: distinct frames of its shot, nearest first."""

    centre: Masked
    before: Sequence[Masked]
    after: Sequence[Masked]


def _unlike(other: Masked, centre: Masked) -> Masked:
    """A near-duplicate, usable where it differs from the frame: where it does not, it shows the same damage."""
    apart = cv2.absdiff(other.shown.luma, centre.shown.luma)
    same = np.asarray(cv2.blur(apart, (3, 3))) < SAME_DAMAGE
    return Masked(other.shown, other.mask | (centre.mask & same))


class Filler(ABC):
    """One way to fill. Frames of one size and format; one thread at a time."""

    @abstractmethod
    def fill(self, jobs: Sequence[FillJob]) -> list[Work]:
        """The frames filled, `(C, H, W)` code values, one a job; outside the mask the very codes of the scan."""


class FillingTreatment(Treatment[Params]):
    """A masked repair that fills its mask from neighbouring frames."""

    fidelity: ClassVar[Fidelity] = Fidelity.MASKED

    def __init__(self, params: Params, **where: Any) -> None:
        super().__init__(params, **where)
        self._frames: OrderedDict[int, Masked] = OrderedDict()
        self._guard = threading.Lock()
        self._fillers = threading.local()

    @property
    def radius(self) -> int:
        """Two neighbours each way, and one to spare for a near-duplicate."""
        return REACH

    def batch(self, picture: PictureFormat) -> int:
        """Frames worked together, fewer of large ones on a processor."""
        if self.means.device is Device.CUDA:
            return MOST_FRAMES
        return max(1, min(MOST_FRAMES, TOGETHER_PX // (picture.width * picture.height)))

    @abstractmethod
    def filler(self) -> Filler:
        """The engine; made once a thread."""

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The frames with everything in their masks filled."""
        jobs = [self._job(window) for window in windows]
        damaged = [job for job in jobs if job is not None]
        # No engine is loaded before there is something to fill.
        filled = iter(self._filler().fill(damaged) if damaged else ())
        return [
            window[0].work.copy() if job is None else next(filled) for job, window in zip(jobs, windows, strict=True)
        ]

    def _job(self, window: Mapping[int, Shown]) -> FillJob | None:
        centre = self._masked(window[0])
        if not centre.mask.any():
            return None
        before, after = distinct_neighbours({offset: other.luma for offset, other in window.items()})
        if before or after:
            return FillJob(centre, *([self._masked(window[offset]) for offset in side] for side in (before, after)))
        # Nothing moves and there is little grain, or a still was repeated: the frames around are used for what they
        # show that this one does not.
        near = ([-1, -2], [1, 2])
        return FillJob(
            centre,
            *([_unlike(self._masked(window[at]), centre) for at in side if at in window] for side in near),
        )

    def _masked(self, shown: Shown) -> Masked:
        """The frame with its mask, the same one for every frame it is a neighbour of."""
        with self._guard:
            if shown.index not in self._frames or self._frames[shown.index].shown is not shown:
                self._frames[shown.index] = Masked(shown, self.mask(shown))
                held = (self.means.threads + 1) * self.batch(shown.picture)
                while len(self._frames) > 2 * REACH + held:
                    self._frames.popitem(last=False)
            return self._frames[shown.index]

    def _filler(self) -> Filler:
        made: Filler | None = getattr(self._fillers, "made", None)
        if made is None:
            made = self._fillers.made = self.filler()
        return made
