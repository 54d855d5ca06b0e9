"""Publishing a restoration: what a run made enters the catalogue, and the papers of its package are gathered."""

from __future__ import annotations

from collections.abc import Iterator

from restoration_tasks.catalogue import outbox, waivers
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.publish import publish
from restoration_tasks.provenance.agents import PROGRAM
from restoration_tasks.runtime.spec import OutputFile, Reference, StepResult
from restoration_tasks.steps.documents import gather
from restoration_tasks.steps.package import PLACES
from restoration_tasks.steps.way import Way

PLAN = "plan"


def publish_restoration(
    sessions: Sessions,
    way: Way,
    *,
    run_id: str,
    execution_id: str,
    ingested: StepResult,
    assembled: StepResult,
    checked: StepResult,
    plan: Reference,
    plan_version: int,
) -> dict[str, Reference]:
    """Catalogue an approved restoration, tell whoever is to be told, and give the papers its package takes along.

    Args:
        sessions: of the catalogue.
        way: of the reel.
        run_id: the run, which holds an approval.
        execution_id: the execution of the catalogue task.
        ingested: the scan it was made from.
        assembled: masters and copies.
        checked: what the check found.
        plan: the plan version that was carried out.
        plan_version: its number.

    Returns:
        Documents by the role they have in the package.

    Raises:
        CheckRefused: the check of this run refused it, and nobody has waived that.
        ReelkeeperError: as `publish` and `gather` say.
    """
    with sessions.begin() as session:
        waived = waivers.require_passed_or_waived(session, way.reel_id, run_id)
    published = publish(
        sessions,
        way.vault,
        way.reel_id,
        run_id=run_id,
        execution_id=execution_id,
        state=ReelState.RESTORED,
        signing_key=way.settings.signing_key_file,
        products=(ingested.output("master"), *assembled.outputs),
        beside=tuple(_beside(ingested, checked, plan)),
        places=PLACES,
        plan_version=plan_version,
        waived=waived,
        participants=(PROGRAM,),
    )
    outbox.announce(sessions, way.settings, published, run_id=run_id)
    return gather(sessions, way.vault, way.reel_id, published, plan)


def _beside(ingested: StepResult, checked: StepResult, plan: Reference) -> Iterator[OutputFile]:
    """What METS lists beside the products: the rest of what ingest made, the plan, and what the check wrote of it."""
    yield from ingested.outputs
    yield OutputFile(name=PLAN, media_type="application/yaml", **plan.model_dump())
    yield from (output for output in checked.outputs if output.name in PLACES)
