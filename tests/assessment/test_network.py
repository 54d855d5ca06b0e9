from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.network import Found
from restoration_tasks.assessment.scratches import judged_tracks
from restoration_tasks.assessment.settling import with_passing
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.damage_map import DamageMap
from tests.restoration.moving import moving_clip, whole, write_master

SHAPE = (96, 128)
WIDE = PictureFormat(256, 192, "gray10le")
FRAMES = 14


def found(index, *, scratch=None, passing=None, near=()):
    nothing = np.zeros(SHAPE, np.uint8)
    return Found(
        index=index,
        damage=replace(DamageMap.empty(SHAPE), scratch=nothing if scratch is None else scratch),
        passing=nothing if passing is None else passing,
        near=near,
        lines=(),
        motion_px=0.0,
        level=0.4,
        duplicate=False,
    )


def upright(x, value=220, rows=slice(10, 80)):
    plane = np.zeros(SHAPE, np.uint8)
    plane[rows, x : x + 2] = value
    return plane


def test_a_line_of_one_frame_becomes_dirt():
    rain = upright(40)
    damage = with_passing(found(5, scratch=rain, passing=rain), [found(4), found(6)])
    assert np.array_equal(damage.dirt, rain)
    assert not damage.scratch.any()


def test_a_line_that_a_neighbour_shows_stays_a_scratch():
    line = upright(40)
    for other in (upright(40), upright(42, value=90)):
        damage = with_passing(found(5, scratch=line, passing=line), [found(4, scratch=other), found(6)])
        assert not damage.dirt.any()
        assert np.array_equal(damage.scratch, line)


def test_each_line_is_judged_by_itself():
    both = np.maximum(upright(40), upright(90))
    damage = with_passing(found(5, scratch=both, passing=both), [found(4), found(6, scratch=upright(90))])
    assert np.array_equal(damage.dirt, upright(40))
    assert np.array_equal(damage.scratch, upright(90))


def test_without_a_neighbour_nothing_can_be_said():
    line = upright(40)
    damage = with_passing(found(0, scratch=line, passing=line), [])
    assert np.array_equal(damage.scratch, line)
    assert not damage.dirt.any()


def lined(clip, centres, tone, lean=0.0):
    """The clip with an upright line four pixels wide at `centres`, one a frame."""
    aged = clip.copy()
    rows, columns = np.mgrid[: WIDE.height, : WIDE.width].astype(np.float32)
    for picture, centre in zip(aged, centres, strict=True):
        middle = centre + lean * (rows / WIDE.height - 0.5)
        cover = np.clip(2.5 - np.abs(columns - middle), 0, 1)
        picture[0] = np.rint(picture[0] * (1 - cover) + tone * cover).astype(picture.dtype)
    return aged


def planned(tmp_path, clip):
    write_master(tmp_path / "master.mkv", clip, WIDE)
    measured = measure_segment(tmp_path / "master.mkv", whole(FRAMES), tmp_path / "map.mkv")
    shot = Shot(1, 0, FRAMES)
    ((plan, _),) = decide([shot], measured.frames, ("scratches",), Strength.SAME, lines=measured.lines)
    return plan.treatments, judged_tracks(measured.lines, shot)


@pytest.fixture(scope="module")
def scene():
    return moving_clip(FRAMES, fmt=WIDE, step=2.5, grain=4.0)


def test_a_wandering_scratch_over_a_moving_scene_is_planned_for(tmp_path, scene):
    centres = 120 + 3 * np.sin(0.6 * np.arange(FRAMES))
    ((treatment,), _) = planned(tmp_path, lined(scene, centres, 980))
    (track,) = treatment.params["tracks"]
    assert track["last"] - track["first"] >= FRAMES - 3
    ways = np.interp(range(FRAMES), [k[0] for k in track["x"]], [(k[1] + k[2]) / 2 for k in track["x"]])
    assert np.abs(ways - centres).max() < 3


def test_a_door_frame_that_goes_with_the_scene_is_not(tmp_path, scene):
    treatments, tracks = planned(tmp_path, lined(scene, 200 - 2.5 * np.arange(FRAMES), 60))
    assert treatments == ()
    assert not any(track.is_scratch for track in tracks)


def test_what_lies_outside_the_picture_is_not_looked_at(tmp_path):
    clip = moving_clip(6, fmt=WIDE, step=1.0)
    clip[:, :, :, :16] = 20
    clip[:, :, :10] = 20
    for number, picture in enumerate(clip):
        cv2.circle(picture[0], (7, 40 + 20 * number), 3, 900, -1)
    write_master(tmp_path / "master.mkv", clip, WIDE)
    measured = measure_segment(tmp_path / "master.mkv", whole(6), tmp_path / "map.mkv")
    assert [row.dirt_count for row in measured.frames] == [0] * 6
