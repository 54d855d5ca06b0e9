from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.stabilise import Edges, Move, Stabilise, StabiliseParams, moved
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage.weave import Weave

GREY = PictureFormat(96, 72, "gray10le")
INSIDE = (slice(16, -16), slice(16, -16))


def smooth(seed=1, shape=(72, 96), sigma=2.0):
    """A picture without anything finer than can be sampled, about the middle of ten bits."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(shape).astype(np.float32), (0, 0), sigma)
    return 500 + 150 * noise / noise.std() / 2


def codes(picture):
    return np.clip(np.rint(picture), 0, 1023).astype(np.uint16)


def params(*moves, **more):
    x, y, turn = zip(*moves, strict=True)
    return StabiliseParams(x=x, y=y, turn=turn, **more)


def treat(work, asked, picture=GREY, place=0):
    return Stabilise(asked).apply({0: Shown(place, work, None, picture)})


def test_what_the_simulator_shakes_is_put_back():
    clean = codes(smooth(sigma=3.0))[None]
    damage = Weave(seed=3, x_px=8.0, y_px=6.0, rotation_deg=0.3)
    shaken = list(damage.apply([clean] * 4, bit_depth=10))
    truth = [one.truth.values[damage.kind] for one in shaken]
    asked = params(*((-one["x_px"], -one["y_px"], -one["rotation_deg"]) for one in truth))
    for place, one in enumerate(shaken):
        back = treat(one.picture, asked, place=place)
        error = (back.astype(float) - clean)[0][INSIDE]
        assert np.sqrt(np.mean(np.square(error))) < 1.5
        assert np.sqrt(np.mean(np.square((one.picture.astype(float) - clean)[0][INSIDE]))) > 8


def test_a_move_there_and_back_keeps_what_can_be_sampled():
    picture = smooth(sigma=1.0).astype(np.float32)
    back = moved(moved(picture, Move(0.5, -0.37, 0.2)), Move(-0.5, 0.37, -0.2))
    assert np.abs(back - picture)[INSIDE].std() < 1.0


def test_grain_keeps_its_power():
    grain = np.random.default_rng(4).standard_normal((128, 128)).astype(np.float32)
    apart = moved(grain, Move(0.5, 0.5, 0.0))
    before, after = (np.square(np.abs(np.fft.fft2(one[32:96, 32:96]))) for one in (grain, apart))
    fine = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None]) < 0.375
    assert after[fine].sum() / before[fine].sum() == pytest.approx(1.0, abs=0.02)
    lost = cv2.warpAffine(grain, np.float32([[1, 0, 0.5], [0, 1, 0.5]]), (128, 128), flags=cv2.INTER_LINEAR)[
        32:96, 32:96
    ]
    assert np.square(np.abs(np.fft.fft2(lost)))[fine].sum() / before[fine].sum() < 0.8


def test_a_frame_that_is_not_moved_stays_bit_by_bit():
    work = np.random.default_rng(2).integers(0, 1024, (1, 72, 96)).astype(np.uint16)
    asked = params((0, 0, 0), (0.4, 0, 0))
    treatment = Stabilise(asked, origin=100)
    assert [treatment.touches(100), treatment.touches(101)] == [False, True]
    assert np.array_equal(treatment.apply({0: Shown(100, work, None, GREY)}), work)
    alone = Stabilise(StabiliseParams())
    assert not alone.touches(7)
    assert np.array_equal(alone.apply({0: Shown(7, work, None, GREY)}), work)


def test_whole_pixels_are_moved_exactly():
    work = np.random.default_rng(2).integers(0, 1024, (1, 72, 96)).astype(np.uint16)
    treated = treat(work, params((3, -2, 0)))
    assert np.array_equal(treated[0, :-2, 3:], work[0, 2:, :-3])


def test_the_amount_is_a_share_of_the_way():
    work = codes(smooth())[None]
    assert np.array_equal(treat(work, params((4, 2, 0), amount=0.5)), treat(work, params((2, 1, 0))))


@pytest.mark.parametrize(("pix_fmt", "across", "down"), [("yuv420p10le", 2, 2), ("yuv422p10le", 2, 1)])
def test_chroma_of_fewer_samples_moves_in_its_own_size(pix_fmt, across, down):
    picture = PictureFormat(96, 72, pix_fmt)
    shapes = picture.plane_shapes
    frame = tuple(codes(smooth(seed, shape)) for seed, shape in enumerate(shapes))
    treated = treat(picture.to_work(frame), params((2, -4, 0)), picture)
    after = picture.from_work(treated, frame)
    assert np.array_equal(after[0][:-4, 2:], frame[0][4:, :-2])
    by = (4 // down, 2 // across)
    assert np.array_equal(after[1][: -by[0], by[1] :], frame[1][by[0] :, : -by[1]])


@pytest.mark.parametrize("pix_fmt", ["gray", "gbrp", "gbrp12le", "gbrp16le", "yuv444p12le"])
def test_every_depth_stays_in_its_range(pix_fmt):
    picture = PictureFormat(96, 72, pix_fmt)
    ends = np.random.default_rng(0).integers(0, 2, (picture.channels, 72, 96)) * picture.max_code
    treated = treat(ends.astype(picture.dtype), params((0.5, 0.5, 0.1)), picture)
    assert treated.dtype == picture.dtype
    assert treated.max() <= picture.max_code


def test_what_the_frame_does_not_have_is_repeated_or_black_and_never_made_up():
    work = codes(smooth())[None]
    fill, pad = (treat(work, params((3, 0, 0), edges=edges)) for edges in (Edges.FILL, Edges.PAD))
    assert (fill[0, :, :3] == work[0, :, :1]).all()
    assert (pad[0, :, :3] == 0).all()
    assert np.array_equal(pad[0, :, 3:], fill[0, :, 3:])
    crop = params((3, 0, 0), (0, 0, 0), edges=Edges.CROP, margin=(3, 1))
    for place in (0, 1):
        cropped = treat(work, crop, place=place)
        assert (cropped[0, :, :3] == 0).all()
        assert (cropped[0, :, -3:] == 0).all()
        assert (cropped[0, -1] == 0).all()
        assert (cropped[0, 1:-1, 3:-3] > 0).all()
    assert np.array_equal(treat(work, crop, place=1)[0, 1:-1, 3:-3], work[0, 1:-1, 3:-3])


def test_black_of_yuv_is_its_own():
    picture = PictureFormat(96, 72, "yuv420p10le")
    grey = np.full((3, 72, 96), 600, np.uint16)
    assert treat(grey, params((4, 0, 0), edges=Edges.PAD), picture)[:, 10, 0].tolist() == [64, 512, 512]


def test_where_repaired_pixels_have_a_say():
    picture = PictureFormat(96, 72, "yuv420p10le")
    work = np.repeat(codes(smooth())[None], 3, axis=0)
    for channel in (1, 2):
        work[channel] = np.repeat(np.repeat(work[channel, ::2, ::2], 2, axis=0), 2, axis=1)
    mask = np.zeros((72, 96), np.bool_)
    mask[30:33, 40:44] = True
    repaired = work.copy()
    repaired[:, mask] = 10
    asked = params((5.3, -3.6, 0.4))
    before, after = (treat(one, asked, picture) for one in (work, repaired))
    changed = (before != after).any(axis=0)
    reached = Stabilise(asked).reach(mask, 0, picture)
    assert changed.any()
    assert not (changed & ~reached).any()
    assert reached.mean() < 0.6
    assert (changed & ~mask).any()


def test_a_slice_holds_its_own_frames():
    part = params((0, 0, 0), (1, 2, 0.1), (3, 4, 0.2), margin=(3, 4)).sliced(1, 3)
    assert (part.x, part.y, part.turn, part.margin) == ((1, 3), (2, 4), (0.1, 0.2), (3, 4))
    part.require_frames(2)
    StabiliseParams().require_frames(2)
    with pytest.raises(ValueError, match="2 frames are to be moved, in a shot of 3"):
        part.require_frames(3)


@pytest.mark.parametrize(
    "bad",
    [
        {"x": [1.0], "y": [1.0], "turn": []},
        {"x": [300.0], "y": [0.0], "turn": [0.0]},
        {"x": [0.0], "y": [float("nan")], "turn": [0.0]},
        {"x": [0.0], "y": [0.0], "turn": [1.5]},
        {"amount": 0.0},
        {"edges": "zoom"},
        {"margin": [-1, 0]},
    ],
)
def test_figures_out_of_range_are_refused(bad):
    with pytest.raises(ValidationError):
        StabiliseParams.model_validate(bad)
