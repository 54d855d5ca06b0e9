from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.restoration.boxes import SIDES_PX, batched_boxes, boxes_around


def covered(mask, boxes):
    inside = np.zeros_like(mask)
    for box in boxes:
        inside[box] = True
    return inside


def test_boxes_hold_every_speck_with_its_surround():
    mask = np.zeros((50, 60), bool)
    mask[0, 0] = mask[30:33, 40:44] = True
    inside = covered(mask, boxes_around(mask, 6))
    assert inside[mask].all()
    assert inside[26:37, 36:48].all()
    assert not inside[15, 20]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 300), st.floats(0.0001, 0.5))
def test_batched_boxes_cover_the_mask_inside_the_frame_in_few_sizes(seed, height, width, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    boxes = batched_boxes(mask, 9)
    assert covered(mask, boxes)[mask].all()
    for rows, columns in boxes:
        for span, side in ((rows, height), (columns, width)):
            assert 0 <= span.start < span.stop <= side
            assert span.stop - span.start in {*SIDES_PX, side}


def test_a_speck_costs_a_small_box_and_a_dirty_frame_one_box():
    mask = np.zeros((400, 600), bool)
    assert batched_boxes(mask, 9) == []
    mask[200:204, 300:306] = True
    ((rows, columns),) = batched_boxes(mask, 9)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (32, 32)
    mask[::20, ::20] = True
    assert batched_boxes(mask, 9) == [(slice(0, 400), slice(0, 600))]


def test_close_specks_share_a_box():
    mask = np.zeros((400, 600), bool)
    mask[200, 300:340:12] = True
    assert len(batched_boxes(mask, 9)) == 1


def test_what_is_too_large_for_a_network_is_cut_into_tiles_that_overlap():
    mask = np.ones((300, 500), bool)
    boxes = batched_boxes(mask, 9, largest=192)
    assert covered(mask, boxes).all()
    assert all(box[0].stop - box[0].start <= 192 and box[1].stop - box[1].start <= 192 for box in boxes)
