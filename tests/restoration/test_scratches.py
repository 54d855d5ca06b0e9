from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.across import across_lines
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.scratches import ScratchRepair, ScratchRepairParams, TrackParams
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.runtime.errors import PlanError
from tests.restoration.moving import GREY, moving_clip

X = 60


def scratched(clip, x=X, half=2):
    """The clip with a bright line down the middle of every frame, and where it is."""
    mask = np.zeros(clip.shape[2:], bool)
    mask[:, x - half : x + half + 1] = True
    damaged = clip.copy()
    damaged[:, :, mask] = 950
    return damaged, mask


def shown(clip, mask, first=0):
    return [
        Shown(first + i, picture, replace(DamageMap.empty(mask.shape), scratch=mask.astype(np.uint8) * 230), GREY)
        for i, picture in enumerate(clip)
    ]


def track(first=0, last=8, x=((0, X, X),), width_px=5.0):
    return TrackParams(first=first, last=last, x=x, width_px=width_px)


def repair(frames, middle, *, origin=0, **params):
    window = {i - middle: frame for i, frame in enumerate(frames) if abs(i - middle) <= 3}
    return ScratchRepair(ScratchRepairParams(**{"tracks": (track(),)} | params), origin=origin).apply(window)


def error(one, other, mask):
    return float(np.sqrt(np.mean(np.square(one[:, mask].astype(float) - other[:, mask]))))


@pytest.mark.parametrize("engine", ["network", "classical"])
def test_a_moving_scene_shows_what_lies_behind(engine):
    clean = moving_clip(9, step=6.0)
    damaged, mask = scratched(clean)
    repaired = repair(shown(damaged, mask), 4, engine=engine)
    spatial = np.stack([cv2.inpaint(damaged[4, 0], mask.astype(np.uint8), 4, cv2.INPAINT_TELEA)])
    assert error(repaired, clean[4], mask) < 0.6 * error(spatial, clean[4], mask)
    assert np.array_equal(repaired[:, ~mask], damaged[4][:, ~mask])


def test_over_a_still_scene_the_fill_shimmers_no_more_than_its_surround():
    clean = moving_clip(9, step=0.0, grain=8.0)
    damaged, mask = scratched(clean)
    frames = shown(damaged, mask)
    fills = [repair(frames, middle)[0].astype(np.float32) for middle in (3, 4, 5)]
    truth = [clean[middle, 0].astype(np.float32) for middle in (3, 4, 5)]
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((1, 13), np.uint8)) > 0

    def flicker(pictures, where):
        return np.mean([np.abs(one - other)[where].mean() for one, other in pairwise(pictures)])

    assert flicker(fills, mask) <= 1.1 * flicker(truth, beside & ~mask)
    assert flicker(fills, mask) > 0.6 * flicker(truth, beside & ~mask), "it is not frozen either"
    assert error(fills[1][None], clean[4], mask) < 0.2 * error(damaged[4], clean[4], mask)


def test_what_is_no_track_stays():
    damaged, mask = scratched(moving_clip(5))
    frames = shown(damaged, mask)
    elsewhere = track(x=((0, 20.0, 20.0),))
    later = track(first=3, last=4)
    for params in ({"tracks": ()}, {"tracks": (elsewhere,)}, {"tracks": (later,)}, {"threshold": 0.95}):
        assert np.array_equal(repair(frames, 1, **params), damaged[1])
    assert not np.array_equal(repair(frames, 3, tracks=(later,)), damaged[3])


def test_what_people_added_needs_no_track():
    damaged, mask = scratched(moving_clip(5))
    frames = shown(damaged, mask)
    drawn = replace(frames[2].map, scratch=np.where(mask, np.uint8(255), np.uint8(0)), added=mask)
    frames[2] = replace(frames[2], map=drawn)
    assert (repair(frames, 2, tracks=())[0] != damaged[2, 0])[mask].mean() > 0.9


