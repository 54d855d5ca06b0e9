"""Restore a film reel, from the scanner's delivery folder to a catalogued, checked and packaged restoration.

Nothing leaves without the word of a named person.

**Start it.** Press *Trigger* and fill in the reel id, as it is written on the delivery folder. Everything else on the
form has a sensible value already.

**Watch it.** The grid shows the way of the reel from top to bottom. *assess* and *restore* have one lane for each
batch of shots; a lane is called, for example, *batch 2 · shots 3–4*. A task's log shows how many frames are done.
*enlarge* has lanes only where the form asked for a larger version; else it is skipped.

**Decide.** When the restoration is ready, *Required Actions* shows the figures, the report, the before/after comparison
and the restored reel. *Approve* catalogues and packages the reel. *Redo* ends this run and starts the next plan
version, gentler or stronger. *Reject* ends it. What the check refused can be waived instead of approved, with a reason.
Only people on the list of conservators and makers can answer, and the answer is kept with the reel for good.

**When something is red.** The last line of the red task's log says what is wrong and what to do next. Put it right,
then *Clear* the task: finished work is not done again, the rest goes on. Clearing a lane that was green works that lane
and what follows afresh, keeps the old result, and says whether the bytes agree.

**By script.** A run can be started with `{"reel_id": "HK-1967-012_r3"}`; all other fields are optional. One reel has
one run at a time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task_group
from reelkeeper_airflow.notify import Occasion, TellStaff
from reelkeeper_airflow.operators import step
from reelkeeper_airflow.restore_reel.form import trigger_form
from reelkeeper_airflow.restore_reel.people import Decision, PlanReview
from reelkeeper_airflow.restore_reel.record import (
    NEXT_RUN,
    Redo,
    catalogue_reel,
    record_decision,
    record_plan,
    rejected,
)
from reelkeeper_airflow.restore_reel.reel import (
    batches,
    close_reel,
    larger_batches,
    open_reel,
    restore_batches,
)


@dag(
    dag_id="restore_reel",
    dag_display_name="Restore a reel",
    doc_md=__doc__,
    description="From the scanner's delivery to a catalogued, checked and packaged restoration",
    schedule=None,
    catchup=False,
    params=trigger_form(),
    tags=["restoration"],
    on_failure_callback=TellStaff(Occasion.FAILED),
    default_args={"owner": "restoration", "retries": 2, "retry_delay": timedelta(seconds=10)},
    # Runs that wait for a person's decision count: a busy week must not keep the night from starting reels.
    max_active_runs=256,
    max_active_tasks=16,
    render_template_as_native_obj=False,
)
def restore_reel() -> None:
    """Wire the way of a reel, from top to bottom."""
    reel = open_reel()

    ingested = step("ingest", reel=reel).output
    shots = step("shots", reel=reel, inputs={"ingest": ingested}).output
    lanes = batches(reel, shots)

    # Lanes are mapped groups, not mapped tasks: clearing one runs that lane and what follows, never its neighbours.
    @task_group
    def assess(batch: Any) -> None:
        step("assess", task_id="batch", reel=reel, inputs={"ingest": ingested, "shots": shots}, batch=batch)

    assessed = assess.expand(batch=lanes)

    planning = step("plan", reel=reel, inputs={"ingest": ingested, "shots": shots})
    version = record_plan(reel, planning.output)
    review = PlanReview(task_id="review_plan", reel=reel, plan=planning.output, version=version)

    plan_and_shots = {"ingest": ingested, "shots": shots, "version": version}

    @task_group
    def restore(batch: Any) -> None:
        step("restore", task_id="batch", reel=reel, inputs=plan_and_shots, batch=batch)

    restored = restore.expand(batch=restore_batches(reel, shots, version))

    larger_lanes = larger_batches(reel, shots, version)

    @task_group
    def enlarge(batch: Any) -> None:
        step("enlarge", task_id="batch", reel=reel, inputs=plan_and_shots, batch=batch)

    enlarged = enlarge.expand(batch=larger_lanes)

    # Without a larger version there is no lane to enlarge and the group is skipped; the reel goes on all the same. What
    # follows `open_reel`, a set-up, may have no such rule itself.
    larger_or_none = EmptyOperator(task_id="larger_or_none", trigger_rule="none_failed")

    assembling = step("assemble", reel=reel, inputs=plan_and_shots)
    checked = step("check", reel=reel, inputs=plan_and_shots | {"assemble": assembling.output}).output

    asked = Decision(task_id="decide", reel=reel, version=version, assembled=assembling.output, checked=checked)
    decision = record_decision(reel, version, checked, asked.output)
    catalogued = catalogue_reel(reel, version, ingested, assembling.output, checked)
    packaged = step(
        "package",
        reel=reel,
        inputs=plan_and_shots | {"assemble": assembling.output, "check": checked, "catalogue": catalogued},
    )
    redo = Redo(task_id="redo", reel=reel, trigger_dag_id="restore_reel", conf=decision[NEXT_RUN])
    turned_down = rejected(reel)

    # A plan is made from every lane's figures, and a reel joined from every lane's pictures; both are found in the
    # vault by signature, so the order has to be said.
    assessed >> planning
    review >> restored >> enlarged >> larger_or_none >> assembling
    decision >> [catalogued, redo, turned_down]

    # The reel is given back at the end, however the run went; as a teardown it leaves a failed run failed. Clearing any
    # task brings set-up and teardown along, so the reel is taken again for that.
    closing = close_reel(reel).as_teardown(setups=reel)
    [packaged, redo, turned_down] >> closing


restore_reel()
