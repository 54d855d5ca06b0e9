"""The fast way through all chains: the database writes each event's canonical form, we hash it and follow the line.

The form is written by the query below from the very columns staff read, with nothing but functions of `pg_catalog`; a
function stored in the database could be changed by its owner. Rows come through a cursor on the server, so memory does
not grow with the number of events. What does not fit is only marked here; `verify` reads that chain again, row by row,
and `chain.ChainedEvent` computes it without the database's help.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from restoration_tasks.provenance import chain

_ROWS_AT_ONCE = 2000


def _text(column: str) -> str:
    """The column as a JSON string, escaped as `runtime.spec.canonical_json` escapes it; NULL as null."""
    return f"coalesce(pg_catalog.to_json({column}::text)::text, 'null')"


def _time(column: str) -> str:
    shown = f"""pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return _text(shown)


def _row(*columns: str) -> str:
    return "'[' || " + " || ',' || ".join(columns) + " || ']'"


def _links(table: str, other: str, key: str, columns: tuple[str, ...]) -> str:
    row = _row(_text("link.role"), *(_text(f"linked.{column}") for column in columns))
    return f"""'[' || coalesce((
        SELECT pg_catalog.string_agg({row}, ',' ORDER BY link.role COLLATE "C", linked.id::text COLLATE "C")
        FROM reelkeeper.{table} AS link JOIN reelkeeper.{other} AS linked ON linked.id = link.{key}
        WHERE link.event_id = event.id), '') || ']'"""  # noqa: S608 - made of constants


_CANONICAL = _row(
    f"'\"{chain.FORMAT}\"'",
    *(_text(f"event.{column}") for column in ("id", "reel_id", "seq", "event_type", "subtype", "execution_id")),
    *(_time(f"event.{column}") for column in ("started", "ended", "recorded_at")),
    *(_text(f"event.{column}") for column in ("outcome", "detail", "previous_hash")),
    _links(
        "event_objects", "digital_objects", "object_id", ("id", "role", "uri", "sha256", "bytes", "media_type")
    ),
    _links("event_agents", "agents", "agent_id", ("id", "kind", "name", "version", "sha256")),
)  # fmt: skip
EVENTS = f"""
SELECT event.reel_id, event.seq, event.previous_hash, event.hash, {_CANONICAL} AS canonical
FROM reelkeeper.events AS event
WHERE CAST(:reel AS text) IS NULL OR event.reel_id = :reel
ORDER BY event.reel_id, event.seq
"""  # noqa: S608 - made of constants
"""Every event with its canonical form, in order."""
HEADS = "SELECT reel_id, length, head FROM reelkeeper.chains WHERE CAST(:reel AS text) IS NULL OR reel_id = :reel"


@dataclass(frozen=True)
class Passed:
    """What one pass over a chain found."""

    reel_id: str
    events: int
    whole: bool
    """Whether every hash fits its columns and the one before, without a gap."""
    head: str
    """Hash of the newest event; the genesis hash where there is none."""
    hashes: dict[int, str]
    """Hash by place, of the places that were asked for."""


def prepare(connection: Connection) -> None:
    """Begin a transaction that sees one moment and changes nothing; has to come first in it."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    # nothing of the database's own may stand in for what pg_catalog has; and all rows are wanted, not the first few
    connection.execute(text("SET LOCAL search_path = pg_catalog"))
    connection.execute(text("SET LOCAL cursor_tuple_fraction = 1.0"))


def heads(connection: Connection, reel: str | None) -> dict[str, tuple[int, str]]:
    """Length and head of every chain, or of one."""
    return {row.reel_id: (row.length, row.head) for row in connection.execute(text(HEADS), {"reel": reel})}


def passes(connection: Connection, reel: str | None, asked: dict[str, set[int]]) -> Iterator[Passed]:
    """Follow every chain that has events, or one, and compute every event.

    Args:
        connection: prepared.
        reel: one reel; all if None.
        asked: places, by reel, whose hashes the caller wants.
    """
    current: str | None = None
    places: set[int] = set()
    count, whole, previous, hashes = 0, True, "", dict[int, str]()
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
    for reel_id, seq, before, digest, canonical in streamed.execute(text(EVENTS), {"reel": reel}):
        if reel_id != current:
            if current is not None:
                yield Passed(current, count, whole, previous, hashes)
            current, places = reel_id, asked.get(reel_id, set())
            count, whole, previous, hashes = 0, True, chain.genesis(reel_id), {}
        count += 1
        if seq != count or before != previous or hashlib.sha256(canonical.encode()).hexdigest() != digest:
            whole = False
        if seq in places:
            hashes[seq] = digest
        previous = digest
    if current is not None:
        yield Passed(current, count, whole, previous, hashes)
