"""Snow over a clean shot is left alone, dirt of like density is repaired: all the way from the pictures to the plan."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.dirt import DirtRepair
from tests.restoration.moving import moving_clip, whole, write_master

FRAMES = 12
SIZE = PictureFormat(320, 240, "gray10le")
FLAKES = 40


def dotted(clip, places, radius):
    """The clip with white discs: `places` is `(T, n, 2)`, columns and rows."""
    dotted = clip.copy()
    for picture, where in zip(dotted, places, strict=True):
        cover = np.zeros(picture.shape[1:], np.uint8)
        for (column, row), size in zip(where, radius, strict=True):
            cv2.circle(cover, (round(column * 16), round(row * 16)), round(size * 16), 255, -1, cv2.LINE_AA, 4)
        share = 0.9 * cover / 255
        picture[0] = np.rint(picture[0] * (1 - share) + 960 * share).astype(picture.dtype)
    return dotted


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """What is planned, the figures, and the map's shares, under snow and under dirt of the same sizes and number."""
    rng = np.random.default_rng(5)
    clip = moving_clip(FRAMES, fmt=SIZE, step=0.7)
    radius = rng.uniform(1.2, 3.5, FLAKES)
    size = np.array([SIZE.width, SIZE.height])
    start, step = rng.uniform((0, 0), size, (FLAKES, 2)), rng.uniform((-2, 4), (2, 13), (FLAKES, 2))
    drift = (start + np.arange(FRAMES)[:, None, None] * step) % size
    scattered = rng.uniform((0, 0), size, (FRAMES, FLAKES, 2))

    def plan(name, places):
        folder = tmp_path_factory.mktemp(name)
        write_master(folder / "master.mkv", dotted(clip, places, radius), SIZE)
        measured = measure_segment(folder / "master.mkv", whole(FRAMES), folder / "map.mkv")
        ((shot, figures),) = decide([Shot(1, 0, FRAMES)], measured.frames, ("dirt",), Strength.SAME)
        maps = [DamageMap.from_frame(frame) for frame in FrameReader(folder / "map.mkv")]
        return shot.treatments, figures, np.stack([np.maximum(one.dirt, one.hair) for one in maps])

    return {"snow": plan("snow", drift), "dirt": plan("dirt", scattered)}


def test_snow_is_left_alone_and_the_plan_says_so(planned):
    ((treatment,), figures, found) = planned["snow"]
    assert figures.falls
    assert treatment.params == {"only_added": True}
    assert treatment.why.startswith("Looks like snow or rain, left alone:")
    assert "a person who sees dirt here can ask for it" in treatment.why
    assert (found >= 128).mean() < 0.0005
    assert figures.doubted_area > 0.005


def test_a_person_who_asks_for_it_gets_it(planned):
    (_, _, found) = planned["snow"]
    least = DirtRepair.params_model.model_validate({"threshold": 0.35}).threshold
    assert (found >= np.ceil(least * 255)).mean() > 0.005
    assert (found >= np.ceil(0.4 * 255)).mean() < 0.0005, "a bolder plan alone does not"


def test_dirt_of_like_density_is_repaired(planned):
    ((treatment,), figures, found) = planned["dirt"]
    assert not figures.falls
    assert treatment.params == {"threshold": 0.5}
    assert (found >= 128).mean() > 0.01
    assert figures.doubted_area < 0.1 * figures.dirt_area
