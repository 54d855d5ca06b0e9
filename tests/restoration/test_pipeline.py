from __future__ import annotations

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.pipeline import map_frames, restore_segment
from restoration_tasks.restoration.plan import PlanSlice
from restoration_tasks.runtime.errors import MediaError
from tests.restoration.moving import GREY, add_dirt, moving_clip, whole, write_master

FRAMES = 16


@pytest.fixture(autouse=True)
def one_thread():
    cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def dirty_reel(tmp_path_factory):
    """A dirty moving shot as a master, its clean truth, and its true maps as one file and as two."""
    folder = tmp_path_factory.mktemp("reel")
    clean = moving_clip(FRAMES)
    dirty, masks = add_dirt(clean)
    write_master(folder / "master.mkv", dirty)
    for name, part in (("whole", masks), ("first", masks[:7]), ("second", masks[7:])):
        write_maps(folder / f"{name}.mkv", part)
    return folder, clean, dirty, masks


def write_maps(path, masks):
    with FrameWriter(path, map_format(GREY)) as writer:
        for mask in masks:
            dirt = mask.astype(np.uint8) * 255
            writer.write(replace(DamageMap.empty(dirt.shape), dirt=dirt).as_frame())


def part(frames, *names):
    params = {
        "dirt": {"threshold": 0.5},
        "flicker": {"gain": [1.0 + 0.01 * (i % 3) for i in range(frames)], "offset": [0.0] * frames},
    }
    return PlanSlice.from_json({"treatments": [{"name": name, "params": params[name]} for name in names]})


def read(path):
    return np.stack([frame[0] for frame in FrameReader(path)])


def test_dirt_goes_and_nothing_else_changes(dirty_reel, tmp_path):
    folder, clean, dirty, masks = dirty_reel
    changes = restore_segment(
        folder / "master.mkv", whole(FRAMES), part(FRAMES, "dirt"), tmp_path / "out.mkv", maps=[folder / "whole.mkv"]
    )
    restored = read(tmp_path / "out.mkv")
    assert np.array_equal(restored[~masks], dirty[:, 0][~masks])
    before = np.square(dirty[:, 0].astype(float) - clean[:, 0]).mean()
    after = np.square(restored.astype(float) - clean[:, 0]).mean()
    assert 10 * np.log10(before / after) > 15
    differs = (restored != dirty[:, 0]).sum(axis=(1, 2))
    assert [change.frame for change in changes] == list(range(FRAMES))
    assert [change.changed_px for change in changes] == differs.tolist()
    assert [change.repaired_px for change in changes] == differs.tolist()
    assert all(change.outside_map_px == 0 for change in changes)


@pytest.mark.parametrize("names", [("dirt",), ("dirt", "flicker")])
def test_a_shot_cut_in_two_gives_the_same_pixels(dirty_reel, tmp_path, names):
    folder, _, _, _ = dirty_reel
    master = folder / "master.mkv"
    restore_segment(master, whole(FRAMES), part(FRAMES, *names), tmp_path / "w.mkv", maps=[folder / "whole.mkv"])
    whole_slice = part(FRAMES, *names)
    halves = []
    for name, start, stop in (("s001-01", 0, 7), ("s001-02", 7, FRAMES)):
        cut = PlanSlice(tuple((n, p.sliced(start, stop)) for n, p in whole_slice.treatments))
        segment = Segment(name, 1, start, stop, 0, FRAMES)
        maps = [folder / "first.mkv", folder / "second.mkv"]
        restore_segment(master, segment, cut, tmp_path / f"{name}.mkv", maps=maps)
        halves.append(read(tmp_path / f"{name}.mkv"))
    assert np.array_equal(np.concatenate(halves), read(tmp_path / "w.mkv"))


def test_without_treatments_the_coded_frames_are_copied(dirty_reel, tmp_path):
    folder, _, dirty, _ = dirty_reel
    segment = Segment("s001-02", 1, 5, 9, 0, FRAMES)
    changes = restore_segment(folder / "master.mkv", segment, PlanSlice(()), tmp_path / "out.mkv")
    assert np.array_equal(read(tmp_path / "out.mkv"), dirty[5:9, 0])
    assert [(change.frame, change.changed_px) for change in changes] == [(5, 0), (6, 0), (7, 0), (8, 0)]


def test_the_same_work_gives_the_same_bytes(dirty_reel, tmp_path):
    folder, _, _, _ = dirty_reel
    for name in ("one.mkv", "two.mkv"):
        restore_segment(
            folder / "master.mkv",
            whole(FRAMES),
            part(FRAMES, "dirt", "flicker"),
            tmp_path / name,
            maps=[folder / "whole.mkv"],
        )
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "two.mkv").read_bytes()


@pytest.mark.parametrize("length", [1, 2])
def test_the_shortest_shots_are_no_special_case(tmp_path, length):
    dirty, masks = add_dirt(moving_clip(length))
    write_master(tmp_path / "master.mkv", dirty)
    write_maps(tmp_path / "map.mkv", masks)
    restore_segment(
        tmp_path / "master.mkv",
        whole(length),
        part(length, "dirt", "flicker"),
        tmp_path / "out.mkv",
        maps=[tmp_path / "map.mkv"],
    )
    assert len(read(tmp_path / "out.mkv")) == length


def test_no_frame_beyond_the_cut_is_looked_at(tmp_path):
    clip = moving_clip(6)
    other = clip.copy()
    other[3:] = 1023 - other[3:]  # another shot follows
    masks = np.zeros((3, 96, 128), bool)
    masks[:, 40:44, 60:64] = True
    write_maps(tmp_path / "map.mkv", masks)
    segment = Segment("s001-01", 1, 0, 3, 0, 3)
    for name, pictures in (("a", clip), ("b", other)):
        write_master(tmp_path / f"{name}.mkv", pictures)
        restore_segment(
            tmp_path / f"{name}.mkv",
            segment,
            part(3, "dirt"),
            tmp_path / f"{name}.out.mkv",
            maps=[tmp_path / "map.mkv"],
        )
    assert np.array_equal(read(tmp_path / "a.out.mkv"), read(tmp_path / "b.out.mkv"))


def test_maps_that_end_early_are_named(dirty_reel, tmp_path):
    folder, _, _, _ = dirty_reel
    with pytest.raises(MediaError, match="damage maps end before the shot"):
        list(map_frames([folder / "first.mkv"], GREY, whole(FRAMES), 0, FRAMES))


def test_memory_does_not_grow_with_length(tmp_path):
    peaks = []
    # All longer than what is worked together; the first loads what is loaded once.
    for frames in (12, 24, 120):
        dirty, masks = add_dirt(moving_clip(frames), specks=1)
        write_master(tmp_path / f"{frames}.mkv", dirty)
        write_maps(tmp_path / f"{frames}.map.mkv", masks)
        del dirty, masks
        tracemalloc.start()
        restore_segment(
            tmp_path / f"{frames}.mkv",
            whole(frames),
            part(frames, "dirt"),
            tmp_path / f"{frames}.out.mkv",
            maps=[tmp_path / f"{frames}.map.mkv"],
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    frame_bytes = 96 * 128 * 2
    assert peaks[2] - peaks[1] < 8 * frame_bytes, "what the specks of a frame differ by, not 96 frames"
