"""
### Restore a film reel

Takes a reel from the scanner's delivery folder to a catalogued, checked and packaged restoration. Nothing leaves without
the word of a named person.

**Start it.** Press *Trigger* and fill in the reel id, as it is written on the delivery folder. Everything else on the form has
a sensible value already.

**Watch it.** The grid shows the way of the reel from top to bottom. *assess* and *restore* have one lane for each batch of
shots; a lane is called, for example, *batch 2 · shots 3–4*. A task's log shows how many frames are done.

**Decide.** When the restoration is ready, *Required Actions* shows the figures, the report, the before/after comparison and the
pictures. *Approve* catalogues and packages the reel. *Redo* ends this run and starts the next plan version, gentler or stronger.
*Reject* ends it. Only people on the list of conservators and makers can answer, and the answer is kept with the reel for good.

**When something is red.** The last line of the red task's log says what is wrong and what to do next. Put it right, then *Clear*
the task: finished work is not done again, the rest goes on. Clearing a lane that was green works that lane and what follows
afresh, keeps the old result, and says whether the bytes agree.

**By hand or by script.** A run can be started with `{"reel_id": "HK-1967-012_r3"}`; all other fields are optional. One reel has one
run at a time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task_group

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
from reelkeeper_airflow.restore_reel.reel import batches, close_reel, open_reel
