"""Titles are completed from their own frames, exactly, and nowhere else; nothing else is repaired on them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.permits import Permit
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.regions import Region
from tests.fixtures.titles import HEIGHT, LEFT, STEP, WIDTH, card

FRAMES = 9
GREY = PictureFormat(WIDTH, HEIGHT, "gray10le")
BOX = (slice(30, 72), slice(10, 250))
"""The first line with its surround."""
CORNERS = ((10, 30), (249, 30), (249, 71), (10, 71))
TEXT = Region(action="protect", kind="text", frames=(0, FRAMES - 1), polygon=CORNERS, why="a title")
BLOT = (slice(45, 57), slice(LEFT + STEP, LEFT + STEP + 12))
"""Over the H of *THE*."""
BESIDE = (slice(100, 106), slice(300, 310))
"""Where no text is."""


def title(*, shift=0.0, sigma=0.0, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, (HEIGHT, WIDTH))
    return np.clip(np.rint(1023 * (card(shift=shift) + noise)), 0, 1023).astype(np.uint16)


def blotted(frames, on, where=BLOT, code=60):
    """The frames with a blot on some, and the masks."""
    made, masks = [one.copy() for one in frames], [np.zeros(one.shape, np.bool_) for one in frames]
    for at in on:
        made[at][where] = code
        masks[at][where] = True
    return made, masks


def restored(folder, frames, masks, names=("titles",), regions=(TEXT,), cuts=(0, FRAMES), fmt=GREY):
    """The frames after some treatments of one shot, cut into segments."""
    folder.mkdir(exist_ok=True)
    master, maps = folder / "master.mkv", folder / "maps.mkv"
    with FrameWriter(master, fmt) as writer:
        for frame in frames:
            writer.write((frame,))
    with FrameWriter(maps, map_format(fmt)) as writer:
        for mask in masks:
            dirt = np.where(mask, np.uint8(255), np.uint8(0))
            writer.write(DamageMap(dirt, np.zeros_like(dirt), np.zeros_like(dirt)).as_frame())
    params = {"titles": {}, "dirt": {"engine": "classical"}, "stains": {"patches": [stain()]}}
    treatments = tuple(PlannedTreatment(name=name, params=params[name], why="asked for") for name in names)
    shot = PlannedShot(shot=1, start=0, stop=FRAMES, treatments=treatments, regions=regions)
    plan, made, changes = Plan(reel_id="r1", shots=(shot,)), [], []
    for number, (start, stop) in enumerate(pairwise(cuts), start=1):
        segment, out = Segment(f"s001-{number:02d}", 1, start, stop, 0, FRAMES), folder / f"out{number}.mkv"
        changes += restore_segment(master, segment, plan.slice_for(segment), out, maps=[maps])
        made += [frame[0] for frame in FrameReader(out)]
    return made, changes


def stain():
    return {"first": 3, "last": 4, "polygon": [[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]}


def test_a_stroke_that_any_frame_shows_comes_back_code_by_code(tmp_path):
    clean = [title()] * FRAMES
    damaged, masks = blotted(clean, [0, 1, 2, 5, 6])
    made, changes = restored(tmp_path, damaged, masks)
    assert not np.array_equal(damaged[1], clean[1])
    assert all(np.array_equal(one, title()) for one in made)
    assert [one.repaired_text_px > 0 for one in changes] == [bool(mask.any()) for mask in masks]
    assert sum(one.outside_map_px for one in changes) == 0


def test_a_title_that_weaves_and_has_grain_gets_its_strokes_back(tmp_path):
    shifts = [0.5 * (at % 3) for at in range(FRAMES)]
    clean = [title(shift=shift, sigma=0.02, seed=at) for at, shift in enumerate(shifts)]
    damaged, masks = blotted(clean, [4])
    made, _ = restored(tmp_path, damaged, masks)
    off = np.abs(made[4].astype(int) - title(shift=shifts[4]))[BLOT]
    assert np.median(off) < 2 * 0.02 * 1023
    assert np.abs(damaged[4].astype(int) - title(shift=shifts[4]))[BLOT].max() > 600
    assert off.max() < 250
    made[4][BLOT] = damaged[4][BLOT]
    assert all(np.array_equal(one, other) for one, other in zip(made, damaged, strict=True))


def test_what_frames_may_differ_by_is_read_on_the_letters_not_on_what_lies_between_them(tmp_path):
    """Grain of bright strokes is coarser than that of black ground, which is most of what stands out in a line."""
    clean = [
        np.clip(title() * (1 + np.random.default_rng(at).normal(0, 0.06, (HEIGHT, WIDTH))), 0, 1023).astype(np.uint16)
        for at in range(FRAMES)
    ]
    damaged, masks = blotted(clean, [4])
    made, _ = restored(tmp_path, damaged, masks)
    letters = title()[BLOT] > 850
    assert letters.any()
    assert np.mean(made[4][BLOT][letters] > 600) > 0.97


def test_where_no_frame_shows_it_it_stays(tmp_path):
    damaged, masks = blotted([title()] * FRAMES, range(FRAMES))
    made, changes = restored(tmp_path, damaged, masks)
    assert all(np.array_equal(one, other) for one, other in zip(made, damaged, strict=True))
    assert sum(one.changed_px for one in changes) == 0


def test_a_picture_that_moves_behind_the_letters_is_not_taken_for_them(tmp_path):
    rng = np.random.default_rng(2)
    clean = []
    for _ in range(FRAMES):
        frame = title()
        ground = rng.integers(50, 600, frame.shape).astype(np.uint16)
        clean.append(np.where(frame > 500, frame, ground))
    damaged, masks = blotted(clean, [4], code=0)
    made, _ = restored(tmp_path, damaged, masks)
    letters = title()[BLOT] > 850
    assert np.array_equal(made[4][BLOT][letters], clean[4][BLOT][letters])
    ground = cv2.dilate((title() > 150).astype(np.uint8), np.ones((5, 5), np.uint8))[BLOT] == 0
    assert letters.any()
    assert np.array_equal(made[4][BLOT][ground], damaged[4][BLOT][ground])


def test_pixels_do_not_depend_on_how_the_shot_was_cut(tmp_path):
    clean = [title(shift=0.5 * (at % 2), sigma=0.02, seed=at) for at in range(FRAMES)]
    damaged, masks = blotted(clean, [0, 3, 4, 8])
    whole, _ = restored(tmp_path / "whole", damaged, masks)
    cut, _ = restored(tmp_path / "cut", damaged, masks, cuts=(0, 4, 9))
    assert all(np.array_equal(one, other) for one, other in zip(whole, cut, strict=True))


@pytest.mark.parametrize("name", ["dirt", "stains"])
def test_no_other_repair_touches_text_and_beside_it_they_work(tmp_path, name):
    damaged, masks = blotted([title(sigma=0.01, seed=at) for at in range(FRAMES)], [3, 4])
    for at in (3, 4):
        damaged[at][BESIDE], masks[at][BESIDE] = 900, True
    made, _ = restored(tmp_path, damaged, masks, names=(name,))
    assert all(np.array_equal(one[BOX], other[BOX]) for one, other in zip(made, damaged, strict=True))
    assert not np.array_equal(made[3][BESIDE], damaged[3][BESIDE])
    open_to_all, _ = restored(tmp_path, damaged, masks, names=(name,), regions=())
    assert not np.array_equal(open_to_all[3][BOX], damaged[3][BOX])


def test_what_a_person_protects_is_not_completed_either(tmp_path):
    damaged, masks = blotted([title()] * FRAMES, [4])
    by_hand = replace_region(TEXT, kind="any")
    made, _ = restored(tmp_path, damaged, masks, regions=(TEXT, by_hand))
    assert np.array_equal(made[4], damaged[4])


def replace_region(region, **changes):
    return Region.model_validate(region.model_dump() | changes)


def test_the_check_holds_text_to_the_scan_but_for_what_titles_may_complete():
    found = DamageMap.empty((HEIGHT, WIDTH))
    found = replace(found, dirt=found.dirt.copy())
    found.dirt[BLOT] = 255
    found.dirt[BESIDE] = 255
    frame = (title(),)

    def permit(*names, regions=(TEXT,)):
        params = {"grain": {"sigma": [0.01, 0.01, 0.01]}}
        treatments = tuple(PlannedTreatment(name=name, params=params.get(name, {}), why="asked for") for name in names)
        return Permit.of(PlannedShot(shot=1, start=0, stop=FRAMES, treatments=treatments, regions=regions))

    held = {}
    for names in (("dirt",), ("dirt", "titles")):
        one = permit(*names)
        allowed = one.mask(2, frame, found, GREY)
        assert allowed[BESIDE].all()
        held[names] = one.held_text(2, allowed, GREY)
        assert allowed[BLOT].all() == ("titles" in names)
    assert held[("dirt",)][BOX].all()
    assert not held[("dirt", "titles")][BLOT].any()
    none = np.zeros((HEIGHT, WIDTH), np.bool_)
    assert permit("dirt", regions=()).held_text(2, none, GREY) is None
    assert permit("dirt", "grain").held_text(2, none, GREY) is None, "a person had the whole picture changed"
