"""The tasks of audits, of letting go, and of a night's end: what they hand on, and when they turn red."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from reelkeeper_airflow.fixity import audit
from reelkeeper_airflow.nightly import night
from reelkeeper_airflow.scratch import release

from restoration_tasks.catalogue import nights
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.queued import put
from tests.steps.kept import keep
from tests.steps.test_scratch import finished

RUN = "manual__2026-11-28T08:00:00+00:00"


@pytest.fixture
def vault(settings: Settings, sessions: Any, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """The vault of tasks that run here, on this database."""
    for module in (audit, night, release):
        monkeypatch.setattr(module, "catalogue", lambda *_: sessions)
        monkeypatch.setattr(module, "Settings", lambda: settings)
    return Vault(settings.vault_root)


def ask(monkeypatch: pytest.MonkeyPatch, **params: Any) -> None:
    """Let tasks run with a form."""
    run = SimpleNamespace(run_after=datetime(2026, 11, 28, 20, tzinfo=UTC))
    context = {"run_id": RUN, "params": params, "dag_run": run}
    for module in (audit, night, release):
        monkeypatch.setattr(module, "get_current_context", lambda: context)


def test_an_audit_that_finds_a_loss_turns_red_and_says_which(
    vault: Vault, sessions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = keep(sessions, vault, "A", StepName.INGEST, {"master": b"m" * 1000, "scan": b"s"})
    ask(monkeypatch, budget_gb=1.0, every_days=1)
    files["master"].unlink()
    read = audit.read_again.function()
    assert (read["files"], read["bad"], read["repaired"]) == (2, 1, 0)
    with pytest.raises(AirflowFailException, match=r"reel A, file vault:reels/A/.*master.bin: a recorded file is gone"):
        audit.report_damage.function(read)
    audit.report_damage.function(read | {"bad": 0})


def test_nothing_is_let_go_unless_the_form_says_so(
    vault: Vault, sessions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = finished(sessions, vault)
    ask(monkeypatch, reel_id=None, for_good=False)
    found = release.say_what_could_go.function()
    assert (found, release.asked_for.function(found)) == ({"reels": 1, "bytes": 400}, False)
    assert files["segment"].exists()
    ask(monkeypatch, reel_id="A", for_good=True)
    assert release.asked_for.function(found)
    assert release.let_go.function() == {"reels": 1, "bytes": 400}
    assert release.let_go.function() == {"reels": 0, "bytes": 0}
    assert not files["segment"].exists()


def test_a_night_is_red_where_reels_could_not_be_chosen_or_started(
    vault: Vault, sessions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(monkeypatch, budget_hours=5.0, most_at_once=1, profile="feature")
    put(sessions, "A", 90)
    with pytest.raises(AirflowException, match="chose no reels"):
        night.sum_up.function(None)
    with sessions.begin() as session:
        nights.take(session, RUN, 5.0)
    (run,) = night.runs_to_start.function({})
    assert run == {"trigger_run_id": nights.run_id_for("A", RUN), "conf": {"profile": "feature", "reel_id": "A"}}
    with pytest.raises(AirflowException, match="reel A: 1 reels of this night could not be started"):
        night.sum_up.function({"passed_over": 0, "undelivered": 0})
    with sessions.begin() as session:
        nights.slot(session, "A", run["trigger_run_id"], 1)
        nights.worked(session, "A", run["trigger_run_id"])
    told = night.sum_up.function({"passed_over": 0, "undelivered": 0})
    assert (told["taken"], told["waiting_for_a_decision"]) == (1, 1)
    assert vault.read_bytes(told["summary"]) is not None
