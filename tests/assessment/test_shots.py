from __future__ import annotations

import json

import numpy as np
import pytest

from restoration_tasks.assessment.shots import Shot, read_shots, shots_from_scores, shots_json
from restoration_tasks.runtime.errors import MediaError


def bounds(scores):
    return [(shot.start, shot.stop) for shot in shots_from_scores(scores)]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([0.0], [(0, 1)]),
        ([0.9], [(0, 1)]),
        ([0.9, 0.1], [(0, 1), (1, 2)]),
        ([0.1, 0.9], [(0, 2)]),
        ([0, 0, 0.9, 0, 0], [(0, 3), (3, 5)]),
        ([0, 0.6, 0.9, 0.7, 0, 0], [(0, 3), (3, 6)]),
        ([0, 0.5, 0], [(0, 3)]),
        ([0, 0.9, 0, 0.9, 0], [(0, 2), (2, 4), (4, 5)]),
    ],
)
def test_cuts_lie_behind_the_highest_score_of_a_run(scores, expected):
    assert bounds(scores) == expected


def test_shots_cover_every_frame_once():
    scores = np.random.default_rng(0).random(300).tolist()
    covered = [frame for start, stop in bounds(scores) for frame in range(start, stop)]
    assert covered == list(range(300))


def test_the_list_survives_json_with_its_segments():
    scores = [0.0] * 1200
    scores[99] = 0.8
    shots = shots_from_scores(scores)
    text = shots_json(shots, scores)
    read, segments = read_shots(text)
    assert read == shots == [Shot(1, 0, 100), Shot(2, 100, 1200)]
    assert [segment.id for segment in segments] == ["s001-01", "s002-01", "s002-02", "s002-03"]
    assert {(s.shot_start, s.shot_stop) for s in segments[1:]} == {(100, 1200)}
    assert json.loads(text)["shots"][1]["cut_score"] == 0.8


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "other"}', '{"format": "reelkeeper.shots/1", "shots": 3}']
)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(MediaError, match="list of shots"):
        read_shots(text)
