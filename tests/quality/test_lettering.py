"""A stroke taken from a letter is told, whatever took it; dirt on lettering and scenes without any are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.quality.lettering import LetteringMeter
from restoration_tasks.quality.policy import policy
from tests.fixtures.titles import FAR, HEIGHT, HIGH, LEFT, LINES, STEP, STROKE, WIDE, WIDTH, card

FRAMES = 5
LIMIT = policy().limit("lettering_lost_max")


def grain(seed, sigma=0.03):
    return np.random.default_rng(seed).normal(0, sigma, (HEIGHT, WIDTH)).astype(np.float32)


def frames(**look):
    """Five frames of it, weaving, grainy and flickering."""
    return [
        np.clip(card(shift=0.5 * (number % 2), **look) * (1 + 0.05 * (-1) ** number) + grain(number), 0, 1)
        for number in range(FRAMES)
    ]


def told(scan, restored):
    meter = LetteringMeter(policy())
    for number, (before, after) in enumerate(zip(scan, restored, strict=True)):
        meter.add(number, before, before if after is before else after, judged=True)
    meter.cut()
    return meter.lost


def erase(frame, rows, columns, colour):
    """A box of a frame painted over, with grain as the rest has."""
    spoilt = frame.copy()
    spoilt[rows, columns] = colour + grain(99)[rows, columns]
    return spoilt


def stroke(place, bar):
    """Where a stroke of a letter of the first line is, with a pixel beside it: rows and columns."""
    x, y, wide, high = bar
    left, top = LEFT + STEP * place + x, LINES[0][1] + y
    return slice(top - 1, top + high + 1), slice(left - 1, left + wide + 2)


ARM = (slice(48, 53), slice(LEFT + STEP * 2 + STROKE + 1, LEFT + STEP * 2 + WIDE + 2))
"""The middle bar of the E of *THE*, up to its stem."""


@pytest.mark.parametrize("look", [{}, {"ground": 0.85, "ink": 0.1}], ids=["white on black", "black on white"])
@pytest.mark.parametrize("where", [0, 2, FRAMES - 1])
@pytest.mark.parametrize("part", [stroke(1, FAR), ARM], ids=["a stem", "an arm"])
def test_one_stroke_of_one_letter_is_missed_in_the_frame_that_lost_it(look, where, part):
    scan = frames(**look)
    restored = list(scan)
    restored[where] = erase(scan[where], *part, look.get("ground", 0.1))
    lost = told(scan, restored)
    assert set(lost) == {where}
    assert lost[where] > LIMIT


def test_a_stroke_gone_from_every_frame_is_missed_in_every_frame():
    scan = frames()
    lost = told(scan, [erase(frame, *stroke(1, FAR), 0.1) for frame in scan])
    assert set(lost) == set(range(FRAMES))
    assert min(lost.values()) > LIMIT


def test_a_letter_gone_whole_is_most_of_it():
    scan = frames()
    restored = list(scan)
    restored[2] = erase(scan[2], *stroke(1, (0, 0, WIDE, HIGH)), 0.1)
    assert told(scan, restored)[2] > 0.6, "all but its edges, which weave"


def test_clean_lettering_and_lettering_with_its_grain_and_flicker_taken_lose_nothing():
    scan = frames()
    assert told(scan, scan) == {}
    assert told(scan, [card(shift=0.5 * (number % 2)) for number in range(FRAMES)]) == {}


@pytest.mark.parametrize("seed", range(6))
def test_dirt_taken_from_lettering_is_no_stroke(seed):
    """Specks bright and dark, on the letters and beside them, each frame its own; what lay under them comes back."""
    rng, clean = np.random.default_rng(seed), frames()
    dirty = []
    for frame in clean:
        speckled = frame.copy()
        for _ in range(60):
            x, y, radius = rng.integers(0, WIDTH), rng.integers(30, 210), rng.integers(1, 6)
            cv2.circle(speckled, (int(x), int(y)), int(radius), float(rng.choice([0.02, 0.98])), -1)
        dirty.append(speckled)
    assert max(told(dirty, clean).values(), default=0.0) <= LIMIT


def test_what_is_taken_from_foliage_or_a_fence_is_not_called_lettering():
    rng = np.random.default_rng(5)
    leaves = cv2.GaussianBlur(rng.uniform(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
    leaves = np.clip((leaves - leaves.mean()) * 6 + 0.5, 0, 1)
    fence = np.full((HEIGHT, WIDTH), 0.2, np.float32)
    fence[:, ::24], fence[:, 1::24], fence[:, 2::24] = 0.8, 0.8, 0.8
    for scene in (leaves, fence):
        scan = [np.clip(scene + grain(number), 0, 1) for number in range(FRAMES)]
        restored = [erase(frame, slice(100, 106), slice(100, 110), 0.2) for frame in scan]
        assert told(scan, restored) == {}


def test_where_damage_that_lasts_was_repaired_nothing_is_told():
    scan = frames()
    lost = [erase(frame, *ARM, 0.1) for frame in scan]
    lasting = np.zeros(scan[0].shape, np.bool_)
    lasting[ARM] = True
    found = []
    for repaired in (None, lasting):
        meter = LetteringMeter(policy())
        for number, (before, after) in enumerate(zip(scan, lost, strict=True)):
            meter.add(number, before, after, repaired, judged=True)
        meter.cut()
        found.append(set(meter.lost))
    assert found == [set(range(FRAMES)), set()]


def test_a_title_that_flashes_up_in_one_frame_is_not_lettering_that_stands():
    """What only one frame shows may be dirt in rows: that it was taken away is for the other rules."""
    scan = frames()
    scan[1], scan[3] = 0.1 + grain(7), 0.1 + grain(8)
    restored = list(scan)
    restored[2] = erase(scan[2], *stroke(1, FAR), 0.1)
    assert told(scan, restored) == {}
