"""Decide from the figures what each shot needs. Nothing measured, nothing done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from pydantic import JsonValue

from restoration_tasks.assessment.dirt import dirt_severity
from restoration_tasks.assessment.figures import FrameFigures, tone_relations
from restoration_tasks.assessment.flicker import flicker_curve, flicker_severity
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.plan import PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import PlanError

DIRT_GATE_AREA = 0.0015
"""Mean share of the picture under dirt from which a shot is cleaned. Clean shots full of blinking lights measured up to
0.0007; four prints that look dirty to anyone measured 0.003 to 0.008."""
FLICKER_GATE = 1.0
"""Amplitude (8-bit code values) from which a shot is deflickered; under it no eye sees flicker."""
FLICKER_DECIMALS = 5
"""Decimals a curve keeps in the plan: a hundredth of a code value at 10 bit."""


class Strength(StrEnum):
    """How boldly to treat, compared with the last plan."""

    GENTLER = "gentler"
    SAME = "same"
    STRONGER = "stronger"


_DIRT_THRESHOLD = {Strength.GENTLER: 0.7, Strength.SAME: 0.5, Strength.STRONGER: 0.4}
_FLICKER_AMOUNT = {Strength.GENTLER: 0.7, Strength.SAME: 1.0, Strength.STRONGER: 1.0}
_GATE_SHARE = {Strength.GENTLER: 2.0, Strength.SAME: 1.0, Strength.STRONGER: 0.5}
"""What the gates are multiplied by."""


@dataclass(frozen=True)
class ShotFigures:
    """How damaged one shot is."""

    shot: Shot
    dirt_area: float
    """Mean share of the picture under dirt."""
    dirt_severity: float
    flicker_amplitude: float
    """8-bit code values."""
    flicker_severity: float


def decide(
    shots: Iterable[Shot], figures: Iterable[FrameFigures], treatments: Sequence[str], strength: Strength
) -> list[tuple[PlannedShot, ShotFigures]]:
    """What every shot gets, and the figures that say so.

    Args:
        shots: of the reel, in order.
        figures: of every frame of the reel, in any order.
        treatments: names of the treatments that may be used.
        strength: how boldly.

    Raises:
        PlanError: frames of a shot were not measured.
    """
    rows = {row.frame: row for row in figures}
    return [_decide_shot(shot, _rows_of(shot, rows), treatments, strength) for shot in shots]


def _rows_of(shot: Shot, rows: dict[int, FrameFigures]) -> list[FrameFigures]:
    missing = next((frame for frame in range(shot.start, shot.stop) if frame not in rows), None)
    if missing is not None:
        raise PlanError(
            f"shot {shot.number} was not measured whole", frame=missing, action="clear the assessment of that shot"
        )
    return [rows[frame] for frame in range(shot.start, shot.stop)]


def _decide_shot(
    shot: Shot, rows: list[FrameFigures], treatments: Sequence[str], strength: Strength
) -> tuple[PlannedShot, ShotFigures]:
    area = sum(row.dirt_area for row in rows) / len(rows)
    curve = flicker_curve(tone_relations(rows), sum(row.level for row in rows) / len(rows))
    measured = ShotFigures(shot, area, dirt_severity(area), curve.amplitude, flicker_severity(curve.amplitude))
    planned: list[PlannedTreatment] = []
    gate = _GATE_SHARE[strength]
    if "dirt" in treatments and area >= gate * DIRT_GATE_AREA:
        specks = sum(row.dirt_count for row in rows) / len(rows)
        why = (
            f"Dirt or hair covers {100 * area:.2f} % of the picture on average ({specks:.0f} specks a frame, severity "
            f"{measured.dirt_severity:.0f} of 100); shots are cleaned from {100 * gate * DIRT_GATE_AREA:.3g} %."
        )
        planned.append(PlannedTreatment(name="dirt", params={"threshold": _DIRT_THRESHOLD[strength]}, why=why))
    if "flicker" in treatments and curve.amplitude >= gate * FLICKER_GATE:
        why = (
            f"Brightness jumps by {curve.amplitude:.1f} of 255 code values from frame to frame (severity "
            f"{measured.flicker_severity:.0f} of 100); shots are evened out from {gate * FLICKER_GATE:.1f}."
        )
        params = {
            "gain": [round(tone.gain, FLICKER_DECIMALS) for tone in curve.corrections],
            "offset": [round(tone.offset, FLICKER_DECIMALS) for tone in curve.corrections],
            "amount": _FLICKER_AMOUNT[strength],
        }
        planned.append(PlannedTreatment(name="flicker", params=cast("dict[str, JsonValue]", params), why=why))
    return PlannedShot(shot=shot.number, start=shot.start, stop=shot.stop, treatments=tuple(planned)), measured
