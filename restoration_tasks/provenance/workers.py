"""Chains computed by as many processes as there are cores, each with a connection of its own, all at one moment.

A large archive's reels are parted into ranges (`recompute.ranges`), and whichever process is free takes the next. All
see the database as the asking transaction does, by its exported snapshot. A process is told what to do by its standard
input, the database's password with it, and answers by its standard output, a line of JSON a range; it ends when its
input does, so none outlives the one who asked.

    python -m restoration_tasks.provenance.workers     is what such a process runs
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, text

from restoration_tasks.provenance import recompute
from restoration_tasks.provenance.recompute import Passed
from restoration_tasks.runtime.errors import DatabaseError

RANGES_EACH = 4
"""So many ranges at least have to wait for each process: one begins in about a second, a range takes half of that."""
MOST = 8
"""More would rather wait for the database than compute."""


def passes(connection: Connection, reel: str | None, asked: Mapping[str, set[int]]) -> Iterator[Passed]:
    """Follow every chain that has events, or one, as `recompute.passes` does; by several processes where it pays.

    Args:
        connection: prepared; its transaction has to stay open meanwhile.
        reel: one reel; all if None.
        asked: places, by reel, whose hashes the caller wants.

    Raises:
        DatabaseError: a process failed or was ended.
    """
    conditions = recompute.ranges(connection, reel)
    count = min(len(os.sched_getaffinity(0)), MOST, len(conditions) // RANGES_EACH)
    if count < 2:
        yield from recompute.passes(connection, conditions, asked)
        return
    order = {
        "url": connection.engine.url.render_as_string(hide_password=False),
        "snapshot": connection.scalar(text("SELECT pg_export_snapshot()")),
        "asked": {reel_id: sorted(places) for reel_id, places in asked.items()},
    }
    free = queue.SimpleQueue[_Worker]()

    def compute(condition: str) -> list[Passed]:
        worker = free.get()
        try:
            return worker.compute(condition)
        finally:
            free.put(worker)

    with ExitStack() as running:
        pool = running.enter_context(ThreadPoolExecutor(count))
        # ends before the pool does: whoever waits for a process's answer is let go
        running.callback(pool.shutdown, wait=False, cancel_futures=True)
        for _ in range(count):
            free.put(running.enter_context(_Worker(order)))
        for passed in pool.map(compute, conditions):
            yield from passed


class _Worker:
    """One process, asked by one thread at a time; ended on the way out."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "restoration_tasks.provenance.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._order: Mapping[str, Any] | None = order

    def __enter__(self) -> _Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def compute(self, condition: str) -> list[Passed]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            if self._order is not None:
                self._process.stdin.write(_line(self._order))
                self._order = None
            self._process.stdin.write(_line(condition))
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline() or b'"it was ended"')
        except BrokenPipeError:
            answer = "it was ended"
        if isinstance(answer, str):
            raise DatabaseError(
                f"a process that verifies a part of the record failed: {answer}",
                action="nothing was changed; verify again",
            )
        return [
            Passed(reel_id, events, whole, head, {int(place): digest for place, digest in hashes.items()})
            for reel_id, events, whole, head, hashes in answer
        ]


def serve() -> None:
    """Compute what standard input asks for, until it ends. A failure is answered as a string instead of a list."""
    order = json.loads(sys.stdin.buffer.readline())
    asked = {reel_id: set(places) for reel_id, places in order["asked"].items()}
    try:
        with create_engine(order["url"], poolclass=NullPool).connect() as connection:
            recompute.prepare(connection, order["snapshot"])
            for condition in map(json.loads, sys.stdin.buffer):
                found = recompute.passes(connection, [condition], asked)
                _answer([(one.reel_id, one.events, one.whole, one.head, one.hashes) for one in found])
    except Exception as error:  # the asking process says it
        _answer(str(error).strip().splitlines()[0] if str(error) else type(error).__name__)


def _answer(answer: object) -> None:
    sys.stdout.buffer.write(_line(answer))
    sys.stdout.buffer.flush()


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


if __name__ == "__main__":
    serve()
