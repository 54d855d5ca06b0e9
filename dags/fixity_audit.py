"""Read what is kept again, a part each week, so that rot and loss are found while there is still a good copy.

**What it does.** Each week it reads recorded files whole, the one not read for longest first, until the gigabytes of
the form are used up, and holds each against the sha256 it was recorded with. Each reel that was looked at has one
event more, *fixity check*, that names the files. Where `REELKEEPER_REPLICA_VAULT` names a second vault, the copy there
is read as well; a bad file of ours is made good from a good copy, and what was there is kept in `aside/` of the vault,
never deleted.

**Switch it on.** It is paused until somebody switches it on with the toggle beside its name. How much it reads comes
from `REELKEEPER_AUDIT_GB`, how often every file must be read from `REELKEEPER_AUDIT_DAYS`. To read by hand, press
*Trigger*. `reelkeeper fixity status` says how the archive stands.

**When *report_damage* is red.** A file is damaged or gone, and there was no good copy to repair it from. The last line
names reel, file, the digest expected and the one found, and what to do next; the reel stands in the queue of repairs
(`reelkeeper queue list --purpose repair`) until a later audit finds its files whole or a person releases it. Do not
clear the task: put the file back, and start another audit.

**When *audit* is red.** The vault or its replica could not be read at all, most likely a storage that is not mounted:
nothing is counted as lost then. Put it right and clear the task; it goes on after the last file it has read.

**When *sign_record* is red.** The last task verifies the whole record and signs it into the vault. Red, it names the
reel and the event that are not what was recorded, or the checkpoint that was changed; the operator's guide says what to
do. Whole chains are signed all the same.

**When it says that files are late.** The gigabytes a week are too few to read everything in time; it says how many it
would take.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from reelkeeper_airflow.checkpoint import sign_record
from reelkeeper_airflow.fixity.audit import audit_form, read_again, report_damage
from reelkeeper_airflow.notify import Occasion, TellStaff


@dag(
    dag_id="fixity_audit",
    dag_display_name="Audit what is kept",
    doc_md=__doc__,
    description="Reads recorded files again, finds rot and loss, repairs from a replica",
    schedule="0 6 * * 6",
    catchup=False,
    is_paused_upon_creation=True,
    params=audit_form(),
    max_active_runs=1,
    tags=["preservation"],
    on_failure_callback=TellStaff(Occasion.FAILED),
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def fixity_audit() -> None:
    """Read, then speak up, and sign the record of it."""
    read = read_again()
    report_damage(read)
    read >> sign_record()


fixity_audit()
