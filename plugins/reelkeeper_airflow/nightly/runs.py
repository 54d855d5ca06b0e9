"""Starts the runs of a night, never more reels at once than asked, and waits until none needs a machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.nightly.trigger import SlotTrigger, WorkedTrigger
from reelkeeper_airflow.operators.mixin import staff_language

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context
    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.queue_models import QueueEntry

log = logging.getLogger(__name__)

RESTORES = "restore_reel"
OVER = frozenset({"success", "failed"})


class StartReel(TriggerDagRunOperator):
    """Starts a reel's run when a slot is free. Killed and tried again, it finds the run it has started."""

    def execute(self, context: Context) -> Any:
        """Take a slot and start, or wait for one."""
        from restoration_tasks.catalogue import nights

        reel_id, run_id = (self.conf or {})["reel_id"], str(self.trigger_run_id)
        most = int(context["params"]["most_at_once"])
        with staff_language():
            # A run that ended without a word, such as one somebody marked as failed, gives its slot back here.
            settle(context, nights.working)
            with catalogue().begin() as session:
                found = nights.slot(session, reel_id, run_id, most)
        if found is nights.Slot.GONE:
            raise AirflowSkipException(f"Reel {reel_id} is no longer this night's: somebody held it back or started it")
        if found is nights.Slot.WAIT:
            log.info("Reel %s waits: %d reels are worked on", reel_id, most)
            self.defer(trigger=SlotTrigger(reel_id, run_id, most), method_name="execute_again")
        return super().execute(context)

    def execute_again(self, context: Context, event: Any) -> Any:  # noqa: ARG002 - the catalogue is asked instead
        """Go on after a wait."""
        return self.execute(context)


class WaitUntilWorked(BaseOperator):
    """Waits until each reel of the night waits for a person or is over; for no person's word."""

    def execute(self, context: Context) -> None:
        """Look, and wait."""
        from restoration_tasks.catalogue import nights

        batch_id = str(context["run_id"])
        with staff_language():
            settle(context, nights.working)
            with catalogue().begin() as session:
                left = sum(entry.batch_id == batch_id for entry in nights.working(session))
        if left:
            log.info("%d reels are worked on", left)
            self.defer(trigger=WorkedTrigger(batch_id), method_name="execute_again")

    def execute_again(self, context: Context, event: Any) -> None:  # noqa: ARG002 - the catalogue is asked instead
        """Go on after a wait."""
        self.execute(context)


def settle(context: Context, which: Callable[[Session], list[QueueEntry]]) -> list[str]:
    """Ask Airflow for the runs of reels that count as started, and take in how they ended; what changed, in words."""
    from restoration_tasks.catalogue import nights

    ti, batch_id, said = context["ti"], str(context["run_id"]), []
    with catalogue().begin() as session:
        for entry in which(session):
            run_id = entry.run_id or ""
            if entry.batch_id == batch_id and entry.slot_at is None:
                continue  # this night's own, still to be started
            if not ti.get_dr_count(RESTORES, run_ids=[run_id]):
                # Another night took it and never came to start it; what the command line runs, Airflow does not know.
                if entry.batch_id not in (None, batch_id) and run_id == nights.run_id_for(
                    entry.reel_id, entry.batch_id
                ):
                    nights.never_started(session, entry.reel_id, run_id)
                    said.append(f"{entry.reel_id}: was never started; it waits again")
                continue
            state = ti.get_dagrun_state(RESTORES, run_id)
            if state in OVER:
                nights.closed(session, entry.reel_id, run_id, whole=state == "success")
                said.append(f"{entry.reel_id}: its run ended with {state}")
    for line in said:
        log.info("%s", line)
    return said
