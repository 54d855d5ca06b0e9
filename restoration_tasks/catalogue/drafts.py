"""Drafts: what people mark shot by shot while they look at a restoration, until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import plans
from restoration_tasks.catalogue.models import DraftChoice, ShotDraft
from restoration_tasks.provenance.agents import Person, ensure_person
from restoration_tasks.provenance.models import AgentName
from restoration_tasks.provenance.text import storable
from restoration_tasks.runtime.errors import WrongUse

NOTE_CHARACTERS: Final = 2000
"""As the note of a decision; the table holds no more either."""


@dataclass(frozen=True)
class Draft:
    """One person's mark on one shot."""

    shot: int
    choice: DraftChoice
    note: str
    login: str | None
    """Who; None where the person was erased since."""
    saved_at: datetime

    @property
    def words(self) -> str:
        """The mark as one line: `shot 3: redo (grain looks washed)`."""
        said = " ".join(self.note.split())
        if self.choice is DraftChoice.NONE:
            return f"shot {self.shot}: {said}"
        return f"shot {self.shot}: {self.choice.value}" + (f" ({said})" if said else "")


def save(
    session: Session, reel_id: str, plan_version: int, shot: int, *, choice: DraftChoice, note: str, person: Person
) -> None:
    """Keep a person's mark; a later one of theirs takes its place, and an empty one takes it away.

    Whether the plan has that shot is for the caller to know: the catalogue does not read plans.

    Raises:
        UnknownPlan: the reel has no such plan version.
        WrongUse: the note is too long.
    """
    text = storable(note.strip())
    if len(text) > NOTE_CHARACTERS:
        raise WrongUse(
            "the note is too long",
            reel=reel_id,
            expected=f"at most {NOTE_CHARACTERS} characters",
            found=len(text),
            action="shorten it",
        )
    plans.get(session, reel_id, plan_version)
    key = {
        "reel_id": reel_id,
        "plan_version": plan_version,
        "shot": shot,
        "person_id": ensure_person(session, person.login, person.name),
    }
    if choice is DraftChoice.NONE and not text:
        known = session.get(ShotDraft, tuple(key.values()))
        if known is not None:
            session.delete(known)
        return
    said = {"choice": choice, "note": text, "saved_at": func.now()}
    session.execute(insert(ShotDraft).values(**key, **said).on_conflict_do_update(index_elements=list(key), set_=said))


def of_version(session: Session, reel_id: str, plan_version: int) -> list[Draft]:
    """Everybody's marks on a plan version, by shot, the newest first."""
    rows = session.execute(
        select(ShotDraft, AgentName.login)
        .outerjoin(AgentName, AgentName.agent_id == ShotDraft.person_id)
        .where(ShotDraft.reel_id == reel_id, ShotDraft.plan_version == plan_version)
        .order_by(ShotDraft.shot, ShotDraft.saved_at.desc())
    )
    return [Draft(row.shot, row.choice, row.note, login, row.saved_at) for row, login in rows]


def of_person(session: Session, reel_id: str, plan_version: int, login: str) -> list[Draft]:
    """One person's marks, by shot: what their decision names."""
    return [draft for draft in of_version(session, reel_id, plan_version) if draft.login == login]
