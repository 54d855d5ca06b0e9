from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.dirt import PieceLimits, Unexplained, find_pieces
from restoration_tasks.assessment.onward import NONE_GOING, Going, going
from restoration_tasks.assessment.recurrence import (
    DOUBTED,
    Company,
    RecurrenceLimits,
    Sighting,
    doubted,
    in_company,
    recurring,
)

SHAPE = (405, 720)
LIMITS = RecurrenceLimits()
PLACE = (100, 100)


def frame(places, spike=0.3, extra=()):
    """Pieces of 5x5 px at `places` (row, column), and the sighting of them; `extra` spikes are no pieces."""
    sure, alone = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    for row, column in places:
        box = (slice(int(row), int(row) + 5), slice(int(column), int(column) + 5))
        sure[box], alone[box] = 0.9, spike
    for row, column, value in extra:
        alone[int(row), int(column)] = value
    unexplained = Unexplained(np.abs(alone), alone)
    pieces = find_pieces(sure, unexplained, PieceLimits())
    return pieces, Sighting.of(pieces, unexplained, LIMITS)


def scattered(rng, count):
    return rng.uniform((5, 5), (SHAPE[0] - 10, SHAPE[1] - 10), (count, 2))


def total(frames):
    seen = [sighting for _, sighting in frames]
    return Going.together(going(seen[n], seen[n - 1], seen[n + 1], LIMITS) for n in range(1, len(seen) - 1))


def drifting(rng, count, frames, least=3.0):
    start, step = scattered(rng, count), rng.uniform((least, -6), (25, 6), (count, 2))
    return [frame((start + n * step) % (np.array(SHAPE) - 10)) for n in range(frames)]


def test_what_comes_down_falls_and_dirt_of_like_density_does_not():
    rng = np.random.default_rng(1)
    snow, dirt = total(drifting(rng, 80, 7)), total([frame(scattered(rng, 80)) for _ in range(7)])
    assert snow.falls(LIMITS)
    assert snow.on > 0.5 * snow.followed
    assert not dirt.falls(LIMITS)
    assert dirt.on < 0.1 * dirt.followed


@pytest.mark.parametrize("count", [20, 250])
def test_dirt_never_falls_however_dense(count):
    rng = np.random.default_rng(count)
    assert not total([frame(scattered(rng, count)) for _ in range(7)]).falls(LIMITS)


def test_what_stays_in_its_place_does_not_fall():
    places = scattered(np.random.default_rng(2), 80)
    still = total([frame(places) for _ in range(7)])
    assert still.on == still.followed > 300
    assert not still.falls(LIMITS), "a hair in the gate, a repeated frame"


def test_bright_and_dark_pieces_are_not_one_thing():
    rng = np.random.default_rng(3)
    start, step = scattered(rng, 80), rng.uniform((3, -6), (25, 6), (80, 2))
    flashing = [frame((start + n * step) % (np.array(SHAPE) - 10), spike=0.3 * (-1) ** n) for n in range(7)]
    assert not total(flashing).falls(LIMITS)


def test_a_shots_ends_say_nothing_of_movement():
    _, seen = frame([PLACE])
    assert going(seen, None, seen, LIMITS) == going(seen, seen, None, LIMITS) == NONE_GOING


def judged(own_places, others, **kwargs):
    pieces, own = frame(own_places)
    after = recurring(pieces, own, [sighting for _, sighting in others], LIMITS, **kwargs)
    company = [Company.of(pieces.confidence, after, own)]
    return doubted(pieces.confidence, in_company(after, own, company, LIMITS))[1:]


def test_a_piece_whose_place_flashes_in_three_of_four_neighbours_is_doubted():
    flash = frame([], extra=[(104, 108, 0.3)])
    nothing = frame([])
    assert judged([PLACE], [flash, flash, nothing, flash]) == [pytest.approx(DOUBTED)]
    assert judged([PLACE], [flash, nothing, nothing, flash]) == [pytest.approx(0.9)], "dirt of two is no reason"
    weak = frame([], extra=[(104, 108, 0.03)])
    assert judged([PLACE], [weak] * 4) == [pytest.approx(0.9)], "it stands out"
    far = frame([], extra=[(104, 130, 0.3)])
    assert judged([PLACE], [far] * 4) == [pytest.approx(0.9)]


def test_a_single_neighbour_says_nothing():
    flash = frame([], extra=[(104, 108, 0.3)])
    assert judged([PLACE], [flash]) == [pytest.approx(0.9)]
    assert judged([PLACE], [flash, flash]) == [pytest.approx(DOUBTED)]


def test_at_a_shots_end_one_of_them_is_enough():
    others = [frame([], extra=[(104, 108, 0.3)]), frame([])]
    assert judged([PLACE], others) == [pytest.approx(0.9)]
    assert judged([PLACE], others, one_sided=True) == [pytest.approx(DOUBTED)]


def test_a_piece_is_known_by_its_company():
    flashing = [(100, 100 + 20 * n) for n in range(6)]
    others = [frame([], extra=[(row + 2, column + 2, 0.3) for row, column in flashing])] * 4
    beside, far = (120, 150), (300, 650)
    found = judged([*flashing, beside, far], others)
    assert found[-1] == pytest.approx(0.9), "far away it counts for nothing"
    assert found[:-1] == pytest.approx(np.full(7, DOUBTED))


def test_the_company_of_the_frames_before_and_after_counts_too():
    pieces, own = frame([PLACE])
    flashing = Company(np.array([90.0, 120.0]), np.array([100.0, 110.0]), np.array([True, True]))
    alone = Company.of(pieces.confidence, pieces.confidence, own)
    assert in_company(pieces.confidence, own, [alone], LIMITS)[1] == pytest.approx(0.9)
    assert in_company(pieces.confidence, own, [flashing, alone, flashing], LIMITS)[1] < 0.5


def test_no_confidence_rises_and_what_was_less_stays_as_it_was():
    pieces, own = frame([PLACE])
    lower = replace(pieces, confidence=np.array([0.0, 0.36]))
    others = [frame([], extra=[(104, 108, 0.3)])[1]] * 4
    assert doubted(lower.confidence, recurring(lower, own, others, LIMITS))[1] == pytest.approx(0.36)


def test_few_pieces_are_never_enough():
    assert not Going(4, 4, 0.0).falls(LIMITS)
    assert not Going(1000, 30, 0.0).falls(LIMITS), "under four in a hundred"
    assert Going(100, 20, 1.0).falls(LIMITS)
