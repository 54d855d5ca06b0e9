"""Treatment profiles: those that ship are whole, the archive's own are read strictly and told by file and line."""

from __future__ import annotations

import hashlib

import pytest
from pydantic import ValidationError

from restoration_tasks.restoration import profile as profiles
from restoration_tasks.restoration.profile import SHIPPED, load, parsed, text_of
from restoration_tasks.restoration.treatment import registry
from restoration_tasks.restoration.tuning import ALL_TREATMENTS, Tunings
from restoration_tasks.runtime.errors import WrongUse

WHOLE = """\
format: reelkeeper.profile/1
title: Ours
does: as we do it
treatments:
  dirt: {gate: 2.0, threshold: 0.6}
  stabilise:
    edges: crop
enlarge: no
"""
MEASURED = {
    "flicker": {"density": [0.0], "contrast": [1.0]},
    "fade": {"kept": [0.8, 0.9, 0.8], "base": [0.0, 0.0, 0.0]},
}
"""What the treatment has no default for."""


def test_every_profile_that_ships_is_whole_and_the_default_is_todays(tmp_path):
    found = dict(profiles.readable(tmp_path))
    assert tuple(found) == SHIPPED
    for name, profile in found.items():
        assert isinstance(profile, profiles.Profile), profile
        assert profile.sha256 == hashlib.sha256(text_of(tmp_path, name)).hexdigest()
        assert profile.restores is (name != "survey-only")
    least = found["conservation"]
    assert least.treatments == Tunings(**{name: {} for name in ALL_TREATMENTS})
    assert (least.strength, least.less_grain, least.enlarge, least.fps) == ("same", 0, "no", None)
    assert "fade" not in found["silent"].treatments.names


def test_own_profile_is_read_and_its_parameters_are_those_of_the_treatments(tmp_path):
    (tmp_path / "ours.yaml").write_text(WHOLE)
    ours = load(tmp_path, "ours")
    assert profiles.known(tmp_path)[-1] == "ours"
    assert ours.treatments.names == ("dirt", "stabilise")
    assert ours.enlarge == "no"
    for name in ours.treatments.names:
        assert registry()[name].params_model.model_validate(ours.treatments.of(name).params)


@pytest.mark.parametrize("name", ALL_TREATMENTS)
def test_a_tuning_reaches_no_further_than_its_treatment(name):
    """What a profile may set, the treatment takes at both ends of the range, and refuses beyond."""
    tuning, params = Tunings.model_fields[name].annotation.__args__[0], registry()[name].params_model
    for field in set(tuning.model_fields) - {"gate", "edges"}:
        for value in (0.05, 0.2, 0.35, 0.95, 1.0, 1.1):
            try:
                tuning.model_validate({field: value})
            except ValidationError:
                continue
            assert getattr(params.model_validate({**MEASURED.get(name, {}), field: value}), field) == value


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("threshold: 0.6", "threshold: 2"), 5, "treatments.dirt.threshold"),
        (("edges: crop", "edges: cut"), 7, "treatments.stabilise.edges"),
        (("enlarge: no", "enlarge: texture-3x"), 8, "enlarge"),
        (("  dirt:", "  dust:"), 5, "treatments.dust: Extra"),
        (("title: Ours\n", ""), 1, "title: Field required"),
        (("enlarge: no", "restores: no"), 1, "leave dirt, stabilise out"),
        (("enlarge: no", "enlarge: [no"), 9, "not readable YAML"),
        (("enlarge: no", "title: Twice"), 1, "each once"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_line(tmp_path, change, line, words):
    path = tmp_path / "ours.yaml"
    path.write_text(WHOLE.replace(*change))
    with pytest.raises(WrongUse) as told:
        load(tmp_path, "ours")
    assert words in str(told.value)
    assert f"line {line}" in str(told.value)
    assert str(path) in str(told.value)


def test_a_name_means_the_same_everywhere(tmp_path):
    with pytest.raises(WrongUse, match="expected one of conservation, feature"):
        load(tmp_path, "../secret")
    (tmp_path / "silent.yaml").write_text(WHOLE)
    with pytest.raises(WrongUse, match="belongs to a profile that comes with"):
        load(tmp_path, "silent")
    with pytest.raises(WrongUse, match="too large"):
        parsed(b"#" * 100_000, "x", source="x")
