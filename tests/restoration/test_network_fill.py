"""The network's fill: near the truth, inside the mask only, with the surround's grain, in every format."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.dirt import DirtRepair, DirtRepairParams
from restoration_tasks.restoration.treatment import Means, Shown
from tests.restoration.moving import GREY, add_dirt, moving_clip

FORMATS = ["gray", "gray10le", "gray16le", "gbrp", "gbrp10le", "yuv420p", "yuv420p10le", "yuv422p10le"]


def shown(clip, masks, fmt=GREY):
    return [
        Shown(i, picture, replace(DamageMap.empty(mask.shape), dirt=mask.astype(np.uint8) * 255), fmt)
        for i, (picture, mask) in enumerate(zip(clip, masks, strict=True))
    ]


def repair(frames, middle, means=None, **params):
    window = {i - middle: frame for i, frame in enumerate(frames) if abs(i - middle) <= 3}
    return DirtRepair(DirtRepairParams(**params), means=means).apply(window)


def error(one, other, mask):
    return float(np.sqrt(np.mean(np.square(one[:, mask].astype(float) - other[:, mask]))))


def telea(picture, mask):
    return np.stack([cv2.inpaint(plane, mask.astype(np.uint8), 4, cv2.INPAINT_TELEA) for plane in picture])


def test_holes_in_a_moving_scene_are_filled_better_than_from_the_surround():
    clean = moving_clip(7)
    dirty, masks = add_dirt(clean, specks=6)
    frames = shown(dirty, masks)
    for middle in (0, 3, 6):  # the shot's ends have neighbours on one side only
        repaired = repair(frames, middle)
        assert error(repaired, clean[middle], masks[middle]) < 0.12 * error(dirty[middle], clean[middle], masks[middle])
        spatial = error(telea(dirty[middle], masks[middle]), clean[middle], masks[middle])
        assert error(repaired, clean[middle], masks[middle]) < 0.6 * spatial


@pytest.mark.filterwarnings("error")
@settings(max_examples=16, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(FORMATS), st.integers(33, 70))
def test_outside_the_mask_the_scans_own_codes_stay(seed, length, pix_fmt, width):
    fmt = PictureFormat(width, 49, pix_fmt)
    rng = np.random.default_rng(seed)
    scans = [
        tuple(rng.integers(0, fmt.max_code + 1, shape).astype(fmt.dtype) for shape in fmt.plane_shapes)
        for _ in range(length)
    ]
    masks = rng.random((length, 49, width)) < rng.choice([0.0, 0.01, 0.3])
    middle = int(rng.integers(length))
    work = [fmt.to_work(scan) for scan in scans]
    repaired = repair(shown(work, masks, fmt), middle)
    assert np.array_equal(repaired[:, ~masks[middle]], fmt.to_work(scans[middle])[:, ~masks[middle]])
    assert (repaired.dtype, int(repaired.max()) <= fmt.max_code) == (fmt.dtype, True)
    # As planes of the scan: a chroma sample may change where the mask touches its block, and nowhere else.
    for before, after in zip(scans[middle], fmt.from_work(repaired, scans[middle]), strict=True):
        steps = (-(-49 // before.shape[0]), -(-width // before.shape[1]))
        touched = np.logical_or.reduceat(masks[middle], np.arange(0, 49, steps[0]), axis=0)
        touched = np.logical_or.reduceat(touched, np.arange(0, width, steps[1]), axis=1)
        assert np.array_equal(before[~touched], after[~touched])


@pytest.mark.parametrize("pix_fmt", ["gbrp10le", "yuv420p"])
def test_colours_are_filled_as_well(pix_fmt):
    fmt = replace(GREY, pix_fmt=pix_fmt)
    clean = moving_clip(5, fmt=fmt)
    if not fmt.is_rgb:
        clean[:, 1:] = np.array([90, 160], np.uint8)[None, :, None, None]
    dirty, masks = add_dirt(clean, fmt=fmt, specks=4)
    repaired = repair(shown(dirty, masks, fmt), 2)
    assert error(repaired, clean[2], masks[2]) < 0.12 * error(dirty[2], clean[2], masks[2])


def grained(grain, blur, step, frames=7):
    rng = np.random.default_rng(5)
    layers = [cv2.GaussianBlur(rng.standard_normal((96, 128)), (0, 0), blur) for _ in range(frames)]
    still = moving_clip(frames, grain=0.0, step=step)[:, 0]
    codes = still + np.stack([layer / layer.std() * grain for layer in layers])
    return np.clip(np.rint(codes), 0, 1023).astype(np.uint16)[:, None]


def holes(frames):
    rng = np.random.default_rng(7)
    masks = np.zeros((frames, 96, 128), np.uint8)
    for mask in masks:
        for _ in range(8):
            cv2.circle(mask, (int(rng.integers(128)), int(rng.integers(96))), 6, 1, -1)
    return masks > 0


def fine(picture):
    return picture.astype(np.float32) - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5)


def strength(pictures, clean, masks):
    ours, theirs = (
        np.concatenate([fine(one[0])[mask] for one, mask in zip(side, masks, strict=True)])
        for side in (pictures, clean)
    )
    return float(np.std(ours) / np.std(theirs))


@pytest.mark.parametrize(("grain", "blur", "step"), [(12.0, 0.3, 1.3), (20.0, 0.7, 0.0), (20.0, 0.7, 2.5)])
def test_a_fill_has_the_grain_of_its_surround(grain, blur, step):
    clean, masks = grained(grain, blur, step), holes(7)
    dirty = np.where(masks[:, None], np.uint16(1000), clean)
    frames, middles = shown(dirty, masks), (2, 3, 4)
    with_it, without = ([repair(frames, m, grain=amount) for m in middles] for amount in (1.0, 0.0))
    picked = [clean[m] for m in middles], [masks[m] for m in middles]
    assert strength(with_it, *picked) == pytest.approx(1.0, abs=0.15)
    assert strength(without, *picked) < 0.9, "the mixture alone is too quiet: else this test shows nothing"


def test_grain_does_not_freeze():
    clean, masks = grained(20.0, 0.7, 0.0), np.zeros((7, 96, 128), bool)
    masks[:, 40:56, 60:76] = True  # at the same place in all frames: no neighbour shows it
    masks[2, 66:82, 90:106] = masks[3, 20:36, 20:36] = True
    dirty = np.where(masks[:, None], np.uint16(1000), clean)
    frames = shown(dirty, masks)
    one, other = (fine(repair(frames, middle)[0])[40:56, 60:76].ravel() for middle in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5
    for middle, place in ((2, np.s_[66:82, 90:106]), (3, np.s_[20:36, 20:36])):
        repaired = fine(repair(frames, middle)[0])[place].ravel()
        for beside in (middle - 1, middle + 1):
            assert np.corrcoef(repaired, fine(clean[beside, 0])[place].ravel())[0, 1] < 0.6


def test_a_picture_without_grain_gets_none():
    # Fine texture that motion is not followed in to the last, beside a calm sky.
    clean = moving_clip(7, grain=0.0).astype(float)
    rng = np.random.default_rng(2)
    leaves = cv2.GaussianBlur(rng.standard_normal((96, 160)), (0, 0), 0.8)
    for number, picture in enumerate(clean):
        sway = np.float32([[1, 0, -1.4 * number], [0, 1, 0.7 * np.sin(number)]])
        picture[0, :, 64:] += 160 * cv2.warpAffine(leaves, sway, (64, 96), flags=cv2.INTER_CUBIC)
    clean = np.clip(np.rint(clean), 0, 1023).astype(np.uint16)
    dirty, masks = add_dirt(clean, specks=12)
    frames = shown(dirty, masks)
    with_it, without = (
        np.sqrt(np.mean([error(repair(frames, m, grain=amount), clean[m], masks[m]) ** 2 for m in (2, 3, 4)]))
        for amount in (1.0, 0.0)
    )
    assert with_it < 1.025 * without, "a fifth of a decibel, on a picture that is all texture"


def test_dirt_on_a_copy_of_the_frame_is_not_carried_over():
    clean = moving_clip(6, grain=1.0)[[0, 1, 2, 2, 3, 4]]
    dirty, masks = clean.copy(), np.zeros((6, 96, 128), bool)
    dirty[2:4, :, 40:50, 60:70] = 1000
    masks[2, 39:51, 59:71] = True  # on the copy it was not found
    repaired = repair(shown(dirty, masks), 2)
    assert error(repaired, clean[2], masks[2]) < 40


@pytest.mark.parametrize("length", [1, 2])
def test_the_shortest_shots(length):
    clean = moving_clip(length)
    dirty, masks = add_dirt(clean)
    repaired = repair(shown(dirty, masks), 0)
    assert error(repaired, clean[0], masks[0]) < 0.45 * error(dirty[0], clean[0], masks[0])


def test_where_no_neighbour_shows_the_place_the_surround_is_continued():
    clean = moving_clip(5, step=0.0)
    dirty, masks = clean.copy(), np.zeros((5, 96, 128), bool)
    dirty[:, :, 40:50, 60:70] = 1000
    masks[:, 39:51, 59:71] = True
    repaired = repair(shown(dirty, masks), 2)
    assert error(repaired, clean[2], masks[2]) < 0.45 * error(dirty[2], clean[2], masks[2])


def test_damage_at_the_border_and_over_most_of_the_frame():
    clean = moving_clip(5)
    dirty, masks = clean.copy(), np.zeros((5, 96, 128), bool)
    masks[2, :12, :20] = masks[2, 90:, 100:] = True
    dirty[2][:, masks[2]] = 1000
    assert error(repair(shown(dirty, masks), 2), clean[2], masks[2]) < 0.25 * error(dirty[2], clean[2], masks[2])
    masks[2, 8:88, 8:120] = True
    dirty[2][:, masks[2]] = 1000
    assert error(repair(shown(dirty, masks), 2), clean[2], masks[2]) < 0.25 * error(dirty[2], clean[2], masks[2])
    masks[2] = True
    assert repair(shown(dirty, masks), 2).shape == (1, 96, 128)


def test_the_same_work_gives_the_same_codes_alone_or_side_by_side():
    clean = moving_clip(6, fmt=replace(GREY, pix_fmt="gbrp10le"))
    dirty, masks = add_dirt(clean, specks=5)
    frames = shown(dirty, masks, replace(GREY, pix_fmt="gbrp10le"))
    windows = [{i - m: frame for i, frame in enumerate(frames) if abs(i - m) <= 3} for m in range(6)]
    together = DirtRepair(DirtRepairParams(), means=Means(threads=3)).apply_all(windows)
    for middle, picture in enumerate(together):
        assert np.array_equal(picture, repair(frames, middle))


def test_what_people_added_can_be_all_that_is_repaired():
    dirty, masks = add_dirt(moving_clip(3))
    (before, frame, after) = shown(dirty, masks)
    by_hand = np.zeros_like(masks[1])
    by_hand[10:20, 10:20] = True
    drawn = np.where(by_hand, np.uint8(255), np.uint8(200) * masks[1])
    frame = replace(frame, map=replace(frame.map, dirt=drawn, added=by_hand))
    repaired = repair([before, frame, after], 1, only_added=True)
    assert np.array_equal((repaired != dirty[1]).any(axis=0) & ~by_hand, np.zeros_like(by_hand))
    assert (repaired != dirty[1]).any()


def test_among_nothing_but_copies_what_they_show_alike_is_no_source():
    clean = moving_clip(1, grain=1.0)[[0] * 5]
    dirty, masks = clean.copy(), np.zeros((5, 96, 128), bool)
    dirty[:, :, 40:50, 60:70] = 1000  # the same speck on every copy, found on one
    dirty[2, :, 20:24, 20:30] += 50  # and a faint one that only this copy has
    masks[2, 39:51, 59:71] = masks[2, 19:25, 19:31] = True
    repaired = repair(shown(dirty, masks), 2)
    everywhere, only_here = np.zeros((2, 96, 128), bool)
    everywhere[39:51, 59:71] = only_here[19:25, 19:31] = True
    assert error(repaired, clean[2], everywhere) < 0.5 * error(dirty[2], clean[2], everywhere)
    assert error(repaired, clean[2], only_here) < 0.75 * error(dirty[2], clean[2], only_here)
