"""How the check of a run came out, as the record tells it: passed, to look at, refused, or refused and waived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import WaivedFinding
from restoration_tasks.provenance.models import DigitalObject, Event, EventObject
from restoration_tasks.provenance.vocabulary import STEP_TERMS, ObjectRole
from restoration_tasks.runtime.spec import StepName


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
