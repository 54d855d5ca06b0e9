"""The tasks of a night: look, choose, sum up."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context, task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.nightly.runs import settle
from reelkeeper_airflow.notify import Message, Occasion, send, site
from reelkeeper_airflow.operators.mixin import staff_language
from reelkeeper_airflow.pages.links import file_url
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)


@task
def look() -> dict[str, int]:
    """Take in how runs of before ended, put finished deliveries into the queue, and judge what waits anew."""
    from restoration_tasks.catalogue import nights
    from restoration_tasks.provenance.agents import PROGRAM
    from restoration_tasks.steps import queueing

    context = get_current_context()
    with staff_language():
        settings = Settings()
        ended = settle(context, nights.started)
        with catalogue(settings).begin() as session:
            by_hand = nights.finished_by_hand(session)
            new = queueing.gather(session, settings, by=PROGRAM)
        with catalogue(settings).begin() as session:
            judged = queueing.judge_all(session, settings)
    for reel_id in new:
        log.info("Reel %s was delivered: put into the queue", reel_id)
    log.info("%d reels waiting were judged anew", judged)
    return {"ended": len(ended), "finished_by_hand": len(by_hand), "new": len(new), "judged_anew": judged}


@task
def choose() -> dict[str, Any]:
    """Take the worst first until the hours are used up. Asked again, it has what it took before."""
    from restoration_tasks.catalogue import nights
    from restoration_tasks.steps import queueing

    context = get_current_context()
    batch_id, budget = str(context["run_id"]), float(context["params"]["budget_hours"])
    with staff_language():
        ready = queueing.delivered(Settings())
        with catalogue().begin() as session:
            night = nights.take(session, batch_id, budget, ready)
    for reel in night.taken:
        log.info("Takes %s: priority %.1f (%s), %.2f h", reel.reel_id, reel.priority, reel.basis, reel.device_h)
    for reel in night.passed_over:
        log.info("Passes over %s: priority %.1f, but %.2f h do not fit", reel.reel_id, reel.priority, reel.device_h)
    log.info("%d reels, %.2f of %g hours", len(night.taken), night.device_h, budget)
    if night.undelivered:
        log.info("%d reels as urgent as these wait to be scanned", night.undelivered)
    return {
        "reels": len(night.taken),
        "device_h": round(night.device_h, 3),
        "passed_over": len(night.passed_over),
        "undelivered": night.undelivered,
    }


@task
def runs_to_start(chosen: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the catalogue knows what was chosen
    """Hand on the runs to start, one mapped task each, the worst first."""
    from restoration_tasks.catalogue import nights

    context = get_current_context()
    with staff_language(), catalogue().begin() as session:
        found = nights.taken(session, str(context["run_id"]))
    # The profile a reel was queued with goes before the night's.
    night = {"profile": context["params"]["profile"]}
    return [{"trigger_run_id": reel.run_id, "conf": {**night, **reel.form, "reel_id": reel.reel_id}} for reel in found]


@task(trigger_rule="all_done")
def sum_up(chosen: dict[str, Any] | None) -> dict[str, Any]:
    """Write the summary for the morning, and turn red if reels could not be chosen or started."""
    from restoration_tasks.catalogue import checks, nights
    from restoration_tasks.report.night import summarise
    from restoration_tasks.runtime.vault import Vault

    context = get_current_context()
    batch_id = str(context["run_id"])
    with staff_language():
        with catalogue().begin() as session:
            entries = nights.outcome(session, batch_id)
            found = {one.reel_id: checks.of_run(session, one.reel_id, one.run_id or "") for one in entries}
            summary = summarise(
                batch_id,
                entries,
                budget_h=float(context["params"]["budget_hours"]),
                took_h=nights.hours_taken(session, batch_id),
                checks={reel_id: one for reel_id, one in found.items() if one is not None},
                passed_over=(chosen or {}).get("passed_over", 0),
                undelivered=(chosen or {}).get("undelivered", 0),
            )
        uri = summary.write(Vault(Settings().vault_root))
        for line in summary.text.splitlines():
            log.info("%s", line)
        log.info("The same as a page: %s", file_url(uri))
        send(
            Message(
                Occasion.NIGHT,
                f"The night of {context['dag_run'].run_after:%Y-%m-%d}: {_counted(summary.counts)}",
                summary.text,
                site() + file_url(uri),
                f"{batch_id}/night",
                run_id=batch_id,
            )
        )
        if chosen is None:
            raise StepFailed("this night chose no reels", action="read the red task above, put that right and clear it")
        if summary.unstarted:
            raise StepFailed(
                f"{len(summary.unstarted)} reels of this night could not be started",
                reel=summary.unstarted[0],
                action="read the red 'start_reel' of it, put that right and clear it; the others are not started again",
            )
    return {"summary": uri, **summary.counts}


def _counted(counts: dict[str, int]) -> str:
    """What became of a night's reels, for a subject line.

    >>> _counted({"taken": 3, "waiting_for_a_decision": 2, "done": 0, "held_back": 1})
    '3 taken, 2 waiting for a decision, 1 held back'
    """
    told = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    return ", ".join(told) or "no reels"
