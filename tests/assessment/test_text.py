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
from restoration_tasks.assessment.text import TextGauge, TextReading, text_regions
from restoration_tasks.assessment.titling import TextFound, protecting, texts_found, without_whole_picture
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.regions import protected
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


def readings(lines, frames):
    """Readings of every third frame.

    Each line is a function of the frame that gives left, top, right, bottom, letters' height, whether it is sure and
    its tone; None where it is not seen.
    """
    rows = []
    for at in range(frames):
        seen = [] if at % 3 else [one for line in lines if (one := line(at)) is not None]
        rows.append(TextReading(at % 3 == 0, tuple(float(number) for one in seen for number in one)))
    return rows


def fading(tones, *, left=0.3, right=0.6):
    """A line whose tone is given for the frames it is seen on, sure where it is 0.92 or more."""
    return lambda at: (left, 0.4, right, 0.48, 0.06, tones[at] >= 0.92, tones[at]) if at in tones else None


@pytest.mark.parametrize(
    ("tones", "found"),
    [
        ({6: 0.6, 9: 0.85, 12: 0.99, 15: 0.86, 18: 0.55}, True),
        ({12: 0.99, 15: 0.8, 18: 0.6}, True),
        ({6: 0.9, 9: 0.91, 12: 0.93, 15: 0.91, 18: 0.9}, False),
        ({6: 0.9, 9: 0.7, 12: 0.99, 15: 0.6, 18: 0.9}, False),
    ],
    ids=["comes and goes", "goes", "is a sign", "flickers"],
)
def test_a_title_wholly_there_on_one_frame_looked_at_is_told_by_its_fading(tones, found):
    """Nobody saw where its lines end but on that frame, so all of the width is kept."""
    regions = text_regions(readings([fading(tones)], 24), FPS)
    assert [(one.left, one.right) for one in regions] == [(0.0, 1.0)] * found


@pytest.mark.parametrize(
    ("left", "right", "kept"), [(0.4, 0.72, (0.28, 0.72)), (0.1, 0.5, (0.1, 0.5))], ids=["centred", "at the left"]
)
def test_an_end_of_a_centred_line_that_is_not_seen_is_kept_like_the_other(left, right, kept):
    """Over a lively picture one end is often not seen; what stands at the left is no wider than it is seen."""
    (region,) = text_regions(readings([fading(dict.fromkeys(range(24), 0.95), left=left, right=right)], 24), FPS)
    letter = 0.06
    assert region.left == pytest.approx(kept[0] - letter)
    assert region.right == pytest.approx(kept[1] + letter)


def rolling(top, left, right, *, on=range(1000), speed=-0.005, sure=True):
    def line(at):
        down = top + (speed(at) if callable(speed) else speed * at)
        return (left, down, right, down + 0.05, 0.04, sure, 0.95) if at in on else None

    return line


def kept_at(regions, at, x, y):
    """Whether a place is kept on a frame; shares."""
    found = texts_of(regions)
    mask = protected(protecting(found, ()), at, (HEIGHT, WIDTH))
    return mask is not None and bool(mask[round(y * HEIGHT), round(x * WIDTH)])


def texts_of(regions):
    return TextFound(tuple(regions), WIDTH, HEIGHT)


def test_what_is_kept_of_a_roll_goes_along_with_it_and_is_as_wide_as_its_lines():
    lines = [rolling(0.8, 0.45, 0.55), rolling(0.9, 0.2, 0.8), rolling(1.0, 0.2, 0.8)]
    regions = text_regions(readings(lines, 60), FPS)
    assert all(one.rolls for one in regions)
    for at in range(60):
        for top, left in ((0.8, 0.46), (0.9, 0.21), (1.0, 0.21)):
            y = top - 0.005 * at + 0.025
            assert y > 1 or kept_at(regions, at, left, min(y, 0.99)), (at, top)
    assert not kept_at(regions, 59, 0.5, 0.85), "they have gone by"
    assert not kept_at(regions, 30, 0.25, 0.8 - 0.15), "beside the short line there is none"


def test_a_line_of_a_roll_that_is_seen_now_and_then_is_kept_all_the_way():
    seen = rolling(0.7, 0.3, 0.7)
    lines = [seen, rolling(0.5, 0.3, 0.7, on=(6, 30, 51))]
    regions = text_regions(readings(lines, 60), FPS)
    assert all(kept_at(regions, at, 0.31, 0.525 - 0.005 * at) for at in range(60))
    scene = text_regions(readings([seen, rolling(0.3, 0.3, 0.7, on=(6, 51), speed=0.0)], 60), FPS)
    assert not kept_at(scene, 50, 0.31, 0.31), "what does not go along is of the scene"


def test_of_a_roll_that_comes_to_rest_all_it_goes_through_is_kept():
    stops = rolling(0.6, 0.3, 0.7, speed=lambda at: -0.006 * min(at, 82))
    regions = text_regions(readings([stops], 100), FPS)
    assert all(kept_at(regions, at, 0.31, 0.625 - 0.006 * min(at, 82)) for at in range(100))


def test_what_is_far_larger_than_the_letters_beside_it_is_of_the_scene():
    text = fading(dict.fromkeys(range(24), 0.95))
    large = lambda at: (0.3, 0.6, 0.7, 0.8, 0.15, False, 0.7)  # noqa: E731
    like = lambda at: (0.3, 0.6, 0.7, 0.68, 0.07, False, 0.7)  # noqa: E731
    assert not kept_at(text_regions(readings([text, large], 24), FPS), 12, 0.5, 0.7)
    assert kept_at(text_regions(readings([text, like], 24), FPS), 12, 0.5, 0.64)


def test_a_roll_is_one_place():
    shot = ShotFacts(1, 0, 60, SCAN)
    verdict = GAUGE.judge(readings([rolling(0.8, 0.3, 0.7)], 60), shot)
    assert "in 1 place," in verdict.words


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
