"""Restore the worst reels of the queue by night, as many as fit into the hours given.

**What it does.** Every evening it puts finished deliveries that nobody knows yet into the queue, judges what waits
anew, takes the worst first until the hours are used up, and starts *Restore a reel* for each, so many at once as the
form says. It waits for no person: a restoration that is ready waits in *Required Actions* until the morning, and does
not hold up the next reel. At the end it writes a summary, then verifies the whole record and signs it into the vault.

**Switch it on.** It is paused until somebody switches it on with the toggle beside its name. Hours and reels at once
come from the settings `REELKEEPER_NIGHT_HOURS` and `REELKEEPER_NIGHT_REELS`, the time it begins from
`REELKEEPER_NIGHT_SCHEDULE`. To fill a night by hand, press *Trigger*
and say how many hours.

**In the morning.** Read the log of *sum_up*, or the page it names: each reel with its urgency, what that rests on, the
hours it was to take and took, and where it stands. Then answer what waits in *Required Actions*.

**What it takes.** The queue goes by priority: a person's override, else the urgency by the reel's condition, else by
what was read off its carrier, else by its age. `reelkeeper queue list` shows it; `reelkeeper queue override`, `hold`
and `release` change it, with your name and a reason. A reel too long for the hours that are left is passed over, and
the summary says so. A reel that has not been scanned cannot be restored; it keeps its place.

**When something is red.** The last line of the red task's log says what to do. Clear the task: what was started before
is not started again. A reel whose run failed is *held back* until somebody has looked and releases it.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from reelkeeper_airflow.checkpoint import sign_record
from reelkeeper_airflow.nightly.form import night_form, night_schedule
from reelkeeper_airflow.nightly.night import choose, look, runs_to_start, sum_up
from reelkeeper_airflow.nightly.runs import RESTORES, StartReel, WaitUntilWorked
from reelkeeper_airflow.notify import Occasion, TellStaff


@dag(
    dag_id="nightly_batch",
    dag_display_name="Work the queue by night",
    doc_md=__doc__,
    description="Starts the most urgent reels of the queue within a budget of hours",
    schedule=night_schedule(),
    catchup=False,
    is_paused_upon_creation=True,
    params=night_form(),
    max_active_runs=1,
    tags=["restoration", "queue"],
    on_failure_callback=TellStaff(Occasion.FAILED),
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def nightly_batch() -> None:
    """Look, choose, start, wait for machines alone, sum up."""
    looked = look()
    chosen = choose()
    # A run id says which night it is of: a run that was started before is skipped.
    started = StartReel.partial(
        task_id="start_reel",
        trigger_dag_id=RESTORES,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['reel_id'] }}",
    ).expand_kwargs(runs_to_start(chosen))
    # However the starts went: the morning needs its summary most when something went wrong.
    worked = WaitUntilWorked(task_id="wait_until_worked", trigger_rule="all_done")
    summary = sum_up(chosen)

    looked >> chosen
    started >> worked >> summary >> sign_record()


nightly_batch()
