"""Tell another catalogue of restorations that it has not taken yet.

**What it does.** When a reel is catalogued, the address in `REELKEEPER_CATALOGUE_WEBHOOK` is told at once. Where that
fails (the other side is away, or refuses), the message is kept, and this DAG sends it again, every hour at first and
then twice a day, until it is taken: a reel's messages in their order, each under the same key, so that whoever gets one
twice can tell. Nothing that is sent holds a person's name.

**Switch it on.** It does nothing by itself while that setting is empty.

**When it is red.** Something has waited for more than a day; the last line of the log says which reel and why. Put that
right. Nothing is lost: it goes on trying. `reelkeeper catalogue send --list` shows what waits,
and `reelkeeper catalogue send` sends it now.
"""

from __future__ import annotations

from airflow.sdk import dag
from reelkeeper_airflow.notify import Occasion, TellStaff
from reelkeeper_airflow.tell import tell, when_to_tell


@dag(
    dag_id="tell_catalogue",
    dag_display_name="Tell the catalogue",
    doc_md=__doc__,
    description="Sends restorations to another catalogue until it has taken them",
    schedule=when_to_tell(),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["catalogue"],
    on_failure_callback=TellStaff(Occasion.FAILED),
    # The next hour tries again.
    default_args={"owner": "restoration", "retries": 0},
)
def tell_catalogue() -> None:
    """Send."""
    tell()


tell_catalogue()
