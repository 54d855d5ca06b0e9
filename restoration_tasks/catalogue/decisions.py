"""Decisions: what a named person answered about a plan version, with its event in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import plans, reels
from restoration_tasks.catalogue.drafts import Draft
from restoration_tasks.catalogue.errors import AlreadyDecided
from restoration_tasks.catalogue.models import DeciderRole, Decision
from restoration_tasks.provenance.agents import Person, ensure_person
from restoration_tasks.provenance.recorder import append_event, decision_draft
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings


@dataclass(frozen=True)
class Decided:
    """A recorded decision."""

    reel_id: str
    run_id: str
    plan_version: int
    answer: DecisionAnswer
    person_id: uuid.UUID
    role: DeciderRole
    note: str
    decided_at: datetime
    event_id: uuid.UUID


def role_of(login: str, settings: Settings) -> DeciderRole:
    """In which capacity a user may decide, by the lists in the settings.

    Raises:
        WrongUse: the user is on neither list.
    """
    if login in settings.conservators:
        return DeciderRole.CONSERVATOR
    if login in settings.makers:
        return DeciderRole.MAKER
    raise WrongUse(
        f"user {login!r} may not decide about restorations",
        expected="a user id in REELKEEPER_CONSERVATORS or REELKEEPER_MAKERS",
        found=login,
        action="let a conservator answer, or add the user to the list",
    )


def decide(
    session: Session,
    reel_id: str,
    *,
    run_id: str,
    execution_id: str,
    plan_version: int,
    answer: DecisionAnswer,
    person: Person,
    role: DeciderRole,
    note: str = "",
    shots: Sequence[Draft] = (),
    waived: Sequence[str] = (),
    at: datetime | None = None,
) -> Decided:
    """Record a decision and its event. Recording the same execution again gives the decision it has.

    `shots` are the person's own marks on single shots, `waived` the rules of the check that an approval passes over;
    they enter the event, not the decision's row.

    Raises:
        UnknownReel: no such reel.
        UnknownPlan: the reel has no such plan version.
        AlreadyDecided: the same execution answered differently.
    """
    reels.require(session, reel_id)
    plan = plans.get(session, reel_id, plan_version)
    person_id = ensure_person(session, person.login, person.name)
    moment = at or datetime.now(UTC)
    event = append_event(
        session,
        decision_draft(
            reel_id,
            execution_id=execution_id,
            answer=answer,
            person=person,
            role=role.value,
            plan_version=plan.version,
            plan_sha256=plan.sha256,
            note=note,
            shots=[{"shot": mark.shot, "choice": mark.choice.value, "note": mark.note} for mark in shots],
            waived=waived,
            at=moment,
        ),
    )
    known = session.get(Decision, event.id)
    if known is None:
        known = Decision(
            event_id=event.id,
            reel_id=reel_id,
            run_id=run_id,
            plan_version=plan.version,
            answer=answer,
            person_id=person_id,
            role=role,
            note=storable(note),
            decided_at=moment,
        )
        session.add(known)
        session.flush()
    elif (known.answer, known.plan_version, known.person_id) != (answer, plan_version, person_id):
        raise AlreadyDecided(
            "this question has been answered already",
            reel=reel_id,
            expected=f"{known.answer} for plan version {known.plan_version}",
            found=f"{answer} for plan version {plan_version}",
            action="clear the decision task to decide anew; the first answer stays on record",
        )
    return Decided(
        known.reel_id, known.run_id, known.plan_version, known.answer, known.person_id, known.role, known.note,
        known.decided_at, known.event_id,
    )  # fmt: skip
