from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.grain_level import GrainGauge, GrainReading, coarseness, grain_severity
from restoration_tasks.training.damage.grain import Grain
from tests.assessment.glances import window

SHOT = ShotFacts(1, 0, 3, Scanned(720, 400, 24.0, False))
GAUGE = GrainGauge()


def scene(move=0, texture=0.0):
    """Three frames of soft tones from dark to light; half of each textured, all moving by so many pixels a frame."""
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.random((12, 24)).astype(np.float32), (800, 400), interpolation=cv2.INTER_CUBIC)
    tones = 0.5 * np.clip(coarse, 0, 1) + np.linspace(0.02, 0.42, 800, dtype=np.float32)
    tones[200:] += texture * rng.standard_normal((200, 800)).astype(np.float32)
    frames = [tones[:, 20 + move * n : 740 + move * n] for n in range(3)]
    return np.clip(np.stack(frames), 0, 1)[..., None].repeat(3, axis=3)


def grained(pictures, **law):
    codes = list(np.rint(pictures * 1023).astype(np.uint16).transpose(0, 3, 1, 2))
    aged = [frame.picture for frame in Grain(seed=5, **law).apply(codes, bit_depth=10)]
    return np.stack(aged).transpose(0, 2, 3, 1).astype(np.float32) / 1023


def read(pictures):
    return GAUGE.read(window(pictures, 1, 1))


@pytest.mark.parametrize("move", [0, 7])
@pytest.mark.parametrize(("sigma", "size"), [(0.01, 0.8), (0.03, 0.8), (0.06, 1.4)])
def test_strength_and_coarseness_are_those_of_the_grain(move, sigma, size):
    reading = read(grained(scene(move, texture=0.05), sigma=sigma, size_px=size))
    # grain of three layers, half of it each layer's own, has 0.88 of its deviation in luma
    assert reading.middle == pytest.approx(0.88 * sigma, rel=0.2)
    assert reading.radius_px == pytest.approx(size, rel=0.25)
    assert 0 < reading.shadows < reading.middle


@pytest.mark.parametrize("move", [0, 7])
def test_texture_is_no_grain(move):
    reading = read(scene(move, texture=0.05))
    assert max(reading.shadows, reading.middle, reading.lights) < 0.002


def test_a_repeated_frame_does_not_hide_grain():
    pictures = grained(scene(texture=0.05), sigma=0.03)
    pictures[0] = pictures[1]
    assert read(pictures).middle == pytest.approx(0.88 * 0.03, rel=0.25)


def test_texture_over_the_whole_picture_falls_out_of_the_difference():
    pictures = scene()
    pictures += 0.03 * np.random.default_rng(1).standard_normal(pictures.shape[1:3])[None, :, :, None]
    still = read(np.clip(pictures, 0, 1).astype(np.float32))
    assert max(still.shadows, still.middle, still.lights) == 0.0
    assert read(grained(np.clip(pictures, 0.1, 0.9).astype(np.float32), sigma=0.02)).middle == pytest.approx(
        0.0176, rel=0.25
    )


def test_a_wide_scan_is_read_like_a_small_one():
    small = grained(scene()[:, :240, :480], sigma=0.03, size_px=0.8)
    wide = np.stack([cv2.resize(one, (1440, 720), interpolation=cv2.INTER_CUBIC) for one in scene()[:, :240, :480]])
    one, other = read(small), read(grained(np.clip(wide, 0, 1), sigma=0.03, size_px=0.8))
    assert other.middle == pytest.approx(one.middle, rel=0.25)
    assert other.radius_px == pytest.approx(3 * one.radius_px, rel=0.3)


def test_a_shot_is_judged_by_its_strongest_band():
    steady, rained_on = GrainReading(0.01, 0.03, -1.0, 0.8, 400), GrainReading(0.01, 0.05, 0.2, 1.0, 400)
    verdict = GAUGE.judge([steady, rained_on, steady], SHOT)
    assert verdict.severity == pytest.approx(grain_severity(0.03))
    assert verdict.figures == {"shadows_sigma": 0.01, "middle_sigma": 0.03, "radius_px": 0.8}
    assert verdict.worst_frame == 1
    bare = GAUGE.judge([GrainReading(-1.0, -1.0, -1.0, 0.2, 0)], SHOT)
    assert (bare.severity, bare.confidence, bare.worst_frame) == (0.0, 0.0, None)


def test_severity_grows_with_the_deviation():
    assert [grain_severity(sigma) for sigma in (0.0, 0.006, 0.06, 0.2)] == [0.0, 5.0, 85.0, 100.0]


def test_coarse_grain_hangs_together_more_and_its_fine_part_holds_less():
    white, coarse = coarseness(-0.02, 7), coarseness(0.7, 7)
    assert white.radius_px < 0.4
    assert coarse.radius_px > 1.0
    assert coarse.held < white.held
    assert coarse.hanging > white.hanging
    assert coarse.calm(256) < white.calm(256) < 1
