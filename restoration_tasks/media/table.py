"""Rows of one dataclass: kept as Parquet, and by column in memory, as there is a row for every frame of a reel."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import numpy as np

from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pandas import DataFrame

Row = TypeVar("Row", bound="DataclassInstance")
CODES: Final = {"float": ("d", np.float64), "int": ("q", np.int64), "bool": ("b", np.bool_)}
"""By annotation, how a column is kept and what it becomes. All else is text: equal texts in one row are one object."""


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write a table; the same rows give the same bytes.

    Args:
        path: the file.
        kind: the dataclass; its fields are int, float or bool.
        rows: in the order they are to stand in.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([pa.field(field.name, types[str(field.type)], nullable=False) for field in fields(kind)])
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], schema=schema), path, compression="zstd")


def read_rows(path: Path, kind: type[Row], what: str) -> list[Row]:
    """Read a table.

    Args:
        path: the file.
        kind: the dataclass its rows are of.
        what: what it is a table of, for messages.

    Raises:
        MediaError: it is damaged or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return [kind(**row) for row in rows]
    except (pa.ArrowException, OSError, TypeError) as error:
        raise MediaError(
            f"the table of {what} cannot be read: {error}", file=path, action="assess the segment again"
        ) from error


class Columns(Sequence[Row]):
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

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """A row, or some of them, made anew."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return self._kind(*(self._value(name, column[place]) for name, column in self._columns.items()))

    def extend(self, rows: Iterable[Row]) -> None:
        """Take some more rows."""
        for row in rows:
            self.add(row)

    def __iter__(self) -> Iterator[Row]:
        """The rows, made anew one by one."""
        for values in zip(*map(self.values, self._columns), strict=True):
            yield self._kind(*values)

    def values(self, name: str) -> Iterator[Any]:
        """One column, in order."""
        return (self._value(name, value) for value in self._columns[name])

    def _value(self, name: str, kept: Any) -> Any:
        return bool(kept) if self._types[name] is np.bool_ else kept

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
