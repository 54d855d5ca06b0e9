"""The fast way through all chains: the database writes pieces of each event's canonical form, we join and hash them.

The pieces come from the query below, from the very columns staff read, with nothing but functions of `pg_catalog`; a
function stored in the database could be changed by its owner. Rows come through a cursor on the server, so memory does
not grow with the number of events. What does not fit is only marked here; `verify` reads that chain again, row by row,
and `chain.ChainedEvent` computes it without the database's help.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from restoration_tasks.provenance import chain

_ROWS_AT_ONCE = 2000


def _text(column: str) -> str:
    """The column as a JSON string, escaped as `runtime.spec.canonical_json` escapes it; NULL as null."""
    return f"coalesce(pg_catalog.to_json({column}::text)::text, 'null')"


def _row(*columns: str) -> str:
    return "'[' || " + " || ',' || ".join(columns) + " || ']'"


_OBJECT = _row(
    _text("link.role"), *(_text(f"linked.{name}") for name in ("id", "role", "uri", "sha256", "bytes", "media_type"))
)
_BEFORE = " || ',' || ".join(
    _text(f"event.{name}") for name in ("id", "reel_id", "seq", "event_type", "subtype", "execution_id")
)
_BEHIND = " || ',' || ".join(_text(f"event.{name}") for name in ("outcome", "detail", "previous_hash"))
EVENTS = f"""
SELECT event.reel_id, event.seq, event.previous_hash, event.hash, {_BEFORE} AS before,
    (event.started AT TIME ZONE 'UTC')::text AS started, (event.ended AT TIME ZONE 'UTC')::text AS ended,
    (event.recorded_at AT TIME ZONE 'UTC')::text AS recorded_at, {_BEHIND} AS behind,
    ARRAY(SELECT {_OBJECT} FROM reelkeeper.event_objects AS link
        JOIN reelkeeper.digital_objects AS linked ON linked.id = link.object_id
        WHERE link.event_id = event.id) AS objects,
    ARRAY(SELECT link.role || ' ' || link.agent_id::text FROM reelkeeper.event_agents AS link
        WHERE link.event_id = event.id) AS agents
FROM reelkeeper.events AS event
WHERE CAST(:reel AS text) IS NULL OR event.reel_id = :reel
ORDER BY event.reel_id, event.seq
"""  # noqa: S608 - made of constants
"""Every event in order, as pieces of its canonical form; links are not sorted yet."""
AGENTS = f"""
SELECT linked.id::text, {
    " || ',' || ".join(_text(f"linked.{name}") for name in ("id", "kind", "name", "version", "sha256"))
} FROM reelkeeper.agents AS linked
"""  # noqa: S608 - made of constants
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
    connection.execute(text("SET LOCAL datestyle = 'ISO'"))
    connection.execute(text("SET LOCAL cursor_tuple_fraction = 1.0"))
    # compiling the query takes longer than it saves
    connection.execute(text("SET LOCAL jit = off"))


def heads(connection: Connection, reel: str | None) -> dict[str, tuple[int, str]]:
    """Length and head of every chain, or of one."""
    return {row.reel_id: (row.length, row.head) for row in connection.execute(text(HEADS), {"reel": reel})}


class Form:
    """Puts the pieces of canonical forms together. Agents are few and in many events: they are read once.

    Args:
        connection: prepared.
    """

    def __init__(self, connection: Connection) -> None:
        self._agents: dict[str, str] = {row[0]: row[1] for row in connection.execute(text(AGENTS))}
        self._linked: dict[str, str] = {}

    def canonical(
        self,
        before: str,
        started: str,
        ended: str,
        recorded_at: str,
        behind: str,
        objects: list[str],
        agents: list[str],
    ) -> bytes:
        """The canonical form of one event; a row of links begins with its role and id, by which it is sorted."""
        linked = ",".join(sorted([self._agent(one) for one in agents]))
        return (
            f'["{chain.FORMAT}",{before},"{_utc(started)}","{_utc(ended)}","{_utc(recorded_at)}",{behind},'
            f"[{','.join(sorted(objects))}],[{linked}]]"
        ).encode()

    def _agent(self, link: str) -> str:
        found = self._linked.get(link)
        if found is None:
            role, _, agent_id = link.rpartition(" ")
            found = f"[{json.dumps(role)},{self._agents.get(agent_id, 'null')}]"
            self._linked[link] = found
        return found


def _utc(shown: str) -> str:
    """A time as Postgres shows it, as the canonical form has it.

    >>> _utc("2026-11-22 12:00:00.5")
    '2026-11-22T12:00:00.500000Z'
    """
    return f"{shown[:10]}T{shown[11:19]}.{shown[20:]:0<6}Z"


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
    form = Form(connection)
    for reel_id, seq, before, digest, *pieces in streamed.execute(text(EVENTS), {"reel": reel}):
        if reel_id != current:
            if current is not None:
                yield Passed(current, count, whole, previous, hashes)
            current, places = reel_id, asked.get(reel_id, set())
            count, whole, previous, hashes = 0, True, chain.genesis(reel_id), {}
        count += 1
        if seq != count or before != previous or hashlib.sha256(form.canonical(*pieces)).hexdigest() != digest:
            whole = False
        if seq in places:
            hashes[seq] = digest
        previous = digest
    if current is not None:
        yield Passed(current, count, whole, previous, hashes)
