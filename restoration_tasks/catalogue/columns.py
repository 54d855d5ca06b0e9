"""The columns of the catalogue's table, in and out: one row a reel, or an item of which no reel is known yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from restoration_tasks.catalogue import cells
from restoration_tasks.catalogue.queue_models import Smell
from restoration_tasks.catalogue.work_models import (
    FIRST_YEAR,
    LAST_YEAR,
    MARK_CHARACTERS,
    ElementType,
    FilmBase,
    FilmGauge,
    TitleKind,
)


class Level(StrEnum):
    """What a column describes."""

    KEY = "key"
    WORK = "work"
    ITEM = "item"
    CARRIER = "carrier"
    """What was read off the reel; a reading only ever adds to what is known."""
    RESULT = "result"
    """What came of the reel; written, and passed over when read."""


@dataclass(frozen=True)
class Column:
    """One column."""

    name: str
    level: Level
    expected: str
    """What a cell may hold, for staff."""
    read: Callable[[str], Any] = str
    """The value of a cell that is not empty; ValueError where there is none."""
    empty: Any = None
    """The value of an empty cell."""

    def value(self, text: str) -> Any:
        """The value of a cell.

        Raises:
            ValueError: the cell does not hold what is expected.
        """
        if not text:
            return self.empty
        found = self.read(text)
        if len(cells.written(found)) > cells.CELL_CHARACTERS:
            raise ValueError(text)
        return found


def _terms(kind: type[StrEnum]) -> str:
    return ", ".join(member.value for member in kind)


COLUMNS: Final = (
    Column("item", Level.KEY, f"shelf mark, {MARK_CHARACTERS} characters at most", cells.mark),
    Column("reel", Level.KEY, "reel id: 1-64 letters, digits, '.', '_' or '-'", cells.reel_id),
    Column("work", Level.KEY, f"id of the film in your catalogue, {MARK_CHARACTERS} characters at most", cells.mark),
    Column("title", Level.WORK, "the preferred title"),
    Column(
        "alternative_titles",
        Level.WORK,
        f"title; language; kind | … with kind one of {_terms(TitleKind)}, none twice",
        cells.titles,
        (),
    ),
    Column("year", Level.WORK, f"a year, or first-last, between {FIRST_YEAR} and {LAST_YEAR}", cells.years),
    Column("countries", Level.WORK, "ISO 3166 codes in capitals, as HK | CN, none twice", cells.countries, ()),
    Column("languages", Level.WORK, "BCP 47 codes, as zh | en, none twice", cells.languages, ()),
    Column("makers", Level.WORK, "name; role | name; role, none twice", cells.makers, ()),
    Column("variant", Level.ITEM, f"the version's name, {MARK_CHARACTERS} characters at most", cells.mark),
    Column("element", Level.ITEM, f"one of {_terms(ElementType)}", cells.one_of(ElementType)),
    Column("gauge", Level.ITEM, f"one of {_terms(FilmGauge)}", cells.one_of(FilmGauge)),
    Column("base", Level.ITEM, f"one of {_terms(FilmBase)}", cells.one_of(FilmBase)),
    Column("condition", Level.ITEM, "how the item is, in words", empty=""),
    Column("made_year", Level.CARRIER, f"a year between {FIRST_YEAR} and {LAST_YEAR}", cells.year),
    Column("ad_strip_level", Level.CARRIER, "a number from 0 to 3", cells.number_in(0, 3)),
    Column("shrinkage_percent", Level.CARRIER, "a number from 0 to 10", cells.number_in(0, 10)),
    Column("smell", Level.CARRIER, f"of vinegar: one of {_terms(Smell)}", cells.one_of(Smell)),
    Column("uniqueness", Level.CARRIER, "a number from 0 to 1", cells.number_in(0, 1)),
    Column("carrier_note", Level.CARRIER, "what else was seen of the carrier", empty=""),
    Column("state", Level.RESULT, "where the reel stands"),
    Column("urgency", Level.RESULT, "0 to 100, by its newest condition"),
    Column("restored_at", Level.RESULT, "when its restoration was published"),
    Column("restored_master_uri", Level.RESULT, "where the restored master lies in the vault"),
    Column("restored_master_sha256", Level.RESULT, "its sha256"),
    Column("access_copy_uri", Level.RESULT, "where the access copy lies in the vault"),
    Column("condition_before", Level.RESULT, "by category, as the check measured the scan"),
    Column("condition_after", Level.RESULT, "the same measures of the restored frames"),
)
"""In the order they are written."""
BY_NAME: Final = {column.name: column for column in COLUMNS}
DESCRIBING: Final = tuple(column.name for column in COLUMNS if column.level is not Level.RESULT)
"""What an import may bring."""


def of_level(level: Level) -> frozenset[str]:
    """Names of the columns of a level."""
    return frozenset(column.name for column in COLUMNS if column.level is level)


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row of `v_catalogue`, by column."""
    values = {name: row[name] for name in BY_NAME if name in row}
    undescribed = row["alternative_titles"] is None and row["countries"] is None
    values |= {
        # a reel's own title was never checked by an import
        "title": cells.harmless(row["title"]) if undescribed else row["title"],
        "alternative_titles": tuple(
            cells.Title(title, language, TitleKind(kind)) for title, language, kind in row["alternative_titles"] or ()
        ),
        "makers": tuple(cells.Maker(name, role) for name, role in row["makers"] or ()),
        "year": None if row["year_from"] is None else cells.Years(row["year_from"], row["year_to"]),
        "countries": tuple(row["countries"] or ()),
        "languages": tuple(row["languages"] or ()),
        "condition": row["condition"] or "",
        "carrier_note": row["carrier_note"] or "",
    }
    for name in ("condition_before", "condition_after"):
        measured = row[name] or {}
        values[name] = cells.join((category, cells.written(figure)) for category, figure in sorted(measured.items()))
    return values
