"""A person's word about a restoration, held against its check: one way for Airflow and for the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import decisions, waivers
from restoration_tasks.catalogue.decisions import Decided
from restoration_tasks.catalogue.drafts import Draft
from restoration_tasks.catalogue.models import DeciderRole
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import CheckRefused, WrongUse
from restoration_tasks.runtime.spec import StepResult


def refusing_rules(checked: StepResult) -> tuple[str, ...]:
    """Ids of the rules by which a check refused the reel; none if it passed."""
    failed = checked.figures["failed_rules"]
    return tuple(map(str, failed)) if isinstance(failed, list) and not checked.figures["passed"] else ()


def require_passed(checked: StepResult) -> None:
    """Go on only if the check passed.

    Raises:
        CheckRefused: it did not.
    """
    if not checked.figures["passed"]:
        raise CheckRefused(
            "what the check refused cannot be approved",
            reel=checked.reel_id,
            expected="a check that passed",
            found=f"a check that refused: {', '.join(refusing_rules(checked)) or 'it names no rule'}",
            action="ask for another pass, waive every rule that refused it, or reject it",
        )


def require_all_named(checked: StepResult, named: Collection[str]) -> None:
    """Go on only if a person named each rule that refused the reel, and no other: they let pass what they have read.

    Raises:
        CheckRefused: a rule that refused it is not named.
        WrongUse: one is named that refused nothing.
    """
    refusing = refusing_rules(checked)
    if strange := sorted(set(named) - set(refusing)):
        raise WrongUse(
            f"no rule of that name refused the reel: {', '.join(strange)}",
            reel=checked.reel_id,
            expected=", ".join(refusing) or "nothing to waive, as the check passed",
            found=", ".join(sorted(named)),
            action="name the rules as the check does",
        )
    if left := sorted(set(refusing) - set(named)):
        raise CheckRefused(
            "not every rule that refused the reel is waived",
            reel=checked.reel_id,
            expected=", ".join(refusing),
            found=", ".join(sorted(named)),
            action=f"read the report, then waive {', '.join(left)} as well, or run again with other treatments",
        )


def decide(
    session: Session,
    checked: StepResult,
    *,
    run_id: str,
    execution_id: str,
    plan_version: int,
    answer: DecisionAnswer,
    waive: bool,
    person: Person,
    role: DeciderRole,
    note: str,
    shots: Sequence[Draft] = (),
    at: datetime | None = None,
) -> Decided:
    """Record a decision and, where it is one, the waiver of each rule that refused the reel, in one transaction.

    Args:
        session: of the catalogue, in a transaction.
        checked: what the check found.
        run_id: the run that is decided about.
        execution_id: of the decision.
        plan_version: the version that was carried out.
        answer: what they said. A waiver is an approval that says what it passes over.
        waive: whether they let pass what the check refused.
        person: who decides.
        role: in which capacity.
        note: in their own words; a waiver is not taken without.
        shots: their marks on single shots.
        at: when they answered; now if None.

    Raises:
        CheckRefused: an approval of what the check refused.
        WrongUse: a waiver without a reason, or of nothing.
        AlreadyDecided: the same execution answered differently.
    """
    if answer is DecisionAnswer.APPROVE and not waive:
        require_passed(checked)
    waived = refusing_rules(checked) if waive else ()
    if waive:
        waivers.record_check(
            session,
            checked.reel_id,
            run_id=run_id,
            execution_id=execution_id,
            rules=waived,
            reason=note,
            person=person,
            check_sha256=checked.output("check").sha256,
            at=at,
        )
    return decisions.decide(
        session,
        checked.reel_id,
        run_id=run_id,
        execution_id=execution_id,
        plan_version=plan_version,
        answer=answer,
        person=person,
        role=role,
        note=note,
        shots=shots,
        waived=waived,
        at=at,
    )
