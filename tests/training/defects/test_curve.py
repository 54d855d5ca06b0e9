"""Precision and recall as textbooks have them, and the threshold that keeps clean frames clean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.training.defects.curve import Curve
from restoration_tasks.training.defects.evaluate import choose_threshold


def curve(probability, damaged):
    made = Curve()
    probability = np.asarray(probability, np.float32)[None]
    made.add(probability, np.asarray(damaged, bool)[None], np.ones(probability.shape, bool))
    return made


def test_average_precision_by_hand():
    made = curve([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])
    assert made.average_precision() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert made.chance() == 0.5
    point = made.at(0.65)
    assert (point.precision, point.recall) == (pytest.approx(2 / 3), 1.0)
    assert point.f1 == pytest.approx(0.8)
    assert made.masked_share(0.65) == 0.75


def test_pixels_that_do_not_count_do_not_count():
    made = Curve()
    made.add(np.array([[0.9, 0.9]], np.float32), np.array([[True, False]]), np.array([[True, False]]))
    assert made.average_precision() == 1


def test_nothing_damaged_has_no_average_precision():
    assert np.isnan(curve([0.1, 0.2], [0, 0]).average_precision())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=40).filter(
        lambda p: any(d for _, d in p)
    )
)
def test_a_perfect_map_has_one_and_any_map_no_more(pairs):
    damaged = np.array([d for _, d in pairs])
    assert curve(damaged.astype(float), damaged).average_precision() == pytest.approx(1)
    assert 0 < curve(np.array([p for p, _ in pairs]) / 1000, damaged).average_precision() <= 1 + 1e-9


def test_the_best_threshold_is_one_that_keeps_clean_frames_clean():
    everything = curve([0.3, 0.3, 0.5, 0.9], [1, 1, 1, 1])
    shares = {0.3: [0.0004, 0.0], 0.5: [0.0003, 0.0], 0.9: [0.0, 0.0]}
    assert choose_threshold(everything, shares) == 0.5
    assert choose_threshold(everything, {0.3: [0.02], 0.9: [0.01]}) == 0.9


def test_counts_of_two_curves_add_up_to_that_of_both():
    rng = np.random.default_rng(1)
    probability, damaged = rng.random((2, 8, 8)).astype(np.float32), rng.random((2, 8, 8)) < 0.3
    both, parts = Curve(bins=50), Curve(bins=50)
    for one, truth in zip(probability, damaged, strict=True):
        both.add(one, truth, np.ones_like(truth))
        alone = Curve(bins=50)
        alone.add(one, truth, np.ones_like(truth))
        parts.add_counts(*alone.counts)
    assert parts.counts == both.counts
    assert parts.average_precision() == both.average_precision()
    assert len(both.counts[0]) == 51
