from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat
from restoration_tasks.restoration.densities import density, share
from restoration_tasks.restoration.fade import FadeParams, Unfade, guided
from restoration_tasks.restoration.shares import codes, shares
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import Fade

KEPT, BASE = (0.55, 0.9, 0.7), (0.01, 0.02, 0.06)
RGB = PictureFormat(32, 32, "gbrp10le")
IMPURE = ((1.0, 0.12, 0.02), (0.1, 1.0, 0.1), (0.05, 0.2, 1.0))


def treat(work, params, picture=RGB):
    return Unfade(params).apply({0: Shown(0, work, None, picture)})


def colours(low=60, high=1000):
    return np.random.default_rng(3).integers(low, high, (3, 32, 32)).astype(np.uint16)


def every_code():
    return np.repeat(np.arange(1024, dtype=np.uint16).reshape(1, 32, 32), 3, axis=0)


def test_what_the_simulator_fades_comes_back():
    clean = colours()
    (aged,) = Fade(kept=KEPT, base=BASE).apply([clean], bit_depth=10)
    back = treat(aged.picture, FadeParams(kept=KEPT, base=BASE))
    assert np.abs(aged.picture.astype(int) - clean).mean() > 50
    assert np.abs(back.astype(int) - clean).max() <= 3


def test_without_a_loss_every_code_stays():
    assert np.array_equal(treat(every_code(), FadeParams(kept=(1, 1, 1))), every_code())


