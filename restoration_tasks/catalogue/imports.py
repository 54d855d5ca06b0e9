"""Import: what a table says of films and reels enters the catalogue, all of it or nothing, and only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import carriers, cells, descriptions
from restoration_tasks.catalogue.columns import BY_NAME, DESCRIBING, Level, of_level
from restoration_tasks.catalogue.tables import Table
from restoration_tasks.catalogue.work_models import Work
from restoration_tasks.provenance.agents import Person, ensure_agents
from restoration_tasks.provenance.chain import ARCHIVE
from restoration_tasks.provenance.recorder import EventDraft, append_event
from restoration_tasks.provenance.vocabulary import IMPORT_TERM, AgentRole, Outcome
from restoration_tasks.runtime.errors import WrongUse

_WORK, _ITEM = of_level(Level.WORK), of_level(Level.ITEM)
_CARRIER: Final = of_level(Level.CARRIER)
_LINKS: Final = frozenset({"item", "reel", "work"})
_SHOWN: Final = 80
"""Characters of a wrong value in its message."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one cell."""

    row: int
    """As a spreadsheet shows it."""
    column: str
    found: str
    expected: str

    def __str__(self) -> str:
        found = self.found if len(self.found) <= _SHOWN else f"{self.found[:_SHOWN]}…"
        return f"row {self.row}, column {self.column}: found {found!r}, expected {self.expected}"


class TableRefused(WrongUse):
    """Rows of a table cannot be imported; nothing of it was."""

    def __init__(self, table: Table, problems: Sequence[Problem]) -> None:
        rows = {problem.row for problem in problems}
        super().__init__(
            f"{len(rows)} of {len(table.rows)} rows cannot be imported, so that none was; first {problems[0]}",
            file=table.name,
            action="correct the rows and import the table again",
        )
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Change:
    """What a row brings."""

    row: int
    item: str
    reel: str | None
    new: bool
    """Nothing of the item, nor of the reel, was described before."""
    values: Mapping[str, Any]
    """By column, of those the table has."""
    changed: Mapping[str, tuple[str, str]]
    """By column: as it was and as it is now, as the table writes it. Of what is new, what is not empty."""


def changes_of(session: Session, table: Table) -> list[Change]:
    """What importing a table would change, row by row; rows that change nothing are not among them.

    Raises:
        TableRefused: some rows are wrong; its `problems` are all there are.
        WrongUse: the header is wrong.
    """
    _require_header(table)
    problems: list[Problem] = []
    parsed = [(number, _parse(table, number, row, problems)) for number, row in table.rows]
    reel_ids = {values["reel"] for _, values in parsed if values.get("reel")}
    standing = descriptions.known(session, reel_ids=reel_ids)
    by_reel = {reel: values for (_, reel), values in standing.items()}
    for _, values in parsed:
        reel = values.get("reel")
        values["item"] = values.get("item") or (by_reel[reel]["item"] if reel in by_reel else reel)
    standing |= descriptions.known(session, items={values["item"] for _, values in parsed if values["item"]})
    by_item = {item: values for (item, _), values in standing.items()}
    found = []
    for number, values in parsed:
        if not values["item"]:
            problems.append(Problem(number, "item", "", "a shelf mark, or a reel"))
            continue
        reel = values.get("reel")
        before = by_reel.get(reel) if reel else by_item.get(values["item"])
        if before is None and values["item"] in by_item:
            nothing = {name: BY_NAME[name].empty for name in _CARRIER}
            before = by_item[values["item"]] | nothing | {"reel": None}
        of_item = by_item.get(values["item"])
        like = of_item or before
        values["work"] = values.get("work") or (like["work"] if like else values["item"])
        if like and like["work"] == values["work"]:
            values.setdefault("title", like["title"])
        if change := _change(number, values, before):
            found.append(change)
    problems += _contradictions(parsed)
    problems += _untitled(session, parsed)
    if problems:
        raise TableRefused(table, sorted(problems, key=lambda one: one.row))
    return found


def import_table(session: Session, table: Table, *, person: Person) -> list[Change]:
    """Import a table; what it changed, nothing where it says what is known.

    What a reel was known by and is no more stands in an event of that reel; an event of the archive tells of the table.

    Raises:
        TableRefused: some rows are wrong.
        WrongUse: the header is wrong.
    """
    descriptions.lock(session)
    changes = changes_of(session, table)
    if not changes:
        return []
    moment = datetime.now(UTC)
    who = Person(person.login, person.name, AgentRole.IMPLEMENTER)
    # people first and chains after, in one order, as everybody does
    ensure_agents(session, (who,))
    describer = descriptions.Describer(session)
    for change in changes:
        linked = change.new or _LINKS.intersection(change.changed)
        describer.write(change.values, change.values if linked else change.changed)
    for change in sorted((one for one in changes if one.reel), key=lambda one: str(one.reel)):
        _record_reading(session, change, person=person, at=moment)
        told = {name: pair for name, pair in change.changed.items() if name not in _CARRIER}
        if not change.new and told:
            detail = _source(table) | {"row": change.row, "changed": _told(told)}
            append_event(session, _draft(str(change.reel), table, detail, who, moment))
    summary = {
        "rows": len(table.rows),
        "new": sum(change.new for change in changes),
        "changed": sum(not change.new for change in changes),
        "items": {c.item: _told(c.changed) for c in changes if c.reel is None and not c.new},
    }
    append_event(session, _draft(ARCHIVE, table, _source(table) | summary, who, moment))
    return changes


