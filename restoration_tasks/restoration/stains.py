"""Take stains and mould off: what they add in density where the picture still shows, else show it from other frames.

A stain lies over the picture as a sheet of density does, so it can be taken off without touching what lies below it:
detail and grain are the frame's own. How much it adds is read off frames that show the same place clean, however far
before or after they are, laid over the frame along the motion between them: the median of what the frame has more than
each of them, channel by channel, smoothed as far as noise asks for. Where a stain is so dense that nothing is left
below it, the nearest of those frames shows the place instead, grain and all; where there is none, the surround is
continued. Where nothing but the stain is known, it stays.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from restoration_tasks.media.picture import Work
from restoration_tasks.models.defects.motion import positions
from restoration_tasks.restoration.carried import carried_on, continued_around
from restoration_tasks.restoration.chained import Chain, Laid, Reach, SmallFrame, at_full_size, full_flow
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.densities import density, share
from restoration_tasks.restoration.regions import Coordinate
from restoration_tasks.restoration.shares import Rows, codes, shares
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

Floats = NDArray[np.float32]

FARTHEST = 24
"""Frames each way that are looked at, at most: a second. Of a longer stain on a still picture the middle stays."""
EACH_WAY = 3
"""Frames each way that show a place clean and are used for it."""
FEWEST_SHARE = 0.02
"""A frame is of use if it shows at least this share of the stain that fewer than `EACH_WAY` nearer ones show."""
RING_PX, SOFT_PX = 12, 2
"""Around a stain, small pixels: the ring in which brightness is matched, and what next to the stain is no witness."""
FEWEST_WITNESSES = 50
FINE_PX, WIDE_PX = 1.5, 5.0
"""Standard deviations (small pixels) of the blurs a stain's density goes through: always, and where nothing finer
stands out of the noise."""
STANDS_OUT = 2.5
"""Times its noise that finer density must be to be believed."""
BOX_PX = 9
ROUGH_TIMES, ROUGH_DENSITY = 2.0, 0.02
"""A frame is used where what it lies apart by is so many times as rough as that of the best one at most, and this more:
else its motion was not followed there."""
SPREAD_DENSITY = 0.05
"""Density that frames differ by at which what they say counts half."""
KNOWN = 0.05
"""Weight from which a place is known; elsewhere its density is carried on from around."""
LEAST_DENSITY = 0.004
"""Density under which nothing is taken off: a half of one of 8-bit code values in the middle tones."""
KEPT = 0.3
"""Share of the detail that must go on below what is taken for a stain where no person says that it is one; below what
came by itself it is 0 on average."""
CLIPPED = (0.01, 0.985)
"""Shares of the code range beyond which the picture is gone, where the stain adds or takes at least this density:"""
CLIPPED_DENSITY = 0.2

WHOLLY = 0.99
"""Share of a small pixel that must be shown for all it stands for to be."""


class StainPatch(BaseModel):
    """One stain, or a part of one, on some frames of a shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    """Its first frame, counted from the shot's start."""
    last: int
    """Its last, included."""
    polygon: Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=3, max_length=1000)]
    """Its corners `(x, y)` in pixels of the scan; its edge belongs to it. Wider than the stain does no harm."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"a stain goes from its first frame to its last; found {self.first} to {self.last}")
        return self


class StainParams(TreatmentParams):
    """Which stains are taken off, and how far."""

    patches: tuple[StainPatch, ...] = Field(
        default=(), max_length=10_000, description="The stains of the shot: on which frames, and their outlines."
    )
    amount: float = Field(
        default=1.0, gt=0.0, le=1.0, description="How much of what a stain adds is taken off; 1 is all of it."
    )
    opaque: float = Field(
        default=1.0,
        ge=0.3,
        le=3.0,
        description="Density from which nothing is taken to be left below a stain, and other frames show the place.",
    )
    fill_hidden: bool = Field(
        default=True,
        description="Whether what a stain hides wholly is shown from other frames; no: only what it adds is taken off.",
    )

    def sliced(self, first: int, stop: int) -> Self:
        """The stains on frames `first ≤ i < stop` or on those looked at beside them, counted from `first`."""
        near = [
            patch.model_copy(update={"first": patch.first - first, "last": patch.last - first})
            for patch in self.patches
            if patch.last >= first - FARTHEST and patch.first < stop + FARTHEST
        ]
        on = any(patch.first < stop - first and patch.last >= 0 for patch in near)
        return self.model_copy(update={"patches": tuple(near) if on else ()})

    def require_frames(self, frames: int) -> None:
        """Refuse stains on frames the shot does not have.

        Raises:
            ValueError: a stain begins before the shot or goes on after it.
        """
        for number, patch in enumerate(self.patches, start=1):
            if patch.first < 0 or patch.last >= frames:
                raise ValueError(
                    f"stain {number} is on frames {patch.first} to {patch.last} of a shot with frames 0 to {frames - 1}"
                )


@dataclass(frozen=True)
class _Sheet:
    """What lies over a frame, at the size of its small copy."""

    added: Floats
    """`(h, w, C)` density; 0 outside the mask and where nothing is known."""
    laid: tuple[Laid, ...]
    """Frames that show the place clean, nearest first."""
    tones: tuple[Floats, ...]
    """What brings each of them to the frame's brightness: density, `(C,)`."""

    def shown(self, shape: tuple[int, int]) -> Mask:
        """`(H, W)`: what any of them shows, at a height and width."""
        any_of = np.any([one.clean for one in self.laid] or [np.zeros(self.added.shape[:2], np.bool_)], axis=0)
        return np.asarray(at_full_size(any_of.astype(np.float32), shape) > WHOLLY, np.bool_)


