"""A face is followed from the frames it was looked for in to those around them, and given up where it is lost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.face_path import Follower
from restoration_tasks.assessment.faces import FaceLooker, read_faces, write_faces
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.models.centerface import Found

cv2.setNumThreads(1)
SIDE, BOX = 160, (50.0, 50.0, 90.0, 100.0)


def scene(x, y, grow=1.0):
    """A picture `(160, 160)`, 8 bit: a textured face about (70, 75), moved and grown, before a still ground."""
    rng = np.random.default_rng(4)
    ground, face = (cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE)), (0, 0), 2.5) for _ in range(2))
    ground, face = (np.clip(128 + 4 * (one - one.mean()), 0, 255).astype(np.uint8) for one in (ground, face))
    matrix = np.array([[grow, 0, x + 70 * (1 - grow)], [0, grow, y + 75 * (1 - grow)]], np.float64)
    outline = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (70, 75), (20, 25), 0, 0, 360, 255, -1)
    moved, inside = (cv2.warpAffine(one, matrix, (SIDE, SIDE)) for one in (face, outline))
    return np.where(inside > 127, moved, ground).astype(np.uint8)


def followed(pictures, at):
    """The steps of the face that stands in `BOX` on picture `at`."""
    follower, steps = Follower(10), None
    for number, picture in enumerate(pictures):
        follower.next(picture)
        if number == at:
            (steps,) = follower.start([BOX])
    return {step.offset: step for step in steps}


def test_it_is_followed_both_ways_as_it_moves_and_grows():
    places = [(2.5 * number, -1.25 * number, 1.0 + 0.02 * number) for number in range(-5, 6)]
    found = followed([scene(*place) for place in places], 5)
    assert sorted(found) == [number for number in range(-5, 6) if number]
    for number, step in found.items():
        assert (step.x, step.y) == pytest.approx((2.5 * number, -1.25 * number), abs=0.6)
        assert step.size == pytest.approx(1.0 + 0.02 * number, abs=0.03)


def test_behind_something_it_is_given_up_and_never_taken_up_again():
    pictures = [scene(2 * number, 0) for number in range(8)]
    pictures[4] = np.full((SIDE, SIDE), 90, np.uint8)
    assert sorted(followed(pictures, 1)) == [-1, 1, 2]


class Everywhere:
    """Stands for a network that finds the face where it is on the frame asked for first."""

    def faces(self, picture):
        return [Found(*BOX, 0.9, ((60.0, 65.0),) * 5)]


def test_the_path_of_a_wide_scan_is_in_its_own_pixels_and_kept_with_the_face(tmp_path):
    form = PictureFormat(1440, 1440, "gray10le")
    looker = FaceLooker(Everywhere(), form, range(2, 12, 10))
    for number in range(5):
        small = scene(2.0 * (number - 2), 0)
        work = cv2.resize(small, (1440, 1440), interpolation=cv2.INTER_NEAREST)[None].astype(np.uint16) * 4
        # as if the scan had been brought to the width of the scene
        glance = Glance.of(number, work, form)
        looker.look(work, Glance(number, small[..., None] / np.float32(255), 9.0, glance.tiles, glance.tile_places, 1))
    (face,) = looker.found[2]
    assert [step.offset for step in face.path] == [-2, -1, 1, 2]
    assert face.path[-1].x == pytest.approx(9.0 * 4, abs=4.0)
    write_faces(tmp_path / "faces.parquet", looker.found)
    assert read_faces(tmp_path / "faces.parquet") == looker.found
