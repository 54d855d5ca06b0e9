"""`reelkeeper plans …`: look at the versions of a reel's plan, and save an edited one as the next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="The versions of a reel's plan.", no_args_is_help=True)


@app.command()
def show(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    version: Annotated[int | None, typer.Option(help="Which; without, the newest.")] = None,
) -> None:
    """Print a version as YAML; redirect it to a file to edit it."""
    from restoration_tasks.catalogue import plans
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database

    with local_database(Settings()) as url, open_sessions(url).begin() as session:
        found = plans.latest(session, reel) if version is None else plans.get(session, reel, version)
    if found is None:
        raise WrongUse("this reel has no plan yet", reel=reel, action="run the reel, or `reelkeeper plan`")
    typer.echo(found.yaml, nl=False)


@app.command()
def save(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    file: Annotated[Path, typer.Argument(help="The edited plan.")],
    author: Annotated[str, typer.Option("--as", help="Your user id.")],
    reason: Annotated[str, typer.Option(help="Why, in plain words.")],
) -> None:
    """Save an edited plan as the reel's next version. No version is ever changed."""
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.steps.plan_versions import adopt
    from restoration_tasks.steps.way import Way

    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"the plan cannot be read: {error}", file=file, action="check the file") from error
    settings = Settings()
    with local_database(settings) as url, open_sessions(url).begin() as session:
        saved = adopt(session, Way(reel, settings), text, author=Person(author), reason=reason)
    typer.echo(f"{reel}: plan version {saved.version}")
