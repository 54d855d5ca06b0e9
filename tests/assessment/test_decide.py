from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.flashes import Flash
from restoration_tasks.assessment.light import LightRelation
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import PlanError

CLEAN = FrameFigures(0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0.0, 0.4, 0.0, False, 0.0, 0, 0, 0, 0.0, False)
BOTH = ("dirt", "flicker")


def rows(frames, *, area=0.0, calm=None, start=0):
    calm = area if calm is None else calm
    return [replace(CLEAN, frame=start + i, dirt_area=area, calm_area=calm) for i in range(frames)]


def lights(frames, flicker=0.05, start=0, **kwargs):
    gains = np.log(1 + flicker * np.random.default_rng(1).standard_normal(frames))
    steps = np.diff(gains, prepend=gains[0])
    return {start + i: LightRelation(gain=float(step), evened=float(step), **kwargs) for i, step in enumerate(steps)}


def names(figures, treatments=BOTH, strength=Strength.SAME, frames=20, **kwargs):
    ((planned, _),) = decide([Shot(1, 0, frames)], figures, treatments, strength, **kwargs)
    return [treatment.name for treatment in planned.treatments]


def test_nothing_measured_nothing_done():
    assert names(rows(20)) == []
    assert names(rows(20, area=0.0001), lights=lights(20, 0.002)) == [], "a trace of dirt and of noise are no damage"


def test_what_is_measured_is_planned_with_its_reason():
    shots = [Shot(1, 0, 20), Shot(2, 20, 30)]
    figures = rows(20, area=0.02) + rows(10, start=20)
    decided = decide(shots, figures, BOTH, Strength.SAME, lights=lights(20))
    first, second = (planned for planned, _ in decided)
    assert [t.name for t in first.treatments] == ["dirt", "flicker"]
    assert "2.00 %" in first.treatments[0].why
    assert second.treatments == ()
    plan = Plan(reel_id="demo", shots=(first, second))
    plan.validate_treatments()
    assert len(first.treatments[1].params["density"]) == 20


def test_black_and_leader_are_left_alone():
    for kind in (PartKind.BLACK, PartKind.LEADER, PartKind.BARS, PartKind.COUNTDOWN):
        ((planned, _),) = decide([Shot(1, 0, 20, kind)], rows(20, area=0.02), BOTH, Strength.SAME, lights=lights(20))
        assert planned.treatments == ()


def test_a_flash_is_no_flicker_and_is_not_evened_out():
    steps = {**lights(30, 0.0), 10: LightRelation(gain=0.7), 11: LightRelation(gain=-0.7)}
    shots = [Shot(1, 0, 30, flashes=(Flash(10, 11),))]
    ((_, seen),) = decide(shots, rows(30), BOTH, Strength.SAME, lights=steps)
    assert seen.flicker_amplitude == pytest.approx(0.0, abs=1e-6)
    assert seen.flicker_rhythm is None


def test_only_allowed_treatments_are_used():
    damaged = rows(20, area=0.02)
    assert names(damaged, ("dirt",), lights=lights(20)) == ["dirt"]
    assert names(damaged, ("flicker",), lights=lights(20)) == ["flicker"]
    assert names(damaged, (), lights=lights(20)) == []


def test_the_classical_detector_sees_more_that_is_none_and_so_has_a_higher_gate():
    slight = rows(20, area=0.0007)
    assert names(slight) == ["dirt"]
    assert names(slight, engine=Engine.CLASSICAL) == []
    ((planned, _),) = decide([Shot(1, 0, 20)], rows(20, area=0.02), BOTH, Strength.SAME, engine=Engine.CLASSICAL)
    assert planned.treatments[0].params["engine"] == "classical"


def test_hairs_count_as_dirt_does():
    hairy = [replace(row, hair_area=0.001, hair_count=1, calm_area=0.001) for row in rows(20)]
    ((planned, measured),) = decide([Shot(1, 0, 20)], hairy, BOTH, Strength.SAME)
    assert "1.0 hairs a frame" in planned.treatments[0].why
    assert measured.dirt_area == pytest.approx(0.001)


def planned_dirt(figures, **kwargs):
    """The dirt treatment that is planned, None if there is none."""
    ((planned, measured),) = decide([Shot(1, 0, len(figures))], figures, ("dirt",), Strength.SAME, **kwargs)
    Plan(reel_id="demo", shots=(planned,)).validate_treatments()
    return next(iter(planned.treatments), None), measured


def snowing(area, *, on=15, doubted=0.0):
    return [
        replace(row, followed=80, going_on=on, going_by_chance=2.0, doubted_area=doubted) for row in rows(20, area=area)
    ]


