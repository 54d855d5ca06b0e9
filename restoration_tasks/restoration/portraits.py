"""Clearer portraits: what the frames around show of a face, averaged along its way, and the detail its blur took.

Around each face of the plan a part of the frame is cut out, and the same part of three frames on each side where the
face is there: it has been followed, so that what optical flow has left to find is small. Averaged, as far as they show
the same, they leave little of the grain; what blur took is given back to that (`sharpening`), where the frames around
bear it out: what is on one frame only, dirt above all, is not sharpened. The frame keeps the share of its own grain
that it is to keep, so that the face does not look like wax beside its surround, and none is made up.

What comes out passes the identity guard, or less of it is taken (`identity`). Nothing changes outside the faces' masks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restoration_tasks.media.picture import REC709, Work
from restoration_tasks.restoration.averaging import Sight, averaged
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.denoise import BANDS, COLOURED, MOST_DEVIATIONS, Deviation
from restoration_tasks.restoration.face_tracks import FaceTier, FaceTrack
from restoration_tasks.restoration.identity import Source, blend_that_holds
from restoration_tasks.restoration.motion import Effort, MotionEstimator
from restoration_tasks.restoration.shares import Rows, codes, shares
from restoration_tasks.restoration.sharpening import detail_lost
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

REACH: Final = 3
"""Frames on each side."""
BESIDE: Final = 0.35
"""Share of a face's width that is cut out on every side of it."""
LEAST_LEVEL: Final = 0.004
"""Deviation of grain that is reckoned with at least (a code of 8 bit): film without any still trembles."""
BORNE_OUT: Final = (0.85, 0.6)
"""Share of the grain's deviation left by averaging: from the first on nothing bears a detail out, up to the second all
do."""
SOFT_PX: Final = 1.5
"""Standard deviation of the blur of how far they do."""
SMALLEST_PX: Final = 12.0
"""Narrower faces are left alone: no landmark can be held in place on them."""

Floats = NDArray[np.float32]


class Portrayed(StrEnum):
    """Which faces are made clearer."""

    NONE = "none"
    """None: the plan only says which could be."""
    FAIR = "fair"
    """Those that can be made out fairly."""
    ALL = "all"
    """Poor ones as well."""


class PortraitParams(TreatmentParams):
    """Which faces are made clearer, and how."""

    tracks: tuple[FaceTrack, ...] = Field(
        default=(),
        max_length=10_000,
        description="The faces of the shot that are not good: where they are, frame by frame.",
    )
    faces: Portrayed = Field(
        default=Portrayed.NONE, description="Which of them are made clearer: none, fair ones, or all."
    )
    amount: float = Field(
        default=1.0, ge=0.0, le=1.0, description="How much of the detail that blur took is given back."
    )
    grain: float = Field(default=0.8, ge=0.0, le=1.0, description="Share of its own grain that a face keeps.")
    sigma: tuple[Deviation, Deviation, Deviation] = Field(
        default=(LEAST_LEVEL,) * 3,
        description="How strong the grain is in the shadows, the middle and the lights: standard deviation of "
        "brightness as a share of the code range.",
    )
    radius_px: float = Field(
        default=0.3, ge=0.2, le=6.0, allow_inf_nan=False, description="How coarse it is: radius of a grain in pixels."
    )

    @property
    def treated(self) -> tuple[FaceTrack, ...]:
        """The faces that are made clearer."""
        tiers = {Portrayed.NONE: (), Portrayed.FAIR: (FaceTier.FAIR,), Portrayed.ALL: tuple(FaceTier)}[self.faces]
        return tuple(track for track in self.tracks if track.tier in tiers)

    def sliced(self, first: int, stop: int) -> Self:
        """The faces on frames `first ≤ i < stop`, with their places on those looked at beside them."""
        near = []
        for track in self.treated:
            if track.first < stop and track.stop > first:
                cut = track.cut(first - REACH, stop + REACH)
                near += [] if cut is None else [cut.moved(first)]
        return self.model_copy(update={"tracks": tuple(near), "faces": self.faces if near else Portrayed.NONE})

    def require_frames(self, frames: int) -> None:
        """Refuse faces on frames the shot does not have.

        Raises:
            ValueError: a face begins before the shot or goes on after it.
        """
        for number, track in enumerate(self.tracks, start=1):
            if track.first < 0 or track.stop > frames:
                raise ValueError(
                    f"face {number} is on frames {track.first} to {track.stop - 1} of a shot with frames 0 to "
                    f"{frames - 1}"
                )


