"""Segments cover every frame once, stay inside their shot and are never too long."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.media.segments import Segment, cut_segments


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=12), st.integers(1, 700))
def test_segments_cover_every_frame_once_and_never_cross_a_cut(lengths, longest):
    starts = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    shots = list(pairwise(starts))
    segments = cut_segments(shots, longest)
    assert [frame for segment in segments for frame in range(segment.start, segment.stop)] == list(range(sum(lengths)))
    for segment in segments:
        assert 1 <= segment.frames <= longest
        assert (segment.shot_start, segment.shot_stop) == shots[segment.shot - 1]
    assert len({segment.id for segment in segments}) == len(segments)


def test_handles_stop_at_the_shot():
    first, second = cut_segments([(0, 10), (10, 30)], longest=20)
    assert first.with_handles(3) == (0, 10)
    assert second.with_handles(3) == (10, 30)
    left, right = cut_segments([(0, 30)], longest=15)
    assert left.with_handles(3) == (0, 18)
    assert right.with_handles(3) == (12, 30)


def test_a_segment_survives_json():
    segment = Segment("s001-01", 1, 0, 5, 0, 9)
    assert Segment.from_json(segment.as_json()) == segment
