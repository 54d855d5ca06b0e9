from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.restoration.motion import Effort, MotionEstimator, analysis_luma
from restoration_tasks.restoration.neighbours import align, distinct_neighbours
from tests.restoration.moving import add_flicker, moving_clip


def lumas(clip, middle):
    pictures = [analysis_luma(picture, 1023, rgb=False) for picture in clip]
    return {place - middle: picture for place, picture in enumerate(pictures) if abs(place - middle) <= 3}


def test_two_neighbours_each_way_nearest_first():
    assert distinct_neighbours(lumas(moving_clip(7), 3)) == ([-1, -2], [1, 2])


def test_a_near_duplicate_is_passed_over():
    clip = moving_clip(7)
    clip[4] = clip[3]  # the frame after repeats the middle
    clip[1] = clip[2]  # and the one two before repeats the one before
    assert distinct_neighbours(lumas(clip, 3)) == ([-1, -3], [2, 3])


def test_at_the_ends_there_are_fewer():
    clip = moving_clip(2)
    assert distinct_neighbours(lumas(clip, 0)) == ([], [1])
    assert distinct_neighbours(lumas(clip[:1], 0)) == ([], [])


def test_a_neighbour_is_brought_to_place_and_brightness():
    clip = add_flicker(moving_clip(2, step=2.0, grain=1.0), [1.0, 1.12])
    here, there = (analysis_luma(picture, 1023, rgb=False) for picture in clip)
    neighbour = align(here, there, 1, MotionEstimator(Effort.FOLLOW))
    assert neighbour.tone.gain + neighbour.tone.offset / 0.45 == pytest.approx(1 / 1.12, abs=0.01)
    assert np.abs(neighbour.luma - here)[8:-8, 8:-8].mean() < 1.5
