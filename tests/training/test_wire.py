"""Simulated stunt wires: their truth is true, and they hang as their form says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from restoration_tasks.training.damage.wire import Wire, WireForm

HEIGHT, WIDTH, FRAMES = 180, 320, 7


@pytest.fixture(scope="module")
def clean():
    """A textured scene that stands still, and a block in it that goes to the right by three pixels a frame."""
    rng = np.random.default_rng(5)
    scene = cv2.GaussianBlur(rng.uniform(300, 700, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3)
    body = 500 + 8 * (cv2.GaussianBlur(rng.uniform(0, 400, (60, 50)).astype(np.float32), (0, 0), 2) - 200)
    frames = []
    for at in range(FRAMES):
        frame = scene.copy()
        frame[90:150, 120 + 3 * at : 170 + 3 * at] = body
        frames.append(np.repeat(np.rint(frame)[None], 3, axis=0).astype(np.uint16))
    return frames


@pytest.mark.parametrize("form", WireForm)
def test_outside_its_mask_nothing_changes_and_inside_it_everything_does(clean, form):
    for before, wired in zip(clean, Wire(form, 3.0, 0.3, seed=2).drawn(clean, bit_depth=10), strict=True):
        assert_array_equal(wired.picture[:, ~wired.mask], before[:, ~wired.mask])
        assert (wired.picture != before).any(axis=0)[wired.mask].all()
        assert 0.001 < wired.mask.mean() < 0.05


def test_the_same_seed_hangs_the_same_wire(clean):
    one, other = (Wire(WireForm.SAGGING, 2.0, 0.2, seed=4).drawn(clean, bit_depth=10) for _ in range(2))
    assert_array_equal(one[3].picture, other[3].picture)


def test_it_hangs_on_what_moves_and_goes_with_it(clean):
    for seed in range(3):
        wired = Wire(WireForm.STRAIGHT, 2.0, 0.3, seed=seed).drawn(clean, bit_depth=10)
        places = np.array([one.course[-1] for one in wired])
        middle = places[FRAMES // 2]
        left = 120 + 3 * (FRAMES // 2)
        assert left - 20 < middle[0] < left + 70
        assert 80 < middle[1] < 160
        assert np.diff(places[:, 0]).mean() == pytest.approx(3, abs=0.7)
        assert all(one.course[0, 1] < 0 for one in wired)


def test_forms_hang_as_they_say(clean):
    def hung(form):
        return [one.course for one in Wire(form, 2.0, 0.3, seed=1).drawn(clean, bit_depth=10)]

    def bow(course):
        way = course[-1] - course[0]
        off = course[len(course) // 2] - (course[0] + course[-1]) / 2
        return abs(way[0] * off[1] - way[1] * off[0]) / (way @ way)

    still, swaying = hung(WireForm.STILL), hung(WireForm.SWAYING)
    assert all(np.array_equal(still[0], one) for one in still)
    assert max(np.abs(one - swaying[0]).max() for one in swaying) > 1
    assert bow(hung(WireForm.SAGGING)[0]) > 0.05 > 0.02 > bow(hung(WireForm.STRAIGHT)[0])
    assert hung(WireForm.CROSSING)[3][-1, 1] > hung(WireForm.STRAIGHT)[3][-1, 1] + 20


def test_its_tone_stands_out_by_the_contrast_asked_for():
    grey = [np.full((3, HEIGHT, WIDTH), 500, np.uint16)] * 2
    for contrast in (0.1, 0.3):
        wired = Wire(WireForm.STILL, 6.0, contrast, seed=1).drawn(grey, bit_depth=10)[0]
        most = np.abs(wired.picture.astype(int) - 500).max()
        assert most == pytest.approx(contrast * 1023, rel=0.06)


def test_a_thin_one_is_no_thinner_than_it_can_be_seen():
    small = [np.full((3, 60, 80), 500, np.uint16)] * 2
    wired = Wire(WireForm.STILL, 1.0, 0.3, seed=1).drawn(small, bit_depth=10)[0]
    assert wired.width_px == 0.8
    assert np.abs(wired.picture.astype(int) - 500).max() > 0.3 * 0.3 * 1023


def test_what_is_no_wire_is_refused():
    with pytest.raises(ValueError, match="width_px"):
        Wire(WireForm.STILL, 20.0, 0.2)
    with pytest.raises(ValueError, match="contrast"):
        Wire(WireForm.STILL, 2.0, 0.0)
