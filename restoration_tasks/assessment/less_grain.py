"""Whether a shot's grain is lessened, where a person asked for it, and how it is said: the plan's entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.grain_level import BANDS, NOTICED, GrainGauge, GrainReading
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.models.denoisers import NAME as DENOISER
from restoration_tasks.restoration.denoise import DenoiseEngine
from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.restoration.plan import PlannedTreatment

DECIMALS = 5
"""Of a deviation in the plan: three thousandths of an 8-bit code value."""
LEAST_RADIUS = 0.2


@dataclass(frozen=True)
class GrainFound:
    """The grain of a shot, as the gauge judges it."""

    sigma: tuple[float, float, float]
    """Standard deviation of luma in shadows, middle and lights, shares of the code range; a band that the shot does
    not show has that of its strongest."""
    radius_px: float
    severity: float
    """0–100."""


def grain_found(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, GrainFound]:
    """The grain of each shot by its number; none for parts without a picture, and where nothing could be read.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in any order.
        scan: what was scanned.
    """
    by_frame: Mapping[int, GrainReading] = {row.frame: row.by[Category.GRAIN] for row in readings}
    found = {}
    for shot in shots:
        rows = [by_frame[frame] for frame in range(shot.start, shot.stop) if frame in by_frame]
        if shot.kind is not PartKind.PICTURE or not rows:
            continue
        verdict = GrainGauge().judge(rows, ShotFacts(shot.number, shot.start, shot.start + len(rows), scan))
        read = {
            band: float(verdict.figures[f"{band}_sigma"] or 0.0) for band in BANDS if f"{band}_sigma" in verdict.figures
        }
        if not read:
            continue
        shadows, middle, lights = (round(read.get(band, max(read.values())), DECIMALS) for band in BANDS)
        radius = max(float(verdict.figures["radius_px"] or LEAST_RADIUS), LEAST_RADIUS)
        found[shot.number] = GrainFound((shadows, middle, lights), radius, verdict.severity)
    return found


def models_asked(enlarge: Enlargement | None, less_grain: int, engine: Engine) -> list[str]:
    """Networks from the shelf that what a person asked for cannot be made without.

    Args:
        enlarge: the larger version asked for.
        less_grain: how much of the grain is to go, per cent.
        engine: the engine of the reel.
    """
    names = [enlarge.network] if enlarge else []
    return [*names, DENOISER] if less_grain and engine is Engine.NETWORK else names


def planned_grain(found: GrainFound | None, taken: float, engine: Engine) -> PlannedTreatment | None:
    """The treatment that takes a share of a shot's grain; None where none was asked for or hardly any shows.

    Args:
        found: of the shot; None where nothing could be read.
        taken: the share that is to go, 0–1.
        engine: the engine of the reel; without our networks, nothing but the frames around a frame is used.
    """
    if found is None or taken <= 0 or found.severity <= NOTICED:
        return None
    why = (
        f"{100 * taken:.0f} % less grain was asked for. It has {255 * max(found.sigma):.1f} of 255 code values here "
        f"and is {found.radius_px:.1f} px coarse (severity {found.severity:.0f} of 100); shots from {NOTICED:.0f} on "
        "are treated."
    )
    params: dict[str, JsonValue] = {
        "sigma": list(found.sigma),
        "radius_px": round(found.radius_px, 2),
        "keep": round(1.0 - taken, 4),
        "engine": (DenoiseEngine.NETWORK if engine is Engine.NETWORK else DenoiseEngine.TIME).value,
    }
    return PlannedTreatment(name="grain", params=params, why=why)
