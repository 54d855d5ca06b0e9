from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.stain import LAG, StainGauge, StainReading, stain_severity
from restoration_tasks.training.damage.stain import Stain
from restoration_tasks.training.damage.tone import Flicker
from tests.assessment.glances import window

FRAMES, HEIGHT, WIDTH = 26, 202, 360
SCAN = Scanned(WIDTH, HEIGHT, 24.0, False)
BROWN, NEUTRAL, BLUE = (0.8, 0.95, 1.25), (1.0, 1.0, 1.0), (1.3, 1.0, 0.7)


def scene(moving=(0.0, 0.0), seed=4):
    """A textured wall, seen by a camera that pans by so many pixels a frame."""
    rng = np.random.default_rng(seed)
    wall = cv2.GaussianBlur(rng.random((HEIGHT + 160, WIDTH + 160, 3)).astype(np.float32), (0, 0), 3.0)
    wall = 0.15 + 0.6 * (wall - wall.min()) / (wall.max() - wall.min())
    made = []
    for number in range(FRAMES):
        matrix = np.float32([[1, 0, -60 + moving[0] * number], [0, 1, -50 + moving[1] * number]])
        made.append(cv2.warpAffine(wall, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC))
    return np.clip(np.stack(made), 0, 1)


def stained(frames, depth, at=(0.4, 0.5), radius=40, colour=BROWN, born=6, stay=14, drift=(0.0, 0.0)):
    """A soft patch of density over the frames that comes and goes as the simulator's do."""
    made = frames.copy()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for age in range(stay):
        middle = (at[0] * WIDTH + drift[0] * age, at[1] * HEIGHT + drift[1] * age)
        body = np.clip((1 - np.hypot(x - middle[0], y - middle[1]) / radius) / 0.35, 0, 1)
        field = depth * np.sin(np.pi * (age + 0.5) / stay) ** 0.5 * body * body * (3 - 2 * body)
        made[born + age] *= 10 ** -(field[..., None] * np.float32(colour))
    return made


def judged(frames):
    gauge = StainGauge()
    height, width, channels = frames.shape[1:]
    shot = ShotFacts(1, 100, 100 + len(frames), Scanned(width, height, 24.0, channels == 1))
    return gauge.judge([gauge.read(window(frames, at, gauge.radius)) for at in range(len(frames))], shot)


@pytest.mark.parametrize("moving", [(0.0, 0.0), (0.8, 0.3)])
@pytest.mark.parametrize("depth", [0.1, 0.3])
def test_what_a_stain_gains_in_four_frames_is_measured_where_it_lies(depth, moving):
    verdict = judged(stained(scene(moving), depth))
    full = depth * np.sin(np.pi * 3.5 / 14) ** 0.5
    assert verdict.figures["gain_density"] == pytest.approx(full, rel=0.25)
    assert verdict.figures["x_share"] == pytest.approx(0.4, abs=0.05)
    assert verdict.figures["y_share"] == pytest.approx(0.5, abs=0.05)
    assert verdict.figures["area_share"] == pytest.approx(np.pi * 33**2 / (HEIGHT * WIDTH), rel=0.5)
    assert verdict.severity > 30
    assert 106 <= verdict.worst_frame < 120


def test_both_its_coming_and_its_going_are_seen():
    assert {"came": 1, "went": 1}.items() <= judged(stained(scene(), 0.2)).figures.items()


def test_a_deeper_stain_is_worse_and_a_larger_one_a_little():
    light, deep = (judged(stained(scene(), depth)).severity for depth in (0.12, 0.24))
    assert deep - light == pytest.approx(100 * np.log(2) / np.log(20), abs=6)
    assert stain_severity(0.2, 0.2) - stain_severity(0.2, 0.02) == pytest.approx(7.7, abs=0.1)


def test_the_simulators_stains_are_found():
    damage = Stain(seed=3, patches=1.5, depth=(0.2, 0.3), frames=(8, 12))
    codes = [np.rint(frame.transpose(2, 0, 1) * 1023).astype(np.uint16) for frame in scene()]
    aged = list(damage.apply(codes, bit_depth=10))
    verdict = judged(np.stack([one.picture.transpose(1, 2, 0) / 1023 for one in aged]).astype(np.float32))
    assert verdict.severity > 40


@pytest.mark.parametrize("moving", [(0.0, 0.0), (1.5, 0.5)])
def test_a_still_picture_and_a_pan_are_clean(moving):
    verdict = judged(scene(moving))
    assert (verdict.severity, verdict.worst_frame) == (0.0, None)
    assert verdict.confidence > 0.8


@pytest.mark.parametrize("colour", [BLUE, (1.1, 1.0, 0.9)])
def test_what_holds_back_red_more_than_blue_is_no_stain(colour):
    assert judged(stained(scene(), 0.2, colour=colour)).severity == 0.0


