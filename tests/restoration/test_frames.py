"""Destroyed frames made anew: only they change, they look like what was there, and grain does not stop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.models.rife import NAME
from restoration_tasks.restoration.frames import LONGEST_RUN, NewFramesParams
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.plan_slice import PlanSlice
from restoration_tasks.restoration.regrain import regrained
from restoration_tasks.runtime.errors import PlanError
from tests.restoration.moving import moving_clip, whole, write_master

FRAMES = 12
GONE = (4, 7, 8)


@pytest.fixture(scope="module")
def torn_reel(shelved, tmp_path_factory):
    """A moving shot with destroyed frames as a master, and what it should be."""
    shelved(NAME)
    clean = moving_clip(FRAMES)
    torn = clean.copy()
    torn[list(GONE)] = np.random.default_rng(5).integers(0, 1023, torn[list(GONE)].shape)
    return write_master(tmp_path_factory.mktemp("reel") / "master.mkv", torn), clean, torn


def sliced(frames, first=0, stop=FRAMES, **params):
    asked = NewFramesParams(frames=frames, **params).sliced(first, stop)
    return PlanSlice.from_json({"treatments": [{"name": "frames", "params": asked.model_dump(mode="json")}]})


def read(path):
    return np.stack([frame[0] for frame in FrameReader(path)])


def test_the_named_frames_come_back_and_no_other_changes(torn_reel, tmp_path):
    master, clean, torn = torn_reel
    changes = restore_segment(master, whole(FRAMES), sliced(GONE), tmp_path / "out.mkv")
    made = read(tmp_path / "out.mkv")
    others = [frame for frame in range(FRAMES) if frame not in GONE]
    assert np.array_equal(made[others], torn[others, 0])
    assert [change.frame for change in changes if change.changed_px] == list(GONE)
    for frame in GONE:
        truth = clean[frame, 0].astype(float)
        nearer = min(np.square(truth - clean[frame + add, 0]).mean() for add in (-1, 1))
        assert np.square(made[frame][:, 8:-8] - truth[:, 8:-8]).mean() < 0.5 * nearer


@pytest.mark.parametrize("halved", [True, False])
def test_the_record_says_where_half_the_precision_was_used(torn_reel, tmp_path, monkeypatch, halved):
    master, clean, _ = torn_reel
    for user in ("interpolator", "load"):
        monkeypatch.setattr(f"restoration_tasks.models.between.{user}.knows_bfloat16", lambda: halved)
    said = []
    restore_segment(master, whole(FRAMES), sliced((4,)), tmp_path / "out.mkv", remark=said.append)
    assert ["bfloat16" in line for line in said] == [True] * halved
    made, truth = read(tmp_path / "out.mkv")[4], clean[4, 0].astype(float)
    nearer = min(np.square(truth - clean[4 + add, 0]).mean() for add in (-1, 1))
    assert np.square(made[:, 8:-8] - truth[:, 8:-8]).mean() < 0.5 * nearer


def test_a_shot_cut_in_a_run_gives_the_same_pixels(torn_reel, tmp_path):
    master, _, _ = torn_reel
    restore_segment(master, whole(FRAMES), sliced(GONE), tmp_path / "whole.mkv")
    for name, first, stop in (("a", 0, 8), ("b", 8, FRAMES)):
        segment = Segment(f"s001-{name}", 1, first, stop, 0, FRAMES)
        restore_segment(master, segment, sliced(GONE, first, stop), tmp_path / f"{name}.mkv")
    parts = np.concatenate([read(tmp_path / f"{name}.mkv") for name in "ab"])
    assert np.array_equal(parts, read(tmp_path / "whole.mkv"))


def test_colour_is_kept(shelved, tmp_path):
    shelved(NAME)
    rgb = PictureFormat(96, 64, "gbrp10le")
    clip = np.stack([np.stack([np.full((64, 96), code, np.uint16) for code in (200, 500, 800)])] * 3)
    destroyed = clip.copy()
    destroyed[1] = 0
    write_master(tmp_path / "master.mkv", destroyed, rgb)
    restore_segment(tmp_path / "master.mkv", whole(3), sliced((1,), 0, 3), tmp_path / "out.mkv")
    made = list(FrameReader(tmp_path / "out.mkv"))[1]
    for plane, code in zip(made, (500, 800, 200), strict=True):
        assert abs(plane.astype(int) - code).max() <= 1


def test_a_frame_of_two_gets_the_grain_it_lacks():
    rng = np.random.default_rng(0)
    still = np.repeat(np.linspace(0.2, 0.8, 160, dtype=np.float32)[None, :, None], 120, axis=0)
    sides = [still + 0.02 * rng.standard_normal(still.shape).astype(np.float32) for _ in range(2)]
    mean = (sides[0] + sides[1]) / 2
    made = regrained(mean, sides, seed=3)
    spread = [float((rows - still).std()) for rows in (mean, made, sides[0])]
    assert spread[0] < 0.75 * spread[2]
    assert spread[1] == pytest.approx(spread[2], rel=0.1)
    assert abs(float(np.corrcoef((made - mean).ravel(), (sides[0] - still).ravel())[0, 1])) < 0.05
    assert np.array_equal(regrained(still, [still, still], seed=3), still)


@pytest.mark.parametrize("coarse", [0.6, 1.5])
def test_grain_made_anew_is_as_coarse_as_that_beside_it(coarse):
    rng = np.random.default_rng(1)
    still = np.repeat(np.linspace(0.2, 0.8, 320, dtype=np.float32)[None, :, None], 240, axis=0)
    grain = [cv2.GaussianBlur(rng.standard_normal(still.shape), (0, 0), coarse)[..., None] for _ in range(2)]
    grain = [(0.02 * one / one.std()).astype(np.float32) for one in grain]
    made = regrained(still, [still + one for one in grain], seed=3) - still
    assert made.std() == pytest.approx(0.02, rel=0.1)
    for across in (1, 2):
        together = [float(np.mean(one[:, across:] * one[:, :-across]) / np.mean(one**2)) for one in (made, grain[0])]
        assert together[0] == pytest.approx(together[1], abs=0.06)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 90, 3), (17, 16, 1), (9, 40, 3)])
def test_frames_of_a_few_pixels_get_grain_or_stay(shape):
    rng = np.random.default_rng(2)
    flat = np.full(shape, 0.5, np.float32)
    sides = [flat + 0.02 * rng.standard_normal(shape).astype(np.float32) for _ in range(2)]
    made = regrained(flat, sides, seed=3)
    assert made.shape == shape
    assert np.isfinite(made).all()
    assert (made - flat).std() < 0.04


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ((0, 1), "at an end of the shot"),
        ((FRAMES - 1,), "at an end of the shot"),
        ((FRAMES,), "none of the shot's"),
        (tuple(range(1, LONGEST_RUN + 2)), "in a row"),
    ],
)
def test_frames_that_cannot_be_made_are_refused(frames, said):
    with pytest.raises(ValueError, match=said):
        NewFramesParams(frames=frames).require_frames(FRAMES)


@pytest.mark.parametrize("frames", [(3, 3), (5, 4), (1.5,)])
def test_frames_that_are_no_list_are_refused(frames):
    with pytest.raises(ValidationError):
        NewFramesParams(frames=frames)


def plan(*treatments):
    shots = (PlannedShot(shot=1, start=0, stop=FRAMES, treatments=treatments), PlannedShot(shot=2, start=12, stop=20))
    return Plan(reel_id="r", shots=shots)


def test_a_person_asks_for_frames_and_others_are_added():
    dirt = PlannedTreatment(name="dirt", why="dirt")
    asked = plan(dirt).with_new_frames(1, 7, 8, "torn").with_new_frames(1, 4, 4, "burnt")
    assert [one.name for one in asked.shots[0].treatments] == ["dirt", "frames"]
    assert asked.shots[0].treatments[1].params["frames"] == [4, 7, 8]
    assert asked.shots[0].treatments[1].why == "torn burnt"
    assert asked.shots[1].treatments == ()


@pytest.mark.parametrize(("shot", "first", "last"), [(3, 1, 1), (1, 5, 12), (1, 0, 0), (1, 6, 5)])
def test_what_the_reel_does_not_have_is_refused(shot, first, last):
    with pytest.raises(PlanError, match="shot"):
        plan().with_new_frames(shot, first, last, "torn")


def test_the_check_lets_only_the_named_frames_be_invented():
    from restoration_tasks.quality.measure import Treatment
    from restoration_tasks.quality.permits import Permit

    asked = plan(PlannedTreatment(name="dirt", why="dirt")).with_new_frames(1, 7, 8, "torn")
    permit = Permit.of(asked.shots[0])
    kinds = [permit.kind(frame) for frame in range(FRAMES)]
    assert [frame for frame, kind in enumerate(kinds) if kind is Treatment.GENERATIVE] == [7, 8]
    assert kinds[6] is Treatment.MASKED


def test_the_networks_enter_the_signature():
    from restoration_tasks.models import rife
    from restoration_tasks.models.between import load

    assert sliced((4,)).models == {rife.NAME: rife.SHA256, load.NAME: load.SHA256}
    assert sliced(()).models == {}


def test_a_new_draft_keeps_what_a_person_asked_for():
    asked = plan().with_new_frames(1, 7, 8, "torn")
    drafted = plan(PlannedTreatment(name="dirt", why="dirt")).with_asks_of(asked)
    assert [one.name for one in drafted.shots[0].treatments] == ["dirt", "frames"]
    assert drafted.with_asks_of(asked) == drafted
