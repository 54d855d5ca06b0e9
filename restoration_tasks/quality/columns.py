"""Rows of a long table kept by column: some bytes a number instead of an object, as there is a row for every frame."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np

from restoration_tasks.quality.rules import Table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pandas import DataFrame

Row = TypeVar("Row", bound="DataclassInstance")
CODES: Final = {"float": ("d", np.float64), "int": ("q", np.int64), "bool": ("b", np.bool_)}
"""By annotation, how a column is kept and what it becomes. All else is text: equal texts in one row are one object."""


class Columns(Generic[Row]):
    """Takes rows of one dataclass of numbers and texts, and gives them as a table.

    Args:
        kind: the dataclass; a column a field, in their order.
    """

    def __init__(self, kind: type[Row]) -> None:
        self._kind = kind
        self._columns: dict[str, array[Any] | list[str]] = {
            field.name: array(CODES[str(field.type)][0]) if str(field.type) in CODES else [] for field in fields(kind)
        }
        self._types = {field.name: CODES.get(str(field.type), ("", None))[1] for field in fields(kind)}

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def add(self, row: Row) -> None:
        """Take one more row."""
        known: dict[str, str] = {}
        for name, column in self._columns.items():
            value = getattr(row, name)
            column.append(known.setdefault(value, value) if isinstance(value, str) else value)

    def __iter__(self) -> Iterator[Row]:
        """The rows, made anew one by one."""
        for values in zip(*map(self.values, self._columns), strict=True):
            yield self._kind(*values)

    def values(self, name: str) -> Iterator[Any]:
        """One column, in order."""
        column = self._columns[name]
        return map(bool, column) if self._types[name] is np.bool_ else iter(column)

    def table(self, **instead: Any) -> DataFrame:
        """The rows so far; the table shares nothing with them.

        Args:
            instead: by name, values of a whole column that were known only later.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                name: instead.get(name, column if isinstance(column, list) else np.array(column, self._types[name]))
                for name, column in self._columns.items()
            }
        )


class MadeWhenAsked(Mapping[Table, "DataFrame"]):
    """Tables that are made when they are asked for and not kept, so that one of them lies in memory at a time.

    Args:
        makers: by table, what makes it.
    """

    def __init__(self, makers: Mapping[Table, Callable[[], DataFrame]]) -> None:
        self._makers = makers

    def __getitem__(self, table: Table) -> DataFrame:
        """The table, made anew."""
        return self._makers[table]()

    def __iter__(self) -> Iterator[Table]:
        """The tables there are."""
        return iter(self._makers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._makers)
