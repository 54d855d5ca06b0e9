"""Several processes compute what one does, at the same moment of the database, and say when one of them fails."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from restoration_tasks.provenance import recompute, workers
from restoration_tasks.provenance.verify import Tampering, verify
from restoration_tasks.runtime.errors import DatabaseError
from tests.provenance.archive import record, tamper
from tests.provenance.results import REEL

REELS = ("a-1", REEL, "m-1", "z-1")


@pytest.fixture
def archive(sessions, monkeypatch):
    """Four small reels, each enough for a range and all of them for two processes."""
    monkeypatch.setattr(recompute, "EVENTS_AT_ONCE", 2)
    monkeypatch.setattr(workers, "RANGES_EACH", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    for reel in REELS:
        record(sessions, range(3), reel)
    return sessions


@pytest.fixture
def connection(archive):
    with archive() as session:
        connection = session.connection()
        recompute.prepare(connection)
        yield connection


def test_processes_find_what_one_finds_and_end(archive, connection):
    asked = {REEL: {2}, "z-1": {1, 3}}
    alone = list(recompute.passes(connection, recompute.ranges(connection), asked))
    together = workers.passes(connection, None, asked)
    first = next(together)
    assert len(children()) == 2
    assert [first, *together] == alone
    assert {one.reel_id: (one.events, one.whole, set(one.hashes)) for one in alone} == {
        reel: (3, True, asked.get(reel, set())) for reel in REELS
    }
    assert children() == []


def test_a_tampered_event_is_named(archive):
    tamper(archive, "UPDATE reelkeeper.events SET outcome = 'failure' WHERE reel_id = :reel AND seq = 2")
    with archive() as session:
        report = verify(session)
    assert [(one.reel_id, one.kind, one.seq) for one in report.findings] == [(REEL, Tampering.CHANGED, 2)]
    assert (report.reels, report.events) == (4, 12)


def test_processes_see_the_moment_of_who_asks(archive, connection):
    assert recompute.heads(connection, REEL)[REEL][0] == 3  # the moment begins here
    record(archive, range(3, 5))
    found = {one.reel_id: one.events for one in workers.passes(connection, None, {})}
    assert found == dict.fromkeys(REELS, 3)


def test_a_process_that_fails_is_heard(connection, monkeypatch):
    right = recompute.ranges(connection)
    monkeypatch.setattr(recompute, "ranges", lambda *_: [*right, "no such column"])
    with pytest.raises(DatabaseError, match=r"failed: .*syntax error"):
        list(workers.passes(connection, None, {}))
    assert children() == []


def test_a_process_that_is_ended_is_missed(connection, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(DatabaseError, match=r"it was ended\. Next: nothing was changed"):
        list(workers.passes(connection, None, {}))


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "restoration_tasks.provenance.workers" in child.cmdline()]
