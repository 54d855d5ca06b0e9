from __future__ import annotations

import numpy as np

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.missing import MissingGauge
from tests.assessment.glances import window
from tests.assessment.test_weave import HEIGHT, WIDTH, scene

PAN = scene((3.0, 0.5))


def judged(frames):
    gauge = MissingGauge()
    rows = [gauge.read(window(frames, at, gauge.radius)) for at in range(len(frames))]
    return gauge.judge(rows, ShotFacts(1, 50, 50 + len(frames), Scanned(WIDTH, HEIGHT, 24.0, False)))


def test_a_whole_sequence_has_nothing_missing():
    verdict = judged(PAN)
    assert (verdict.severity, verdict.worst_frame) == (0.0, None)
    assert (verdict.figures["repeated"], verdict.figures["gaps"]) == (0, 0)


def test_repeats_are_counted_and_named():
    frames = PAN[[*range(8), 7, *range(8, 15), 14, *range(15, 24)]]
    verdict = judged(frames)
    assert verdict.figures["repeated"] == 2
    assert verdict.figures["gaps"] == 0
    assert verdict.worst_frame == 50 + 8
    assert "2 repeated" in verdict.words


def test_a_repeat_that_was_scanned_again_is_one_for_all_its_noise():
    frames = PAN[[*range(8), 7, *range(8, 24)]].copy()
    noise = np.random.default_rng(1).normal(0, 0.004, frames[8].shape[:2])[..., None]
    frames[8] = np.clip(frames[8] + noise, 0, 1)
    assert judged(frames).figures["repeated"] == 1


def test_a_gap_is_seen_by_the_longer_step():
    frames = PAN[[*range(10), *range(11, 24)]]
    verdict = judged(frames)
    assert verdict.figures["gaps"] == 1
    assert verdict.worst_frame == 50 + 10


def test_a_still_says_nothing_of_repeats():
    verdict = judged(np.repeat(PAN[:1], 12, axis=0))
    assert verdict.severity == 0.0
    assert verdict.confidence == 0.0


def test_a_picture_that_stood_still_and_begins_to_move_has_no_repeats():
    start = np.repeat(PAN[:1], 8, axis=0) + np.float32(0.002) * np.arange(8, dtype=np.float32)[:, None, None, None]
    assert judged(np.concatenate([start, PAN[:16]])).figures["repeated"] == 0


def test_animation_on_twos_is_named_and_not_counted():
    verdict = judged(PAN[np.repeat(np.arange(12), 2)])
    assert (verdict.severity, verdict.figures["cadence_frames"]) == (0.0, 2)
    assert verdict.words.startswith("Every 2. frame is a repeat")


def test_a_movement_that_is_done_at_once_is_no_gap():
    places = np.cumsum([1] * 10 + [2] + [1] + [0] * 12)
    verdict = judged(PAN[np.minimum(places, 23)])
    assert verdict.figures["gaps"] == 0


def test_a_movement_that_comes_to_rest_as_the_shot_ends_is_no_repeat():
    # The last frame differs by a twentieth of the step before it.
    nearly = 0.95 * PAN[22] + 0.05 * PAN[23]
    assert judged(np.concatenate([PAN[:23], nearly[None]])).figures["repeated"] == 0
    assert judged(np.concatenate([PAN[:23], PAN[22:23]])).figures["repeated"] == 1
