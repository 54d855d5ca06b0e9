"""Metrics against known values."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality import metrics, pixels
from restoration_tasks.report import charts, page


@pytest.mark.parametrize("module", [metrics, pixels, charts, page])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_psnr_of_a_known_error():
    reference = np.full((3, 8, 8), 512, np.uint16)
    test = reference.copy()
    test[0] += 3  # a third of the samples wrong by 3: MSE 3
    assert metrics.mse(reference, test) == pytest.approx(3.0)
    assert metrics.psnr_db(3.0, 1023) == pytest.approx(10 * math.log10(1023**2 / 3))


def test_unsigned_codes_do_not_wrap():
    low, high = np.zeros((1, 4, 4), np.uint16), np.full((1, 4, 4), 1000, np.uint16)
    assert metrics.mse(low, high) == metrics.mse(high, low) == 1_000_000


def test_ssim_is_the_published_formula():
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 255, (40, 48))
    y = np.clip(x + rng.normal(0, 20, x.shape), 0, 255)

    def local(plane):  # 11 taps: radius 5 at sigma 1.5
        return gaussian_filter(plane, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    mx, my = local(x), local(y)
    vx, vy, cov = local(x * x) - mx**2, local(y * y) - my**2, local(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = np.mean((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert metrics.ssim(x, y, 255) == pytest.approx(expected, abs=2e-5)
    assert metrics.ssim(x, x, 255) == 1.0


def test_ssim_of_two_flat_pictures_is_the_luminance_term():
    a, b = np.full((16, 16), 100.0), np.full((16, 16), 120.0)
    c1 = (0.01 * 255) ** 2
    assert metrics.ssim(a, b, 255) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1), abs=1e-4)


def test_colour_is_weighted_by_bt709():
    green = np.zeros((3, 1, 1), np.uint16)
    green[1] = 1000
    assert metrics.luma(green)[0, 0] == pytest.approx(715.2)


def test_streams_are_compared_frame_by_frame_and_pooled_by_error():
    truth = [np.full((1, 16, 16), 100, np.uint16) for _ in range(4)]
    found = [frame.copy() for frame in truth]
    found[2] += 2
    scores = list(metrics.compare(iter(truth), iter(found), 1023))
    assert [score.mse for score in scores] == [0, 0, 4, 0]
    total = metrics.pooled(scores, 1023)
    assert total.frames == 4
    assert total.psnr_db == pytest.approx(metrics.psnr_db(1.0, 1023))


@pytest.mark.parametrize("lengths", [(3, 2), (2, 3)])
def test_streams_of_different_length_are_refused(lengths):
    streams = [[np.zeros((1, 16, 16), np.uint8)] * length for length in lengths]
    with pytest.raises(ValueError, match="ends at frame 2"):
        list(metrics.compare(*streams, 255))


def test_pictures_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="different shape"):
        metrics.mse(np.zeros((1, 4, 4)), np.zeros((3, 4, 4)))


def test_nothing_compared_is_no_score():
    with pytest.raises(ValueError, match="nothing to pool"):
        metrics.pooled([], 255)


def test_vmaf_is_high_for_the_same_picture_and_low_for_a_ruined_one(tmp_path):
    fmt = PictureFormat(width=192, height=144, pix_fmt="yuv420p")
    rng = np.random.default_rng(3)
    y = rng.integers(16, 235, (144, 192)).astype(np.uint8)
    grey = np.full((72, 96), 128, np.uint8)
    for name, plane in (("truth", y), ("ruined", np.full_like(y, 128))):
        with FrameWriter(tmp_path / f"{name}.mkv", fmt) as writer:
            for shift in range(3):
                writer.write((np.roll(plane, shift, 1), grey, grey))
    truth, ruined = tmp_path / "truth.mkv", tmp_path / "ruined.mkv"
    assert metrics.vmaf(truth, truth) > 95
    assert metrics.vmaf(truth, ruined) < 30
