"""The trigger form: what it offers is what a run understands."""

from __future__ import annotations

from typing import get_args

import pytest
from reelkeeper_airflow.restore_reel.form import LARGER, next_form, trigger_form, way_from_form

from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.runtime.errors import WrongUse


def filled(**values):
    return {name: param.value for name, param in trigger_form().items()} | {"reel_id": "R1"} | values


def test_every_larger_version_of_the_form_is_one_there_is():
    assert tuple(LARGER) == get_args(EnlargeChoice)
    for choice in LARGER:
        form = filled(enlarge=choice)
        assert way_from_form(form, {"reel_id": "R1", "enlarge": choice}).options.enlarge == choice
        assert next_form(form, "gentler", "softer")["enlarge"] == choice
    assert way_from_form(filled(), {"reel_id": "R1"}).options.enlarge == "no"
    with pytest.raises(WrongUse, match="filled in wrongly"):
        way_from_form(filled(enlarge="faithful-3x"), {})
