"""Rows of one dataclass: kept as Parquet, and by column in memory, as there is a row for every frame of a reel."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
"""By annotation, how a column is kept and what it becomes. All else but tuples of floats is kept as it is; equal
texts in one row are one object."""
WHOLE: Final = slice(None)


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
    """Takes rows of one dataclass, and gives them one by one and as a table.

    Args:
        kind: the dataclass; a column a field, in their order.
    """

    def __init__(self, kind: type[Row]) -> None:
        self._kind = kind
        self._columns = {field.name: _column(str(field.type)) for field in fields(kind)}
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

    def values(self, name: str, rows: slice = WHOLE) -> Iterator[Any]:
        """One column, in order, or some rows of it."""
        return (self._value(name, value) for value in self._columns[name][rows])

    def _value(self, name: str, kept: Any) -> Any:
        return bool(kept) if self._types[name] is np.bool_ else kept

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""
        return tuple(self._columns)

    def table(self, rows: slice = WHOLE, only: Collection[str] | None = None, **instead: Any) -> DataFrame:
        """The rows so far; the table shares nothing with them.

        Args:
            rows: which of them; all, if not given.
            only: the columns it is to have; all, if None.
            instead: by name, values of a column, in these rows, that were known only later.
        """
        import pandas as pd

        wanted = [name for name in self._columns if only is None or name in only]
        return pd.DataFrame({name: instead[name] if name in instead else self._some(name, rows) for name in wanted})

    def _some(self, name: str, rows: slice) -> Any:
        kept = self._columns[name][rows]
        return np.array(kept, self._types[name]) if isinstance(kept, array) else kept


def _column(annotation: str) -> array[Any] | list[Any] | _Tuples:
    if annotation == "tuple[float, ...]":
        return _Tuples()
    return array(CODES[annotation][0]) if annotation in CODES else []


class _Tuples(Sequence[tuple[float, ...]]):
    """Tuples of floats of one length, end to end."""

    def __init__(self) -> None:
        self._numbers, self._each, self._count = array("d"), 0, 0

    def append(self, numbers: Any) -> None:
        """Take one more tuple.

        Raises:
            ValueError: it is longer or shorter than the first.
        """
        if self._count and len(numbers) != self._each:
            raise ValueError(f"{len(numbers)} numbers where there were {self._each}")
        self._each = len(numbers)
        self._numbers.extend(numbers)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        first = range(len(self))[place] * self._each
        return tuple(self._numbers[first : first + self._each])


class ByFrame(Mapping[int, Row]):
    """Rows by frame, packed; frames come in order, and some may have none.

    Args:
        kind: the dataclass of a row.
    """

    def __init__(self, kind: type[Row]) -> None:
        self._frames, self._rows = array("q"), Columns(kind)

    def add(self, frame: int, row: Row) -> None:
        """Take that of one more frame.

        Raises:
            ValueError: it does not come after the one before.
        """
        if self._frames and frame <= self._frames[-1]:
            raise ValueError(f"frame {frame} after frame {self._frames[-1]}")
        self._frames.append(frame)
        self._rows.add(row)

    def __getitem__(self, frame: int) -> Row:
        """That of a frame, made anew."""
        place = bisect_left(self._frames, frame)
        if self._frames[place : place + 1] != array("q", [frame]):
            raise KeyError(frame)
        return self._rows[place]

    def __iter__(self) -> Iterator[int]:
        """The frames."""
        return iter(self._frames)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._frames)
