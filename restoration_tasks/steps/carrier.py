"""What staff read off a reel's carrier, as the plan step takes it: from rows of the catalogue to numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import carriers
from restoration_tasks.catalogue.queue_models import CarrierReading

if TYPE_CHECKING:
    from restoration_tasks.assessment.carrier import CarrierReadings
    from restoration_tasks.steps.way import Way


def readings_of(row: CarrierReading | None) -> CarrierReadings:
    """A reading in the terms urgency is made of; where nobody read anything, nothing."""
    from restoration_tasks.assessment.carrier import CarrierReadings

    if row is None:
        return CarrierReadings()
    return CarrierReadings(
        ad_strip_level=row.ad_strip_level,
        shrinkage_percent=row.shrinkage_percent,
        smell=None if row.smell is None else row.smell.value,
        uniqueness=row.uniqueness,
    )


def with_carrier(session: Session, way: Way) -> Way:
    """The way of a reel that knows what was read off its carrier when the run began."""
    row = carriers.newest(session, way.reel_id)
    return way if row is None else replace(way, options=way.options.model_copy(update={"carrier": readings_of(row)}))