class StainRemoval(Treatment[StainParams]):
    """Takes off what stains add in density; fills what they hide."""

    name: ClassVar[str] = "stains"
    title: ClassVar[str] = "Stains and mould"
    fidelity: ClassVar[Fidelity] = Fidelity.MASKED
    order: ClassVar[int] = 120
    params_model: ClassVar[type[TreatmentParams]] = StainParams

    def __init__(self, params: StainParams, **where: Any) -> None:
        super().__init__(params, **where)
        self._far = _distances(params.patches)
        self._chain = Chain(2 * self.radius + 1 + 2 * self.means.threads)
        self._masks: OrderedDict[tuple[int, ...], Mask] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def radius(self) -> int:
        """As far as clean frames lie, and so many of them; `FARTHEST` at most."""
        return max((max(sides) for sides in self._far.values()), default=0)

    @property
    def needs_map(self) -> bool:
        """Its map is in its parameters."""
        return False

    def touches(self, index: int) -> bool:
        """Only frames that a stain is on."""
        return bool(self._on(index))

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: inside the outlines of the stains on the frame; not to be written to."""
        return self._mask(self._on(shown.index), (shown.picture.height, shown.picture.width))

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The frames with their stains taken off."""
        return [self._cleaned(window) for window in windows]

    def _on(self, index: int) -> tuple[int, ...]:
        frame = index - self.origin
        return tuple(at for at, patch in enumerate(self.params.patches) if patch.first <= frame <= patch.last)

    def _mask(self, on: tuple[int, ...], shape: tuple[int, int]) -> Mask:
        with self._guard:
            if on not in self._masks:
                inside = np.zeros(shape, np.uint8)
                for at in on:
                    corners = np.rint(np.asarray(self.params.patches[at].polygon, np.float64)).astype(np.int32)
                    cv2.fillPoly(inside, [corners], 1)
                self._masks[on] = inside > 0
                self._masks[on].flags.writeable = False
                while len(self._masks) > 2 * FARTHEST:
                    self._masks.popitem(last=False)
            return self._masks[on]

    def _cleaned(self, window: Mapping[int, Shown]) -> Work:
        shown = window[0]
        cleaned = shown.work.copy()
        mask = self.mask(shown)
        if not mask.any():
            return cleaned
        sheet = self._sheet(window)
        rows, picture = shares(shown.work, shown.picture), shown.picture
        shape = (mask.shape[0], mask.shape[1])
        added = at_full_size(sheet.added, shape) * mask[..., None]
        hidden = self._hidden(rows, added, mask)
        hidden |= _touching(mask & ~sheet.shown(shape), hidden)
        changed = mask & (np.abs(added).max(axis=2) >= LEAST_DENSITY)
        if not (changed | hidden).any():
            return cleaned
        made = rows.copy()
        off = density(rows[changed], picture.transfer) - np.float32(self.params.amount) * added[changed]
        made[changed] = share(off, picture.transfer)
        if hidden.any():
            made[hidden] = self._behind(window, sheet, made, hidden)[hidden]
        where = changed | hidden
        cleaned[:, where] = codes(np.ascontiguousarray(made[where].T), picture)
        return cleaned

    # -- what a stain adds ---------------------------------------------------------------------------------------------

    def _sheet(self, window: Mapping[int, Shown]) -> _Sheet:
        frame = window[0].index - self.origin
        # The same frames are looked at however the shot is cut: the stain says how far, not the window.
        before, after = self._far[frame]
        reach = Reach(self._chain, {at: one for at, one in window.items() if -before <= at <= after}, self.mask)
        stained = reach.centre.dirty > 0
        laid = [one for step in (-1, 1) for one in _of_use(reach, step, stained)]
        laid.sort(key=lambda one: (abs(one.offset), one.offset * (-1) ** frame))
        if not laid:
            return _Sheet(np.zeros_like(reach.centre.density), (), ())
        tones = [_tone(reach.centre, one) for one in laid]
        apart = np.stack([reach.centre.density - one.density - tone for one, tone in zip(laid, tones, strict=True)])
        added = _added(apart, np.stack([one.clean for one in laid]), stained)
        if not self.params.fill_hidden:
            added *= _kept(reach.centre, laid[0], stained)
        return _Sheet(added, tuple(laid), tuple(tones))

    # -- what a stain hides --------------------------------------------------------------------------------------------

    def _hidden(self, rows: Rows, added: Floats, mask: Mask) -> Mask:
        """`(H, W)`: where nothing is left of the picture and it is to be shown from elsewhere."""
        if not self.params.fill_hidden:
            return np.zeros_like(mask)
        mean, light = np.abs(added).mean(axis=2), rows.mean(axis=2)
        gone = ((light <= CLIPPED[0]) | (light >= CLIPPED[1])) & (mean >= CLIPPED_DENSITY)
        return np.asarray(mask & (gone | (mean >= self.params.opaque)), np.bool_)

    def _behind(self, window: Mapping[int, Shown], sheet: _Sheet, made: Rows, hidden: Mask) -> Rows:
        """`made` with what is hidden shown by the nearest frames that show it, or continued from around."""
        shown, shape = window[0], (hidden.shape[0], hidden.shape[1])
        across, down = positions(*shape)
        filled, left = made.copy(), hidden.copy()
        for one, tone in zip(sheet.laid, sheet.tones, strict=True):
            here = left & (at_full_size(one.clean.astype(np.float32), shape) > WHOLLY)
            if not here.any():
                continue
            flow = full_flow(one.flow, shape)
            other = shares(window[one.offset].work, shown.picture)
            x, y = across + flow[..., 0], down + flow[..., 1]
            moved = cv2.remap(other, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).reshape(made.shape)
            brought = density(np.asarray(moved[here], np.float32), shown.picture.transfer) + tone
            filled[here] = share(brought, shown.picture.transfer)
            left &= ~here
        return continued_around(filled, left, fine=True) if left.any() else filled


