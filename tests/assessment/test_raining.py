"""Rain and glitter over a clean shot are left alone, dirt among them is found: from the pictures to the plan."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap
from tests.restoration.moving import add_dirt, moving_clip, whole, write_master

FRAMES = 7
SIZE = PictureFormat(320, 240, "gray10le")


def lit(clip, cover):
    """The clip with light over it: `cover` is `(T, H, W)`, 0-1."""
    return np.rint(clip * (1 - cover[:, None]) + 1000 * cover[:, None]).astype(clip.dtype)


def drawn(rng, count):
    """Strokes that all lean by a fifth of their length, anywhere, others on every frame: `(T, H, W)`, 0-1."""
    covers = []
    for _ in range(FRAMES):
        cover = np.zeros((SIZE.height, SIZE.width), np.uint8)
        for _ in range(count):
            x, y, length = rng.uniform(0, SIZE.width), rng.uniform(0, SIZE.height), rng.uniform(4, 16)
            ends = [(round(16 * (x + part * 0.2 * length)), round(16 * (y + part * length))) for part in (0, 1)]
            cv2.line(cover, ends[0], ends[1], int(rng.uniform(60, 255)), 1, cv2.LINE_AA, 4)
        covers.append(cover / np.float32(255))
    return np.stack(covers)


def glints(rng, count):
    """Glints of a pixel or two, in one part of the picture only."""
    covers = np.zeros((FRAMES, SIZE.height, SIZE.width), np.float32)
    for cover in covers:
        places = rng.normal((190, 200), (14, 20), (count, 2)).astype(int)
        for row, column in places:
            cover[row : row + rng.integers(1, 3), column : column + rng.integers(1, 4)] = rng.uniform(0.3, 1.0)
    return covers


def plan(folder, clip):
    write_master(folder / "master.mkv", clip, SIZE)
    measured = measure_segment(folder / "master.mkv", whole(FRAMES), folder / "map.mkv")
    ((shot, figures),) = decide([Shot(1, 0, FRAMES)], measured.frames, ("dirt",), Strength.SAME)
    maps = [DamageMap.from_frame(frame) for frame in FrameReader(folder / "map.mkv")]
    return shot.treatments, figures, np.stack([np.maximum(one.dirt, one.hair) >= CERTAIN for one in maps])


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """What is planned, the figures and the map, of rain, glitter and dirt, and what dirt there truly is."""
    clip = moving_clip(FRAMES, fmt=SIZE, step=0.7)
    rng = np.random.default_rng(3)
    clips = {
        "rain": lit(clip, drawn(rng, 80)),
        "glitter": lit(clip, glints(rng, 60)),
        "dirt": clip,
    }
    soiled = {
        f"{name} and dirt" if name != "dirt" else name: add_dirt(clips[name], specks=12, fmt=SIZE) for name in clips
    }
    clips.update({name: dirty for name, (dirty, _) in soiled.items()})
    truth = {name: masks for name, (_, masks) in soiled.items()}
    return {name: (*plan(tmp_path_factory.mktemp("raining"), one), truth.get(name)) for name, one in clips.items()}


def recall(found, truth):
    return float((found & truth).sum() / truth.sum())


def test_rain_is_left_alone_and_the_plan_says_so(planned):
    ((treatment,), figures, found, _) = planned["rain"]
    assert figures.rains
    assert found.mean() < 0.0005, "without the rule it is 0.017"
    assert treatment.params["only_added"]
    assert treatment.why.startswith("Looks like rain, left alone: what could be dirt")
    assert "bright strokes that all lie one way" in treatment.why


def test_glitter_in_one_part_of_the_picture_is_left_alone(planned):
    ((treatment,), figures, found, _) = planned["glitter"]
    assert not figures.rains
    assert found.mean() < 0.0005, "without the rule it is 0.008"
    assert treatment.params["only_added"]
    assert "crowds in one part of the picture" in treatment.why


def test_dirt_alone_is_neither(planned):
    ((treatment,), figures, found, truth) = planned["dirt"]
    assert not figures.rains
    assert recall(found, truth) > 0.99
    assert figures.doubted_area < 0.0001
    assert treatment.params == {"threshold": 0.5}


@pytest.mark.parametrize("light", ["rain", "glitter"])
def test_dirt_among_lights_is_found(planned, light):
    ((treatment,), figures, found, truth) = planned[f"{light} and dirt"]
    assert recall(found, truth) > 0.9
    assert treatment.params == {"threshold": 0.5}
    assert figures.rains == (light == "rain")
    assert ("all lie one way" in treatment.why) == (light == "rain")
