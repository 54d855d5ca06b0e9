"""`reelkeeper profiles …`: what may be done to a reel and how boldly, in files an archive can copy and change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from restoration_tasks.restoration import profile as profiles
from restoration_tasks.runtime.errors import ReelkeeperError, WrongUse
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="Treatment profiles: what is done to a reel, and how boldly.", no_args_is_help=True)

NAME = Annotated[str, typer.Argument(help="The profile.")]
WIDE = 160
"""Columns where no terminal is."""


@app.command("list")
def list_profiles() -> None:
    """Show every profile and what it does; the archive's own come last."""
    from rich.console import Console
    from rich.table import Table

    folder = Settings().profiles_folder
    table = Table("profile", "from", "does", box=None, pad_edge=False)
    for name, found in profiles.readable(folder):
        origin = "Reelkeeper" if name in profiles.SHIPPED else str(folder / f"{name}.yaml")
        table.add_row(name, origin, found.does if isinstance(found, profiles.Profile) else f"not valid: {found}")
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(table)


@app.command()
def show(name: NAME) -> None:
    """Print a profile as YAML."""
    folder = Settings().profiles_folder
    profiles.load(folder, name)
    typer.echo(profiles.text_of(folder, name).decode(), nl=False)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A profile, or a file that is to become one.")],
) -> None:
    """Read a profile, and look whether the networks it needs are installed. Exit code 2 where it is not valid."""
    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.less_grain import models_asked
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.enlargement import Enlargement

    settings = Settings()
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    profile = profiles.read(Path(name)) if is_file else profiles.load(settings.profiles_folder, name)
    typer.echo(f"{profile.name}: whole, sha256 {profile.sha256}")
    shelf = Shelf.of(settings)
    for model in models_asked(Enlargement.of(profile.enlarge), profile.less_grain, Engine.NETWORK):
        try:
            shelf.require(model)
        except ReelkeeperError as error:
            typer.echo(f"note: {error}")


@app.command()
def copy(
    name: NAME,
    own: Annotated[str, typer.Argument(help="What the copy shall be called: small letters, digits and hyphens.")],
) -> None:
    """Copy a profile into the archive's own folder, to be changed there."""
    from restoration_tasks.runtime.files import disk_errors, write_atomic

    folder = Settings().profiles_folder
    target = folder / f"{own}.yaml"
    profiles.load(folder, name)
    if not profiles.NAME.fullmatch(own) or own in profiles.SHIPPED or target.exists():
        raise WrongUse(
            "the copy needs a name of its own",
            expected="small letters, digits and hyphens; none that is there already",
            found=own,
            action="see `reelkeeper profiles list`",
        )
    with disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(target, profiles.text_of(folder, name))
    typer.echo(f"{target}: a copy of {name}; change it, then look at it with `reelkeeper profiles check {own}`")
