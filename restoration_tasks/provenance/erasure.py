"""Forgets a person: login and name go, the id stays in every chain, and that it was done stays on record."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from restoration_tasks.provenance.agents import PROGRAM, Person
from restoration_tasks.provenance.chain import ARCHIVE
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.models import AgentName
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import ERASURE_TERM, Outcome
from restoration_tasks.runtime.errors import DatabaseError, WrongUse


def erase(session: Session, login: str, *, by: Person, reason: str) -> uuid.UUID:
    """Delete a person's login and name; the id they are on record under.

    The event stands in the archive's own chain and names the id, never the person.

    Args:
        session: of the catalogue, in a transaction, as the owner of the tables: workers may not erase.
        login: whom to forget.
        by: who says so.
        reason: why.

    Raises:
        WrongUse: nobody of that login is known, or there is no reason.
        DatabaseError: the database user may not erase.
    """
    if not reason.strip():
        raise WrongUse("a reason has to be given", action="say why, without naming the person")
    agent_id = session.scalar(select(AgentName.agent_id).where(AgentName.login == storable(login)))
    if agent_id is None:
        raise WrongUse("nobody of this user id is on record", found=login, action="check the user id")
    moment = datetime.now(UTC)
    append_event(
        session,
        EventDraft(
            reel_id=ARCHIVE,
            execution_id=f"erasure/{agent_id}",
            term=ERASURE_TERM,
            started=moment,
            ended=moment,
            outcome=Outcome.SUCCESS,
            detail={"agent": str(agent_id), "reason": reason},
            participants=(PROGRAM, by),
        ),
    )
    try:
        session.execute(delete(AgentName).where(AgentName.agent_id == agent_id))
    except ProgrammingError as error:
        raise DatabaseError(
            "this database user may not forget people",
            expected="a member of reelkeeper_owner",
            found=str(error.orig).splitlines()[0],
            action="run it with the REELKEEPER_DATABASE_URL of the owner",
        ) from error
    return agent_id
