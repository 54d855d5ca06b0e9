"""What ingest leaves in the catalogue: waivers with a name, and the technical metadata in columns."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from restoration_tasks.catalogue import journal, reels, scans, waivers
from restoration_tasks.catalogue.errors import UnknownReel
from restoration_tasks.catalogue.models import ScanRecord, WaivedFinding
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import WAIVER_TERM
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.spec import Spec, StepName
from tests.catalogue.reel import ANA, RUN, WAIVER, ingest_result, make_ingested
from tests.provenance.results import REEL


def test_a_waiver_is_a_decision_with_a_name_and_recorded_once(sessions):
    make_ingested(sessions)
    make_ingested(sessions)
    with sessions() as session:
        (waived,) = waivers.of_reel(session, REEL)
        assert (waived.finding, waived.reason, waived.run_id) == (WAIVER.finding, WAIVER.reason, RUN)
        event = session.get_one(Event, waived.event_id)
        assert (event.event_type, event.subtype) == (WAIVER_TERM.type, WAIVER_TERM.subtype)
        assert verify(session).ok


def test_nobody_waives_nothing(sessions):
    with sessions.begin() as session:
        reels.register(session, REEL)
        with pytest.raises(WrongUse, match="needs a name"):
            waivers.record(session, REEL, run_id=RUN, waivers=(WAIVER,), person=None)
        waivers.record(session, REEL, run_id=RUN, waivers=(), person=None)
        assert waivers.of_reel(session, REEL) == []
    with sessions.begin() as session, pytest.raises(UnknownReel):
        waivers.record(session, "nowhere", run_id=RUN, waivers=(WAIVER,), person=ANA)


def test_another_pass_stands_on_the_first_word(sessions):
    make_ingested(sessions)
    other = Waiver(finding=WAIVER.finding, reason="a second thought")
    with sessions.begin() as session:
        waivers.record(session, REEL, run_id="redo__2", waivers=(WAIVER,), person=None)
        assert [waived.run_id for waived in waivers.of_reel(session, REEL)] == [RUN]
        with pytest.raises(WrongUse, match="needs a name"):
            waivers.record(session, REEL, run_id="redo__2", waivers=(WAIVER, other), person=None)


def test_hostile_reasons_are_kept(sessions):
    nasty = Waiver(finding="truncated:7", reason="it's \x00 'a' ; DROP TABLE waivers --")
    with sessions.begin() as session:
        reels.register(session, REEL)
        waivers.record(session, REEL, run_id=RUN, waivers=(nasty,), person=ANA)
    with sessions() as session:
        assert "DROP TABLE" in session.scalars(select(WaivedFinding.reason)).one()


def test_an_ingest_fills_the_columns_it_has_figures_for(sessions):
    whole = {name: value for name, value in ingest_result().figures.items() if name != "substituted_frames"}
    result = ingest_result().model_copy(update={"figures": whole})
    spec = Spec(step=StepName.INGEST, step_version="1", reel_id=REEL, vault="/v", execution_id=f"{RUN}/ingest/-1/0")
    with sessions.begin() as session:
        reels.register(session, REEL)
    for _ in range(2):
        journal.record(sessions, journal.Task(RUN, "ingest"), spec, result)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ScanRecord)) == 1
        scan = scans.newest(session, REEL)
        assert scan is not None
        assert (scan.frames, scan.scanner, scan.master_bytes, scan.creator) == (240, "Scanner 7", 2**33, None)
        assert scans.newest(session, "nowhere") is None
