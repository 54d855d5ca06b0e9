"""The fast way through all chains: columns are read as they stand, in ranges of reels, and every event is computed.

The database only hands out columns, from the very tables staff read, by plain queries with nothing but functions of
`pg_catalog`; a function stored in the database could be changed by its owner. Joining, canonical form and hash are
ours. Rows come as `COPY` writes them: its escapes are those of JSON but for a few characters, so that a whole range of
rows is made JSON in one go. Memory does not grow with the number of events. What does not fit is only marked here;
`verify` reads that chain again, row by row, and `chain.ChainedEvent` computes it without all this.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from restoration_tasks.provenance import chain

EVENTS_AT_ONCE = 20_000
"""About as many are read at once, with their links some 40 MB; a single reel's are never parted."""

HEADS = "SELECT reel_id, length, head FROM reelkeeper.chains WHERE CAST(:reel AS text) IS NULL OR reel_id = :reel"
_LENGTHS = "SELECT reel_id, length FROM reelkeeper.chains ORDER BY reel_id"
_AGENTS = "SELECT id::text, kind::text, name, version, sha256 FROM reelkeeper.agents"


def _utc(column: str) -> str:
    """A time as the canonical form has it (`chain.utc_text`)."""
    return f"pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def _links(table: str, other: str) -> str:
    """An event's links as an array of role and id. An element has a space in it, so that each is quoted."""
    return (
        f"ARRAY(SELECT link.role || ' ' || link.{other}::text FROM reelkeeper.{table} AS link"  # noqa: S608 - constants
        " WHERE link.event_id = event.id)"
    )


_EVENTS = f"""SELECT reel_id, seq, previous_hash, hash, {_links("event_objects", "object_id")},
    {_links("event_agents", "agent_id")}, id, reel_id, seq, event_type, subtype, execution_id,
    {_utc("started")}, {_utc("ended")}, {_utc("recorded_at")}, outcome, detail, previous_hash
FROM reelkeeper.events AS event WHERE {{}} ORDER BY reel_id, seq"""  # noqa: S608 - made of constants
_OBJECTS = "SELECT reel_id, id, role, uri, sha256, bytes, media_type FROM reelkeeper.digital_objects AS event WHERE {}"

# what COPY has escaped, and control characters it leaves as they are; tab and line end part columns and rows
_ESCAPED = re.compile(rb"\\.|[\x01-\x08\x0b-\x1f]")
_ID_LENGTH = 36
_BETWEEN = b'\\",\\"'


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


class Computed(NamedTuple):
    """One event's columns that make the chain, as they were read, and its canonical form."""

    reel: bytes
    """The reel's id inside a JSON string."""
    seq: bytes
    previous: bytes
    hash: bytes
    canonical: bytes


def prepare(connection: Connection, snapshot: str | None = None) -> None:
    """Begin a transaction that sees one moment and changes nothing; has to come first in it.

    Args:
        connection: in no transaction yet.
        snapshot: see what the transaction sees that exported this; by default the present moment.
    """
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    if snapshot is not None:
        connection.execute(text(f"SET TRANSACTION SNAPSHOT {_literal(connection, snapshot)}"))
    # nothing of the database's own may stand in for what pg_catalog has
    connection.execute(text("SET LOCAL search_path = pg_catalog"))
    # compiling the queries takes longer than it saves
    connection.execute(text("SET LOCAL jit = off"))


def heads(connection: Connection, reel: str | None) -> dict[str, tuple[int, str]]:
    """Length and head of every chain, or of one."""
    return {row.reel_id: (row.length, row.head) for row in connection.execute(text(HEADS), {"reel": reel})}


def passes(connection: Connection, conditions: Iterable[str], asked: Mapping[str, Collection[int]]) -> Iterator[Passed]:
    """Follow every chain in these ranges that has events, and compute every event.

    Args:
        connection: prepared.
        conditions: ranges of reels, from `ranges`.
        asked: places, by reel, whose hashes the caller wants.
    """
    reel_id, current = "", b""
    places: Collection[int] = ()
    count, whole, previous, hashes = 0, True, b"", dict[int, str]()
    sha256 = hashlib.sha256
    for in_json, seq, before, digest, canonical in computed(connection, conditions):
        if in_json != current:
            if count:
                yield Passed(reel_id, count, whole, previous.decode(), hashes)
            current, reel_id = in_json, json.loads(b'"%b"' % in_json)
            places, hashes = asked.get(reel_id, ()), {}
            count, whole, previous = 0, True, chain.genesis(reel_id).encode()
        count += 1
        if sha256(canonical).hexdigest().encode() != digest or before != previous or seq != b"%d" % count:
            whole = False
        if places and seq.isdigit() and int(seq) in places:
            hashes[int(seq)] = digest.decode()
        previous = digest
    if count:
        yield Passed(reel_id, count, whole, previous.decode(), hashes)


