"""`reelkeeper package …`: open a package again and prove what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restoration_tasks.runtime.files import disk_errors
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="Open a package again and prove what it holds.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Without this, typer would make the one command the whole group."""


@app.command()
def verify(
    bag: Annotated[Path, typer.Argument(help="Folder of the package, the one with bagit.txt.")],
    key: Annotated[
        Path | None,
        typer.Option(help="The archive's public key (PEM), from elsewhere than the package. Default: this machine's."),
    ] = None,
) -> None:
    """Validate the bag, recompute its chain, check the signature, hold the files against it. Needs no database."""
    from restoration_tasks.provenance.anchoring import trusted_keys
    from restoration_tasks.provenance.signing import PublicKey
    from restoration_tasks.steps.package_check import check_package

    if key is None:
        keys = trusted_keys(Settings())
    else:
        with disk_errors(key):
            keys = (PublicKey.read(key.read_bytes(), source=key),)
    report = check_package(bag, keys)
    for problem in report.problems:
        typer.echo(problem)
    report.raise_if_broken()
    typer.echo(
        f"reel {report.reel_id}: {report.files} files, {report.bytes} bytes, whole; {report.vouched_for} of them named"
        f" by the chain; {report.events} events, the chain whole and signed in checkpoint {report.checkpoint}"
    )
    if not report.trusted:
        typer.echo(f"The key is the package's own: ask the archive whether its fingerprint is {report.fingerprint}")
