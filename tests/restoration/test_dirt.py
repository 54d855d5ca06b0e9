from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.boxes import boxes_around
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.dirt import DirtRepair, DirtRepairParams
from restoration_tasks.restoration.treatment import Shown
from tests.restoration.moving import GREY, add_dirt, moving_clip


def shown(clip, maps, fmt=GREY):
    return [
        Shown(i, picture, replace(DamageMap.empty(found.shape), dirt=found), fmt)
        for i, (picture, found) in enumerate(zip(clip, maps, strict=True))
    ]


def window(frames, middle):
    return {i - middle: frame for i, frame in enumerate(frames) if abs(i - middle) <= 3}


def repair(frames, middle, **params):
    return DirtRepair(DirtRepairParams(**{"engine": "classical"} | params)).apply(window(frames, middle))


def error(one, other, mask):
    return float(np.sqrt(np.mean(np.square(one[:, mask].astype(float) - other[:, mask]))))


def test_specks_are_filled_with_what_was_there():
    clean = moving_clip(7)
    dirty, masks = add_dirt(clean)
    frames = shown(dirty, masks.astype(np.uint8) * 255)
    for middle in (0, 3, 6):  # the shot's ends have neighbours on one side only
        repaired = repair(frames, middle)
        assert error(repaired, clean[middle], masks[middle]) < 0.12 * error(dirty[middle], clean[middle], masks[middle])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from(["gray", "gray10le", "gbrp12le"]))
def test_outside_the_mask_nothing_changes(seed, length, pix_fmt):
    fmt = PictureFormat(96, 72, pix_fmt)
    rng = np.random.default_rng(seed)
    clip = rng.integers(0, fmt.max_code + 1, (length, fmt.channels, 72, 96)).astype(fmt.dtype)
    maps = (rng.random((length, 72, 96)) < 0.02).astype(np.uint8) * rng.integers(0, 256, (length, 1, 1), np.uint8)
    frames = shown(clip, maps, fmt)
    middle = int(rng.integers(length))
    original = clip[middle].copy()
    repaired = repair(frames, middle)
    mask = maps[middle] >= 128
    assert np.array_equal(repaired[:, ~mask], original[:, ~mask])
    assert np.array_equal(clip[middle], original)
    assert repaired.dtype == original.dtype
    assert repaired.max() <= fmt.max_code


def test_a_neighbours_own_dirt_is_not_carried_over():
    clean = moving_clip(7, grain=1.0)
    dirty = clean.copy()
    maps = np.zeros((7, 96, 128), np.uint8)
    for place in (2, 3, 4):
        dirty[place][:, 40:50, 60:70] = 1000
        maps[place, 39:51, 59:71] = 255
    repaired = repair(shown(dirty, maps), 3)
    mask = maps[3] > 0
    assert error(repaired, clean[3], mask) < 25


def test_without_neighbours_the_surround_is_continued_with_its_grain():
    clean = moving_clip(1, grain=12.0)
    dirty, masks = add_dirt(clean, specks=2)
    repaired = repair(shown(dirty, masks.astype(np.uint8) * 255), 0)
    mask = masks[0]
    assert error(repaired, clean[0], mask) < 0.4 * error(dirty[0], clean[0], mask)
    assert np.std(np.diff(repaired[0].astype(float), axis=1)[mask[:, 1:] & mask[:, :-1]]) > 5


def test_the_fill_keeps_the_grain_of_the_film():
    clean = moving_clip(7, grain=20.0, step=0.0)
    dirty = clean.copy()
    maps = np.zeros((7, 96, 128), np.uint8)
    dirty[3][:, 30:60, 40:80] = 1000
    maps[3, 30:60, 40:80] = 255
    repaired = repair(shown(dirty, maps), 3)[0].astype(float)
    fine = repaired[:, 1:] - repaired[:, :-1]
    truth = clean[3, 0].astype(float)[:, 1:] - clean[3, 0].astype(float)[:, :-1]
    inside = (slice(32, 58), slice(42, 78))
    assert np.std(fine[inside]) == pytest.approx(np.std(truth[inside]), rel=0.2)


def test_a_brightness_jump_between_frames_does_not_show_in_the_fill():
    clean = moving_clip(7, grain=1.0)
    gains = [1.0, 0.85, 1.2, 1.0, 0.8, 1.15, 1.0]
    flickering = np.stack([np.clip(p * g, 0, 1023).astype(np.uint16) for p, g in zip(clean, gains, strict=True)])
    dirty, masks = add_dirt(flickering)
    repaired = repair(shown(dirty, masks.astype(np.uint8) * 255), 3)
    assert error(repaired, flickering[3], masks[3]) < 25


def test_the_threshold_says_how_much_is_repaired():
    dirty, masks = add_dirt(moving_clip(3))
    frames = shown(dirty, masks.astype(np.uint8) * 150)
    assert np.array_equal(repair(frames, 1, threshold=0.7), dirty[1])
    assert not np.array_equal(repair(frames, 1, threshold=0.5), dirty[1])


def test_boxes_hold_every_speck_with_its_surround():
    mask = np.zeros((50, 60), bool)
    mask[0, 0] = mask[30:33, 40:44] = True
    covered = np.zeros_like(mask)
    for box in boxes_around(mask, 6):
        covered[box] = True
    assert covered[mask].all()
    assert covered[26:37, 36:48].all()
    assert not covered[15, 20]
