"""`reelkeeper fixity …`: read what is kept again, and say how it stands."""

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from restoration_tasks.catalogue.queue_models import HoldingState
from restoration_tasks.runtime.progress import Bars, Reporter, StepProgress, silent
from restoration_tasks.runtime.settings import Settings

app = typer.Typer(help="Read what is kept again, so that rot is found while there is a copy.", no_args_is_help=True)

GB = 1e9
JSON = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]


@app.command()
def audit(
    budget_gb: Annotated[
        float | None, typer.Option(min=0.000001, help="Gigabytes to read; without, REELKEEPER_AUDIT_GB.")
    ] = None,
    every_days: Annotated[
        int | None, typer.Option(min=1, help="Every file within so many days; without, REELKEEPER_AUDIT_DAYS.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option(help="Names this audit; the same name goes on with it. Without, today's.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Read recorded files whole, the one not read for longest first; repair from the replica vault where one is set."""
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.steps.audit import audit as read_again

    settings = Settings()
    name = run_id or f"audit__{datetime.now(UTC):%Y-%m-%d}"
    with local_database(settings) as url, contextlib.ExitStack() as stack:
        report: Reporter = stack.enter_context(Bars()) if sys.stdout.isatty() and not as_json else silent
        found = read_again(
            open_sessions(url),
            settings,
            name,
            budget_gb=budget_gb,
            every_days=every_days,
            progress=lambda done, total: report(
                StepProgress(label="audit", done=done // 10**6, total=total // 10**6, unit="MB")
            ),
        )
    if as_json:
        told = {"run_id": name, "files": len(found.read), "bytes": found.bytes, "bad": len(found.bad),
                "repaired": len(found.repaired), "bad_copies": len(found.bad_copies),
                "overdue_files": found.standing.overdue_files}  # fmt: skip
        typer.echo(json.dumps(told))
    else:
        typer.echo(
            f"{len(found.read)} files read, {found.bytes / GB:.2f} GB: {len(found.bad)} bad,"
            f" {len(found.repaired)} repaired, {len(found.bad_copies)} copies damaged or missing"
        )
        if found.standing.overdue_files:
            typer.echo(
                f"{found.standing.overdue_files} files are late: reading everything in time takes"
                f" {found.standing.weekly_bytes / GB:.1f} GB a week"
            )
    found.require_whole()


@app.command()
def status(
    every_days: Annotated[
        int | None, typer.Option(min=1, help="Every file within so many days; without, REELKEEPER_AUDIT_DAYS.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Say how many files are held, damaged, gone or released, and whether they are read in time."""
    from restoration_tasks.catalogue import holdings
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database

    settings = Settings()
    with local_database(settings) as url, open_sessions(url).begin() as session:
        holdings.take_up(session)
        standing = holdings.standing(session, every_days or settings.audit_days)
        bad = holdings.bad(session)
    if as_json:
        told = {
            "files": {state.value: standing.files.get(state, 0) for state in HoldingState},
            "bytes": {state.value: standing.bytes.get(state, 0) for state in HoldingState},
            "oldest_check": None if standing.oldest_check is None else standing.oldest_check.isoformat(),
            "overdue_files": standing.overdue_files,
            "overdue_bytes": standing.overdue_bytes,
            "weekly_bytes": standing.weekly_bytes,
            "bad": [{"reel": one.reel_id, "file": one.file.uri, "state": one.state.value} for one in bad],
        }
        typer.echo(json.dumps(told))
        return
    for state in HoldingState:
        typer.echo(f"{standing.files.get(state, 0):>9} {state.value:<9} {standing.bytes.get(state, 0) / GB:>12.2f} GB")
    oldest = "nothing is kept yet" if standing.oldest_check is None else f"{standing.oldest_check:%Y-%m-%d}"
    typer.echo(f"Read last: {oldest}. Late: {standing.overdue_files} files, {standing.overdue_bytes / GB:.2f} GB.")
    typer.echo(f"Reading everything in time takes {standing.weekly_bytes / GB:.2f} GB a week.")
    for one in bad:
        typer.echo(f"{one.state.value}: reel {one.reel_id}, file {one.file.uri}")