class Portraits(Treatment[PortraitParams]):
    """Makes faces clearer inside their masks."""

    name: ClassVar[str] = "portraits"
    title: ClassVar[str] = "Clearer portraits"
    fidelity: ClassVar[Fidelity] = Fidelity.MASKED
    order: ClassVar[int] = 160
    params_model: ClassVar[type[TreatmentParams]] = PortraitParams

    def __init__(self, params: PortraitParams, **where: Any) -> None:
        super().__init__(params, **where)
        self._tracks = params.treated
        self._own = threading.local()
        self._blends: OrderedDict[int, tuple[float, ...]] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def radius(self) -> int:
        """Three frames each way, where there is a face."""
        return REACH if self._tracks else 0

    @property
    def needs_map(self) -> bool:
        """Its map is in its parameters."""
        return False

    def touches(self, index: int) -> bool:
        """Only frames with a face."""
        return any(track.on(index - self.origin) for track in self._tracks)

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: inside the faces' masks."""
        frame, shape = shown.index - self.origin, (shown.picture.height, shown.picture.width)
        inside = np.zeros(shape, np.bool_)
        for track in self._on(frame):
            box = track.box(frame, shape)
            inside[box] |= track.mask(frame, *box) > 0
        return inside

    def blends(self, index: int) -> tuple[float, ...]:
        """How much was taken of what was made of each face on a frame, in the order of the plan; once a frame."""
        with self._guard:
            return self._blends.pop(index, ())

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The frames with their faces clearer."""
        return [self._clearer(window) for window in windows]

    def _on(self, frame: int) -> list[FaceTrack]:
        return [track for track in self._tracks if track.on(frame)]

    def _clearer(self, window: Mapping[int, Shown]) -> Work:
        shown = window[0]
        frame, work, blends = shown.index - self.origin, shown.work.copy(), []
        shape = (work.shape[1], work.shape[2])
        for track in self._on(frame):
            part = FacePart(track, frame, shape)
            source = shares(work[:, part.rows[:, None], part.columns], shown.picture)
            blend = 0.0
            if part.width_px >= SMALLEST_PX:
                change = self._change(window, part, source)
                made = source + change * part.mask[..., None]
                blend = blend_that_holds(part.source(_luma(source)), _luma(made))
                if blend:
                    _write(work, part, source + np.float32(blend) * (made - source), shown)
            blends.append(blend)
        with self._guard:
            self._blends[shown.index] = tuple(blends)
            while len(self._blends) > 64 + self.means.threads:
                self._blends.popitem(last=False)
        return work

    def _change(self, window: Mapping[int, Shown], part: FacePart, source: Rows) -> Rows:
        """`(h, w, C)`: what is to be added to a part of the frame."""
        sights = {0: Sight(source)}
        for offset, other in window.items():
            if offset and abs(offset) <= REACH and part.track.on(part.frame + offset):
                there = part.on(part.frame + offset)
                sights[offset] = Sight(shares(other.work[:, there.rows[:, None], there.columns], other.picture))
        level = self._level(sights[0].guide)
        clean, left = averaged(sights, level, self.params.radius_px, self._motion())
        most = (MOST_DEVIATIONS * level)[..., None]
        grain = np.clip(np.clip(source, 0, 1) - clean, -most, most)
        lost = detail_lost(_luma(clean), part.width_px, part.track.cycles)
        none, all_of = BORNE_OUT
        borne = cv2.GaussianBlur(np.clip((none - left) / (none - all_of), 0, 1), (0, 0), SOFT_PX)
        added = np.float32(self.params.amount) * (lost * borne)[..., None]
        return np.asarray(added - np.float32(1.0 - self.params.grain) * grain, np.float32)

    def _level(self, guide: Rows) -> Floats:
        """`(h, w)`: deviation of the grain in each channel, by the brightness there."""
        coloured = COLOURED if guide.shape[2] == 3 else 1.0
        sigma = np.maximum(np.array(self.params.sigma), LEAST_LEVEL) * coloured
        return np.asarray(np.interp(guide.mean(axis=2), BANDS, sigma), np.float32)

    def _motion(self) -> MotionEstimator:
        if not hasattr(self._own, "motion"):
            self._own.motion = MotionEstimator(Effort.FOLLOW)
        made: MotionEstimator = self._own.motion
        return made


class FacePart:
    """The part of a frame around a face: as many pixels on every frame, moved along by whole pixels."""

    def __init__(self, track: FaceTrack, frame: int, shape: tuple[int, int], width_px: float | None = None) -> None:
        self.track, self.frame, self._shape = track, frame, shape
        x, y, width = track.place(frame)
        self.width_px = width if width_px is None else width_px
        beside = int((0.5 + BESIDE) * self.width_px) + 1
        above = int((0.5 * track.height + BESIDE) * self.width_px) + 1
        self._left, self._top = round(x) - beside, round(y) - above
        self.rows = np.clip(np.arange(self._top, self._top + 2 * above + 1), 0, shape[0] - 1)
        self.columns = np.clip(np.arange(self._left, self._left + 2 * beside + 1), 0, shape[1] - 1)

    def on(self, frame: int) -> FacePart:
        """The same face on another frame."""
        return FacePart(self.track, frame, self._shape, self.width_px)

    @property
    def mask(self) -> Floats:
        """`(h, w)`: the face's soft mask; 0 beyond the frame, where its edge is repeated."""
        rows = slice(self._top, self._top + len(self.rows))
        columns = slice(self._left, self._left + len(self.columns))
        return self.track.mask(self.frame, rows, columns)

    @property
    def inside(self) -> tuple[slice, slice]:
        """What of it lies inside the frame."""
        height, width = self._shape
        return (
            slice(max(-self._top, 0), min(height - self._top, len(self.rows))),
            slice(max(-self._left, 0), min(width - self._left, len(self.columns))),
        )

    def source(self, luma: Floats) -> Source:
        """The face as the guard looks at it, with the luma `(h, w)` of the part."""
        return Source(luma, self.mask, self.landmarks, self.width_px, self.track.cycles)

    @property
    def landmarks(self) -> list[tuple[float, float]]:
        """X and y in the part."""
        x, y, width = self.track.place(self.frame)
        return [(x + width * dx - self._left, y + width * dy - self._top) for dx, dy in self.track.landmarks]


def _write(work: Work, part: FacePart, made: Rows, shown: Shown) -> None:
    """Write a part back, where its mask is and inside the frame."""
    inside = part.inside
    where = part.mask[inside] > 0
    made_there = made[inside][where]
    rows, columns = part.rows[inside[0]], part.columns[inside[1]]
    if not where.any():
        return
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    work[box][:, where] = codes(np.ascontiguousarray(made_there.T), shown.picture)


def _luma(rows: Rows) -> Floats:
    if rows.shape[2] == 1:
        return np.ascontiguousarray(rows[..., 0], np.float32)
    return np.asarray(cv2.transform(rows, np.array([REC709], np.float32)), np.float32).reshape(rows.shape[:2])
