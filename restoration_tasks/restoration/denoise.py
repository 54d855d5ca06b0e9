"""Less grain and noise: what is fresh on every frame is averaged away along the motion, the rest taken by a network.

Up to two frames on each side are carried onto the frame. Where one shows the same (blurred until little grain is left,
the two differ by no more than that little) it is averaged in; where it does not, it has no part. What grain then is
left is known pixel by pixel, and FFDNet (Zhang, Zuo and Zhang, IEEE TIP 2018) takes it, told how strong it is there.
How strong grain is, by brightness, and how coarse, was measured over the shot and stands in the plan.

It never takes more of a pixel than grain can be (`MOST_DEVIATIONS`), so what is stronger stays as it is; and of what it
takes for grain it puts back the share that is to be kept: the frame's own grain, none made up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restoration_tasks.media.picture import Work
from restoration_tasks.restoration.averaging import Sight, averaged
from restoration_tasks.restoration.motion import Effort, MotionEstimator
from restoration_tasks.restoration.shares import Rows, codes, shares
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

if TYPE_CHECKING:
    from restoration_tasks.models.tiling import Tileable

Floats = NDArray[np.float32]

REACH = 2
"""Frames on each side."""
BANDS = (0.15, 0.475, 0.825)
"""Brightness in the middle of the gauge's shadows, middle and lights."""
COLOURED = 1.2
"""Deviation of grain in each of red, green and blue, over that in luma: 1.33 where each has its own, 1.12 where the
dyes share half of it."""
TOLD = (0.85, 0.33)
"""What the network is told, over what is left: it knows white noise only, and takes less of what hangs together. The
first for white noise, the second for every pixel of its radius …"""
TOLD_MOST = 1.4
"""… up to so much."""
TOLD_GREY = 1.7
"""Grey film: to a network that expects noise of its own in each channel, the same in all three is more."""
MOST_DEVIATIONS = 4.0
"""A pixel changes by no more deviations of grain."""
TILE_PX = 512
"""Side of the network's tiles, so that the pixels do not depend on the memory there is. Where memory does not suffice
for one frame alone, they are smaller, and the record says so."""


class DenoiseEngine(StrEnum):
    """What looks for the picture behind the grain."""

    NETWORK = "network"
    """The frames around it, then a network."""
    TIME = "time"
    """The frames around it only: nothing but real frames averaged."""


Deviation = Annotated[float, Field(ge=0.0, le=0.25, allow_inf_nan=False)]


class DenoiseParams(TreatmentParams):
    """How strong grain is, and how much of it stays."""

    sigma: tuple[Deviation, Deviation, Deviation] = Field(
        description="How strong the grain is in the shadows, the middle and the lights: standard deviation of "
        "brightness as a share of the code range."
    )
    radius_px: float = Field(
        default=0.2, ge=0.2, le=6.0, allow_inf_nan=False, description="How coarse it is: radius of a grain in pixels."
    )
    keep: float = Field(
        default=0.5, ge=0.0, lt=1.0, description="Share of the grain that stays; 0 takes all of it, 0.5 half."
    )
    engine: DenoiseEngine = Field(
        default=DenoiseEngine.NETWORK,
        description="network: the frames around, then a network; time: the frames around only.",
    )

    @property
    def models(self) -> dict[str, str]:
        """The network, where it is asked for."""
        if self.engine is DenoiseEngine.TIME:
            return {}
        from restoration_tasks.models.denoisers import NAME, SHA256

        return {NAME: SHA256}

    def most_change(self, channels: int) -> float:
        """By how much a pixel may change at most, share of the code range, in a picture of so many channels."""
        return (1.0 - self.keep) * MOST_DEVIATIONS * max(self.sigma) * (COLOURED if channels > 1 else 1.0)


@dataclass(frozen=True)
class _Seen:
    """A frame, and what it is compared by; made once for all frames it is a neighbour of."""

    shown: Shown
    _lock: threading.RLock

    @cached_property
    def sight(self) -> Sight:
        """What averaging looks at."""
        return Sight(shares(self.shown.work, self.shown.picture))

    def prepared(self) -> Sight:
        """The same, everything made; several threads may ask."""
        with self._lock:
            _ = self.sight.luma
        return self.sight


