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
from restoration_tasks.restoration.flicker import DeflickerParams
from restoration_tasks.restoration.regions import Region, edited
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
_BY_NUMBERS: Final = frozenset({Treatment.LIGHT, Treatment.COLOUR})
"""Kinds of which the plan's numbers tell the whole frame, outside the damage map."""


@dataclass(frozen=True)
class Expected:
    """What the plan's numbers make of a frame of the scan."""

    colours: Frame
    """With its colours brought back and nothing else: what brightness, specks and flicker are held against."""
    whole: Frame | None
    """With all that is done to whole frames; None where that is not told by numbers alone."""


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
        """Its tonal and colour treatments, in the order of work."""
        return sorted((one for one in self.treatments if one.name in TONAL | COLOUR), key=lambda one: one.order)

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

    def mask(self, index: int, frame: Frame, found: DamageMap, picture: PictureFormat) -> Mask:
        """`(H, W)`: where local repairs may write. Never where the map, as people edited it, has no damage at all.

        Args:
            index: 0-based position of the frame in the reel.
            frame: planes of the scan's frame.
            found: its damage map, as it was measured.
            picture: format of the scan.
        """
        allowed = np.zeros(found.dirt.shape, np.bool_)
        masked = [one for one in self.treatments if one.fidelity is Fidelity.MASKED]
        if not masked:
            return allowed
        found = edited(found, self.regions, index - self.start)
        shown = Shown(index, picture.to_work(frame), found, picture)
        for treatment in masked:
            allowed |= treatment.mask(shown)
        return allowed & (found.any > 0)

    def expected(self, index: int, frame: Frame, picture: PictureFormat) -> Expected | None:
        """What is to come of a frame; None where neither light is evened out nor colours are brought back.

        Args:
            index: 0-based position of the frame in the reel.
            frame: planes of the scan's frame.
            picture: format of the scan.
        """
        if not self.by_numbers:
            return None
        colours = [one for one in self.by_numbers if one.name in COLOUR]
        alone = _applied(colours, index, frame, picture) if colours else frame
        if self.kind(index) not in _BY_NUMBERS:
            return Expected(alone, None) if colours else None
        whole = alone if self.by_numbers == colours else _applied(self.by_numbers, index, frame, picture)
        return Expected(alone, whole)


def _kind(treatment: PlannedTreatment[TreatmentParams]) -> Treatment:
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
