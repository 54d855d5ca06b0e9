from __future__ import annotations

from dataclasses import replace

import pytest

from restoration_tasks.assessment.figures import FrameFigures, read_figures, tone_relations, write_figures
from restoration_tasks.restoration.tone import ToneMap
from restoration_tasks.runtime.errors import MediaError

ROW = FrameFigures(
    7, 0.01, 3, 0.001, 1, 0.012, 68.0, 0.0002, 1.02, -0.001, 0.99, 0.002, 0.4, 1.5, True, 0.0001, 2, 9, 1, 0.5
)


def test_the_table_survives_parquet(tmp_path):
    rows = [ROW, replace(ROW, frame=8, near_duplicate=False)]
    write_figures(tmp_path / "one.parquet", rows)
    write_figures(tmp_path / "two.parquet", rows)
    assert read_figures(tmp_path / "one.parquet") == rows
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(MediaError, match=r"bad\.parquet"):
        read_figures(tmp_path / "bad.parquet")


def test_both_sides_are_heard_about_a_relation():
    first = replace(ROW, next_gain=1.10, next_offset=0.02)
    second = replace(ROW, frame=8, tone_gain=1.06, tone_offset=0.0)
    start, relation = tone_relations([first, second])
    assert start == ToneMap()
    assert relation.gain == pytest.approx((1.10 * 1.06) ** 0.5)
    made = [first.level * 1.10 + 0.02, first.level * 1.06]
    assert first.level * relation.gain + relation.offset == pytest.approx(sum(made) / 2)