def test_a_neutral_shadow_is_no_stain():
    assert judged(stained(scene(), 0.2, colour=NEUTRAL)).severity == 0.0


def test_a_patch_that_wanders_over_the_frame_is_no_stain():
    assert judged(stained(scene(), 0.2, at=(0.15, 0.3), drift=(18.0, 3.0))).severity == 0.0


def test_a_brown_thing_that_comes_and_stays_a_while_is_no_stain():
    frames, other = scene(), scene(seed=8) * np.float32([0.7, 0.5, 0.3])
    frames[8:18, 60:140, 100:200] = other[8:18, 60:140, 100:200]
    assert judged(frames).severity == 0.0


def test_flicker_and_a_fade_to_brown_of_the_whole_frame_are_no_stain():
    codes = [np.rint(frame.transpose(2, 0, 1) * 1023).astype(np.uint16) for frame in scene()]
    aged = list(Flicker(seed=2, density_sd=0.06).apply(codes, bit_depth=10))
    assert judged(np.stack([one.picture.transpose(1, 2, 0) / 1023 for one in aged]).astype(np.float32)).severity == 0.0
    slow = np.linspace(0, 0.5, FRAMES, dtype=np.float32)[:, None, None, None]
    assert judged(scene() * 10 ** -(slow * np.float32(BROWN))).severity == 0.0


def test_on_grey_film_density_alone_counts_and_half_as_surely():
    grey = stained(scene(), 0.3, colour=NEUTRAL).mean(axis=3, keepdims=True)
    verdict = judged(grey)
    assert verdict.severity > 40
    assert verdict.confidence <= 0.5


def test_a_shot_shorter_than_the_lag_is_not_judged():
    verdict = judged(scene()[:LAG])
    assert (verdict.severity, verdict.confidence) == (0.0, 0.0)


def test_severity_grows_by_octaves():
    assert stain_severity(0.0) == stain_severity(0.03) == 0.0
    assert stain_severity(0.134) == pytest.approx(50, abs=0.5)
    assert stain_severity(2.0) == 100.0


SEEN = {"came": 0.2, "came_x": 0.4, "came_y": 0.5, "came_area": 0.05, "came_colour": 1.4}
SEEN |= {"came_kept": 0.9, "came_inside": 1.2, "came_shear": 0.05}
SQUARE = (0.3, 0.4, 0.5, 0.4, 0.5, 0.6, 0.3, 0.6)


def readings(**other):
    """Ten frames, a patch on four of them."""
    nothing = {field.name: 0.0 for field in fields(StainReading)} | {"seen": 0.9}
    nothing |= {"came_outline": (), "goes_outline": ()}
    patch = StainReading(**(nothing | SEEN | {"came_outline": SQUARE} | other))
    return [patch if 3 <= place < 7 else StainReading(**nothing) for place in range(10)]


def test_a_patch_that_is_all_a_stain_is_counts():
    verdict = StainGauge().judge(readings(), ShotFacts(1, 0, 10, SCAN))
    assert (verdict.figures["came"], verdict.figures["gain_density"], verdict.worst_frame) == (1, 0.2, 3)


@pytest.mark.parametrize(
    "other",
    [{"came": 0.025}, {"came_colour": 1.0}, {"came_kept": 0.3}, {"came_inside": 0.8}, {"came_shear": 0.25}],
    ids=lambda other: next(iter(other)),
)
def test_a_patch_that_is_not_all_a_stain_is_does_not(other):
    assert StainGauge().judge(readings(**other), ShotFacts(1, 0, 10, SCAN)).severity == 0.0


@pytest.mark.parametrize("other", [{}, {"came_kept": 0.8}, {"came_inside": 0.9}, {"came_shear": 0.15}])
def test_a_small_patch_must_be_more_of_a_stain_than_a_large_one(other):
    facts = ShotFacts(1, 0, 10, SCAN)
    assert StainGauge().judge(readings(**other), facts).severity > 0
    assert (StainGauge().judge(readings(came_area=0.015, **other), facts).severity > 0) is not bool(other)


@pytest.mark.parametrize(
    ("other", "counts"), [({}, True), ({"came_area": 0.015}, False), ({"came_kept": 0.8}, False)], ids=str
)
def test_a_faint_patch_must_be_large_and_keep_all_its_detail(other, counts):
    verdict = StainGauge().judge(readings(came=0.04, **other), ShotFacts(1, 0, 10, SCAN))
    assert (verdict.severity > 0) is counts


@pytest.mark.parametrize(("step", "counts"), [(0.005, True), (0.05, False)])
def test_what_changes_its_outline_comes_in_by_itself(step, counts):
    rows = readings()
    for place in range(3, 7):
        moved = tuple(corner + step * (place - 3) * (axis % 2 == 0) for axis, corner in enumerate(SQUARE))
        rows[place] = replace(rows[place], came_outline=moved)
    assert (StainGauge().judge(rows, ShotFacts(1, 0, 10, SCAN)).severity > 0) is counts
