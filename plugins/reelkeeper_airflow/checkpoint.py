"""The task that signs the record: every chain verified, the heads of those that have grown signed into the vault."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)


@task(trigger_rule="all_done")
def sign_record() -> dict[str, Any]:
    """Verify and sign, however the tasks before went; turn red if a chain or a checkpoint is not what was recorded."""
    from restoration_tasks.provenance.anchoring import take

    with staff_language():
        settings = Settings()
        taken = take(catalogue(settings), settings)
        for finding in taken.report.findings:
            log.error("%s", finding)
        if taken.checkpoint is not None:
            log.info("Checkpoint %s: %s chains signed", taken.checkpoint.number, len(taken.checkpoint.heads))
        taken.report.raise_if_broken()
    return {
        "events": taken.report.events,
        "checkpoint": None if taken.checkpoint is None else taken.checkpoint.number,
        "signed": 0 if taken.checkpoint is None else len(taken.checkpoint.heads),
    }
