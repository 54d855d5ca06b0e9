from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from restoration_tasks.assessment.condition import ShotCondition
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts, Verdict
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.report.condition import TITLES, render_condition

PICTURE = PictureFormat(64, 48, "gbrp10le", Fraction(24))
SCAN = Scanned(64, 48, 24.0, False)
HOSTILE = "<script>alert(1)</script>"


def frame(number):
    return tuple(np.full((48, 64), 100 + number, np.uint16) for _ in range(3))


def condition(number, start, stop, *verdicts):
    return ShotCondition(ShotFacts(number, start, stop, SCAN), verdicts)


def page(conditions, *, urgency=30.0, carrier_known=False, marked=None, asked=None):
    def fetch(number):
        if asked is not None:
            asked.append(number)
        return frame(number)

    pieces = render_condition(
        reel_id=HOSTILE,
        picture=PICTURE,
        conditions=conditions,
        urgency=urgency,
        carrier_known=carrier_known,
        figures=[],
        lines=[],
        fetch=fetch,
        fetch_map=lambda number: marked,
    )
    return "".join(pieces)


def test_every_category_has_a_title():
    assert set(TITLES) == set(Category)


def test_the_page_says_first_what_is_worst_and_shows_its_worst_frame():
    asked = []
    conditions = [
        condition(1, 0, 10, Verdict(Category.FADE, 80.0, 1.0, "Cyan has gone.", {"cyan_kept": 0.5}, 7)),
        condition(2, 10, 30, Verdict(Category.FADE, 2.0, 1.0, "The dyes hold.")),
    ]
    text = page(conditions, asked=asked)
    assert "<strong>fading of the dyes</strong>" in text
    assert "Cyan has gone." in text
    assert "cyan_kept 0.5" in text
    assert 7 in asked
    assert text.count('class="shot example"') == 1


def test_damage_is_marked_where_there_is_a_map():
    conditions = [condition(1, 0, 10, Verdict(Category.DIRT, 60.0, 1.0, "Dirt.", {}, 3))]
    marked = np.zeros((48, 64), np.uint8)
    marked[10:20, 10:20] = 255
    assert "with what was found marked" in page(conditions, marked=marked)
    assert "with what was found marked" not in page(conditions)


def test_what_could_not_be_told_is_not_called_unharmed():
    text = page([condition(1, 0, 10, Verdict(Category.WEAVE, 0.0, 0.0, "Not followed."))])
    assert "Could not be told here: weave." in text
    assert "not found: weave" not in text


def test_nothing_of_the_reel_runs_or_loads():
    text = page([condition(1, 0, 10, Verdict(Category.DIRT, 9.0, 1.0, HOSTILE))])
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)


def test_a_long_reel_gets_thumbnails_of_its_worst_shots_only():
    asked = []
    conditions = [
        condition(n + 1, 4 * n, 4 * n + 4, Verdict(Category.DIRT, 6.0 if n < 150 else 90.0, 1.0, "Dirt."))
        for n in range(200)
    ]
    text = page(conditions, asked=asked)
    assert text.count("its middle frame") == 120
    assert "Shot 200, its middle frame" in text
    assert len(asked) <= 122


def test_the_same_readings_give_the_same_bytes():
    conditions = [condition(1, 0, 10, Verdict(Category.GRAIN, 40.0, 1.0, "Grain."))]
    assert page(conditions) == page(conditions)


def test_a_part_without_a_picture_is_named_and_not_judged():
    black = ShotCondition(ShotFacts(2, 10, 40, SCAN), (), shot=Shot(2, 10, 40, PartKind.BLACK))
    text = page([condition(1, 0, 10, Verdict(Category.DIRT, 9.0, 1.0, "Dirt.")), black])
    assert "frames 10–39: black" in text
    assert "plans leave it alone" in text
    assert text.count('class="plot density"') == 2, "of the reel, and of the shot that has a picture"
