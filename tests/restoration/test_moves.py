"""Frames that are made anew in a steadied shot lie between those they are made from."""

from __future__ import annotations

from restoration_tasks.restoration.moves import between
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment

STABILISE = PlannedTreatment(
    name="stabilise", params={"x": [1, 9, 9, 4], "y": [0, 5, 5, 0], "turn": [0, 0.5, 0.1, 0.3]}, why="w"
)


def plan(*treatments):
    return Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=10, stop=14, treatments=treatments),))


def steadied(made):
    return next(one.params for one in made.shots[0].treatments if one.name == "stabilise")


def test_their_moves_are_taken_from_either_side():
    made = plan(STABILISE).with_new_frames(1, 1, 2, "torn")
    assert steadied(made) == {"x": [1, 2, 3, 4], "y": [0, 0, 0, 0], "turn": [0, 0.1, 0.2, 0.3]}
    again = plan(STABILISE).with_asks_of(plan().with_new_frames(1, 2, 2, "torn"))
    assert steadied(again)["x"] == [1, 9, 6.5, 4]


def test_a_shot_left_alone_stays_so():
    assert between({"x": [], "y": [], "turn": [], "amount": 1.0}, [1]) == {"x": [], "y": [], "turn": [], "amount": 1.0}
