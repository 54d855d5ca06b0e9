"""CenterFace: its maps are read as the paper says, and the real network finds the face in a photograph."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from restoration_tasks.models.centerface import NAME, SHA256, CenterFace, decoded
from restoration_tasks.runtime.errors import ModelError

cv2.setNumThreads(1)
SHAPE = (64, 96)


def maps(*faces):
    """Maps for faces given as row, column, score, height, width (pixels), offset down and right (cells)."""
    scores, sizes = np.zeros((1, 16, 24), np.float32), np.zeros((2, 16, 24), np.float32)
    offsets, landmarks = np.zeros((2, 16, 24), np.float32), np.zeros((10, 16, 24), np.float32)
    for row, column, score, height, width, down, right in faces:
        scores[0, row, column] = score
        sizes[:, row, column] = np.log(np.array([height, width]) / 4)
        offsets[:, row, column] = down, right
        # y and x, as shares of the box: the first landmark at a quarter down and three quarters across
        landmarks[:2, row, column] = 0.25, 0.75
    return scores, sizes, offsets, landmarks


def test_a_cell_becomes_a_box_with_its_landmarks():
    (face,) = decoded(*maps((5, 10, 0.9, 24, 16, 0.25, -0.5)), SHAPE)
    middle_y, middle_x = 4 * (5 + 0.25 + 0.5), 4 * (10 - 0.5 + 0.5)
    assert (face.top, face.bottom) == pytest.approx((middle_y - 12, middle_y + 12))
    assert (face.left, face.right) == pytest.approx((middle_x - 8, middle_x + 8))
    assert face.score == pytest.approx(0.9)
    assert face.landmarks[0] == pytest.approx((face.left + 0.75 * 16, face.top + 0.25 * 24))
    assert face.landmarks[1] == pytest.approx((face.left, face.top))


def test_a_face_is_found_once_the_surest_first_and_others_beside_it():
    twice = (5, 10, 0.7, 24, 16, 0, 0), (5, 11, 0.8, 24, 16, 0, 0)
    found = decoded(*maps(*twice, (5, 18, 0.95, 24, 16, 0, 0), (12, 2, 0.4, 8, 8, 0, 0)), SHAPE)
    assert [round(face.score, 2) for face in found] == [0.95, 0.8]


def test_boxes_are_cut_to_the_picture_and_those_outside_dropped():
    inside = decoded(*maps((0, 0, 0.9, 40, 40, 0, 0)), SHAPE)[0]
    assert (inside.left, inside.top) == (0, 0)
    # the network is shown more than the picture: what is found there is none
    assert decoded(*maps((15, 23, 0.9, 8, 8, 0, 0)), (32, 64)) == []


def test_nothing_sure_enough_is_nothing():
    assert decoded(*maps((5, 10, 0.49, 24, 16, 0, 0)), SHAPE) == []


def test_weights_that_are_none_are_named(tmp_path):
    (tmp_path / "faces.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"faces.onnx.*cannot be read.*models verify centerface"):
        CenterFace(tmp_path / "faces.onnx")


@pytest.fixture(scope="module")
def network(real_shelf):
    return CenterFace(real_shelf.require(NAME)[0].path)


def test_the_digest_that_enters_signatures_is_that_of_the_file(real_shelf):
    assert hashlib.sha256(real_shelf.require(NAME)[0].path.read_bytes()).hexdigest() == SHA256


@pytest.mark.parametrize("width", [512, 500, 301])
def test_the_face_in_a_photograph_is_found_at_any_size(network, astronaut, width):
    scale = width / 512
    shown = np.asarray(cv2.resize(astronaut, (width, width), interpolation=cv2.INTER_AREA), np.uint8)
    (face,) = network.faces(shown)
    box = np.array([face.left, face.top, face.right, face.bottom]) / scale
    assert np.abs(box - np.array([181, 58, 270, 178])).max() < 8  # read off the photograph by eye
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y) = face.landmarks[:3]
    assert left_x < nose_x < right_x
    assert max(left_y, right_y) < nose_y


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (7, 200), (33, 31)])
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_hostile_pictures_hold_no_face(network, shape, kind):
    picture = np.full((*shape, 3), 255 if kind == "white" else 0, np.uint8)
    if kind == "noise":
        picture[:] = np.random.default_rng(5).integers(0, 256, picture.shape)
    assert network.faces(picture) == []


def test_two_sizes_in_turn_do_not_disturb_each_other(network, astronaut):
    small = np.asarray(cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    alone = network.faces(astronaut)
    network.faces(small)
    assert network.faces(astronaut) == alone
