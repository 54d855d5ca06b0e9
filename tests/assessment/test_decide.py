from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import PlanError

CLEAN = FrameFigures(0, 0.0, 0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.4, 0.0, False)
BOTH = ("dirt", "flicker")


def rows(frames, *, area=0.0, flicker=0.0, start=0):
    gains = 1 + flicker * np.random.default_rng(1).standard_normal(frames)
    steps = np.append(1.0, gains[1:] / gains[:-1])
    following = np.append(steps[1:], 1.0)
    return [
        replace(CLEAN, frame=start + i, dirt_area=area, tone_gain=float(steps[i]), next_gain=float(following[i]))
        for i in range(frames)
    ]


def names(figures, treatments=BOTH, strength=Strength.SAME, frames=20):
    ((planned, _),) = decide([Shot(1, 0, frames)], figures, treatments, strength)
    return [treatment.name for treatment in planned.treatments]


def test_nothing_measured_nothing_done():
    assert names(rows(20)) == []
    assert names(rows(20, area=0.0007, flicker=0.002)) == [], "blinking lights and a trace of noise are no damage"


def test_what_is_measured_is_planned_with_its_reason():
    shots = [Shot(1, 0, 20), Shot(2, 20, 30)]
    decided = decide(shots, rows(20, area=0.02, flicker=0.05) + rows(10, start=20), BOTH, Strength.SAME)
    first, second = (planned for planned, _ in decided)
    assert [t.name for t in first.treatments] == ["dirt", "flicker"]
    assert "2.00 %" in first.treatments[0].why
    assert second.treatments == ()
    plan = Plan(reel_id="demo", shots=(first, second))
    plan.validate_treatments()
    assert len(first.treatments[1].params["gain"]) == 20


def test_only_allowed_treatments_are_used():
    damaged = rows(20, area=0.02, flicker=0.05)
    assert names(damaged, ("dirt",)) == ["dirt"]
    assert names(damaged, ("flicker",)) == ["flicker"]
    assert names(damaged, ()) == []


def test_strength_moves_the_gate_and_the_parameters():
    slight = rows(20, area=0.002)
    assert names(slight, strength=Strength.SAME) == ["dirt"]
    assert names(slight, strength=Strength.GENTLER) == []
    assert names(rows(20, area=0.001), strength=Strength.STRONGER) == ["dirt"]
    thresholds = []
    for strength in (Strength.STRONGER, Strength.SAME, Strength.GENTLER):
        ((planned, _),) = decide([Shot(1, 0, 5)], rows(5, area=0.05), BOTH, strength)
        thresholds.append(planned.treatments[0].params["threshold"])
    assert thresholds == sorted(thresholds)


def test_a_shot_that_was_not_measured_whole_is_an_error():
    with pytest.raises(PlanError, match="shot 1 was not measured whole"):
        decide([Shot(1, 0, 20)], rows(19), BOTH, Strength.SAME)
