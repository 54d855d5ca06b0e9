"""Wires are taken out along the plan's courses: nothing beside them changes, and what was behind them comes back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.quality.permits import Permit
from restoration_tasks.restoration.carried import continued_around
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.plan_slice import PlanSlice
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.restoration.wires import FAR, WireParams, WireRemoval
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.training.damage.wire import WireForm
from tests.assessment.wired import FRAMES, HEIGHT, WIDTH, seen_ends, wired
from tests.restoration.moving import write_master

FMT = PictureFormat(WIDTH, HEIGHT, "gbrp10le", Fraction(24))


def true_wire(frames):
    """The simulator's wire as the plan would hold it."""
    on = []
    for at, one in enumerate(frames):
        course = one.course[one.course[:, 1] > -1]
        on.append({"frame": at, "width_px": one.width_px, "pieces": [course.round(2).ravel().tolist()]})
    ends = seen_ends(frames[4]).round(1).ravel().tolist()
    return {"key": 4, "ends": ends, "on": on}


def plan(frames, wires, **params):
    asked = PlannedTreatment(
        name="wires", params={"engine": "classical", "wires": wires} | params, why="named by a person"
    )
    return Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=0, stop=frames, treatments=(asked,)),))


def restored(tmp_path, pictures, asked, cuts=(0, FRAMES)):
    master = write_master(tmp_path / "master.mkv", np.stack(pictures), FMT)
    made, changes = [], []
    for number, (start, stop) in enumerate(pairwise(cuts), start=1):
        segment = Segment(f"s001-{number:02d}", 1, start, stop, 0, FRAMES)
        out = tmp_path / f"{len(cuts)}-{number}.mkv"
        changes += restore_segment(master, segment, asked.slice_for(segment), out)
        made += [FMT.to_work(frame) for frame in FrameReader(out)]
    return made, changes


def psnr(made, truth, mask):
    error = np.mean(np.square(made[:, mask].astype(float) - truth[:, mask]))
    return 10 * np.log10(1023**2 / error)


def test_the_wire_goes_nothing_beside_it_changes_and_cutting_makes_no_difference(tmp_path):
    clean, frames = wired()
    pictures = [one.picture for one in frames]
    asked = plan(FRAMES, [true_wire(frames)], engine="network")
    made, changes = restored(tmp_path, pictures, asked)
    again, _ = restored(tmp_path, pictures, asked, cuts=(0, 3, 4, FRAMES))
    treatment = WireRemoval(WireParams.model_validate(asked.shots[0].treatments[0].params))
    gains = []
    for at, (before, after, truth) in enumerate(zip(pictures, made, clean, strict=True)):
        mask = treatment.mask(Shown(at, before, None, FMT))
        assert np.array_equal(after[:, ~mask], before[:, ~mask])
        assert mask[frames[at].mask].mean() > 0.97
        rows = before.transpose(1, 2, 0).astype(np.float32) / 1023
        telea = 1023 * continued_around(rows, frames[at].mask, fine=True).transpose(2, 0, 1)
        scene = frames[at].mask.copy()
        scene[90:] = False  # the body moves faster than such a texture is followed
        gains.append(psnr(after, truth, scene) - psnr(telea, truth, scene))
        assert psnr(after, truth, frames[at].mask) > psnr(before, truth, frames[at].mask) + 4
    assert np.mean(gains) > 6
    assert np.array_equal(made, again)
    assert all(one.outside_map_px == 0 and one.repaired_wire_px == one.repaired_px > 0 for one in changes)


