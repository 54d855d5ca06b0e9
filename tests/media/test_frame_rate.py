"""Frame rates are fractions, kept exactly, wherever a person may state one."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from pydantic import ValidationError
from reelkeeper_airflow.restore_reel.form import trigger_form, way_from_form

from restoration_tasks.cli.delivery import delivery
from restoration_tasks.media.frame_rate import PATTERN, frame_rate
from restoration_tasks.restoration.profile import parsed
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.ingest import IngestParams

RATES = {
    "16": Fraction(16),
    "50/3": Fraction(50, 3),
    "24000/1001": Fraction(24000, 1001),
    "30000/1001": Fraction(30000, 1001),
    "60000/1001": Fraction(60000, 1001),
    "120000/1001": Fraction(120000, 1001),
    "48000/2002": Fraction(24000, 1001),
}
NONE = ["0", "0/1", "24/0", "23.976", "1001", "1/2", "24000", "-24", "24; rm", "", "24\n", "٢٤", "1e3"]


@pytest.mark.parametrize(("text", "rate"), RATES.items())
def test_a_rate_is_kept_exactly_by_all_who_ask_for_one(text, rate):
    assert frame_rate(text) == rate
    assert Fraction(RunOptions(fps=text).fps) == rate
    assert IngestParams(fps=text).fps == str(rate), "one rate has one signature"
    told = f"format: reelkeeper.profile/1\ntitle: T\ndoes: t\ntreatments: {{dirt: {{}}}}\nfps: {text}\n"
    if "/" in text:  # YAML reads the others as numbers, and those are refused
        assert parsed(told.encode(), "t", source="t").fps == str(rate)
    form = {name: param.value for name, param in trigger_form().items()} | {"reel_id": "R1", "fps": text}
    assert way_from_form(form, {}).rules.fps == str(rate)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_rate_is_refused_by_all(text):
    for model in (RunOptions, IngestParams):
        with pytest.raises(ValidationError, match="frame rate"):
            model(fps=text)


def test_the_command_says_which_rates_there_are(tmp_path):
    with pytest.raises(WrongUse, match=r"'23\.976' is neither.*--fps 24000/1001"):
        delivery(tmp_path, fps="23.976")


def test_the_form_lets_through_what_it_gives_as_examples():
    fps = trigger_form()["fps"].schema
    assert fps["pattern"] == PATTERN
    assert {"24000/1001", "24"} <= set(fps["examples"])
    assert all(re.search(fps["pattern"], example) for example in fps["examples"])
