from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.clipping import ClippingGauge, ClippingReading, clipping_severity
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from tests.assessment.glances import glance

SHOT = ShotFacts(1, 0, 2, Scanned(640, 480, 24.0, False))


def graded(seed=0):
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.1, 0.9, 640, dtype=np.float32)[None, :, None]
    return np.clip(ramp + 0.01 * rng.standard_normal((480, 640, 3)), 0, 1).astype(np.float32)


def test_a_whole_picture_is_not_clipped():
    reading = ClippingGauge().read({0: glance(graded())})
    assert (reading.black, reading.white) == (0.0, 0.0)


@pytest.mark.parametrize("end", ["black", "white"])
def test_a_cut_off_end_is_read_by_its_share(end):
    picture = np.clip(graded() * 1.3 - 0.25, 0, 1) if end == "black" else np.clip(graded() * 1.3, 0, 1)
    truth = float((picture[..., 0] == (0 if end == "black" else 1)).mean())
    reading = ClippingGauge().read({0: glance(picture)})
    assert getattr(reading, end) == pytest.approx(truth, rel=0.25)
    verdict = ClippingGauge().judge([reading, reading], SHOT)
    assert verdict.severity > 50
    assert verdict.worst_frame == 0
    assert ("shadows" if end == "black" else "lights") in verdict.words


def test_the_ground_of_a_title_is_flat_by_nature():
    picture = np.zeros((480, 640, 3), np.float32)
    picture[200:260, 100:500] = 0.9
    assert ClippingGauge().read({0: glance(picture)}).black == 0.0


def test_severity_grows_by_decades_of_the_share():
    assert clipping_severity(0.03) == 0.0
    assert clipping_severity(0.11) == pytest.approx(50, abs=1)
    assert clipping_severity(0.5) == 100.0
    quiet = ClippingGauge().judge([ClippingReading(0.0, 0.0)], SHOT)
    assert (quiet.severity, quiet.worst_frame) == (0.0, None)