class Denoise(Treatment[DenoiseParams]):
    """Takes a share of a shot's grain away."""

    name: ClassVar[str] = "grain"
    title: ClassVar[str] = "Less grain"
    fidelity: ClassVar[Fidelity] = Fidelity.GLOBAL
    order: ClassVar[int] = 400
    params_model: ClassVar[type[TreatmentParams]] = DenoiseParams

    def __init__(self, params: DenoiseParams, **where: Any) -> None:
        super().__init__(params, **where)
        self._sights: OrderedDict[int, _Seen] = OrderedDict()
        self._guard = threading.Lock()
        self._own = threading.local()
        self._tile_px = TILE_PX

    def remarks(self) -> tuple[str, ...]:
        """Whether tiles had to be smaller than always."""
        if self._tile_px == TILE_PX:
            return ()
        return (
            f"memory ran out: the network against grain saw tiles of {self._tile_px} instead of {TILE_PX} pixels; where"
            " there is more memory, the last bits may come out otherwise",
        )

    @property
    def radius(self) -> int:
        """Two frames each way."""
        return REACH

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """Each frame with the share of its grain that is to stay."""
        return [self._less(window) for window in windows]

    def _less(self, window: Mapping[int, Shown]) -> Work:
        shown = window[0]
        if not any(self.params.sigma):
            return shown.work.copy()
        sights = {offset: self._sight(one).prepared() for offset, one in window.items()}
        middle = sights[0]
        level = self._level(middle.guide)
        clean, left = averaged(sights, level, self.params.radius_px, self._motion())
        if self.params.engine is DenoiseEngine.NETWORK:
            clean = self._by_network(clean, left * level)
        most = (MOST_DEVIATIONS * level)[..., None]
        # Only what lies in the range was shown to the network; what YUV holds beyond it stays as far beyond.
        grain = np.clip(np.clip(middle.rows, 0, 1) - clean, -most, most)
        rows = middle.rows - np.float32(1.0 - self.params.keep) * grain
        flat = np.ascontiguousarray(rows.reshape(-1, rows.shape[2]).T, np.float32)
        return np.asarray(codes(flat, shown.picture).reshape(shown.work.shape), shown.work.dtype)

    def _sight(self, shown: Shown) -> _Seen:
        with self._guard:
            if shown.index not in self._sights or self._sights[shown.index].shown is not shown:
                self._sights[shown.index] = _Seen(shown, threading.RLock())
                while len(self._sights) > 2 * REACH + 1 + self.means.threads:
                    self._sights.popitem(last=False)
            return self._sights[shown.index]

    def _level(self, guide: Rows) -> Floats:
        """`(H, W)`: deviation of the grain in each channel, by the brightness there."""
        brightness = np.asarray(guide.mean(axis=2) if guide.shape[2] == 3 else guide[..., 0], np.float32)
        coloured = COLOURED if guide.shape[2] == 3 else 1.0
        return np.asarray(np.interp(brightness, BANDS, np.array(self.params.sigma) * coloured), np.float32)

    def _motion(self) -> MotionEstimator:
        if not hasattr(self._own, "motion"):
            self._own.motion = MotionEstimator(Effort.FOLLOW)
        made: MotionEstimator = self._own.motion
        return made

    def _by_network(self, rows: Rows, left: Floats) -> Rows:
        """What the network makes of a picture with so much grain left in it, `(H, W)`."""
        from restoration_tasks.models.tiling import tiled
        from restoration_tasks.runtime.spec import NumericProfile

        grey = rows.shape[2] == 1
        told = min(TOLD[0] + TOLD[1] * self.params.radius_px, TOLD_MOST) * (TOLD_GREY if grey else 1.0)
        planes = np.repeat(rows, 3, axis=2) if grey else rows
        shown = np.dstack((planes, left * np.float32(told))).transpose(2, 0, 1)
        profile = NumericProfile(
            device=self.means.device, precision="float16" if self.means.half else "float32", tile_px=self._tile_px
        )
        made, used = tiled(
            loaded_denoiser(self.means.device.value, self.means.half),
            np.ascontiguousarray(shown),
            profile,
            # First fewer frames side by side, which changes no pixel; only then smaller tiles.
            may_shrink=self.means.threads == 1,
        )
        # Where memory ran out once it would again.
        self._tile_px = used.tile_px
        clean = made.transpose(1, 2, 0)
        return np.asarray(clean.mean(axis=2, keepdims=True) if grey else clean, np.float32)


@cache
def loaded_denoiser(device: str, half: bool) -> Tileable:
    """The network from the shelf, ready; loaded once a process.

    Raises:
        ModelError: torch or the network is not installed, or it is another than pinned.
    """
    import torch

    from restoration_tasks.models.denoisers import NAME, load_denoiser
    from restoration_tasks.models.shelf.shelf import Shelf

    # One thread a frame: frames are worked side by side, and the sums come out the same however many are.
    torch.set_num_threads(1)
    tileable = load_denoiser(Shelf.of().require(NAME)[0])
    tileable.network.to(device, torch.float16 if half else torch.float32)
    return tileable
