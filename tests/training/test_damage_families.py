"""Clustered dust, splice dirt, colour digs and cinch marks: their masks are true and they are what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from restoration_tasks.training.damage import CinchMarks, ColourDigs, DamageKind, DustClusters, Scratch, SpliceDirt

HEIGHT, WIDTH = 120, 160
GREY = np.full((3, HEIGHT, WIDTH), 500, np.uint16)

FAMILIES = [
    DustClusters(clusters=2.0, spread_px=(20, 80), radius_px=(3, 12), seed=1),
    SpliceDirt(rate=0.7, reach_px=(20, 80), seed=2),
    ColourDigs(lines=2.0, frames=(3, 8), width_px=(5, 15), seed=3),
    CinchMarks(swarms=2.0, width_px=(3, 7), seed=4),
]


def names(damage):
    return type(damage).__name__


def aged(damage, frames=6, clean=GREY):
    return list(damage.apply([clean] * frames, bit_depth=10))


@pytest.mark.parametrize("damage", FAMILIES, ids=names)
def test_outside_the_mask_nothing_changes_and_inside_something_does(damage):
    seen = 0
    for frame in aged(damage):
        mask = frame.truth.masks[damage.kind]
        assert_array_equal(frame.picture[:, ~mask], GREY[:, ~mask])
        if mask.any():
            seen += 1
            assert (frame.picture != GREY).any(axis=0)[mask].mean() > 0.6
            assert mask.mean() < 0.7
    assert seen > 1


@pytest.mark.parametrize("damage", FAMILIES, ids=names)
def test_a_frame_is_the_same_however_the_clip_is_cut(damage):
    whole = aged(damage)
    (later,) = damage.apply([GREY], bit_depth=10, first=4)
    assert_array_equal(later.picture, whole[4].picture)
    assert not all(np.array_equal(frame.picture, whole[0].picture) for frame in whole[1:])


@pytest.mark.parametrize("damage", FAMILIES, ids=names)
def test_grey_and_eight_bits_work(damage):
    clean = np.full((1, HEIGHT, WIDTH), 120, np.uint8)
    frames = list(damage.apply([clean] * 4, bit_depth=8))
    assert all(frame.picture.shape == clean.shape and frame.picture.dtype == np.uint8 for frame in frames)
    assert any(frame.truth.mask().any() for frame in frames)


def test_dust_gathers():
    (frame,) = aged(DustClusters(clusters=1.0, specks=(20, 30), spread_px=(30, 30.1), radius_px=(2, 4), seed=11), 1)
    places = np.argwhere(frame.truth.masks[DamageKind.DIRT])
    assert len(places) > 20
    assert places.std(axis=0).max() < 0.15 * WIDTH


def test_splice_dirt_lies_along_an_edge():
    for frame in aged(SpliceDirt(rate=1.0, reach_px=(10, 30), seed=5)):
        rows = frame.truth.masks[DamageKind.DIRT].sum(axis=1)
        middle = rows[HEIGHT // 3 : -HEIGHT // 3].sum()
        assert rows.sum() > 10 * middle
        assert rows.sum() > WIDTH


def test_digs_are_coloured_and_persist_and_plain_scratches_are_not_coloured():
    digs = ColourDigs(lines=3.0, frames=(20, 30), width_px=(10, 20), opacity=(0.8, 0.9), broken_share=0.0, seed=6)
    first, second, *_ = aged(digs)
    changed = first.picture.astype(int) - GREY
    assert np.ptp(changed, axis=0).max() > 300
    both = first.truth.masks[DamageKind.SCRATCH] & second.truth.masks[DamageKind.SCRATCH]
    assert both.sum() > 0.5 * first.truth.masks[DamageKind.SCRATCH].sum()
    plain, *_ = aged(Scratch(lines=3.0, frames=(20, 30), width_px=(10, 20), seed=6))
    assert np.ptp(plain.picture.astype(int) - GREY, axis=0).max() < 150


def test_cinch_marks_are_short_upright_and_many():
    import cv2

    clean = np.full((3, 300, 600), 500, np.uint16)
    (frame,) = aged(CinchMarks(swarms=3.0, marks=(6, 8), width_px=(1, 2), seed=8), 1, clean)
    count, _, stats, _ = cv2.connectedComponentsWithStats(frame.truth.masks[DamageKind.SCRATCH].astype(np.uint8))
    assert count > 3
    sizes = stats[1:]
    assert np.median(sizes[:, cv2.CC_STAT_HEIGHT] / sizes[:, cv2.CC_STAT_WIDTH]) > 1.2
    assert sizes[:, cv2.CC_STAT_HEIGHT].max() < 300 / 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: DustClusters(clusters=-1),
        lambda: DustClusters(specks=(5, 2)),
        lambda: DustClusters(soft_px=(0, 99)),
        lambda: SpliceDirt(rate=2),
        lambda: SpliceDirt(reach_px=(0, 3)),
        lambda: CinchMarks(swarms=99),
        lambda: CinchMarks(length=(0.2, 0.9)),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match=r"is|are"):
        make()
