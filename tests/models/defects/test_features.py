"""What the detector is shown says what it should about specks, motion, standing lines and missing neighbours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from restoration_tasks.models.defects.candidates import NEIGHBOURS, Sheet, Surroundings, median_of_usable, paper_over
from restoration_tasks.models.defects.features import (
    FEATURES,
    WIDEST_PX,
    Look,
    MotionFinder,
    detector_features,
    standing_lines,
)
from restoration_tasks.models.defects.motion import FlowFinder, Following, Places, slow_difference, to_rows
from tests.models.defects.moving import moving_window, with_speck

cv2.setNumThreads(1)
RISE_BEFORE, FALL_BEFORE, RISE_AFTER, FALL_AFTER = 11, 12, 13, 14
SHOWN_BEFORE, SHOWN_AFTER = 24, 25


def features(window, centre=2):
    looks = [Look.of(picture) for picture in window]
    return detector_features(looks[centre], looks[:centre][::-1], looks[centre + 1 :], MotionFinder()).planes


def test_flow_finds_a_shift_and_carries_it_back():
    window = moving_window((96, 128), step=(3, -2))
    one, other = Look.of(window[2]), Look.of(window[3])
    flow = MotionFinder().flow(one, other, 0)
    inner = (slice(20, -20), slice(20, -20))
    assert_allclose(np.median(flow[inner].reshape(-1, 2), axis=0), (-3, 2), atol=0.3)
    places = Places.of(flow)
    assert np.abs(places.sample(other.rows) - one.rows)[inner].mean() < 0.01
    shown = places.shown((96, 128))
    assert shown[inner].all()
    assert not shown.all()  # the far edge came from outside


def test_a_speck_rises_out_of_both_sides_and_motion_does_not():
    window = moving_window()
    spoilt, mask = with_speck(window[2])
    found = features([*window[:2], spoilt, *window[3:]])
    inner = np.zeros_like(mask)
    inner[12:-12, 12:-12] = True
    for plane in (RISE_BEFORE, RISE_AFTER):
        assert found[plane][mask].min() > 0.2
        assert found[plane][inner & ~cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)].max() < 0.1
    for plane in (FALL_BEFORE, FALL_AFTER):
        assert found[plane][mask].max() == 0


def test_flicker_is_hardly_a_difference():
    window = moving_window()
    dimmed = [picture * (1.0 if n == 2 else 0.85) for n, picture in enumerate(window)]
    inner = (slice(16, -16), slice(16, -16))
    unmatched = 4 * 0.15 * np.abs(window[2])[:, *inner].mean()
    assert np.abs(features(dimmed)[3:6])[:, *inner].mean() < 0.2 * unmatched


def test_a_line_stands_out_and_a_step_less():
    rows = np.full((60, 80, 3), 0.4, np.float32)
    rows[:, 40:43] = 0.8
    rows[:, 60:] = 0.5
    lines = standing_lines(rows)
    assert lines[:, 41].min() > 0.25
    assert np.abs(lines[:, :30]).max() < 1e-6
    assert np.abs(lines[:, 55:65]).max() < 0.06


@pytest.mark.parametrize("centre", [0, 1, 2, 4])
def test_missing_neighbours_are_said_to_be_missing(centre):
    window = moving_window()
    found = features(window, centre)
    assert found.shape == (FEATURES, 64, 80)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found[SHOWN_BEFORE].any() == (centre > 0)
    assert found[SHOWN_AFTER].any() == (centre < 4)


def test_a_frame_alone_has_no_differences():
    (alone,) = moving_window(frames=1)
    found = features([alone], 0)
    assert_array_equal(found[3:16], 0)
    assert found[16:19].any()


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(17, 40),
    width=st.integers(17, 40),
    channels=st.sampled_from([1, 3]),
    neighbours=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_any_size_and_grey_work_and_grey_is_colourless(height, width, channels, neighbours, seed):
    window = moving_window((height, width), channels=channels, seed=seed)
    looks = [Look.of(picture) for picture in window]
    found = detector_features(looks[2], looks[1::-1][:neighbours], looks[3:], MotionFinder()).planes
    assert found.shape == (FEATURES, height, width)
    assert np.isfinite(found).all()
    if channels == 1:
        assert_array_equal(found[0], found[1])
        assert_allclose(found[3], found[5], atol=1e-6)


def test_slow_difference_takes_shading_and_leaves_specks():
    y = np.linspace(-0.1, 0.1, 96, dtype=np.float32)[:, None]
    shading = np.repeat(y, 128, axis=1)
    speck = shading.copy()
    speck[40:46, 60:66] += 0.5
    left = speck - slow_difference(speck)
    assert left[43, 63] > 0.4
    assert np.abs(left[10:-10, :50]).max() < 0.03


def test_candidates_leave_out_what_is_dirty_in_a_neighbour():
    window = moving_window()
    spoilt, mask = with_speck(window[2])
    dirty, own = with_speck(window[1], row=30 + 1, column=40 + 2)  # where the speck's place was a frame before
    clean = np.zeros_like(mask)
    made = surroundings(Sheet(spoilt, mask), [Sheet(dirty, own), Sheet(window[0], clean)], [Sheet(window[3], clean)])
    made = made.whole()
    assert made.candidates.shape == (6, 3, 64, 80)
    assert made.usable[0][mask].mean() < 0.5
    assert made.usable[1][mask].all()
    assert not made.usable[3].any()  # there is no second frame after
    errors = [np.abs(candidate - window[2])[:, mask].mean() for candidate in made.candidates]
    assert errors[1] < 0.03
    assert errors[NEIGHBOURS] < 0.03  # the median
    assert errors[3] == errors[5]
    assert errors[5] < np.abs(spoilt - window[2])[:, mask].mean()


def surroundings(centre, before, after):
    return Surroundings(centre, before, after, FlowFinder(Following.STIFF))


def test_a_box_holds_what_the_whole_frame_holds_there():
    window = moving_window((96, 128), step=(3, 1))
    spoilt, mask = with_speck(window[2])
    clean = np.zeros_like(mask)
    sheets = [Sheet(picture, clean) for picture in window]
    made = surroundings(Sheet(spoilt, mask), sheets[1::-1], sheets[3:])
    rows, columns = slice(16, 48), slice(24, 72)
    part, whole = made.box((rows, columns)), made.whole()
    assert_allclose(part.candidates[:5], whole.candidates[:5, :, rows, columns], atol=1e-5)
    assert_array_equal(part.usable, whole.usable[:, rows, columns])


@given(seed=st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_the_median_is_that_of_the_usable(seed):
    rng = np.random.default_rng(seed)
    carried = rng.random((NEIGHBOURS, 3, 4, 5)).astype(np.float32)
    usable = (rng.random((NEIGHBOURS, 4, 5)) < 0.6).astype(np.float32)
    found = median_of_usable(carried, usable, np.full((3, 4, 5), -1, np.float32))
    for y, x in np.ndindex(4, 5):
        shown = carried[usable[:, y, x] > 0, :, y, x]
        assert_allclose(found[:, y, x], np.median(shown, axis=0) if len(shown) else -1, atol=1e-6)


def test_wide_pictures_are_looked_at_in_half_size():
    wide = Look.of(np.zeros((1, 20, WIDEST_PX + 2), np.float32))
    assert wide.rows.shape == (10, WIDEST_PX // 2 + 1, 3)
    assert wide.shape == (20, WIDEST_PX + 2)
    assert Look.of(np.zeros((1, 20, WIDEST_PX), np.float32)).rows.shape == (20, WIDEST_PX, 3)


def test_papering_over_changes_the_mask_only():
    rows = to_rows(moving_window(frames=1)[0])
    mask = np.zeros(rows.shape[:2], bool)
    mask[20:24, 30:36] = True
    filled = paper_over(rows, mask)
    assert_array_equal(filled[~mask], rows[~mask])
    assert (filled[mask] != rows[mask]).any()
