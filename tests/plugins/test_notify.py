"""People are told by mail and webhook, hostile titles stay text, and a way that fails stops nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
from types import SimpleNamespace

import pytest
from reelkeeper_airflow.notify import Message, Occasion, TellStaff, message_of, send

from tests.fixtures.receivers import HOST, mail_box, receiver, text_of

HOSTILE = "<script>alert(1)</script>\r\nBcc: everybody@example.org"
SECRET = "only the two of us"


@pytest.fixture
def told(settings, monkeypatch):
    """A mail server and a program that are set up, and the settings that say so."""
    with mail_box() as box, receiver() as program:
        monkeypatch.setenv("AIRFLOW_CONN_REELKEEPER_MAIL", box.connection)
        hook = {"conn_type": "http", "schema": "http", "host": HOST, "port": program.port, "password": SECRET,
                "extra": {"path": "/hook"}}  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_REELKEEPER_WEBHOOK", json.dumps(hook))
        who = {"notify_mail": ["ana@archive.example", "bo@archive.example"], "notify_webhook": True}
        yield SimpleNamespace(box=box, program=program, settings=settings.model_copy(update=who))


def message(**changes: str) -> Message:
    fields = {"subject": "Reel A-1 needs a decision", "text": "Look at it.", "link": "http://x/y", "key": "run/1"}
    return Message(Occasion.DECISION, reel_id="A-1", run_id="run", **(fields | changes))


def test_everybody_is_told_both_ways(told):
    assert send(message(), told.settings) == ["mail", "webhook"]
    (mail,) = told.box.mails
    assert (mail["Subject"], mail["From"]) == ("Reel A-1 needs a decision", "reelkeeper@archive.example")
    assert mail["To"] == "ana@archive.example, bo@archive.example"
    assert 'href="http://x/y"' in text_of(mail)
    (path, headers, content) = told.program.got[0]
    assert path == "/hook"
    assert json.loads(content) == {
        "format": "reelkeeper.notification/1", "occasion": "needs a decision", "subject": "Reel A-1 needs a decision",
        "text": "Look at it.", "link": "http://x/y", "key": "run/1", "reel_id": "A-1", "run_id": "run",
    }  # fmt: skip
    assert headers["Idempotency-Key"] == mail["X-Reelkeeper-Key"] == "run/1"
    signed = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    assert headers["X-Reelkeeper-Signature"] == f"sha256={signed}"


def test_a_hostile_title_is_text_and_adds_no_reader(told):
    send(message(subject=HOSTILE, text=HOSTILE), told.settings)
    (mail,) = told.box.mails
    assert mail["Subject"] == "<script>alert(1)</script> Bcc: everybody@example.org"
    assert mail["Bcc"] is None
    assert "<script" not in text_of(mail)
    assert "&lt;script&gt;" in text_of(mail)


def test_one_way_that_fails_is_said_and_the_other_goes(told, caplog):
    told.program.status = 500
    assert send(message(), told.settings) == ["mail"]
    assert "did not accept the message" in caplog.text
    assert SECRET not in caplog.text


def test_without_a_connection_nothing_breaks_and_without_settings_nothing_is_tried(settings, caplog):
    assert send(message(), settings.model_copy(update={"notify_mail": ["ana@archive.example"]})) == []
    assert "Nobody was told by mail" in caplog.text
    caplog.clear()
    assert send(message(), settings) == []
    assert caplog.text == ""


def context(**task: object) -> dict[str, object]:
    run = SimpleNamespace(dag_id="restore_reel", run_id="manual__2026-11-27T12:00:00+00:00", conf={"reel_id": "A-1"})
    return {"dag_run": run} | ({"ti": SimpleNamespace(**task)} if task else {})


def test_a_question_and_a_failure_name_the_reel_and_the_page():
    asked = message_of(Occasion.DECISION, context(task_id="review_plan", try_number=2))
    assert asked.subject == "Reel A-1 needs a decision"
    assert "Is the plan right?" in asked.text
    assert asked.key == "manual__2026-11-27T12:00:00+00:00/review_plan/2"
    assert asked.link.endswith("/dags/restore_reel/runs/manual__2026-11-27T12%3A00%3A00%2B00%3A00")
    failed = message_of(Occasion.FAILED, context())
    assert failed.subject == "Reel A-1: the run failed"
    assert message_of(Occasion.FAILED, context(task_id="ingest")).text.startswith("Reel A-1: the run failed at ingest.")


def test_a_callback_of_airflow_sends(told, monkeypatch):
    monkeypatch.setenv("REELKEEPER_NOTIFY_MAIL", "ana@archive.example")
    TellStaff(Occasion.FAILED)(context(task_id="ingest"))
    assert [mail["Subject"] for mail in told.box.mails] == ["Reel A-1: the run failed"]
