from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.classical import ranked
from restoration_tasks.assessment.measure import FrameMeter
from restoration_tasks.assessment.seen import Seen
from tests.restoration.moving import GREY, add_dirt, add_flicker, moving_clip


def measure(clip, middle):
    frames = [Seen.classically(place, picture, GREY) for place, picture in enumerate(clip)]
    figures, found = FrameMeter().measure(
        {seen.index - middle: seen for seen in frames if abs(seen.index - middle) <= 3}
    )
    return figures, found.dirt


def test_specks_are_found_and_little_else():
    dirty, masks = add_dirt(moving_clip(7))
    for middle in range(7):  # also at the shot's ends
        figures, found = measure(dirty, middle)
        certain = found >= 128
        assert certain[masks[middle]].mean() > 0.9
        assert (certain & ~masks[middle]).mean() < 0.02, "a pixel or two around each speck, no more"
        assert figures.dirt_area == pytest.approx(certain.mean())


def test_specks_are_found_under_flicker():
    dirty, masks = add_dirt(moving_clip(7))
    flickering = add_flicker(dirty, [1.0, 0.9, 1.08, 0.95, 1.05, 0.92, 1.1])
    _, found = measure(flickering, 3)
    assert (found >= 128)[masks[3]].mean() > 0.85
    clean, _ = measure(add_flicker(moving_clip(7), [1.0, 0.9, 1.08, 0.95, 1.05, 0.92, 1.1]), 3)
    assert clean.dirt_area == 0


def test_a_hair_is_found_whole():
    import cv2

    clip = moving_clip(7)
    mask = np.zeros((96, 128), np.uint8)
    cv2.polylines(mask, [np.int32([(20, 20), (40, 35), (60, 38), (85, 60)])], False, 1, 1)
    clip[3][:, mask > 0] = 60
    _, found = measure(clip, 3)
    assert (found >= 128)[mask > 0].mean() > 0.9


@pytest.mark.parametrize("step", [0.0, 1.3, 6.0])
@pytest.mark.parametrize("grain", [1.0, 12.0])
def test_clean_moving_film_has_an_empty_map(step, grain):
    clip = moving_clip(7, step=step, grain=grain)
    for middle in (0, 3, 6):
        figures, found = measure(clip, middle)
        assert not found.any()
        assert (figures.dirt_area, figures.dirt_count, figures.dirt_severity) == (0, 0, 0)


@pytest.mark.parametrize("speed", [2, 5, 10])
def test_something_passing_in_front_is_not_dirt(speed):
    clip = moving_clip(7, step=0.5)
    for number, picture in enumerate(clip):
        left = 46 + speed * (number - 3)  # it covers and uncovers what is behind, up to 8 % of the width a frame
        picture[:, 30:70, left : left + 24] = 850
    _, found = measure(clip, 3)
    assert not found.any()


def test_a_shot_of_one_frame_says_nothing():
    dirty, _ = add_dirt(moving_clip(1))
    figures, found = measure(dirty, 0)
    assert not found.any()
    assert not figures.near_duplicate


def test_in_a_shot_of_two_the_dirt_is_given_to_the_dirty_frame():
    clip = moving_clip(2)
    clip[0][:, 40:46, 60:66] = 1000
    _, dirty = measure(clip, 0)
    _, clean = measure(clip, 1)
    assert (dirty >= 128)[40:46, 60:66].mean() > 0.9
    assert not (clean >= 128)[36:50, 56:70].any()


def test_dirt_on_a_repeated_frame_does_not_vouch_for_itself():
    dirty, masks = add_dirt(moving_clip(7))
    dirty[4] = dirty[3]
    figures, found = measure(dirty, 3)
    assert (found >= 128)[masks[3]].mean() > 0.9
    assert not figures.near_duplicate
    assert measure(dirty, 4)[0].near_duplicate


def test_one_neighbour_of_four_may_dissent():
    pictures = [np.full((2, 2), value, np.float32) for value in (30, -50, 40, 20)]
    low, high = ranked(pictures)
    assert low[0, 0] == 20
    assert high[0, 0] == 30
    occluded = [np.full((1, 1), value, np.float32) for value in (60, 55, 0, 1)]
    assert ranked(occluded)[0][0, 0] == 1
    assert ranked(pictures[:2])[0][0, 0] == -50
