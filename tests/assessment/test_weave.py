from __future__ import annotations

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
    assert judged(frames).figures["x_rms_px"] == pytest.approx(truth["x_px"], abs=0.2)


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
    assert weave_severity(0.12) == 0.0
    assert weave_severity(0.85) == pytest.approx(50, abs=1)
    assert weave_severity(9.0) == 100.0
    assert weave_severity(0.3, step_px=3.0) == 0.0
