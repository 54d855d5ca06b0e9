"""Reels for the tests of revert: ingested by the real step, their shots stated instead of found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from restoration_tasks.assessment.shots import Shot, shots_json
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.revert.record import Ingested
from restoration_tasks.steps.way import Way

ASKS = Execution("test")


def taken_in(
    settings: Settings, reel_id: str, delivery: Path, shots: Sequence[tuple[int, int]], **options: object
) -> tuple[Ingested, list[Segment]]:
    """A reel with its preservation master and its list of shots, in the vault of the settings."""
    segments = cut_segments(shots)
    way = Way(reel_id, settings, RunOptions.model_validate({"delivery": str(delivery), **options}))
    ingest = run_step(way.ingest(ASKS), definition(StepName.INGEST), settings)

    def write_shots(work: StepWork) -> None:
        listed = [Shot(number, *bounds) for number, bounds in enumerate(shots, start=1)]
        work.output("shots", "shots.json", media_type="application/json").write_text(shots_json(listed))

    listing = StepDefinition(StepName.SHOTS, definition(StepName.SHOTS).version, write_shots)
    run_step(way.shots(ASKS, ingest), listing, settings)
    return Ingested(way, ingest), segments


def assessed(reel: Ingested, segments: Iterable[Segment]) -> Ingested:
    """The reel with the damage of its segments measured."""
    specs = {segment.id: reel.way.assess(ASKS, reel.ingest, segment) for segment in segments}
    for spec in specs.values():
        run_step(spec, definition(StepName.ASSESS), reel.way.settings)
    return replace(reel, assessments={segment: spec.signature for segment, spec in specs.items()})


def plan_of(reel_id: str, segments: Iterable[Segment], treatments: Sequence[Sequence[PlannedTreatment]]) -> Plan:
    """A plan of shots that are a segment each."""
    shots = (
        PlannedShot(shot=segment.shot, start=segment.start, stop=segment.stop, treatments=tuple(planned))
        for segment, planned in zip(segments, treatments, strict=True)
    )
    return Plan(reel_id=reel_id, shots=tuple(shots))