def _require_header(table: Table) -> None:
    names = [name.strip().lower() for name in table.header]
    unknown = [name for name in names if name not in BY_NAME]
    twice = {name for name in names if names.count(name) > 1}
    if unknown or twice or not {"item", "reel"}.intersection(names):
        wrong = f"unknown column {unknown[0]!r}" if unknown else f"column {min(twice)!r} twice" if twice else ""
        raise WrongUse(
            "the first row does not name the columns",
            file=table.name,
            expected=f"item or reel, and any of {', '.join(DESCRIBING)}",
            found=wrong or "neither item nor reel",
            action="correct the first row; `reelkeeper catalogue export --csv -` writes one",
        )


def _parse(table: Table, number: int, row: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
    """The values of a row, of the columns the table has; what is wrong goes to the problems."""
    values: dict[str, Any] = {}
    for place, raw in enumerate(row[len(table.header) :], start=len(table.header) + 1):
        if raw:
            problems.append(Problem(number, f"number {place}", raw, "nothing beyond the named columns"))
    for place, heading in enumerate(table.header):
        column = BY_NAME[heading.strip().lower()]
        if column.level is Level.RESULT:
            continue
        raw = row[place] if place < len(row) else ""
        if wrong := cells.fault(raw):
            problems.append(Problem(number, column.name, raw, f"no {wrong}" if "U+" in wrong else wrong))
            continue
        try:
            values[column.name] = column.value(cells.plain(raw))
        except ValueError:
            problems.append(Problem(number, column.name, raw, column.expected))
    if "title" in values and not values["title"]:
        del values["title"]  # a film always has one: an empty cell leaves it
    if not values.get("reel"):
        problems += (
            Problem(number, name, cells.written(values[name]), "a reel in this row, as it is the reel that was read")
            for name in sorted(_CARRIER & values.keys())
            if values[name] not in (None, "")
        )
    return values


def _change(number: int, values: Mapping[str, Any], before: Mapping[str, Any] | None) -> Change | None:
    old = before or {name: BY_NAME[name].empty for name in values}
    changed = {
        name: (cells.written(old[name]), cells.written(value))
        for name, value in values.items()
        if value != old[name] and not (value in (None, "") and (name in _CARRIER or name == "reel"))
    }
    if before is not None and not changed:
        return None
    return Change(number, values["item"], values.get("reel"), before is None, values, changed)


def _contradictions(parsed: Iterable[tuple[int, Mapping[str, Any]]]) -> list[Problem]:
    """Rows that say twice, or differently, what can be said once."""
    problems: list[Problem] = []
    rows: dict[tuple[Any, Any], int] = {}
    told: dict[tuple[str, str], tuple[int, Mapping[str, Any]]] = {}
    for number, values in parsed:
        if not values["item"]:
            continue
        reel = values.get("reel")
        key = ("reel", reel) if reel else ("item", values["item"])
        if key in rows:
            problems.append(Problem(number, key[0], str(key[1]), f"each once; row {rows[key]} has it too"))
        rows.setdefault(key, number)
        for kind, names in (("work", _WORK), ("item", _ITEM | {"work"})):
            first, said = told.setdefault((kind, values[kind]), (number, values))
            for name in sorted(names & values.keys() & said.keys()):
                if values[name] != said[name]:
                    expected = f"what row {first} says of the same {kind}: {cells.written(said[name])[:_SHOWN]!r}"
                    problems.append(Problem(number, name, cells.written(values[name]), expected))
    return problems


def _untitled(session: Session, parsed: Iterable[tuple[int, Mapping[str, Any]]]) -> list[Problem]:
    """Rows of a film that nobody knows, without its title."""
    without = {values["work"]: number for number, values in parsed if values["item"] and not values.get("title")}
    known = set(session.scalars(select(Work.identifier).where(Work.identifier.in_(without))))
    return [
        Problem(number, "title", "", f"a title, as film {work} is not known yet")
        for work, number in without.items()
        if work not in known
    ]


def _record_reading(session: Session, change: Change, *, person: Person, at: datetime) -> None:
    """Record what was read off the carrier, where a row says something new of it."""
    assert change.reel is not None
    base_is_new = change.values.get("base") is not None and {"base", "reel"}.intersection(change.changed)
    if not base_is_new and not _CARRIER.intersection(change.changed):
        return
    read = {name: change.values.get(name) for name in _CARRIER - {"carrier_note"}}
    before = carriers.newest(session, change.reel)
    note = change.values.get("carrier_note") or (before.note if before else "")
    carriers.record(
        session,
        change.reel,
        carriers.Reading(**read, base=change.values.get("base"), note=note),
        person=person,
        at=at,
    )


def _told(changed: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return {name: {"before": before, "now": now} for name, (before, now) in changed.items()}


def _source(table: Table) -> dict[str, Any]:
    return {"table": table.name, "sha256": table.sha256}


def _draft(chain: str, table: Table, detail: Mapping[str, Any], who: Person, at: datetime) -> EventDraft:
    return EventDraft(
        reel_id=chain,
        execution_id=f"import/{table.sha256[:16]}/{at.isoformat()}/{chain}",
        term=IMPORT_TERM,
        started=at,
        ended=at,
        outcome=Outcome.SUCCESS,
        detail=detail,
        participants=(who,),
    )
