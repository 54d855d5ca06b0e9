"""The trigger form: what it offers is what a run understands."""

from __future__ import annotations

from typing import get_args

import pytest
from reelkeeper_airflow.restore_reel.form import LARGER, next_form, trigger_form, way_from_form

from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.runtime.errors import ReelkeeperError, WrongUse
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.way import Way


def filled(**values):
    return {name: param.value for name, param in trigger_form().items()} | {"reel_id": "R1"} | values


def test_every_larger_version_of_the_form_is_one_there_is():
    assert tuple(LARGER) == get_args(EnlargeChoice)
    for choice in LARGER:
        form = filled(enlarge=choice)
        assert way_from_form(form, {"reel_id": "R1", "enlarge": choice}).options.enlarge == choice
        assert next_form(form, "gentler", "softer")["enlarge"] == choice
    assert way_from_form(filled(), {"reel_id": "R1"}).rules.enlarge == "no"
    with pytest.raises(WrongUse, match="filled in wrongly"):
        way_from_form(filled(enlarge="faithful-3x"), {})


def test_what_is_left_open_is_as_the_profile_says_and_what_is_not_goes_before_it():
    left = way_from_form(filled(profile="silent", treatments=[]), {}).rules
    assert left.fps == "18"
    assert left.treatments == ("dirt", "scratches", "stains", "tears", "portraits", "stabilise", "flicker")
    assert left.profile.instead == ()
    own = way_from_form(filled(profile="martial-arts", strength="stronger", fps="16", treatments=["dirt"]), {}).rules
    assert (own.strength, own.fps, own.treatments) == ("stronger", "16", ("dirt",))
    assert own.tunings.dirt.gate == 2.0
    assert own.tunings.dirt.threshold is None, "a strength that was chosen sets the thresholds"
    assert [line.partition(":")[0] for line in own.profile.instead] == [
        "treatments",
        "strength",
        "frames per second",
        "thresholds and amounts",
    ]


def test_a_run_keeps_the_profile_it_began_with(settings, monkeypatch):
    monkeypatch.setenv("REELKEEPER_HOME", str(settings.home))
    folder = settings.profiles_folder
    folder.mkdir(parents=True)
    file = folder / "ours.yaml"
    text = "format: reelkeeper.profile/1\ntitle: Ours\ndoes: ours\ntreatments: {dirt: {}}\n"
    file.write_text(text)
    assert trigger_form()["profile"].schema["values_display"]["ours"] == "Ours"
    begun = way_from_form(filled(profile="ours"), {})
    file.write_text(text + "strength: stronger\n")
    later = Way("R1", settings, RunOptions.model_validate(begun.options.model_dump(mode="json")))
    assert later.rules == begun.rules
    assert way_from_form(filled(profile="ours"), {}).rules.profile.sha256 != begun.rules.profile.sha256
    file.write_text("title: [")
    assert trigger_form()["profile"].schema["values_display"]["ours"] == "ours (not valid)"
    with pytest.raises(WrongUse, match=r"ours\.yaml: line 1"):
        way_from_form(filled(profile="ours"), {})


def test_a_profile_whose_network_is_missing_is_refused_before_work(settings, monkeypatch):
    monkeypatch.setenv("REELKEEPER_HOME", str(settings.home))
    for name, network in (("animation-4k", "realesr-animevideov3-x2"), ("concert-4k", "basicvsr-x4")):
        with pytest.raises(ReelkeeperError, match=f"models install {network}"):
            way_from_form(filled(profile=name), {}).require_asked_models()
