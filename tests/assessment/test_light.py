"""What light does from frame to frame, told apart from what moves, by level, by channel and by place."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.light import SHAPES, LightRelation, relate, shape_values
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.table import ByFrame

RGB = PictureFormat(240, 160, "gbrp16le")
GREY = PictureFormat(240, 160, "gray16le")


def scene(shift=0.0):
    """Hills before an even sky that is lighter on one side, `(160, 240)` shares; the hills move, the sky does not."""
    y, x = np.mgrid[0:160, 0:240].astype(np.float32)
    rng = np.random.default_rng(3)
    grass = cv2.GaussianBlur(rng.uniform(0, 1, (160, 400)).astype(np.float32), (0, 0), 2.0)
    grass = 0.15 + 0.35 * (grass - grass.min()) / np.ptp(grass)
    near = cv2.remap(grass, x + 60 + np.float32(shift), y, cv2.INTER_LINEAR)
    sky = 0.45 + 0.3 * x / 240 + 0.1 * y / 160
    return np.where(y > 90, near, sky).astype(np.float32)


def glance(shares, picture=GREY, index=0):
    planes = shares[None] if picture.is_grey else (shares if shares.ndim == 3 else np.stack([shares] * 3))
    return Glance.of(index, np.clip(np.rint(planes * 65535), 0, 65535).astype(np.uint16), picture)


@pytest.mark.parametrize("gain", [0.02, -0.05, 0.2])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_motion_swallows_no_light(gain, shift):
    found = relate(glance(scene()), glance(scene(shift) * np.exp(gain)))
    assert found.gain == pytest.approx(gain, abs=0.05 * abs(gain) + 0.001)
    assert found.evened == pytest.approx(gain, abs=0.1 * abs(gain) + 0.002)


def test_what_moves_is_no_change_of_light():
    found = relate(glance(scene()), glance(scene(4.0)))
    assert abs(found.gain) < 0.002
    assert np.abs(found.shapes).max() < 0.004


def test_cells_that_gain_apart_make_the_whole_unsure():
    rng = np.random.default_rng(8)
    apart = cv2.resize(rng.normal(0, 0.1, (4, 4)).astype(np.float32), (240, 160), interpolation=cv2.INTER_NEAREST)
    even = relate(glance(scene()), glance(scene() * np.float32(1.05))).unsure
    assert even < 0.001
    assert 0.01 < relate(glance(scene()), glance(scene() * np.exp(apart))).unsure < 0.06


def test_contrast_is_told_from_a_sky_that_is_lighter_than_the_ground():
    turned = relate(glance(scene()), glance(scene(2.0) ** np.float32(1.05)))
    assert turned.contrast == pytest.approx(0.05, abs=0.012)
    assert np.abs(turned.shapes).max() < 0.012


def test_light_that_tilts_is_told_from_contrast():
    x = ((np.arange(240) + 0.5) / 120 - 1)[None, :]
    tilted = relate(glance(scene()), glance(scene(2.0) * np.exp(0.04 * x).astype(np.float32)))
    across = tilted.shapes[SHAPES.index((1, 0))]
    assert across == pytest.approx(0.04, rel=0.2)
    assert abs(tilted.evened) < 0.006
    assert abs(tilted.contrast) < 0.02


def test_a_log_scan_says_the_same_of_the_same_light():
    log = PictureFormat(240, 160, "gray16le", transfer="printing-density")
    coded = [(685 - 500 * (-np.log10(frame))) / 1023 for frame in (scene(), scene(2.0) * np.float32(1.1))]
    found = relate(*(Glance.of(n, np.rint(one * 65535).astype(np.uint16)[None], log) for n, one in enumerate(coded)))
    assert found.gain == pytest.approx(np.log(1.1), rel=0.05)


def test_red_and_blue_that_flicker_apart_are_read_apart():
    after = np.stack([scene() * np.float32(factor) for factor in (1.06, 1.0, 0.97)])
    found = relate(glance(scene(), RGB), glance(after, RGB))
    assert found.red - found.blue == pytest.approx(np.log(1.06 / 0.97), rel=0.1)
    assert relate(glance(scene()), glance(scene() * np.float32(1.06))).red == 0.0


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_burnt_out_frames_say_nothing(level):
    found = relate(glance(scene()), glance(np.full((160, 240), level, np.float32)))
    assert np.isfinite([found.gain, found.contrast, *found.shapes]).all()
    assert relate(glance(np.zeros((160, 240))), glance(np.zeros((160, 240)))) == LightRelation()


def test_every_shape_has_no_mean_over_the_picture():
    places = (np.arange(400) + 0.5) / 200 - 1
    assert np.abs(shape_values(places, places).mean(axis=(0, 1))).max() < 1e-4


def test_the_lights_of_a_reel_are_kept_as_they_are_in_little_memory():
    numbers = np.random.default_rng(4).normal(0, 0.1, (2000, 7 + len(SHAPES))).tolist()
    relations = {2 * frame: LightRelation(*row[:6], tuple(row[7:]), row[6]) for frame, row in enumerate(numbers)}
    tracemalloc.start()
    try:
        kept = ByFrame(LightRelation)
        for frame, relation in relations.items():
            kept.add(frame, relation)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 200 * len(relations)
    assert dict(kept) == relations
    assert kept.get(3) is None
    with pytest.raises(ValueError, match="frame 3998 after frame 3998"):
        kept.add(3998, relations[0])