def _touching(parts: Mask, hidden: Mask) -> Mask:
    """Those connected parts that something hidden lies in: of a stain that hides, all that no other frame shows."""
    if not (parts & hidden).any():
        return np.zeros_like(parts)
    _, labels = cv2.connectedComponents(parts.astype(np.uint8), connectivity=4)
    return np.asarray(parts & np.isin(labels, np.unique(labels[parts & hidden])), np.bool_)


def _distances(patches: Sequence[StainPatch]) -> dict[int, tuple[int, int]]:
    """For each stained frame how many are looked at before and after: to the clean ones, and `EACH_WAY` of them."""
    stained: set[int] = set()
    for patch in patches:
        stained.update(range(patch.first, patch.last + 1))
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for frame in sorted(stained):
        before[frame] = before.get(frame - 1, 0) + 1
    for frame in sorted(stained, reverse=True):
        after[frame] = after.get(frame + 1, 0) + 1
    return {
        frame: (min(before[frame] - 1 + EACH_WAY, FARTHEST), min(after[frame] - 1 + EACH_WAY, FARTHEST))
        for frame in stained
    }


def _of_use(reach: Reach, step: int, stained: Mask) -> list[Laid]:
    """The frames on one side that show the stained place clean, the nearest that do."""
    shown = np.zeros(stained.shape, np.int8)
    fewest = max(FEWEST_SHARE * np.count_nonzero(stained), 1)

    def wanted(_: int, clean: Mask) -> bool:
        more = clean & stained & (shown < EACH_WAY)
        if np.count_nonzero(more) < fewest:
            return False
        shown[clean] += 1
        return True

    return reach.laid(step, wanted)


def _tone(centre: SmallFrame, other: Laid) -> Floats:
    """`(C,)`: what brings a frame to another's brightness, density, by the median around the stain."""
    dirty = (centre.dirty > 0).astype(np.uint8)
    near, soft = (cv2.dilate(dirty, np.ones((2 * px + 1,) * 2, np.uint8)) > 0 for px in (RING_PX, SOFT_PX))
    witness = other.clean & ~soft
    ring = witness & near
    if np.count_nonzero(ring) >= FEWEST_WITNESSES:
        witness = ring
    if np.count_nonzero(witness) < FEWEST_WITNESSES:
        return np.zeros(centre.density.shape[2], np.float32)
    return np.asarray(np.median((centre.density - other.density)[witness], axis=0), np.float32)


