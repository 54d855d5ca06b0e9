"""Waiting without a worker: for a slot, and for a batch; and what the morning reads."""

from __future__ import annotations

import asyncio
import posixpath
import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from reelkeeper_airflow.nightly import trigger
from reelkeeper_airflow.nightly.trigger import NightTrigger, SlotTrigger, WorkedTrigger

from restoration_tasks.catalogue import checks, nights, waivers
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.report.night import summarise
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.runtime.spec import OutputFile, StepName
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.queued import ANA, put
from tests.provenance.results import step_result

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
            NIGHT, nights.outcome(session, NIGHT), budget_h=50, took_h={"A": 1.25}, checks={}, passed_over=2,
            undelivered=1,
        )  # fmt: skip
    vault = Vault(str(tmp_path))
    uri = summary.write(vault)
    assert uri == "vault:nights/scheduled__2026-11-28T20-00-00-00-00/summary.html"
    text = (vault.read_bytes(uri.replace(".html", ".md")) or b"").decode()
    assert "| A | 90.0 | condition | 1.00 | 1.25 | not checked | waits for a decision (Required Actions) |" in text
    assert "| B | 80.0 | condition | 1.00 |  | not checked | held back: <script>\\| x |" in text
    assert "| C | 70.0 | condition | 1.00 |  | not checked | could not be started |" in text
    assert "2 more urgent reels did not fit" in text
    assert b"<script>" not in (vault.read_bytes(uri) or b"")
    assert summary.unstarted == ("C",)
    assert summary.counts == {"taken": 3, "waiting_for_a_decision": 1, "done": 0, "held_back": 1}


def test_the_summary_says_how_each_check_came_out_and_leads_to_its_page(sessions: Any, tmp_path: Any) -> None:
    figures = {
        "A": {"passed": True, "failed_rules": [], "warned_rules": []},
        "B": {"passed": True, "failed_rules": [], "warned_rules": ["fidelity.highlights_kept"]},
        "C": {"passed": False, "failed_rules": ["fidelity.text_kept"], "warned_rules": []},
        "D": {"passed": False, "failed_rules": ["integrity.size"], "warned_rules": []},
    }
    for place, reel in enumerate("ABCDE"):
        put(sessions, reel, 90 - place)
    with sessions.begin() as session:
        nights.take(session, NIGHT, 50)
    run_id = {reel: nights.run_id_for(reel, NIGHT) for reel in "ABCDE"}
    for reel, measured in figures.items():
        page = OutputFile(
            name="report", uri=f"vault:reels/{reel}/check/s/report.html", sha256="1" * 64, bytes=1,
            media_type="text/html",
        )  # fmt: skip
        result = step_result(
            step=StepName.CHECK, reel_id=reel, segment=None, figures=measured, outputs=(page,),
            execution_id=f"{run_id[reel]}/check/-1/0",
        )  # fmt: skip
        Recorder(sessions).record(result)
    with sessions.begin() as session:
        waivers.record_check(
            session, "D", run_id=run_id["D"], execution_id=f"{run_id['D']}/record_decision/-1/0",
            rules=["integrity.size"], reason="known", person=ANA, check_sha256="2" * 64,
        )  # fmt: skip
    with sessions.begin() as session:
        found = {reel: checks.of_run(session, reel, run_id[reel]) for reel in "ABCDE"}
        assert found.pop("E") is None
        assert checks.of_run(session, "A", "another run") is None
        summary = summarise(
            NIGHT, nights.outcome(session, NIGHT), budget_h=50, took_h={}, checks=found, passed_over=0, undelivered=0
        )
    told = {line.reel_id: line.check_words for line in summary.lines}
    assert told == {
        "A": "passed",
        "B": "passed, to look at: fidelity.highlights_kept",
        "C": "refused: fidelity.text_kept",
        "D": "refused, waived: integrity.size",
        "E": "not checked",
    }
    assert "4 reels were checked: 1 passed; 1 passed, to look at; 1 refused; 1 refused, waived." in summary.text
    vault = Vault(str(tmp_path))
    page = (vault.read_bytes(summary.write(vault)) or b"").decode()
    links = re.findall(r'<a href="([^"]+)">', page)
    here = PurePosixPath("nights/night")
    assert [posixpath.normpath(str(here / link)) for link in links] == [
        f"reels/{reel}/check/s/report.html" for reel in "ABCD"
    ]
