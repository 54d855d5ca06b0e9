"""Lanes: a start weighs little against their work, there are as many as that leaves, and a run's do not change."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.catalogue import rates
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.settings import Runtime, Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.batching import MOST_LANES, MOST_START_SHARE, Pace, by_frames, by_seconds, pace_of
from tests.catalogue.reel import make_ingested
from tests.catalogue.test_rates import record
from tests.provenance.results import REEL

START_S = 30.0
"""Of a pod."""


def reel(*shots: int) -> list[Segment]:
    """Segments of shots of so many frames each."""
    stops = [sum(shots[: place + 1]) for place in range(len(shots))]
    return cut_segments([(stop - frames, stop) for stop, frames in zip(stops, shots, strict=True)])


def pace(frame_s: float, start_s: float = START_S) -> Pace:
    return Pace(start_s, frame_s, frame_s, frame_s)


def lanes(segments: list[Segment], frame_s: float) -> list[float]:
    """Seconds of work of each lane."""
    weigh = pace(frame_s).of(StepName.ASSESS)
    found = by_seconds(segments, weigh, pace(frame_s))
    assert [part for batch in found for part in batch.segments] == segments, "every segment once, in order"
    assert [batch.number for batch in found] == list(range(1, len(found) + 1))
    return [sum(map(weigh, batch.segments)) for batch in found]


REELS = {
    "400 shots of 50": reel(*[50] * 400),
    "one shot": reel(20_000),
    "long and short": reel(9_000, *[3] * 200, 4_400, *[100] * 60),
}


@pytest.mark.parametrize("name", REELS)
@pytest.mark.parametrize("frames_a_second", [10.0, 2.0, 0.5, 0.05])
def test_starts_are_a_twentieth_of_the_work_at_most(name, frames_a_second):
    work = lanes(REELS[name], 1.0 / frames_a_second)
    assert len(work) <= MOST_LANES
    assert max(START_S / one for one in work) <= MOST_START_SHARE


def test_a_slow_device_gets_as_many_lanes_as_there_may_be_and_a_fast_one_few():
    found = {rate: len(lanes(REELS["400 shots of 50"], 1.0 / rate)) for rate in (10.0, 2.0, 0.5, 0.05)}
    # 20,000 frames are 2000, 10,000, 40,000 and 400,000 s of work. A lane needs 600 s; of the last two, a 64th of the
    # reel, which is 7 whole shots.
    assert found == {10.0: 3, 2.0: 16, 0.5: 57, 0.05: 57}


def test_lanes_are_even():
    work = lanes(REELS["400 shots of 50"], 0.1)
    # three lanes of 400 segments of 5 s: nobody has less than 133
    assert sorted(work) == [665.0, 665.0, 670.0]


def test_a_reel_with_too_little_work_is_one_lane():
    assert len(lanes(reel(*[50] * 10), 0.1)) == 1


@pytest.mark.parametrize(
    ("frames", "beside", "expected"),
    [(50, 2, [250.0, 250.0]), (50, 4, [100.0] * 5), (4, 2, [40.0]), (50, 1, [500.0])],
)
def test_cores_that_are_there_anyway_share_what_is_more_than_a_start(frames, beside, expected):
    """Ten shots at a second a frame, where a start takes 30 s."""
    weigh = pace(1.0).of(StepName.ASSESS)
    found = by_seconds(reel(*[frames] * 10), weigh, pace(1.0), beside=beside)
    assert sorted(sum(map(weigh, batch.segments)) for batch in found) == expected


def test_cores_that_are_there_anyway_share_shots_of_any_length():
    weigh = pace(1.0).of(StepName.ASSESS)
    found = by_seconds(reel(60, 240, 60, 120), weigh, pace(1.0), beside=2)
    assert [sum(map(weigh, batch.segments)) for batch in found] == [300.0, 180.0]


WORK = st.lists(st.integers(0, 40), min_size=1, max_size=12)


@given(WORK, st.integers(1, 60))
def test_no_other_cut_gives_more_lanes_that_have_enough(work, enough):
    segments = reel(*[10] * len(work))
    weights = {segment.id: float(its) for segment, its in zip(segments, work, strict=True)}
    known = pace(1.0, enough * MOST_START_SHARE)
    found = by_seconds(segments, lambda segment: weights[segment.id], known)
    held = [sum(weights[part.id] for part in batch.segments) for batch in found]
    assert [part for batch in found for part in batch.segments] == segments
    needed = max(known.enough_s, sum(work) / MOST_LANES)
    assert len(found) == 1 or min(held) >= needed
    most = [0] + [-(10**6)] * len(work)  # lanes that the first so many segments can make, by trying every cut
    for stop in range(1, len(work) + 1):
        most[stop] = max(
            (most[start] + 1 for start in range(stop) if sum(work[start:stop]) >= needed), default=most[stop]
        )
    assert len(found) == max(1, most[-1])


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40), st.integers(1, 2000))
def test_lanes_by_frames_hold_what_was_asked_for(shots, frames):
    segments = reel(*shots)
    found = by_frames(segments, frames)
    assert [part for batch in found for part in batch.segments] == segments
    assert len(found) == 1 or all(sum(part.frames for part in batch.segments) >= frames for batch in found)
    assert all(before.segments[-1].stop == after.segments[0].start for before, after in pairwise(found))


def test_shots_that_the_plan_leaves_alone_weigh_nothing():
    segments = REELS["400 shots of 50"]
    dirt = PlannedTreatment(name="dirt", params={}, why="Dirt covers 0.8 % of the picture.")
    shots = tuple(
        PlannedShot(shot=one.shot, start=one.start, stop=one.stop, treatments=(dirt,) if one.shot > 300 else ())
        for one in segments
    )
    weigh = pace(0.5).of(StepName.RESTORE, Plan(reel_id="R-1", shots=shots))
    found = by_seconds(segments, weigh, pace(0.5))
    # 100 shots of 50 frames at half a second: 2500 s, four times 600
    assert len(found) == 4
    assert {batch.segments[0].shot <= 300 for batch in found} == {True, False}
    assert [sum(map(weigh, batch.segments)) for batch in found] == [625.0] * 4


def test_a_pod_takes_longer_to_start_than_a_process(tmp_path):
    local = Settings(home=tmp_path)
    pods = Settings(home=tmp_path, runtime=Runtime.KUBERNETES)
    assert local.lane_start_s < pods.lane_start_s
    assert Settings(home=tmp_path, runtime=Runtime.KUBERNETES, start_s=90.0).lane_start_s == 90.0


def test_a_run_learns_from_work_before_it_and_learns_the_same_every_time(sessions, settings):
    make_ingested(sessions)

    def now(run_id: str) -> Pace:
        with sessions() as session:
            return pace_of(session, settings, REEL, run_id)

    figures = {"frames": 100_000}
    assert now("run-2").assess_s == pytest.approx(
        rates.Rates(rates.FIRST_RUN).rate(StepName.ASSESS, 3.19) * 3.19, rel=0.01
    )
    record(sessions, StepName.ASSESS, "run-1", figures=figures, wall_s=50_000.0)
    record(sessions, StepName.SHOTS, "run-2", figures={}, outputs=())
    known = now("run-2")
    assert known.assess_s == pytest.approx(0.5, rel=0.02)
    record(sessions, StepName.ASSESS, "run-2", figures=figures, wall_s=900_000.0)
    assert now("run-2") == known
    assert now("run-3").assess_s > 2 * known.assess_s
