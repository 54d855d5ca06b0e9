"""`reelkeeper catalogue …`: what the archive holds: tables in and out, and what is found by its words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.catalogue.engine import Sessions
    from restoration_tasks.catalogue.imports import Change

app = typer.Typer(help="Films, items and reels: tables in and out, and search.", no_args_is_help=True)

AS = Annotated[str, typer.Option("--as", help="Your user id; it is kept with what the table changes.")]
JSON = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
SHOWN = 100
"""Lines of problems or changes that are printed; how many more there are is said."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8) or .xlsx; docs/catalogue.md lists the columns.")],
    author: AS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: JSON = False,
) -> None:
    """Bring films, items and reels into the catalogue from a table: every row of it, or none."""
    from restoration_tasks.catalogue.imports import TableRefused, changes_of, import_table
    from restoration_tasks.catalogue.tables import read_table
    from restoration_tasks.provenance.agents import Person

    table = read_table(file)
    try:
        with _sessions() as sessions, sessions.begin() as session:
            found = changes_of(session, table) if dry_run else import_table(session, table, person=Person(author))
    except TableRefused as refused:
        _print_some([str(problem) for problem in refused.problems], err=True)
        raise
    if as_json:
        for change in found:
            typer.echo(json.dumps(_as_json(change), ensure_ascii=False))
        return
    _print_some([line for change in found for line in _lines(change)])
    new = sum(change.new for change in found)
    would = "would be " if dry_run else ""
    typer.echo(
        f"{len(table.rows)} rows: {new} {would}new, {len(found) - new} {would}changed,"
        f" {len(table.rows) - len(found)} as they are known."
    )


@app.command("export")
def export_file(
    csv: Annotated[Path, typer.Option(help="The file to write; - for the standard output.")],
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only what changed then or later, in UTC."),
    ] = None,
) -> None:
    """Write the catalogue as a table another catalogue takes: what the reels are, and what was made of them."""
    from datetime import UTC
    from io import StringIO

    from restoration_tasks.catalogue.exports import write_catalogue
    from restoration_tasks.runtime.files import write_atomic

    moment = None if since is None else since.replace(tzinfo=UTC)
    text = StringIO(newline="")
    with _sessions() as sessions, sessions.begin() as session:
        rows = write_catalogue(session, text, since=moment)
    content = text.getvalue().encode()
    if str(csv) == "-":
        sys.stdout.buffer.write(content)
        return
    if not csv.parent.is_dir():
        raise WrongUse("there is no such folder", file=csv.parent, action="make it, or name another")
    write_atomic(csv, content)
    typer.echo(f"{rows} rows written to {csv}")


@contextmanager
def _sessions() -> Iterator[Sessions]:
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database

    with local_database(Settings()) as url:
        yield open_sessions(url)


def _lines(change: Change) -> Iterator[str]:
    which = f"row {change.row}, {change.item}" + (f", reel {change.reel}" if change.reel else "")
    if change.new:
        yield f"{which}: new"
        return
    for name, (before, now) in change.changed.items():
        yield f"{which}: {name} {before!r} becomes {now!r}"


def _as_json(change: Change) -> dict[str, object]:
    return {
        "row": change.row,
        "item": change.item,
        "reel": change.reel,
        "new": change.new,
        "changed": {name: {"before": before, "now": now} for name, (before, now) in change.changed.items()},
    }


def _print_some(lines: list[str], *, err: bool = False) -> None:
    for line in lines[:SHOWN]:
        typer.echo(line, err=err)
    if len(lines) > SHOWN:
        typer.echo(f"… and {len(lines) - SHOWN} more", err=err)
