"""How the bars of light taken for dirt are read off its pieces, and that the meter sees what the recipe makes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import highlights
from benchmarks.dirt_cases import FULL, Take

SIZE = (96, 160)


def shot(eaten: float, *, spots: int = 100, alike: float = 0.2, lasting: float = 0.0) -> dict[str, object]:
    figures = {"highlights": spots, "highlights_eaten": eaten, "highlights_allowed": 16.0, "lasting_share": lasting}
    return {"shots": [{**figures, "strokes_alike": alike, "strokes_alike_allowed": 0.8}]}


def test_bars_count_shots_and_leave_out_those_with_few_spots():
    bars, figures = highlights.report(
        {
            "eaten/snow/a/1": shot(20.0),
            "eaten/snow/b/1": shot(3.0),
            "eaten/snow/c/1": shot(3.0, spots=29),
            "eaten/rain/a/1": shot(3.0, alike=0.9),
            "repaired/no light/a/dirt/2/1": shot(3.0),
            "repaired/no light/b/dirt/2/1": shot(17.0, lasting=0.01),
        }
    )
    measured = {one["bar"].split(":")[0]: (one["measured"], one["met"]) for one in bars}
    assert measured == {
        "snow taken for dirt": (0.5, False),
        "rain taken for dirt": (1.0, True),
        "dirt repaired, no light": (0.5, False),
    }
    assert figures["snow taken for dirt"]["shots"] == 2
    assert figures["rain taken for dirt"]["rain_kept"] == 1
    assert figures["dirt repaired, no light"]["nothing_lasting_repaired"] == 1


@pytest.mark.parametrize(("moves", "seen"), [(True, True), (False, False)])
def test_light_that_goes_its_way_is_told_from_dirt(moves, seen):
    """Forty sparks that drift by three pixels a frame, or lie elsewhere in each frame."""
    rng = np.random.default_rng(4)
    ground = np.full((3, *SIZE), 300, np.uint16)
    where = rng.uniform((4, 4), (SIZE[0] - 4, SIZE[1] - 40), (40, 2))
    scan, masks = [], []
    for number in range(12):
        at = where + np.array([0, 3 * number]) if moves else rng.uniform((4, 4), (SIZE[0] - 4, SIZE[1] - 4), (40, 2))
        picture, mask = ground.copy(), np.zeros(SIZE, np.bool_)
        for y, x in at.astype(int):
            picture[:, y : y + 2, x : x + 2] = 900
            mask[y : y + 2, x : x + 2] = True
        scan.append(picture)
        masks.append(highlights.widened(mask))
    take = Take("made", "city", range(12), thinned=False)
    (told,) = highlights.told(take, scan, [ground] * 12, masks)["shots"]
    assert FULL == 1023
    assert told["highlights"] > 100
    assert (told["highlights_eaten"] > told["highlights_allowed"]) is seen
