"""Rows of numbers kept as Parquet: one frozen dataclass a row, its fields the columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")


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
