from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.flicker import Deflicker, DeflickerParams
from restoration_tasks.restoration.treatment import Shown
from tests.restoration.moving import GREY, moving_clip

TILT = {"nodes": [[-1.0, -1 / 3, 1 / 3, 1.0]] * 4, "density": [0.0, 0.04]}


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
        {"density": [0.0]},
        {"density": [0.9], "contrast": [1.0]},
        {"density": [0.0], "contrast": [1.0], "red": [0.0]},
        {"density": [0.0], "contrast": [1.0], "patterns": [{**TILT, "density": [0.0, 0.0]}]},
        {"density": [0.0], "contrast": [1.0], "patterns": [{"nodes": [[0.0] * 3] * 4, "density": [0.0]}]},
    ],
)
def test_curves_out_of_range_are_refused(bad):
    with pytest.raises(ValidationError):
        DeflickerParams(**bad)


def scene(fmt):
    """An even sky, with every code somewhere."""
    y, x = np.mgrid[0 : fmt.height, 0 : fmt.width] / max(fmt.height, fmt.width)
    sky = np.rint((0.1 + 0.8 * x * (0.5 + 0.5 * y)) * fmt.max_code)
    return np.stack([np.clip(sky - 9 * channel, 0, fmt.max_code) for channel in range(fmt.channels)]).astype(fmt.dtype)


def test_density_moves_light_and_contrast_turns_it():
    picture = np.array([[[0, 100, 400, 800]]], np.uint16)
    fmt = PictureFormat(4, 1, "gray10le")
    darker = treat(picture, DeflickerParams(density=(0.1,), contrast=(1.0,)), fmt=fmt)
    assert np.array_equal(darker, np.rint(picture * 10**-0.1))
    turned = treat(picture, DeflickerParams(density=(0.0,), contrast=(1.1,)), fmt=fmt)
    assert np.array_equal(turned, np.rint(1023 * (picture / 1023) ** 1.1))


def test_a_log_scan_is_moved_by_as_many_codes_everywhere():
    fmt = PictureFormat(4, 1, "gray10le", transfer="printing-density")
    picture = np.array([[[95, 200, 445, 685]]], np.uint16)
    made = treat(picture, DeflickerParams(density=(0.02,), contrast=(1.0,)), fmt=fmt)
    assert np.array_equal(made, picture - 10)


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gbrp", "gbrp16le", "yuv444p", "yuv422p10le"])
def test_frames_that_are_given_nothing_stay_bit_identical(pix_fmt):
    fmt = PictureFormat(32, 24, pix_fmt)
    params = DeflickerParams.model_validate({"density": [0.0, 0.1], "contrast": [1.0, 1.1], "patterns": [TILT]})
    assert np.array_equal(treat(scene(fmt), params, 0, fmt), scene(fmt))
    assert not np.array_equal(treat(scene(fmt), params, 1, fmt), scene(fmt))


def test_colours_of_yuv_keep_their_hue_when_light_is_moved():
    fmt = PictureFormat(8, 8, "yuv444p10le", matrix="bt709", full_range=False)
    grey = np.stack([np.full((8, 8), 600), np.full((8, 8), 512), np.full((8, 8), 512)]).astype(np.uint16)
    made = treat(grey, DeflickerParams(density=(0.05,), contrast=(1.0,)), fmt=fmt)
    assert made[:, 0, 0].tolist() == [round(64 + (600 - 64) * 10**-0.05), 512, 512]


def test_red_and_blue_may_be_moved_apart_and_the_whole_stays_as_light():
    fmt = PictureFormat(8, 8, "gbrp16le")
    picture = np.full((3, 8, 8), 30000, np.uint16)
    params = DeflickerParams(density=(0.0,), contrast=(1.0,), red=(0.02,), blue=(-0.03,))
    red, green, blue = treat(picture, params, fmt=fmt)[:, 0, 0] / 30000
    assert red == pytest.approx(10**-0.02, rel=1e-3)
    assert blue == pytest.approx(10**0.03, rel=1e-3)
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue == pytest.approx(1, abs=0.002)


def test_a_pattern_goes_from_edge_to_edge_without_a_seam():
    fmt = PictureFormat(400, 100, "gray16le")
    picture = np.full((1, 100, 400), 30000, np.uint16)
    params = DeflickerParams.model_validate({"density": [0.0, 0.0], "contrast": [1.0, 1.0], "patterns": [TILT]})
    made = -np.log10(treat(picture, params, 1, fmt)[0] / 30000)
    across = (np.arange(400) + 0.5) / 200 - 1
    assert made == pytest.approx(np.tile(0.04 * across, (100, 1)), abs=3e-5)


def test_shallow_scans_are_dithered_where_light_differs_over_the_picture():
    fmt = PictureFormat(480, 120, "gray")
    picture = np.full((1, 120, 480), 120, np.uint8)
    weak = {**TILT, "density": [0.0, 0.004]}
    params = DeflickerParams.model_validate({"density": [0.0, 0.0], "contrast": [1.0, 1.0], "patterns": [weak]})
    made = treat(picture, params, 1, fmt)[0]
    wanted = 120 * 10 ** (-0.004 * ((np.arange(480) + 0.5) / 240 - 1))
    means = made.reshape(120, 48, 10).mean(axis=(0, 2))
    assert means == pytest.approx(wanted.reshape(48, 10).mean(axis=1), abs=0.06), "no steps of a code"
    assert np.array_equal(treat(picture, params, 1, fmt)[0], made), "the same again, for the check"


def test_the_parts_of_a_shot_are_treated_as_the_whole_is():
    fmt = PictureFormat(40, 30, "gray")
    weights = [0.01, -0.02, 0.03, 0.0]
    params = DeflickerParams.model_validate(
        {"density": weights, "contrast": [1.0, 1.02, 0.98, 1.0], "patterns": [{**TILT, "density": weights}]}
    )
    part = Deflicker(params.sliced(1, 3), origin=1)
    for place in (1, 2):
        whole = treat(scene(fmt), params, place, fmt)
        assert np.array_equal(part.apply({0: Shown(place, scene(fmt), None, fmt)}), whole)


def test_the_source_is_not_changed_in_place():
    picture = moving_clip(1)[0]
    before = picture.copy()
    treat(picture, DeflickerParams(gain=(1.5,), offset=(0.0,)))
    assert np.array_equal(picture, before)
