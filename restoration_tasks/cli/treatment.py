"""`reelkeeper treatment REEL`: the documentation of treatment, to read, print and file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(treatment)


def treatment(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    target: Annotated[Path, typer.Argument(help="HTML file to write; a browser prints it.")],
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Write people's names; from a file they cannot be erased.")
    ] = False,
) -> None:
    """Write down what was done to a reel: where, why, how much, by whom, with what, and how it is taken back."""
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.runtime.files import write_atomic
    from restoration_tasks.runtime.settings import Settings
    from restoration_tasks.steps.documents import treatment_report

    with local_database(Settings()) as url:
        page = treatment_report(open_sessions(url), reel, include_names=with_names)
    write_atomic(target, page.encode())
    typer.echo(str(target))
