"""`reelkeeper provenance …`: check and export the record of what was done."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from restoration_tasks.runtime.files import disk_errors, write_atomic
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="Check and export the record of what was done.", no_args_is_help=True)


class Form(StrEnum):
    """Forms of export."""

    CHAIN = "chain"
    """The reel's hash chain as JSON; anyone can verify it without the database."""
    PREMIS = "premis"
    """PREMIS 3 XML."""


@app.command()
def verify(
    reel: Annotated[str | None, typer.Argument(help="One reel; without, the whole archive.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Verify an exported chain instead (as in every package); needs no database.")
    ] = None,
) -> None:
    """Recompute every event and follow the chains. Changes nothing."""
    if file is not None:
        from restoration_tasks.provenance.export import verify_export

        with disk_errors(file):
            report = verify_export(file.read_bytes(), source=file)
    else:
        from restoration_tasks.catalogue import reels
        from restoration_tasks.catalogue.engine import open_sessions
        from restoration_tasks.catalogue.local import local_database
        from restoration_tasks.provenance.verify import verify as recompute

        with local_database(Settings()) as url, open_sessions(url).begin() as session:
            if reel is not None:
                reels.require(session, reel)
            report = recompute(session, reel)
    for finding in report.findings:
        typer.echo(str(finding))
    report.raise_if_broken()
    later = f"; {report.unanchored} since the last checkpoint" if report.unanchored else ""
    typer.echo(f"{report.events} events of {report.reels} reels, every chain whole{later}")


@app.command()
def export(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    form: Annotated[Form, typer.Option(help="chain (JSON) or premis (XML).")] = Form.CHAIN,
) -> None:
    """Write a reel's record to a file. People appear by id only."""
    from restoration_tasks.catalogue import reels
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.provenance import export as chain_export
    from restoration_tasks.provenance import premis

    with local_database(Settings()) as url, open_sessions(url).begin() as session:
        title = reels.require(session, reel).title
        if form is Form.CHAIN:
            content = chain_export.export(session, reel)
        else:
            content = premis.export(session, reel, title=title)
    write_atomic(target, content)
    typer.echo(str(target))
