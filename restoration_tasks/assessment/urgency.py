"""How urgent a reel is: what is decaying and how far, how fast the carrier goes, and whether there is another copy.

    picture = 1 − Π (1 − weight · severity / 100)            over the categories
    carrier = 1 − Π (1 − reading)                             A-D strip, shrinkage, smell
    urgency = 100 · (½ + ½ · uniqueness) · (1 − (1 − picture) · (1 − carrier))

Each part can only raise the urgency, none can hide another, and the result stays between 0 and 100. The weights say how
much of a category is *decay that goes on*: a fade and a mould grow in the can, a scratch does not. They are the
project's own judgement, to be argued about in one place. Levels of A-D strips are the Image Permanence Institute's
("User's Guide for A-D Strips", 2001): 0 no deterioration, 1 it begins, 1.5 the autocatalytic point, 2 active,
3 critical. A shrinkage of 0.8 to 1 % is where projection and scanning become difficult (National Film Preservation
Foundation, "The Film Preservation Guide", 2004, chapter 2), 2 % where it fails on ordinary gates.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.gauge import Category

WEIGHTS: Mapping[Category, float] = {
    Category.FADE: 0.9,
    # Less than mould deserves, until the gauge holds what is asked of it (docs/condition.md).
    Category.STAIN: 0.3,
    Category.TEAR: 0.6,
    Category.MISSING: 0.5,
    Category.WEAVE: 0.2,
    Category.FLICKER: 0.2,
    Category.DIRT: 0.2,
    Category.SCRATCH: 0.3,
    Category.BLUR: 0.1,
    Category.GRAIN: 0.1,
    Category.CLIPPING: 0.05,
    Category.BLOCKING: 0.05,
    Category.TEXT: 0.0,  # a finding, no damage
}
AD_LEVELS = ((0.0, 0.0), (1.0, 0.35), (1.5, 0.65), (2.0, 0.85), (3.0, 1.0))
"""A-D strip level to how urgent that alone is."""
SHRINKAGE = ((0.3, 0.0), (0.8, 0.4), (1.2, 0.7), (2.0, 1.0))
"""Per cent of shrinkage to the same."""
SMELL = {"none": 0.0, "slight": 0.35, "strong": 0.75}


def urgency(severities: Mapping[Category, float], carrier: CarrierReadings) -> float:
    """The urgency of a reel, 0 … 100.

    Args:
        severities: of the reel, 0 … 100 by category; what was not measured is left out.
        carrier: what the catalogue knows.
    """
    kept = [1.0 - WEIGHTS[category] * severity / 100.0 for category, severity in severities.items()]
    picture = 1.0 - float(np.prod(kept))
    both = 1.0 - (1.0 - picture) * (1.0 - carrier_urgency(carrier))
    return round(100.0 * (0.5 + 0.5 * carrier.uniqueness) * both, 1)


def _between(value: float, knots: tuple[tuple[float, float], ...]) -> float:
    return float(np.interp(value, [knot[0] for knot in knots], [knot[1] for knot in knots]))


def carrier_urgency(carrier: CarrierReadings) -> float:
    """0–1, of the carrier alone; 0 where nothing was read."""
    parts = [
        0.0 if carrier.ad_strip_level is None else _between(carrier.ad_strip_level, AD_LEVELS),
        0.0 if carrier.shrinkage_percent is None else _between(carrier.shrinkage_percent, SHRINKAGE),
        SMELL[carrier.smell or "none"],
    ]
    return float(1.0 - np.prod([1.0 - part for part in parts]))
