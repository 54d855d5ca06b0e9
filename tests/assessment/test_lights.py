from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.dirt import PieceLimits, Unexplained, find_pieces
from restoration_tasks.assessment.lights import LightLimits, Lights, Lit, light_bar, rain
from restoration_tasks.assessment.recurrence import RecurrenceLimits, Sighting
from restoration_tasks.assessment.strokes import directions

SHAPE = (405, 720)
LIMITS = LightLimits()
GREY = np.full(SHAPE, 90, np.uint8)


def streaks(rng, count, degrees, *, length=14, spread=2.0):
    """Lines of one pixel's width that lie so many degrees off level: `(H, W)`."""
    hit = np.zeros(SHAPE, np.uint8)
    for _ in range(count):
        angle = np.radians(degrees + rng.normal(0, spread))
        x, y = rng.uniform(20, SHAPE[1] - 20), rng.uniform(20, SHAPE[0] - 20)
        cv2.line(hit, (round(x), round(y)), (round(x + length * np.cos(angle)), round(y + length * np.sin(angle))), 1)
    return hit > 0


def seen(alone, pieces=(), luma=GREY, spike=0.3):
    """A frame with pieces of 4x4 px at `pieces` (row, column), brighter or darker by `spike` than frames around."""
    alone, sure = alone.astype(np.float32), np.zeros(SHAPE, np.float32)
    for row, column in pieces:
        sure[row : row + 4, column : column + 4], alone[row : row + 4, column : column + 4] = 0.9, spike
    unexplained = Unexplained(np.abs(alone), alone)
    found = find_pieces(sure, unexplained, PieceLimits())
    return Lit(
        found,
        Sighting.of(found, unexplained, RecurrenceLimits()),
        Lights.of(found, unexplained, luma, None, LIMITS),
    )


def falling(frames):
    return rain([frame.lights for frame in frames], LIMITS)


def test_the_way_of_each_stroke_is_told():
    for degrees in (0, 30, 80, 135):
        lie = directions(streaks(np.random.default_rng(1), 20, degrees))
        assert len(lie) >= 15
        assert np.degrees(np.angle(lie.mean())) / 2 % 180 == pytest.approx(degrees, abs=3) or degrees == 0
        assert abs(lie.mean()) > 0.95


def test_round_spots_and_large_ones_have_no_way():
    hit = np.zeros(SHAPE, np.uint8)
    cv2.circle(hit, (100, 100), 4, 1, -1)
    hit[200:204, 100:400] = 1
    assert len(directions(hit > 0)) == 0


def test_bright_strokes_that_lie_one_way_are_rain():
    rng = np.random.default_rng(2)
    way = falling([seen(0.2 * streaks(rng, 20, 80)) for _ in range(5)])
    assert way is not None
    assert np.degrees(np.angle(way)) / 2 % 180 == pytest.approx(80, abs=2)
    assert falling([seen(-0.2 * streaks(rng, 20, 80)) for _ in range(5)]) is None, "rain is bright"


def test_strokes_that_lie_anyhow_are_none():
    rng = np.random.default_rng(3)
    assert falling([seen(0.2 * streaks(rng, 20, 0, spread=90)) for _ in range(5)]) is None


def test_what_moves_shows_bright_and_dark_strokes_and_is_none():
    rng = np.random.default_rng(4)
    both = [seen(0.2 * streaks(rng, 20, 80) - 0.2 * streaks(rng, 6, 80)) for _ in range(5)]
    assert falling(both) is None


def test_upright_strokes_may_be_scratches_of_the_film_and_must_be_many():
    rng = np.random.default_rng(5)
    assert falling([seen(0.2 * streaks(rng, 6, 90, spread=0.5)) for _ in range(5)]) is None
    assert falling([seen(0.2 * streaks(rng, 6, 80, spread=0.5)) for _ in range(5)]) is not None
    assert falling([seen(0.2 * streaks(rng, 30, 90, spread=0.5)) for _ in range(5)]) is not None


