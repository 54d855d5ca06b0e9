"""The documentation of treatment: the restoration that was catalogued, told from the chain alone."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.vocabulary import (
    CATALOGUE_TERM,
    DECISION_TERM,
    STEP_TERMS,
    WAIVER_TERM,
    EventTerm,
    Outcome,
)
from restoration_tasks.report.treatment import render_treatment, timecode
from restoration_tasks.report.treatment_record import read
from restoration_tasks.restoration.changes import REPAIRS, FrameChange
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.spec import StepName

REEL = "A-1"
HOSTILE = "<script>alert(1)</script> 疲倦的死神 \u202e\u0645\u0631\u062d\u0628\u0627"
PERSON = str(uuid.uuid4())
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SCAN = {
    "width": 100, "height": 50, "bit_depth": 10, "fps": "24", "frames": 30, "duration_s": 1.25, "kind": "dpx",
    "transfer": "bt709", "primaries": "bt709", "sound_tracks": 0, "substituted_frames": 0,
}  # fmt: skip
DIRT = {"name": "dirt", "params": {"threshold": 0.5}}
ANEW = {"name": "frames", "params": {"frames": [3]}}


def thing(role: str, name: str, *, made: bool) -> LinkedObject:
    """An object whose identity is its name, as the vault's files have."""
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    digest = uuid.uuid5(uuid.NAMESPACE_OID, name).hex * 2
    return LinkedObject("outcome" if made else "source", identity, role, f"vault:{name}", digest, 1_500_000, "video/x")


class Telling:
    """A chain, event by event."""

    def __init__(self) -> None:
        self.events: list[ChainedEvent] = []

    def add(
        self,
        term: EventTerm,
        detail: dict[str, Any],
        *things: LinkedObject,
        agents: tuple[LinkedAgent, ...] = (),
        outcome: str = Outcome.SUCCESS,
    ) -> None:
        seq = len(self.events) + 1
        moment = NOON + timedelta(minutes=seq)
        event = ChainedEvent(
            id=str(uuid.uuid5(uuid.NAMESPACE_DNS, str(seq))), reel_id=REEL, seq=seq, event_type=term.type.value,
            subtype=term.subtype, execution_id=f"run/{seq}", started=moment, ended=moment, recorded_at=moment,
            outcome=outcome, detail=json.dumps(detail), previous_hash="0" * 64, hash="", objects=things, agents=agents,
        )  # fmt: skip
        self.events.append(event.sealed())

    def restore(
        self,
        name: str,
        shot: int,
        start: int,
        *treatments: dict[str, Any],
        changed: int,
        px: int = 0,
        kind: str = "dirt",
    ) -> None:
        segment = {"shot": shot, "start": start}
        figures = {
            "frames": 5, "frames_changed": changed, "changed_share": changed / 10, "repaired_px": px,
            f"repaired_{kind}_px": px,
        }  # fmt: skip
        detail = {
            "figures": figures,
            "params": {"segment": segment, "plan": {"treatments": list(treatments)}},
            "profile": {"device": "cpu", "precision": "float32", "tile_px": 0},
        }
        network = LinkedAgent("executing program", "n", "model", "fusion network", "0.1.0", "f" * 64)
        found = (thing("map", "map", made=False),) if treatments else ()
        made = thing("segment", name, made=True)
        self.add(STEP_TERMS[StepName.RESTORE], detail, made, *found, agents=(network,) if treatments else ())

    def assemble(self, master: str, *segments: str) -> None:
        parts = [thing("segment", name, made=False) for name in segments]
        made = thing("restoration_master", master, made=True)
        self.add(STEP_TERMS[StepName.ASSEMBLE], {}, thing("master", "scan", made=False), made, *parts)

    def decide(self, answer: str, note: str = "") -> None:
        person = LinkedAgent("authorizer", PERSON, "person", None, None, None)
        detail = {"answer": answer, "role": "conservator", "plan_version": 1, "note": note}
        self.add(DECISION_TERM, detail, agents=(person,))

    def catalogue(self, master: str) -> None:
        digest = thing("restoration_master", master, made=True).sha256
        self.add(CATALOGUE_TERM, {"products": {"restoration_master": digest}})

    @property
    def line(self) -> ReelChain:
        return ReelChain(REEL, len(self.events), self.events[-1].hash, tuple(self.events))


