"""What brings a reel to its place: condition before carrier before age, frames by scan, delivery or what is usual."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from restoration_tasks.catalogue import carriers, queue, rates, reels
from restoration_tasks.catalogue.models import ConditionRecord, ScanRecord
from restoration_tasks.catalogue.nights import Wanted
from restoration_tasks.catalogue.queue_models import Basis, CarrierReading, EstimatedFrom, QueueState
from restoration_tasks.catalogue.work_models import FilmBase
from restoration_tasks.media.stills.dpx import write_dpx
from restoration_tasks.provenance.agents import Participant
from restoration_tasks.provenance.vocabulary import AgentKind
from restoration_tasks.steps import queueing
from restoration_tasks.steps.queueing import Known, judge
from tests.catalogue.queued import ANA, entry

PROGRAM = Participant(AgentKind.SOFTWARE, "reelkeeper")
LEARNED = rates.Rates(rates.FIRST_RUN)
OLD = CarrierReading(base=FilmBase.ACETATE, made_year=1926, uniqueness=1.0)
SOUR = CarrierReading(base=FilmBase.ACETATE, made_year=1926, ad_strip_level=2.0, uniqueness=1.0)
FADED = ConditionRecord(urgency=54.0, severities={"fade": 60.0, "dirt": 20.0, "scratch": 1.0})
SCAN = ScanRecord(frames=240, width=2048, height=1556)


@pytest.mark.parametrize(
    ("known", "urgency", "basis"),
    [
        (Known(), 25.0, Basis.NOTHING),
        (Known(carrier=OLD), 37.5, Basis.AGE),
        (Known(carrier=SOUR), 85.0, Basis.CARRIER),
        (Known(condition=FADED), 54.0, Basis.CONDITION),
        # what was read off the carrier since counts with the picture
        (Known(condition=FADED, carrier=SOUR), 93.4, Basis.CONDITION),
    ],
)
def test_the_firmest_that_is_known_says_how_urgent(settings, known, urgency, basis):
    worth = judge(known, LEARNED, settings, today=date(2026, 11, 27))
    assert (worth.urgency, worth.basis) == (pytest.approx(urgency, abs=0.1), basis)


def test_hours_go_by_what_the_condition_calls_for_and_the_form_allows(settings):
    def hours(known, **form):
        return judge(known, LEARNED, settings, form=form).device_h

    two = hours(Known(condition=FADED, scan=SCAN))
    assert two == pytest.approx(LEARNED.hours(240, SCAN.width * SCAN.height / 1e6, 2.0).device_h, abs=1e-3)
    assert hours(Known(condition=FADED, scan=SCAN), treatments=["dirt"]) < two
    assert hours(Known(condition=FADED, scan=SCAN), profile="silent") < two, "it leaves colour alone"
    worth = judge(Known(), LEARNED, settings)
    assert (worth.frames, worth.estimated_from) == (rates.TYPICAL_FRAMES, EstimatedFrom.TYPICAL)
    assert judge(Known(), LEARNED, settings, frames=12).estimated_from is EstimatedFrom.DELIVERY


def deliver(folder, frames=3):
    folder.mkdir(parents=True)
    for number in range(frames):
        write_dpx(folder / f"x_{number:04d}.dpx", np.full((3, 8, 12), 400, np.uint16), fps=24.0)
    (folder / ".ready").touch()


def test_finished_deliveries_are_put_in_once_with_their_frames(settings, sessions):
    deliver(settings.inbox_folder / "R-1")
    deliver(settings.inbox_folder / "R-2", frames=5)
    with sessions.begin() as session:
        reels.register(session, "R-2")  # known already: somebody looks after it
        assert queueing.gather(session, settings, by=PROGRAM) == ["R-1"]
    with sessions.begin() as session:
        assert queueing.gather(session, settings, by=PROGRAM) == []
        (place,) = queue.places(session)
    assert (place.reel_id, place.frames, place.estimated_from) == ("R-1", 3, EstimatedFrom.DELIVERY)
    assert entry(sessions, "R-1").form == {"delivery": str(settings.inbox_folder / "R-1")}


def test_only_a_reel_that_was_delivered_can_be_worked(settings):
    deliver(settings.inbox_folder / "R-1")
    deliver(settings.home / "elsewhere")
    ready = queueing.delivered(settings)

    def asked(reel_id, delivery=""):
        return ready(Wanted(reel_id, 1.0, Basis.AGE, 1.0, delivery))

    assert asked("R-1")
    assert asked("R-2", str(settings.home / "elsewhere"))
    assert not asked("R-2")
    assert not asked("R-2", str(settings.home / "gone"))


def test_what_waits_is_judged_anew_when_something_was_read(settings, sessions):
    with sessions.begin() as session:
        for reel_id in ("A", "B"):
            queueing.put(session, settings, reel_id, by=ANA, frames=100)
        queue.hold(session, "B", person=ANA, reason="x")
    with sessions.begin() as session:
        assert queueing.judge_all(session, settings) == 0
        for reel_id in ("A", "B"):
            carriers.record(session, reel_id, carriers.Reading(ad_strip_level=3.0), person=ANA)
    with sessions.begin() as session:
        assert queueing.judge_all(session, settings) == 2
    found = entry(sessions, "A")
    assert (found.urgency, found.basis, found.frames) == (100.0, Basis.CARRIER, 100)
    assert entry(sessions, "B").state is QueueState.HELD_BACK
