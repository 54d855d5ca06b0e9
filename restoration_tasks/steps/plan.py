"""Step `plan`: join what was measured and decide, shot by shot, what is done and why."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.restoration.enlargement import EnlargeChoice, Enlargement
from restoration_tasks.runtime.errors import StepFailed, about_reel
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork


class PlanParams(BaseModel):
    """What the plan may use, and where this version stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    treatments: tuple[Literal["dirt", "scratches", "flicker", "fade"], ...] = ("dirt", "scratches", "flicker", "fade")
    engine: Literal["network", "classical"] = "network"
    """The detector that measured; its repair is asked for as well."""
    strength: Literal["gentler", "same", "stronger"] = "same"
    enlarge: EnlargeChoice = "no"
    """A larger version of the reel beside the restoration."""
    carrier: CarrierReadings = CarrierReadings()
    """What staff read off the carrier."""
    version: int = Field(default=1, ge=1)
    parent: int | None = None
    author: str = "reelkeeper"
    reason: str = "first plan, from the damage measured"


def run(work: StepWork) -> None:
    """Write `plan.yaml`, and the reel's condition as a record (`condition.json`) and a page (`condition.html`).

    Raises:
        StepFailed: a segment was not assessed.
        ModelError: the network of the larger version asked for is not installed, or has other bytes than are pinned.
        DecisionNeeded: nobody has accepted its licence.
    """
    from restoration_tasks.assessment.condition import NO_FACES, shot_conditions
    from restoration_tasks.assessment.decide import Strength, decide
    from restoration_tasks.assessment.dye_loss import dye_losses
    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.faces import joined, read_faces
    from restoration_tasks.assessment.figures import read_figures
    from restoration_tasks.assessment.lines import read_lines
    from restoration_tasks.assessment.readings import lights_of, read_readings
    from restoration_tasks.assessment.shots import read_shots
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.condition import Found, write_condition

    params = work.parse_params(PlanParams)
    enlarge = Enlargement.of(params.enlarge)
    if enlarge is not None:
        with about_reel(work.reel_id):
            Shelf.of(work.settings).require(enlarge.network)
    shots_path = work.input("shots")
    shots, segments = read_shots(shots_path.read_bytes(), source=shots_path)
    rows, lines, readings, scan = [], [], [], None
    for place, segment in enumerate(segments, start=1):
        name = f"figures/{segment.id}"
        if name not in work.input_names:
            raise StepFailed(
                f"segment {segment.id} was not assessed",
                reel=work.reel_id,
                action="clear the assessment of that segment",
            )
        rows += read_figures(work.input(name))
        lines += read_lines(work.input(f"lines/{segment.id}"))
        read, scan = read_readings(work.input(f"readings/{segment.id}"))
        readings += read
        work.progress(place, len(segments), "segments")
    decided = decide(
        shots,
        rows,
        params.treatments,
        Strength(params.strength),
        lines=lines,
        engine=Engine(params.engine),
        losses=dye_losses(shots, readings, scan) if scan is not None else {},
        lights=lights_of(readings),
    )
    plan = Plan(
        reel_id=work.reel_id,
        version=params.version,
        parent=params.parent,
        author=params.author,
        reason=params.reason,
        enlarge=enlarge,
        shots=tuple(planned for planned, _ in decided),
    )
    plan.validate_treatments()
    work.output("plan", "plan.yaml", media_type="application/yaml").write_text(plan.to_yaml())
    if scan is not None:
        tables = [work.input(name) for name in work.input_names if name.startswith("faces/")]
        faces = joined(read_faces(table) for table in tables)
        conditions = shot_conditions([figures for _, figures in decided], readings, scan, faces)
        if any(condition.faces is None for condition in conditions):
            work.warn(NO_FACES)
        write_condition(work, Found(conditions, rows, lines, segments), params.carrier)
    work.figure("shots", len(shots))
    work.figure("treated", plan.treated)
    if enlarge is not None:
        work.figure("enlarged", enlarge.words)
    work.figure("plan_version", plan.version)
    work.figure("plan_sha256", plan.sha256)
    work.figure("dirt_severity", round(max((figures.dirt_severity for _, figures in decided), default=0.0), 1))
    work.figure("scratches", sum(len(figures.scratches) for _, figures in decided))
    work.figure("scratch_severity", round(max((figures.scratch_severity for _, figures in decided), default=0.0), 1))
    work.figure("flicker_severity", round(max((figures.flicker_severity for _, figures in decided), default=0.0), 1))


STEP = StepDefinition(name=StepName.PLAN, version="8", run=run)
