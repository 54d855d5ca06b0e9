"""What checks found, rule by rule, and how the check of a run came out as the record tells it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import WaivedFinding
from restoration_tasks.catalogue.record_models import CheckRecord
from restoration_tasks.provenance.models import DigitalObject, Event, EventObject
from restoration_tasks.provenance.text import storable_json
from restoration_tasks.provenance.vocabulary import STEP_TERMS, ObjectRole
from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.spec import OutputFile, StepName, StepResult
from restoration_tasks.runtime.vault import Vault

OUTPUT = "check"
"""Output of the check step: what it found, as JSON."""


class Verdict(StrEnum):
    """What is known of a check."""

    PASSED = "passed"
    LOOK = "passed, to look at"
    """It passed, and a rule that refuses nothing was broken."""
    REFUSED = "refused"
    WAIVED = "refused, waived"
    """A person has let pass every rule that refused it."""


@dataclass(frozen=True)
class Checked:
    """One check."""

    failed: tuple[str, ...]
    """Ids of the rules that refused the reel."""
    warned: tuple[str, ...]
    """Ids of other rules that were broken; none in records of versions that did not name them."""
    waived: frozenset[str]
    """Ids of rules a person has let pass since, in the same run."""
    passed: bool
    report_uri: str | None
    """Its page."""

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.passed:
            return Verdict.LOOK if self.warned else Verdict.PASSED
        return Verdict.WAIVED if self.failed and not set(self.failed) - self.waived else Verdict.REFUSED


def enter(session: Session, event_id: uuid.UUID, result: StepResult, vault: Vault, *, run_id: str) -> None:
    """Keep what a check found, rule by rule; entering the same event again changes nothing.

    Raises:
        VaultError: `check.json` is gone, or is none.
        SourceChanged: it is not what the check wrote.
    """
    file = next((output for output in result.outputs if output.name == OUTPUT), None)
    if file is None:
        return
    found = _read(vault, file, result.reel_id)
    session.execute(
        insert(CheckRecord)
        .values(
            event_id=event_id,
            reel_id=result.reel_id,
            run_id=run_id,
            sha256=file.sha256,
            policy_version=found["policy_version"],
            frames=found["frames"],
            passed=found["passed"],
            findings=storable_json(found["results"]),
        )
        .on_conflict_do_nothing()
    )


def record_of(session: Session, event_id: uuid.UUID) -> CheckRecord | None:
    """What the check of an event found; None of a check recorded by a version that kept it as a file alone."""
    return session.get(CheckRecord, event_id)


def _read(vault: Vault, file: OutputFile, reel_id: str) -> dict[str, Any]:
    text = vault.read_bytes(file.uri)
    if text is not None and (sha256 := hashlib.sha256(text).hexdigest()) != file.sha256:
        raise SourceChanged(
            "what the check found was changed after it was written",
            reel=reel_id,
            file=file.uri,
            expected=f"sha256 {file.sha256}",
            found=sha256,
            action="clear the check",
        )
    try:
        content: dict[str, Any] = json.loads(text or b"")
        if missing := {"policy_version", "frames", "passed", "results"} - set(content):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except ValueError as error:
        raise VaultError(
            "what the check found cannot be read", reel=reel_id, file=file.uri, found=error, action="clear the check"
        ) from error
    return content


def of_run(session: Session, reel_id: str, run_id: str) -> Checked | None:
    """The newest check of a run; None where the record has none."""
    term = STEP_TERMS[StepName.CHECK]
    event = session.scalar(
        select(Event)
        .where(
            Event.reel_id == reel_id,
            Event.event_type == term.type.value,
            Event.subtype == term.subtype,
            Event.execution_id.startswith(f"{run_id}/", autoescape=True),
        )
        .order_by(Event.seq.desc())
        .limit(1)
    )
    if event is None:
        return None
    waived = session.scalars(
        select(WaivedFinding.finding)
        .join(Event, Event.id == WaivedFinding.event_id)
        .where(WaivedFinding.reel_id == reel_id, WaivedFinding.run_id == run_id, Event.seq > event.seq)
    )
    page = session.scalar(
        select(DigitalObject.uri)
        .join(EventObject, EventObject.object_id == DigitalObject.id)
        .where(EventObject.event_id == event.id, EventObject.role == ObjectRole.OUTCOME, DigitalObject.role == "report")
    )
    figures: Mapping[str, object] = event.detail.get("figures") or {}
    return Checked(
        failed=_names(figures.get("failed_rules")),
        warned=_names(figures.get("warned_rules")),
        waived=frozenset(waived),
        passed=figures.get("passed") is True,
        report_uri=page,
    )


def _names(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, list) else ()
