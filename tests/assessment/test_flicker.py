from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from restoration_tasks.assessment.flicker import LightMap, flicker_curve, flicker_severity, rhythm
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.light import LightRelation, relate
from tests.restoration.moving import GREY, add_dirt, add_flicker, moving_clip

LEVEL = 0.4


def relations(gains, contrasts=None):
    logs = np.log(gains)
    steps = np.zeros(len(logs)) if contrasts is None else np.diff(contrasts, prepend=contrasts[0])
    made = [
        LightRelation(gain=float(step), contrast=float(turn), middle=float(np.log(LEVEL)))
        for step, turn in zip(np.diff(logs, prepend=logs[0]), steps, strict=True)
    ]
    return [LightRelation(), *made[1:]]


def left_over(gains, **kwargs):
    curve = flicker_curve(relations(gains), LEVEL, **kwargs)
    return np.exp([one.at(np.log(LEVEL)) - np.log(LEVEL) for one in curve.corrections]) * gains, curve


def pumping(frames, size, seed=0, memory=0.35):
    rng = np.random.default_rng(seed)
    course = size * rng.standard_normal(frames)
    for frame in range(1, frames):
        course[frame] += memory * course[frame - 1]
    return np.exp(course)


def test_the_curve_is_measured_on_pictures_within_ten_per_cent():
    rng = np.random.default_rng(4)
    frames = 30
    gains = 1 + 0.07 * rng.standard_normal(frames)
    dirty, _ = add_dirt(moving_clip(frames))
    glances = [Glance.of(i, picture, GREY) for i, picture in enumerate(add_flicker(dirty, gains))]
    read = [LightRelation(), *(relate(before, here) for before, here in pairwise(glances))]
    level = float(np.mean([glance.luma.mean() for glance in glances]))
    curve = flicker_curve(read, level)
    light = np.log(level)
    after = np.exp([one.at(light) - light for one in curve.corrections]) * gains
    assert np.std(after) < 0.15 * np.std(gains)
    assert curve.amplitude == pytest.approx(255 * level * float(np.std(np.log(gains))), rel=0.15)


@pytest.mark.parametrize(("frames", "allowed"), [(12, 0.145), (18, 0.115), (48, 0.05)])
def test_the_amplitude_is_right_on_average(frames, allowed):
    off = []
    for seed in range(40):
        gains = pumping(frames, 0.08, seed)
        true = 255 * LEVEL * float(np.std(np.log(gains)))
        off.append(flicker_curve(relations(gains), LEVEL).amplitude / true - 1)
    assert float(np.sqrt(np.mean(np.square(off)))) < allowed


@pytest.mark.parametrize(("unsure", "share"), [(0.0, 1.0), (0.005, 1.0), (0.05, 0.0)])
def test_what_the_relations_may_be_off_by_is_no_flicker(unsure, share):
    made = [replace(one, unsure=unsure) for one in relations(pumping(24, 0.08, 3))]
    sure = flicker_curve(relations(pumping(24, 0.08, 3)), LEVEL).amplitude
    assert flicker_curve(made, LEVEL).amplitude == pytest.approx(share * sure, rel=0.02)


def test_light_that_springs_up_and_dies_away_is_none_and_the_same_backwards_is_no_firework():
    time = np.arange(48)
    bursts = sum(0.3 * np.exp(-0.25 * (time - born)) * (time >= born) for born in (3, 12, 20, 31, 40))
    curve = flicker_curve(relations(np.exp(bursts)), LEVEL)
    assert (curve.amplitude, curve.lit) == (0.0, True)
    assert not flicker_curve(relations(np.exp(bursts[::-1])), LEVEL).lit
    assert not any(flicker_curve(relations(pumping(24, 0.08, seed)), LEVEL).lit for seed in range(20))


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


def test_a_lamp_that_is_switched_on_stays_a_step():
    lamp = np.where(np.arange(60) < 30, 0.65, 1.0)
    flicker = pumping(60, 0.05)
    after, _ = left_over(lamp * flicker)
    step = np.log(after)
    assert step[30] - step[29] > 0.75 * np.log(1 / 0.65), "no slope through the frames around it"
    assert np.std(np.log(after / lamp)) < 0.35 * np.std(np.log(flicker))


def test_lightning_in_flicker_is_left_as_it_is():
    lightning = np.ones(60)
    lightning[20:23] = 1.7, 1.45, 1.2
    after, curve = left_over(lightning * pumping(60, 0.04, seed=3))
    assert {20, 21} <= curve.flashes <= {19, 20, 21, 22, 23}
    assert after[20] / np.median(after) > 1.5


def test_a_single_dark_frame_is_evened_out():
    dark = pumping(60, 0.01)
    dark[30] *= 0.6
    after, curve = left_over(dark)
    assert not curve.flashes
    assert after[30] == pytest.approx(float(np.median(after)), rel=0.05)


def test_contrast_that_flickers_is_evened_out_about_the_level_of_the_shot():
    contrasts = np.log(pumping(40, 0.03, seed=5))
    curve = flicker_curve(relations(pumping(40, 0.03), contrasts), LEVEL)
    turned = np.array([one.contrast for one in curve.corrections]) * np.exp(contrasts)
    assert np.std(turned) < 0.35 * np.std(np.exp(contrasts))


def test_over_two_thousand_frames_errors_that_add_up_do_not_make_corrections_wander():
    rng = np.random.default_rng(8)
    flicker = np.log(pumping(2000, 0.03))
    errors = np.cumsum(0.0015 * rng.standard_normal(2000) + 0.0002)
    gains = np.exp(flicker + errors)
    after, _ = left_over(gains)
    corrected = np.log(after) - np.log(gains)
    for start in range(0, 2000, 100):
        assert abs(float(corrected[start : start + 100].mean() + flicker[start : start + 100].mean())) < 0.015
    assert np.std(corrected + flicker) < 0.25 * np.std(flicker)
    assert abs(errors[-1]) > 0.2, "the chain itself does wander"


def test_no_flicker_no_correction():
    after, curve = left_over(np.ones(20))
    assert after == pytest.approx(np.ones(20))
    assert curve.amplitude == 0


def test_a_single_flash_does_not_make_flicker():
    gains = np.ones(40)
    gains[20] = 1.8
    curve = flicker_curve(relations(gains), 0.4)
    assert curve.amplitude < 1.0
    assert curve.corrections[20] == LightMap()


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_short_shots_are_left_alone(frames):
    curve = flicker_curve(relations([1.0, 1.2, 0.8, 1.1][:frames]), 0.4)
    assert curve.corrections == (LightMap(),) * frames
    assert curve.amplitude == 0


def test_corrections_stay_in_bounds():
    curve = flicker_curve(relations([1.0, 20.0, 1.0, 20.0, 1.0, 20.0]), 0.4)
    assert all(abs(c.gain) <= 1.4 and 0.5 <= c.contrast <= 2 for c in curve.corrections)


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
