from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.border import Edges, outside
from tests.restoration.moving import moving_clip

HEIGHT, WIDTH = 270, 360


@pytest.fixture(scope="module")
def picture():
    from restoration_tasks.media.picture import PictureFormat

    return (moving_clip(1, fmt=PictureFormat(WIDTH, HEIGHT, "gray"))[0, 0]).clip(60, 190)


def framed(picture, level, deep, seed=0):
    """The picture in a surround, its edge ragged by a pixel or two."""
    rng = np.random.default_rng(seed)
    luma = picture.copy()
    for row in range(HEIGHT):
        luma[row, : deep + rng.integers(0, 3)] = level
    luma[:6] = level
    return np.clip(luma + rng.normal(0, 2, luma.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [4, 240])
def test_a_dark_and_a_light_surround_are_masked_to_the_ragged_edge(picture, level):
    found = outside([Edges.of(framed(picture, level, 14))], (HEIGHT, WIDTH))
    assert found[:, :15].all()
    assert found[:6].all()
    assert not found[20:, 24:].any()


def test_the_edge_moves_with_the_film(picture):
    frames = [Edges.of(framed(picture, 4, deep, deep)) for deep in (8, 12, 16, 10)]
    found = outside(frames, (HEIGHT, WIDTH))
    assert found[:, :17].all()
    assert not found[20:, 26:].any()


def test_a_picture_without_surround_has_none(picture):
    assert outside([Edges.of(picture)], (HEIGHT, WIDTH)) is None


def test_a_dark_scene_is_no_surround(picture):
    night = picture.copy()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    night[columns < 10 + 0.3 * rows] = 2  # something black that slants into the picture
    night[:, 200:] = 3
    assert outside([Edges.of(night)], (HEIGHT, WIDTH)) is None


def test_a_sky_above_a_roof_is_no_surround(picture):
    for sky in (np.full((30, WIDTH), 250), 205 + 12 * np.sin(np.arange(WIDTH) / 20)[None, :] * np.ones((30, 1))):
        luma = picture.copy()
        luma[:30] = sky.astype(np.uint8)
        assert outside([Edges.of(luma)], (HEIGHT, WIDTH)) is None


def test_dirt_on_the_surround_makes_no_hole(picture):
    luma = framed(picture, 4, 14)
    luma[100:112, 2:9] = 220
    assert outside([Edges.of(luma)], (HEIGHT, WIDTH))[100:112, :14].all()
