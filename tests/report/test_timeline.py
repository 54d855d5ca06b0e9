"""The reel along its length, from the tables of its segments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from restoration_tasks.media.table import write_rows
from restoration_tasks.report.timeline import POINTS, changed_runs, timeline
from restoration_tasks.restoration.changes import FrameChange, write_changes
from restoration_tasks.runtime.errors import MediaError


@dataclass(frozen=True)
class Row:
    frame: int
    dirt_area: float
    hair_area: float
    scratch_area: float


def figures(path: Path, first: int, dirt: list[float]) -> Path:
    write_rows(path, Row, [Row(first + place, share, 0.001, 0.0) for place, share in enumerate(dirt)])
    return path


def changes(path: Path, frames: dict[int, int]) -> Path:
    write_changes(path, [FrameChange(frame, pixels, pixels / 1000, 0, 0, 0, 0, 0) for frame, pixels in frames.items()])
    return path


def test_segments_in_any_order_make_one_line(tmp_path: Path) -> None:
    tables = [figures(tmp_path / "b", 2, [0.03, 0.04]), figures(tmp_path / "a", 0, [0.01, 0.02])]
    found = timeline(tables, [changes(tmp_path / "c", {2: 5, 3: 0})])
    assert found.frame == (0, 1, 2, 3)
    assert found.dirt == (1.1, 2.1, 3.1, 4.1)
    assert found.changed == (0.0, 0.0, 0.5, 0.0)
    assert timeline(tables, []).changed == ()


def test_of_many_frames_the_worst_is_kept(tmp_path: Path) -> None:
    found = timeline([figures(tmp_path / "a", 0, [0.0] * 9000 + [0.5] + [0.0] * 999)], [])
    assert len(found.frame) == len(found.dirt) == POINTS
    assert max(found.dirt) == 50.1


def test_changed_frames_are_runs(tmp_path: Path) -> None:
    tables = [changes(tmp_path / "b", {4: 0, 5: 1}), changes(tmp_path / "a", {0: 1, 1: 1, 2: 0, 3: 1})]
    assert changed_runs(tables) == [(0, 1), (3, 3), (5, 5)]
    assert changed_runs([]) == []


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "figures.parquet"
    broken.write_bytes(b"PAR1")
    with pytest.raises(MediaError, match=r"figures\.parquet"):
        timeline([broken], [])
