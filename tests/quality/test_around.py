"""What shines and moves on is told from dirt by the frames around; a plan that was changed from the one used."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.media.segments import cut_segments
from restoration_tasks.quality.agreement import AS_CARRIED_OUT, map_agrees, plan_found, slice_digest
from restoration_tasks.quality.around import AroundMeter
from restoration_tasks.quality.policy import policy
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment

SHAPE = (120, 720)
EVERYWHERE = np.ones(SHAPE, bool)


def with_spots(*places):
    plane = np.full(SHAPE, 0.3, np.float32)
    for x, y in places:
        plane[y : y + 3, x : x + 3] = 0.8
    return plane


@pytest.mark.parametrize(("step", "going_on"), [((6, 2), 1), ((90, 40), 0)])
def test_a_spark_that_was_repaired_away_is_followed_and_dirt_is_not(step, going_on):
    meter = AroundMeter(policy())
    for number in range(3):
        grain = np.random.default_rng(number).normal(0, 0.01, SHAPE).astype(np.float32)
        shown = grain + with_spots((100 + number * step[0], 20 + number * step[1]), (300, 60))
        restored = grain + with_spots((300, 60)) if number == 1 else shown
        meter.add(number, shown, restored, EVERYWHERE, judged=True)
    meter.end()
    assert (meter.found[1].highlights, meter.found[1].going_on, meter.found[1].by_chance) == (1, going_on, 0.0)
    assert meter.found[1].lasting_px == 0


def test_a_frame_that_was_swapped_is_out_of_order_and_a_repaired_one_is_not():
    frames = [np.tile(np.linspace(0, 1, 720, dtype=np.float32) ** (1 + n / 4), (120, 1)) for n in range(4)]
    meter = AroundMeter(policy())
    for number, shown in enumerate([0, 2, 1, 3]):
        meter.add(number, frames[number], frames[shown], EVERYWHERE, judged=True)
    meter.end()
    assert [number for number, told in sorted(meter.found.items()) if told.out_of_order] == [1, 2]


def test_dirt_taken_from_a_still_dark_scene_leaves_its_frames_in_order():
    """Much bright dirt on one frame moves its mean, not where it belongs: a title, say, stands still around it."""
    meter = AroundMeter(policy())
    for number in range(3):
        clean = np.full(SHAPE, 0.1, np.float32) + np.random.default_rng(number).normal(0, 5e-4, SHAPE)
        clean[:, ::9] = 0.8
        dirty = clean.copy()
        if number == 1:
            dirty[40:60, 100:300] = 0.9
        meter.add(number, np.float32(dirty), np.float32(clean), EVERYWHERE, judged=True)
    meter.end()
    assert not any(told.out_of_order for told in meter.found.values())


def test_another_plan_than_was_carried_out_is_named_by_segment():
    def planned(threshold):
        dirt = PlannedTreatment(name="dirt", params={"threshold": threshold}, why="w")
        shots = (PlannedShot(shot=1, start=0, stop=4, treatments=(dirt,)), PlannedShot(shot=2, start=4, stop=8))
        return Plan(reel_id="R1", shots=shots)

    segments = cut_segments([(0, 4), (4, 8)])
    carried_out = {one.id: slice_digest(planned(0.5).slice_for(one).as_json()) for one in segments}
    assert plan_found(planned(0.5), segments, carried_out) == AS_CARRIED_OUT
    assert plan_found(planned(0.4), segments, carried_out) == "another plan for s001-01"
    assert plan_found(planned(0.5), segments, {}) == "another plan for s001-01, s002-01"


def test_a_map_with_more_or_less_damage_than_was_recorded_does_not_agree():
    found = np.zeros((10, 10), np.uint8)
    found[:2] = 200
    nothing = np.zeros_like(found)
    row = {"dirt_area": 0.2, "hair_area": 0.0, "scratch_area": 0.0}
    assert map_agrees(DamageMap(found, nothing, nothing), row)
    assert not map_agrees(DamageMap(nothing, nothing, nothing), row)
    assert not map_agrees(DamageMap(found, found, nothing), row)
    assert not map_agrees(DamageMap(found, nothing, nothing), {})


@pytest.mark.parametrize(("slants_deg", "together"), [([80] * 12, True), (range(0, 180, 15), False)])
def test_strokes_that_lie_one_way_are_told_from_those_that_lie_anyhow(slants_deg, together):
    strokes = np.full(SHAPE, 0.3, np.float32)
    for place, slant in enumerate(slants_deg):
        x, y = 40 + 55 * place, 60
        along = 12 * np.array([np.cos(np.radians(slant)), np.sin(np.radians(slant))])
        ends = [tuple(np.rint(np.array([x, y]) + way * along).astype(int).tolist()) for way in (-1, 1)]
        cv2.line(strokes, ends[0], ends[1], 0.8, thickness=2)
    clean = np.full(SHAPE, 0.3, np.float32)
    meter = AroundMeter(policy())
    for number in range(3):
        grain = np.random.default_rng(number).normal(0, 0.005, SHAPE).astype(np.float32)
        meter.add(number, grain + (strokes if number == 1 else clean), grain + clean, EVERYWHERE, judged=True)
    meter.end()
    told = meter.found[1]
    assert told.strokes == 12
    assert (abs(told.lie) > 0.95 * 12) is together
    assert (abs(told.lie) < 0.2 * 12) is not together
