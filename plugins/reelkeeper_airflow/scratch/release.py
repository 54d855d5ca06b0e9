"""The tasks that let go of working files: say what could go, and let it go where the form says so."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, get_current_context, task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.identifiers import REEL_ID
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)

GB = 1e9


def release_form() -> dict[str, Param]:
    """Build the fields; as they are, nothing is let go."""
    return {
        "reel_id": Param(
            None,
            type=["null", "string"],
            pattern=f"^(?:{REEL_ID.pattern})$",
            title="Reel",
            description_md="Empty: every finished reel.",
        ),
        "for_good": Param(
            False,
            type="boolean",
            title="Let the files go",
            description_md="Without it, the log says what could be let go, and nothing changes.",
        ),
    }


@task
def say_what_could_go() -> dict[str, Any]:
    """Look at every finished reel."""
    from restoration_tasks.runtime.vault import Vault
    from restoration_tasks.steps import scratch

    params = get_current_context()["params"]
    with staff_language():
        settings = Settings()
        with catalogue(settings).begin() as session:
            found = scratch.releasable(session, Vault(settings.vault_root), params["reel_id"])
    for one in found:
        log.info("Reel %s: %d files, %.2f GB", one.reel_id, len(one.files), one.bytes / GB)
    size = sum(one.bytes for one in found)
    log.info("%d reels, %.2f GB could be let go", len(found), size / GB)
    return {"reels": len(found), "bytes": size}


@task.short_circuit
def asked_for(found: dict[str, Any]) -> bool:  # noqa: ARG001 - what could go is said first
    """Go on only where the form says so."""
    return bool(get_current_context()["params"]["for_good"])


@task
def let_go() -> dict[str, Any]:
    """Let the files go, reel by reel, each with its event. Tried again, it goes on."""
    from restoration_tasks.runtime.errors import ReelBusy
    from restoration_tasks.runtime.vault import Vault
    from restoration_tasks.steps import scratch

    context = get_current_context()
    reel_id, run_id = context["params"]["reel_id"], str(context["run_id"])
    with staff_language():
        settings = Settings()
        sessions, vault = catalogue(settings), Vault(settings.vault_root)
        scratch.remove_left_over(sessions, vault, reel_id)
        with sessions.begin() as session:
            found = scratch.releasable(session, vault, reel_id)
        freed = reels = 0
        for one in found:
            try:
                gone = scratch.release(sessions, vault, one.reel_id, run_id)
            except ReelBusy as busy:
                log.warning("%s", busy)
                continue
            if gone is not None:
                log.info("Reel %s: %d files, %.2f GB let go", gone.reel_id, len(gone.files), gone.bytes / GB)
                reels, freed = reels + 1, freed + gone.bytes
    return {"reels": reels, "bytes": freed}
