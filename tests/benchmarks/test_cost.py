"""The cost model: its sums by hand, and fleets that restore every reel once."""

from __future__ import annotations

import json
import shutil

import pytest

from benchmarks import cost
from benchmarks.queue_year import collection, orders
from restoration_tasks.runtime.errors import WrongUse

MEASURED = cost.Measured(
    gpu_frame_s=0.1,
    gpu_cores=16,
    gpu_megapixels=3.0,
    codec_core_s=0.8,
    step_core_s={"ingest": 0.5, "assess": 2.0, "restore": 3.0, "check": 0.5},
)
INPUTS = {
    "reel_frames": 36_000,
    "codec_passes": 4,
    "gpu_hour_cents": [100, 200, 400],
    "core_hour_cents": [1, 2, 4],
}


def test_sums_of_a_reel_are_those_by_hand():
    reel = cost.reel(MEASURED, (2000, 1500), INPUTS)
    # 0.1 s on the GPU, four passes of 0.8 s on 16 cores: 0.3 s; 36,000 of them are three hours
    assert reel["gpu_hours"] == 3.0
    # one second a megapixel in ingest and check: 3 s a frame
    assert reel["core_hours"] == 30.0
    assert reel["cents"] == [330, 660, 1320]
    # without a GPU all steps: 6 s a megapixel
    assert reel["core_hours_without_gpu"] == 180.0
    assert reel["cents_without_gpu"] == [180, 360, 720]


def test_four_times_the_pixels_cost_four_times():
    small, large = (cost.reel(MEASURED, size, INPUTS) for size in ((2000, 1500), (4000, 3000)))
    assert [large[name] / small[name] for name in ("gpu_hours", "core_hours")] == [4.0, 4.0]


def test_rates_are_read_off_what_was_kept():
    kept = cost.Measured.kept()
    lanes = json.loads((cost.FOLDER / "dirt-gpu.json").read_text())
    assert kept.gpu_frame_s == pytest.approx(lanes["seconds"] / lanes["frames"], rel=0.01)
    assert kept.gpu_cores == 16
    assert set(kept.step_core_s) > cost.GPU_STEPS


def test_without_a_figure_it_says_which_benchmark_to_run(tmp_path):
    for name in ("ingest", "demo"):
        shutil.copy(cost.FOLDER / f"{name}.json", tmp_path)
    with pytest.raises(WrongUse, match=r"no dirt-gpu\.json is kept"):
        cost.Measured.kept(tmp_path)


def test_a_fleet_restores_every_reel_once_and_ten_times_as_many_gpus_take_a_tenth_of_the_time():
    reels = collection(520, 1, storage_median=4.0, half_lost_at=8.0)
    worst = orders(reels, 1)["worst first"]
    slow, fast = (cost.worked_through(reels, worst, a_week) for a_week in (1.0, 10.0))
    assert (slow.years, fast.years) == pytest.approx((10.0, 1.0))
    assert 0 < fast.lost < slow.lost


def test_worst_first_loses_less():
    reels = collection(2000, 1, storage_median=4.0, half_lost_at=8.0)
    found = {name: cost.worked_through(reels, order, 2.0).lost for name, order in orders(reels, 1).items()}
    assert found["worst first"] < found["first in, first out"]


def test_an_archive_that_would_never_be_done_is_refused():
    reels = collection(1000, 1)
    with pytest.raises(WrongUse, match="more than 200 years"):
        cost.worked_through(reels, orders(reels, 1)["worst first"], 0.01)
