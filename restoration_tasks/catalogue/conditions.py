"""The condition of reels: what their assessment found, so that a collection can be asked what is most urgent."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import ConditionRecord
from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.spec import Reference, StepResult
from restoration_tasks.runtime.vault import Vault

RECORD = "condition"
DOCUMENTS = (RECORD, "condition_report")
"""Outputs of the plan step that go into the package."""


def enter(
    session: Session, event_id: uuid.UUID, result: StepResult, vault: Vault, *, run_id: str, result_uri: str
) -> None:
    """Fill the row of a plan step; entering the same event again changes nothing.

    A plan step without frames to judge leaves no record, and no row.

    Raises:
        VaultError: the record is gone, or is none.
    """
    outputs = {output.name: output for output in result.outputs}
    if RECORD not in outputs:
        return
    content = _read(vault, outputs[RECORD].uri)
    session.execute(
        insert(ConditionRecord)
        .values(
            event_id=event_id,
            reel_id=result.reel_id,
            run_id=run_id,
            result_uri=result_uri,
            frames=content["frames"],
            urgency=content["urgency"],
            severities=content["severities"],
            carrier=content["carrier"],
            shots=content["shots"],
        )
        .on_conflict_do_nothing()
    )


def _read(vault: Vault, uri: str) -> dict[str, Any]:
    text = vault.read_bytes(uri)
    try:
        content: dict[str, Any] = json.loads(text or b"")
        if missing := {"frames", "urgency", "severities", "carrier", "shots"} - set(content):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except ValueError as error:
        raise VaultError(
            "the condition record cannot be read", file=uri, found=error, action="clear the plan task"
        ) from error
    return content


def newest(session: Session, reel_id: str) -> ConditionRecord | None:
    """The reel's latest condition, or None where it was never assessed."""
    return session.scalar(
        select(ConditionRecord)
        .where(ConditionRecord.reel_id == reel_id)
        .order_by(ConditionRecord.recorded_at.desc())
        .limit(1)
    )


def documents(session: Session, vault: Vault, reel_id: str) -> dict[str, Reference]:
    """The reel's latest condition as the package takes it along: record and page; nothing where there is none."""
    found = newest(session, reel_id)
    if found is None:
        return {}
    outputs = {output.name: output.reference for output in vault.result_at(found.result_uri).outputs}
    return {name: outputs[name] for name in DOCUMENTS if name in outputs}
