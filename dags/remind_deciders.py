"""Remind those who may decide, each morning, of the reels that have waited for them too long.

**What it does.** It looks which reels have waited for a person's decision for longer than `REELKEEPER_REMIND_HOURS`
(three days, if nobody says otherwise), and sends one message with all of them, the longest waiting first. If none
waits, it sends nothing. It never decides anything: a reel waits until somebody answers.

**Where the message goes.** To the addresses in `REELKEEPER_NOTIFY_MAIL`, and to a program if
`REELKEEPER_NOTIFY_WEBHOOK` says so; the operator's guide says how both are set up. Without either, the reels stand in
this task's log.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from reelkeeper_airflow.remind import remind


@dag(
    dag_id="remind_deciders",
    dag_display_name="Remind of decisions",
    doc_md=__doc__,
    description="Tells people which reels have waited for their decision too long",
    schedule="0 8 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["restoration"],
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def remind_deciders() -> None:
    """Look, and tell."""
    remind()


remind_deciders()
