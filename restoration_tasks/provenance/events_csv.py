"""The events of a reel as a table (CSV) that a spreadsheet opens as what it is: text.

UTF-8 with a byte order mark, as Excel asks for; comma, CRLF (RFC 4180). A cell that a spreadsheet would take for a
formula (it begins with `=`, `+`, `-`, `@`, their full-width forms, a tab or a line end), and one that begins with an
apostrophe, gets an apostrophe before it: to read the table back, take one leading apostrophe off. Excel itself shows at
most 32,767 characters of a cell; the file holds all of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, ReelChain, utc_text
from restoration_tasks.provenance.text import xml_text
from restoration_tasks.provenance.vocabulary import AgentKind, ObjectRole

COLUMNS: Final = (
    "reel_id", "seq", "event_id", "event_type", "subtype", "started", "ended", "recorded_at", "outcome", "agents",
    "sources", "outcomes", "detail", "execution_id", "previous_hash", "hash",
)  # fmt: skip
_NOT_BARE: Final = tuple("=+-@＝＋－＠\t\r\n'")


def events_csv(line: ReelChain, *, names: Mapping[str, str] | None = None) -> bytes:
    """One row an event, in the order of the chain.

    Files are given as role and sha256, software by name and version, people by number.

    Args:
        line: the chain.
        names: people's names by agent id.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for event in line.events:
        writer.writerow(safe_cell(cell) for cell in _row(event, names or {}))
    return table.getvalue().encode("utf-8-sig")


def safe_cell(text: str) -> str:
    """The text as a cell no spreadsheet computes; control characters that XML cannot hold either become U+FFFD.

    >>> safe_cell("=1+1"), safe_cell("plain"), safe_cell("'quoted'")
    ("'=1+1", 'plain', "''quoted'")
    """
    text = xml_text(text)
    return f"'{text}" if text.startswith(_NOT_BARE) else text


def _row(event: ChainedEvent, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        event.reel_id,
        str(event.seq),
        event.id,
        event.event_type,
        event.subtype,
        utc_text(event.started),
        utc_text(event.ended),
        utc_text(event.recorded_at),
        event.outcome,
        "; ".join(_agent(agent, names) for agent in event.agents),
        _files(event, ObjectRole.SOURCE),
        _files(event, ObjectRole.OUTCOME),
        event.detail,
        event.execution_id,
        event.previous_hash,
        event.hash,
    )


def _files(event: ChainedEvent, link: ObjectRole) -> str:
    return "; ".join(f"{entry.role} {entry.sha256}" for entry in event.objects if entry.link == link)


def _agent(agent: LinkedAgent, names: Mapping[str, str]) -> str:
    if agent.kind == AgentKind.PERSON:
        return f"{agent.link}: {names.get(agent.id, f'person {agent.id}')}"
    return f"{agent.link}: {' '.join(part for part in (agent.name, agent.version) if part)}"
