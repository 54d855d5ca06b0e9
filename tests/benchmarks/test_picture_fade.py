"""The recipe of the benchmark of faded colour, and how its bars are read off its pieces."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import picture_fade
from benchmarks.picture_fade import PEERS, Reel, _drawn, _lit, difference, labs, pieces, planned, report


def take(before, after, joined, peer=10.0):
    return {"before": before, "after": after, "one reel": joined, **dict.fromkeys(PEERS, peer)}


def test_every_strength_is_there_as_it_is_and_drawn_for_each_seed():
    keys = list(pieces("test"))
    assert len([key for key in keys if key.startswith("strength")]) == 6 * 4
    assert {"unfaded/sunset/whole", "unfaded/night/last shot", "faded/sunset/last shot", "speed"} <= set(keys)
    exact, drawn, again = _drawn(4, 0), _drawn(4, 101), _drawn(4, 101)
    assert exact.kept == (0.55, 0.9, 0.7)
    assert drawn == again
    assert drawn.kept != exact.kept


def test_bars_are_read_off_the_pieces():
    made = {
        "strength 1/draw 0": {"takes": {"a": take(2.0, 1.0, 0.5), "b": take(6.0, 3.0, 0.5)}},
        "unfaded/day/whole": {"takes": {"a": {"touched": 0, "shots": 2, "shift": 0.0}}},
        "unfaded/lamp/whole": {"takes": {"a": {"touched": 1, "shots": 2, "shift": 0.7}}},
    }
    bars, figures = report(made)
    assert [(bar["measured"], bar["met"]) for bar in bars] == [
        (0.5, False),
        (0.8, True),
        (0.875, True),
        (0.95, True),
        (0.7, False),
    ]
    assert figures["unfaded"]["unfaded/lamp/whole"] == {"touched": 1, "shots": 2, "worst shift": 0.7}
    assert figures["by take"]["b"]["before"] == 6.0


def test_light_is_changed_on_the_shots_named_only():
    frames = [np.full((3, 8, 8), 500, np.uint16)] * 4
    lit = _lit(Reel(frames, ((0, 2), (2, 4))), (1.0, 0.5, 0.25), [(2, 4)])
    assert np.array_equal(lit.frames[1], frames[1])
    assert lit.frames[3][:, 0, 0].tolist() == [500, round(500 * 0.5 ** (1 / 2.4)), round(500 * 0.25 ** (1 / 2.4))]
    assert difference(lit.frames, labs(frames)) == pytest.approx(difference(lit.frames[2:], labs(frames[2:])) / 2)


def test_the_takes_of_a_split_may_be_one_reel():
    from tests.assessment.test_dye_loss import faded

    reels = [Reel([np.zeros((3, 4, 4), np.uint16)] * 4, ((0, 2), (2, 4)))] * 2
    read = [[faded(-0.6, -0.35)] * 4, [faded(-0.02, -0.02, unsure=0.5)] * 4]
    together = planned(reels, read)
    assert [len(plans) for plans in together] == [2, 2]
    assert together[0][0].params == together[1][1].params
    assert planned(reels[1:], read[1:]) == [[None, None]]
    assert picture_fade.restored(reels[1], [None, None])[0] is reels[1].frames[0]
