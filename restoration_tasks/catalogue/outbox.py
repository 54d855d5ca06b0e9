"""Outbox: another catalogue is told by HTTP of every restoration that is published, until it has taken it.

What is told is queued in the database and sent after; a receiver that is away, or a process that is killed, delays it
and loses nothing. It may arrive twice, under one key (`webhook.KEY`, the id of the event), and in the order of the
events of a reel: nothing newer of a reel is sent before what is older was taken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from restoration_tasks.catalogue import cells, descriptions
from restoration_tasks.catalogue.columns import COLUMNS
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.publish import Published
from restoration_tasks.catalogue.record_models import Announcement
from restoration_tasks.runtime.errors import NotDelivered, ReelkeeperError, WrongUse
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.webhook import post

FORMAT: Final = "reelkeeper.catalogue/1"
FIRST_WAIT = timedelta(minutes=5)
"""After a first try that failed; twice as long after each that follows."""
LONGEST_WAIT = timedelta(hours=12)
OVERDUE_AFTER = timedelta(hours=24)
"""What nobody took for so long is said to staff, once."""
REFUSALS_IN_A_ROW: Final = 3
"""Then the receiver is taken to be away, and the rest is left for the next time."""

log = logging.getLogger(__name__)

Post = Callable[[Mapping[str, Any], str], None]
"""Sends a body under a key, or raises `NotDelivered`."""


@dataclass(frozen=True)
class Delivery:
    """What a round of sending came to."""

    sent: tuple[str, ...]
    """Reels of what was taken."""
    waiting: int
    """What was not taken, or not tried yet."""
    overdue: tuple[str, ...]
    """Reels of what has waited for too long, as of this round; each is named once."""
    said: str | None
    """Why the last that was refused was."""


def announce(sessions: Sessions, settings: Settings, published: Published, *, run_id: str) -> None:
    """Queue what a run published, where anybody is to be told, and try to send it at once.

    Announcing the same again adds nothing. That it is not taken is a line in the log: it is tried again later.
    """
    if settings.catalogue_webhook is None:
        return
    with sessions.begin() as session:
        enqueue(session, published, run_id=run_id)
    try:
        delivery = send(sessions, posting(settings))
    except ReelkeeperError as error:
        log.warning("The catalogue was not told yet: %s", error)
    else:
        if delivery.said is not None:
            log.warning("The catalogue was not told yet, and will be tried again: %s", delivery.said)


def enqueue(session: Session, published: Published, *, run_id: str) -> None:
    """Queue what is told of a published restoration: its row of the catalogue's table, and where its record lies."""
    reel_id = published.event.reel_id
    ((_, values),) = descriptions.known(session, reel_ids=[reel_id]).items()
    body = {
        "format": FORMAT,
        "reel_id": reel_id,
        "run_id": run_id,
        "state": published.state.value,
        "event": {"id": str(published.event.id), "seq": published.event.seq, "hash": published.event.hash},
        "record": {column.name: cells.written(values[column.name]) for column in COLUMNS},
        "documents": {
            name: {"uri": file.uri, "sha256": file.sha256} for name, file in sorted(published.documents.items())
        },
    }
    row = insert(Announcement).values(event_id=published.event.id, reel_id=reel_id, body=body)
    session.execute(row.on_conflict_do_nothing(index_elements=[Announcement.event_id]))


def posting(settings: Settings) -> Post:
    """What sends to the address in the settings.

    Raises:
        WrongUse: there is none.
    """
    if settings.catalogue_webhook is None:
        raise WrongUse("no catalogue is to be told", action="set REELKEEPER_CATALOGUE_WEBHOOK to its address")
    url = settings.catalogue_webhook.get_secret_value()
    shared = settings.catalogue_webhook_secret
    secret = None if shared is None else shared.get_secret_value()
    return lambda body, key: post(url, body, key=key, secret=secret)


def send(sessions: Sessions, post_one: Post, *, at_once: bool = False) -> Delivery:
    """Send what is due, oldest first, a transaction each; two who send at once never send the same.

    Args:
        sessions: of the catalogue.
        post_one: sends one.
        at_once: all that waits, also what is not due yet.

    Returns:
        What came of it. It never raises for what a receiver does.
    """
    begun = datetime.now(UTC)
    sent: list[str] = []
    said: str | None = None
    in_a_row = 0
    after = None
    while in_a_row < REFUSALS_IN_A_ROW:
        with sessions.begin() as session:
            one = _next(session, begun, after, at_once=at_once)
            if one is None:
                break
            # a reel's next may follow in this round; one that was refused is passed by
            try:
                post_one(one.body, str(one.event_id))
            except NotDelivered as refused:
                said, in_a_row, after = str(refused), in_a_row + 1, one.event_id
                one.tries += 1
                one.said = said
                one.next_try_at = begun + min(FIRST_WAIT * 2 ** min(one.tries - 1, 20), LONGEST_WAIT)
            else:
                in_a_row = 0
                one.sent_at, one.said = datetime.now(UTC), ""
                sent.append(one.reel_id)
    with sessions.begin() as session:
        overdue = _note_overdue(session, begun)
        left = session.scalar(select(func.count()).where(Announcement.sent_at.is_(None))) or 0
    return Delivery(tuple(sent), left, overdue, said)


def waiting(session: Session, *, limit: int = 100) -> list[Announcement]:
    """What was not taken yet, the oldest first."""
    query = select(Announcement).where(Announcement.sent_at.is_(None)).order_by(Announcement.event_id).limit(limit)
    return list(session.scalars(query))


def _next(session: Session, now: datetime, after: Any, *, at_once: bool) -> Announcement | None:
    """The oldest that may be sent, locked; event ids sort by time."""
    older = aliased(Announcement)
    query = select(Announcement).where(
        Announcement.sent_at.is_(None),
        ~exists().where(
            older.reel_id == Announcement.reel_id,
            older.sent_at.is_(None),
            older.event_id < Announcement.event_id,
        ),
    )
    if after is not None:
        query = query.where(Announcement.event_id > after)
    if not at_once:
        query = query.where(Announcement.next_try_at <= now)
    return session.scalar(
        query.order_by(Announcement.event_id).limit(1).with_for_update(skip_locked=True, of=Announcement)
    )


def _note_overdue(session: Session, now: datetime) -> tuple[str, ...]:
    late = select(Announcement).where(
        Announcement.sent_at.is_(None),
        Announcement.overdue_at.is_(None),
        Announcement.queued_at < now - OVERDUE_AFTER,
    )
    found = list(session.scalars(late.order_by(Announcement.event_id).with_for_update(skip_locked=True)))
    for one in found:
        one.overdue_at = now
    return tuple(one.reel_id for one in found)
