from __future__ import annotations

import numpy as np
import pytest

from benchmarks import picture_noise
from benchmarks.picture_noise import Noisy, _error, _rings, report


def frames(count=4, noise=0.0):
    rng = np.random.default_rng(2)
    base = rng.integers(300, 700, (3, 64, 64))
    return [np.clip(base + rng.normal(0, noise, base.shape), 0, 1023).astype(np.uint16) for _ in range(count)]


def test_error_and_flicker_are_those_of_the_noise():
    clean, noisy = frames(), frames(noise=40.92)  # 4 % of full scale
    measured = _error([Noisy(clean, noisy)], [noisy])
    assert measured["psnr_db"] == pytest.approx(-20 * np.log10(0.04), abs=0.1)
    assert measured["flicker_codes"] == pytest.approx(255 * 0.04 * np.sqrt(2), rel=0.02)
    assert _error([Noisy(clean, noisy)], [clean])["flicker_codes"] == 0


def test_a_steady_error_does_not_flicker():
    clean = frames()
    darker = [frame - 40 for frame in clean]
    measured = _error([Noisy(clean, clean)], [darker])
    assert measured["psnr_db"] < 30
    assert measured["flicker_codes"] == 0


def test_rings_tell_coarse_from_fine():
    import cv2

    rng, truth = np.random.default_rng(1), np.full((128, 128, 3), 0.5, np.float32)
    white = rng.standard_normal((128, 128, 3)).astype(np.float32)
    fine, coarse = _rings(white, truth), _rings(cv2.GaussianBlur(white, (0, 0), 1.5), truth)
    assert fine.max() < 1.3 * fine.min()
    assert coarse[0] > 50 * coarse[-1]


def test_bars_are_held_against_the_best_peer():
    def case(after, flicker):
        peers = {"hqdn3d": {"psnr_db": 30.0, "flicker_codes": 2.0}, "nlmeans": {"psnr_db": 32.0, "flicker_codes": 3.0}}
        peers |= {name: {"psnr_db": 20.0, "flicker_codes": 9.0} for name in ("atadenoise", "bm3d")}
        own = {"psnr_db": after, "flicker_codes": flicker}
        return {"before": own, "after": own, "after, time only": own, "peers": peers}

    def met(*cases):
        bars, _ = report({f"white 5/take {n}/seed 1": one for n, one in enumerate(cases)})
        return [one["met"] for one in bars]

    assert met(case(33.1, 2.9)) == [True, True]
    assert met(case(32.9, 2.9)) == [False, True]
    assert met(case(34.0, 3.1)) == [True, False]


def test_what_is_run_first_has_a_bar():
    keys = [key for key in picture_noise.pieces("validation") if "/seed 1" in key]
    assert [key.split("/")[0] for key in keys[::2]][:3] == ["white 5", "white 15", "white 25"]
