"""What a plan permits to change: the kind of treatment of each shot, and the pixels its local repairs may write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.quality.measure import REACH, Treatment
from restoration_tasks.quality.pixels import Mask
from restoration_tasks.restoration.damage_map import DamageMap
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
"""Global treatments that are a curve on a frame's code values and nothing else; the check holds them to that."""


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

    @classmethod
    def of(cls, planned: PlannedShot) -> Self:
        """What a planned shot permits.

        Raises:
            PlanError: a treatment or parameter is not known.
        """
        from restoration_tasks.restoration.treatment import registry

        known = registry()
        return cls(
            shot=shot_id(planned.shot),
            start=planned.start,
            stop=planned.stop,
            treatments=tuple(known[one.name](one.checked, origin=planned.start) for one in planned.treatments),
            regions=planned.regions,
        )

    @classmethod
    def nothing(cls, index: int) -> Self:
        """The permit of a frame that is in no shot of the plan."""
        return cls(shot=shot_id(0), start=index, stop=index + 1)

    def kind(self, index: int) -> Treatment:
        """The most far-reaching kind of treatment that a frame may have had."""
        kinds = [
            Treatment.TONAL if one.name in TONAL else _KIND[one.fidelity]
            for one in self.treatments
            if one.touches(index)
        ]
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


def shot_id(number: int) -> str:
    """How tables and reports name a shot: as its segments are named, without their number."""
    return f"s{number:03d}"
