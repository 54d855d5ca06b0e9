"""What a plan permits to change: the kind of treatment of each shot, and the pixels its local repairs may write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.quality.measure import REACH, Treatment
from restoration_tasks.quality.pixels import Mask
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.denoise import Denoise
from restoration_tasks.restoration.flicker import DeflickerParams
from restoration_tasks.restoration.regions import Region, edited, protected
from restoration_tasks.restoration.stabilise import Stabilise
from restoration_tasks.restoration.treatment import Fidelity, Shown, TreatmentParams

if TYPE_CHECKING:
    from restoration_tasks.restoration.plan import PlannedShot
    from restoration_tasks.restoration.treatment import Treatment as PlannedTreatment

_KIND: Final = {
    Fidelity.MASKED: Treatment.MASKED,
    Fidelity.GLOBAL: Treatment.GLOBAL,
    Fidelity.GENERATIVE: Treatment.GENERATIVE,
}
TONAL: Final = frozenset({"flicker"})
"""Global treatments that make a frame lighter or darker by numbers of the plan alone; the check makes it again."""
COLOUR: Final = frozenset({"fade"})
"""Global treatments that make of a pixel's colour another, by numbers of the plan alone; the check makes it again."""
MOVED: Final = frozenset({"stabilise"})
"""Global treatments that put a frame's pixels elsewhere, by numbers of the plan alone; the check moves it again."""
PORTRAITS: Final = "portraits"
"""The treatment that makes faces clearer: what it does to a face is asked, and not left out as a repair is."""
REBUILT: Final = frozenset({"stains", "tears", "wires", PORTRAITS})
"""Local repairs inside outlines that the plan holds, most of them of what is large."""
_TOLD: Final = frozenset({Treatment.TONAL, Treatment.LIGHT, Treatment.COLOUR, Treatment.MOVED, Treatment.GLOBAL})
"""Kinds of which the plan's numbers tell the whole frame, outside the damage map, exactly or within bounds."""


@dataclass(frozen=True)
class Expected:
    """What the plan's numbers make of a frame of the scan."""

    basis: Frame
    """With this done and nothing else: what brightness, specks and flicker are held against."""
    whole: Frame | None
    """With all that is done to whole frames; None where that is not told by numbers alone."""
    moves: bool
    """Whether the shot is steadied, this frame perhaps by nothing."""
    recolours: bool
    """Whether colours are brought back."""
    within: float = 0.0
    """By how many code values a pixel may differ from `whole`: where grain is lessened, what grain can be."""
    grain_kept: float = 1.0
    """Share of the grain that is to stay."""


