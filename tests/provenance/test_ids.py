"""Ids of rows sort by when they were made, and are never twice the same."""

from __future__ import annotations

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.provenance.ids import new_id

MILLISECOND = 1_000_000


@given(st.integers(0, 2**48 - 2), st.integers(1, 2**20))
def test_a_later_id_sorts_behind_an_earlier_one(made_ms, later_ms):
    clock, time.time_ns = time.time_ns, lambda: made_ms * MILLISECOND
    try:
        first, twin = new_id(), new_id()
        time.time_ns = lambda: min(made_ms + later_ms, 2**48 - 1) * MILLISECOND
        second = new_id()
    finally:
        time.time_ns = clock
    assert max(str(first), str(twin)) < str(second)
    assert first != twin
    assert first.int >> 80 == made_ms
    assert {one.version for one in (first, second)} == {7}
    assert {one.variant for one in (first, second)} == {uuid.RFC_4122}
