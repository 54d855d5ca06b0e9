"""A rule in data: which table it reads, what must hold there, and how staff would say it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from restoration_tasks.quality.findings import Severity

if TYPE_CHECKING:
    from pandas import DataFrame


class Table(StrEnum):
    """The tables the check step measures."""

    FACTS = "facts"
    """One row a property of a file: `fact`, `expected`, `found` (text)."""
    FILES = "files"
    """One row a delivered file: `file`, `expected`, `found` (sha256)."""
    FRAMES = "frames"
    """One row a frame of the preservation master."""
    SHOTS = "shots"
    """One row a shot."""
    COPIES = "copies"
    """One row a frame of each copy people watch."""
    SOUND = "sound"
    """One row a sound track of the preservation master."""
    ENLARGED = "enlarged"
    """One row a frame of the larger version, where there is one."""
    ENLARGED_FACTS = "enlarged facts"
    """One row a property of the larger version: `fact`, `expected`, `found` (text)."""


@dataclass(frozen=True)
class InPieces:
    """A long table of which some rows, or some columns, are made at a time, so that it never lies in memory whole."""

    rows: int
    """How many it has."""
    columns: tuple[str, ...]
    """The columns it has."""
    make: Callable[[slice, Collection[str]], DataFrame]
    """Makes some rows in some columns."""

    @classmethod
    def of(cls, frame: DataFrame) -> InPieces:
        """A table that is there."""
        return cls(len(frame), tuple(frame.columns), lambda rows, columns: frame.loc[:, list(columns)].iloc[rows])

    def piece(self, first: int, stop: int) -> DataFrame:
        """The rows `first <= i < stop`."""
        return self.make(slice(first, stop), self.columns)

    def only(self, columns: Collection[str]) -> DataFrame:
        """All rows in some columns."""
        return self.make(slice(None), [name for name in self.columns if name in columns])


INDEX_COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    Table.FACTS: ("fact",),
    Table.FILES: ("file",),
    Table.FRAMES: ("frame", "scan_number"),
    Table.SHOTS: ("shot",),
    Table.COPIES: ("frame", "scan_number", "copy"),
    Table.SOUND: ("track",),
    Table.ENLARGED: ("frame", "scan_number"),
    Table.ENLARGED_FACTS: ("fact",),
}
"""What names a row to staff."""


class Kind(StrEnum):
    """The great-expectations expectations the suites use, by class name."""

    BETWEEN = "ExpectColumnValuesToBeBetween"
    IN_SET = "ExpectColumnValuesToBeInSet"
    NOT_NULL = "ExpectColumnValuesToNotBeNull"
    PAIR_EQUAL = "ExpectColumnPairValuesToBeEqual"
    PAIR_AT_LEAST = "ExpectColumnPairValuesAToBeGreaterThanB"
    ROW_COUNT = "ExpectTableRowCountToEqual"
    VALUES_ARE_EXACTLY = "ExpectColumnDistinctValuesToEqualSet"
    UNIQUE = "ExpectColumnValuesToBeUnique"
    UNIQUE_TOGETHER = "ExpectCompoundColumnsToBeUnique"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One great-expectations expectation, not yet made: nothing heavy is imported to state it."""

    kind: Kind
    arguments: Mapping[str, object] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return tuple(str(self.arguments[key]) for key in ("column", "column_A", "column_B") if key in self.arguments)


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows a rule speaks about: those whose column holds one of some values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for a reel to pass."""

    id: str
    """`group.name`, stable: it stands in check.json, in the report and in the provenance."""
    table: Table
    severity: Severity
    sentence: str
    """Plain words, true when the rule passes."""
    expectations: tuple[Expectation, ...]
    scope: Scope | None = None
    """Rows the rule speaks about; None means all."""
    optional: bool = False
    """Whether it may find no row to speak about (then it is *not applicable*); otherwise that breaks the rule."""
    idle: str = ""
    """Why the rule has nothing to speak about on this reel (then it is *not applicable*); empty where it has."""
