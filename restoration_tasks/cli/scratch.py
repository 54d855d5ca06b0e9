"""`reelkeeper scratch …`: what finished reels no longer need, and letting it go."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from restoration_tasks.runtime.settings import Settings

app = typer.Typer(
    help="Working files of finished reels: what could be let go, and letting it go.", no_args_is_help=True
)


@app.command()
def release(
    reel: Annotated[str | None, typer.Argument(help="One reel; without, every finished one.")] = None,
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Do it. Without, only say what would be let go.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a reel, for programs.")] = False,
) -> None:
    """Let go of the restored segments of reels whose master is joined, checked and packaged; they can be made again."""
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.runtime.vault import Vault
    from restoration_tasks.steps import scratch

    settings = Settings()
    vault, run_id = Vault(settings.vault_root), f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    with local_database(settings) as url:
        sessions = open_sessions(url)
        if for_good:
            scratch.remove_left_over(sessions, vault, reel)
        with sessions.begin() as session:
            found = scratch.releasable(session, vault, reel)
        if for_good:
            gone = [scratch.release(sessions, vault, one.reel_id, run_id) for one in found]
            found = [one for one in gone if one is not None]
    for one in found:
        if as_json:
            told = {"reel": one.reel_id, "files": len(one.files), "bytes": one.bytes, "released": for_good}
            typer.echo(json.dumps(told))
        else:
            typer.echo(f"{one.reel_id}: {len(one.files)} files, {one.bytes / 1e9:.2f} GB")
    if not as_json:
        total = sum(one.bytes for one in found) / 1e9
        typer.echo(f"{total:.2f} GB let go" if for_good else f"{total:.2f} GB could be let go; do it with --for-good")
