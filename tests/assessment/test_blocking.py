from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.blocking import BlockingGauge, BlockingReading, blocking_severity
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from tests.assessment.glances import glance

GAUGE = BlockingGauge()
SHOT = ShotFacts(1, 0, 1, Scanned(640, 400, 24.0, False))


def landscape(height=400, width=640):
    """Soft tones, texture in a third of it, edges, and a little noise, as 8-bit codes."""
    rng = np.random.default_rng(4)
    coarse = cv2.resize(rng.random((20, 32)), (width, height), interpolation=cv2.INTER_CUBIC)
    picture = 40 + 160 * np.clip(coarse, 0, 1)
    texture = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 1.5)
    picture[: height // 3] += 60 * texture[: height // 3]
    cv2.circle(picture, (width // 2, height // 2), 90, 220, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.8) + 1.0 * rng.standard_normal((height, width))
    return np.clip(picture, 0, 255).astype(np.uint8)


def jpeg(picture, quality):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def read(picture):
    return GAUGE.read({0: glance((picture.astype(np.float32) / 255)[..., None])})


def severity(picture):
    return GAUGE.judge([read(picture)], SHOT).severity


def test_a_picture_without_a_codec_has_no_blocks():
    assert severity(landscape()) == 0.0


def test_severity_grows_as_quality_falls():
    severities = [severity(jpeg(landscape(), quality)) for quality in (60, 40, 25, 15, 10, 5)]
    assert severities == sorted(severities)
    assert severities[0] > 3
    assert severities[-1] > 50


def test_the_grid_is_found_wherever_it_begins():
    picture = jpeg(landscape(), 10)[3:-2, 5:-1]
    reading = read(picture)
    assert (reading.across_px, reading.down_px) == (8.0, 8.0)
    assert severity(picture) == pytest.approx(severity(jpeg(landscape(), 10)), rel=0.3)


@pytest.mark.parametrize("scale", [1.5, 2.25])
def test_an_enlarged_grid_is_found_by_its_period(scale):
    picture = jpeg(landscape(), 8)
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    reading = read(large)
    assert reading.across_px == pytest.approx(8 * scale, rel=0.12)
    assert reading.down_px == pytest.approx(8 * scale, rel=0.12)
    assert severity(large) > 20


@pytest.mark.parametrize("period", [8, 12])
def test_a_fence_has_a_period_in_one_direction_only(period):
    picture = landscape().astype(np.int32)
    picture[:, ::period] += 12
    assert severity(np.clip(picture, 0, 255).astype(np.uint8)) == 0.0


def test_grain_over_blocks_hides_them():
    noise = 12 * np.random.default_rng(1).standard_normal((400, 640))
    picture = np.clip(jpeg(landscape(), 10) + noise, 0, 255).astype(np.uint8)
    assert severity(picture) < severity(jpeg(landscape(), 10)) / 2


def test_a_shot_is_judged_by_the_mean_of_its_frames():
    rows = [BlockingReading(8.0, 0.5, 8.0, 8.0), BlockingReading(0.5, 0.01, 18.0, 20.0)]
    verdict = GAUGE.judge(rows, SHOT)
    assert verdict.severity == pytest.approx(50.0)
    assert verdict.worst_frame == 0
    assert (verdict.figures["across_px"], verdict.figures["down_px"]) == (8.0, 8.0)
    quiet = GAUGE.judge(rows[1:], SHOT)
    assert (quiet.severity, quiet.worst_frame) == (0.0, None)
    assert blocking_severity(0.5, 0.01) == 0.0
