"""The page of figures says what was measured and kept, no more and no less."""

from __future__ import annotations

import json
import shutil

from benchmarks import publish


def test_the_committed_page_is_made_of_the_kept_figures():
    assert publish.PAGE.read_text(encoding="utf-8") == publish.page(), "run `python -m benchmarks.publish`"


def test_a_missed_bar_is_said_and_counted(tmp_path, monkeypatch):
    shutil.copy(publish.FIGURES / "cuts.json", tmp_path)
    kept = json.loads((tmp_path / "cuts.json").read_text())
    kept["bar"] |= {"measured": 0.5, "met": False}
    (tmp_path / "cuts.json").write_text(json.dumps(kept))
    monkeypatch.setattr(publish, "FIGURES", tmp_path)
    page = publish.page()
    assert "| F1 of cuts ≥ 0.97 |  | 0.5 | **missed** |" in page
    assert "Of 1 bars measured, 0 are met and 1 missed." in page


def test_every_kept_file_is_on_the_page():
    assert {one.file for one in publish.SECTIONS} >= {path.name for path in publish.FIGURES.glob("*.json")}