def test_a_track_wanders_and_leans():
    wandering = track(x=((2, 10.0, 30.0), (4, 20.0, 40.0)))
    assert wandering.ends_at(0) == (10.0, 30.0)
    assert wandering.ends_at(3) == (15.0, 35.0)
    assert wandering.ends_at(9) == (20.0, 40.0)
    everywhere = replace(DamageMap.empty((50, 60)), scratch=np.full((50, 60), 200, np.uint8))
    frame = Shown(3, np.zeros((1, 50, 60), np.uint16), everywhere, GREY)
    mask = ScratchRepair(ScratchRepairParams(tracks=(wandering,))).mask(frame)
    assert mask[0, 15]
    assert mask[49, 35]
    assert not mask[0, 35]
    assert not mask[49, 15]
    assert 5 <= mask[25].sum() <= 12


def test_a_slice_masks_its_frames_and_those_beside_it_as_the_whole_does():
    knots = ((2, 10.0, 12.0), (7, 30.0, 31.0), (15, 12.0, 40.0))
    params = ScratchRepairParams(tracks=(track(1, 16, knots), track(0, 2, ((0, 50.0, 50.0),)), track(18, 19)))
    everywhere = replace(DamageMap.empty((40, 80)), scratch=np.full((40, 80), 200, np.uint8))
    whole = ScratchRepair(params, origin=100)
    for first, stop in ((0, 6), (6, 9), (9, 20)):
        part = ScratchRepair(params.sliced(first, stop), origin=100 + first)
        for frame in range(max(first - 3, 0), min(stop + 3, 20)):
            one = Shown(100 + frame, np.zeros((1, 40, 80), np.uint16), everywhere, GREY)
            assert np.array_equal(part.mask(one), whole.mask(one)), frame


def test_tracks_stand_in_the_plan_and_are_checked():
    tracks = [track(0, 8, ((0, 60.0, 61.0), (8, 62.0, 60.5))).model_dump(mode="json")]
    scratches = PlannedTreatment(name="scratches", params={"tracks": tracks}, why="1 scratch, frames 0–8.")
    plan = Plan(reel_id="demo", shots=(PlannedShot(shot=1, start=5, stop=14, treatments=(scratches,)),))
    again = Plan.from_yaml(plan.to_yaml())
    assert again == plan
    part = again.slice_for(Segment("s001-01", 1, 5, 14, 5, 14))
    assert type(part).from_json(part.as_json()) == part
    longer = scratches.model_copy(update={"params": {"tracks": [tracks[0] | {"last": 9}]}})
    short = plan.model_copy(update={"shots": (plan.shots[0].model_copy(update={"treatments": (longer,)}),)})
    with pytest.raises(PlanError, match="track 1 is on frames 0 to 9 of a shot with frames 0 to 8"):
        short.validate_treatments()


@pytest.mark.parametrize("bad", [{"first": 5, "last": 4}, {"x": ((3, 1, 1), (3, 2, 2))}, {"x": ()}, {"width_px": 0.0}])
def test_tracks_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValidationError):
        track(**bad)


def test_an_edge_goes_on_across_the_line():
    y, x = np.mgrid[:80, :60].astype(np.float32)
    scene = 1 / (1 + np.exp(-(y - 40 + 0.5 * (x - 30)) / 0.7))
    mask = np.zeros(scene.shape, bool)
    mask[:, 26:34] = True
    damaged = np.where(mask, 1.0, scene).astype(np.float32)[..., None]
    filled = across_lines(damaged, mask)[..., 0]
    straight = scene.copy()
    for column in range(26, 34):
        share = (column - 25) / 9
        straight[:, column] = scene[:, 25] * (1 - share) + scene[:, 34] * share
    assert np.abs(filled - scene)[mask].mean() < 0.4 * np.abs(straight - scene)[mask].mean()
    assert np.array_equal(filled[~mask], scene.astype(np.float32)[~mask])


def test_lines_at_the_border_and_all_over_are_no_special_case():
    rows = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    mask = np.zeros((20, 30), bool)
    mask[:, :4] = mask[:, 27:] = True
    assert np.isfinite(across_lines(rows, mask)).all()
    assert np.array_equal(across_lines(rows, np.ones_like(mask)), rows)
