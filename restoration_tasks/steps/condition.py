"""What a reel suffers from, written by the step that joins the measurements: a record, and a page to read it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoration_tasks.runtime.step import StepWork

if TYPE_CHECKING:
    from restoration_tasks.assessment.carrier import CarrierReadings
    from restoration_tasks.assessment.condition import ShotCondition
    from restoration_tasks.assessment.figures import FrameFigures
    from restoration_tasks.assessment.lines import Line
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.restoration.damage_map import Map


@dataclass(frozen=True)
class Found:
    """What was measured of a reel."""

    conditions: Sequence[ShotCondition]
    figures: Sequence[FrameFigures]
    lines: Sequence[Line]
    segments: Sequence[Segment]


def write_condition(work: StepWork, found: Found, carrier: CarrierReadings) -> None:
    """Write `condition.json`, and `condition.html` with frames of the master."""
    from restoration_tasks.assessment.condition import condition_json, reel_severities, reel_urgency
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.report.condition import render_condition

    text = condition_json(found.conditions, carrier)
    work.output("condition", "condition.json", media_type="application/json").write_text(text)
    urgent = reel_urgency(found.conditions, carrier)
    work.figure("urgency", urgent)
    work.figure("severities", {category.value: told for category, told in reel_severities(found.conditions).items()})
    master = work.input("master")

    def fetch(frame: int) -> Frame:
        return next(iter(FrameReader(master, start=frame, count=1)))

    page = render_condition(
        reel_id=work.reel_id,
        picture=FrameReader(master, count=1).format,
        conditions=found.conditions,
        urgency=urgent,
        carrier_known=carrier.known,
        figures=found.figures,
        lines=found.lines,
        fetch=fetch,
        fetch_map=lambda frame: _map_of(work, found.segments, frame),
    )
    with work.output("condition_report", "condition.html", media_type="text/html").open("w", encoding="utf-8") as out:
        out.writelines(page)


def _map_of(work: StepWork, segments: Sequence[Segment], frame: int) -> Map | None:
    """The damage map of one frame, all kinds together."""
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.restoration.damage_map import DamageMap

    segment = next((one for one in segments if one.start <= frame < one.stop), None)
    if segment is None:
        return None
    reader = FrameReader(work.input(f"map/{segment.id}"), start=frame - segment.start, count=1)
    return DamageMap.from_frame(next(iter(reader))).any
