"""Faces are joined into tracks over a shot by their paths, and the plan says what is done with them and why."""

from __future__ import annotations

from itertools import pairwise

import pytest

from restoration_tasks.assessment.face_path import Step
from restoration_tasks.assessment.face_quality import Quality, Tier
from restoration_tasks.assessment.faces import Face
from restoration_tasks.assessment.less_grain import GrainFound
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.portraying import planned_portraits, portrait_tracks
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.portraits import PortraitParams

SHOT = Shot(number=3, start=100, stop=148)
GRAIN = GrainFound((0.01, 0.02, 0.015), 0.4, 30.0)


def face(frame, x, *, cycles=10.0, width=40.0, step=0.0, reach=12, lost=None):
    """A face that goes by `step` pixels a frame; its path is lost from `lost` frames on."""
    quality = Quality(width_px=width, detail_cycles=cycles, contrast=0.5, noise=0.005, turned=0.1, cut=False)
    points = tuple(
        (x + width * dx, 60.0 + width * dy) for dx, dy in ((-0.2, 0), (0.2, 0), (0, 0.2), (-0.2, 0.4), (0.2, 0.4))
    )
    path = tuple(
        Step(offset, step * offset, 0.0, 1.0)
        for offset in range(-reach + 1, reach + 1)
        if offset and (lost is None or abs(offset) < lost)
    )
    return Face(frame, x - width / 2, 40.0, x + width / 2, 90.0, 0.9, points, quality, path)


def tracks(faces, shot=SHOT):
    return portrait_tracks([shot], faces).get(shot.number, ())


def test_a_face_is_one_track_through_the_shot_wherever_it_goes():
    faces = {at: [face(at, 100.0 + 5.0 * (at - 100), step=5.0)] for at in (106, 118, 130, 142)}
    (track,) = tracks(faces)
    assert (track.first, len(track.places)) == (0, 48)
    for frame, (x, y, width) in enumerate(track.places):
        assert (x, y, width) == pytest.approx((100.0 + 5.0 * frame, 65.0, 40.0), abs=0.11)


def test_between_two_looks_the_nearer_path_counts_more():
    early, late = face(106, 100.0), face(118, 104.0)
    (track,) = tracks({106: [early], 118: [late]})
    xs = [x for x, _, _ in track.places]
    assert xs[6] == pytest.approx(100.0, abs=0.5)
    assert xs[12] == pytest.approx(102.0, abs=0.3)
    assert xs[18] == pytest.approx(104.0, abs=0.5)
    assert max(abs(one - other) for one, other in pairwise(xs)) < 0.7


def test_two_faces_are_two_tracks_and_another_size_is_another_face():
    two = {at: [face(at, 100.0), face(at, 200.0)] for at in (106, 118)}
    assert sorted(track.places[0][0] for track in tracks(two)) == pytest.approx([100.0, 200.0])
    assert len(tracks({106: [face(106, 100.0)], 118: [face(118, 100.0, width=70.0)]})) == 2
    assert len(tracks({106: [face(106, 100.0, lost=5)], 118: [face(118, 100.0)]})) == 2


def test_where_a_face_was_not_found_again_its_path_counts_for_half_the_way():
    (track,) = tracks({106: [face(106, 100.0)], 118: []})
    assert (track.first, track.first + len(track.places) - 1) == (0, 12)
    (lost,) = tracks({106: [face(106, 100.0, lost=3)], 118: []})
    assert (lost.first, len(lost.places)) == (4, 5)


def test_parts_without_a_picture_and_reels_nobody_looked_at_have_none():
    assert tracks({106: [face(106, 100.0)]}, Shot(number=3, start=100, stop=148, kind=PartKind.BLACK)) == ()
    assert portrait_tracks([SHOT], None) == {}


def planned(asked, **faces):
    found = tracks({at: [face(at, 100.0, **faces)] for at in (106, 118, 130, 142)})
    return planned_portraits(found, GRAIN, asked)


def test_good_faces_are_not_spoken_of():
    assert planned({"faces": "fair"}, cycles=15.0) is None


def test_without_a_profile_that_asks_it_is_only_suggested():
    suggested = planned({})
    params = PortraitParams.model_validate(suggested.params)
    assert (len(params.tracks), params.treated) == (1, ())
    assert suggested.why.startswith("Left alone, suggested only: frames 0–47, 40 px wide, fair (soft).")


def test_a_profile_that_asks_for_fair_faces_gets_them_and_poor_ones_are_left_to_a_person():
    fair = planned({"faces": "fair"})
    params = PortraitParams.model_validate({**fair.params, "faces": "fair"})
    (track,) = params.treated
    assert (track.first, len(track.places), track.cycles) == (0, 48, 10.0)
    assert (params.sigma, params.radius_px) == ((0.01, 0.02, 0.015), 0.4)
    assert fair.why.startswith("1 face is made clearer from the frames around, inside its mask")
    poor = planned({"faces": "fair"}, cycles=5.0)
    assert PortraitParams.model_validate({**poor.params, "faces": "fair"}).treated == ()
    assert "poor (soft)" in poor.why
    assert "to all for poor ones" in poor.why


def test_the_tier_of_a_track_is_the_median_of_its_looks():
    looks = {at: [face(at, 100.0, cycles=cycles)] for at, cycles in ((106, 15.0), (118, 10.0), (130, 5.0), (142, 15.0))}
    (track,) = tracks(looks)
    assert (track.tier, track.cycles) == (Tier.FAIR, 12.5)
