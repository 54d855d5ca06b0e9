from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.readings import FrameReadings, ReelReadings, gauges, read_readings, write_readings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.segments import Segment
from restoration_tasks.runtime.errors import MediaError
from tests.assessment.glances import window

SCAN = Scanned(64, 48, 24.0, False)
RNG = np.random.default_rng(3)
HOSTILE = {
    "black": np.zeros((5, 48, 64, 3), np.float32),
    "white": np.ones((5, 48, 64, 3), np.float32),
    "noise": RNG.random((5, 48, 64, 3)).astype(np.float32),
    "grey noise": RNG.random((5, 33, 47, 1)).astype(np.float32),
    "sixteen wide": RNG.random((5, 31, 16, 3)).astype(np.float32),
    "one pixel": np.full((5, 1, 1, 1), 0.5, np.float32),
    "flashes": np.stack([np.full((48, 64, 3), n % 2, np.float32) for n in range(5)]),
    "wide": RNG.random((3, 9, 1500, 3)).astype(np.float32),
}


def test_every_gauge_has_a_category_of_its_own():
    assert len({gauge.category for gauge in gauges()}) == len(gauges())


@pytest.mark.parametrize("gauge", gauges(), ids=lambda gauge: gauge.category.value)
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("length", [1, 2, 5])
def test_every_gauge_reads_and_judges_any_picture(gauge, name, length):
    pictures = HOSTILE[name][:length]
    rows = [gauge.read(window(pictures, at, gauge.radius)) for at in range(len(pictures))]
    for row in rows:
        for one in fields(gauge.reading):
            value = getattr(row, one.name)
            parts = value if isinstance(value, tuple) else (value,)
            assert one.type == (type(value).__name__ if parts != value else "tuple[float, ...]")
            assert all(math.isfinite(part) for part in parts)
    height, width, channels = pictures.shape[1:]
    shot = ShotFacts(1, 0, len(rows), Scanned(width, height, 24.0, channels == 1))
    verdict = gauge.judge(rows, shot)
    assert verdict.category is gauge.category
    assert 0 <= verdict.severity <= 100
    assert 0 <= verdict.confidence <= 1
    assert verdict.words.endswith(".")
    assert all(math.isfinite(value) for value in verdict.figures.values() if isinstance(value, float))
    assert verdict.worst_frame is None or 0 <= verdict.worst_frame < len(rows)


def test_readings_are_kept_and_the_same_rows_give_the_same_bytes(tmp_path):
    pictures = HOSTILE["noise"]
    rows = [
        FrameReadings(at, {gauge.category: gauge.read(window(pictures, at, gauge.radius)) for gauge in gauges()})
        for at in range(5)
    ]
    for name in ("a", "b"):
        write_readings(tmp_path / name, rows, gauges(), SCAN)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_readings(tmp_path / "a") == (rows, SCAN)


def test_a_reel_is_read_shot_by_shot_and_category_by_category(tmp_path):
    pictures, tables, rows = HOSTILE["noise"], [], []
    for place, (shot, first) in enumerate([(1, 0), (1, 2), (2, 4)]):
        part = [
            FrameReadings(
                first + at, {gauge.category: gauge.read(window(pictures, at, gauge.radius)) for gauge in gauges()}
            )
            for at in range(2)
        ]
        write_readings(tmp_path / str(place), part, gauges(), SCAN)
        tables.append((Segment(f"s{place}", shot, first, first + 2, 0, 0), tmp_path / str(place)))
        rows += part
    reel = ReelReadings(tables)
    assert reel.scan == SCAN
    assert reel.of(Shot(1, 0, 4)) == rows[:4]
    assert reel.of(Shot(2, 4, 6)) == rows[4:]
    assert list(reel.only(Category.FADE)) == [
        FrameReadings(row.frame, {Category.FADE: row.by[Category.FADE]}) for row in rows
    ]
    assert ReelReadings([]).scan is None


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "readings.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(MediaError, match="readings"):
        read_readings(tmp_path / "readings.parquet")
