"""Drafts: a person's own marks, kept, changed, taken back, and named by their decision."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import decisions, drafts, plans, reels
from restoration_tasks.catalogue.errors import UnknownPlan
from restoration_tasks.catalogue.models import DeciderRole, DraftChoice
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.erasure import erase
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import WrongUse
from tests.catalogue.reel import PROGRAM

REEL = "DRAFTS-1"
ANA, BO = Person("ana", "Ana Petrova"), Person("bo")
REDO, ACCEPT, NONE = DraftChoice.REDO, DraftChoice.ACCEPT, DraftChoice.NONE


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Session:
    with sessions() as session:
        reels.register(session, REEL)
        plans.save(session, REEL, "shots: []\n", author=PROGRAM, reason="first look")
        yield session


def kept(session: Session) -> list[tuple[int, DraftChoice, str, str | None]]:
    return [(one.shot, one.choice, one.note, one.login) for one in drafts.of_version(session, REEL, 1)]


def test_the_last_mark_counts_and_an_empty_one_takes_it_back(session: Session) -> None:
    for choice, note in ((REDO, "washed"), (ACCEPT, " fine\0 ")):
        drafts.save(session, REEL, 1, 3, choice=choice, note=note, person=ANA)
    drafts.save(session, REEL, 1, 3, choice=NONE, note="look again", person=BO)
    assert sorted(kept(session), key=lambda one: one[3] or "") == [
        (3, ACCEPT, drafts.storable("fine\0"), "ana"),
        (3, NONE, "look again", "bo"),
    ]
    session.expire_all()
    drafts.save(session, REEL, 1, 3, choice=NONE, note=" ", person=ANA)
    drafts.save(session, REEL, 1, 4, choice=NONE, note="", person=ANA)
    assert kept(session) == [(3, NONE, "look again", "bo")]


def test_what_fits_nothing_is_refused(session: Session) -> None:
    with pytest.raises(UnknownPlan):
        drafts.save(session, REEL, 2, 1, choice=REDO, note="", person=ANA)
    with pytest.raises(WrongUse, match="too long"):
        drafts.save(session, REEL, 1, 1, choice=REDO, note="x" * 2001, person=ANA)


def test_an_erased_person_leaves_marks_without_a_name(session: Session) -> None:
    drafts.save(session, REEL, 1, 1, choice=REDO, note="", person=ANA)
    erase(session, "ana", by=Person("head"), reason="she asked for it")
    assert kept(session) == [(1, REDO, "", None)]


def test_a_decision_names_the_marks_of_whoever_decides_for_good(session: Session) -> None:
    drafts.save(session, REEL, 1, 2, choice=REDO, note="grain\nlooks washed", person=ANA)
    drafts.save(session, REEL, 1, 5, choice=ACCEPT, note="", person=BO)
    marks = drafts.of_person(session, REEL, 1, "ana")
    assert [mark.words for mark in marks] == ["shot 2: redo (grain looks washed)"]
    decided = decisions.decide(
        session, REEL, run_id="run", execution_id="run/decide/-1/0", plan_version=1, answer=DecisionAnswer.REDO,
        person=ANA, role=DeciderRole.CONSERVATOR, shots=marks,
    )  # fmt: skip
    detail = session.get_one(Event, decided.event_id).detail
    assert detail["shots"] == [{"shot": 2, "choice": "redo", "note": "grain\nlooks washed"}]
    assert verify(session, REEL).ok
