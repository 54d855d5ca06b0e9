"""Scan specifications are a versioned policy, and a scan is held against each of its properties."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from pydantic import ValidationError

from restoration_tasks.media.delivery.specification import (
    PictureFacts,
    Specification,
    check,
    policy,
    specification_named,
)
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import WrongUse

GOOD = PictureFacts(StillKind.DPX, 2048, 1556, 10, "printing-density", Fraction(24))


def test_every_profile_says_why_and_names_its_sources():
    assert policy().version
    for name, profile in policy().profiles.items():
        assert profile.why, name
        assert set(profile.source) <= policy().sources.keys()
    assert {"35mm-2k", "35mm-4k", "16mm-2k", "8mm-2k"} <= policy().profiles.keys()


def test_a_scan_as_asked_for():
    assert check(specification_named("35mm-2k"), GOOD) == ()
    assert check(specification_named("35mm-2k"), replace(GOOD, fps=None)) == ()


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (replace(GOOD, width=1920 // 2), "width"),
        (replace(GOOD, height=4000), "height"),
        (replace(GOOD, bit_depth=8), "bit depth"),
        (replace(GOOD, kind=StillKind.PNG), "kind of file"),
        (replace(GOOD, transfer="bt709"), "transfer"),
        (replace(GOOD, fps=Fraction(21)), "frame rate"),
    ],
)
def test_each_property_is_one_finding(facts, what):
    (finding,) = check(specification_named("35mm-2k"), facts)
    assert f"scan's {what} is not" in finding.message
    assert finding.grade == "warn"
    assert finding.expected
    assert finding.found


@pytest.mark.parametrize("fps", ["16", "18", "20", "24", "25", "24000/1001"])
def test_rates_of_sound_and_silent_film(fps):
    assert check(specification_named("35mm-2k"), replace(GOOD, fps=Fraction(fps))) == ()


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(WrongUse, match=r"16mm-2k, .*35mm-2k.*found cine"):
        specification_named("cine")


def test_a_profile_must_make_sense():
    good = policy().profiles["35mm-2k"].model_dump()
    for wrong in ({"width": (9, 3)}, {"fps": ("fast",)}, {"kinds": ()}, {"grade": "bad"}, {"more": 1}):
        with pytest.raises(ValidationError):
            Specification.model_validate({**good, **wrong})