def test_nothing_is_cut_off_at_either_end():
    deep = PictureFormat(256, 256, "gbrp16le")
    ramp = np.repeat(np.arange(65536, dtype=np.uint16).reshape(1, 256, 256), 3, axis=0)
    back = treat(ramp, FadeParams(kept=(0.4, 0.85, 0.55), base=(0.01, 0.03, 0.09)), deep).reshape(3, -1).astype(int)
    assert (np.diff(back, axis=1) >= 0).all()
    assert (back[:, 0] < 64).all()
    assert (back[:, -1] == 65535).all()
    # Lighter than the base, and still telling apart what the scan tells apart.
    lightest = np.rint(65535 * 10 ** -np.array([0.01, 0.03, 0.09])).astype(int)
    for channel, start in enumerate(lightest):
        assert back[channel, start] < back[channel, (start + 65535) // 2] < back[channel, -1]


def test_darks_do_not_collapse_into_black():
    faded_black = np.full((3, 32, 32), 60, np.uint16)
    back = treat(faded_black, FadeParams(kept=(0.3, 0.8, 0.4)))
    assert (back > 0).all()
    assert (back < 60).all()


def test_the_amount_is_a_share_of_the_densities():
    grey = np.full((3, 32, 32), 300, np.uint16)
    whole, half = (treat(grey, FadeParams(kept=KEPT, base=BASE, amount=share))[:, 0, 0] for share in (1.0, 0.5))
    before, after = np.log(300 / 1023), np.log(whole / 1023)
    assert np.log(half / 1023) == pytest.approx((before + after) / 2, abs=0.01)


def test_dyes_that_hold_back_other_channels_too():
    rng = np.random.default_rng(5)
    amounts = rng.uniform(0.05, 1.0, (32, 32, 3)).astype(np.float32)
    mixed = np.asarray(IMPURE, np.float32)
    clean = codes(np.ascontiguousarray(share(amounts @ mixed.T, "bt709").reshape(-1, 3).T), RGB).reshape(3, 32, 32)
    gone = amounts * np.array(KEPT, np.float32)
    aged = codes(np.ascontiguousarray(share(gone @ mixed.T, "bt709").reshape(-1, 3).T), RGB).reshape(3, 32, 32)
    back = treat(aged, FadeParams(kept=KEPT, absorption=IMPURE))
    apart = treat(aged, FadeParams(kept=KEPT))
    assert np.abs(back.astype(int) - clean).max() <= 4
    assert np.abs(apart.astype(int) - clean).mean() > 10


@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv444p12le"])
def test_yuv_is_treated_in_red_green_and_blue(pix_fmt):
    picture = PictureFormat(32, 32, pix_fmt, matrix="bt709")
    clean = np.random.default_rng(2).uniform(0.15, 0.9, (32, 32, 3)).astype(np.float32)
    faded = share(density(clean, "bt709") * np.array(KEPT, np.float32) + np.array(BASE, np.float32), "bt709")
    work = codes(np.ascontiguousarray(faded.reshape(-1, 3).T), picture).reshape(3, 32, 32)
    back = shares(treat(work, FadeParams(kept=KEPT, base=BASE), picture), picture)
    assert np.abs(back - clean).mean() < 0.004


def test_a_log_scan_is_treated_in_its_own_densities():
    picture = PictureFormat(32, 32, "gbrp10le", transfer=PRINTING_DENSITY)
    clean = colours(110, 680)
    kept, base = np.array(KEPT), np.array(BASE)
    faded = (685 - clean.transpose(1, 2, 0)) * 0.002 * kept + base
    work = np.rint(685 - faded / 0.002).astype(np.uint16).transpose(2, 0, 1)
    back = treat(work, FadeParams(kept=KEPT, base=BASE), picture)
    assert np.abs(back.astype(int) - clean).max() <= 2


def test_what_is_lighter_than_reference_white_keeps_its_distance():
    picture = PictureFormat(32, 32, "gbrp10le", transfer=PRINTING_DENSITY)
    lights = np.full((3, 32, 32), 800, np.uint16)
    assert (treat(lights, FadeParams(kept=KEPT), picture) == 800).all()


def faded_greys(*densities):
    """Shares of greys of these densities, as the fade leaves them."""
    grey = np.repeat(np.array(densities)[:, None], 3, axis=1)
    return [tuple(map(float, colour)) for colour in 10 ** -(grey * KEPT + BASE)]


def test_places_that_were_grey_tell_what_cyan_and_yellow_lost():
    kept, base = guided(
        FadeParams(kept=(0.8, 0.9, 0.8), base=(0, 0.02, 0), neutral=faded_greys(0.1, 0.5, 1.2)), "bt709"
    )
    assert kept == pytest.approx(KEPT, abs=0.002)
    assert base == pytest.approx(BASE, abs=0.002)
    one = FadeParams(kept=(0.8, 0.9, 0.8), base=BASE, neutral=faded_greys(0.8))
    assert guided(one, "bt709")[0] == pytest.approx(KEPT, abs=0.002)
    white = FadeParams(kept=KEPT, base=(0, 0.02, 0), neutral=faded_greys(0.02))
    assert guided(white, "bt709")[1] == pytest.approx(BASE, abs=0.002)


def test_a_neutral_place_comes_out_grey():
    params = FadeParams(kept=(0.9, 0.9, 0.9), base=(0, 0.02, 0), neutral=faded_greys(0.6))
    work = np.rint(np.array(faded_greys(0.6)[0]) * 1023).astype(np.uint16)[:, None, None] * np.ones(
        (1, 32, 32), np.uint16
    )
    back = treat(work, params)[:, 0, 0].astype(int)
    assert np.ptp(back) <= 2
    assert np.ptp(treat(work, FadeParams(kept=(0.9, 0.9, 0.9)))[:, 0, 0].astype(int)) > 50


def test_grey_film_is_left_alone():
    grey = PictureFormat(32, 32, "gray10le")
    assert np.array_equal(treat(every_code()[:1], FadeParams(kept=KEPT, base=BASE), grey), every_code()[:1])


@pytest.mark.parametrize(
    "bad",
    [
        {"kept": [0.05, 1, 1]},
        {"kept": [1, 1]},
        {"kept": [float("nan"), 1, 1]},
        {"kept": [1, 1, 1], "base": [0, 0, 0.9]},
        {"kept": [1, 1, 1], "amount": 0},
        {"kept": [1, 1, 1], "neutral": [[0, 0.5, 0.5]]},
        {"kept": [1, 1, 1], "absorption": [[1, 0.6, 0.5], [0, 1, 0], [0, 0, 1]]},
        {"kept": [1, 1, 1], "absorption": [[0.9, 0, 0], [0, 1, 0], [0, 0, 1]]},
    ],
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ValidationError):
        FadeParams.model_validate(bad)
