from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.regions import Region, edited
from restoration_tasks.runtime.errors import PlanError

SQUARE = ((10, 5), (20, 5), (20, 15), (10, 15))
INSIDE = (slice(5, 16), slice(10, 21))


def found(seed=0):
    rng = np.random.default_rng(seed)
    return DamageMap(*(rng.integers(1, 255, (30, 40), np.uint8) for _ in range(3)))


def region(action, kind="any", frames=(0, 9), polygon=SQUARE, why="looked at"):
    return Region(action=action, kind=kind, frames=frames, polygon=polygon, why=why)


def planes(one):
    return np.stack([one.dirt, one.hair, one.scratch])


def test_without_regions_on_the_frame_the_map_is_itself():
    measured = found()
    assert edited(measured, (), 3) is measured
    assert edited(measured, (region("protect", frames=(4, 9)),), 3) is measured


@pytest.mark.parametrize(("kind", "place"), [("dirt", 0), ("hair", 1), ("scratch", 2), ("any", 0)])
def test_adding_marks_its_kind_and_nothing_else(kind, place):
    measured = found()
    after, before = planes(edited(measured, (region("add", kind),), 0)), planes(measured)
    assert (after[place][INSIDE] == 255).all()
    after[place][INSIDE] = before[place][INSIDE]
    assert np.array_equal(after, before)


def test_removing_takes_out_its_kind_or_all():
    measured = found()
    hair = edited(measured, (region("remove", "hair"),), 0)
    assert not hair.hair[INSIDE].any()
    assert np.array_equal(hair.dirt, measured.dirt)
    assert not planes(edited(measured, (region("remove"),), 0))[:, *INSIDE].any()


def test_what_is_damaged_on_text_is_kept_apart_and_no_plane_has_it():
    measured = found()
    after = edited(measured, (region("protect", "text"),), 0)
    assert not planes(after)[:, *INSIDE].any()
    assert np.array_equal(after.text[INSIDE], planes(measured).max(axis=0)[INSIDE])
    after.text[INSIDE] = 0
    assert not after.text.any()
    assert np.array_equal(edited(measured, (region("protect", "text"),), 0).any, measured.any)
    by_hand = edited(measured, (region("protect"), region("protect", "text")), 0)
    assert not by_hand.text.any(), "what a person protects is nobody's to mend"


@pytest.mark.parametrize("action", ["add", "remove"])
def test_text_is_no_damage_to_add_or_to_take_out(action):
    with pytest.raises(ValidationError, match="text on screen is protected"):
        region(action, "text")


actions = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from(["dirt", "hair", "scratch", "any"])))


@settings(max_examples=25, deadline=None)
@given(actions, st.integers(0, 5), st.sampled_from(["dirt", "any"]))
def test_protecting_wins_in_whatever_order(others, place, kind):
    drawn = [region(action, one) for action, one in others]
    drawn.insert(min(place, len(drawn)), region("protect", kind))
    after = edited(found(), drawn, 0)
    assert not planes(after)[:, *INSIDE].any()
    assert after.added is None or not after.added[INSIDE].any()


def test_a_polygon_may_reach_out_of_the_picture():
    after = edited(found(), (region("protect", polygon=((-50, -50), (15, -50), (15, 90), (-50, 90))),), 0)
    assert not after.dirt[:, :15].any()
    assert after.dirt[:, 17:].all()


@pytest.mark.parametrize(
    "bad",
    [
        {"frames": (5, 4)},
        {"frames": (-1, 4)},
        {"polygon": ((0, 0), (1, 1))},
        {"polygon": ((0, 0), (1, 1), (float("nan"), 2))},
        {"why": "\x1b[2J"},
        {"kind": "mould"},
    ],
)
def test_regions_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValidationError):
        region(**{"action": "add"} | bad)


DIRT = PlannedTreatment(name="dirt", params={"threshold": 0.6}, why="Dirt covers 2 %.")


def plan(*regions, treatments=(DIRT,)):
    shots = (PlannedShot(shot=1, start=0, stop=10), PlannedShot(shot=2, start=10, stop=30, treatments=treatments))
    made = Plan(reel_id="demo-reel", shots=shots)
    for one in regions:
        made = made.with_region(2, one)
    return made


def test_regions_survive_yaml_and_reach_the_segments_they_touch():
    drawn = region("protect", frames=(14, 19))
    made = Plan.from_yaml(plan(drawn).to_yaml())
    assert made.shots[1].regions == (drawn,)
    first, second = (made.slice_for(Segment(f"s002-0{n}", 2, *at, 10, 30)) for n, at in ((1, (10, 20)), (2, (20, 30))))
    assert first.regions == (), "frames 10 to 12 of the shot are looked at beside the first half, 14 is not"
    assert [one.frames for one in second.regions] == [(14, 19)]
    assert type(second).from_json(second.as_json()) == second
    assert "regions" not in first.as_json(), "a shot without regions keeps its signature"


def test_reasons_make_no_other_pixels():
    segment = Segment("s002-01", 2, 10, 30, 10, 30)
    slices = [plan(region("protect", why=why)).slice_for(segment).as_json() for why in ("a face", "her face")]
    assert slices[0] == slices[1]


def test_what_is_added_to_an_untreated_shot_is_repaired_alone():
    made = plan(region("add"), treatments=())
    made.validate_treatments()
    assert [(one.name, one.params) for one in made.shots[1].treatments] == [("dirt", {"only_added": True})]
    scratched = plan(region("add", "scratch"))
    scratched.validate_treatments()
    assert [one.name for one in scratched.shots[1].treatments] == ["dirt", "scratches"]
    assert plan(region("protect"), treatments=()).shots[1].treatments == ()


def test_added_damage_that_nothing_repairs_is_refused():
    shot = PlannedShot(shot=2, start=10, stop=30, regions=(region("add"),))
    with pytest.raises(PlanError, match="shot 2 has damage added by hand"):
        Plan(reel_id="demo-reel", shots=(shot,)).validate_treatments()


def test_regions_on_frames_the_shot_does_not_have_are_refused():
    with pytest.raises(PlanError, match="shot 2 has no such frame"):
        plan(region("add", frames=(0, 20)))
    with pytest.raises(PlanError, match="no such shot"):
        plan().with_region(7, region("add"))
    with pytest.raises(ValueError, match="shot 2 has frames 0 to 19"):
        Plan(reel_id="a", shots=(PlannedShot(shot=2, start=10, stop=30, regions=(region("add", frames=(0, 20)),)),))


def test_a_new_draft_keeps_what_people_drew_where_the_shot_is_the_same():
    drawn = plan(region("add"), region("protect"))
    anew = plan(treatments=()).with_asks_of(drawn)
    assert anew.shots[1].regions == drawn.shots[1].regions
    assert [one.name for one in anew.shots[1].treatments] == ["dirt"]
    assert anew.with_asks_of(drawn) == anew
    moved = Plan(reel_id="demo-reel", shots=(PlannedShot(shot=2, start=11, stop=30),))
    assert moved.with_asks_of(drawn) == moved
