from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.tear import COURSES, TearGauge, TearReading, tear_severity
from restoration_tasks.training.damage.tear import Tear
from restoration_tasks.training.damage.weave import Weave
from tests.assessment.glances import panned_wall, window

FRAMES, HEIGHT, WIDTH = 16, 202, 360
NO_LINES = (0.0, 0.0, 0.0, False) * 2
LINE = {"share": 0.4, "left": 0.5, "right": 0.5, "light": True}
SHOT = ShotFacts(1, 100, 100 + FRAMES, Scanned(WIDTH, HEIGHT, 24.0, False))


def scene(moving=(0.0, 0.0), seed=4, frames=FRAMES):
    return panned_wall(frames, (HEIGHT, WIDTH), (160, 160), moving, seed)


def torn(frames, at, pull, tilt=0.2, stay=1):
    """The part below a tilted line pulled aside for so many frames, light through the rip."""
    made = frames.copy()
    line = HEIGHT * (0.5 + tilt * (np.linspace(0, 1, WIDTH) - 0.5))
    below = np.arange(HEIGHT)[:, None] > line[None, :]
    rip = np.abs(np.arange(HEIGHT)[:, None] - line[None, :]) < 1
    for number in range(at, at + stay):
        matrix = np.float32([[1, 0, pull[0]], [0, 1, pull[1]]])
        moved = cv2.warpAffine(frames[number], matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        made[number][below] = moved[below]
        made[number][rip] = 0.97
    return made


def judged(frames):
    gauge = TearGauge()
    return gauge.judge([gauge.read(window(frames, at, gauge.radius)) for at in range(len(frames))], SHOT)


@pytest.mark.parametrize("stay", [1, 2, 3])
@pytest.mark.parametrize("moving", [(0.0, 0.0), (1.5, 0.4)])
def test_the_pull_of_a_tear_is_measured_however_long_it_stays(stay, moving):
    verdict = judged(torn(scene(moving), 6, (3.0, -1.0), stay=stay))
    assert (verdict.figures["tears"], verdict.figures["torn_frames"]) == (1, stay)
    assert verdict.figures["largest_pull_px"] == pytest.approx(np.hypot(3.0, 1.0), rel=0.12)
    assert verdict.worst_frame == SHOT.start + 6
    assert verdict.severity > 40


@pytest.mark.parametrize("at", [1, FRAMES - 2])
def test_the_pull_of_a_tear_beside_the_end_of_a_shot_is_measured(at):
    verdict = judged(torn(scene((1.5, 0.4)), at, (3.0, -1.0)))
    assert verdict.figures["largest_pull_px"] == pytest.approx(np.hypot(3.0, 1.0), rel=0.12)


def test_each_tear_is_counted_and_the_worst_is_named():
    verdict = judged(torn(torn(scene(), 3, (1.5, 0.0)), 10, (5.0, 1.0), tilt=-0.3, stay=2))
    assert (verdict.figures["tears"], verdict.worst_frame) == (2, SHOT.start + 10)


def test_the_simulators_tears_are_found():
    damage = Tear(seed=3, tears=0.12, pull_px=(8.0, 12.0), rip_px=(2.0, 5.0), frames=(1, 2))
    codes = [np.rint(frame.transpose(2, 0, 1) * 1023).astype(np.uint16) for frame in scene()]
    aged = list(damage.apply(codes, bit_depth=10))
    pulls = [np.hypot(*one.truth.values.get(damage.kind, {"x": 0, "y": 0}).values()) for one in aged]
    assert max(pulls) > 2
    verdict = judged(np.stack([one.picture.transpose(1, 2, 0) / 1023 for one in aged]).astype(np.float32))
    assert verdict.figures["largest_pull_px"] == pytest.approx(max(pulls), rel=0.2)


@pytest.mark.parametrize("moving", [(0.0, 0.0), (2.0, 0.5)])
def test_a_still_picture_and_a_pan_are_whole(moving):
    verdict = judged(scene(moving))
    assert (verdict.severity, verdict.worst_frame) == (0.0, None)
    assert verdict.confidence > 0.7


def test_a_lower_half_that_moves_by_itself_is_no_tear():
    frames, other = scene(), scene((3.0, 0.0), seed=9)
    frames[:, HEIGHT // 2 :] = other[:, HEIGHT // 2 :]
    assert judged(frames).severity == 0.0


def test_a_lower_half_that_jumps_and_stays_there_is_no_tear():
    frames, other = scene(), scene()
    other[8:] = np.roll(other[8:], 6, axis=2)
    frames[:, HEIGHT // 2 :] = other[:, HEIGHT // 2 :]
    assert judged(frames).severity == 0.0


def test_a_part_that_is_pulled_without_a_line_from_edge_to_edge_is_no_tear():
    frames = scene()
    frames[8, 60:140, 80:200] = np.roll(frames[8], 5, axis=1)[60:140, 80:200]
    assert judged(frames).severity == 0.0


def test_weave_is_no_tear():
    codes = [np.rint(frame.transpose(2, 0, 1) * 1023).astype(np.uint16) for frame in scene()]
    aged = list(Weave(seed=7, x_px=4.0, y_px=3.0, rotation_deg=0.0).apply(codes, bit_depth=10))
    frames = np.stack([one.picture.transpose(1, 2, 0) / 1023 for one in aged]).astype(np.float32)
    assert judged(frames).severity == 0.0


def test_severity_grows_by_octaves():
    assert tear_severity(0.0) == tear_severity(0.3) == 0.0
    assert tear_severity(2.324) == pytest.approx(50, abs=0.5)
    assert tear_severity(30.0) == 100.0
    assert tear_severity(3.0, 0.3) > tear_severity(3.0, 0.05)


def bends(course, rigid=(0.9,), heights=(0.5,), pull=4.0):
    """Readings that follow a course, whole before and after."""
    still = [TearReading(0.05, 0.0, 0.2, 0.3, 0.9, *NO_LINES)] * 4
    bent = [
        TearReading(
            pull * share,
            0.0,
            rigid[place % len(rigid)],
            heights[place % len(heights)],
            heights[place % len(heights)],
            *NO_LINES,
        )
        for place, share in enumerate(course)
    ]
    return [*still, *bent, *still]


ONE, TWO = (-0.5, 1.0, -0.5), (-0.5, 0.5, 0.5, -0.5)


@pytest.mark.parametrize("course", [ONE, TWO])
def test_the_course_of_a_tear_counts(course):
    rows = bends(course)
    verdict = TearGauge().judge(rows, ShotFacts(1, 0, len(rows), SHOT.scan))
    assert (verdict.figures["tears"], verdict.figures["largest_pull_px"]) == (1, 4.0)


@pytest.mark.parametrize(
    "rows",
    [
        bends(ONE, rigid=(0.6,)),
        bends(ONE, rigid=(0.9, 0.4)),
        bends(ONE, heights=(0.2, 0.8)),
        bends((-0.5, 0.5)),
        bends((1.0, -1.0, 1.0, -1.0, 1.0, -1.0)),
        bends(ONE, pull=0.2),
    ],
    ids=["soft", "soft where torn", "no one line", "a jump", "a tremble", "hardly pulled"],
)
def test_another_course_does_not(rows):
    assert TearGauge().judge(rows, ShotFacts(1, 0, len(rows), SHOT.scan)).severity == 0.0


@pytest.mark.parametrize(("times", "ripped", "counts"), [(3.0, False, False), (3.0, True, True), (5.0, False, True)])
def test_where_much_moves_by_itself_a_pull_without_a_rip_must_stand_out_more(times, ripped, counts):
    rows = bends(COURSES[0], pull=times * 2.0)
    rows = [row if row.rigid > 0.5 else replace(row, x_px=2.0) for row in rows]
    if ripped:
        rip = {f"{side}_{name}": value for side in ("came", "goes") for name, value in LINE.items()}
        rows[5] = replace(rows[5], **rip)
    assert (TearGauge().judge(rows, ShotFacts(1, 0, len(rows), SHOT.scan)).severity > 0) is counts
