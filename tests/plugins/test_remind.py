"""Who waits too long is named in one message, the longest waiting first; nothing is decided."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from reelkeeper_airflow import remind as module
from sqlalchemy import update

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import Reel, ReelState


@pytest.fixture
def waited(sessions, settings, monkeypatch):
    """Reels that have waited for so many hours; what the task says of them."""
    sent: list[module.Message] = []
    monkeypatch.setattr(module, "send", sent.append)
    monkeypatch.setattr(module, "Settings", lambda: settings)
    monkeypatch.setattr(module, "catalogue", lambda _settings: sessions)
    monkeypatch.setattr(module, "get_current_context", lambda: {"run_id": "scheduled__1"})

    def remind(**hours: float):
        with sessions.begin() as session:
            for reel_id, waits in hours.items():
                reels.register(session, reel_id, title=f"Title of {reel_id}")
                since = datetime.now(UTC) - timedelta(hours=waits)
                values = {"state": ReelState.AWAITING_DECISION, "state_since": since}
                session.execute(update(Reel).where(Reel.id == reel_id).values(values))
        return module.remind.function(), sent

    return remind


def test_those_that_wait_too_long_are_named_the_longest_waiting_first(waited, sessions):
    found, (message,) = waited(late=100.0, later=500.0, fresh=71.0)
    assert found == {"waiting": 2}
    assert message.subject == "2 reels wait for a decision"
    lines = [line.partition(",")[0] for line in message.text.splitlines()[2:]]
    assert lines == ["later", "late"]
    assert "Title of later" in message.text
    with sessions() as session:
        assert reels.status(session, "later").state is ReelState.AWAITING_DECISION


def test_nothing_is_sent_where_nobody_waits(waited, caplog):
    caplog.set_level(logging.INFO)
    assert waited(fresh=1.0) == ({"waiting": 0}, [])


def test_of_very_many_some_are_named(waited):
    _, (message,) = waited(**{f"reel{number}": 100.0 + number for number in range(module.NAMED + 3)})
    assert message.text.splitlines()[-1] == "and 3 more"
