"""The tasks of an audit: read, and speak up for what is lost."""

from __future__ import annotations

import logging
import time
from typing import Any

from airflow.sdk import Param, get_current_context, task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)

GB = 1e9
SAY_EVERY_S = 60.0


def audit_form() -> dict[str, Param]:
    """Build the fields; an audit that starts by itself goes by the settings."""
    settings = Settings()
    return {
        "budget_gb": Param(
            settings.audit_gb,
            type="number",
            exclusiveMinimum=0,
            title="Gigabytes to read",
            description_md="Copies in the replica vault count as well.",
        ),
        "every_days": Param(
            settings.audit_days,
            type="integer",
            minimum=1,
            title="Every file within so many days",
            description_md="What would be late by the next week is read now, the one not read for longest first.",
        ),
    }


@task(task_id="audit")
def read_again() -> dict[str, Any]:
    """Read what is due. Killed and tried again, it goes on after the last file."""
    from restoration_tasks.steps.audit import audit

    context = get_current_context()
    with staff_language():
        settings = Settings()
        found = audit(
            catalogue(settings),
            settings,
            str(context["run_id"]),
            budget_gb=float(context["params"]["budget_gb"]),
            every_days=int(context["params"]["every_days"]),
            progress=_Told(),
        )
    for one in found.repaired:
        log.warning("Reel %s, file %s was bad: made good from the replica", one.reel_id, one.file.uri)
    for one in found.bad_copies:
        log.warning("Reel %s, file %s: its copy in the replica vault is %s", one.reel_id, one.file.uri, one.replica)
    standing = found.standing
    log.info("%d files read, %.2f GB; %d bad", len(found.read), found.bytes / GB, len(found.bad))
    if standing.overdue_files:
        log.warning(
            "%d files, %.2f GB, are late: reading everything in time takes %.2f GB a week",
            standing.overdue_files,
            standing.overdue_bytes / GB,
            standing.weekly_bytes / GB,
        )
    return {
        "files": len(found.read),
        "bytes": found.bytes,
        "bad": len(found.bad),
        "repaired": len(found.repaired),
        "bad_copies": len(found.bad_copies),
        "late": standing.overdue_files,
    }


@task(retries=0)
def report_damage(read: dict[str, Any]) -> None:
    """Turn red if a file is damaged or gone and could not be repaired: which, what was expected, what to do."""
    from restoration_tasks.catalogue import holdings
    from restoration_tasks.steps.audit import Audited

    if not read["bad"]:
        return
    run_id = str(get_current_context()["run_id"])
    with staff_language():
        settings = Settings()
        with catalogue(settings).begin() as session:
            found = Audited(
                run_id, tuple(holdings.of_run(session, run_id)), holdings.standing(session, settings.audit_days)
            )
        for one in found.bad:
            log.error(
                "Reel %s, file %s is %s: expected sha256 %s, found %s",
                one.reel_id, one.file.uri, one.state, one.file.sha256, one.found or "nothing that can be read",
            )  # fmt: skip
        found.require_whole()


class _Told:
    """Writes how far it is into the log, once a minute."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.last >= SAY_EVERY_S:
            self.last = time.monotonic()
            log.info("%.1f of %.1f GB read", done / GB, total / GB)