def computed(connection: Connection, conditions: Iterable[str]) -> Iterator[Computed]:
    """Every event of these ranges, in the order of reel and place within each, with its canonical form.

    Args:
        connection: prepared.
        conditions: ranges of reels, from `ranges`.
    """
    agents = {
        agent_id.encode(): json.dumps([agent_id, *others], ensure_ascii=False, separators=(",", ":")).encode()[1:-1]
        for agent_id, *others in connection.execute(text(_AGENTS))
    }
    for condition in conditions:
        objects: dict[bytes, dict[bytes, bytes]] = {}
        for row in _copy(connection, _OBJECTS.format(condition)):
            reel_id, _, covered = row.partition(b"\t")
            objects.setdefault(reel_id, {})[covered[:_ID_LENGTH]] = b'"%b"' % covered.replace(b"\t", b'","')
        yield from _compute(_copy(connection, _EVENTS.format(condition)), objects, agents)


def _compute(
    rows: list[bytes], objects: dict[bytes, dict[bytes, bytes]], agents: dict[bytes, bytes]
) -> Iterator[Computed]:
    """Canonical forms of a range of events; an object of another reel is none an event can have had."""
    start = b'["%b","' % chain.FORMAT.encode()
    together: dict[bytes, bytes] = {}
    for row in rows:
        reel_id, seq, previous, digest, with_objects, with_agents, covered = row.split(b"\t", 6)
        # the same few agents take part in most events
        if (took_part := together.get(with_agents)) is None:
            took_part = together[with_agents] = _linked(with_agents, agents)
        canonical = b'%b%b",[%b],[%b]]' % (
            start,
            covered.replace(b"\t", b'","'),
            _linked(with_objects, objects.get(reel_id, {})),
            took_part,
        )
        yield Computed(reel_id, seq, previous, digest, canonical)


def _linked(links: bytes, known: dict[bytes, bytes]) -> bytes:
    """An array of links as the canonical form has it.

    What is linked to but not there, and a role so odd that the array had to escape it, leave a form that fits no hash.
    """
    if links == b"{}":
        return b""
    # `for_json` has put a backslash before each quote
    inner = links[3:-3]
    if inner.count(b"\\") != 2 * inner.count(_BETWEEN):
        return b"?"
    # an element begins with role and id, by which they are sorted
    return b",".join(
        sorted([b'["%b",%b]' % (one[:-37], known.get(one[-_ID_LENGTH:], b"")) for one in inner.split(_BETWEEN)])
    )


def ranges(connection: Connection, reel: str | None = None) -> list[str]:
    """Conditions that part all reels there can be, known or not, into ranges of about as many events; or one reel's.

    The order of reels is the database's own, by which it also compares them. The lengths of chains only say how much
    to read at once.
    """
    if reel is not None:
        return [f"event.reel_id = {_literal(connection, reel)}"]
    bounds, waiting = list[str](), 0
    for reel_id, length in connection.execute(text(_LENGTHS)):
        if waiting >= EVENTS_AT_ONCE:
            bounds.append(_literal(connection, reel_id))
            waiting = 0
        waiting += length
    if not bounds:
        return ["event.reel_id IS NOT NULL"]
    between = itertools.pairwise(bounds)
    return [
        f"event.reel_id < {bounds[0]}",
        *(f"event.reel_id >= {low} AND event.reel_id < {high}" for low, high in between),
        f"event.reel_id >= {bounds[-1]}",
    ]


def _literal(connection: Connection, value: str) -> str:
    """Text as SQL, as COPY takes no parameters."""
    cursor: Any = connection.connection.cursor()
    with cursor:
        written: bytes = cursor.mogrify("%s", (value,))
    return written.decode()


def _copy(connection: Connection, query: str) -> list[bytes]:
    """The query's rows as COPY writes them, columns parted by tabs, made fit for JSON strings."""
    received = BytesIO()
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT text, ENCODING 'UTF8')", received)
    return for_json(received.getvalue()).split(b"\n")[:-1]


def for_json(copied: bytes) -> bytes:
    r"""What `COPY … (FORMAT text)` wrote, with every column escaped as `runtime.spec.canonical_json` escapes it.

    COPY writes backslash, tab, line end, backspace, form feed and carriage return as JSON does; quotes it leaves as
    they are, as it does most control characters, and a vertical tab is `\v`. NULL stays `\N`, which is no JSON.

    >>> for_json(b'a "b" \\\\ \\t\x07 \\v\tc\n')
    b'a \\"b\\" \\\\ \\t\\u0007 \\u000b\tc\n'
    """
    import numpy as np

    copied = copied.replace(b'"', b'\\"')
    control = np.count_nonzero(np.frombuffer(copied, np.uint8) < 0x20)
    if control == copied.count(b"\t") + copied.count(b"\n") and b"\\v" not in copied:
        return copied
    return _ESCAPED.sub(_escape, copied)


def _escape(found: re.Match[bytes]) -> bytes:
    what = found[0]
    if what == b"\\v":
        return b"\\u000b"
    return what if what.startswith(b"\\") else b"\\u%04x" % what[0]
