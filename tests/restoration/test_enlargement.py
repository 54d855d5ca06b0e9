"""What a plan may ask for beside the restoration, and which frames its network is shown."""

from __future__ import annotations

from typing import get_args

import pytest

from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.restoration.enlargement import RUNS, SINGLE, EnlargeChoice, Enlargement, Windows
from restoration_tasks.restoration.plan import Plan, PlannedShot
from restoration_tasks.runtime.errors import PlanError


@pytest.mark.parametrize("choice", get_args(EnlargeChoice))
def test_a_choice_is_read_and_told_back(choice):
    asked = Enlargement.of(choice)
    if choice == "no":
        assert asked is None
        return
    assert asked.choice == choice
    assert asked.network in KNOWN
    assert asked.generative == (not choice.startswith("faithful"))
    assert ("invented by the network" in asked.words) == asked.generative
    assert asked.models
    assert all(len(sha256) == 64 for sha256 in asked.models.values())


def test_a_plan_without_reads_as_before_and_with_it_comes_back():
    shots = (PlannedShot(shot=1, start=0, stop=5),)
    plain = Plan(reel_id="R1", shots=shots)
    assert "enlarge" not in plain.to_yaml()
    # worked out before plans knew of larger versions
    assert plain.sha256 == "77987992a27d2736961ced377828c98a0abbee586171cc9f4416c908f89779a3"
    larger = plain.model_copy(update={"enlarge": Enlargement.of("faithful-4x")})
    assert larger.sha256 != plain.sha256
    assert Plan.from_yaml(larger.to_yaml()) == larger
    segment = Segment("s001-01", 1, 0, 5, 0, 5)
    assert larger.slice_for(segment).as_json() == plain.slice_for(segment).as_json()


@pytest.mark.parametrize("asked", ["{factor: 3, look: faithful}", "{factor: 2, look: pretty}", "{factor: 2}"])
def test_what_no_network_does_is_refused(asked):
    text = f"format: reelkeeper.plan/1\nreel_id: R1\nenlarge: {asked}\n"
    with pytest.raises(PlanError, match="enlarge"):
        Plan.from_yaml(text)


@pytest.mark.parametrize("windows", [RUNS, SINGLE, Windows(stride=6, context=2)])
def test_windows_are_those_of_the_shot_however_it_is_cut(windows):
    bounds = (30, 30 + 23)
    (whole,) = cut_segments([bounds])
    alone = windows.over(whole)
    assert (alone[0].start, alone[-1].stop) == bounds
    assert max(one.stop - one.start for one in alone) <= windows.longest
    for longest in (1, 5, 8, 22):
        for segment in cut_segments([bounds], longest):
            found = windows.over(segment)
            assert set(found) <= set(alone)
            for index in range(segment.start, segment.stop):
                covering = [one for one in alone if one.start <= index < one.stop]
                assert set(covering) <= set(found)
            start, stop = windows.reach(segment)
            assert bounds[0] <= start <= segment.start
            assert segment.stop <= stop <= bounds[1]


def test_one_window_passes_over_into_the_next():
    (shot,) = cut_segments([(0, 70)])
    windows = RUNS.over(shot)
    for index in range(70):
        weights = [one.weight(index) for one in windows if one.start <= index < one.stop]
        assert len(weights) in {1, 2}
        assert all(0 < weight <= 1 for weight in weights)
        assert sum(weights) == pytest.approx(1)
    before, after = windows[3:5]
    shared = range(after.start, before.stop)
    assert len(shared) == 6
    coming = [after.weight(index) for index in shared]
    assert coming == sorted(coming)
    assert coming[0] < 0.1 < 0.9 < coming[-1]
    assert all(one.weight(0) == 1 for one in RUNS.over(Segment("s001-01", 1, 0, 3, 0, 3)))
