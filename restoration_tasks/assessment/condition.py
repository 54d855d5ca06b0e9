"""The condition record of a reel: a verdict per shot and category, the reel's severities, and how urgent that is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.decide import ShotFigures
from restoration_tasks.assessment.dirt import dirt_severity
from restoration_tasks.assessment.faces import Faces, ShotFaces, faces_of_shot
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts, Verdict
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings, gauges
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.urgency import urgency
from restoration_tasks.runtime.errors import MediaError

FORMAT = "reelkeeper.condition/1"
NOTHING = 5.0
"""Severity up to which nobody need look."""
LOCAL_CODES = 0.5
"""8-bit codes from which it is said that flicker differs over the picture."""
NO_FACES = "faces were not looked for: run `reelkeeper models install centerface` and assess again"
"""What staff read where they were not."""


@dataclass(frozen=True)
class ShotCondition:
    """How one shot stands."""

    facts: ShotFacts
    verdicts: tuple[Verdict, ...]
    """One a category that was measured."""
    faces: ShotFaces | None = None
    """Its faces; None where nobody looked for them."""
    shot: Shot | None = None
    """How it begins and ends, and what stands out in it; None for a part of a survey."""

    @property
    def worst(self) -> Verdict | None:
        """Its worst category; None where there is nothing to look at."""
        seen = [verdict for verdict in self.verdicts if verdict.severity > NOTHING]
        return max(seen, key=lambda verdict: verdict.severity, default=None)


def shot_conditions(
    measured: Sequence[ShotFigures],
    readings: Sequence[FrameReadings],
    scan: Scanned,
    faces: Faces | None = None,
) -> list[ShotCondition]:
    """The condition of every shot.

    Args:
        measured: what the plan measured of each shot, in order of the reel.
        readings: of every frame, in any order.
        scan: what was scanned.
        faces: of the frames that were looked at for them; None where none was.

    Raises:
        MediaError: a frame was not read.
    """
    rows = {row.frame: row for row in readings}
    conditions = []
    for figures in measured:
        shot = figures.shot
        facts = ShotFacts(shot.number, shot.start, shot.stop, scan)
        missing = next((frame for frame in range(shot.start, shot.stop) if frame not in rows), None)
        if missing is not None:
            raise MediaError(
                f"shot {shot.number} was not read whole", frame=missing, action="clear the assessment of that shot"
            )
        own = [rows[frame].by for frame in range(shot.start, shot.stop)]
        if shot.kind is not PartKind.PICTURE:
            conditions.append(ShotCondition(facts, (), shot=shot))
            continue
        seen = faces_of_shot(faces or {}, shot.start, shot.stop)
        verdicts = (*_planned(figures), *_with_flicker(judged(own, facts), figures, scan))
        conditions.append(ShotCondition(facts, verdicts, seen, shot))
    return conditions


def judged(rows: Sequence[Mapping[Category, Any]], facts: ShotFacts) -> tuple[Verdict, ...]:
    """What every gauge says of a shot by its readings, one row a frame."""
    return tuple(gauge.judge([row[gauge.category] for row in rows], facts) for gauge in gauges())


def _planned(figures: ShotFigures) -> tuple[Verdict, ...]:
    """What the plan's own detectors say of a shot, in the same form."""
    area, tracks = figures.dirt_area, len(figures.scratches)
    return (
        dirt_verdict(area),
        Verdict(
            Category.SCRATCH,
            figures.scratch_severity,
            1.0,
            f"{tracks} scratch{'' if tracks == 1 else 'es'} run along the film." if tracks else "No scratch runs here.",
            {"tracks": tracks},
        ),
    )


