"""Waivers: a named person lets a finding of ingest or of the check pass; recorded with its event in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import checks, reels
from restoration_tasks.catalogue.models import WaivedFinding
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.provenance.agents import Person, ensure_person
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import WAIVER_TERM, Outcome
from restoration_tasks.runtime.errors import CheckRefused, WrongUse


def record(session: Session, reel_id: str, *, run_id: str, waivers: Sequence[Waiver], person: Person | None) -> None:
    """Record what a person waives in a run.

    What has been waived for the reel before, with the same reason, needs no second word: another pass or a retry adds
    nothing, and asks for nobody.

    Args:
        session: of the catalogue, in a transaction.
        reel_id: a registered reel.
        run_id: the run the waivers are given for.
        waivers: the findings and the reasons.
        person: who waives; None where nobody is known.

    Raises:
        UnknownReel: no such reel.
        WrongUse: there are waivers, and nobody stands for them.
    """
    told = {(waiver.finding, waiver.reason) for waiver in of_reel(session, reel_id)}
    new = [waiver for waiver in waivers if (storable(waiver.finding), storable(waiver.reason)) not in told]
    if not new:
        return
    if person is None:
        raise WrongUse(
            "a waiver needs a name",
            reel=reel_id,
            expected="a person who lets the finding pass",
            found="nobody",
            action="sign in, or name yourself with --as",
        )
    reels.require(session, reel_id)
    person_id = ensure_person(session, person.login, person.name)
    for waiver in new:
        draft = _draft(reel_id, f"{run_id}/waive/{waiver.finding}", waiver.finding, waiver.reason, person)
        _enter(session, draft, run_id, person_id)


def record_check(
    session: Session,
    reel_id: str,
    *,
    run_id: str,
    execution_id: str,
    rules: Sequence[str],
    reason: str,
    person: Person,
    check_sha256: str,
    at: datetime | None = None,
) -> None:
    """Record that a person lets pass what the check refused: one waiver for each rule, of this one check.

    Another check, of another pass or of the same files again, needs a word of its own. Recording the same execution
    again adds nothing.

    Args:
        session: of the catalogue, in a transaction.
        reel_id: a registered reel.
        run_id: the run whose check it is.
        execution_id: of the decision.
        rules: ids of the rules that refused the reel.
        reason: why; it must say something.
        person: who waives.
        check_sha256: digest of the `check.json` they read.
        at: when they answered; now if None.

    Raises:
        UnknownReel: no such reel.
        WrongUse: there is no reason, or nothing to waive.
    """
    if not reason.strip():
        raise WrongUse(
            "a refused check is not waived without a reason",
            reel=reel_id,
            expected="why this result may pass",
            found="nothing",
            action="answer again, with the reason as the note (in Airflow after clearing the task 'decide')",
        )
    if not rules:
        raise WrongUse("the check refused nothing", reel=reel_id, action="approve it, without a waiver")
    reels.require(session, reel_id)
    person_id = ensure_person(session, person.login, person.name)
    for rule in rules:
        draft = _draft(reel_id, f"{execution_id}/waive/{rule}", rule, reason, person, at, check_sha256)
        _enter(session, draft, run_id, person_id)


def require_passed_or_waived(session: Session, reel_id: str, run_id: str) -> tuple[str, ...]:
    """Go on only if the newest check of a run passed, or a person has since waived every rule that refused it.

    Returns:
        The rules that were waived, in order of their names; none where it passed.

    Raises:
        CheckRefused: it did not pass, and not all of it is waived; or there is no check on record.
    """
    checked = checks.of_run(session, reel_id, run_id)
    if checked is not None and checked.verdict is not checks.Verdict.REFUSED:
        return tuple(sorted(checked.failed))
    unwaived = sorted(set(checked.failed) - checked.waived) if checked else ["no check on record for this run"]
    raise CheckRefused(
        "what the check refused is neither redone nor waived",
        reel=reel_id,
        expected="a check that passed, or a waiver for every rule that refused the reel",
        found=", ".join(unwaived) or "a refusal that names no rule",
        action="ask for another pass, waive every rule that refused it, or reject it (in Airflow by clearing 'decide')",
    )


def _draft(
    reel_id: str,
    execution_id: str,
    finding: str,
    reason: str,
    person: Person,
    at: datetime | None = None,
    check_sha256: str | None = None,
) -> EventDraft:
    moment = at or datetime.now(UTC)
    return EventDraft(
        reel_id=reel_id,
        execution_id=execution_id,
        term=WAIVER_TERM,
        started=moment,
        ended=moment,
        outcome=Outcome.WARNING,
        detail={"finding": finding, "reason": storable(reason)}
        | ({"check_sha256": check_sha256} if check_sha256 else {}),
        participants=(person,),
    )


def _enter(session: Session, draft: EventDraft, run_id: str, person_id: uuid.UUID) -> None:
    event = append_event(session, draft)
    if session.get(WaivedFinding, event.id) is None:
        session.add(
            WaivedFinding(
                event_id=event.id,
                reel_id=draft.reel_id,
                run_id=run_id,
                finding=storable(str(draft.detail["finding"])),
                reason=str(draft.detail["reason"]),
                person_id=person_id,
                waived_at=draft.ended,
            )
        )
        session.flush()


def of_reel(session: Session, reel_id: str) -> list[WaivedFinding]:
    """What has been waived for a reel, the oldest first."""
    return list(
        session.scalars(
            select(WaivedFinding)
            .where(WaivedFinding.reel_id == reel_id)
            .order_by(WaivedFinding.waived_at, WaivedFinding.finding)
        )
    )
