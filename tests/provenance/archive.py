"""A small archive with signed checkpoints, and what somebody with every right over its database could do to it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.recorder import Recorder
from tests.provenance.results import REEL, step_result

OTHER = "OTHER-2"
TABLES = ("events", "event_objects", "event_agents", "digital_objects", "agents", "fixity", "checkpoints",
          "signed_checkpoints")  # fmt: skip


def record(sessions: sessionmaker[Session], numbers: range, reel: str = REEL) -> None:
    """Record so many events."""
    recorder = Recorder(sessions)
    for number in numbers:
        recorder.record(step_result(execution_id=f"{reel}/{number}", minute=number, reel_id=reel))


def tamper(sessions: sessionmaker[Session], *statements: str) -> None:
    """Switch the triggers off, do this, and switch them on again."""
    with sessions.begin() as session:
        for table in TABLES:
            session.execute(text(f"ALTER TABLE reelkeeper.{table} DISABLE TRIGGER append_only"))
        for statement in statements:
            session.execute(text(statement), {"reel": REEL, "other": OTHER})
        for table in TABLES:
            session.execute(text(f"ALTER TABLE reelkeeper.{table} ENABLE ALWAYS TRIGGER append_only"))


def remove(condition: str) -> list[str]:
    """Statements that remove events and what hangs on them."""
    of_events = f"event_id IN (SELECT id FROM reelkeeper.events WHERE {condition})"
    return [
        *(f"DELETE FROM reelkeeper.{table} WHERE {of_events}" for table in ("event_objects", "event_agents", "fixity")),
        f"DELETE FROM reelkeeper.events WHERE {condition}",
    ]


def rewrite(sessions: sessionmaker[Session], reel: str, *, notes_too: bool = False) -> None:
    """Change the third event and make every hash after it fit again, as somebody who knows our code could."""
    with sessions() as session:
        (line,) = chain.load(session, reel)
    statements, previous = [], chain.genesis(reel)
    for event in line.events:
        outcome = "failure" if event.seq == 3 else event.outcome
        made = chain.replace(event, outcome=outcome, previous_hash=previous).sealed()
        statements.append(
            f"UPDATE reelkeeper.events SET outcome = '{outcome}', previous_hash = '{made.previous_hash}',"
            f" hash = '{made.hash}' WHERE id = '{made.id}'"
        )
        if notes_too:
            statements.append(
                f"UPDATE reelkeeper.checkpoints SET hash = '{made.hash}' WHERE reel_id = '{reel}' AND seq = {made.seq}"
            )
        previous = made.hash
    statements.append(f"UPDATE reelkeeper.chains SET head = '{previous}' WHERE reel_id = '{reel}'")
    tamper(sessions, *statements)
