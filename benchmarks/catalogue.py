"""The archive's memory with a million events of 100,000 reels in it: how fast it is verified, and written to.

- *verify*: every event recomputed, every chain followed (`provenance.verify`). Beside it the least that could take:
  sha256 alone over the same canonical bytes, in one process. The machine's load stands with the figures.
- *insert*: one event with two files and two agents recorded as a step records it, commit and all, into the full
  database, and how much of that is the commit; beside it one row changed and committed.
- *writers*: eight at once, for one reel; its chain has to be unbroken afterwards.
- *checkpoint*, *restored*, *tampered*: the heads signed; a dump put back as another database and verified against
  what was signed; all that can be done to the rows, found and named (`catalogue_proof`).

The events are made by `provenance.chain` in Python, as a step makes them, and go in by COPY. Bars: verify at 50,000
events a second or more, insert under 3 ms (median), one unbroken chain, the restored record whole, every tampering
found. Writes docs/benchmarks/catalogue.json; exit 1 if a bar is missed. What the board and the queue ask of as many
reels, with plans, is measured by `benchmarks.pages` and `benchmarks.queue`.

    python -m benchmarks.catalogue [--reels 100000] [--events 10]     ten events a reel or more
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import os
import random
import resource
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from benchmarks.catalogue_proof import TAMPERINGS, checkpointed, restored, tampered
from benchmarks.command import run
from restoration_tasks.catalogue import embedded, migrate
from restoration_tasks.catalogue.engine import Sessions, open_sessions
from restoration_tasks.provenance import chain, recompute
from restoration_tasks.provenance.agents import Participant
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.ids import new_id
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import STEP_TERMS, AgentKind, FixityOutcome, Outcome
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import OutputFile, StepName

OUTPUT = Path("docs/benchmarks/catalogue.json")
BAR_EVENTS_PER_S = 50_000
BAR_INSERT_MS = 3.0
INSERTS = 300
WRITERS, EACH = 8, 25
REELS_AT_ONCE = 2000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TERM = STEP_TERMS[StepName.RESTORE]
AGENTS = (
    LinkedAgent("executing program", str(uuid.UUID(int=1)), "software", "reelkeeper", "0.1.0", None),
    LinkedAgent("executing program", str(uuid.UUID(int=2)), "model", "dirt", "1", hashlib.sha256(b"w").hexdigest()),
)
DETAIL = json.dumps(
    {"step": "restore", "segment": "s001-01", "params": {"treatments": ["dirt"], "strength": 0.5},
     "figures": {"frames_changed": 240, "share": 0.0125}, "wall_s": 42.0, "cpu_s": 40.5, "warnings": []},
    sort_keys=True, separators=(",", ":"),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reels", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=10, help="of each reel")
    asked = parser.parse_args()
    figures: dict[str, Any] = {"benchmark": "catalogue", "date": f"{datetime.now(UTC):%Y-%m-%d}", "reels": asked.reels}
    with tempfile.TemporaryDirectory(prefix="reelkeeper-catalogue-") as folder:
        server = embedded.start(Path(folder) / "postgres")
        try:
            migrate.upgrade(server.reelkeeper_url)
            sessions = open_sessions(server.reelkeeper_url)
            fill(sessions, asked.reels, asked.events)
            figures["verify"] = verified(sessions)
            figures["insert"] = inserted(sessions)
            figures["writers"] = written(sessions)
            settings = Settings(home=Path(folder) / "home")
            figures["checkpoint"] = checkpointed(sessions, settings)
            with sessions() as session:
                events = session.scalar(select(func.count()).select_from(Event)) or 0
            figures["restored"] = restored(server, settings, Path(folder), events)
            untouched = [f"B-{number:06d}" for number in range(asked.reels - len(TAMPERINGS) - 1, asked.reels)]
            figures["tampered"] = tampered(sessions, settings, untouched)
        finally:
            embedded.stop(Path(folder) / "postgres")
    figures["passed"] = all(part["passed"] for part in figures.values() if isinstance(part, dict))
    write_atomic(OUTPUT, json.dumps(figures, indent=1).encode() + b"\n")
    print(json.dumps(figures, indent=1))
    return 0 if figures["passed"] else 1


def reel_of(number: int, events: int) -> Iterator[ChainedEvent]:
    """A reel's whole chain; every event reads one file and makes one."""
    reel_id, previous = f"B-{number:06d}", chain.genesis(f"B-{number:06d}")
    for seq in range(1, events + 1):
        at = BEGAN + timedelta(minutes=seq)
        files = tuple(
            LinkedObject(
                link, str(new_id()), role, f"vault:reels/{reel_id}/{seq}/{role}.mkv",
                hashlib.sha256(f"{reel_id}{seq}{role}".encode()).hexdigest(), 1000 + seq, "video/x-matroska",
            )
            for link, role in (("source", "map"), ("outcome", "segment"))
        )  # fmt: skip
        event = ChainedEvent(
            str(new_id()), reel_id, seq, TERM.type.value, TERM.subtype, f"{reel_id}/restore/{seq}", at,
            at + timedelta(seconds=42), at + timedelta(seconds=43), "success", DETAIL, previous, "", files, AGENTS,
        ).sealed()  # fmt: skip
        previous = event.hash
        yield event


