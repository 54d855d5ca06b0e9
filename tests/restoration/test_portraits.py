"""Clearer portraits: nearer to the truth, inside the mask only, alike however a shot is cut, and never another face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.quality.metrics import luma
from restoration_tasks.restoration.face_tracks import FaceTier
from restoration_tasks.restoration.identity import HALVED, Source, blend_that_holds, likeness
from restoration_tasks.restoration.portraits import REACH, FacePart, PortraitParams, Portraits
from restoration_tasks.restoration.treatment import Shown, registry

cv2.setNumThreads(1)
SIDE, FRAMES, WIDTH, CYCLES = 160, 9, 50.0, 8.0
RGB, GREY = PictureFormat(SIDE, SIDE, "gbrp10le"), PictureFormat(SIDE, SIDE, "gray10le")
LANDMARKS = ((-0.2, -0.15), (0.2, -0.15), (0.05, 0.03), (-0.18, 0.25), (0.18, 0.25))


@pytest.fixture(scope="module")
def clean(astronaut):
    """Nine frames of the photograph's face, 50 pixels wide, that moves a pixel and a half a frame: shares, R, G, B."""
    scale = WIDTH / 88
    frames = []
    for number in range(FRAMES):
        x, y = 227 * scale - SIDE / 2 - 1.5 * (number - 4), 126 * scale - SIDE / 2
        matrix = np.array([[scale, 0, -x], [0, scale, -y]], np.float64)
        soft = cv2.GaussianBlur(astronaut, (0, 0), 0.5 / scale)
        moved = cv2.warpAffine(soft, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        frames.append(moved.astype(np.float32) / 255)
    return frames


@pytest.fixture(scope="module")
def scan(clean):
    """The same blurred, with grain: 10-bit codes `(3, H, W)`."""
    rng = np.random.default_rng(2)
    blurred = [cv2.GaussianBlur(frame, (0, 0), HALVED / CYCLES * WIDTH) for frame in clean]
    return [as_codes(one + rng.normal(0, 0.02, one.shape)) for one in blurred]


def as_codes(rows):
    return np.ascontiguousarray(np.clip(np.rint(rows * 1023), 0, 1023).astype(np.uint16).transpose(2, 0, 1))


def asked(**other):
    places = [[80.0 + 1.5 * (number - 4), 80.0, WIDTH] for number in range(FRAMES)]
    track = {"first": 0, "tier": "fair", "cycles": CYCLES, "places": places, "height": 1.25, "landmarks": LANDMARKS}
    plain = {"tracks": [track], "faces": "fair", "sigma": (0.018,) * 3, "radius_px": 0.3}
    return PortraitParams.model_validate(plain | other)


def window(frames, at, picture=RGB):
    reach = range(-REACH, REACH + 1)
    return {off: Shown(at + off, frames[at + off], None, picture) for off in reach if 0 <= at + off < len(frames)}


def error(frame, clean, mask):
    return float(np.sqrt(np.mean(np.square(frame.astype(float) - as_codes(clean))[:, mask])))


def test_a_face_comes_nearer_to_the_truth_and_nothing_else_changes(clean, scan):
    treatment = Portraits(asked())
    made = treatment.apply(window(scan, 4))
    mask = treatment.mask(Shown(4, scan[4], None, RGB))
    assert 0.1 < mask.mean() < 0.2
    assert (made[:, ~mask] == scan[4][:, ~mask]).all()
    assert error(made, clean[4], mask) < 0.9 * error(scan[4], clean[4], mask)
    assert treatment.blends(4) == (1.0,)


def test_grey_film_is_treated_alike(clean, scan):
    grey = [np.ascontiguousarray(np.rint(luma(frame))[None].astype(np.uint16)) for frame in scan]
    made = Portraits(asked()).apply(window(grey, 4, GREY))
    mask = Portraits(asked()).mask(Shown(4, grey[4], None, GREY))
    true = luma(as_codes(clean[4]))
    before, after = (float(np.square(one[0].astype(float) - true)[mask].mean()) for one in (grey[4], made))
    assert after < 0.9 * before


def test_speck_of_one_frame_is_not_sharpened(clean, scan):
    dirty = [frame.copy() for frame in scan]
    rows, columns = slice(76, 80), slice(82, 86)
    dirty[4][:, rows, columns] = 0
    made = Portraits(asked(grain=1.0)).apply(window(dirty, 4))
    near = (slice(None), slice(75, 81), slice(81, 87))
    told = float(np.abs(made[near].astype(float) - dirty[4][near]).max())
    sharper = Portraits(asked(grain=1.0)).apply(window(scan, 4))
    assert told < 0.03 * 1023
    assert (made[:, rows, columns] <= 8).all()
    assert (sharper != scan[4]).any()


def test_only_the_faces_that_are_asked_for_are_touched(scan):
    poor = [track.model_copy(update={"tier": FaceTier.POOR}) for track in asked().tracks]
    for other in ({"faces": "none"}, {"tracks": [one.model_dump() for one in poor]}):
        treatment = Portraits(asked(**other))
        assert not treatment.touches(4)
        assert treatment.radius == 0
        assert (treatment.apply(window(scan, 4)) == scan[4]).all()
    assert Portraits(asked(tracks=[one.model_dump() for one in poor], faces="all")).touches(4)


def test_pixels_do_not_depend_on_how_the_shot_is_cut(scan):
    whole, later = asked(), asked().sliced(3, 6)
    assert len(later.tracks[0].places) == 9
    for at in (3, 4, 5):
        seen = {off: Shown(100 + at + off, one.work, None, RGB) for off, one in window(scan, at).items()}
        assert (Portraits(whole, origin=100).apply(seen) == Portraits(later, origin=103).apply(seen)).all()
    assert asked().sliced(20, 30).tracks == ()
    assert Portraits(asked(), origin=100).touches(108)
    assert not Portraits(asked(), origin=100).touches(109)


def test_a_face_at_the_edge_of_the_picture_is_no_error(scan):
    track = asked().tracks[0]
    for place in ((3.0, 4.0, 50.0), (158.0, 159.0, 50.0), (80.0, 80.0, 8.0)):
        moved = track.model_copy(update={"places": (place,) * FRAMES})
        made = Portraits(asked(tracks=[moved.model_dump()])).apply(window(scan, 4))
        assert made.shape == scan[4].shape
    assert (made == scan[4]).all(), "on a face of eight pixels no landmark can be held in place"


def test_faces_beyond_the_shot_are_refused():
    asked().require_frames(FRAMES)
    with pytest.raises(ValueError, match=r"face 1 is on frames 0 to 8 of a shot with frames 0 to 7"):
        asked().require_frames(FRAMES - 1)
    with pytest.raises(ValidationError):
        asked(grain=1.5)


def test_it_stands_after_the_other_local_repairs():
    names = list(registry())
    assert names.index("portraits") == names.index("frames") + 1


# -- the guard ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(scan):
    part = FacePart(asked().tracks[0], 4, (SIDE, SIDE))
    rows = scan[4][:, part.rows[:, None], part.columns] / np.float32(1023)
    return part.source(luma(rows))


def laid_on(source, blend):
    """Somebody else's face, as far as the guard can know: the same one upside down, at so much of a share."""
    other = cv2.flip(source.luma, 0)
    return np.asarray(source.luma + np.float32(blend) * source.mask * (other - source.luma), np.float32)


def moved(source, share):
    shift = np.array([[1, 0, share * source.width_px], [0, 1, 0]], np.float64)
    return cv2.warpAffine(source.luma, shift, source.luma.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def test_what_is_the_face_passes_whole(source):
    contrast = source.luma + 0.6 * (source.luma - cv2.GaussianBlur(source.luma, (0, 0), 2))
    for made in (source.luma.copy(), contrast, cv2.GaussianBlur(source.luma, (0, 0), 1)):
        assert blend_that_holds(source, made) == 1.0


@pytest.mark.parametrize("blend", [0.4, 0.6, 1.0])
def test_another_face_is_stopped_at_every_strength(source, blend):
    assert blend_that_holds(source, laid_on(source, blend)) == 0.0


def test_a_moved_face_is_stopped(source):
    assert likeness(source, moved(source, 0.06)).shift == pytest.approx(0.06, abs=0.015)
    assert blend_that_holds(source, moved(source, 0.12)) == 0.0


def test_a_little_too_much_is_lowered_until_it_holds(source):
    taken = {blend_that_holds(source, laid_on(source, blend / 100)) for blend in range(2, 40)}
    assert taken == {1.0, 0.75, 0.5, 0.0}


def test_what_the_guard_stops_leaves_the_face_as_it_was(scan, monkeypatch):
    monkeypatch.setattr("restoration_tasks.restoration.portraits.blend_that_holds", lambda *_: 0.0)
    treatment = Portraits(asked())
    assert (treatment.apply(window(scan, 4)) == scan[4]).all()
    assert treatment.blends(4) == (0.0,)


def test_a_face_without_any_contrast_is_no_error():
    flat = np.full((80, 60), 0.5, np.float32)
    source = Source(flat, np.ones_like(flat), [(20, 30), (40, 30), (30, 40), (22, 55), (38, 55)], 40.0, 8.0)
    assert np.isfinite(likeness(source, flat + np.float32(0.1)).structure)
