"""Export: the catalogue as a table that another catalogue takes, and that imports to the same catalogue again."""

from __future__ import annotations

import io
from datetime import datetime

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import cells, descriptions, tables
from restoration_tasks.catalogue.columns import COLUMNS


def write_catalogue(session: Session, file: io.TextIOBase, *, since: datetime | None = None) -> int:
    """Write the catalogue as CSV (RFC 4180, the columns of `columns`); how many rows there were.

    Args:
        session: of the catalogue.
        file: open for text, with `newline=""`.
        since: only what was described, recorded or restored at this time or later.
    """
    tables.write_csv(file, [[column.name for column in COLUMNS]])
    written = 0
    for values in descriptions.rows(session, since=since):
        tables.write_csv(file, [[cells.written(values[column.name]) for column in COLUMNS]])
        written += 1
    return written
