"""Waiting without a worker: for a slot, and for a batch; and what the morning reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from reelkeeper_airflow.nightly import trigger
from reelkeeper_airflow.nightly.trigger import NightTrigger, SlotTrigger, WorkedTrigger

from restoration_tasks.catalogue import nights
from restoration_tasks.report.night import summarise
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.queued import put

NIGHT = "scheduled__2026-11-28T20:00:00+00:00"


class Asked(NightTrigger):
    """Answers what the test says, one after the other."""

    def __init__(self, *answers: bool | Exception, **times: float) -> None:
        super().__init__(**times)
        self.answers = list(answers)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "", {}

    def answer(self) -> bool:
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def first_event(one: NightTrigger) -> Any:
    """What the trigger fires with."""

    async def wait() -> Any:
        return (await asyncio.wait_for(anext(one.run()), 5)).payload

    return asyncio.run(wait())


def test_it_asks_until_the_answer_is_yes_and_outlives_a_lost_database() -> None:
    asked = Asked(False, DatabaseError("gone"), True, every_s=0.01)
    assert first_event(asked) == {"yes": True}
    assert asked.answers == []


def test_it_lets_the_task_look_from_time_to_time() -> None:
    assert first_event(Asked(*[False] * 500, every_s=0.01, look_again_s=0.05)) == {"yes": False}


def test_both_can_be_made_anew_from_their_names_and_arguments() -> None:
    for one in (SlotTrigger("A", "run", 3, every_s=2.0), WorkedTrigger(NIGHT)):
        name, arguments = one.serialize()
        again = getattr(trigger, name.rpartition(".")[2])(**arguments)
        assert again.serialize() == one.serialize()


def test_they_ask_the_catalogue(sessions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelkeeper_airflow.journal.catalogue", lambda: sessions)
    for reel, urgency in (("A", 90), ("B", 80)):
        put(sessions, reel, urgency)
    with sessions.begin() as session:
        nights.take(session, NIGHT, 50)
    run_id = {reel: nights.run_id_for(reel, NIGHT) for reel in "AB"}
    assert SlotTrigger("A", run_id["A"], 1).answer()
    assert not SlotTrigger("B", run_id["B"], 1).answer()
    assert WorkedTrigger(NIGHT).answer()
    with sessions.begin() as session:
        nights.slot(session, "A", run_id["A"], 1)
    assert not WorkedTrigger(NIGHT).answer()
    assert not SlotTrigger("B", run_id["B"], 1).answer()
    with sessions.begin() as session:
        nights.worked(session, "A", run_id["A"])
    assert WorkedTrigger(NIGHT).answer()
    assert SlotTrigger("B", run_id["B"], 1).answer()


def test_the_summary_says_where_every_reel_stands_and_quotes_hostile_words_safely(sessions: Any, tmp_path: Any) -> None:
    for reel, urgency in (("A", 90), ("B", 80), ("C", 70)):
        put(sessions, reel, urgency)
    with sessions.begin() as session:
        nights.take(session, NIGHT, 50)
    with sessions.begin() as session:
        for reel in "AB":
            nights.slot(session, reel, nights.run_id_for(reel, NIGHT), 3)
        nights.worked(session, "A", nights.run_id_for("A", NIGHT))
        nights.closed(session, "B", nights.run_id_for("B", NIGHT), whole=False, why="<script>|\nx")
        summary = summarise(
            NIGHT, nights.outcome(session, NIGHT), budget_h=50, took_h={"A": 1.25}, passed_over=2, undelivered=1
        )
    vault = Vault(str(tmp_path))
    uri = summary.write(vault)
    assert uri == "vault:nights/scheduled__2026-11-28T20-00-00-00-00/summary.html"
    text = (vault.read_bytes(uri.replace(".html", ".md")) or b"").decode()
    assert "| A | 90.0 | condition | 1.00 | 1.25 | waits for a decision (Required Actions) |" in text
    assert "| B | 80.0 | condition | 1.00 |  | held back: <script>\\| x |" in text
    assert "| C | 70.0 | condition | 1.00 |  | could not be started |" in text
    assert "2 more urgent reels did not fit" in text
    assert b"<script>" not in (vault.read_bytes(uri) or b"")
    assert summary.unstarted == ("C",)
    assert summary.counts == {"taken": 3, "waiting_for_a_decision": 1, "done": 0, "held_back": 1}
