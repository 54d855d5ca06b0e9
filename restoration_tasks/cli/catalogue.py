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

from restoration_tasks.catalogue.record_models import ExceptionKind
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

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


@app.command()
def send(
    list_only: Annotated[bool, typer.Option("--list", help="Show what waits, and send nothing.")] = False,
) -> None:
    """Tell the other catalogue at once of everything it has not taken yet, as the setting catalogue_webhook says."""
    from restoration_tasks.catalogue import outbox
    from restoration_tasks.runtime.errors import NotDelivered

    with _sessions() as sessions:
        if list_only:
            with sessions() as session:
                found = outbox.waiting(session)
            for one in found:
                tried = f", tried {one.tries} times: {one.said}" if one.tries else ""
                typer.echo(f"{one.reel_id}, since {one.queued_at:%Y-%m-%d %H:%M}{tried}")
            return
        delivery = outbox.send(sessions, outbox.posting(Settings()), at_once=True)
    kept = "; they are kept, and tried again" if delivery.waiting else ""
    typer.echo(f"{len(delivery.sent)} sent, {delivery.waiting} wait{kept}.")
    if delivery.said is not None:
        raise NotDelivered.relayed(delivery.said)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="How words of a title, shelf mark, reel id or maker begin.")],
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 50,
    as_json: JSON = False,
) -> None:
    """Find reels and items by words; accents and capitals do not count."""
    from dataclasses import asdict

    from restoration_tasks.catalogue.search import search as search_for

    with _sessions() as sessions, sessions() as session:
        found = search_for(session, " ".join(words), limit=limit)
    if not found:
        typer.echo("Nothing is known by these words.", err=True)
    for one in found:
        if as_json:
            typer.echo(json.dumps(asdict(one), ensure_ascii=False))
        else:
            where = f", reel {one.reel}: {one.state}" if one.reel else ""
            typer.echo(f"{one.item}: {one.title}{f' ({one.year})' if one.year else ''}{where}")


@app.command()
def frames(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    which: Annotated[str | None, typer.Argument(help="Frames counted from 0, as 105 or 105-107.")] = None,
    kind: Annotated[ExceptionKind | None, typer.Option(help="Say that they are this.")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back what a person said of them.")] = False,
    author: Annotated[str | None, typer.Option("--as", help="Your user id; it is kept with what you say.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in plain words; it is kept with the reel for good.")] = "",
) -> None:
    """Show frames that are not what they should be, or where one came from; or say so of some, or take it back."""
    from restoration_tasks.catalogue import frames as known
    from restoration_tasks.provenance.agents import Person

    if (kind is not None or withdraw) and (which is None or not author or not reason or (kind and withdraw)):
        raise WrongUse("--kind and --withdraw each need frames, --as and --reason", action="give all three")
    with _sessions() as sessions, sessions.begin() as session:
        if kind is not None and which and author:
            known.name_exception(session, reel, _range(which), kind, reason=reason, person=Person(author))
        elif withdraw and which and author:
            known.withdraw_exception(session, reel, _range(which), reason=reason, person=Person(author))
        elif which is not None:
            for line in _origin_lines(session, reel, _range(which)):
                typer.echo(line)
            return
        for one in known.exceptions(session, reel):
            typer.echo(f"{known.shown(one.frames)}: {one.kind.value}{f', {one.reason}' if one.reason else ''}")


@app.command()
def policy(version: Annotated[str, typer.Argument(help="As a check's result names it.")]) -> None:
    """Print a version of the check policy, as the first check that went by it left it."""
    from restoration_tasks.catalogue import policies

    with _sessions() as sessions, sessions() as session:
        typer.echo(policies.require(session, version).yaml, nl=False)


def _range(text: str) -> Range[int]:
    from sqlalchemy.dialects.postgresql import Range

    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not last)) or int(last or first) < int(first):
        raise WrongUse("these are no frames", expected="105 or 105-107", found=text, action="count from 0")
    return Range(int(first), int(last or first) + 1)


def _origin_lines(session: Session, reel: str, which: Range[int]) -> Iterator[str]:
    """Where the first of these frames of the restored master came from, file by file."""
    from restoration_tasks.catalogue import frames as known
    from restoration_tasks.catalogue import restorations

    master = restorations.newest_master(session, reel)
    if master is None:
        yield "No restoration of this reel is published."
        return
    frame = which.lower or 0
    yield f"restored master, frame {frame}"
    for one in known.origins(session, master, frame):
        yield f"  from {one.role}, frame {one.frame} ({one.uri})"


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
