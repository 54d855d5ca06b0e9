from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.damage_map import DamageMap
from tests.restoration.moving import add_dirt, moving_clip, whole, write_master

FRAMES = 14


@pytest.fixture(autouse=True)
def one_thread():
    cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    dirty, masks = add_dirt(moving_clip(FRAMES))
    return write_master(tmp_path_factory.mktemp("reel") / "master.mkv", dirty), masks


def maps(path):
    return np.stack([DamageMap.from_frame(frame).dirt for frame in FrameReader(path)])


def test_a_map_for_each_frame_in_the_scans_geometry(master, tmp_path):
    path, masks = master
    rows = measure_segment(path, whole(FRAMES), tmp_path / "map.mkv")
    found = maps(tmp_path / "map.mkv")
    assert found.shape == masks.shape
    assert found.dtype == np.uint8
    assert (found >= 128)[masks].mean() > 0.9
    assert [row.frame for row in rows] == list(range(FRAMES))


def test_a_shot_cut_in_two_is_measured_the_same(master, tmp_path):
    path, _ = master
    rows = measure_segment(path, whole(FRAMES), tmp_path / "whole.mkv")
    first = measure_segment(path, Segment("s001-01", 1, 0, 6, 0, FRAMES), tmp_path / "a.mkv")
    second = measure_segment(path, Segment("s001-02", 1, 6, FRAMES, 0, FRAMES), tmp_path / "b.mkv")
    assert first + second == rows
    halves = np.concatenate([maps(tmp_path / "a.mkv"), maps(tmp_path / "b.mkv")])
    assert np.array_equal(halves, maps(tmp_path / "whole.mkv"))


@pytest.mark.parametrize("pix_fmt", ["gray", "gbrp10le", "yuv420p", "yuv422p10le"])
def test_every_kind_of_picture_is_measured(tmp_path, pix_fmt):
    fmt = PictureFormat(96, 72, pix_fmt)
    clip = moving_clip(4, fmt=fmt)
    from restoration_tasks.media.writer import FrameWriter

    with FrameWriter(tmp_path / "master.mkv", fmt) as writer:
        for picture in clip:
            planes = [np.ascontiguousarray(picture[0][:h, :w]) for h, w in fmt.plane_shapes]
            writer.write(tuple(planes))
    rows = measure_segment(tmp_path / "master.mkv", whole(4), tmp_path / "map.mkv")
    assert len(rows) == len(maps(tmp_path / "map.mkv")) == 4
    assert all(0.2 < row.level < 0.7 for row in rows)
