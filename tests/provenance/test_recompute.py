"""The fast way through a chain computes what the slow one does, whatever text and numbers the events hold."""

from __future__ import annotations

import math

import pytest

from restoration_tasks.provenance import chain, recompute
from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import AgentKind
from tests.provenance.results import REEL, output, step_result

HOSTILE = (
    "<script>\x07\x0b\x1b\x7f\x85 \\ \" ' \t\r\n \u2028 %s {}",
    "東京物語 \U0001f39e e\u0301",
    "\u202eمرحبا\u202c",
    "x" * 10_000,
    '\\v \\N {\\"a\\",b}',
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_whole_chain_passes_without_being_read_twice(sessions, hostile):
    Recorder(sessions).record(step_result(execution_id="a"))
    Recorder(sessions).record(
        step_result(
            execution_id=f"b {hostile}",
            figures={"psnr": math.inf, "tiny": 1e-7, "said": hostile},
            outputs=tuple(output(f"{name}{hostile[:50]}", f"files/{name}") for name in ("b", "a", "c")),
        ),
        participants=[Participant(AgentKind.ORGANISATION, hostile), Person("ana"), Person("bo")],
    )
    with sessions() as session:
        (line,) = chain.load(session, REEL)
    with sessions() as session:
        connection = session.connection()
        recompute.prepare(connection)
        (passed,) = recompute.passes(connection, recompute.ranges(connection), {REEL: {2}})
    assert passed.whole
    assert (passed.events, passed.head, passed.hashes) == (2, line.head, {2: line.head})


def test_ranges_of_reels_part_no_reel_and_leave_none_out(sessions, monkeypatch):
    monkeypatch.setattr(recompute, "EVENTS_AT_ONCE", 2)
    reels = ("a", "B", "b.1", "C-3", "d")
    for reel in reels:
        for number in range(3):
            Recorder(sessions).record(step_result(execution_id=f"{reel}/{number}", reel_id=reel))
    with sessions() as session:
        connection = session.connection()
        recompute.prepare(connection)
        passed = list(recompute.passes(connection, recompute.ranges(connection), {}))
    assert {one.reel_id: (one.events, one.whole) for one in passed} == dict.fromkeys(reels, (3, True))
    assert len(passed) == len(reels)
