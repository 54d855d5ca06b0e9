"""Flicker that differs over the picture: found where it is, and nothing made of what moves or adds up."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.evening import planned_flicker, shot_flicker
from restoration_tasks.assessment.light import SHAPES, LightRelation
from restoration_tasks.assessment.local_flicker import NONE, local_flicker
from restoration_tasks.restoration.flicker import DeflickerParams

LEVEL = 0.45
FRAMES = 60


def relations(**courses):
    """Relations whose chain is a course for each shape named, `x`, `y` or `bow`, or for the whole."""
    at = {"x": (1, 0), "y": (0, 1), "bow": (2, 0)}
    steps = np.zeros((FRAMES, len(SHAPES)))
    for name, course in courses.items():
        if name in at:
            steps[1:, SHAPES.index(at[name])] = np.diff(course)
    whole = np.diff(courses.get("whole", np.zeros(FRAMES)), prepend=0.0)
    red = np.diff(courses.get("red", np.zeros(FRAMES)), prepend=0.0)
    rows = [
        LightRelation(
            gain=float(w), evened=float(w), middle=float(np.log(LEVEL)), red=float(r), shapes=tuple(s.tolist())
        )
        for w, r, s in zip(whole, red, steps, strict=True)
    ]
    return [LightRelation(), *rows[1:]]


def noise(size, seed=0):
    return size * np.random.default_rng(seed).standard_normal(FRAMES)


def test_one_half_that_pulses_is_one_pattern_and_is_taken_away():
    course = noise(0.04)
    found = local_flicker(relations(x=course), LEVEL)
    assert len(found.patterns) == 1
    assert found.amplitude == pytest.approx(255 * LEVEL * 0.04 / np.sqrt(3), rel=0.25)
    edge = found.weights[:, 0] * found.patterns[0, 1, 3]
    assert np.std(edge + course) < 0.25 * np.std(course)
    assert found.patterns[0, 0] == pytest.approx(found.patterns[0, 3]), "it does not differ from above to below"


def test_shadows_that_wander_and_errors_that_add_up_are_none():
    wandering = np.cumsum(noise(0.01, 2))
    sliding = 0.2 * np.sin(np.arange(FRAMES) / 9)
    assert local_flicker(relations(x=wandering), LEVEL).amplitude < 0.5
    assert local_flicker(relations(y=sliding), LEVEL) is NONE
    assert local_flicker(relations(), LEVEL) is NONE


def test_a_lamp_that_lights_one_side_stays_on():
    lamp = np.where(np.arange(FRAMES) < 30, -0.2, 0.2)
    course = noise(0.03, 4)
    found = local_flicker(relations(x=lamp + course), LEVEL)
    edge = found.weights[:, 0] * found.patterns[0, 1, 3]
    left = edge + course
    assert abs(left[35:].mean() - left[:25].mean()) < 0.03, "of 0.4"


def test_frames_that_were_meant_are_left_alone():
    found = local_flicker(relations(x=noise(0.05)), LEVEL, frozenset({10, 11}))
    assert not found.weights[10:12].any()


def test_the_plan_says_what_is_evened_out_and_holds_few_numbers():
    found = shot_flicker(relations(whole=noise(0.05), x=noise(0.05, 1), red=noise(0.03, 2)), LEVEL)
    plan = planned_flicker(found, 1.0, 1.0)
    params = DeflickerParams.model_validate(plan.params)
    params.require_frames(FRAMES)
    assert len(params.patterns) == 1
    assert "differs over the picture" in plan.why
    assert "in 1 pattern that is evened out" in plan.why
    assert "Red and blue jump" in plan.why
    numbers = sum(len(one) for one in (params.density, params.contrast, params.red, params.blue)) + FRAMES
    assert numbers == 5 * FRAMES


def test_flicker_of_the_whole_alone_has_no_patterns_and_no_dyes():
    plan = planned_flicker(shot_flicker(relations(whole=noise(0.05)), LEVEL), 1.0, 0.7)
    assert set(plan.params) == {"density", "contrast", "amount"}
    assert planned_flicker(shot_flicker(relations(whole=noise(0.003)), LEVEL), 1.0, 1.0) is None
