from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.restoration.tone import ToneMap, match_tone

gains = st.floats(0.5, 2.0)
offsets = st.floats(-0.3, 0.3)


@given(gains, offsets, gains, offsets, st.floats(0, 1))
def test_maps_compose_and_invert(gain, offset, other_gain, other_offset, value):
    first, second = ToneMap(gain, offset), ToneMap(other_gain, other_offset)
    x = np.float32([value])
    assert first.then(second).apply(x) == pytest.approx(second.apply(first.apply(x)), abs=1e-5)
    assert first.inverse().apply(first.apply(x)) == pytest.approx(x, abs=1e-5)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.1, 0.0), (0.92, 0.0), (1.0, 0.05), (1.05, -0.02)])
def test_a_relation_is_found_in_spite_of_grain_dirt_and_motion(gain, offset):
    rng = np.random.default_rng(3)
    scene = rng.uniform(0.1, 0.6, (60, 80)).astype(np.float32)
    before = scene + rng.normal(0, 0.004, scene.shape).astype(np.float32)
    after = gain * scene + offset + rng.normal(0, 0.004, scene.shape).astype(np.float32)
    after[:10] = rng.uniform(0, 1, (10, 80))  # an eighth of the picture shows something else
    found = match_tone(before, after.astype(np.float32))
    for level in (0.15, 0.35, 0.55):
        assert found.change_at(level) == pytest.approx(ToneMap(gain, offset).change_at(level), abs=0.002)


def test_a_picture_without_usable_samples_is_left_alone():
    black = np.zeros((10, 10), np.float32)
    assert match_tone(black, black) == ToneMap()
