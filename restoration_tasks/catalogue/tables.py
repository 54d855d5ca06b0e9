"""Tables as archives keep them: CSV or Excel into rows of text, with limits, and rows of text into CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from restoration_tasks.runtime.errors import WrongUse

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

FILE_BYTES: Final = 64 * 2**20
UNPACKED_BYTES: Final = 512 * 2**20
"""Of an Excel file, which is a zip archive: what its parts may be together."""
ROWS: Final = 50_000
COLUMNS: Final = 200
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would take for a formula; an apostrophe before it makes it text."""
_SIGNS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Table:
    """A table as it was read: every cell is text."""

    name: str
    sha256: str
    """Of the file."""
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each with its number as a spreadsheet shows it: the header is row 1. Empty rows are left out."""


def read_table(path: Path) -> Table:
    """Read a CSV file (UTF-8; `,`, `;` or tab) or the first sheet of an Excel file.

    Raises:
        WrongUse: it is neither, too large, or damaged; the line says what to do.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES:
            raise _refused(path, "the table is too large", f"{FILE_BYTES} bytes at most", f"{size} bytes", "split it")
        content = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"the table cannot be read: {error.strerror}", file=path, action="check its name") from error
    cells = _excel(path, content) if zipfile.is_zipfile(io.BytesIO(content)) else _csv(path, content)
    rows = [(number, row) for number, row in enumerate(_limited(path, cells), start=1) if any(row)]
    if not rows:
        raise _refused(path, "the table is empty", "a row of column names, and rows below it", "nothing", "fill it")
    (_, header), *below = rows
    return Table(path.name, hashlib.sha256(content).hexdigest(), tuple(header), tuple((n, tuple(r)) for n, r in below))


def write_csv(file: io.TextIOBase, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as CSV, with what a spreadsheet would take for a formula as text."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerows([f"'{cell}" if _FORMULA.match(cell) else cell for cell in row] for row in rows)


def _csv(path: Path, content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = _SIGNS.get(content[:2], f"byte 0x{content[error.start]:02x} in line {line}")
        action = "save it as 'CSV UTF-8' in your spreadsheet"
        raise _refused(path, "the table is not UTF-8", "UTF-8, with or without a mark", found, action) from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield [cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell for cell in row]
    except csv.Error as error:
        action = "write the table with a spreadsheet"
        raise _refused(path, f"line {reader.line_num} is no CSV", "cells as RFC 4180", error, action) from error


def _excel(path: Path, content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    packed = io.BytesIO(content)
    try:
        with zipfile.ZipFile(packed) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > UNPACKED_BYTES:
            found = f"{unpacked} bytes when unpacked"
            raise _refused(path, "the table is too large", f"{UNPACKED_BYTES} bytes", found, "split it")
        # the values as they were calculated, and beside them what was calculated
        values, formulas = (
            load_workbook(io.BytesIO(content), read_only=True, data_only=calculated) for calculated in (True, False)
        )
        sheets = (values.worksheets[0], formulas.worksheets[0])
        yield from _excel_rows(path, *sheets)
    except WrongUse:
        raise
    except Exception as error:  # openpyxl raises whatever its parts do
        what = f"the Excel file cannot be read: {type(error).__name__}"
        raise WrongUse(what, file=path, action="save it anew as .xlsx, or as 'CSV UTF-8'") from error


def _excel_rows(path: Path, values: ReadOnlyWorksheet, formulas: ReadOnlyWorksheet) -> Iterator[list[str]]:
    for sheet in (values, formulas):
        # what the sheet says of its size may be wrong, and is then believed
        sheet.reset_dimensions()
    for found, made in zip(values.iter_rows(), formulas.iter_rows(), strict=True):
        row = []
        for cell, other in zip(found, made, strict=True):
            if other.data_type == "f" and cell.value is None:
                what = f"{cell.coordinate} holds a formula without its value"
                raise _refused(path, what, "a value", other.value, "open it in a spreadsheet, and save it")
            if cell.data_type == "e":
                what = f"{cell.coordinate} holds an error"
                raise _refused(path, what, "a value", cell.value, "correct the formula")
            row.append(_text(path, cell))
        yield row


def _text(path: Path, cell: Any) -> str:
    match cell.value:
        case None:
            return ""
        case bool():
            return str(cell.value).upper()
        case float() if cell.value.is_integer():
            return str(int(cell.value))
        case datetime() | date() | time():
            # no column is a date: a spreadsheet has taken a shelf mark such as 1-2 for one
            what = f"{cell.coordinate} is a date"
            raise _refused(path, what, "text or a number", cell.value, "format the cell as text and type it anew")
        case _:
            return str(cell.value)


def _limited(path: Path, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        if number > ROWS + 1:
            raise _refused(path, "the table has too many rows", f"{ROWS} at most", "more", "split it")
        while row and not row[-1]:
            row.pop()
        if len(row) > COLUMNS:
            found = f"{len(row)} in row {number}"
            raise _refused(path, "the table has too many columns", f"{COLUMNS} at most", found, "check its delimiter")
        yield row


def _refused(path: Path, what: str, expected: object, found: object, action: str) -> WrongUse:
    return WrongUse(what, file=path, expected=expected, found=found, action=action)
