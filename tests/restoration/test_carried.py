from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.models.defects.candidates import Sheet, Surroundings, median_of_usable
from restoration_tasks.models.defects.motion import FlowFinder, Following
from restoration_tasks.restoration.carried import Carried, Sight, carried_on, continued_around, tone_cells
from restoration_tasks.restoration.fill import Masked
from restoration_tasks.restoration.treatment import Shown
from tests.restoration.moving import GREY, add_dirt, moving_clip

COLOUR = replace(GREY, pix_fmt="gbrp10le", width=160, height=112)


def sights(clip, masks, fmt):
    return [
        Sight(Masked(Shown(i, picture, None, fmt), mask), continued_around)
        for i, (picture, mask) in enumerate(zip(clip, masks, strict=True))
    ]


@pytest.mark.parametrize("fmt", [replace(COLOUR, pix_fmt="gray10le"), COLOUR])
def test_candidates_are_those_the_network_was_trained_on(fmt):
    dirty, masks = add_dirt(moving_clip(5, fmt=fmt), fmt=fmt, specks=5)
    seen = sights(dirty, masks, fmt)
    boxes = [(slice(0, 48), slice(8, 72)), (slice(50, 98), slice(80, 144)), (slice(16, 80), slice(32, 96))]
    groups = Carried(seen[2], seen[1::-1], seen[3:], FlowFinder(Following.STIFF)).groups(boxes)
    assert [len(group.boxes) for group in groups] == [2, 1]
    sheets = [Sheet(picture / np.float32(fmt.max_code), mask) for picture, mask in zip(dirty, masks, strict=True)]
    theirs = Surroundings(sheets[2], sheets[1::-1], sheets[3:], FlowFinder(Following.STIFF))
    for group in groups:
        for box, ours in zip(group.boxes, group.for_network(), strict=True):
            expected = theirs.box(box)
            assert np.array_equal(ours.mask, expected.mask)
            assert np.mean(ours.usable != expected.usable) < 0.01
            assert np.abs(ours.candidates - np.clip(expected.candidates, 0, 1)).mean() < 1.5 / 255


def test_the_median_is_that_of_the_usable_neighbours():
    rng = np.random.default_rng(0)
    carried = rng.random((3, 4, 2, 8, 8)).astype(np.float32)
    usable = rng.random((3, 4, 8, 8)) < 0.6
    otherwise = rng.random((3, 2, 8, 8)).astype(np.float32)
    values = np.where(usable[:, :, None], carried, np.nan)
    known = usable.any(axis=1)
    with np.errstate(all="ignore"):
        expected = np.nanmedian(np.where(known[:, None, None], values, 0.0), axis=1)
    expected = np.where(known[:, None], expected, otherwise)
    assert median_of_usable(carried, usable, otherwise) == pytest.approx(expected, abs=1e-6)


def test_under_a_large_blotch_brightness_is_carried_on():
    clip = moving_clip(2, fmt=COLOUR, step=0.0, grain=0.0)
    clip[1] = np.rint(clip[1] * 0.9)
    masks = np.zeros((2, 112, 160), bool)
    masks[0, 10:100, 30:130] = True
    one, other = sights(clip, masks, COLOUR)
    cells = tone_cells(one, other, np.zeros((112, 160, 2), np.float32))
    lost = (clip[0] - clip[1].astype(float)).mean() / COLOUR.max_code
    assert cells[5:9, 8:12] == pytest.approx(lost, rel=0.35)


def test_unknown_cells_take_what_lies_around():
    cells = np.full((12, 16, 1), 0.25, np.float32)
    known = np.ones((12, 16), bool)
    known[2:10, 3:14] = False
    cells[~known] = 99.0
    assert carried_on(cells, known) == pytest.approx(0.25, abs=1e-5)
    assert not carried_on(cells, np.zeros_like(known)).any()


def test_single_frames_are_continued_finer_than_eight_bits():
    fmt = PictureFormat(64, 64, "gbrp16le")
    ramp = np.repeat(np.linspace(20000, 21000, 64).astype(np.uint16)[None, None], 64, axis=1).repeat(3, axis=0)
    mask = np.zeros((64, 64), bool)
    mask[24:40, 24:40] = True
    rows = ramp.transpose(1, 2, 0) / np.float32(fmt.max_code)
    fine = continued_around(rows, mask, fine=True)
    assert len(np.unique(np.rint(fine[mask][:, 0] * 65535))) > 8
    assert np.array_equal(fine[~mask], rows[~mask])
