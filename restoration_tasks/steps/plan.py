"""Step `plan`: join what was measured and decide, shot by shot, what is done and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.restoration.enlargement import EnlargeChoice, Enlargement
from restoration_tasks.restoration.profile import Followed
from restoration_tasks.restoration.tuning import ALL_TREATMENTS, TreatmentName, Tunings
from restoration_tasks.runtime.errors import StepFailed, about_reel
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from pathlib import Path

    from restoration_tasks.assessment.figures import FrameFigures
    from restoration_tasks.assessment.gauge import Scanned
    from restoration_tasks.assessment.less_grain import GrainFound
    from restoration_tasks.assessment.light import LightRelation
    from restoration_tasks.assessment.lines import Line
    from restoration_tasks.assessment.mending import TearsFound
    from restoration_tasks.assessment.readings import FrameReadings, ReelReadings
    from restoration_tasks.assessment.shots import Shot
    from restoration_tasks.assessment.steadying import GateWeave
    from restoration_tasks.assessment.titling import TextFound
    from restoration_tasks.assessment.unstaining import StainsFound
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.media.table import ByFrame


class PlanParams(BaseModel):
    """What the plan may use, and where this version stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    treatments: tuple[TreatmentName, ...] = ALL_TREATMENTS
    engine: Literal["network", "classical"] = "network"
    """The detector that measured; its repair is asked for as well."""
    strength: Literal["gentler", "same", "stronger"] = "same"
    less_grain: int = Field(default=0, ge=0, le=100)
    """How much of the grain is to go, per cent."""
    enlarge: EnlargeChoice = "no"
    """A larger version of the reel beside the restoration."""
    profile: Followed | None = None
    """The treatment profile that all this comes from."""
    tunings: Tunings = Tunings()
    """What it says of single treatments."""
    carrier: CarrierReadings = CarrierReadings()
    """What staff read off the carrier."""
    version: int = Field(default=1, ge=1)
    parent: int | None = None
    author: str = "reelkeeper"
    reason: str = "first plan, from the damage measured"


@dataclass
class _OfShots:
    """What the readings say of the shots, by their numbers; the lights by frame."""

    weaves: dict[int, GateWeave] = field(default_factory=dict)
    grains: dict[int, GrainFound] = field(default_factory=dict)
    stains: dict[int, StainsFound] = field(default_factory=dict)
    tears: dict[int, TearsFound] = field(default_factory=dict)
    texts: dict[int, TextFound] = field(default_factory=dict)
    lights: ByFrame[LightRelation] | None = None

    def look(self, shot: Shot, rows: Sequence[FrameReadings], scan: Scanned) -> None:
        """Take what the readings of a shot say."""
        from restoration_tasks.assessment.less_grain import grain_found
        from restoration_tasks.assessment.mending import tears_found
        from restoration_tasks.assessment.readings import lights_of
        from restoration_tasks.assessment.steadying import gate_weaves
        from restoration_tasks.assessment.titling import texts_found
        from restoration_tasks.assessment.unstaining import stains_found

        self.weaves |= gate_weaves([shot], rows, scan)
        self.grains |= grain_found([shot], rows, scan)
        self.stains |= stains_found([shot], rows, scan)
        self.tears |= tears_found([shot], rows, scan)
        self.texts |= texts_found([shot], rows, scan)
        self.lights = lights_of(rows, self.lights)