@pytest.fixture
def telling() -> Telling:
    """A reel of two shots: the first, in two segments, is cleaned; the second is left alone."""
    told = Telling()
    told.add(STEP_TERMS[StepName.INGEST], {"figures": SCAN}, thing("master", "scan", made=True))
    detector = LinkedAgent("executing program", "d", "model", "detector network", "0.1.0", "d" * 64)
    told.add(STEP_TERMS[StepName.ASSESS], {}, thing("map", "map", made=True), agents=(detector,))
    told.add(STEP_TERMS[StepName.PLAN], {"figures": {"urgency": 42.4, "severities": {"dirt": 88.0, "fade": 3.0}}})
    told.restore("one", 1, 0, DIRT, changed=4, px=100)
    told.restore("two", 1, 5, DIRT, changed=1, px=25)
    told.restore("three", 2, 10, changed=0)
    told.assemble("restored", "one", "two", "three")
    told.add(
        STEP_TERMS[StepName.CHECK],
        {"figures": {"passed": True, "failed_rules": []}},
        thing("restoration_master", "restored", made=False),
    )
    return told


def plan(*treatments: dict[str, Any]) -> Plan:
    whys = [PlannedTreatment(**one, why=HOSTILE) for one in treatments]
    first, second = (
        PlannedShot(shot=1, start=0, stop=10, treatments=tuple(whys)),
        PlannedShot(shot=2, start=10, stop=15),
    )
    return Plan(reel_id=REEL, shots=(first, second))


