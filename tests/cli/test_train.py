"""`reelkeeper train defects` says what it would need before it fetches anything."""

from __future__ import annotations

import sys

import pytest

from restoration_tasks.cli.main import main
from restoration_tasks.runtime.errors import ExitCode


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["reelkeeper", "train", "defects", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code)


def test_a_seed_kept_for_measuring_is_wrong_use(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "--seed", 101, "--out", tmp_path) == ExitCode.WRONG_USE
    assert "this seed is not for training (expected 1000, 1001, 1002, found 101)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_recipe_that_is_not_there_is_named(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, "--recipe", tmp_path / "none.yaml") == ExitCode.WRONG_USE
    assert "none.yaml" in capsys.readouterr().err
