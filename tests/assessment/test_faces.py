"""Faces are looked for here and there, measured in the scan's own pixels, kept, and summed up for a shot."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.face_quality import Quality, Tier
from restoration_tasks.assessment.faces import (
    Face,
    FaceLooker,
    faces_of_shot,
    frames_to_look_at,
    joined,
    read_faces,
    write_faces,
)
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.models.centerface import NAME, CenterFace
from restoration_tasks.runtime.errors import MediaError

cv2.setNumThreads(1)
QUALITY = Quality(width_px=50.0, detail_cycles=15.0, contrast=0.5, noise=0.01, turned=0.1, cut=False)


def face(frame, width=50.0, **quality):
    points = tuple((float(place), 2.0 * place) for place in range(5))
    return Face(frame, 3.0, 4.0, 3.0 + width, 70.0, 0.8, points, replace(QUALITY, width_px=width, **quality))


def looked(shots, fps=24.0, longest=500):
    return [frame for one in cut_segments(shots, longest) for frame in frames_to_look_at(one, fps)]


def test_two_frames_a_second_are_looked_at_and_one_of_every_shot():
    assert looked([(0, 48)]) == [6, 18, 30, 42]
    assert looked([(0, 100), (100, 103), (103, 104)])[-2:] == [101, 103]
    assert looked([(0, 3)], fps=1.0) == [0, 1, 2]


def test_which_frames_are_looked_at_does_not_depend_on_how_a_shot_is_cut_up():
    assert looked([(7, 311)], longest=40) == looked([(7, 311)])


def test_the_table_keeps_every_face_and_which_frames_held_none(tmp_path):
    faces = {6: [face(6), face(6, 20.0)], 18: [], 30: [face(30, cut=True)]}
    write_faces(tmp_path / "faces.parquet", faces)
    assert read_faces(tmp_path / "faces.parquet") == faces
    again = tmp_path / "again.parquet"
    write_faces(again, dict(reversed(faces.items())))
    assert again.read_bytes() == (tmp_path / "faces.parquet").read_bytes()


def test_that_nobody_looked_is_not_that_nobody_was_there(tmp_path):
    write_faces(tmp_path / "none.parquet", None)
    write_faces(tmp_path / "empty.parquet", {6: []})
    none, empty = read_faces(tmp_path / "none.parquet"), read_faces(tmp_path / "empty.parquet")
    assert (none, empty) == (None, {6: []})
    assert joined([none, empty]) == {6: []}
    assert joined([none]) is None
    assert faces_of_shot({6: []}, 0, 10).most == 0
    assert faces_of_shot({6: []}, 10, 20) is None


def test_a_table_that_is_damaged_is_named(tmp_path):
    (tmp_path / "faces.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(MediaError, match=r"faces.parquet.*assess the segment again"):
        read_faces(tmp_path / "faces.parquet")


def test_a_shot_is_summed_up_by_its_largest_faces():
    found = {
        6: [face(6, 90.0), face(6, 15.0)],
        18: [face(18, 100.0, detail_cycles=10.0)],
        30: [face(30, 80.0, detail_cycles=9.0)],
        42: [],
        99: [face(99, 300.0)],
    }
    shot = faces_of_shot(found, 0, 50)
    assert (shot.looked_at, shot.most, shot.largest_px) == (4, 2, 100.0)
    assert (shot.tier, shot.reasons) == (Tier.FAIR, ("soft",))
    assert shot.tiers == {Tier.POOR: 1, Tier.FAIR: 2, Tier.GOOD: 1}
    assert [one.frame for one in shot.shown] == [18]
    assert shot.as_json()["frame"] == 18


def test_between_two_tiers_the_worse_counts():
    found = {6: [face(6)], 18: [face(18, detail_cycles=3.0)]}
    assert faces_of_shot(found, 0, 50).tier is Tier.POOR


# -- the real network on a photograph ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(real_shelf):
    return CenterFace(real_shelf.require(NAME)[0].path)


def look(network, picture, pix_fmt="gbrp10le"):
    """The one face in a picture `(H, W, 3)` of shares, R, G, B."""
    height, width = picture.shape[:2]
    form = PictureFormat(width, height, pix_fmt)
    planes = picture.transpose(2, 0, 1) if form.is_rgb else picture.mean(axis=2)[None]
    work = np.ascontiguousarray(np.rint(np.clip(planes, 0, 1) * form.max_code).astype(form.dtype))
    looker = FaceLooker(network, form)
    looker.look(work, Glance.of(0, work, form))
    (found,) = looker.found[0]
    return found


def made(astronaut, *, width=88, blur=0.0, noise=0.0):
    """The photograph with its face so many pixels wide, blurred by a share of that, and noisy."""
    shares = cv2.GaussianBlur(astronaut, (0, 0), blur * 88) if blur else astronaut
    size = round(512 * width / 88)
    way = cv2.INTER_AREA if width <= 88 else cv2.INTER_CUBIC
    shares = cv2.resize(shares, (size, size), interpolation=way).astype(np.float32) / 255
    return shares + np.random.default_rng(1).normal(0, noise, (size, size, 1)).astype(np.float32)


def test_detail_follows_size_and_blur_and_the_tiers_their_order(network, astronaut):
    by_size = [look(network, made(astronaut, width=width)).quality for width in (88, 32, 18)]
    by_blur = [look(network, made(astronaut, blur=blur)).quality for blur in (0.0, 0.02, 0.04)]
    for ordered in (by_size, by_blur):
        cycles = [quality.detail_cycles for quality in ordered]
        assert cycles == sorted(cycles, reverse=True)
        assert [quality.tier for quality in ordered] == [Tier.GOOD, Tier.FAIR, Tier.POOR]
    assert by_size[2].reasons[0] == "small"
    assert by_blur[2].reasons == ("soft",)
    # a blur of 0.02 widths halves the contrast at 9.4 cycles, one of 0.04 at 4.7
    assert by_blur[1].detail_cycles == pytest.approx(9.4, abs=2.0)
    assert by_blur[2].detail_cycles == pytest.approx(4.7, abs=1.5)


def test_noise_alone_makes_a_face_fair_and_then_poor(network, astronaut):
    found = [look(network, made(astronaut, noise=noise)) for noise in (0.02, 0.09, 0.18)]
    assert [one.tier for one in found] == [Tier.GOOD, Tier.FAIR, Tier.POOR]
    assert all(one.quality.reasons[-1:] == ("noisy",) for one in found[1:])


def test_grey_flat_and_wide_scans_are_looked_at_as_well(network, astronaut):
    plain = look(network, made(astronaut))
    grey = look(network, made(astronaut), "gray10le")
    flat = look(network, 0.35 + 0.25 * made(astronaut))
    wide = look(network, made(astronaut, width=264))
    for other, scale in ((grey, 1), (flat, 1), (wide, 3)):
        box = np.array([other.left, other.top, other.right, other.bottom]) / scale
        assert np.abs(box - np.array([plain.left, plain.top, plain.right, plain.bottom])).max() < 8
    assert wide.quality.width_px == pytest.approx(3 * plain.quality.width_px, rel=0.1)
    assert flat.quality.detail_cycles == pytest.approx(plain.quality.detail_cycles, abs=1.0)


def test_a_face_the_frame_cuts_is_no_better_than_fair(network, astronaut):
    found = look(network, made(astronaut)[:, 205:])
    assert found.quality.cut
    assert found.tier is not Tier.GOOD


def test_only_the_frames_that_are_wanted_are_looked_at(network):
    form = PictureFormat(64, 48, "gray")
    looker = FaceLooker(network, form, frames_to_look_at(Segment("s001-01", 1, 0, 24, 0, 24), 24.0))
    for index in range(24):
        work = np.zeros((1, 48, 64), np.uint8)
        looker.look(work, Glance.of(index, work, form))
    assert looker.found == {6: [], 18: []}
