from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.dirt import (
    PieceLimits,
    Unexplained,
    confidence,
    dirt_figures,
    dirt_severity,
    find_pieces,
)

SHAPE = (180, 240)
LIMITS = PieceLimits()


def plane(value=0.0):
    return np.full(SHAPE, value, np.float32)


def pieces_of(sure, *, once=None, twice=None, hair=None):
    quiet = np.where(sure > 0.1, 0.3, 0.002).astype(np.float32)
    unexplained = Unexplained(quiet if once is None else once, quiet if twice is None else twice)
    return find_pieces(sure, unexplained, LIMITS, hair=hair)


def speck(value, box=(slice(50, 58), slice(60, 70))):
    sure = plane()
    sure[box] = value
    return sure


def everything(pieces, sure):
    return pieces.plane(np.ones_like(pieces.hairs), sure >= LIMITS.soft)


def test_one_half_is_the_default_threshold_and_order_is_kept():
    probabilities = np.linspace(0, 1, 101, dtype=np.float32)
    for threshold in (0.05, 0.3, 0.9):
        sure = confidence(probabilities, threshold)
        assert sure[round(threshold * 100)] == pytest.approx(0.5, abs=1e-4)
        assert (np.diff(sure) > 0).all()
        assert (sure[0], sure[-1]) == (0, pytest.approx(1))


def test_a_piece_reaches_out_from_its_core_and_carries_one_confidence():
    sure = speck(0.4, (slice(50, 58), slice(60, 90)))
    sure[52:55, 64:67] = 0.9
    found = everything(pieces_of(sure), sure)
    assert found[50:58, 60:90].min() == found.max() == pytest.approx(0.9 * 255, abs=1)
    assert (found[49, 60:90] > 0).all(), "the soft edge"
    assert not found[44:47].any()
    assert not everything(pieces_of(np.minimum(sure, 0.34)), sure).any(), "no core"


def test_the_soft_edge_goes_further_where_something_shows():
    sure = speck(0.9)
    sure[48, 60:70] = 0.15
    found = everything(pieces_of(sure), sure)
    assert (found[48, 61:69] > 0).all()
    assert not found[60, 61:69].any()


def test_a_single_pixel_is_no_core():
    sure = speck(0.4)
    sure[53, 65] = 0.99
    assert everything(pieces_of(sure), sure).max() == pytest.approx(0.4 * 255, abs=1)


def test_grain_and_flashes_are_left_out():
    assert not everything(pieces_of(grain := speck(0.9, (slice(50, 51), slice(60, 61)))), grain).any()
    assert not everything(pieces_of(flash := speck(0.9, (slice(20, 120), slice(20, 120)))), flash).any()


def test_unrest_is_the_share_of_the_picture_that_is_explained_better():
    once = np.tile(np.linspace(0.001, 0.1, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))
    left, right = (slice(50, 58), slice(24, 32)), (slice(50, 58), slice(200, 208))
    sure = np.maximum(speck(0.99, left), speck(0.99, right))
    found = pieces_of(sure, once=once, twice=np.where(sure > 0, np.float32(0.5), once))
    unrest = [found.unrest[found.labels[box][0, 0]] for box in (left, right)]
    assert unrest == pytest.approx([28 / 240, 204 / 240], abs=0.03)


def test_where_motion_failed_all_around_the_bar_rises():
    sure, certain = speck(0.7), speck(0.999)
    restless = np.where(sure > 0, 0.3, 0.05).astype(np.float32)
    assert everything(pieces_of(sure), sure).max() >= 128
    assert everything(pieces_of(sure, once=restless), sure).max() < 128
    assert everything(pieces_of(certain, once=restless), certain).max() >= 128, "it rises, it does not close"


def test_what_one_side_alone_does_not_explain_is_rather_uncovered_than_dirty():
    sure = speck(0.7)
    once = np.where(sure > 0, 0.2, 0.008).astype(np.float32)
    assert everything(pieces_of(sure, once=once, twice=once), sure).max() >= 128
    assert everything(pieces_of(sure, once=once, twice=plane()), sure).max() < 128


def test_other_dirt_beside_a_piece_is_no_failure_of_motion():
    sure = plane()
    for row in range(40, 140, 14):
        for column in range(40, 200, 14):
            sure[row : row + 7, column : column + 7] = 0.7
    found = everything(pieces_of(sure), sure)
    assert (found[sure > 0] >= 128).all()


def test_a_piece_is_a_hair_or_dirt_as_a_whole():
    sure = speck(0.8, (slice(30, 33), slice(40, 120)))
    hair = np.where(np.arange(SHAPE[1]) < 100, sure, 0).astype(np.float32)
    pieces = pieces_of(sure, hair=hair)
    assert pieces.plane(pieces.hairs, sure > 0)[31, 110] > 0
    assert not pieces.plane(~pieces.hairs, sure > 0).any()


def test_figures_and_severity():
    found = np.zeros((10, 20), np.uint8)
    found[0, 0] = 255
    found[5:7, 5:7] = 128
    found[9, 9] = 127
    figures = dirt_figures(found)
    assert (figures.area, figures.specks) == (5 / 200, 2)
    assert [round(dirt_severity(area)) for area in (0, 1e-4, 1e-3, 1e-2, 1e-1, 1)] == [0, 0, 33, 67, 100, 100]
