from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.shares import codes, shares

FORMATS = ["gray", "gray10le", "gray16le", "gbrp", "gbrp12le", "yuv420p", "yuv444p10le"]


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "unknown"])
@pytest.mark.parametrize("full_range", [True, None])
def test_codes_come_back_exactly(pix_fmt, matrix, full_range):
    fmt = PictureFormat(24, 16, pix_fmt, matrix=matrix, full_range=full_range)
    work = np.random.default_rng(0).integers(0, fmt.max_code + 1, (fmt.channels, 16, 24)).astype(fmt.dtype)
    rows = shares(work, fmt)
    assert rows.shape == (16, 24, fmt.channels)
    assert np.array_equal(codes(rows.reshape(-1, fmt.channels).T, fmt).reshape(work.shape), work)


def test_white_black_and_red_are_what_they_are():
    fmt = PictureFormat(3, 1, "yuv444p10le", matrix="bt709")
    # BT.709, narrow range, 10 bit: white, black, and full red by ITU-R BT.709 table 4.
    work = np.array([[[940, 64, 250]], [[512, 512, 409]], [[512, 512, 960]]], np.uint16)
    assert shares(work, fmt)[0] == pytest.approx(np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0]]), abs=0.003)
