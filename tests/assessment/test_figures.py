from __future__ import annotations

from dataclasses import replace

import pytest

from restoration_tasks.assessment.figures import FrameFigures, read_figures, write_figures
from restoration_tasks.runtime.errors import MediaError

ROW = FrameFigures(7, 0.01, 3, 0.001, 1, 0.012, 68.0, 0.0002, 0.4, 1.5, True, 0.0001, 2, 9, 1, 0.5, True)


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
