"""Opening and closing a reel's run: the form is checked, the reel is locked for this run and given back at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from reelkeeper_airflow.operators.outcome import result_at
from reelkeeper_airflow.restore_reel.form import way_from_form
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.lock import DeadHolder
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.way import Way

RUN_IS_OVER = frozenset({"success", "failed"})
NOT_DONE = frozenset({"failed", "upstream_failed"})
"""States of the last task of a run that did not do all it had to."""


@task(retries=0)
def open_reel() -> dict[str, Any]:
    """Check the form, find the delivery, make the reel known and take it for this run; record what is waived."""
    from restoration_tasks.catalogue import lock, nights, reels, waivers
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.steps.carrier import with_carrier

    context = get_current_context()
    with staff_language(), _told_to_the_queue(context["params"]["reel_id"], context["run_id"]):
        way = way_from_form(context["params"], context["dag_run"].conf or {})
        way.require_delivery()
        way.require_asked_models()
        with catalogue(way.settings).begin() as session:
            reels.register(session, way.reel_id, delivery_uri=str(way.delivery))
            dead = dead_holder(session, way.reel_id, context)
            lock.acquire(session, way.reel_id, context["run_id"], dead=dead)
            before = reels.begin_work(session, way.reel_id)
            nights.opened(session, way.reel_id, context["run_id"])
            way = with_carrier(session, way)
            login = context["dag_run"].triggering_user_name
            waivers.record(
                session,
                way.reel_id,
                run_id=context["run_id"],
                waivers=way.options.waivers,
                person=Person(login) if login else None,
            )
    return {"reel_id": way.reel_id, "before": before, "options": way.options.model_dump(mode="json")}


def way_of(reel: Mapping[str, Any]) -> Way:
    """Read what `open_reel` handed on."""
    from restoration_tasks.steps.asked import RunOptions
    from restoration_tasks.steps.way import Way

    return Way(reel["reel_id"], Settings(), RunOptions.model_validate(reel["options"]))


@task
def batches(reel: Mapping[str, Any], shots: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Gather the reel's segments into batches to be assessed, one lane each."""
    return _lanes(StepName.ASSESS, reel, shots)


@task
def restore_batches(
    reel: Mapping[str, Any], shots: Mapping[str, Any], version: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Gather the segments by what the plan does to them; shots it leaves alone cost next to nothing."""
    from restoration_tasks.restoration.plan import Plan

    with staff_language():
        uri = version["plan"]["uri"]
        plan = Plan.from_yaml(way_of(reel).vault.read_bytes(uri) or b"", source=uri)
    return _lanes(StepName.RESTORE, reel, shots, plan)


@task
def larger_batches(
    reel: Mapping[str, Any], shots: Mapping[str, Any], version: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Gather the segments to be enlarged, as for the other lanes; no lane where the plan asks for no larger version."""
    return _lanes(StepName.ENLARGE, reel, shots) if version.get("enlarge") else []


def _lanes(
    step: StepName, reel: Mapping[str, Any], shots: Mapping[str, Any], plan: Plan | None = None
) -> list[dict[str, Any]]:
    """What lanes are mapped over. A lane may hold hundreds of segments, so it is named by its first and last."""
    from restoration_tasks.steps.batching import pace_of

    with staff_language():
        way, run_id = way_of(reel), get_current_context()["run_id"]
        with catalogue(way.settings)() as session:
            pace = pace_of(session, way.settings, way.reel_id, run_id)
        found = way.batches(step, result_at(way.vault, shots), pace, plan)
    return [batch.as_xcom() for batch in found]


@task(retries=3)
def close_reel(reel: Mapping[str, Any]) -> None:
    """Give the reel back, however the run went; one whose run did not get through is *failed*."""
    from restoration_tasks.catalogue import lock, nights, reels
    from restoration_tasks.catalogue.models import ReelState

    context = get_current_context()
    run_id = context["run_id"]
    states = context["ti"].get_task_states(context["dag"].dag_id, task_ids=["package"], run_ids=[run_id])
    surveyed = not way_of(reel).rules.restores
    whole = states.get(run_id, {}).get("package") not in NOT_DONE
    with staff_language(), catalogue().begin() as session:
        if lock.release(session, reel["reel_id"], run_id):
            # nobody can answer a run that is over
            unsaid = (ReelState.IN_WORK, ReelState.AWAITING_DECISION)
            # a run that got through without an end of its own: somebody refused the plan before anything was done,
            # or it only surveyed
            stands = ReelState(reel["before"]) if whole else ReelState.FAILED
            reels.end_work(session, reel["reel_id"], stands, of=unsaid)
        nights.closed(session, reel["reel_id"], run_id, whole=whole, surveyed=surveyed)


@contextlib.contextmanager
def _told_to_the_queue(reel_id: str, run_id: str) -> Iterator[None]:
    """Hold a reel of the queue back, and say why, if its run cannot even be opened."""
    from restoration_tasks.catalogue import nights

    try:
        yield
    except ReelkeeperError as error:
        with contextlib.suppress(ReelkeeperError), catalogue().begin() as session:
            nights.closed(session, reel_id, run_id, whole=False, why=str(error))
        raise


def dead_holder(session: Session, reel_id: str, context: Context) -> DeadHolder | None:
    """Find out whether the run that holds the reel is over without having given it back (its worker was lost)."""
    from restoration_tasks.catalogue import lock
    from restoration_tasks.steps import liveness

    holder = lock.holder(session, reel_id)
    if holder is None or holder.run_id == context["run_id"]:
        return None
    if (dead := liveness.dead_holder(Settings(), holder)) is not None:
        return dead  # a run of the command line
    state = context["ti"].get_dagrun_state(context["dag"].dag_id, holder.run_id)
    if state not in RUN_IS_OVER:
        return None
    return lock.DeadHolder(holder.run_id, f"Airflow says the run ended with {state}")
