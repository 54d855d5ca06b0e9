"""The statements that record an event: one trip to the database opens its reel's chain, one writes the event.

Trips are what recording costs beside the commit, so statements travel together, parted by semicolons. Postgres runs
them one after the other inside the caller's transaction, each with a snapshot of its own: what stands behind the lock
sees whatever the writer before has committed. Lists travel as arrays, so that a statement is the same for one file and
for ten thousand. Nothing is computed in the database; the hash comes from `chain`, from the values written here.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from restoration_tasks.provenance.chain import ChainedEvent, genesis
from restoration_tasks.provenance.ids import new_id


class AgentIdentity(NamedTuple):
    """What makes a piece of software, a model, a device or an organisation one row."""

    kind: str
    name: str
    version: str | None
    sha256: str | None


class AgentRow(NamedTuple):
    """An agent's columns, in the order of `chain.LinkedAgent`."""

    id: str
    kind: str
    name: str | None
    version: str | None
    sha256: str | None


class ObjectIdentity(NamedTuple):
    """What makes a file of a reel one object."""

    uri: str
    sha256: str


class ObjectRow(NamedTuple):
    """An object's columns, in the order of `chain.LinkedObject`."""

    id: str
    role: str
    uri: str
    sha256: str
    bytes: int
    media_type: str


class FixityRow(NamedTuple):
    """A digest to be written with an event."""

    object_id: str
    digest: str
    checked_at: datetime
    outcome: str


class RecordedRow(NamedTuple):
    """Where an execution stands that has been recorded."""

    id: uuid.UUID
    reel_id: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class OpenChain:
    """A reel's chain, locked until the transaction ends, and what is known of all that an event names."""

    recorded: RecordedRow | None
    """The event this execution has already, of whatever reel; there may be agents missing then."""
    length: int
    head: str
    agents: dict[AgentIdentity, AgentRow]
    """Every one that was asked for."""
    objects: dict[ObjectIdentity, ObjectRow]
    """Those there are."""


_WANTED_AGENTS = (
    "unnest(%(kinds)s::text[], %(names)s::text[], %(versions)s::text[], %(digests)s::text[])"
    " AS wanted (kind, name, version, sha256)"
)
_RECORDED = "SELECT id, reel_id, seq, hash FROM reelkeeper.events WHERE execution_id = %(execution)s"

# sorted: two transactions that make the same agents must not wait for each other
_MAKE_AGENTS = f"""
INSERT INTO reelkeeper.agents (id, kind, name, version, sha256)
SELECT gen_random_uuid(), wanted.* FROM {_WANTED_AGENTS}
WHERE {{}} ORDER BY kind, name, version, sha256
ON CONFLICT DO NOTHING;
"""  # noqa: S608 - made of constants
_FIND_AGENTS = f"""
SELECT agent.id::text, agent.kind, agent.name, agent.version, agent.sha256
FROM {_WANTED_AGENTS} JOIN reelkeeper.agents AS agent
    ON agent.kind = wanted.kind AND agent.name = wanted.name
    AND agent.version IS NOT DISTINCT FROM wanted.version AND agent.sha256 IS NOT DISTINCT FROM wanted.sha256
"""  # noqa: S608

# the last statement begins with the lock held, so it sees what whoever held it before has recorded
_OPEN = f"""
{_MAKE_AGENTS.format(f"NOT EXISTS ({_RECORDED})")}
INSERT INTO reelkeeper.chains (reel_id, length, head) VALUES (%(reel)s, 0, %(genesis)s) ON CONFLICT DO NOTHING;

SELECT FROM reelkeeper.chains WHERE reel_id = %(reel)s FOR UPDATE;

SELECT recorded.id, recorded.reel_id, recorded.seq, recorded.hash, chain.length, chain.head,
    (SELECT json_agg(json_build_array(id, kind, name, version, sha256)) FROM ({_FIND_AGENTS}) AS agent),
    (SELECT json_agg(json_build_array(id, role, file.uri, file.sha256, bytes, media_type))
     FROM unnest(%(uris)s::text[], %(object_digests)s::text[]) AS wanted (uri, sha256)
     JOIN reelkeeper.digital_objects AS file
         ON file.reel_id = %(reel)s AND file.uri = wanted.uri AND file.sha256 = wanted.sha256)
FROM reelkeeper.chains AS chain LEFT JOIN ({_RECORDED}) AS recorded ON true
WHERE chain.reel_id = %(reel)s
"""  # noqa: S608

