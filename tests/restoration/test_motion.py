from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.restoration.motion import Effort, MotionEstimator, analysis_luma, inside, near_duplicate, warp
from tests.restoration.moving import moving_clip


def luma(picture):
    return analysis_luma(picture, 1023, rgb=False)


@pytest.mark.parametrize("effort", list(Effort))
def test_a_pan_is_followed_and_undone(effort):
    clip = moving_clip(2, step=3.0, grain=1.0)
    here, there = luma(clip[0]), luma(clip[1])
    flow = MotionEstimator(effort).flow(here, there)
    middle = (slice(16, -16), slice(16, -16))
    assert np.median(flow[middle][..., 0]) == pytest.approx(-3.0, abs=0.2)
    error = np.abs(warp(there, flow) - here)[middle].mean()
    assert error < 0.3 * np.abs(there.astype(float) - here)[middle].mean()


def test_what_leaves_the_picture_is_known():
    flow = np.zeros((20, 30, 2), np.float32)
    flow[..., 0] = 5
    assert inside(flow)[:, :25].all()
    assert not inside(flow)[:, 26:].any()


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (47, 300)])
def test_small_pictures_are_no_special_case(size):
    picture = np.full(size, 90, np.uint8)
    assert MotionEstimator(Effort.FOLLOW).flow(picture, picture).shape == (*size, 2)


def test_a_copy_is_a_near_duplicate_and_a_grainy_still_is_not():
    rng = np.random.default_rng(0)
    still = rng.uniform(60, 180, (96, 128))
    copy = still + rng.normal(0, 0.5, still.shape)
    grainy = [still + rng.normal(0, 6, still.shape) for _ in range(2)]
    codes = [np.clip(p, 0, 255).astype(np.uint8) for p in (still, copy, *grainy)]
    assert near_duplicate(codes[0], codes[1])
    assert not near_duplicate(codes[2], codes[3])
    dirty = codes[1].copy()
    dirty[40:46, 40:46] = 255
    assert not near_duplicate(codes[0], dirty)


def test_luma_of_colour_weighs_the_channels():
    work = np.zeros((3, 2, 2), np.uint16)
    work[1] = 1023
    assert analysis_luma(work, 1023, rgb=True)[0, 0] == round(0.7152 * 255)
