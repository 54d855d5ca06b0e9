"""Text on screen is found where it stands or rolls, and nowhere else; the plan keeps away from it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.real_labels import film_folder, load
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.steadying import LEFT_ALONE
from restoration_tasks.assessment.text import TextGauge, text_regions
from restoration_tasks.assessment.titling import protecting, texts_found, without_whole_picture
from restoration_tasks.restoration.plan import PlannedTreatment
from tests.assessment.glances import glance
from tests.fixtures.titles import HEIGHT, HIGH, LEFT, LINES, STEP, WIDTH, card

FPS, FRAMES = 24.0, 18
SCAN = Scanned(WIDTH, HEIGHT, FPS, True)
GAUGE = TextGauge()


def grainy(picture, seed):
    noise = np.random.default_rng(seed).normal(0, 0.02, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


def read(pictures):
    return [GAUGE.read({0: glance(grainy(one, at)[..., None], at)}) for at, one in enumerate(pictures)]


EMPTY = np.full((HEIGHT, WIDTH), 0.1, np.float32)


@pytest.mark.parametrize("look", [{}, {"ground": 0.85, "ink": 0.1}], ids=["white on black", "black on white"])
def test_every_line_of_an_intertitle_lies_in_a_region(look):
    regions = text_regions(read([card(shift=0.4 * (at % 3), **look) for at in range(FRAMES)]), FPS)
    assert {(one.first, one.last, one.rolls) for one in regions} == {(0, FRAMES - 1, False)}
    for words, top in LINES:
        right = LEFT + STEP * len(words)
        assert any(
            one.left * WIDTH < LEFT
            and one.right * WIDTH > right - STEP
            and one.top * HEIGHT < top
            and one.bottom * HEIGHT > top + HIGH
            for one in regions
        ), words
    high = sum(one.bottom - one.top for one in regions) * HEIGHT
    assert high < 3 * 2.5 * HIGH, "what lies between the lines is not text"


def test_text_is_taken_to_be_there_for_a_second_before_and_after_it_was_seen():
    shown = range(30, 40)
    (region, *_) = text_regions(read([card() if at in shown else EMPTY for at in range(80)]), FPS)
    assert (region.first, region.last) == (30 - 24, 39 + 24)


def test_what_looks_like_letters_on_a_frame_or_two_is_no_text():
    assert text_regions(read([card() if at in (3, 4, 5, 6) else EMPTY for at in range(FRAMES)]), FPS) == []


def test_lines_that_roll_by_are_one_region_they_move_through():
    rolled = [np.roll(card(), -2 * at, axis=0) for at in range(16)]
    regions = text_regions(read(rolled), FPS)
    assert all(one.rolls for one in regions)
    top, bottom = min(one.top for one in regions) * HEIGHT, max(one.bottom for one in regions) * HEIGHT
    assert top < LINES[0][1] - 2 * 15
    assert bottom > LINES[-1][1] + HIGH


def windows(wide, high, step):
    """Rows of lit windows, all alike."""
    picture = EMPTY.copy()
    for top in range(30, 220, 3 * high):
        for left in range(30, 330, step):
            picture[top : top + high, left : left + wide] = 0.85
    return picture


def panes(wide, high, step):
    """Rows of window frames, bright around dark panes, all alike."""
    picture = windows(wide, high, step)
    for top in range(30, 220, 3 * high):
        for left in range(30, 330, step):
            picture[top + 3 : top + high - 3, left + 3 : left + wide - 3] = 0.1
    return picture


def railing(step):
    picture = EMPTY.copy()
    for left in range(10, 350, step):
        picture[60:130, left : left + 4] = 0.85
    picture[58:62, 5:355] = picture[128:132, 5:355] = 0.85
    return picture


@pytest.mark.parametrize(
    "scene",
    [windows(8, 12, 20), windows(5, 16, 14), panes(14, 22, 22), railing(14), railing(24)],
    ids=["lit", "tall", "framed", "dense", "wide"],
)
def test_windows_in_rows_and_railings_are_no_text(scene):
    assert text_regions(read([scene] * FRAMES), FPS) == []


def test_foliage_is_no_text():
    rng = np.random.default_rng(3)
    leaves = cv2.GaussianBlur(rng.uniform(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
    leaves = (leaves - leaves.min()) / np.ptp(leaves)
    assert text_regions(read([leaves] * FRAMES), FPS) == []


def test_signs_of_the_scene_are_no_text_on_screen():
    """The same words in the middle tones, beside a brighter and a darker thing: nobody printed them over it."""
    scene = card(ground=0.3, ink=0.6)
    scene[200:230, 20:90], scene[200:230, 250:330] = 0.95, 0.02
    assert text_regions(read([scene] * FRAMES), FPS) == []
    printed = np.where(card(ground=0.3, ink=0.6) == scene, card(ground=0.3, ink=0.97), scene)
    assert text_regions(read([printed] * FRAMES), FPS) != []


@pytest.mark.skipif(
    any(film_folder(labels.run) is None for labels in load()),
    reason="the real film is absent; set REELKEEPER_REAL_FILM to the folder of its runs",
)
@pytest.mark.parametrize("labels", load(), ids=lambda labels: str(labels.run))
def test_no_text_is_found_on_real_film_that_has_none(labels):
    """Boards, books and shop fronts; none of the four runs has a title."""
    frames = sorted(film_folder(labels.run).glob("*.png"))
    pictures = [cv2.imread(str(frame), cv2.IMREAD_GRAYSCALE)[..., None] / np.float32(255) for frame in frames]
    rows = [GAUGE.read({0: glance(picture, at)}) for at, picture in enumerate(pictures)]
    assert text_regions(rows, 16.0) == []


@pytest.mark.parametrize(
    ("shown", "smaller", "found"), [(card(), 3, True), (windows(8, 12, 20), 2, False), (railing(14), 2, False)]
)
def test_letters_a_few_pixels_high_are_found_in_a_small_picture(shown, smaller, found):
    small = cv2.resize(shown, (WIDTH // smaller, HEIGHT // smaller), interpolation=cv2.INTER_AREA)
    regions = text_regions(read([small] * FRAMES), FPS)
    assert bool(regions) is found
    for _, top in LINES if found else ():
        assert any(one.top * HEIGHT < top and one.bottom * HEIGHT > top + HIGH for one in regions)


@pytest.mark.parametrize(("smaller", "found"), [(1, False), (3, True)])
def test_thin_strokes_need_not_be_as_bright_as_the_picture_is(smaller, found):
    """A board of a scene is no brighter than the scene; of letters a few pixels high no stroke can be."""
    shown = card(ink=0.85)
    shown[-40:, -80:], shown[-40:, :80] = 1.0, 0.0
    size = (WIDTH // smaller, HEIGHT // smaller)
    assert bool(text_regions(read([cv2.resize(shown, size, interpolation=cv2.INTER_AREA)] * FRAMES), FPS)) is found


def test_text_is_a_finding_without_severity():
    shot = ShotFacts(1, 100, 100 + FRAMES, SCAN)
    verdict = GAUGE.judge(read([card()] * FRAMES), shot)
    assert (verdict.category, verdict.severity) == (Category.TEXT, 0.0)
    assert "frames 0–17" in verdict.words
    assert verdict.figures["first_frame"] == 100
    assert GAUGE.judge(read([EMPTY] * FRAMES), shot).figures == {"regions": 0}


def found(pictures, shots):
    rows = [FrameReadings(at, {Category.TEXT: reading}) for at, reading in enumerate(read(pictures))]
    return texts_found(shots, rows, SCAN)


def test_regions_of_a_plan_are_in_pixels_of_the_scan_and_say_why():
    shots = [Shot(number=1, start=0, stop=FRAMES), Shot(number=2, start=FRAMES, stop=2 * FRAMES)]
    texts = found([EMPTY] * FRAMES + [card()] * FRAMES, shots)
    assert list(texts) == [2], "no frame of another shot is protected"
    regions = protecting(texts[2], ["Steadying"])
    assert all(one.is_text and one.frames == (0, FRAMES - 1) for one in regions)
    mask = np.logical_or.reduce([one.mask((HEIGHT, WIDTH)) for one in regions])
    assert mask[card() > 0.4].all()
    assert all("nothing is repaired on it" in one.why and "Steadying" in one.why for one in regions)


def test_a_shot_not_read_whole_has_no_say():
    assert found([card()] * FRAMES, [Shot(number=1, start=0, stop=FRAMES + 1)]) == {}


def test_treatments_of_the_whole_picture_are_left_out_and_named_and_repairs_stay():
    asked = [PlannedTreatment(name=name, why="measured") for name in ("dirt", "fade", "scratches")]
    asked.append(PlannedTreatment(name="stabilise", params=LEFT_ALONE, why="left alone"))
    kept, left_out = without_whole_picture(asked)
    assert [one.name for one in kept] == ["dirt", "scratches"]
    assert left_out == ("Colour fade",), "what would have changed nothing is not named"
