from __future__ import annotations

import json
from dataclasses import replace

import pytest

from restoration_tasks.assessment.shots import Shot, shots_json
from restoration_tasks.models.shelf.entry import Licence
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import DecisionNeeded, ModelError, StepFailed, WrongUse
from restoration_tasks.runtime.spec import StepName
from tests.steps.worked_reel import REEL_ID, SHOTS, make_worked_reel


@pytest.fixture
def reel(settings):
    return make_worked_reel(settings)


def inputs(reel, assessed):
    shots = [Shot(number, *bounds) for number, bounds in enumerate(SHOTS, start=1)]
    text = shots_json(shots)
    figures = {
        f"{kind}/{name}": result.reference(kind)
        for name, result in assessed.items()
        for kind in ("figures", "lines", "readings", "map")
    }
    return {"master": reel.master, "shots": reel.keep("shots.json", text.encode())} | figures


def test_the_damaged_shot_is_treated_and_the_clean_one_left_alone(reel):
    result = reel.work(StepName.PLAN, inputs(reel, reel.assess()))
    plan = Plan.from_yaml(reel.file(result.reference("plan")).read_text())
    assert (plan.reel_id, plan.version, plan.author) == (REEL_ID, 1, "reelkeeper")
    assert [[t.name for t in shot.treatments] for shot in plan.shots] == [["dirt", "flicker"], []]
    assert all(t.why for shot in plan.shots for t in shot.treatments)
    assert result.figures["treated"] == 1
    assert result.figures["plan_sha256"] == plan.sha256


def test_the_form_says_what_may_be_used_and_how_boldly(reel):
    result = reel.work(StepName.PLAN, inputs(reel, reel.assess()), treatments=["dirt"], strength="gentler")
    plan = Plan.from_yaml(reel.file(result.reference("plan")).read_text())
    assert [t.name for t in plan.shots[0].treatments] == ["dirt"]
    assert plan.shots[0].treatments[0].params["threshold"] > 0.5
    with pytest.raises(WrongUse, match="strength"):
        reel.work(StepName.PLAN, inputs(reel, {}), strength="brutal")


def test_a_segment_that_was_not_assessed_is_named(reel):
    given = inputs(reel, reel.assess())
    del given["figures/s002-01"]
    with pytest.raises(StepFailed, match="s002-01"):
        reel.work(StepName.PLAN, given)


def test_the_condition_of_the_reel_is_written_beside_the_plan(reel):
    given = inputs(reel, reel.assess())
    result = reel.work(StepName.PLAN, given, carrier={"ad_strip_level": 2.0})
    condition = json.loads(reel.file(result.reference("condition")).read_text())
    assert [(shot["start"], shot["stop"]) for shot in condition["shots"]] == [tuple(bounds) for bounds in SHOTS]
    damaged, clean = ({one["category"]: one for one in shot["verdicts"]} for shot in condition["shots"])
    assert damaged["dirt"]["severity"] > 5 >= clean["dirt"]["severity"]
    assert set(condition["severities"]) == set(damaged) - {"text"}, "text on screen is a finding, no damage"
    assert condition["urgency"] == result.figures["urgency"] > 80
    page = reel.file(result.reference("condition_report")).read_text()
    assert "Dirt and hairs" in page
    assert page.count("data:image/jpeg") >= 3
    without = reel.work(StepName.PLAN, given)
    assert without.figures["urgency"] < 50


def test_a_larger_version_is_refused_where_its_network_is_not_there_or_not_allowed(reel, monkeypatch):
    given = inputs(reel, {})
    with pytest.raises(ModelError, match=r"reelkeeper models install basicvsr-x4"):
        reel.work(StepName.PLAN, given, enlarge="faithful-2x")
    closed = replace(KNOWN["basicvsr-x4"], licence=Licence("LicenseRef-not-for-profit"))
    monkeypatch.setitem(KNOWN, "basicvsr-x4", closed)
    with pytest.raises(DecisionNeeded, match="does not allow every use"):
        reel.work(StepName.PLAN, given, enlarge="faithful-2x")


def test_a_larger_version_stands_in_the_plan_where_it_was_asked_for(reel, shelved):
    for file in shelved("realesr-animevideov3-x2"):
        kept = reel.settings.models_folder / file.path.parent.name / file.path.name
        kept.parent.mkdir(parents=True)
        kept.symlink_to(file.path)
    given = inputs(reel, reel.assess())
    asked = reel.work(StepName.PLAN, given, enlarge="animation-2x")
    plan = Plan.from_yaml(reel.file(asked.reference("plan")).read_text())
    assert plan.enlarge.choice == "animation-2x"
    assert plan.enlarge.why
    assert "detail invented" in asked.figures["enlarged"]
    plain = Plan.from_yaml(reel.file(reel.work(StepName.PLAN, given).reference("plan")).read_text())
    assert plain == plan.model_copy(update={"enlarge": None})
