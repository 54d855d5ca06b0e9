"""What the exports say of a reel: from the catalogue, as it stood at an event, naming no member of staff."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from sqlalchemy import update

from restoration_tasks.catalogue.describe import describe
from restoration_tasks.catalogue.errors import UnknownReel
from restoration_tasks.catalogue.models import ConditionRecord, Reel
from restoration_tasks.catalogue.work_models import (
    Item,
    Manifestation,
    ManifestationKind,
    TitleKind,
    Work,
    WorkMaker,
    WorkTitle,
)
from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.description import CheckFound, KeptFile, Maker, Use
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.runtime.spec import StepName
from tests.catalogue.reel import RUN, make_decided, make_ingested
from tests.provenance.results import REEL, START, digest, output, step_result


def line_of(sessions) -> ReelChain:
    with sessions() as session:
        return next(chain.load(session, REEL))


def described(sessions, line=None, files=None):
    with sessions() as session:
        return describe(session, line or line_of(sessions), files)


def test_a_reel_is_described_from_all_the_catalogue_knows(sessions):
    make_ingested(sessions)
    make_decided(sessions)
    recorder = Recorder(sessions)
    planned = recorder.record(step_result(StepName.PLAN, f"{RUN}/plan", minute=20))
    check = step_result(
        StepName.CHECK, f"{RUN}/check", minute=30, outputs=(output("check"), output("report")),
        figures={"passed": False, "failed_rules": ["flicker"]},
    )  # fmt: skip
    recorder.record(check)
    with sessions.begin() as session:
        work = Work(
            id=uuid.uuid4(), identifier="W-1", title="Das Werk", year_from=1927, year_to=1928, countries=["DE"],
            languages=["de"],
        )  # fmt: skip
        title = WorkTitle(work_id=work.id, position=1, title="The Work", language="en", kind=TitleKind.TRANSLATED)
        maker = WorkMaker(work_id=work.id, position=1, name="Lotte", role="director")
        source = Manifestation(id=uuid.uuid4(), work_id=work.id, kind=ManifestationKind.SOURCE)
        item = Item(id=uuid.uuid4(), manifestation_id=source.id, identifier="N-1967/12")
        for row in (work, title, maker, source, item):
            session.add(row)
            session.flush()
        session.execute(update(Reel).where(Reel.id == REEL).values(item_id=item.id))
        session.add(
            ConditionRecord(
                event_id=planned.id, reel_id=REEL, run_id=RUN, result_uri="vault:r", frames=240, urgency=63.2,
                severities={"dirt": 40.4, "fade": 71, "weave": 0}, carrier={}, shots=[],
            )
        )  # fmt: skip
    found = described(sessions)
    assert [title.text for title in found.titles] == ["Das Werk", "Reel three", "The Work"]
    assert (found.titles[-1].kind, found.titles[-1].language) == ("translated", "en")
    assert (found.year, found.countries, found.languages) == ("1927/1928", ("DE",), ("de",))
    assert found.makers == (Maker("director", "Lotte"),)
    assert (found.item, found.work_id) == ("N-1967/12", str(work.id))
    assert (found.scan.frames, found.scan.fps, found.scan.sound_rate_hz) == (240, "24", 48000)
    assert found.check == CheckFound(False, ("flicker",))
    assert [(one.answer, one.capacity, one.plan_version) for one in found.decisions] == [("approve", "conservator", 1)]
    assert {(file.role, file.use) for file in found.files} == {
        ("segment", Use.DOCUMENTATION), ("check", Use.DOCUMENTATION), ("report", Use.DOCUMENTATION),
    }  # fmt: skip
    assert "urgency 63; fade 71, dirt 40." in found.summary
    assert "did not pass. Rules not met: flicker." in found.summary
    assert "Ana" not in repr(found)


def test_an_older_record_is_described_as_it_was(sessions):
    make_ingested(sessions)
    make_decided(sessions)
    line = line_of(sessions)
    before_ingest = dataclasses.replace(line, events=line.events[:1])
    before_the_decision = dataclasses.replace(line, events=line.events[:-1])
    assert described(sessions, before_ingest).scan is None
    assert described(sessions, before_the_decision).scan is not None
    assert described(sessions, before_the_decision).decisions == ()
    assert len(described(sessions, line).decisions) == 1


def test_files_bear_what_the_record_knows_of_them(sessions):
    make_decided(sessions)
    made = Recorder(sessions).record(step_result(StepName.INGEST, "i", outputs=(output("master"),), inputs={}))
    elsewhere = KeptFile("master", "vault:reels/elsewhere", digest("master"), 1006, "video/x-matroska", place="m.mkv")
    strange = KeptFile("access", "vault:reels/access", digest("access"), 1, "video/mp4")
    master, access = described(sessions, files=(elsewhere, strange)).files
    assert (master.uri, master.place) == (output("master").uri, "m.mkv")
    assert master.id is not None
    assert master.made is not None
    assert master.made > START
    assert access == strange
    assert made.seq == 3


def test_a_reel_nobody_knows_has_no_description(sessions):
    with pytest.raises(UnknownReel):
        described(sessions, ReelChain("nobody-1", 0, None, ()))
