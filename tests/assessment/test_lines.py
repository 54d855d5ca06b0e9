from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.line_finder import Beside, find_lines
from restoration_tasks.assessment.lines import Line, read_lines, write_lines
from restoration_tasks.runtime.errors import MediaError

HEIGHT, WIDTH = 288, 512
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


def scene(shift=0.0, seed=0):
    """A texture that is panned by `shift` pixels."""
    rng = np.random.default_rng(seed)
    waves = sum(
        np.sin((COLUMNS - shift) * rng.uniform(0.02, 0.2) + ROWS * rng.uniform(-0.1, 0.1) + rng.uniform(0, 6))
        for _ in range(8)
    )
    return (120 + 12 * waves).astype(np.float32)


def cover(x, lean=0.0, wide=4.0, rows=slice(None)):
    """Where a line is, 0-1: `x` at half the height, leaning by `lean` pixels from top to bottom."""
    centre = x + lean * ((ROWS + 0.5) / HEIGHT - 0.5)
    line = np.clip(wide / 2 + 0.5 - np.abs(COLUMNS - centre), 0, 1)
    shown = np.zeros_like(line)
    shown[rows] = line[rows]
    return shown


def look(shift, line, tone=230.0):
    return np.clip(scene(shift) * (1 - line) + tone * line, 0, 255).astype(np.uint8)


def evidence(line, value=200):
    return (line * value).astype(np.uint8)


def beside(luma, across):
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = across
    return Beside(luma, flow, before=True)


def test_a_leaning_line_is_found_where_it_is():
    line = cover(200, lean=14)
    (found,) = find_lines(7, evidence(line), look(0, line), None)
    assert (found.frame, found.picture_px) == (7, WIDTH)
    assert (found.x_top, found.x_bottom) == (pytest.approx(193, abs=0.7), pytest.approx(207, abs=0.7))
    assert found.x_middle == pytest.approx(200, abs=0.4)
    assert found.width_px == pytest.approx(4, abs=1)
    assert found.coverage == 1
    assert found.confidence == pytest.approx(200 / 255, abs=0.1)
    assert found.ridge > 50
    assert (found.scene_px, found.moved) == (0, 0)


def test_a_dark_line_has_a_negative_ridge():
    line = cover(200)
    (found,) = find_lines(0, evidence(line), look(0, line, tone=5.0), None)
    assert found.ridge < -50


def test_several_lines_are_told_apart_and_each_is_found_once():
    line = np.maximum.reduce([cover(60), cover(75, lean=-8), cover(400, lean=20)])
    found = find_lines(0, evidence(line), look(0, line), None)
    assert sorted(round(one.x_middle) for one in found) == [60, 75, 400]


def test_a_broken_line_shows_on_a_part_of_its_height():
    line = cover(200, lean=5, rows=slice(150, 260))
    (found,) = find_lines(0, evidence(line), look(0, line), None)
    assert found.coverage == pytest.approx(110 / HEIGHT, abs=0.06)
    assert found.x_middle == pytest.approx(200, abs=3)


def test_what_leans_too_much_or_is_too_short_is_no_line():
    steep = cover(200, lean=80)
    assert find_lines(0, evidence(steep), look(0, steep), None) == []
    short = cover(200, rows=slice(100, 120))
    assert find_lines(0, evidence(short), look(0, short), None) == []
    assert find_lines(0, np.zeros((HEIGHT, WIDTH), np.uint8), look(0, short), None) == []


def test_a_scratch_stays_and_a_pole_follows_the_scene():
    line, gone_along = cover(200), cover(190)
    scratch = find_lines(0, evidence(line), look(10, line), beside(look(0, line), -10.0))
    pole = find_lines(0, evidence(line), look(10, line), beside(look(0, gone_along), -10.0))
    assert scratch[0].scene_px == pole[0].scene_px == pytest.approx(10)
    assert scratch[0].moved == pole[0].moved == 1
    assert scratch[0].stays > 0.8
    assert scratch[0].follows < 0.1
    assert pole[0].follows > 0.8
    assert pole[0].stays < 0.1


def test_a_line_is_where_the_picture_shows_it_wherever_the_evidence_lies():
    line = cover(200, lean=6)
    for off in (-1.5, 0.0, 1.5):
        (found,) = find_lines(0, evidence(cover(200 + off, lean=6)), look(0, line), None)
        assert (found.x_top, found.x_bottom) == (pytest.approx(197, abs=0.5), pytest.approx(203, abs=0.5))
        assert found.x_middle == pytest.approx(200, abs=0.2)


def test_the_whole_scene_moves_as_its_own_edges_do():
    line = cover(200)
    shown = beside(look(0, line), -3.0)
    shown.flow[:, 190:211, 0] = 0.0
    (found,) = find_lines(0, evidence(line), look(3, line), shown)
    assert found.whole_px == pytest.approx(3)
    flat = np.full((HEIGHT, WIDTH), 120.0, np.float32) * (1 - line) + 230.0 * line
    (found,) = find_lines(0, evidence(line), flat.astype(np.uint8), beside(look(0, line), -3.0))
    assert found.whole_px == 0, "nothing but the line itself could say"


def test_a_scan_looked_at_in_half_size_gets_its_own_pixels():
    line = cover(200, lean=6)
    (small,) = find_lines(0, evidence(line), look(0, line), beside(look(0, line), 2.0))
    (large,) = find_lines(0, evidence(line), look(0, line), beside(look(0, line), 2.0), scale=2.0)
    assert large.picture_px == 2 * WIDTH
    assert (large.x_top, large.width_px, large.scene_px) == (2 * small.x_top, 2 * small.width_px, 2 * small.scene_px)


def test_lines_are_kept_and_the_same_lines_give_the_same_bytes(tmp_path):
    lines = [Line(i, 720, 10.5, 11.25, 3.0, 0.5, 0.75, -12.0, 1.0, 0.25, 0.5, 0.25, 0.0, 0.125) for i in range(3)]
    for name in ("a", "b"):
        write_lines(tmp_path / name, lines)
    assert read_lines(tmp_path / "a") == lines
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    write_lines(tmp_path / "none", [])
    assert read_lines(tmp_path / "none") == []


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "lines.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(MediaError, match="table of lines"):
        read_lines(tmp_path / "lines.parquet")
