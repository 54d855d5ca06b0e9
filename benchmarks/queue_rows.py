"""A database with as many reels as an archive has, and the questions queue and board put to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import nights, queue, reels
from restoration_tasks.catalogue.board import BoardQuery, board
from restoration_tasks.catalogue.queue_models import Purpose, QueueState

Ask = Callable[[Session], object]

_ROWS = (
    "INSERT INTO reelkeeper.agents (id, kind, name) VALUES (gen_random_uuid(), 'software', 'benchmark')",
    """
    INSERT INTO reelkeeper.reels (id, title, state, delivery_uri, created_at, state_since)
    SELECT 'R' || lpad(i::text, 6, '0'), 'Reel ' || i,
        (ARRAY['registered', 'registered', 'in work', 'awaiting decision', 'restored'])[1 + i % 5], '',
        now() - i * interval '1 minute', now() - (i * 7919 % 100000) * interval '1 minute'
    FROM generate_series(1, :count) AS i
    """,
    "INSERT INTO reelkeeper.chains (reel_id, length, head) SELECT id, 5, '' FROM reelkeeper.reels",
    # five events a reel; their hashes are of no consequence here
    """
    INSERT INTO reelkeeper.events (id, reel_id, seq, event_type, subtype, execution_id, started, ended, recorded_at,
        outcome, detail, previous_hash, hash)
    SELECT gen_random_uuid(), reel.id, n, 'ingestion', 'message digest calculation', reel.id || '/' || n,
        reel.created_at, reel.created_at, reel.created_at, 'success', '{"reason": "benchmark"}',
        encode(sha256((reel.id || n)::bytea), 'hex'), encode(sha256((reel.id || n + 1)::bytea), 'hex')
    FROM reelkeeper.reels AS reel, generate_series(1, 5) AS n
    """,
    """
    INSERT INTO reelkeeper.scans (event_id, reel_id, result_uri, frames, width, height, fps, bit_depth, pix_fmt)
    SELECT id, reel_id, 'vault:x', 16000, 2048, 1556, '24', 10, 'gbrp10le' FROM reelkeeper.events WHERE seq = 1
    """,
    """
    INSERT INTO reelkeeper.conditions (event_id, reel_id, run_id, result_uri, frames, urgency, severities, carrier,
        shots, recorded_at)
    SELECT id, reel_id, 'r' || seq, 'vault:x', 16000, random() * 100,
        jsonb_build_object('fade', random() * 100, 'dirt', random() * 60, 'stain', random() * 20), '{}', '[]',
        now() - seq * interval '300 days'
    FROM reelkeeper.events WHERE seq IN (2, 3) AND right(reel_id, 1) < '3'
    """,
    """
    INSERT INTO reelkeeper.carrier_readings (event_id, reel_id, base, made_year, ad_strip_level, read_by, read_at)
    SELECT event.id, reel_id, 'acetate', 1960, (random() * 6)::int / 2.0, agent.id, event.ended
    FROM reelkeeper.events AS event, reelkeeper.agents AS agent WHERE seq = 4 AND right(reel_id, 1) > '5'
    """,
    """
    INSERT INTO reelkeeper.queue (reel_id, purpose, state, urgency, basis, frames, device_h, worker_h, estimated_from,
        queued_by, queued_at, run_id, slot_at, worked_at)
    SELECT reel.id, 'restoration',
        CASE WHEN right(reel.id, 2) = '07' THEN 'held back' WHEN right(reel.id, 3) = '009' THEN 'started'
            WHEN right(reel.id, 1) = '8' THEN 'done' ELSE 'waiting' END,
        round((random() * 100)::numeric, 1), 'age', 16000, 2.5, 1.0, 'scan', agent.id, reel.created_at,
        CASE WHEN right(reel.id, 3) = '009' THEN 'nightly' END,
        CASE WHEN right(reel.id, 3) = '009' THEN now() END,
        CASE WHEN right(reel.id, 4) = '0009' THEN NULL ELSE now() END
    FROM reelkeeper.reels AS reel, reelkeeper.agents AS agent
    """,
    """
    INSERT INTO reelkeeper.executions (id, run_id, task_id, map_index, generation, segment, result_uri, signature,
        outcome, recorded_at, reel_id, step, device, frames, megapixels, treatments, wall_s, device_s, cpu_s)
    SELECT gen_random_uuid(), reel_id || seq, 'restore', 0, 0, '', 'vault:x', 's', 'success',
        now() - random() * interval '365 days', reel_id, 'restore', 'cuda', 500, 3.19, 2, 60, 60, 60
    FROM reelkeeper.events WHERE seq < 4
    """,
)


def fill_database(sessions: sessionmaker[Session], count: int) -> None:
    """Fill an empty schema with `count` reels, each with what a reel leaves."""
    for statement in _ROWS:
        with sessions.begin() as session:
            session.execute(text(statement), {"count": count} if ":count" in statement else {})
    with sessions().bind.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:  # type: ignore[union-attr]
        connection.execute(text("VACUUM ANALYZE"))


def asked_of(sessions: sessionmaker[Session]) -> list[tuple[str, bool, Ask]]:
    """Name, whether the bar holds for it, and the question."""
    with sessions() as session:
        last = str(
            session.scalar(
                text("SELECT reel_id FROM reelkeeper.queue WHERE state = 'waiting' ORDER BY priority LIMIT 1")
            )
        )

    def view(statement: str) -> Ask:
        return lambda session: session.execute(text(statement)).all()

    return [
        ("queue: its first fifty", True, lambda session: queue.places(session, states=(QueueState.WAITING,))),
        ("queue: fifty of every state", True,
         lambda session: [queue.places(session, states=(state,), limit=50) for state in QueueState]),
        ("queue: one reel", True, lambda session: queue.places(session, reel_id=last)),
        ("queue: how many come before the last", True, lambda session: queue.ahead(session, last)),
        ("queue: repairs", True, lambda session: queue.places(session, purpose=Purpose.REPAIR)),
        # the one that writes: once a night
        ("night: take forty hours", False, lambda session: nights.take(session, "a night", 40.0).taken),
        ("night: what is worked on", True, nights.working),
        ("board: the fifty that changed last", True, lambda session: reels.statuses(session, limit=50)),
        ("board: one reel", True, lambda session: reels.status(session, last)),
        ("board: fifty that await a decision", True, view(
            "SELECT * FROM reelkeeper.v_reel_status WHERE state = 'awaiting decision'"
            " ORDER BY state_since DESC, reel_id LIMIT 50")),
        ("board: how many in each state", True, view("SELECT state, count(*) FROM reelkeeper.reels GROUP BY state")),
        ("board: a page of what words find", True, lambda session: board(session, BoardQuery(words="reel 777"))),
        ("decay: one reel", True, view(f"SELECT * FROM reelkeeper.v_decay WHERE reel_id = '{last}'")),
        ("decay: the whole archive by urgency", False, view(
            "SELECT * FROM reelkeeper.v_decay ORDER BY urgency DESC NULLS LAST LIMIT 50")),
        ("throughput: the last thirty days", True, view(
            "SELECT * FROM reelkeeper.v_throughput WHERE day > now() - interval '30 days'")),
    ]  # fmt: skip


def seconds_of(sessions: sessionmaker[Session], ask: Ask) -> float:
    """How long a question takes in a session of its own; what it changes is taken back."""
    with sessions() as session:
        session.execute(text("SELECT 1"))
        begun = time.perf_counter()
        ask(session)
        took = time.perf_counter() - begun
        session.rollback()
    return took


def plans_of(sessions: sessionmaker[Session], ask: Ask) -> list[list[str]]:
    """The plans of the statements of a question that read, as the database carries them out."""
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    with sessions() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            ask(session)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        session.rollback()
        reading = [one for one in asked if one[0].lstrip().upper().startswith("SELECT") and "pg_advisory" not in one[0]]
        plans = []
        for statement, parameters in reading:
            connection = session.connection()
            rows = connection.exec_driver_sql("EXPLAIN (ANALYZE, BUFFERS) " + statement, parameters)
            plans.append([str(row[0]) for row in rows])
    return plans