def fill(sessions: Sessions, reels: int, events: int) -> None:
    """Fill an empty schema, reels in any order as archives take them up.

    Foreign keys hold by construction, checking them takes minutes.
    """
    connection = sessions().connection()
    raw = connection.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    for one in AGENTS:
        cursor.execute(
            "INSERT INTO reelkeeper.agents (id, kind, name, version, sha256) VALUES (%s, %s, %s, %s, %s)",
            (one.id, one.kind, one.name, one.version, one.sha256),
        )
    numbers = random.Random(1).sample(range(reels), reels)
    for start in range(0, reels, REELS_AT_ONCE):
        tables: dict[str, io.StringIO] = {}
        for number in numbers[start : start + REELS_AT_ONCE]:
            made = list(reel_of(number, events))
            _row(tables, "chains(reel_id, length, head)", made[-1].reel_id, len(made), made[-1].hash)
            for event in made:
                _enter(tables, event)
        for table, rows in tables.items():
            rows.seek(0)
            cursor.copy_expert(f"COPY reelkeeper.{table} FROM STDIN", rows)
        raw.commit()
    cursor.execute("RESET session_replication_role; RESET synchronous_commit")
    raw.commit()
    raw.autocommit = True
    cursor.execute("VACUUM ANALYZE")
    raw.autocommit = False
    connection.close()


def _enter(tables: dict[str, io.StringIO], event: ChainedEvent) -> None:
    _row(
        tables,
        "events(id, reel_id, seq, event_type, subtype, execution_id, started, ended, recorded_at, outcome, detail,"
        " previous_hash, hash)",
        event.id, event.reel_id, event.seq, event.event_type, event.subtype, event.execution_id, event.started,
        event.ended, event.recorded_at, event.outcome, event.detail, event.previous_hash, event.hash,
    )  # fmt: skip
    for one in event.objects:
        _row(tables, "digital_objects(id, reel_id, role, uri, sha256, bytes, media_type)", one.id, event.reel_id,
             one.role, one.uri, one.sha256, one.bytes, one.media_type)  # fmt: skip
        _row(tables, "event_objects(event_id, object_id, role)", event.id, one.id, one.link)
    for agent in event.agents:
        _row(tables, "event_agents(event_id, agent_id, role)", event.id, agent.id, agent.link)


def _row(tables: dict[str, io.StringIO], table: str, *values: object) -> None:
    line = "\t".join(str(value).replace("\\", "\\\\") for value in values)
    tables.setdefault(table, io.StringIO()).write(line + "\n")


