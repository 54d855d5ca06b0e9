"""Less grain: it comes nearer to the truth, keeps what is to be kept, and never takes more than grain can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.models.tiling import Tileable
from restoration_tasks.restoration import denoise
from restoration_tasks.restoration.averaging import guide_share
from restoration_tasks.restoration.denoise import COLOURED, MOST_DEVIATIONS, Denoise, DenoiseParams
from restoration_tasks.restoration.treatment import Means, Shown

RGB = PictureFormat(96, 72, "gbrp10le")
GREY = PictureFormat(96, 72, "gray10le")
SIGMA = 0.03


def scene(frame, channels=3):
    """A pattern that moves two pixels a frame, `(C, 72, 96)` 10-bit codes."""
    y, x = np.mgrid[0:72, 0:96]
    light = 0.5 + 0.2 * np.sin((x - 2 * frame) / 7) + 0.15 * np.sign(np.sin(y / 9 + (x - 2 * frame) / 15))
    return np.stack([np.rint(1023 * (light * share)) for share in (1.0, 0.9, 0.8)[:channels]]).astype(np.uint16)


def noisy(channels=3, frames=5, sigma=SIGMA):
    rng = np.random.default_rng(7)
    clean = [scene(number, channels) for number in range(frames)]
    return clean, [
        np.clip(np.rint(one + rng.normal(0, 1023 * sigma, one.shape)), 0, 1023).astype(np.uint16) for one in clean
    ]


def treated(frames, params, picture=RGB, means=None):
    window = {offset: Shown(10 + offset, frames[2 + offset], None, picture) for offset in range(-2, 3)}
    return Denoise(params, means=means).apply(window)


def params(**other):
    luma = SIGMA / COLOURED
    return DenoiseParams(**{"sigma": (luma, luma, luma), "keep": 0.0, "engine": "time", **other})


def error(frame, clean):
    return float(np.sqrt(np.mean(np.square(frame.astype(float) - clean))))


@pytest.mark.parametrize(("channels", "picture"), [(3, RGB), (1, GREY)])
def test_averaging_along_the_motion_takes_grain(channels, picture):
    clean, grained = noisy(channels)
    asked = params(sigma=(SIGMA,) * 3) if channels == 1 else params()
    assert error(treated(grained, asked, picture), clean[2]) < 0.75 * error(grained[2], clean[2])


@pytest.mark.parametrize(("channels", "picture"), [(3, RGB), (1, GREY)])
def test_the_network_takes_what_is_left(channels, picture, shelved):
    shelved("ffdnet-colour")
    clean, grained = noisy(channels)
    level = {"sigma": (SIGMA,) * 3} if channels == 1 else {}
    by_time = error(treated(grained, params(**level), picture), clean[2])
    by_network = error(treated(grained, params(engine="network", **level), picture), clean[2])
    assert by_network < 0.75 * by_time


def test_what_is_kept_is_the_frames_own_grain():
    _, grained = noisy()
    none, half = (treated(grained, params(keep=keep)).astype(int) for keep in (0.0, 0.5))
    assert np.abs(2 * half - none - grained[2]).max() <= 2


def test_no_pixel_changes_by_more_than_grain_can_be():
    _, grained = noisy()
    spoiled = [one.copy() for one in grained]
    # A spark of one pixel: too small to keep the frames around from being averaged in, which would take half of it.
    spoiled[2][:, 32, 42] = np.minimum(spoiled[2][:, 32, 42] + 400, 1023)
    for keep in (0.0, 0.5):
        asked = params(keep=keep)
        change = np.abs(treated(spoiled, asked).astype(int) - spoiled[2])
        assert change.max() <= 1023 * asked.most_change(3) + 1
        assert change.max() <= 1023 * (1 - keep) * MOST_DEVIATIONS * SIGMA * 1.001 + 1


def test_what_only_one_frame_shows_is_not_averaged_into_it():
    clean, grained = noisy()
    other = [one.copy() for one in grained]
    for place in (0, 1, 3, 4):
        other[place][:, 20:50, 30:70] = 1000 - other[place][:, 20:50, 30:70]
    there = np.s_[:, 26:44, 36:64]
    apart = error(treated(other, params())[there], clean[2][there])
    assert apart < 1.05 * error(grained[2][there], clean[2][there])


def test_a_shot_of_one_frame_and_no_grain():
    _, grained = noisy()
    alone = Denoise(params()).apply({0: Shown(0, grained[2], None, RGB)})
    assert np.abs(alone.astype(int) - grained[2]).max() <= 1  # nothing to average with
    still = treated(grained, params(sigma=(0.0, 0.0, 0.0)))
    assert np.array_equal(still, grained[2])


def test_the_pixels_do_not_depend_on_threads_or_on_who_asked_before():
    _, grained = noisy(frames=8)
    treatment = Denoise(params(), means=Means(threads=2))
    shown = [Shown(place, one, None, RGB) for place, one in enumerate(grained)]

    def window(place):
        return {offset: shown[place + offset] for offset in range(-2, 3) if 0 <= place + offset < len(shown)}

    together = treatment.apply_all([window(place) for place in range(8)])
    alone = [Denoise(params()).apply(window(place)) for place in range(8)]
    assert all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))


def test_yuv_keeps_its_format_and_what_lies_beyond_white():
    picture = PictureFormat(96, 72, "yuv444p10le", matrix="bt709", full_range=False)
    _, grained = noisy()
    frames = [np.stack((one[0], np.full_like(one[0], 512), np.full_like(one[0], 512))) for one in grained]
    for one in frames:
        one[0, :8] = 1000  # beyond the white of 940
    made = treated(frames, params(), picture)
    assert made.dtype == np.uint16
    assert np.abs(made[0, :6].astype(int) - 1000).max() <= 2


@pytest.mark.parametrize(
    "wrong", [{"keep": 1.0}, {"keep": -0.1}, {"sigma": (0.1, 0.1)}, {"sigma": (float("nan"), 0, 0)}, {"radius_px": 9.0}]
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        params(**wrong)


def test_models_are_named_where_they_decide():
    assert set(params(engine="network").models) == {"ffdnet-colour"}
    assert params().models == {}


def test_the_guides_share_of_white_noise_and_of_coarse_grain():
    import cv2

    rng = np.random.default_rng(0)
    white = rng.standard_normal((400, 400)).astype(np.float32)
    for radius in (0.2, 1.0, 2.0):
        grain = cv2.GaussianBlur(white, (0, 0), radius)
        share = cv2.GaussianBlur(grain, (0, 0), 1.5).std() / grain.std()
        assert guide_share(radius) == pytest.approx(share, rel=0.06)


class Hungry(torch.nn.Module):
    """A network that leaves pictures as they are, and has no memory for large ones."""

    def forward(self, shown):
        if shown.shape[-1] * shown.shape[-2] > 50 * 50:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return shown[:, :3]


def test_tiles_that_had_to_be_smaller_stand_in_the_record(monkeypatch):
    monkeypatch.setattr(denoise, "loaded_denoiser", lambda *_: Tileable(Hungry(), overlap_px=4))
    monkeypatch.setattr(denoise, "TILE_PX", 128)
    monkeypatch.setattr("restoration_tasks.models.tiling.SMALLEST_TILE_PX", 16)
    _, grained = noisy()
    asked, window = params(engine="network"), {0: Shown(10, grained[2], None, RGB)}
    alone = Denoise(asked)
    alone.apply(window)
    (line,) = alone.remarks()
    assert "tiles of 64 instead of 128 pixels" in line
    assert Denoise(asked).remarks() == ()
    # Where frames are worked side by side, the next try works fewer, which changes no pixel.
    with pytest.raises(torch.OutOfMemoryError):
        Denoise(asked, means=Means(threads=2)).apply(window)
