"""A face moved, or another than was scanned, is told by the landmarks and the structure inside its box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.face_quality import Quality
from restoration_tasks.assessment.faces import Face
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.faces import NO_FACE, NOT_LOOKED, FaceLookup, face_change, why_idle
from restoration_tasks.quality.findings import Severity, Status
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Table
from restoration_tasks.quality.suites import rules

cv2.setNumThreads(1)
SHIFT, STRUCTURE = policy().limit("face_shift_max"), policy().limit("face_structure_min")
QUALITY = Quality(width_px=88.0, detail_cycles=15.0, contrast=0.5, noise=0.01, turned=0.1, cut=False)
FACE = Face(0, 183.0, 72.0, 271.0, 179.0, 0.9, ((209, 109), (246, 110), (231, 128), (211, 147), (243, 149)), QUALITY)
"""Where CenterFace finds the face of the photograph, to the pixel."""


def smaller(face, scale):
    points = tuple((x * scale, y * scale) for x, y in face.landmarks)
    box = (face.left * scale, face.top * scale, face.right * scale, face.bottom * scale)
    return Face(0, *box, face.score, points, face.quality)


@pytest.fixture(params=[1.0, 0.45, 0.28], ids=["88 px", "40 px", "25 px"])
def scene(request, astronaut):
    """The photograph as luma with grain, its face of some width, and an empty mask."""
    side = round(512 * request.param)
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    clean = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(3).normal(0, 0.03, clean.shape).astype(np.float32)
    return np.clip(clean + noise, 0, 1), clean, smaller(FACE, request.param), np.zeros(clean.shape, bool)


def moved(plane, face, share):
    """The face pushed right by a share of its width, and what is around it drawn along less and less."""
    height, width = plane.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wide, high = face.right - face.left, face.bottom - face.top
    beside = np.abs(x - (face.left + face.right) / 2) / wide, np.abs(y - (face.top + face.bottom) / 2) / high
    falls = np.clip(2.5 * (1 - np.maximum(*beside) / 0.6), 0, 1)
    return cv2.remap(plane, np.float32(x - falls * share * wide), y, cv2.INTER_CUBIC)


@pytest.mark.parametrize("share", [0.06, 0.1, 0.2])
def test_a_moved_face_is_told_by_how_far_it_moved(scene, share):
    scan, _, face, nowhere = scene
    found = face_change(scan, moved(scan, face, share), nowhere, [face])
    assert found.face_shift > SHIFT
    assert found.face_shift == pytest.approx(share, abs=0.01)
    assert found.face_structure < STRUCTURE


def test_it_is_told_as_well_where_a_repair_may_write(scene):
    scan, _, face, nowhere = scene
    found = face_change(scan, moved(scan, face, 0.1), ~nowhere, [face])
    assert found.face_shift > SHIFT
    assert found.face_structure == 1.0, "what was repaired is left out of the structure"


def test_a_smoothed_face_is_in_place_and_not_kept(scene):
    scan, clean, face, nowhere = scene
    found = face_change(scan, cv2.GaussianBlur(clean, (0, 0), 0.06 * (face.right - face.left)), nowhere, [face])
    assert found.face_structure < STRUCTURE


def test_an_equal_face_and_one_with_half_its_grain_pass(scene):
    scan, clean, face, nowhere = scene
    assert face_change(scan, scan.copy(), nowhere, [face]) == face_change(scan, scan, nowhere, [])
    calmer = face_change(scan, (scan + clean) / 2, nowhere, [face])
    assert calmer.face_shift <= SHIFT
    assert calmer.face_structure >= STRUCTURE


@pytest.mark.parametrize("seed", range(5))
def test_a_face_dirt_is_taken_from_passes(scene, seed):
    scan, _, face, mask = scene
    rng, dirty, wide = np.random.default_rng(seed), scan.copy(), face.right - face.left
    for _ in range(6):
        speck = np.zeros(scan.shape, np.uint8)
        place = int(rng.uniform(face.left, face.right)), int(rng.uniform(face.top, face.bottom))
        cv2.circle(speck, place, max(1, int(wide * rng.uniform(0.02, 0.08))), 1, -1)
        dirty[speck > 0] = rng.choice([0.02, 0.98])
        mask |= cv2.dilate(speck, np.ones((3, 3), np.uint8)) > 0
    found = face_change(dirty, scan, mask, [face])
    assert found.face_shift <= SHIFT
    assert found.face_structure >= STRUCTURE


def test_the_worst_of_several_faces_counts_and_one_at_the_edge_is_no_error(scene):
    scan, _, face, nowhere = scene
    corner = Face(0, 0.0, 0.0, 6.0, 6.0, 0.6, ((1, 1), (4, 1), (3, 3), (1, 5), (5, 5)), QUALITY)
    found = face_change(scan, moved(scan, face, 0.1), nowhere, [corner, face])
    assert found == face_change(scan, moved(scan, face, 0.1), nowhere, [face])


def test_the_faces_of_a_frame_are_those_of_the_nearest_frame_of_its_shot_that_was_looked_at():
    first, second, other = [FACE], [FACE, FACE], [FACE] * 3
    lookup = FaceLookup({6: first, 18: second, 24: other, 30: []})
    assert [len(lookup.near(frame, 0, 24)) for frame in (0, 6, 11, 13, 23)] == [1, 1, 1, 2, 2]
    assert [len(lookup.near(frame, 24, 40)) for frame in (24, 26, 28, 39)] == [3, 3, 0, 0]
    assert lookup.near(50, 40, 60) == FaceLookup(None).near(0, 0, 9) == ()


def test_that_nobody_looked_is_said_and_is_no_pass():
    assert why_idle([]) == why_idle([None]) == why_idle([{6: [FACE]}, None]) == NOT_LOOKED
    assert why_idle([{6: []}, {}]) == NO_FACE
    assert why_idle([{6: []}, {18: [FACE]}]) == ""


# -- by the rules ------------------------------------------------------------------------------------------------------


def judged(astronaut, change, faces, **asked):
    """What the two rules say of three frames of the photograph, the middle one changed."""
    picture = PictureFormat(256, 256, "gray10le")
    grey = cv2.resize(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), (256, 256), interpolation=cv2.INTER_AREA)
    meter, nowhere = ReelMeter(picture, policy()), np.zeros((256, 256), bool)
    for number in range(3):
        noise = np.random.default_rng(number).normal(0, 20, grey.shape)
        scan = np.clip(grey * 4.0 + noise, 0, 1023).astype(np.uint16)
        restored = scan if number != 1 else np.clip(change(scan.astype(np.float32)), 0, 1023).astype(np.uint16)
        meter.add(
            frame=number, scan_number=86400 + number, shot="s001", treatment=Treatment.GLOBAL, recorded_md5="",
            assembled_md5="", recorded_px=0, master=(scan,), restored=(restored,), mask=nowhere, mapped_share=0.0,
            faces=faces,
        )  # fmt: skip
    wanted = [one for one in rules(policy(), frames=3, shots=1, files=0, **asked) if ".faces_" in one.id]
    return {one.id: one for one in evaluate(wanted, {Table.FRAMES: meter.frames_table()})}


def test_a_moved_face_is_refused_by_its_rule_and_the_frame_named(astronaut):
    face = smaller(FACE, 0.5)
    found = judged(astronaut, lambda plane: moved(plane, face, 0.1), [face], no_faces="")
    assert [one.status for one in found.values()] == [Status.FAILED, Status.FAILED]
    place = found["fidelity.faces_in_place"]
    assert place.severity is Severity.FAIL
    assert [(one.frame, one.scan) for one in place.frames] == [(1, 86401)]
    assert "face shift 0.1" in place.detail


def test_a_face_that_was_left_alone_passes_and_where_nobody_looked_nothing_is_passed(astronaut):
    face = smaller(FACE, 0.5)
    assert {one.status for one in judged(astronaut, np.copy, [face], no_faces="").values()} == {Status.PASSED}
    unknown = judged(astronaut, lambda plane: moved(plane, face, 0.1), [])
    assert {(one.status, one.detail) for one in unknown.values()} == {(Status.NOT_APPLICABLE, NOT_LOOKED)}
