from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.dirt import Pieces
from restoration_tasks.assessment.unrest import UnrestLimits, counted, spread_evenly

LIMITS = UnrestLimits()


def pieces(unrest, confidence=0.9):
    """Pieces of nothing but a confidence and how restless their surround is."""
    unrest = np.concatenate([[0.0], unrest])
    sure = np.full(len(unrest), confidence)
    sure[0] = 0.0
    return Pieces(np.zeros((2, 2), np.int32), sure, np.zeros(len(unrest), np.bool_), unrest)


def left(frames, own=0):
    return spread_evenly(frames[own].confidence, frames[own], counted(frames), LIMITS)[1:]


def test_pieces_that_lie_anywhere_keep_their_confidence():
    rng = np.random.default_rng(1)
    frames = [pieces(rng.uniform(0, 1, 60)) for _ in range(5)]
    assert left(frames) == pytest.approx(np.full(60, 0.9), abs=0.02)


def test_a_crowd_where_nothing_is_calm_is_doubted_and_the_rest_is_not():
    rng = np.random.default_rng(2)
    frames = [pieces(np.concatenate([rng.uniform(0, 1, 10), rng.uniform(0.9, 0.97, 12)])) for _ in range(5)]
    after, unrest = left(frames), frames[0].unrest[1:]
    crowd = (unrest >= 0.9) & (unrest < 0.97)
    assert (after[crowd] < 0.1).all()
    assert (after[~crowd & (unrest < 0.9)] > 0.8).all()


def test_the_frames_around_count():
    alone, crowded = pieces([0.95], 0.99), pieces(np.full(20, 0.95))
    calm = pieces(np.full(40, 0.2))
    assert left([alone, calm, calm])[0] > 0.95
    assert left([alone, crowded, crowded])[0] < 0.1


def test_what_does_not_count_is_not_counted():
    doubtful = pieces(np.full(20, 0.95), 0.4)
    assert not counted([doubtful]).any()
    assert counted([pieces([0.1, 0.6, 0.8, 0.95, 0.99])]) == pytest.approx(1.0)


def test_calm_pieces_are_never_doubted():
    assert left([pieces(np.full(50, 0.49))]) == pytest.approx(0.9)
