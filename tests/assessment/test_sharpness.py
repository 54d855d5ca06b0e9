from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.edges import edge_widths
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.sharpness import BlurGauge, SharpnessReading, blur_severity
from tests.assessment.glances import glance

GAUGE = BlurGauge()
TO_WIDTH = 2.563
"""10–90 % of a Gaussian edge, in its deviations."""


def cards(height=400, width=640, seed=2):
    """Squares and lozenges of many tones on a middle ground, on which nothing is softer than pixels are."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 110, np.uint8)
    for y in range(40, height - 20, 60):
        for x in range(40, width - 20, 60):
            tone = int(rng.choice([20, 60, 180, 230]))
            if rng.random() < 0.5:
                cv2.rectangle(picture, (x - 18, y - 18), (x + 18, y + 18), tone, -1)
            else:
                lozenge = np.array([[x, y - 22], [x + 22, y], [x, y + 22], [x - 22, y]])
                cv2.fillPoly(picture, [lozenge], tone)
    return picture


def shares(picture):
    return (picture.astype(np.float32) / 255)[..., None].repeat(3, axis=2)


def shot(width, frames=1):
    return ShotFacts(1, 10, 10 + frames, Scanned(width, width * 3 // 4, 24.0, False))


def judged(picture):
    return GAUGE.judge([GAUGE.read({0: glance(shares(picture))})], shot(picture.shape[1]))


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_widths_are_those_of_the_blur_in_every_direction(sigma):
    widths = edge_widths(cv2.GaussianBlur(cards(), (0, 0), sigma))
    assert widths.px == pytest.approx([TO_WIDTH * sigma] * 4, rel=0.15)


def test_widths_hold_under_noise():
    noise = 12 * np.random.default_rng(0).standard_normal((400, 640))
    picture = np.clip(cv2.GaussianBlur(cards(), (0, 0), 2.0) + noise, 0, 255).astype(np.uint8)
    widths = edge_widths(picture)
    assert widths.px == pytest.approx([TO_WIDTH * 2.0] * 4, rel=0.3)


def test_a_sharp_picture_is_not_soft_and_defocus_grows_with_its_blur():
    severities = [judged(cards()).severity]
    severities += [judged(cv2.GaussianBlur(cards(), (0, 0), sigma)).severity for sigma in (1.0, 1.5, 2.0, 3.0)]
    assert severities[0] < 5
    assert severities == sorted(severities)
    assert severities[2] > 15
    assert severities[4] > 50


def test_a_wide_scan_is_measured_in_its_own_pixels_and_allowed_more():
    wide = cv2.GaussianBlur(cards(1200, 2400), (0, 0), 1.3)
    verdict = judged(wide)
    assert verdict.figures["edge_px"] == pytest.approx(TO_WIDTH * 1.3, rel=0.15)
    assert verdict.severity < 5 < blur_severity(TO_WIDTH * 1.3, 720)


def test_motion_is_told_from_defocus():
    kernel = np.full((1, 11), 1 / 11, np.float32)
    sharp = cv2.GaussianBlur(cards(), (0, 0), 0.5)
    moving, soft = judged(cv2.filter2D(sharp, -1, kernel)), judged(cv2.GaussianBlur(sharp, (0, 0), 3.0))
    assert (moving.figures["motion_blur"], soft.figures["motion_blur"]) == (True, False)
    assert moving.severity < 5 < soft.severity
    assert 5 < moving.figures["softest_direction_px"] < 0.9 * 11
    assert "motion" in moving.words


def test_edges_wider_than_a_profile_are_found_in_a_smaller_picture():
    picture = np.full((600, 600), 40, np.uint8)
    picture[:, 300:] = 220
    picture[300:] = 255 - picture[300:]
    reading = GAUGE.read({0: glance(shares(cv2.GaussianBlur(picture, (0, 0), 9.0)))})
    assert reading.upright_px == pytest.approx(9 * TO_WIDTH, rel=0.15)


def test_breathing_and_a_copy_of_copies_are_told_apart():
    def row(width, ends=0.1):
        return SharpnessReading(width, width, width, width, 200, 0.8, ends)

    breathing = GAUGE.judge([row(4.0), row(5.0), row(7.0), row(4.0)], shot(640, 4))
    assert breathing.figures["breathing_px"] > 2
    assert "breathes" in breathing.words
    assert breathing.worst_frame == 12
    copy = GAUGE.judge([row(6.0, 0.4)] * 4, shot(640, 4))
    assert copy.figures["generation_loss"] is True
    assert GAUGE.judge([row(6.0)] * 4, shot(640, 4)).figures["generation_loss"] is False
    assert GAUGE.judge([row(1.8, 0.4)] * 4, shot(640, 4)).figures["generation_loss"] is False


def test_a_picture_without_edges_is_not_judged():
    verdict = judged(np.full((200, 300), 90, np.uint8))
    assert (verdict.severity, verdict.confidence, verdict.worst_frame) == (0.0, 0.0, None)


def test_severity_is_by_the_width_a_sharp_picture_may_have():
    assert blur_severity(0.5, 640) == 0.0
    assert blur_severity(2.5, 640) == pytest.approx(5.0)
    assert blur_severity(6.0, 4000) == pytest.approx(5.0)
    assert blur_severity(40.0, 640) == 100.0
