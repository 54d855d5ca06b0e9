from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength
from restoration_tasks.assessment.dye_loss import MAGENTA, base_fog, dye_losses
from restoration_tasks.assessment.fade import FadeGauge, FadeReading
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.unfading import planned_fade
from tests.assessment.glances import glance
from tests.assessment.test_fade import aged, grey, scene

SCAN = Scanned(320, 180, 24.0, False)
FRAMES = 4
READ = FadeReading(
    base_red=0.02,
    base_green=0.03,
    base_blue=0.07,
    range_red=1.0,
    range_green=1.0,
    range_blue=1.0,
    log_cyan=-0.6,
    log_yellow=-0.35,
    unsure=0.05,
    evidence=1.0,
    neutral=0.3,
    off_curve=0.5,
    slope_red=0.0,
    slope_blue=0.0,
)


def reel(*readings, kinds=()):
    """Shots of the same reading on each of their frames, and those readings."""
    shots = [
        Shot(place + 1, FRAMES * place, FRAMES * (place + 1), (kinds or (PartKind.PICTURE,) * len(readings))[place])
        for place in range(len(readings))
    ]
    rows = [
        FrameReadings(FRAMES * place + frame, {Category.FADE: reading})
        for place, reading in enumerate(readings)
        for frame in range(FRAMES)
    ]
    return shots, rows


def losses(*readings, kinds=()):
    return dye_losses(*reel(*readings, kinds=kinds), SCAN)


def faded(cyan, yellow, **others):
    return replace(READ, log_cyan=cyan, log_yellow=yellow, **others)


def test_all_shots_of_a_reel_are_given_the_same():
    found = losses(faded(-0.5, -0.3), faded(-0.7, -0.4), faded(-0.6, -0.35))
    assert found[1] == found[2] == found[3]
    assert found[1].shots == 3
    cyan, magenta, yellow = np.log(found[1].kept)
    assert cyan - magenta == pytest.approx(-0.6, abs=0.01)
    assert yellow - magenta == pytest.approx(-0.35, abs=0.01)
    assert magenta == pytest.approx(MAGENTA * cyan, abs=0.001)


def test_a_reading_counts_by_its_certainty():
    found = losses(faded(-0.6, -0.4), faded(-0.3, -0.2, unsure=0.6))
    assert np.log(found[1].kept[0] / found[1].kept[1]) < -0.55


def test_one_warm_shot_does_not_make_a_reel_faded():
    found = losses(*[faded(-0.03, -0.04)] * 5, faded(-0.4, -0.25))
    assert planned_fade(found[6], 1.0, 1.0) is None


def test_a_shot_of_another_stock_goes_by_itself():
    found = losses(*[faded(-0.03, -0.03)] * 4, faded(-1.1, -0.8))
    assert planned_fade(found[1], 1.0, 1.0) is None
    assert found[5].otherwise
    assert not found[1].otherwise
    assert "otherwise than most of the reel" in planned_fade(found[5], 1.0, 1.0).why


def test_a_title_that_says_nothing_goes_with_the_reel():
    found = losses(faded(-0.6, -0.35), faded(0, 0, evidence=0.0))
    assert found[2] == found[1]


def test_parts_without_a_picture_and_grey_shots_have_no_loss():
    silver = faded(-0.6, -0.35, off_curve=0.0)
    tinted = faded(-0.6, -0.35, off_curve=0.0, base_blue=0.5)
    found = losses(READ, READ, silver, tinted, kinds=[PartKind.BLACK, *[PartKind.PICTURE] * 3])
    assert list(found) == [2]


def test_fog_is_no_more_than_the_lightest_place_shows():
    kept = np.array([0.5, 0.87, 0.65])
    assert (base_fog(np.array([0.0, 0.02, 0.08]), kept, 1) <= [0.001, 0.02, 0.08]).all()
    # A scene without white: one level in all channels is the scene's, and what stands out of it is mostly fog.
    grey_scene = base_fog(np.array([0.15, 0.26, 0.20]), kept, 1)
    stained = base_fog(np.array([0.15, 0.26, 0.30]), kept, 1)
    assert grey_scene.max() < 0.08
    assert stained[2] > grey_scene[2] + 0.02
    assert base_fog(np.array([0.0, 0.02, 0.4]), kept, 1)[2] < 0.25


def test_the_plan_says_which_dye_keeps_what_and_the_gate_holds():
    (loss,) = set(losses(faded(-0.6, -0.35)).values())
    planned = planned_fade(loss, 1.0, 0.7)
    assert planned.name == "fade"
    assert planned.params["amount"] == 0.7
    assert planned.checked.kept == pytest.approx(loss.kept)
    assert "cyan keeps 47 % of its density and yellow 61 %" in planned.why
    slight = set(losses(faded(-0.15, -0.1)).values()).pop()
    assert planned_fade(slight, 1.0, 1.0) is None
    assert planned_fade(slight, 0.5, 1.0) is not None
    assert planned_fade(None, 0.5, 1.0) is None


def test_where_nothing_is_neutral_nothing_is_believed():
    unsure = losses(*[faded(-0.5, -0.3, neutral=0.01)] * 3)
    assert unsure[1].severity > 50
    assert planned_fade(unsure[1], 1.0, 1.0) is None
    assert planned_fade(losses(*[faded(-0.5, -0.3, neutral=0.2)] * 3)[1], 1.0, 1.0) is not None


def test_readings_of_faded_pictures_give_back_what_was_lost():
    kept, base = (0.55, 0.9, 0.7), (0.0, 0.02, 0.06)
    gauge = FadeGauge()
    readings = [gauge.read({0: glance(aged(scene(seed), kept, base))}) for seed in range(3)]
    found = losses(*readings)[1]
    assert found.kept == pytest.approx(kept, abs=0.08)
    assert found.base == pytest.approx(base, abs=0.02)
    clean = losses(*[gauge.read({0: glance(scene(seed))}) for seed in range(3)])
    assert planned_fade(clean[1], 1.0, 1.0) is None
    assert losses(gauge.read({0: glance(np.repeat(grey(), 3, axis=2))})) == {}


def test_the_plan_takes_the_losses_of_its_shots():
    from restoration_tasks.assessment.decide import decide
    from tests.assessment.test_decide import rows

    shots, readings = reel(*[faded(-0.6, -0.35)] * 5)
    found = dye_losses(shots, readings, SCAN)
    named = ("flicker", "fade")
    decided = decide(shots, rows(20), named, Strength.GENTLER, losses=found)
    assert [[one.name for one in planned.treatments] for planned, _ in decided] == [["fade"]] * 5
    assert decided[0][0].treatments[0].params["amount"] == 0.7
    assert decide(shots, rows(20), ("flicker",), Strength.SAME, losses=found)[0][0].treatments == ()
    assert decide(shots, rows(20), named, Strength.SAME)[0][0].treatments == ()
