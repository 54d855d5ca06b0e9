"""`reelkeeper database …`: bring the catalogue's tables to the installed version."""

from __future__ import annotations

import typer

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="The catalogue's database.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the sub-command's name although it is the only one."""


@app.command()
def upgrade() -> None:
    """Upgrade the database of REELKEEPER_DATABASE_URL; connect as a user who may change tables."""
    from restoration_tasks.catalogue.migrate import upgrade as bring_up_to_date

    url = Settings().database_url
    if url is None:
        raise WrongUse(
            "no database is named; the embedded one is upgraded by whoever starts it",
            action="set REELKEEPER_DATABASE_URL",
        )
    bring_up_to_date(url.get_secret_value())
    typer.echo("The database is up to date.")
