from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Category
from restoration_tasks.assessment.mending import planned_tears, tears_found
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot as ReelShot
from restoration_tasks.assessment.tear import TearGauge
from restoration_tasks.restoration.tears import TearParams
from tests.assessment.glances import window
from tests.assessment.test_tear import FRAMES, HEIGHT, SHOT, scene, torn

REEL_SHOT = ReelShot(number=2, start=SHOT.start, stop=SHOT.stop)


def readings(frames):
    gauge = TearGauge()
    return [
        FrameReadings(SHOT.start + at, {Category.TEAR: gauge.read(window(frames, at, gauge.radius))})
        for at in range(len(frames))
    ]


def planned(frames, gate=1.0, fill=None):
    found = tears_found([REEL_SHOT], readings(frames), SHOT.scan)
    return planned_tears(found.get(2), gate, fill)


def mend(asked):
    return TearParams.model_validate(asked.params).tears


@pytest.mark.parametrize("stay", [1, 2, 3])
@pytest.mark.parametrize("moving", [(0.0, 0.0), (1.5, 0.4)])
def test_a_tear_is_mended_on_its_frames_along_its_rip(stay, moving):
    asked = planned(torn(scene(moving), 6, (4.0, -1.0), stay=stay), fill={"engine": "classical"})
    (tear,) = mend(asked)
    assert (tear.first, tear.last) == (6, 6 + stay - 1)
    assert tear.left == pytest.approx(0.4 * HEIGHT, abs=6)
    assert tear.right == pytest.approx(0.6 * HEIGHT, abs=6)
    assert asked.params["engine"] == "classical"
    assert "1 tear from edge to edge: frame" in asked.why


def test_each_tear_of_a_shot():
    frames = torn(torn(scene(), 3, (3.0, 0.0)), 10, (5.0, 1.0), tilt=-0.3, stay=2)
    assert [(tear.first, tear.last) for tear in mend(planned(frames))] == [(3, 3), (10, 11)]


def test_a_whole_shot_gets_nothing():
    assert planned(scene((2.0, 0.5))) is None


def test_a_pull_without_a_rip_is_named_and_left_alone():
    made = torn(scene(), 6, (4.0, -1.0))
    healed = made.copy()
    line = HEIGHT * (0.5 + 0.2 * (np.linspace(0, 1, made.shape[2]) - 0.5))
    rip = np.abs(np.arange(HEIGHT)[:, None] - line[None]) < 1
    healed[6][rip] = scene()[6][rip]
    asked = planned(healed)
    assert asked.params == {"tears": []}
    assert asked.why.startswith("Left alone: Torn from edge to edge 1 time")


def test_a_rip_that_pulls_nothing_away_is_left_alone():
    asked = planned(torn(scene(), 6, (0.0, 0.0)))
    assert asked is None or asked.params == {"tears": []}


def test_the_frames_own_edge_is_no_rip():
    rows = readings(torn(scene(), 6, (4.0, -1.0)))
    assert mend(planned_tears(tears_found([REEL_SHOT], rows, SHOT.scan)[2], 1.0))
    at_edge = []
    for row in rows:
        read = row.by[Category.TEAR]
        read = replace(read, came_left=0.01, came_right=0.01, goes_left=0.01, goes_right=0.01, left=0.1, right=0.1)
        at_edge.append(FrameReadings(row.frame, {Category.TEAR: read}))
    asked = planned_tears(tears_found([REEL_SHOT], at_edge, SHOT.scan)[2], 1.0)
    assert asked.params == {"tears": []}


def test_pulls_under_the_gate_are_left_alone():
    frames = torn(scene(), 6, (4.0, -1.0))
    assert planned(frames, gate=30.0).params == {"tears": []}


def test_a_tear_at_the_end_of_a_shot_has_no_whole_frame_beside_and_is_left_alone():
    asked = planned(torn(scene(), FRAMES - 2, (5.0, 0.0), stay=2))
    assert asked is None or asked.params == {"tears": []}


def test_parts_without_a_picture_and_shots_not_read_whole_are_left_alone():
    rows = readings(torn(scene(), 6, (4.0, -1.0)))
    leader = ReelShot(number=2, start=SHOT.start, stop=SHOT.stop, kind=PartKind.LEADER)
    assert tears_found([leader], rows, SHOT.scan) == {}
    assert tears_found([REEL_SHOT], rows[1:], SHOT.scan) == {}
