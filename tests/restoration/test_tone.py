from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.restoration.tone import ToneMap, match_tone


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.1, 0.0), (0.92, 0.0), (1.0, 0.05), (1.05, -0.02)])
def test_a_relation_is_found_in_spite_of_grain_dirt_and_motion(gain, offset):
    rng = np.random.default_rng(3)
    scene = rng.uniform(0.1, 0.6, (60, 80)).astype(np.float32)
    before = scene + rng.normal(0, 0.004, scene.shape).astype(np.float32)
    after = gain * scene + offset + rng.normal(0, 0.004, scene.shape).astype(np.float32)
    after[:10] = rng.uniform(0, 1, (10, 80))  # an eighth of the picture shows something else
    found = match_tone(before, after.astype(np.float32))
    levels = np.array([0.15, 0.35, 0.55], np.float32)
    assert found.apply(levels) == pytest.approx(ToneMap(gain, offset).apply(levels), abs=0.002)


def test_a_picture_without_usable_samples_is_left_alone():
    black = np.zeros((10, 10), np.float32)
    assert match_tone(black, black) == ToneMap()
