"""Starts a run for each reel of a finished delivery that was never started before."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)


@task
def look_into_inbox() -> dict[str, Any]:
    """Find the reels of finished deliveries that the catalogue does not know yet, and what cannot be started."""
    from restoration_tasks.catalogue import reels
    from restoration_tasks.steps.inbox import look

    with staff_language():
        settings = Settings()
        inbox = look(settings.inbox_folder)
        with catalogue(settings).begin() as session:
            known = reels.known(session, (reel.reel_id for reel in inbox.waiting))
    new = [reel for reel in inbox.waiting if reel.reel_id not in known]
    for reel in new:
        log.info("Reel %s is ready in %s", reel.reel_id, reel.delivery)
    return {
        "runs": [
            {"trigger_run_id": reel.run_id, "conf": {"reel_id": reel.reel_id, "delivery": str(reel.delivery)}}
            for reel in new
        ],
        "unfit": list(inbox.unfit),
    }


@task
def runs_to_start(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Hand on the runs to start, one mapped task each."""
    return list(found["runs"])


@task(retries=0)
def report_unfit(found: dict[str, Any]) -> None:
    """Turn red if a finished delivery could not be started, and say which and why."""
    from restoration_tasks.runtime.errors import DeliveryError

    if not found["unfit"]:
        return
    for line in found["unfit"]:
        log.error("%s", line)
    with staff_language():
        raise DeliveryError(
            f"{len(found['unfit'])} finished deliveries cannot be started; {found['unfit'][0]}",
            action="put them right; then clear this run's first task",
        )