def run(work: StepWork) -> None:
    """Write `plan.yaml`, and the reel's condition as a record (`condition.json`) and a page (`condition.html`).

    Raises:
        StepFailed: a segment was not assessed.
        ModelError: a network that what is asked for needs is not installed, or has other bytes than are pinned.
        DecisionNeeded: nobody has accepted its licence.
    """
    from restoration_tasks.assessment.condition import NO_FACES, shot_conditions
    from restoration_tasks.assessment.decide import Strength, decide
    from restoration_tasks.assessment.dye_loss import dye_losses
    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.faces import joined, read_faces
    from restoration_tasks.assessment.gauge import Category
    from restoration_tasks.assessment.less_grain import models_asked
    from restoration_tasks.assessment.portraying import portrait_tracks
    from restoration_tasks.assessment.shots import read_shots
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.condition import Found, write_condition

    params = work.parse_params(PlanParams)
    enlarge = Enlargement.of(params.enlarge)
    shelf = Shelf.of(work.settings)
    with about_reel(work.reel_id):
        for name in models_asked(enlarge, params.less_grain, Engine(params.engine)):
            shelf.require(name)
    shots_path = work.input("shots")
    shots, segments = read_shots(shots_path.read_bytes(), source=shots_path)
    rows, lines, readings = _measured(work, segments)
    scan, found = readings.scan, _OfShots()
    if scan is not None:
        for shot in shots:
            found.look(shot, readings.of(shot), scan)
    tables = [work.input(name) for name in work.input_names if name.startswith("faces/")]
    faces = joined(read_faces(table) for table in tables)
    decided = decide(
        shots,
        rows,
        params.treatments,
        Strength(params.strength),
        lines=lines,
        engine=Engine(params.engine),
        losses=dye_losses(shots, readings.only(Category.FADE), scan) if scan is not None else {},
        weaves=found.weaves,
        grains=found.grains,
        less_grain=params.less_grain / 100,
        lights=found.lights or {},
        stains=found.stains,
        tears=found.tears,
        texts=found.texts,
        portraits=portrait_tracks(shots, faces),
        tunings=params.tunings,
    )
    plan = Plan(
        reel_id=work.reel_id,
        version=params.version,
        parent=params.parent,
        author=params.author,
        reason=params.reason,
        **_followed(params.profile),
        enlarge=enlarge,
        shots=tuple(planned for planned, _ in decided),
    )
    plan.validate_treatments()
    work.output("plan", "plan.yaml", media_type="application/yaml").write_text(plan.to_yaml())
    if scan is not None:
        conditions = [
            condition
            for _, figures in decided
            for condition in shot_conditions([figures], readings.of(figures.shot), scan, faces)
        ]
        if any(condition.faces is None for condition in conditions):
            work.warn(NO_FACES)
        write_condition(work, Found(conditions, rows, lines, segments), params.carrier)
    work.figure("shots", len(shots))
    work.figure("treated", plan.treated)
    if enlarge is not None:
        work.figure("enlarged", enlarge.words)
    work.figure("profile", plan.profile)
    if plan.profile_sha256 is not None:
        work.figure("profile_sha256", plan.profile_sha256)
    work.figure("plan_version", plan.version)
    work.figure("plan_sha256", plan.sha256)
    work.figure("dirt_severity", round(max((figures.dirt_severity for _, figures in decided), default=0.0), 1))
    work.figure("scratches", sum(len(figures.scratches) for _, figures in decided))
    work.figure("scratch_severity", round(max((figures.scratch_severity for _, figures in decided), default=0.0), 1))
    work.figure("flicker_severity", round(max((figures.flicker_severity for _, figures in decided), default=0.0), 1))


def _followed(profile: Followed | None) -> dict[str, Any]:
    """What the plan keeps of its profile."""
    if profile is None:
        return {}
    return {"profile": profile.name, "profile_sha256": profile.sha256, "instead_of_profile": profile.instead}


def _measured(work: StepWork, segments: Sequence[Segment]) -> tuple[Sequence[FrameFigures], list[Line], ReelReadings]:
    """What was measured of all segments, joined.

    Raises:
        StepFailed: a segment was not assessed.
    """
    from restoration_tasks.assessment.figures import FrameFigures, read_figures
    from restoration_tasks.assessment.lines import read_lines
    from restoration_tasks.assessment.readings import ReelReadings
    from restoration_tasks.media.table import Columns

    rows = Columns(FrameFigures)
    lines: list[Line] = []
    readings: list[tuple[Segment, Path]] = []
    for place, segment in enumerate(segments, start=1):
        name = f"figures/{segment.id}"
        if name not in work.input_names:
            raise StepFailed(
                f"segment {segment.id} was not assessed",
                reel=work.reel_id,
                action="clear the assessment of that segment",
            )
        rows.extend(read_figures(work.input(name)))
        lines += read_lines(work.input(f"lines/{segment.id}"))
        readings.append((segment, work.input(f"readings/{segment.id}")))
        work.progress(place, len(segments), "segments")
    return rows, lines, ReelReadings(readings)


STEP = StepDefinition(name=StepName.PLAN, version="12", run=run)