_WRITE_OBJECTS = """
INSERT INTO reelkeeper.digital_objects (id, reel_id, role, uri, sha256, bytes, media_type)
SELECT id, %(reel_id)s, role, uri, sha256, bytes, media_type
FROM unnest(%(new_ids)s::uuid[], %(new_roles)s::text[], %(new_uris)s::text[], %(new_digests)s::text[],
            %(new_bytes)s::bigint[], %(new_types)s::text[]) AS new (id, role, uri, sha256, bytes, media_type);
"""
_WRITE_EVENT = """
UPDATE reelkeeper.chains SET length = %(seq)s, head = %(hash)s WHERE reel_id = %(reel_id)s;

INSERT INTO reelkeeper.events
    (id, reel_id, seq, event_type, subtype, execution_id, started, ended, recorded_at, outcome, detail,
     previous_hash, hash)
VALUES (%(id)s, %(reel_id)s, %(seq)s, %(event_type)s, %(subtype)s, %(execution_id)s, %(started)s, %(ended)s,
        %(recorded_at)s, %(outcome)s, %(detail)s, %(previous_hash)s, %(hash)s);
"""
_WRITE_EVENT_OBJECTS = """
INSERT INTO reelkeeper.event_objects (event_id, object_id, role)
SELECT %(id)s, * FROM unnest(%(objects)s::uuid[], %(object_links)s::text[]);
"""
_WRITE_EVENT_AGENTS = """
INSERT INTO reelkeeper.event_agents (event_id, agent_id, role)
SELECT %(id)s, * FROM unnest(%(agents)s::uuid[], %(agent_links)s::text[]);
"""
_WRITE_FIXITY = """
INSERT INTO reelkeeper.fixity (event_id, algorithm, id, object_id, digest, checked_at, outcome)
SELECT %(id)s, 'sha256', *
FROM unnest(%(read_ids)s::uuid[], %(read)s::uuid[], %(read_digests)s::text[], %(read_at)s::timestamptz[],
            %(read_outcomes)s::text[]);
"""


def ensure_agents(session: Session, wanted: Collection[AgentIdentity]) -> dict[AgentIdentity, AgentRow]:
    """These agents, made where they are new, always in the same order."""
    if not wanted:
        return {}
    found = session.connection().exec_driver_sql(_MAKE_AGENTS.format("true") + _FIND_AGENTS, _agents(wanted))
    return {AgentIdentity(*row[1:]): AgentRow(*row) for row in found}


def find_recorded(session: Session, execution_id: str) -> RecordedRow | None:
    """The event an execution has, or None."""
    row = session.connection().exec_driver_sql(_RECORDED, {"execution": execution_id}).one_or_none()
    return None if row is None else RecordedRow(*row)


def open_chain(
    session: Session,
    reel_id: str,
    execution_id: str,
    agents: Collection[AgentIdentity],
    objects: Collection[ObjectIdentity],
) -> OpenChain:
    """Make what agents are new, then lock the reel's chain, made if new: the next writer of the reel waits here.

    Agents come first everywhere and chains after, so that two transactions never wait for each other.
    """
    uris, digests = _columns(objects, 2)
    parameters = {
        "reel": reel_id, "execution": execution_id, "genesis": genesis(reel_id), "uris": uris,
        "object_digests": digests, **_agents(agents),
    }  # fmt: skip
    row = session.connection().exec_driver_sql(_OPEN, parameters).one()
    *recorded, length, head, known_agents, known_objects = row
    return OpenChain(
        None if recorded[0] is None else RecordedRow(*recorded),
        length,
        head,
        {AgentIdentity(*one[1:]): AgentRow(*one) for one in known_agents or ()},
        {ObjectIdentity(one[2], one[3]): ObjectRow(*one) for one in known_objects or ()},
    )


def write(session: Session, event: ChainedEvent, new: Collection[ObjectRow], fixity: Sequence[FixityRow]) -> None:
    """Write a sealed event at the end of its chain, with the objects that are new, its links and digests.

    The chain has to be open in this transaction, and the event to be sealed behind its head.
    """
    new_ids, new_roles, new_uris, new_digests, new_bytes, new_types = _columns(new, 6)
    read, read_digests, read_at, read_outcomes = _columns(fixity, 4)
    parameters = {name: getattr(event, name) for name in ChainedEvent.__slots__} | {
        "new_ids": new_ids, "new_roles": new_roles, "new_uris": new_uris, "new_digests": new_digests,
        "new_bytes": new_bytes, "new_types": new_types,
        "objects": [one.id for one in event.objects], "object_links": [one.link for one in event.objects],
        "agents": [one.id for one in event.agents], "agent_links": [one.link for one in event.agents],
        "read_ids": [str(new_id()) for _ in fixity], "read": read, "read_digests": read_digests,
        "read_at": read_at, "read_outcomes": read_outcomes,
    }  # fmt: skip
    statements = [
        (_WRITE_OBJECTS, new),
        (_WRITE_EVENT, event.id),
        (_WRITE_EVENT_OBJECTS, event.objects),
        (_WRITE_EVENT_AGENTS, event.agents),
        (_WRITE_FIXITY, fixity),
    ]
    needed = "".join(statement for statement, rows in statements if rows)
    session.connection().exec_driver_sql(needed, parameters)


def _agents(wanted: Collection[AgentIdentity]) -> dict[str, list[Any]]:
    kinds, names, versions, digests = _columns(set(wanted), 4)
    return {"kinds": kinds, "names": names, "versions": versions, "digests": digests}


def _columns(rows: Collection[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
