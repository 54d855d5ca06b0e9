from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.stain import StainGauge, lasting_stains
from restoration_tasks.assessment.unstaining import planned_stains, stains_found
from restoration_tasks.restoration.stains import StainParams
from tests.assessment.glances import window
from tests.assessment.test_stain import FRAMES, HEIGHT, NEUTRAL, SCAN, WIDTH, scene, stained

START = 100
FACTS = ShotFacts(2, START, START + FRAMES, SCAN)
SHOT = Shot(number=2, start=START, stop=START + FRAMES)
BORN, STAY, AT, RADIUS = 6, 14, (0.4, 0.5), 40


def readings(frames):
    gauge = StainGauge()
    return [
        FrameReadings(START + at, {Category.STAIN: gauge.read(window(frames, at, gauge.radius))})
        for at in range(len(frames))
    ]


def planned(frames, gate=1.0, shot=SHOT, rows=None):
    scan = Scanned(WIDTH, HEIGHT, 24.0, frames.shape[3] == 1)
    return planned_stains(stains_found([shot], rows or readings(frames), scan).get(shot.number), gate, 1.0)


@pytest.mark.parametrize("moving", [(0.0, 0.0), (0.8, 0.3)])
def test_a_stain_that_comes_and_goes_is_taken_off_where_and_when_it_is_there(moving):
    asked = planned(stained(scene(moving), 0.25))
    params = StainParams.model_validate(asked.params)
    assert params.patches
    assert not params.fill_hidden
    body = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(body, (round(AT[0] * WIDTH), round(AT[1] * HEIGHT)), RADIUS - 4, 1, -1)
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for patch in params.patches:
        assert BORN - 3 <= patch.first <= BORN + 1
        assert BORN + STAY - 2 <= patch.last <= BORN + STAY + 2
        cv2.fillPoly(drawn, [np.rint(patch.polygon).astype(np.int32)], 1)
    assert drawn[body > 0].mean() > 0.97
    assert drawn.sum() < 4 * body.sum()
    assert "1 stain comes and goes: frames" in asked.why
    assert "nothing is filled" in asked.why


def test_on_grey_film_too():
    grey = stained(scene(), 0.3, colour=NEUTRAL).mean(axis=3, keepdims=True)
    assert StainParams.model_validate(planned(grey).params).patches


def test_a_clean_shot_gets_nothing():
    assert planned(scene((0.8, 0.3))) is None


def test_what_only_comes_is_named_and_left_alone():
    twice = np.concatenate([scene(), scene()])
    frames = stained(twice, 0.3, born=FRAMES - 8, stay=16)[:FRAMES]
    assert StainGauge().judge([row.by[Category.STAIN] for row in readings(frames)], FACTS).figures["came"] == 1
    asked = planned(frames)
    assert asked.params == {"patches": []}
    assert asked.why.startswith("Left alone: A stain darkens")


def test_two_things_in_two_places_are_no_stain_that_came_and_went():
    twice = np.concatenate([scene(), scene(), scene()])
    # One is there from the start and goes late, one comes early and stays.
    goes = stained(twice, 0.3, at=(0.25, 0.35), radius=36, born=4, stay=40)[FRAMES:]
    both = stained(goes, 0.3, at=(0.75, 0.65), radius=36, born=4, stay=40)[:FRAMES]
    rows = [row.by[Category.STAIN] for row in readings(both)]
    assert max(row.came for row in rows) > 0.05
    assert max(row.goes for row in rows) > 0.05
    assert lasting_stains(rows, False) == []


def test_a_faint_one_is_left_alone_and_a_lower_gate_takes_it():
    rows = readings(stained(scene(), 0.25))
    assert planned(scene(), gate=8.0, rows=rows).params == {"patches": []}
    assert planned(scene(), gate=0.5, rows=rows).params["patches"]


def test_parts_without_a_picture_and_shots_not_read_whole_are_left_alone():
    rows = readings(stained(scene(), 0.25))
    leader = Shot(number=2, start=START, stop=START + FRAMES, kind=PartKind.LEADER)
    assert stains_found([leader], rows, SCAN) == {}
    assert stains_found([SHOT], rows[1:], SCAN) == {}