@dataclass(frozen=True)
class Permit:
    """What may change in one shot."""

    shot: str
    """Id of the shot, such as `s003`."""
    start: int
    stop: int
    treatments: tuple[PlannedTreatment[TreatmentParams], ...] = ()
    """What was planned for it."""
    regions: tuple[Region, ...] = ()
    """What people drew by hand."""

    @property
    def by_numbers(self) -> list[PlannedTreatment[TreatmentParams]]:
        """Its treatments of whole frames that numbers tell all of, in the order of work."""
        return sorted((one for one in self.treatments if one.name in TONAL | COLOUR | MOVED), key=lambda one: one.order)

    @classmethod
    def of(cls, planned: PlannedShot) -> Self:
        """What a planned shot permits.

        Raises:
            PlanError: a treatment or parameter is not known.
        """
        from restoration_tasks.restoration.treatment import registry

        known = registry()
        treatments = tuple(known[one.name](one.checked, origin=planned.start) for one in planned.treatments)
        return cls(
            shot=shot_id(planned.shot),
            start=planned.start,
            stop=planned.stop,
            treatments=treatments,
            regions=planned.regions,
        )

    @classmethod
    def nothing(cls, index: int) -> Self:
        """The permit of a frame that is in no shot of the plan."""
        return cls(shot=shot_id(0), start=index, stop=index + 1)

    def kind(self, index: int) -> Treatment:
        """The most far-reaching kind of treatment that a frame may have had."""
        kinds = [_kind(one) for one in self.treatments if one.touches(index)]
        return max(kinds, key=REACH.index, default=Treatment.UNTOUCHED)

    def mask(
        self, index: int, frame: Frame, found: DamageMap, picture: PictureFormat, *, portraits: bool = True
    ) -> Mask:
        """`(H, W)`: where local repairs may write. Never where the map, as people edited it, has no damage at all.

        Stains, tears, wires and faces have their map in the plan, whatever that of dirt, hairs and scratches says.

        On a frame that is moved after its repair, where what was repaired has come to lie.

        Args:
            index: 0-based position of the frame in the reel.
            frame: planes of the scan's frame.
            found: its damage map, as it was measured.
            picture: format of the scan.
            portraits: whether faces that are made clearer count.
        """
        allowed = np.zeros(found.dirt.shape, np.bool_)
        masked = [one for one in self.treatments if one.fidelity is Fidelity.MASKED]
        if not portraits:
            masked = [one for one in masked if one.name != PORTRAITS]
        if not masked:
            return allowed
        found = edited(found, self.regions, index - self.start)
        kept = protected(self.regions, index - self.start, (picture.height, picture.width))
        shown = Shown(index, picture.to_work(frame), found, picture, kept, self.text(index, picture))
        for treatment in masked:
            mask = treatment.allowed(shown)
            allowed |= mask & (found.any > 0) if treatment.needs_map else mask
        for steadied in (one for one in self.treatments if isinstance(one, Stabilise)):
            allowed = steadied.reach(allowed, index, picture)
        return allowed

    @property
    def portrayed(self) -> bool:
        """Whether faces are made clearer."""
        return any(one.name == PORTRAITS for one in self.treatments)

    def held_text(self, index: int, allowed: Mask, picture: PictureFormat) -> Mask | None:
        """`(H, W)`: text on screen that must be the scan's; None where there is none.

        None either where a person had the whole picture changed, or the frame made anew, in spite of it.

        Args:
            index: 0-based position of the frame in the reel.
            allowed: `(H, W)`: where local repairs may write, those of titles included.
            picture: format of the scan.
        """
        text = self.text(index, picture)
        if text is None or any(one.fidelity is not Fidelity.MASKED and one.touches(index) for one in self.treatments):
            return None
        return np.asarray(text & ~allowed, np.bool_)

    def text(self, index: int, picture: PictureFormat) -> Mask | None:
        """`(H, W)`: where the plan says that text is on screen; None where it says of none.

        Args:
            index: 0-based position of the frame in the reel.
            picture: format of the scan.
        """
        return protected(self.regions, index - self.start, (picture.height, picture.width), text=True)

    def passing(self, index: int, found: DamageMap, picture: PictureFormat) -> Mask:
        """`(H, W)`: where damage was found by which no more than this frame may suffer: dirt, and none that was drawn.

        Args:
            index: 0-based position of the frame in the reel.
            found: its damage map, as it was measured.
            picture: format of the scan.
        """
        found = edited(found, self.regions, index - self.start)
        dirt = np.asarray((found.dirt > 0) & (found.hair == 0) & (found.scratch == 0), np.bool_)
        if found.added is not None:
            dirt &= ~found.added
        for steadied in (one for one in self.treatments if isinstance(one, Stabilise)):
            dirt = steadied.reach(dirt, index, picture)
        return dirt

    def expected(self, index: int, frame: Frame, picture: PictureFormat) -> Expected | None:
        """What is to come of a frame; None where no whole frame is changed.

        Args:
            index: 0-based position of the frame in the reel.
            frame: planes of the scan's frame.
            picture: format of the scan.
        """
        first = [one for one in self.by_numbers if one.name not in TONAL]
        names, kind, within = {one.name for one in first}, self.kind(index), self.within(picture)
        if not first and kind not in _TOLD:
            return None
        basis, whole = _applied(first, index, frame, picture) if first else frame, None
        if kind in _TOLD:
            whole = basis if first == self.by_numbers else _applied(self.by_numbers, index, frame, picture)
        return Expected(basis, whole, bool(names & MOVED), bool(names & COLOUR), within, self.grain_kept)

    @property
    def grain_kept(self) -> float:
        """Share of the grain that is to stay, 0 … 1."""
        return min((one.params.keep for one in self.treatments if isinstance(one, Denoise)), default=1.0)

    def within(self, picture: PictureFormat) -> float:
        """By how many code values a pixel may change beyond what numbers tell; 0 where no grain is lessened."""
        most = sum(one.params.most_change(picture.channels) for one in self.treatments if isinstance(one, Denoise))
        # And rounding, twice where samples of chroma are means of others.
        return most * picture.max_code + 1.0 if most else 0.0


def _kind(treatment: PlannedTreatment[TreatmentParams]) -> Treatment:
    if treatment.name in REBUILT:
        return Treatment.REBUILT
    if treatment.name in MOVED:
        return Treatment.MOVED
    if treatment.name in COLOUR:
        return Treatment.COLOUR
    if isinstance(treatment.params, DeflickerParams):
        return Treatment.TONAL if treatment.params.gain else Treatment.LIGHT
    return _KIND[treatment.fidelity]


def _applied(
    treatments: Sequence[PlannedTreatment[TreatmentParams]], index: int, frame: Frame, picture: PictureFormat
) -> Frame:
    shown = Shown(index, picture.to_work(frame), None, picture)
    for treatment in treatments:
        shown = replace(shown, work=treatment.apply({0: shown}))
    return picture.from_work(shown.work, frame)


def shot_id(number: int) -> str:
    """How tables and reports name a shot: as its segments are named, without their number."""
    return f"s{number:03d}"
