"""The bars of scaling compare the shortest reel with the longest."""

from __future__ import annotations

from benchmarks.scaling import Seen, Watched, judged, starts
from restoration_tasks.runtime.spec import StepName
from tests.provenance.results import step_result


def reel(cpu_s: float, **memory: int) -> dict[str, object]:
    steps = {step: {"cpu_s_a_frame": cpu_s, "memory_bytes": held} for step, held in memory.items()}
    return {"cpu_s_a_frame": cpu_s, "steps": steps}


def test_the_longest_is_held_against_the_shortest_and_the_step_that_grows_most_is_named():
    reels = {"20000": reel(0.105, shots=700, check=460), "500": reel(0.1, shots=690, check=400, package=70)}
    time, memory = judged(reels)
    assert (time["bar"], time["measured"], time["met"]) == (
        "processor time a frame, 500 → 20000 frames", 1.05, True,
    )  # fmt: skip
    assert memory["bar"].startswith("memory of the step that grows most (check)")
    assert (memory["measured"], memory["met"]) == (1.15, False)
    assert not judged({"500": reel(0.1, shots=1), "2000": reel(0.2, shots=1)})[0]["met"]


def test_one_length_alone_is_no_bar():
    assert judged({"500": reel(0.1, shots=1)}) == []


def test_a_start_is_what_a_lane_took_beside_its_segments():
    took = {"a": 9.0, "b": 2.0, "c": 2.0, "d": 2.0}
    results = {StepName.ASSESS: [step_result(StepName.ASSESS, segment=name, cpu_s=s) for name, s in took.items()]}
    lane = Seen(StepName.ASSESS, tuple(took), cpu_s=18.5)
    other = Seen(StepName.RESTORE, tuple(took), cpu_s=99.0)
    # 15 s in its segments, of which the first has 7 s of loading; 3.5 s outside of them
    found = starts(Watched({1: lane, 2: other}), results)
    assert found == {"lanes": 1, "median": 10.5, "longest": 10.5}
    assert starts(Watched({2: other}), results) == {}
