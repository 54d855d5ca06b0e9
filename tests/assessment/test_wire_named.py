"""A wire of a recorded master, named by two points, becomes what the plan holds: in pixels of the scan."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment import wire_named
from restoration_tasks.assessment.wire_named import named_wire
from restoration_tasks.media.picture import PictureFormat
from tests.assessment.wired import FRAMES, HEIGHT, WIDTH, seen_ends, wired
from tests.restoration.moving import write_master

START = 3
"""Frames of another shot before it."""


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    _, frames = wired()
    other = np.full((3, HEIGHT, WIDTH), 200, np.uint16)
    path = tmp_path_factory.mktemp("wires") / "master.mkv"
    picture = PictureFormat(WIDTH, HEIGHT, "gbrp10le", Fraction(24))
    return write_master(path, np.stack([other] * START + [one.picture for one in frames]), picture), frames


@pytest.mark.parametrize("widest", [1024, 288])
def test_the_plan_holds_where_it_runs_however_large_it_was_looked_at(master, monkeypatch, widest):
    monkeypatch.setattr(wire_named, "WIDEST_PX", widest)
    path, frames = master
    ends = seen_ends(frames[4])
    found = named_wire(path, (START, START + FRAMES), 4, ends + np.array([[1.5, 0], [0, -1.5]]))
    assert found.wire.key == 4
    assert [one.frame for one in found.wire.on] == list(range(FRAMES))
    hit = []
    for one in found.wire.on:
        mask = one.mask((HEIGHT, WIDTH))
        true = frames[one.frame].mask
        hit.append(mask[true].mean())
        assert (cv2.dilate(true.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)[mask].mean() > 0.9
    # All but its soft edges and its very ends.
    assert np.mean(hit) > 0.8
    assert "followed on 9 of 9 frames (0–8)" in found.words


def test_where_it_is_lost_the_words_say_so(tmp_path):
    clean, frames = wired()
    pictures = [one.picture for one in frames[:6]] + clean[6:]
    picture = PictureFormat(WIDTH, HEIGHT, "gbrp10le", Fraction(24))
    path = write_master(tmp_path / "master.mkv", np.stack(pictures), picture)
    found = named_wire(path, (0, FRAMES), 3, seen_ends(frames[3]))
    last = found.wire.on[-1].frame
    assert last < 7
    assert found.words.endswith(f"after frame {last} the wire was not seen any more")


def test_between_points_with_no_line_there_is_none(master):
    path, _ = master
    assert named_wire(path, (0, START), 1, np.array([[50.0, 0.0], [90.0, 120.0]])) is None