def test_frames_that_show_the_place_are_looked_for_farther_away():
    """A wire that hardly moves over a scene that stands still hides the same place on the frames beside it."""
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.uniform(0, 1023, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
    on, window = [], {}
    treatment = None
    for at in range(2 * FAR + 1):
        x = 150 + 0.7 * (at - FAR)
        on.append({"frame": at, "width_px": 2.5, "pieces": [[x, 0, x, HEIGHT - 1]]})
        grain = rng.normal(0, 12, (3, HEIGHT, WIDTH))
        window[at - FAR] = Shown(at, np.clip(scene + grain, 0, 1023).astype(np.uint16), None, FMT)
    params = WireParams.model_validate({"wires": [{"key": 0, "ends": [150, 0, 150, 100], "on": on}]})
    treatment = WireRemoval(params)
    job = treatment._job(window)
    here = treatment.mask(window[0])
    assert all(len(side) == 2 for side in (job.before, job.after))
    # The frames beside it hide eight tenths of the place and more.
    for side in (job.before, job.after):
        hidden = [(one.mask & here).sum() / here.sum() for one in side]
        assert max(hidden) < 0.6
        assert min(hidden) < 0.25
        assert all(abs(one.shown.index - FAR) > 3 for one in side)


def test_where_a_wire_may_be_nothing_is_learnt_and_nothing_is_changed():
    """Between two parts that show, and beyond the ends of a wire, another frame's pixels are no source of fills."""
    _, frames = wired()
    on = {"frame": 4, "width_px": 2.0, "pieces": [[150, 20, 150, 60], [150, 90, 150, 120]]}
    params = WireParams.model_validate({"engine": "classical", "wires": [{"key": 4, "ends": [0] * 4, "on": [on]}]})
    treatment = WireRemoval(params)
    window = {at - 4: Shown(at, one.picture, None, FMT) for at, one in enumerate(frames)}
    suspect, mask = treatment._masked(window[0]).mask, treatment.mask(window[0])
    assert suspect[[15, 40, 75, 105, 125], 150].all()
    assert (mask[[15, 40, 75, 105, 125], 150] == [False, True, False, True, False]).all()
    made = treatment.apply(window)
    assert np.array_equal(made[:, ~mask], window[0].work[:, ~mask])
    assert (made != window[0].work)[:, mask].any()


def test_the_check_allows_the_wire_and_nothing_beside_it():
    _, frames = wired(WireForm.SAGGING)
    permit = Permit.of(plan(FRAMES, [true_wire(frames)]).shots[0])
    nothing = DamageMap.empty((HEIGHT, WIDTH))
    frame = FMT.from_work(frames[3].picture, tuple(np.zeros((HEIGHT, WIDTH), np.uint16) for _ in range(3)))
    allowed = permit.mask(3, frame, nothing, FMT)
    assert permit.kind(3) == "rebuilt"
    assert allowed[frames[3].mask].mean() > 0.97
    wide = cv2.dilate(frames[3].mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not allowed[~wide].any()


def test_a_segment_gets_the_frames_it_looks_at():
    _, frames = wired()
    asked = plan(60, [true_wire(frames)])
    near = asked.slice_for(Segment("s001-01", 1, 10, 20, 0, 60)).treatments[0][1]
    # The wire ends on frame 8, before this segment: it makes no pixels of it.
    assert (near.wires, near.models) == ((), {})
    part = asked.slice_for(Segment("s001-01", 1, 5, 30, 0, 60))
    assert [one.frame for one in part.treatments[0][1].wires[0].on] == [at - 5 for at in range(FRAMES)]
    assert PlanSlice.from_json(part.as_json()) == part


def test_no_wire_changes_nothing(tmp_path):
    _, frames = wired()
    pictures = [one.picture for one in frames]
    asked = plan(FRAMES, [])
    made, changes = restored(tmp_path, pictures, asked)
    assert np.array_equal(made, pictures)
    assert all(one.changed_px == 0 for one in changes)


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ([{"frame": 70, "width_px": 2, "pieces": [[1, 2, 3, 4]]}], "frames 0 to 59"),
        ([{"frame": 5, "width_px": 2, "pieces": [[1, 2, 3, 4, 5]]}], "x and y"),
        ([{"frame": 5, "width_px": 0, "pieces": [[1, 2, 3, 4]]}], "greater than 0"),
        ([{"frame": at, "width_px": 2, "pieces": [[1, 2, 3, 4]]} for at in (5, 5)], "stand in order"),
    ],
)
def test_wires_that_cannot_be_are_refused(on, words):
    with pytest.raises(PlanError, match=words):
        plan(60, [{"key": 5, "ends": [1, 2, 3, 4], "on": on}]).validate_treatments()
