"""Hostile ids, paths and spec files are refused at the door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.runtime.errors import VaultError, WrongUse
from restoration_tasks.runtime.identifiers import check_reel_id
from restoration_tasks.runtime.progress import JsonLines, StepProgress, parse_line
from restoration_tasks.runtime.spec import Reference, Spec, SpecFile, canonical_json
from restoration_tasks.runtime.vault import Vault


@pytest.mark.parametrize(
    "reel_id", ["../../x", "", ".", "..", "a/b", "a\\b", "-rf", "a" * 65, "a\0b", "a b", "x..y", "é"]
)
def test_hostile_reel_ids_are_refused_in_one_line(reel_id):
    with pytest.raises(WrongUse) as caught:
        check_reel_id(reel_id)
    assert "\n" not in str(caught.value)
    assert "Next:" in str(caught.value)


@pytest.mark.parametrize("reel_id", ["HK-1967-012_r3", "a", "0.reel", "a" * 64])
def test_ordinary_reel_ids_pass(reel_id):
    assert check_reel_id(reel_id) == reel_id


@given(st.text(max_size=40))
def test_no_uri_leaves_the_vault(text):
    vault = Vault("/srv/vault")
    try:
        path = vault.local_path(f"vault:{text}")
    except VaultError:
        return
    assert path.is_relative_to("/srv/vault")
    assert ".." not in path.parts


@pytest.mark.parametrize("uri", ["vault:/etc/passwd", "vault:../x", "/etc/passwd", "file:///etc/passwd", "vault:a\\b"])
def test_a_reference_outside_the_vault_is_refused(uri):
    with pytest.raises(ValueError, match="not a path inside the vault"):
        Reference(uri=uri, sha256="0" * 64, bytes=1)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"specs": []}', '{"specs": [{"step": "rm"}]}', "\x00", "1e999"])
def test_a_file_that_is_no_spec_is_wrong_use(text):
    with pytest.raises(WrongUse, match="not a spec file"):
        SpecFile.parse(text, source="x.json")


def test_a_spec_survives_its_file():
    spec = Spec(step="shots", step_version="1", reel_id="r", vault="/v", execution_id="e", params={"é": [1, None]})
    text = SpecFile(specs=(spec,)).model_dump_json()
    assert SpecFile.parse(text, source="x").specs == (spec,)


def test_canonical_json_has_one_form_and_no_nan():
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


def test_progress_lines_are_throttled_and_parse_back():
    lines = []
    report = JsonLines(lines.append)
    for done in range(101):
        report(StepProgress(label="restore s001-01", done=done, total=100, unit="frames"))
    assert len(lines) == 2  # the first and the last
    assert parse_line(lines[-1]).line() == "restore s001-01: 100 of 100 frames (100 %)"
    assert parse_line("an ordinary line") is None
    assert parse_line('{"progress": 3}') is None