def bars(frames, way=None):
    return light_bar(frames[0], frames[1:], LIMITS, way)[1:]


def crowd(rng, count):
    """Spots of one pixel, all in one part of the picture, one of them a piece."""
    alone = np.zeros(SHAPE)
    rows, columns = rng.normal((300, 200), 25, (count, 2)).astype(int).T
    alone[rows, columns] = 0.25
    return alone


def test_a_piece_in_a_crowd_of_spots_is_doubted_and_one_elsewhere_is_not():
    rng = np.random.default_rng(6)
    frames = [seen(crowd(rng, 12), [(300, 200), (60, 600)]), *(seen(crowd(rng, 12)) for _ in range(4))]
    elsewhere, within = bars(frames)
    assert within > 5
    assert elsewhere == 0
    dark = [seen(crowd(rng, 12), [(300, 200)]), *(seen(-crowd(rng, 12)) for _ in range(4))]
    assert bars(dark) == [0], "what is dark is none of light's"


def test_a_dark_piece_in_a_crowd_of_bright_spots_is_dirt():
    rng = np.random.default_rng(6)
    around = [seen(crowd(rng, 12)) for _ in range(4)]
    own = np.where(np.indices(SHAPE)[1] < 120, crowd(rng, 12), 0)
    assert bars([seen(own, [(300, 200)], spike=-0.3), *around]) == [0]
    assert bars([seen(own, [(300, 200)]), *around])[0] > 5


def test_faint_spots_say_nothing_of_a_bright_piece():
    rng = np.random.default_rng(6)
    faint = [0.4 * crowd(rng, 12) for _ in range(5)]
    assert bars([seen(faint[0], [(300, 200)]), *(seen(one) for one in faint[1:])]) == [0]


def test_dirt_of_one_frame_may_lie_in_a_cluster():
    cluster = [(300 + 9 * row, 200 + 9 * column) for row in range(3) for column in range(3)]
    nothing = np.zeros(SHAPE)
    assert not bars([seen(nothing, cluster), *[seen(nothing)] * 4]).any()
    assert bars([seen(nothing, cluster)] * 5).all(), "in the same place again and again it is none"


def test_spots_all_over_the_picture_are_no_reason_to_doubt():
    rng = np.random.default_rng(7)
    anywhere = [np.where(rng.random(SHAPE) < 60 / GREY.size, 0.25, 0.0) for _ in range(5)]
    assert bars([seen(anywhere[0], [(300, 200)]), *(seen(one) for one in anywhere[1:])]) == [0]


def test_white_specks_crowd_where_the_picture_is_dark_enough_to_show_them():
    """Of the same specks in the dark sixth of a white picture each stands where it must."""
    rng = np.random.default_rng(8)
    corner = (slice(200, 400), slice(100, 340))
    luma = np.full(SHAPE, 240, np.uint8)
    luma[corner] = 90
    alone = []
    for _ in range(5):
        one = np.zeros(SHAPE)
        one[corner] = np.where(rng.random((200, 240)) < 30 / 48000, 0.25, 0.0)
        alone.append(one)
    soiled = [seen(one, [(300, 220)] if not n else [], luma) for n, one in enumerate(alone)]
    on_grey = [seen(one, [(300, 220)] if not n else []) for n, one in enumerate(alone)]
    assert bars(soiled) == [0]
    assert bars(on_grey)[0] > 2


def test_in_rain_a_drop_is_doubted_and_so_is_what_could_be_one():
    rng = np.random.default_rng(9)
    frames = [seen(0.25 * streaks(rng, 40, 80), [(200, 300)]), *(seen(0.25 * streaks(rng, 40, 80)) for _ in range(4))]
    way = falling(frames)
    assert way is not None
    assert bars(frames, way)[0] > 8
    assert bars(frames)[0] == 0, "but for the rain nothing would speak against it"


def test_a_frame_that_shows_nothing_is_none():
    nothing = seen(np.zeros(SHAPE))
    assert falling([nothing]) is None
    assert rain([], LIMITS) is None
    assert len(bars([nothing])) == 0
