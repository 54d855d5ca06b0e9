"""The task that reminds people of reels that wait for them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import get_current_context, task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.notify import Message, Occasion, send, site
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)

NAMED = 40
"""Reels named in a message; the rest are counted."""
ACTIONS = "/required_actions"
"""Page of Airflow's UI with all questions that wait."""


@task
def remind() -> dict[str, int]:
    """Tell who may decide which reels have waited too long."""
    from restoration_tasks.catalogue import reels

    run_id, settings = str(get_current_context()["run_id"]), Settings()
    long_ago = datetime.now(UTC) - timedelta(hours=settings.remind_hours)
    with staff_language(), catalogue(settings).begin() as session:
        waiting = [
            f"{reel.id}, since {reel.state_since:%Y-%m-%d}: {reel.title}"
            for reel in reels.awaiting_decision(session, since_before=long_ago)
        ]
    if not waiting:
        log.info("No reel has waited for a decision for longer than %g hours", settings.remind_hours)
        return {"waiting": 0}
    for line in waiting:
        log.info("Waits: %s", line)
    many = "1 reel waits" if len(waiting) == 1 else f"{len(waiting)} reels wait"
    more = [f"and {len(waiting) - NAMED} more"] if len(waiting) > NAMED else []
    named = "\n".join(waiting[:NAMED] + more)
    send(
        Message(
            Occasion.REMINDER,
            f"{many} for a decision",
            f"{many} for a decision, longer than {settings.remind_hours:g} hours already:\n\n{named}",
            site() + ACTIONS,
            f"{run_id}/remind",
            run_id=run_id,
        )
    )
    return {"waiting": len(waiting)}
