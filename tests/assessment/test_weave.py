from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.weave import WeaveGauge, weave_severity
from restoration_tasks.training.damage.weave import Weave
from tests.assessment.glances import panned_wall, window

FRAMES, HEIGHT, WIDTH = 24, 160, 240
SHOT = ShotFacts(1, 100, 100 + FRAMES, Scanned(WIDTH, HEIGHT, 24.0, False))


def scene(moving=(0.0, 0.0), seed=4):
    return panned_wall(FRAMES, (HEIGHT, WIDTH), (120, 200), moving, seed)


def judged(frames):
    gauge = WeaveGauge()
    return gauge.judge([gauge.read(window(frames, at, 1)) for at in range(len(frames))], SHOT)


def woven(frames, **weave):
    damage = Weave(seed=7, **weave)
    codes = [np.rint(frame.transpose(2, 0, 1) * 1023).astype(np.uint16) for frame in frames]
    aged = list(damage.apply(codes, bit_depth=10))
    truth = {axis: np.std([one.truth.values[damage.kind][axis] for one in aged]) for axis in ("x_px", "y_px")}
    return np.stack([one.picture.transpose(1, 2, 0) / 1023 for one in aged]).astype(np.float32), truth


@pytest.mark.parametrize("strength", [0.9, 3.0, 6.0])
def test_the_weave_of_a_static_camera_is_measured_to_a_seventh_of_a_pixel(strength):
    frames, truth = woven(scene(), x_px=strength, y_px=0.7 * strength)
    verdict = judged(frames)
    assert verdict.figures["x_rms_px"] == pytest.approx(truth["x_px"], abs=0.15)
    assert verdict.figures["y_rms_px"] == pytest.approx(truth["y_px"], abs=0.15)
    assert verdict.severity > 20
    assert SHOT.start <= verdict.worst_frame < SHOT.stop


@pytest.mark.parametrize("moving", [(0.0, 0.0), (1.5, 0.3)])
def test_a_still_picture_and_a_pan_do_not_weave(moving):
    verdict = judged(scene(moving))
    assert (verdict.severity, verdict.confidence) == (0.0, 1.0)


def test_weave_is_seen_in_a_pan():
    frames, truth = woven(scene((1.5, 0.3)), x_px=3.0, y_px=2.0)
    verdict = judged(frames)
    assert verdict.figures["x_rms_px"] == pytest.approx(truth["x_px"], abs=0.2)
    assert verdict.severity > 50


def test_weave_is_followed_in_a_soft_picture_with_one_hard_thing():
    frames = 0.5 + np.float32(0.05) * (scene() - 0.5)
    frames[:, 60:100:8, 100:140] = 0.02
    frames[:, 64:100:8, 100:140] = 0.98
    verdict = judged(woven(frames, x_px=2.0, y_px=1.4)[0])
    assert verdict.figures["followed_share"] > 0.6
    assert verdict.severity > 50


def carried(reach):
    """The wall as a camera sees it that is carried: it sways by so many pixels and slows down and hurries."""
    wall, time = scene(seed=6)[0], np.arange(FRAMES)
    places = np.stack([np.sin(0.55 * time), 0.6 * np.cos(0.43 * time + 1)], axis=1) * reach
    return np.stack([cv2.warpAffine(wall, np.float32([[1, 0, x], [0, 1, y]]), (WIDTH, HEIGHT)) for x, y in places])


def test_a_camera_that_sways_does_not_weave_and_what_weaves_on_top_of_it_is_seen():
    assert judged(carried(4.0)).severity == 0.0
    assert judged(woven(carried(4.0), x_px=4.0, y_px=3.0)[0]).severity > 30


def test_parts_that_each_tremble_by_themselves_are_no_weave():
    frames, rng = scene(), np.random.default_rng(2)
    for frame in frames:
        for left in range(0, WIDTH, 40):
            frame[:, left : left + 40] = np.roll(frame[:, left : left + 40], int(rng.integers(-2, 3)), axis=0)
    assert judged(frames).severity == 0.0


def test_something_that_moves_and_trembles_by_itself_is_outvoted():
    frames, thing = scene(), scene(seed=9)[0][40:100, 0:50]
    for number, frame in enumerate(frames):
        left = 10 + 5 * number + 6 * (number % 2)
        frame[40:100, left : left + 50] = thing[:, : max(WIDTH - left, 0)]
    assert judged(frames).severity == 0.0


def test_a_picture_without_corners_is_not_judged():
    verdict = judged(np.full((FRAMES, HEIGHT, WIDTH, 3), 0.5, np.float32))
    assert (verdict.severity, verdict.confidence) == (0.0, 0.0)


def test_severity_grows_by_octaves():
    assert weave_severity(0.3) == 0.0
    assert weave_severity(1.34) == pytest.approx(50, abs=1)
    assert weave_severity(9.0) == 100.0
