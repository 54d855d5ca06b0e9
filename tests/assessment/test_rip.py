from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.rip import FOUND, NO_LINE, Line, Rip, lines, rips
from restoration_tasks.assessment.tear import TearGauge
from tests.assessment.glances import window

FRAMES, HEIGHT, WIDTH = 12, 180, 320
RNG = np.random.default_rng(8)


def unrest():
    """Frames that have nothing to do with one another: movement says nothing here."""
    noise = RNG.random((FRAMES, HEIGHT, WIDTH)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(one, (0, 0), 9) for one in noise])
    return np.repeat((0.5 + 2.0 * (soft - soft.mean()))[..., None], 3, axis=3).clip(0, 1).astype(np.float32)


def ripped(frames, at, stay=1, tone=0.97, width=1.0, stop=1.0):
    """A line from the left edge to a share of the width, for so many frames."""
    made, line = frames.copy(), HEIGHT * (0.4 + 0.2 * np.linspace(0, 1, WIDTH))
    rip = np.abs(np.arange(HEIGHT)[:, None] - line[None, :]) <= width
    made[at : at + stay, rip & (np.arange(WIDTH) < stop * WIDTH)] = tone
    return made


def judged(frames):
    gauge = TearGauge()
    rows = [gauge.read(window(frames, at, 1)) for at in range(len(frames))]
    return gauge.judge(rows, ShotFacts(1, 0, len(frames), Scanned(WIDTH, HEIGHT, 24.0, False)))


@pytest.mark.parametrize(("stay", "tone"), [(1, 0.97), (3, 0.97), (2, 0.0)])
def test_a_rip_is_found_where_movement_says_nothing(stay, tone):
    verdict = judged(ripped(unrest(), 5, stay, tone))
    assert (verdict.figures["tears"], verdict.figures["torn_frames"], verdict.worst_frame) == (1, stay, 5)
    assert verdict.severity > 30


@pytest.mark.parametrize(
    "frames",
    [unrest(), ripped(unrest(), 0, FRAMES), ripped(unrest(), 4, 6), ripped(unrest(), 5, stop=0.2)],
    ids=["no line", "a wire", "a line that stays", "a short line"],
)
def test_another_line_is_no_rip(frames):
    assert judged(frames).severity == 0.0


def test_the_last_frame_may_be_torn():
    assert judged(ripped(unrest(), FRAMES - 1)).figures["torn_frames"] == 1


def test_a_line_is_told_by_its_ends_and_its_tone():
    frames = np.rint(255 * ripped(unrest(), 1)[:3, ..., 0]).astype(np.uint8)
    before, after = lines(frames[1], [frames[0], frames[2]])
    assert before.share > 0.8
    assert (before.left, before.right) == (pytest.approx(0.4, abs=0.03), pytest.approx(0.6, abs=0.03))
    assert before.light is after.light is True
    assert lines(frames[1], [None, frames[2]])[0] == NO_LINE


SEEN = Line(0.6, 0.4, 0.6, True)


@pytest.mark.parametrize(
    "goes", [Line(0.6, 0.4, 0.6, False), Line(0.6, 0.1, 0.6, True), Line(FOUND - 0.01, 0.4, 0.6, True)]
)
def test_a_line_that_goes_must_be_the_one_that_came(goes):
    none = [NO_LINE] * 8
    came = [*none[:3], SEEN, *none[:4]]
    assert rips(came, [*none[:4], SEEN, *none[:3]]) == [Rip(3, 2, 0.6)]
    assert rips(came, [*none[:4], goes, *none[:3]]) == []


def test_lines_that_come_and_go_on_every_frame_are_no_rips():
    bricks = np.repeat(0.5 * unrest()[:1], FRAMES, axis=0)
    for number, frame in enumerate(bricks):
        frame[(np.arange(HEIGHT) + 17 * number) % 40 < 2] = 0.95
    assert judged(bricks).severity == 0.0
