from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.treatment import Means
from tests.restoration.moving import GREY, add_dirt, moving_clip, whole, write_master

FRAMES = 14
ENGINES = pytest.mark.parametrize("engine", Engine)


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    dirty, masks = add_dirt(moving_clip(FRAMES))
    return write_master(tmp_path_factory.mktemp("reel") / "master.mkv", dirty), masks


def maps(path):
    return [DamageMap.from_frame(frame) for frame in FrameReader(path)]


def found(path):
    """Dirt and hairs of every frame."""
    return np.stack([np.maximum(one.dirt, one.hair) for one in maps(path)])


@ENGINES
def test_a_map_for_each_frame_in_the_scans_geometry(master, tmp_path, engine):
    path, masks = master
    measured = measure_segment(path, whole(FRAMES), tmp_path / "map.mkv", engine=engine)
    dirt = found(tmp_path / "map.mkv")
    assert dirt.shape == masks.shape
    assert dirt.dtype == np.uint8
    assert (dirt >= 128)[masks].mean() > 0.8
    assert (dirt >= 128)[~masks].mean() < 0.02, "a pixel or two around each speck, no more"
    assert [row.frame for row in measured.frames] == list(range(FRAMES))


@ENGINES
def test_a_shot_cut_in_two_is_measured_the_same(master, tmp_path, engine):
    path, _ = master
    once = measure_segment(path, whole(FRAMES), tmp_path / "whole.mkv", engine=engine)
    first = measure_segment(path, Segment("s001-01", 1, 0, 6, 0, FRAMES), tmp_path / "a.mkv", engine=engine)
    second = measure_segment(path, Segment("s001-02", 1, 6, FRAMES, 0, FRAMES), tmp_path / "b.mkv", engine=engine)
    assert first.frames + second.frames == once.frames
    assert first.lines + second.lines == once.lines
    halves = [one.as_frame() for name in "ab" for one in maps(tmp_path / f"{name}.mkv")]
    assert np.array_equal(np.stack(halves), np.stack([one.as_frame() for one in maps(tmp_path / "whole.mkv")]))


def test_the_number_of_threads_does_not_change_the_bytes(master, tmp_path):
    path, _ = master
    one = measure_segment(path, whole(FRAMES), tmp_path / "one.mkv", means=Means(threads=1))
    three = measure_segment(path, whole(FRAMES), tmp_path / "three.mkv", means=Means(threads=3))
    assert one == three
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "three.mkv").read_bytes()


@pytest.mark.parametrize("pix_fmt", ["gray", "gbrp10le", "yuv420p", "yuv422p10le"])
@ENGINES
def test_every_kind_of_picture_is_measured(tmp_path, pix_fmt, engine):
    fmt = PictureFormat(96, 72, pix_fmt)
    clip = moving_clip(4, fmt=fmt)
    with FrameWriter(tmp_path / "master.mkv", fmt) as writer:
        for picture in clip:
            planes = [np.ascontiguousarray(picture[0][:h, :w]) for h, w in fmt.plane_shapes]
            writer.write(tuple(planes))
    measured = measure_segment(tmp_path / "master.mkv", whole(4), tmp_path / "map.mkv", engine=engine)
    assert len(measured.frames) == len(maps(tmp_path / "map.mkv")) == 4
    assert all(0.2 < row.level < 0.8 for row in measured.frames)


def test_on_a_still_repeated_nothing_is_found(tmp_path):
    dirty, _ = add_dirt(moving_clip(1))
    write_master(tmp_path / "master.mkv", np.repeat(dirty, 6, axis=0))
    measured = measure_segment(tmp_path / "master.mkv", whole(6), tmp_path / "map.mkv")
    assert not found(tmp_path / "map.mkv").any(), "its dirt has no frame that could bear witness"
    assert [row.near_duplicate for row in measured.frames] == [False] + 5 * [True]


def test_dirt_on_a_repeated_frame_is_found_on_both(tmp_path):
    clip = moving_clip(8, step=3.0)
    masks = np.zeros(clip.shape[2:], bool)
    masks[40:48, 60:70] = True
    clip[3][:, masks] = 1000
    clip[4] = clip[3]
    write_master(tmp_path / "master.mkv", clip)
    measure_segment(tmp_path / "master.mkv", whole(8), tmp_path / "map.mkv")
    dirt = found(tmp_path / "map.mkv") >= 128
    assert dirt[3][masks].mean() > 0.8
    assert np.array_equal(dirt[3], dirt[4])


def test_in_a_shot_of_two_dirt_is_looked_for(tmp_path):
    clip = moving_clip(2)
    clip[0][:, 40:46, 60:66] = 1000
    write_master(tmp_path / "master.mkv", clip)
    measured = measure_segment(tmp_path / "master.mkv", whole(2), tmp_path / "map.mkv")
    first, second = found(tmp_path / "map.mkv")
    assert first[40:46, 60:66].mean() >= second[40:46, 60:66].mean()
    assert len(measured.frames) == 2


def test_motion_is_told_in_pixels_of_the_scan(tmp_path):
    write_master(tmp_path / "master.mkv", moving_clip(8))
    rows = measure_segment(tmp_path / "master.mkv", whole(8), tmp_path / "map.mkv").frames
    assert rows[3].motion_px == pytest.approx(1.3, abs=0.4)


def test_memory_does_not_grow_with_length(tmp_path):
    import tracemalloc

    peaks = []
    for frames in (20, 100):  # both longer than what is held at once
        write_master(tmp_path / f"{frames}.mkv", add_dirt(moving_clip(frames), specks=1)[0])
        tracemalloc.start()
        measure_segment(tmp_path / f"{frames}.mkv", whole(frames), tmp_path / "map.mkv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Which thread is ahead moves the peak by some frames' worth; the maps alone of eighty frames would be 120.
    assert peaks[1] - peaks[0] < 40 * GREY.frame_bytes
