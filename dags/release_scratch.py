"""Let go of working files that finished reels no longer need.

**What it does.** A restored reel leaves its segments, as large as the restoration itself, in the vault. Once the master
is joined, checked, approved and packaged they are needed no more, and can be made again from the preservation master
and the plan. This DAG finds them and, if the form says so, lets them go. Masters, copies, damage maps, plans, figures,
reports and packages always stay.

**Look first.** Press *Trigger* and leave the form as it is: the log of *say_what_could_go* names the reels and how much
each would free. Nothing changes.

**Let go.** Press *Trigger* and tick *Let the files go*; a reel id limits it to one reel. What went is an event in the
reel's chain, *deletion*, that names the files; audits no longer look for them.

**What it leaves alone.** Reels that are not restored and packaged, that a run works on, that were worked on again since
they were packaged, or of which any file is damaged or gone.

**When something is red.** The last line of the task's log says which file could not be removed. Put that right and
clear the task: it goes on.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from reelkeeper_airflow.scratch.release import asked_for, let_go, release_form, say_what_could_go


@dag(
    dag_id="release_scratch",
    dag_display_name="Let go of working files",
    doc_md=__doc__,
    description="Says what finished reels no longer need, and lets it go when asked to",
    schedule=None,
    catchup=False,
    params=release_form(),
    max_active_runs=1,
    tags=["preservation"],
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def release_scratch() -> None:
    """Say what could go; let it go only where that was asked for."""
    asked_for(say_what_could_go()) >> let_go()


release_scratch()
