"""The clock is set back or forward while reels are worked: everything is recorded, once, in order, and verifies."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from restoration_tasks.provenance import events
from restoration_tasks.provenance.events import EventDraft
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import FIXITY_TERM, Outcome
from restoration_tasks.runtime import runner
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Spec, StepName
from restoration_tasks.runtime.step import StepDefinition
from tests.provenance.results import REEL, START, step_result

SETTINGS = (timedelta(), timedelta(hours=-3), timedelta(days=400), timedelta(days=-30))
"""How far the clock is off, one after the other: right, set back, far ahead, back again."""


class Clock:
    """Stands where modules look for `datetime`, and for the time that ids are made of; it can be set."""

    def __init__(self, monkeypatch):
        self.off = timedelta()
        real_ns = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(self.off.total_seconds() * 1e9))
        for module in (runner, events):
            monkeypatch.setattr(module, "datetime", self)

    def now(self, zone=None):
        return datetime.now(zone) + self.off


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize("moved", [timedelta(hours=-3), timedelta(hours=3)], ids=["back", "forward"])
def test_a_step_during_which_the_clock_is_set_is_recorded_with_how_long_it_took(settings, sessions, clock, moved):
    def work(step):
        step.output("text", "text.txt", media_type="text/plain").write_text("x")
        clock.off = moved

    spec = Spec(step=StepName.SHOTS, step_version="1", reel_id=REEL, vault=settings.vault_root, execution_id="run/x/0")
    result = run_step(spec, StepDefinition(StepName.SHOTS, "1", work), settings)
    assert timedelta() <= result.ended - result.started < timedelta(minutes=1)
    assert result.wall_s == pytest.approx((result.ended - result.started).total_seconds(), abs=0.001)
    recorded = Recorder(sessions).record(result)
    assert Recorder(sessions).record(result).id == recorded.id
    with sessions() as session:
        assert verify(session, REEL).ok


def test_what_began_after_it_ended_by_the_clock_is_recorded_and_verifies(sessions, clock):
    draft = EventDraft(
        reel_id=REEL,
        execution_id="fixity/x",
        term=FIXITY_TERM,
        started=START,
        ended=START - timedelta(hours=3),
        outcome=Outcome.SUCCESS,
        detail={},
    )
    recorded = Recorder(sessions).record_event(draft)
    with sessions() as session:
        event = session.get_one(Event, recorded.id)
        assert event.ended == event.started == START
        assert verify(session, REEL).ok


def test_a_chain_goes_on_in_order_whatever_the_clock_says_and_repeats_add_nothing(sessions, clock):
    recorder = Recorder(sessions)
    results = [step_result(execution_id=f"run/restore/{index}/0/s001-01") for index in range(len(SETTINGS))]
    seqs = []
    for off, result in zip(SETTINGS, results, strict=True):
        clock.off = off
        seqs.append(recorder.record(result).seq)
    assert [recorder.record(result).seq for result in results] == seqs == list(range(1, len(SETTINGS) + 1))
    with sessions() as session:
        moments = list(session.scalars(select(Event.recorded_at).order_by(Event.seq)))
        assert moments[1] < moments[0] < moments[2], "the clock was not really set"
        assert verify(session, REEL).ok