def _added(apart: Floats, clean: NDArray[np.bool_], stained: Mask) -> Floats:
    """What lies over a frame: `(h, w, C)` density, 0 where nothing is known of it.

    Args:
        apart: `(K, h, w, C)`: what the frame has more than each of the frames laid over it, brightness matched.
        clean: `(K, h, w)`: where they show the picture.
        stained: `(h, w)`: where the stain may lie.
    """
    rough = np.stack([_rough(one.mean(axis=2)) for one in apart])
    best = np.where(clean, rough, np.inf).min(axis=0)
    used = clean & (rough <= ROUGH_TIMES * best + ROUGH_DENSITY)
    known = used.any(axis=0)
    if not (known & stained).any():
        return np.zeros(apart.shape[1:], np.float32)
    median, spread = _median(apart, used)
    weight = np.where(known, 1.0 / (1.0 + np.square(spread / SPREAD_DENSITY)), 0.0).astype(np.float32)
    noise = _noise(median, known & ~stained)
    # Outside there is no stain: known for certain.
    median[~stained], weight[~stained] = 0.0, 1.0
    fine, wide = (_smooth(median, weight, px) for px in (FINE_PX, WIDE_PX))
    detail = fine[0] - wide[0]
    energy = _box(np.square(detail).mean(axis=2))
    believed = np.clip(1.0 - np.square(STANDS_OUT * noise) / np.maximum(energy, np.float32(1e-9)), 0.0, 1.0)
    added = wide[0] + detail * believed[..., None]
    added = carried_on(np.asarray(added, np.float32), np.asarray(fine[1] >= KNOWN))
    added[~stained] = 0.0
    return np.asarray(added, np.float32)


def _kept(centre: SmallFrame, other: Laid, stained: Mask) -> np.float32:
    """1 where the frame's detail goes on below a stain, 0 where it does not: then it is a thing that came, no stain."""
    where = stained & other.clean
    if not where.any():
        return np.float32(0.0)
    means = (centre.density.mean(axis=2), other.density.mean(axis=2))
    # Grain is finer, stains are coarser.
    own, its = (_blur(plane, FINE_PX) - _blur(plane, WIDE_PX) for plane in means)
    power = float(np.square(own[where]).mean() + np.square(its[where]).mean())
    kept = 1.0 - float(np.square(own - its)[where].mean()) / max(power, 1e-9)
    return np.float32(kept >= KEPT)


def _median(apart: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """`(h, w, C)` median of those used, and `(h, w)` how far they spread (a lone one by `SPREAD_DENSITY`)."""
    count = used.sum(axis=0)
    values = np.sort(np.where(used[..., None], apart, np.float32(np.inf)), axis=0)
    values[:, count == 0] = 0.0

    def at(place: NDArray[np.intp]) -> Floats:
        index = np.broadcast_to(place[None, ..., None], (1, *apart.shape[1:]))
        return np.asarray(np.take_along_axis(values, index, axis=0)[0], np.float32)

    last = np.maximum(count - 1, 0)
    spread = np.where(count > 1, (at(last) - values[0]).mean(axis=2) / 2, np.float32(SPREAD_DENSITY))
    return np.asarray(0.5 * (at(last // 2) + at(count // 2)), np.float32), np.asarray(spread, np.float32)


def _noise(median: Floats, where: Mask) -> float:
    """Standard deviation of what is finer than a stain is wide, where there is no stain."""
    detail = _blur(median, FINE_PX) - _blur(median, WIDE_PX)
    if np.count_nonzero(where) < FEWEST_WITNESSES:
        return float(LEAST_DENSITY)
    return float(1.4826 * np.median(np.abs(detail[where])))


def _smooth(values: Floats, weight: Floats, px: float) -> tuple[Floats, Floats]:
    """Weighted means, and the weight there is."""
    total = _blur(weight, px)
    mean = _blur(values * weight[..., None], px) / np.maximum(total, np.float32(1e-4))[..., None]
    return np.asarray(mean, np.float32), total


def _blur(plane: Floats, px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), px), np.float32).reshape(plane.shape)


def _box(plane: Floats) -> Floats:
    return np.asarray(cv2.blur(np.ascontiguousarray(plane, np.float32), (BOX_PX, BOX_PX)), np.float32)


def _rough(plane: Floats) -> Floats:
    """How rough a plane is around each pixel: mean distance from its mean in a box."""
    return _box(np.abs(plane - _box(plane)))
