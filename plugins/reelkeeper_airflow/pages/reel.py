"""The page of one reel: shots, damage, treatments, run, check, decisions, files, and the record behind it all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.pages import reel_view
from reelkeeper_airflow.pages.access import Looker, may_draft, may_start
from reelkeeper_airflow.pages.files import HEADERS as REPORT_HEADERS
from reelkeeper_airflow.pages.look import page
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    import uuid

    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.recorded_files import HeldFile, StepEvent
    from restoration_tasks.quality.findings import CheckReport

EVENTS_SHOWN = 100
"""Events on a page of the record."""
PRODUCTS = (
    "master",
    "restoration_master",
    "mezzanine",
    "access",
    "scan_access",
    "comparison",
    "enlarged_master",
    "enlarged_access",
    "report",
    "condition_report",
)
"""Files people ask for, in the order they ask."""

router = APIRouter()


@dataclass(frozen=True)
class DecisionRow:
    """A decision as the page shows it."""

    answer: str
    plan_version: int
    role: str
    person: str
    note: str
    decided_at: datetime
    run_id: str


@router.get("/reels/{reel_id}")
def show_reel(reel_id: str, request: Request, user: Looker) -> Response:
    """One reel."""
    from restoration_tasks.provenance.verify import verify
    from restoration_tasks.report.page import ROLES

    vault = Vault(Settings().vault_root)
    with catalogue().begin() as session:
        found = reel_view.view(session, vault, reel_id)
        verified = verify(session, reel_id)
        decisions = _decisions(session, reel_id)
        condition = _condition_report(session, reel_id)
        check = _check(session, vault, found.checked)
        waived = _waived(session, reel_id, found.checked)
    files = {one.role: one for event in (found.ingest, found.assembled, found.checked) if event for one in event.made}
    if condition:
        files["condition_report"] = condition
    return page(
        request,
        "reel.html.j2",
        user,
        reel=found,
        verified=verified,
        decisions=decisions,
        check=check,
        files=[(ROLES.get(role, FILE_WORDS.get(role, role)), files[role]) for role in PRODUCTS if role in files],
        waived=waived,
        by_role=files,
        may_draft=may_draft(user),
        may_start=may_start(user),
    )


FILE_WORDS = {
    "comparison": "Before and after, side by side",
    "report": "Report of the check",
    "condition_report": "Condition report",
}


@router.get("/reels/{reel_id}/timeline.json")
def show_timeline(reel_id: str, _user: Looker) -> Response:
    """The reel along its length, for the timeline."""
    vault = Vault(Settings().vault_root)
    with catalogue().begin() as session:
        found = reel_view.reel_timeline(session, vault, reel_id)
    headers = {"Cache-Control": "private, no-cache"}
    return Response(found or b'{"frame":[]}', media_type="application/json", headers=headers)


@router.get("/reels/{reel_id}/treatment")
def show_treatment(reel_id: str, _user: Looker) -> Response:
    """The documentation of treatment as the record tells it now, with names; the one in a package has none."""
    from restoration_tasks.steps.documents import treatment_report

    headers = {**REPORT_HEADERS, "Cache-Control": "private, no-store"}
    return HTMLResponse(treatment_report(catalogue(), reel_id, include_names=True), headers=headers)


@router.get("/reels/{reel_id}/record")
def show_record(
    reel_id: str, request: Request, user: Looker, number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1
) -> Response:
    """The provenance of a reel, event by event, the newest first, and whether its chain is whole."""
    from restoration_tasks.catalogue import reels
    from restoration_tasks.provenance.verify import verify

    with catalogue().begin() as session:
        status = reels.status(session, reel_id)
        verified = verify(session, reel_id)
        pages = max(1, -(-status.events // EVENTS_SHOWN))
        events = _events(session, reel_id, (min(number, pages) - 1) * EVENTS_SHOWN)
    return page(
        request,
        "record.html.j2",
        user,
        status=status,
        verified=verified,
        events=events,
        pages=pages,
        here_page=min(number, pages),
        flawed={finding.event_id for finding in verified.findings},
    )


def _check(session: Session, vault: Vault, checked: StepEvent | None) -> CheckReport | None:
    """What the check said; None where there is none, or only a file that is gone tells of it."""
    from restoration_tasks.catalogue import checks
    from restoration_tasks.quality.findings import CheckReport

    if checked is None:
        return None
    kept = checks.record_of(session, checked.id)
    if kept is not None:
        return CheckReport.model_validate(
            {name: getattr(kept, name) for name in ("reel_id", "policy_version", "frames")} | {"results": kept.findings}
        )
    held = checked.file(checks.OUTPUT)
    content = vault.read_bytes(held.uri) if held else None
    return None if content is None else CheckReport.model_validate_json(content)


def _condition_report(session: Session, reel_id: str) -> HeldFile | None:
    from restoration_tasks.catalogue import recorded_files
    from restoration_tasks.runtime.spec import StepName

    planned = recorded_files.newest(session, reel_id, StepName.PLAN)
    return planned.file("condition_report") if planned else None


def _decisions(session: Session, reel_id: str) -> list[DecisionRow]:
    """Decisions, the newest first, with the names of people who were not erased."""
    from sqlalchemy import select

    from restoration_tasks.catalogue.models import Decision
    from restoration_tasks.provenance.models import AgentName

    rows = session.execute(
        select(Decision, AgentName.login, AgentName.name)
        .outerjoin(AgentName, AgentName.agent_id == Decision.person_id)
        .where(Decision.reel_id == reel_id)
        .order_by(Decision.decided_at.desc())
    )
    return [
        DecisionRow(
            made.answer.value,
            made.plan_version,
            made.role.value,
            name or login or "a person erased since",
            made.note,
            made.decided_at,
            made.run_id,
        )
        for made, login, name in rows
    ]


@dataclass(frozen=True)
class WaivedRule:
    """A rule of the check that a person let pass."""

    rule: str
    reason: str
    person: str
    waived_at: datetime


def _waived(session: Session, reel_id: str, checked: StepEvent | None) -> list[WaivedRule]:
    """What was waived of the check that is shown, in the order it was said; nothing of another check."""
    from sqlalchemy import select

    from restoration_tasks.catalogue.models import WaivedFinding
    from restoration_tasks.provenance.models import AgentName, Event

    check = checked.file("check") if checked else None
    if checked is None or check is None:
        return []
    rows = session.execute(
        select(WaivedFinding, Event.detail, AgentName.login, AgentName.name)
        .join(Event, Event.id == WaivedFinding.event_id)
        .outerjoin(AgentName, AgentName.agent_id == WaivedFinding.person_id)
        .where(WaivedFinding.reel_id == reel_id, Event.seq > checked.seq)
        .order_by(Event.seq)
    )
    return [
        WaivedRule(made.finding, made.reason, name or login or "a person erased since", made.waived_at)
        for made, detail, login, name in rows
        if detail.get("check_sha256") == check.sha256
    ]


@dataclass(frozen=True)
class EventRow:
    """An event as the record shows it."""

    id: uuid.UUID
    seq: int
    event_type: str
    subtype: str
    segment: str | None
    outcome: str
    ended: datetime
    run_id: str | None
    hash: str
    objects: int


def _events(session: Session, reel_id: str, skipped: int) -> list[EventRow]:
    from sqlalchemy import func, select

    from restoration_tasks.catalogue.recorded_files import run_of
    from restoration_tasks.provenance.models import Event, EventObject

    files = select(func.count()).where(EventObject.event_id == Event.id).scalar_subquery()
    rows = session.execute(
        select(Event, files)
        .where(Event.reel_id == reel_id)
        .order_by(Event.seq.desc())
        .offset(skipped)
        .limit(EVENTS_SHOWN)
    )
    return [
        EventRow(
            event.id,
            event.seq,
            event.event_type,
            event.subtype,
            event.detail.get("segment"),
            event.outcome.value,
            event.ended,
            run_of(event.execution_id),
            event.hash,
            objects,
        )
        for event, objects in rows
    ]
