"""What staff read off a reel's carrier, each reading with its event in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.queue_models import CarrierReading, Smell
from restoration_tasks.catalogue.work_models import FilmBase
from restoration_tasks.provenance.agents import Person, ensure_person
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import CARRIER_TERM, AgentRole, Outcome


@dataclass(frozen=True)
class Reading:
    """What a person read; what was not read is None."""

    base: FilmBase | None = None
    made_year: int | None = None
    """When the film stock was made or exposed."""
    ad_strip_level: float | None = None
    """A-D strip, 0 to 3 by halves."""
    shrinkage_percent: float | None = None
    smell: Smell | None = None
    uniqueness: float | None = None
    """1: no other copy is known; 0: another copy as good is safe elsewhere. Where nobody said, 1."""
    note: str = ""


def record(session: Session, reel_id: str, reading: Reading, *, person: Person, at: datetime | None = None) -> None:
    """Record a reading. What was known before and not read this time stays known.

    Raises:
        UnknownReel: no such reel.
    """
    reels.require(session, reel_id)
    before = newest(session, reel_id)
    moment = at or datetime.now(UTC)
    values = asdict(reading)
    if before is not None:
        values = {name: getattr(before, name) if value is None else value for name, value in values.items()}
    values["note"] = storable(reading.note)
    if values["uniqueness"] is None:
        values["uniqueness"] = 1.0
    event = append_event(
        session,
        EventDraft(
            reel_id=reel_id,
            execution_id=f"carrier/{reel_id}/{moment.isoformat()}",
            term=CARRIER_TERM,
            started=moment,
            ended=moment,
            outcome=Outcome.SUCCESS,
            detail=values,
            participants=(Person(person.login, person.name, AgentRole.IMPLEMENTER),),
        ),
    )
    if event.created:
        read_by = ensure_person(session, person.login, person.name)
        session.add(CarrierReading(event_id=event.id, reel_id=reel_id, read_by=read_by, read_at=moment, **values))
        session.flush()


def newest(session: Session, reel_id: str) -> CarrierReading | None:
    """What is known of a reel's carrier, or None where nobody has read anything."""
    return session.scalar(
        select(CarrierReading).where(CarrierReading.reel_id == reel_id).order_by(CarrierReading.read_at.desc()).limit(1)
    )