def words(page: str) -> str:
    """A page's text in one line, as it is read."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)).replace(" .", ".")


def test_it_says_what_was_done_where_and_how_much(telling):
    telling.decide("approve", "as it was")
    telling.catalogue("restored")
    told = words(render_treatment(telling.line, plan(DIRT)))
    assert "5 of 15 frames were changed; 1 of 2 shots are the scan, bit for bit." in told
    assert "5 of 10 frames, 25 % of the picture on average." in told
    assert "Dirt repaired: 0.25 %" in told  # 125 px of 10 frames of 5,000 px
    assert "local repair: nothing outside the damage was changed" in told
    assert "No detail was invented." in told
    assert f"Approved by person {PERSON}." in told
    assert "Dirt and hairs 88 · grave Fading of the dyes 3 · nothing to look at" in told
    assert "passed every rule that can refuse it" in told
    assert "network detector network 0.1.0" in told
    assert "network fusion network 0.1.0" in told
    assert "reelkeeper revert A-1 --shots NUMBERS --off TREATMENTS" in told


def test_only_the_restoration_that_was_catalogued_is_told(telling):
    telling.decide("redo", "too clean")
    telling.restore("once more", 1, 0, DIRT, changed=2, px=10)
    telling.restore("two", 1, 5, DIRT, changed=5, px=999)  # made before: whoever came after has reused it
    telling.assemble("gentler", "once more", "two", "three")
    telling.decide("approve")
    telling.catalogue("gentler")
    catalogued = telling.line
    telling.restore("a later try", 1, 0, DIRT, changed=5, px=5)
    telling.assemble("not decided on", "a later try", "two", "three")
    record = read(telling.line)
    assert record.master.uri == "vault:gentler"
    first, second = record.shots()
    assert (first.frames_changed, first.repaired_px) == (3, {"dirt": 35})
    assert second.frames_changed == 0
    assert [entry.detail["answer"] for entry in record.said] == ["redo", "approve"]
    assert record.checked is None, "the check it has was of another master"
    assert (
        words(render_treatment(telling.line, plan(DIRT))).split("This page says")[0]
        == (words(render_treatment(catalogued, plan(DIRT))).split("This page says")[0])
    )


@pytest.mark.parametrize("kind", REPAIRS)
def test_every_kind_of_repair_is_told(telling, kind):
    telling.restore("other", 1, 0, DIRT, changed=3, px=35, kind=kind)
    telling.assemble("mended", "other", "two", "three")
    assert REPAIRS[kind] in words(render_treatment(telling.line, plan(DIRT)))


def test_every_kind_of_repair_that_is_counted_has_its_words():
    columns = [field.name for field in fields(FrameChange) if field.name.startswith("repaired_")]
    assert columns == ["repaired_px", *(f"repaired_{kind}_px" for kind in REPAIRS)]


def test_what_was_invented_stands_at_the_top(telling):
    telling.restore("one anew", 1, 0, DIRT, ANEW, changed=5)
    telling.assemble("with new frames", "one anew", "two", "three")
    told = words(render_treatment(telling.line, plan(DIRT, ANEW)))
    assert "Detail was invented in shot 1: frames made anew. Nobody has approved this restoration yet." in told


def test_names_are_given_only_where_asked_for_and_text_stays_text(telling):
    telling.decide("approve", HOSTILE)
    telling.catalogue("restored")
    page = render_treatment(telling.line, plan(DIRT), title=HOSTILE)
    named = render_treatment(telling.line, plan(DIRT), title=HOSTILE, names={PERSON: "Ana Lima"})
    assert "Ana Lima" not in page
    assert "Approved by Ana Lima." in words(named)
    assert PERSON not in named
    for made in (page, named):
        assert "<script" not in made
        assert made.count("疲倦的死神") >= 4  # the title, twice; why; the note
    assert page == render_treatment(telling.line, plan(DIRT), title=HOSTILE), "the same record gives the same bytes"


def test_what_a_person_let_pass_stands_beside_the_check_that_refused_it(telling):
    other, check = thing("check", "an earlier check", made=True), thing("check", "the check", made=True)
    telling.add(
        STEP_TERMS[StepName.CHECK],
        {"figures": {"passed": False, "failed_rules": ["fidelity.text_kept"]}},
        thing("restoration_master", "restored", made=False),
        check,
    )
    person = LinkedAgent("authorizer", PERSON, "person", None, None, None)
    for rule, of in (("integrity.size", other), ("fidelity.text_kept", check)):
        detail = {"finding": rule, "reason": HOSTILE, "check_sha256": of.sha256}
        telling.add(WAIVER_TERM, detail, agents=(person,))
    approved = {"answer": "approve", "role": "conservator", "plan_version": 1, "waived": ["fidelity.text_kept"]}
    telling.add(DECISION_TERM, approved, agents=(person,))
    telling.catalogue("restored")
    page = render_treatment(telling.line, plan(DIRT), names={PERSON: "Ana Lima"})
    assert "<script" not in page
    told = words(page)
    after = told.split("The check of")[1].split("With what")[0]
    assert "refused it: fidelity.text_kept. A person let that pass: fidelity.text_kept : “" in after
    assert "(Ana Lima)" in after
    assert "integrity.size" not in after, "what was let pass of another check says nothing of this one"
    assert "let a finding of the check pass: fidelity.text_kept" in told
    assert "approved the restoration although the check refused it as conservator" in told


def test_without_a_restoration_there_is_no_report(telling):
    with pytest.raises(WrongUse, match="nothing was restored"):
        read(ReelChain(REEL, 3, telling.events[2].hash, tuple(telling.events[:3])))


def test_a_part_nobody_made_is_a_broken_record(telling):
    telling.assemble("patched", "one", "from nowhere", "three")
    with pytest.raises(ProvenanceBroken, match="no event says how vault:from nowhere was made"):
        read(telling.line)


def test_a_failed_try_is_not_what_was_done(telling):
    failed = thing("segment", "half", made=True)
    telling.add(STEP_TERMS[StepName.RESTORE], {}, failed, outcome=Outcome.FAILURE)
    telling.assemble("patched", "one", "half", "three")
    with pytest.raises(ProvenanceBroken, match="vault:half"):
        read(telling.line)


def test_timecodes():
    assert timecode(25 * 61 + 3, Fraction(25)) == "1:01:03"
