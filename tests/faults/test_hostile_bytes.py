"""Damaged headers, manifests, specs, plans, tables and forms, as the soak feeds them: read or refused, never broken."""

from __future__ import annotations

import pytest

from benchmarks import soak_fuzz
from benchmarks.soak_home import SoakFailed

CASES = 350
"""Fifty for each reader; the soak gives each as many a round, with other seeds."""


def test_no_reader_breaks_on_damaged_bytes():
    assert soak_fuzz.fuzz_round(1, CASES) == CASES


def test_a_reader_that_breaks_is_told_with_what_broke_it(monkeypatch):
    def breaks(_raw: bytes, **_named: object) -> object:
        raise KeyError("no such thing")

    monkeypatch.setattr(soak_fuzz, "parse_header", breaks)
    with pytest.raises(SoakFailed, match=r"a reader broke on b'.*KeyError: 'no such thing'"):
        soak_fuzz.fuzz_round(1, CASES)