def test_a_shot_in_which_it_snows_is_left_alone_and_the_plan_says_so():
    for figures in (snowing(0.02), snowing(0.0, doubted=0.02)):
        treatment, measured = planned_dirt(figures)
        assert measured.falls
        assert treatment.params == {"only_added": True}
        assert treatment.why.startswith(
            "Looks like snow or rain, left alone: what could be dirt (2.00 % of the picture)"
        )
        assert (
            "a person who sees dirt here can ask for it: take only_added away and set threshold to 0.35"
            in treatment.why
        )


def test_as_many_as_chance_would_have_go_on_are_no_snow():
    treatment, measured = planned_dirt(snowing(0.02, on=3))
    assert not measured.falls
    assert treatment.params == {"threshold": 0.5}


def test_snow_that_is_hardly_there_needs_no_word():
    assert planned_dirt(snowing(0.0001, doubted=0.0001))[0] is None


def test_a_shot_whose_specks_flash_again_and_again_is_left_alone_and_the_plan_says_so():
    glittering = [replace(row, doubted_area=0.004, doubted_count=30) for row in rows(20, area=0.0002)]
    treatment, measured = planned_dirt(glittering)
    assert treatment.params == {"only_added": True}
    assert treatment.why.startswith("Looks like part of the scene, left alone: what could be dirt (0.42 %")
    assert "a person who sees dirt here can ask for it" in treatment.why
    assert measured.doubted_area == pytest.approx(0.004)


def test_dirt_beside_what_flashes_is_repaired_and_the_rest_is_named():
    treatment, _ = planned_dirt([replace(row, doubted_area=0.004, doubted_count=30) for row in rows(20, area=0.01)])
    assert treatment.params == {"threshold": 0.5}
    assert "Another 0.40 % is left alone" in treatment.why
    assert "left alone" not in planned_dirt(rows(20, area=0.01))[0].why


def test_what_lies_only_where_nothing_is_calm_is_left_alone_and_the_plan_says_so():
    treatment, measured = planned_dirt(rows(20, area=0.002, calm=0.0003))
    assert treatment.params["only_added"]
    assert "movement" in treatment.why
    assert measured.calm_area == pytest.approx(0.0003)
    treatment, _ = planned_dirt(rows(20, area=0.002, calm=0.0008))
    assert "only_added" not in treatment.params


def scratched(start, frames):
    swing = 4 * np.sin(0.7 * np.arange(frames))
    return [
        Line(start + i, 720, 200.0 + x, 200.0 + x, 4.0, 0.9, 0.8, 20.0, 2.0, 0.0, 0.0, 0.0, 0.0)
        for i, x in enumerate(swing)
    ]


def test_scratches_stand_in_the_plan_in_frames_of_the_shot_with_words_for_people():
    shots = [Shot(1, 0, 20), Shot(2, 20, 40)]
    decided = decide(shots, rows(40), (*BOTH, "scratches"), Strength.SAME, lines=scratched(25, 12))
    (first, _), (second, measured) = decided
    assert first.treatments == ()
    (planned,) = second.treatments
    assert planned.name == "scratches"
    assert planned.why.startswith("1 scratch: frames 5–16 at 28 % of the width (it wanders of its own accord).")
    (track,) = planned.params["tracks"]
    assert (track["first"], track["last"], track["width_px"]) == (5, 16, 4.0)
    assert (track["x"][0][0], track["x"][-1][0]) == (5, 16)
    assert 30 < measured.scratch_severity < 60
    Plan(reel_id="demo", shots=(first, second)).validate_treatments()
    assert decide(shots, rows(40), BOTH, Strength.SAME, lines=scratched(25, 12))[1][0].treatments == ()


def test_a_line_left_alone_in_doubt_is_told_and_not_repaired():
    faint = [replace(line, coverage=0.5, confidence=0.6) for line in scratched(0, 20)]
    (((treatment,), figures),) = [
        (planned.treatments, figures)
        for planned, figures in decide([Shot(1, 0, 20)], rows(20), (*BOTH, "scratches"), Strength.SAME, lines=faint)
    ]
    assert (treatment.name, treatment.params["tracks"], len(figures.unsure)) == ("scratches", [], 1)
    assert treatment.why.startswith("Left alone, in doubt: frames 0–19 at 28 % of the width (it seems to wander")
    both = [*scratched(0, 20), *(replace(line, x_top=line.x_top + 200, x_bottom=line.x_bottom + 200) for line in faint)]
    ((planned, _),) = decide([Shot(1, 0, 20)], rows(20), ("scratches",), Strength.SAME, lines=both)
    assert len(planned.treatments[0].params["tracks"]) == 1
    assert "Left alone, in doubt: frames 0–19 at 56 % of the width" in planned.treatments[0].why


def test_strength_moves_the_gate_and_the_parameters():
    slight = rows(20, area=0.0007)
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
