from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.flicker import Deflicker, DeflickerParams
from restoration_tasks.restoration.treatment import Shown
from tests.restoration.moving import GREY, moving_clip


def treat(picture, params, place=0, fmt=GREY):
    return Deflicker(params).apply({0: Shown(place, picture, None, fmt)})


def test_the_frames_own_entry_is_applied_and_rounded():
    picture = np.arange(1024, dtype=np.uint16).reshape(1, 32, 32)
    params = DeflickerParams(gain=(1.0, 1.25), offset=(0.0, -0.01))
    assert np.array_equal(treat(picture, params, 0), picture)
    expected = np.clip(np.rint(picture * 1.25 - 0.01 * 1023), 0, 1023)
    assert np.array_equal(treat(picture, params, 1), expected)


def test_the_amount_scales_the_correction():
    picture = np.full((1, 4, 4), 400, np.uint16)
    assert treat(picture, DeflickerParams(gain=(1.2,), offset=(0.0,), amount=0.5))[0, 0, 0] == 440


def test_all_channels_move_alike():
    fmt = PictureFormat(16, 16, "gbrp")
    picture = np.stack([np.full((16, 16), value, np.uint8) for value in (10, 100, 240)])
    treated = treat(picture, DeflickerParams(gain=(1.1,), offset=(0.0,)), fmt=fmt)
    assert treated[:, 0, 0].tolist() == [11, 110, 255]


def test_a_slice_holds_its_own_part_of_the_curve():
    params = DeflickerParams(gain=(1.0, 1.1, 1.2, 1.3), offset=(0.0, 0.01, 0.02, 0.03))
    assert params.sliced(1, 3).gain == (1.1, 1.2)
    assert params.sliced(1, 3).offset == (0.01, 0.02)


@pytest.mark.parametrize(
    "bad",
    [
        {"gain": [1.0], "offset": [0.0, 0.0]},
        {"gain": [9.0], "offset": [0.0]},
        {"gain": [float("nan")], "offset": [0.0]},
        {"gain": [], "offset": []},
        {"gain": [1.0], "offset": [0.0], "amount": 2.0},
    ],
)
def test_curves_out_of_range_are_refused(bad):
    with pytest.raises(ValidationError):
        DeflickerParams(**bad)


def test_the_source_is_not_changed_in_place():
    picture = moving_clip(1)[0]
    before = picture.copy()
    treat(picture, DeflickerParams(gain=(1.5,), offset=(0.0,)))
    assert np.array_equal(picture, before)
