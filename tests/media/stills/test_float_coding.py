"""Codes of floating-point values keep order and every bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.stills.float_coding import HIGHEST_FINITE, LOWEST_FINITE, FloatCoding, to_codes, to_half
from restoration_tasks.runtime.errors import MediaError

ALL_BITS = np.arange(1 << 16, dtype=np.uint16)


def test_every_half_has_a_code_of_its_own_and_comes_back():
    halves = ALL_BITS.view(np.float16)
    codes = to_codes(halves)
    assert len(np.unique(codes)) == 1 << 16
    assert np.array_equal(to_half(codes).view(np.uint16), ALL_BITS)


def test_codes_grow_with_the_values():
    values = to_half(ALL_BITS)[LOWEST_FINITE : HIGHEST_FINITE + 1].astype(np.float64)
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()
    # the two zeros alone are equal, and -0 comes first
    assert (np.diff(values) == 0).sum() == 1
    assert (values[0], values[-1]) == (-65504, 65504)
    assert not np.isfinite(to_half(ALL_BITS)[[LOWEST_FINITE - 1, HIGHEST_FINITE + 1]]).any()


@given(st.integers(0, 65535), st.integers(0, 65535))
@settings(max_examples=25, deadline=None)
def test_stretching_is_undone_exactly_and_keeps_order(one, other):
    coding = FloatCoding(min(one, other), max(one, other))
    codes = np.arange(coding.low, coding.high + 1, dtype=np.uint16)
    stretched = coding.stretch(codes)
    assert np.array_equal(coding.unstretch(stretched), codes)
    assert (np.diff(stretched.astype(np.int64)) >= 1).all()
    if coding.high > coding.low:
        assert (stretched[0], stretched[-1]) == (0, 65535)
    # whatever a treatment makes of them, what comes back is a value the reel could have
    assert ((coding.unstretch(ALL_BITS) >= coding.low) & (coding.unstretch(ALL_BITS) <= coding.high)).all()


def test_a_code_outside_the_range_is_refused():
    with pytest.raises(MediaError, match="leaves the range"):
        FloatCoding(10, 20).stretch(np.array([21], np.uint16))
    with pytest.raises(MediaError, match="range of a float coding"):
        FloatCoding(20, 10)


def test_the_record_of_a_coding_is_read_back():
    coding = FloatCoding(31000, 48000)
    assert FloatCoding.from_json(coding.as_json()) == coding
    for text in ("", "{}", '{"coding": "other", "low": 1, "high": 2}'):
        with pytest.raises(MediaError, match="not a record"):
            FloatCoding.from_json(text)
