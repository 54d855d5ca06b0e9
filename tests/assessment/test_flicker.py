from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from restoration_tasks.assessment.figures import tone_relations
from restoration_tasks.assessment.flicker import flicker_curve, flicker_severity, rhythm
from restoration_tasks.assessment.measure import FrameMeter
from restoration_tasks.assessment.seen import Seen
from restoration_tasks.restoration.tone import ToneMap
from tests.restoration.moving import GREY, add_dirt, add_flicker, moving_clip


def relations(gains):
    return [ToneMap(), *(ToneMap(after / before) for before, after in pairwise(gains))]


def left_over(gains, **kwargs):
    curve = flicker_curve(relations(gains), 0.4)
    return np.array([c.gain for c in curve.corrections]) * gains, curve


def test_the_curve_is_measured_on_pictures_within_ten_per_cent():
    rng = np.random.default_rng(4)
    frames = 30
    gains = 1 + 0.07 * rng.standard_normal(frames)
    dirty, _ = add_dirt(moving_clip(frames))
    seen = [Seen.classically(i, picture, GREY) for i, picture in enumerate(add_flicker(dirty, gains))]
    meter = FrameMeter()
    rows = [meter.measure({j - i: seen[j] for j in range(max(0, i - 3), min(frames, i + 4))})[0] for i in range(frames)]
    level = float(np.mean([row.level for row in rows]))
    curve = flicker_curve(tone_relations(rows), level)
    after = np.array([c.gain * gain + c.offset / level for c, gain in zip(curve.corrections, gains, strict=True)])
    trend = np.polyval(np.polyfit(np.arange(frames), after, 1), np.arange(frames))
    assert np.std(after - trend) < 0.1 * np.std(gains)
    assert curve.amplitude == pytest.approx(255 * level * float(np.std(gains)), rel=0.1)


def test_a_slow_change_of_light_is_kept():
    gains = 1 + 0.5 * np.sin(np.linspace(0, np.pi, 60))
    after, curve = left_over(gains)
    assert after == pytest.approx(gains, rel=0.02)
    assert curve.amplitude < 1.0


def test_flicker_over_a_fade_is_told_from_the_fade():
    rng = np.random.default_rng(0)
    fade = np.linspace(1.0, 0.3, 60)
    flicker = 1 + 0.06 * rng.standard_normal(60)
    after, _ = left_over(fade * flicker)
    assert np.std(after / fade) < 0.35 * np.std(flicker)


def test_no_flicker_no_correction():
    after, curve = left_over(np.ones(20))
    assert after == pytest.approx(np.ones(20))
    assert curve.amplitude == 0


def test_a_single_flash_does_not_make_flicker():
    gains = np.ones(40)
    gains[20] = 1.8
    assert flicker_curve(relations(gains), 0.4).amplitude < 1.0


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_short_shots_are_left_alone(frames):
    curve = flicker_curve(relations([1.0, 1.2, 0.8, 1.1][:frames]), 0.4)
    assert curve.corrections == (ToneMap(),) * frames
    assert curve.amplitude == 0


def test_corrections_stay_in_bounds():
    curve = flicker_curve(relations([1.0, 20.0, 1.0, 20.0, 1.0, 20.0]), 0.4)
    assert all(0.25 <= c.gain <= 4 and -0.5 <= c.offset <= 0.5 for c in curve.corrections)


def test_severity():
    assert [round(flicker_severity(a)) for a in (0, 0.5, 1, 4, 32, 100)] == [0, 0, 17, 50, 100, 100]


@pytest.mark.parametrize("memory", [0.0, 0.35])
def test_the_amplitude_is_that_of_the_course_within_ten_per_cent(memory):
    rng = np.random.default_rng(7)
    gains = np.ones(72)
    for frame in range(1, 72):
        gains[frame] = 1 + memory * (gains[frame - 1] - 1) + 0.03 * rng.standard_normal()
    _, curve = left_over(gains)
    assert curve.amplitude == pytest.approx(255 * 0.4 * float(np.std(gains / gains[0])), rel=0.1)


@pytest.mark.parametrize("every", [2.5, 4.0, 12.0])
def test_what_comes_again_and_again_has_a_rhythm(every):
    rng = np.random.default_rng(1)
    course = np.sin(2 * np.pi * np.arange(96) / every) + 0.5 * rng.standard_normal(96)
    assert 1 / rhythm(course) == pytest.approx(every, rel=0.05)


def test_chance_and_slow_pumping_have_no_rhythm():
    rng = np.random.default_rng(2)
    courses = rng.standard_normal((60, 48))
    pumping = courses.copy()
    for frame in range(1, 48):
        pumping[:, frame] += 0.35 * pumping[:, frame - 1]
    assert sum(rhythm(one) is not None for one in (*courses, *pumping)) <= 2
    assert rhythm(np.zeros(48)) is None
    assert rhythm(np.ones(3)) is None
