"""Windows hand out each frame with its neighbours and hold no more than that."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.media.window import windows
from restoration_tasks.runtime.errors import WrongUse


@given(st.integers(0, 30), st.integers(0, 6))
def test_every_frame_comes_once_with_the_neighbours_that_exist(count, radius):
    seen = list(windows(iter(range(100, 100 + count)), radius))
    assert [index for index, _ in seen] == list(range(count))
    for index, window in seen:
        offsets = range(max(-radius, -index), min(radius, count - 1 - index) + 1)
        assert window == {offset: 100 + index + offset for offset in offsets}


def test_memory_holds_one_window_however_long_the_reel():
    class Picture:
        """Something that can be counted."""

    alive: list[weakref.ref[Picture]] = []

    def reel():
        for _ in range(200):
            picture = Picture()
            alive.append(weakref.ref(picture))
            yield picture

    for _, window in windows(reel(), 2):
        del window
        assert sum(reference() is not None for reference in alive) <= 6


def test_a_negative_radius_is_refused():
    with pytest.raises(WrongUse, match="0 or more"):
        next(windows([1], -1))
