"""Waivers: a named person lets a finding of ingest pass; a decision, recorded with its event in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import WaivedFinding
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.provenance.agents import Person, ensure_person
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import WAIVER_TERM, Outcome
from restoration_tasks.runtime.errors import WrongUse


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
        moment = datetime.now(UTC)
        event = append_event(
            session,
            EventDraft(
                reel_id=reel_id,
                execution_id=f"{run_id}/waive/{waiver.finding}",
                term=WAIVER_TERM,
                started=moment,
                ended=moment,
                outcome=Outcome.WARNING,
                detail={"finding": waiver.finding, "reason": storable(waiver.reason)},
                participants=(person,),
            ),
        )
        if session.get(WaivedFinding, event.id) is None:
            session.add(
                WaivedFinding(
                    event_id=event.id,
                    reel_id=reel_id,
                    run_id=run_id,
                    finding=storable(waiver.finding),
                    reason=storable(waiver.reason),
                    person_id=person_id,
                    waived_at=moment,
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