def _with_flicker(verdicts: Sequence[Verdict], figures: ShotFigures, scan: Scanned) -> Iterator[Verdict]:
    """The gauges' verdicts; for that of flicker what the plan measured, which knows of flashes and fades."""
    for verdict in verdicts:
        if verdict.category is not Category.FLICKER:
            yield verdict
            continue
        amplitude, local = figures.flicker_amplitude, figures.flicker_local
        words = f"Brightness jumps by {amplitude:.1f} of 255 code values from frame to frame"
        told: dict[str, float | int | bool | str | None] = {
            "amplitude_codes": round(amplitude, 3),
            "local_codes": local,
        }
        if figures.flicker_rhythm is not None:
            told["rhythm_hz"] = round(figures.flicker_rhythm * scan.fps, 2)
            told["rhythm_frames"] = round(1 / figures.flicker_rhythm, 2)
            words += f", again and again every {told['rhythm_frames']} frames"
        if local >= LOCAL_CODES:
            words += f"; it differs over the picture by {local:.1f}"
        yield Verdict(Category.FLICKER, figures.flicker_severity, 1.0, f"{words}.", told)


def dirt_verdict(area: float, worst_frame: int | None = None) -> Verdict:
    """Of the mean share of the picture under dirt and hairs."""
    words = f"Dirt and hairs cover {100 * area:.2f} % of the picture on average."
    return Verdict(Category.DIRT, dirt_severity(area), 1.0, words, {"area_share": round(area, 7)}, worst_frame)


def reel_severity(pairs: Sequence[tuple[float, int]]) -> float:
    """The severity of a reel from those of its shots and their lengths, 0 … 100.

    The root mean square over the frames: a reel with a bad tenth is worse than its mean says, and not as bad as that
    tenth.
    """
    frames = sum(count for _, count in pairs)
    return float(np.sqrt(sum(severity**2 * count for severity, count in pairs) / frames)) if frames else 0.0


def reel_severities(conditions: Sequence[ShotCondition]) -> dict[Category, float]:
    """Every category's severity over the reel; text on screen has none."""
    pairs: dict[Category, list[tuple[float, int]]] = {}
    for condition in conditions:
        for verdict in (one for one in condition.verdicts if one.category is not Category.TEXT):
            pairs.setdefault(verdict.category, []).append((verdict.severity, condition.facts.frames))
    return {category: round(reel_severity(found), 1) for category, found in pairs.items()}


def worst_verdicts(conditions: Sequence[ShotCondition]) -> dict[Category, tuple[ShotCondition, Verdict]]:
    """For each category that is worth looking at, the first shot that has most of it, worst category first."""
    worst: dict[Category, tuple[ShotCondition, Verdict]] = {}
    for condition in conditions:
        for verdict in condition.verdicts:
            held = worst.get(verdict.category)
            if verdict.severity > NOTHING and (held is None or verdict.severity > held[1].severity):
                worst[verdict.category] = (condition, verdict)
    return dict(sorted(worst.items(), key=lambda pair: -pair[1][1].severity))


def reel_urgency(conditions: Sequence[ShotCondition], carrier: CarrierReadings) -> float:
    """The urgency of a reel, 0 … 100, by its shots and what was read off its carrier."""
    return urgency(reel_severities(conditions), carrier)


def condition_json(conditions: Sequence[ShotCondition], carrier: CarrierReadings) -> str:
    """The text of `condition.json`; the same readings give the same bytes."""
    severities = reel_severities(conditions)
    content = {
        "format": FORMAT,
        "frames": sum(condition.facts.frames for condition in conditions),
        "severities": {category.value: severity for category, severity in severities.items()},
        "carrier": carrier.model_dump(mode="json"),
        "urgency": reel_urgency(conditions, carrier),
        "shots": [
            {
                "shot": condition.facts.number,
                "start": condition.facts.start,
                "stop": condition.facts.stop,
                "kind": condition.shot.kind.value if condition.shot else PartKind.PICTURE.value,
                "verdicts": [_as_json(verdict) for verdict in condition.verdicts],
                "faces": condition.faces.as_json() if condition.faces else None,
            }
            for condition in conditions
        ],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _as_json(verdict: Verdict) -> Mapping[str, Any]:
    return asdict(verdict) | {"category": verdict.category.value, "severity": round(verdict.severity, 2)}
