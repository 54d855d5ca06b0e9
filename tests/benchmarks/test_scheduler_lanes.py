"""A long reel's lanes by the batch plan: few enough, and a pod's start small against its work."""

from __future__ import annotations

import pytest

from benchmarks.scheduler_lanes import FRAMES, SHOTS, SPEEDS, planned
from restoration_tasks.steps.batching import MOST_LANES, MOST_START_SHARE


@pytest.mark.parametrize("frames_per_s", SPEEDS)
def test_a_pods_start_is_at_most_a_twentieth_of_its_work(frames_per_s):
    lanes, share = planned(frames_per_s)
    segments = [segment for lane in lanes for segment in lane.segments]
    assert sum(segment.frames for segment in segments) == FRAMES
    assert len({segment.shot for segment in segments}) == SHOTS
    assert 1 < len(lanes) <= MOST_LANES
    assert share <= MOST_START_SHARE
