"""How urgent a reel is that nobody has looked at yet: by what staff read off its carrier, else by its age.

    carrier read:    urgency = 100 · (½ + ½ · uniqueness) · carrier
    only age known:  urgency = 100 · (½ + ½ · uniqueness) · ½ · (1 − 2^(−years / half-life))
    nothing known:   25

`carrier` is that of `urgency.py`, so that a reel keeps its place when its picture is assessed and found sound. A
reading takes the place of age: it measures what age can only guess. Age alone never says more than half, since nobody
has looked; a reel of which nothing is known stands in the middle of what age can say, neither first nor forgotten.

The half-life is the time in which acetate film at 18 °C and 50 % relative humidity comes to the onset of vinegar
syndrome, about 50 years (Reilly, "IPI Storage Guide for Acetate Film", Image Permanence Institute 1993). Nitrate is
taken to be as stable as acetate and polyester ten times as stable: this project's own judgement, like the half.
"""

from __future__ import annotations

from collections.abc import Mapping

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.urgency import carrier_urgency

HALF_LIFE_YEARS: Mapping[str, float] = {"nitrate": 50.0, "acetate": 50.0, "polyester": 500.0}
MOST_BY_AGE = 0.5
NOTHING_KNOWN = 25.0
"""Half of what age can say."""


def by_carrier(carrier: CarrierReadings) -> float:
    """The urgency by readings alone, 0 … 100; the picture is taken to be sound."""
    return _of(carrier_urgency(carrier), carrier.uniqueness)


def by_age(years: float, base: str | None, uniqueness: float = 1.0) -> float:
    """The urgency by age alone, 0 … 50.

    Args:
        years: since the film was made; less than none counts as none.
        base: `nitrate`, `acetate` or `polyester`; None counts as acetate.
        uniqueness: as in `CarrierReadings`.
    """
    gone = 1.0 - 2.0 ** (-max(years, 0.0) / HALF_LIFE_YEARS[base or "acetate"])
    return _of(MOST_BY_AGE * gone, uniqueness)


def _of(risk: float, uniqueness: float) -> float:
    return round(100.0 * (0.5 + 0.5 * uniqueness) * risk, 1)
