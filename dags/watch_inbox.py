"""Start every reel the scanner has finished delivering.

**What it does.** The scanner (or a person) puts an empty file that ends in `.ready` into the delivery folder, or beside
it as `NAME.ready`, when everything is there. Within seconds this DAG starts *Restore a reel* for it. The reel id is the
folder's name; a delivery that holds `reel 01`, `reel 02` … starts one run for each. Nothing in the inbox is ever moved,
changed or deleted.

**Switch it on.** It is paused until somebody switches it on with the toggle beside its name, so that an archive that
starts its reels by hand is not surprised.

**What it leaves alone.** A reel the catalogue knows already is not started again, also when its delivery is marked
anew: press *Trigger* on *Restore a reel* for that.

**When something is red.** *report_unfit* lists deliveries that cannot be started, for example because no reel id can be
made of the folder's name. Put them right, then *Clear* the first task of the run.

**Look now.** Press *Trigger* to look into the inbox at once; nothing has to be filled in.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag
from reelkeeper_airflow.inbox.start import look_into_inbox, report_unfit, runs_to_start
from reelkeeper_airflow.inbox.trigger import inbox_asset


@dag(
    dag_id="watch_inbox",
    dag_display_name="Watch the inbox",
    doc_md=__doc__,
    description="Starts a run for each reel the scanner has marked as finished",
    schedule=[inbox_asset()],
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    tags=["restoration", "ingest"],
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def watch_inbox() -> None:
    """Look, start what is new, say what cannot be started."""
    found = look_into_inbox()
    # A run id says which delivery of which reel it is for: one that was started before is skipped.
    TriggerDagRunOperator.partial(
        task_id="start_reel",
        trigger_dag_id="restore_reel",
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['reel_id'] }}",
    ).expand_kwargs(runs_to_start(found))
    report_unfit(found)


watch_inbox()