def verified(sessions: Sessions) -> dict[str, Any]:
    """How fast all is verified, and what hashing the same bytes alone takes."""
    before = _memory_mb()
    began = time.perf_counter()
    with sessions() as session:
        report = verify(session)
    took = time.perf_counter() - began
    grew, largest = _memory_mb() - before, _memory_mb(resource.RUSAGE_CHILDREN)
    with sessions() as session:
        connection = session.connection()
        recompute.prepare(connection)
        everything = recompute.computed(connection, recompute.ranges(connection))
        sample = [one.canonical for one in itertools.islice(everything, 20_000)]
    began = time.perf_counter()
    for canonical in sample:
        hashlib.sha256(canonical).hexdigest()
    alone = (time.perf_counter() - began) / len(sample)
    rate = report.events / took
    return {
        "events": report.events, "seconds": round(took, 1), "events_per_s": round(rate), "whole": report.ok,
        "bytes_an_event": round(statistics.mean(len(one) for one in sample)),
        "times_sha256_alone": round(took / report.events / alone, 1), "cores": len(os.sched_getaffinity(0)),
        "memory_grew_mb": round(grew), "largest_worker_mb": round(largest), "load": os.getloadavg()[0],
        "bar": BAR_EVENTS_PER_S, "passed": report.ok and rate >= BAR_EVENTS_PER_S,
    }  # fmt: skip


def draft(reel_id: str, execution_id: str) -> EventDraft:
    """An event as the restore step's: a file read, a file made, two agents."""

    def file(role: str) -> OutputFile:
        digest = hashlib.sha256(f"{execution_id}{role}".encode()).hexdigest()
        uri = f"vault:reels/{execution_id}/{role}.mkv"
        return OutputFile(name=role, uri=uri, sha256=digest, bytes=1000, media_type="video/x-matroska")

    return EventDraft(
        reel_id=reel_id, execution_id=execution_id, term=TERM, started=BEGAN, ended=BEGAN, outcome=Outcome.SUCCESS,
        detail=json.loads(DETAIL), sources=(("map", file("map")),), outcomes=(("segment", file("segment")),),
        participants=tuple(Participant(AgentKind(one.kind), one.name or "", one.version, one.sha256) for one in AGENTS),
        fixity=FixityOutcome.COMPUTED,
    )  # fmt: skip


def inserted(sessions: Sessions) -> dict[str, Any]:
    """How long recording one event takes; beside it, an empty transaction that is committed to disk."""
    took, commits, bare = [], [], []
    for number in range(INSERTS):
        event = draft(f"B-{number:06d}", f"insert/{number}")
        began = time.perf_counter()
        with sessions.begin() as session:
            append_event(session, event)
            appended = time.perf_counter()
        took.append(1000 * (time.perf_counter() - began))
        commits.append(1000 * (time.perf_counter() - appended))
        began = time.perf_counter()
        with sessions.begin() as session:
            session.execute(text("UPDATE reelkeeper.chains SET length = length WHERE reel_id = 'B-000000'"))
        bare.append(1000 * (time.perf_counter() - began))
    median = statistics.median(took)
    return {
        "median_ms": round(median, 2), "p95_ms": round(statistics.quantiles(took, n=20)[-1], 2),
        "of_it_commit_median_ms": round(statistics.median(commits), 2),
        "one_row_committed_median_ms": round(statistics.median(bare), 2), "load": os.getloadavg()[0],
        "bar": BAR_INSERT_MS, "passed": median < BAR_INSERT_MS,
    }  # fmt: skip


def written(sessions: Sessions) -> dict[str, Any]:
    """Whether eight writers at once leave one unbroken chain."""

    def write(writer: int) -> None:
        for number in range(EACH):
            with sessions.begin() as session:
                append_event(session, draft("ONE-REEL", f"writer/{writer}/{number}"))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    began = time.perf_counter()
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    took = time.perf_counter() - began
    with sessions() as session:
        report = verify(session, "ONE-REEL")
        last = session.scalar(select(func.max(Event.seq)).where(Event.reel_id == "ONE-REEL"))
    return {
        "writers": WRITERS, "events": report.events, "events_per_s": round(report.events / took),
        "passed": report.ok and last == report.events == WRITERS * EACH,
    }  # fmt: skip


def _memory_mb(of: int = resource.RUSAGE_SELF) -> float:
    """The most this process has held, or the largest of its children that have ended."""
    return resource.getrusage(of).ru_maxrss / 1024


if __name__ == "__main__":
    run(main, "catalogue")
