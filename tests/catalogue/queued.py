"""Reels in the queue, for tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import queue, reels
from restoration_tasks.catalogue.queue import Worth
from restoration_tasks.catalogue.queue_models import Basis, Purpose, QueueEntry
from restoration_tasks.provenance.agents import Person, ensure_person

ANA = Person("ana", "Ana Petrova")


def put(sessions: sessionmaker[Session], reel_id: str, urgency: float, hours: float = 1.0, **form: Any) -> bool:
    """Register a reel and put it into the queue."""
    with sessions.begin() as session:
        reels.register(session, reel_id)
        worth = Worth(urgency, Basis.CONDITION, 1000, hours, 0.5)
        return queue.enter(session, reel_id, worth, by=ensure_person(session, "ana"), form=form)


def entry(sessions: sessionmaker[Session], reel_id: str, purpose: Purpose = Purpose.RESTORATION) -> QueueEntry:
    """A reel's place as it stands."""
    with sessions() as session:
        return session.get_one(QueueEntry, (reel_id, purpose))
