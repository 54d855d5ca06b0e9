"""Repair dirt and hair inside their map: from neighbouring frames, and from the surround where time has no answer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import FillEngine, Filler, FillingTreatment, FillParams
from restoration_tasks.restoration.treatment import Shown, TreatmentParams


class DirtRepairParams(FillParams):
    """How boldly dirt and hairs are repaired, and how."""

    threshold: float = Field(
        default=0.5,
        ge=0.35,
        le=0.95,
        description="Confidence from which dirt and hairs are repaired; lower repairs more, also what was not dirt.",
    )
    only_added: bool = Field(
        default=False, description="Repair only what people added to the map by hand, nothing that was found."
    )


class DirtRepair(FillingTreatment[DirtRepairParams]):
    """Fills each speck and hair from up to four motion-compensated neighbours, with the grain of the surround."""

    name: ClassVar[str] = "dirt"
    title: ClassVar[str] = "Dirt and hair"
    order: ClassVar[int] = 100
    params_model: ClassVar[type[TreatmentParams]] = DirtRepairParams

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: where the map of dirt or that of hairs is at the threshold or above."""
        if shown.map is None:
            return np.zeros(shown.work.shape[1:], np.bool_)
        found = np.maximum(shown.map.dirt, shown.map.hair)
        if not self.params.only_added:
            return np.asarray(found >= max(1, int(np.ceil(self.params.threshold * 255))))
        if shown.map.added is None:
            return np.zeros(found.shape, np.bool_)
        return np.asarray(shown.map.added & (found == 255))

    def filler(self) -> Filler:
        """The engine the parameters name."""
        if self.params.engine is FillEngine.CLASSICAL:
            from restoration_tasks.restoration.classical_fill import ClassicalFill

            return ClassicalFill()
        from restoration_tasks.restoration.network_fill import NetworkFill

        return NetworkFill(self.means, grain=self.params.grain)
