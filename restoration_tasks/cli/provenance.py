"""`reelkeeper provenance …`: check, sign and export the record of what was done, and forget a person's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_tasks.provenance.vocabulary import ExportForm
from restoration_tasks.runtime.files import disk_errors, write_atomic
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.catalogue.engine import Sessions
    from restoration_tasks.provenance.verify import VerifyReport

app = typer.Typer(help="Check, sign and export the record of what was done.", no_args_is_help=True)


@app.command()
def verify(
    reel: Annotated[str | None, typer.Argument(help="One reel; without, the whole archive.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Verify an exported chain instead (as in every package); needs no database.")
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option(help="A public key (PEM) to trust beside those of this machine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Recompute every event, follow the chains, hold them against the signed checkpoints. Changes nothing."""
    if file is not None:
        from restoration_tasks.provenance.export import verify_export

        with disk_errors(file):
            report = verify_export(file.read_bytes(), source=file)
    else:
        from restoration_tasks.catalogue import reels
        from restoration_tasks.provenance.anchoring import verify_archive

        settings = Settings()
        with _sessions(settings) as sessions:
            if reel is not None:
                with sessions() as session:
                    reels.require(session, reel)
            report = verify_archive(sessions, settings, reel, keys=key or ())
    if as_json:
        typer.echo(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        for finding in report.findings:
            typer.echo(str(finding))
    report.raise_if_broken()
    if not as_json:
        typer.echo(f"{report.events} events of {report.reels} chains, all whole; {_anchored(report)}")


@app.command()
def checkpoint() -> None:
    """Verify the archive, then sign the head of every chain that has grown, into the vault."""
    from restoration_tasks.provenance.anchoring import take

    settings = Settings()
    with _sessions(settings) as sessions:
        taken = take(sessions, settings)
    for finding in taken.report.findings:
        typer.echo(str(finding))
    if taken.checkpoint is None:
        typer.echo("Nothing new to sign.")
    else:
        where = f"{settings.vault_root}/{taken.checkpoint.uri.removeprefix('vault:')}"
        typer.echo(f"checkpoint {taken.checkpoint.number}: {len(taken.checkpoint.heads)} chains signed, {where}")
    taken.report.raise_if_broken()


@app.command()
def key(
    new: Annotated[bool, typer.Option("--new", help="Make a new key; what the old one signed stays valid.")] = False,
) -> None:
    """Say which key signs checkpoints: its file and its fingerprint, to be published."""
    from restoration_tasks.provenance import signing

    path = Settings().signing_key_file
    found = signing.replace(path) if new else signing.load(path)
    if found is None:
        typer.echo(f"No key yet: the first checkpoint makes one, {path}")
        return
    typer.echo(f"{path}\nfingerprint {found.public.fingerprint}\n{found.public.pem.decode().strip()}")


@app.command("erase-agent")
def erase_agent(
    login: Annotated[str, typer.Argument(help="User id of the person to forget.")],
    author: Annotated[str, typer.Option("--as", help="Your user id; it is kept with the erasure.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept for good, so do not name the person.")],
) -> None:
    """Forget a person's login and name. What they did stays on record under a number; every chain stays whole."""
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.provenance.erasure import erase

    with _sessions(Settings()) as sessions, sessions.begin() as session:
        agent_id = erase(session, login, by=Person(author), reason=reason)
    typer.echo(f"forgotten; what this person did stays on record as {agent_id}")


@app.command()
def export(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    form: Annotated[ExportForm, typer.Option("--as", help="The form.")] = ExportForm.CHAIN,
    target: Annotated[Path, typer.Option("--to", help="File to write; - for the standard output.")] = Path("-"),
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Name people. A copy keeps a name that is erased here.")
    ] = False,
) -> None:
    """Write a reel's record in a form that others read. People appear by number unless names are asked for."""
    from restoration_tasks.catalogue import record_exports

    with _sessions(Settings()) as sessions, sessions.begin() as session:
        content = record_exports.export(session, reel, form, with_names=with_names)
    if target == Path("-"):
        typer.echo(content, nl=False)
    else:
        write_atomic(target, content)
        typer.echo(str(target))


@contextmanager
def _sessions(settings: Settings) -> Iterator[Sessions]:
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database

    with local_database(settings) as url:
        yield open_sessions(url)


def _anchored(report: VerifyReport) -> str:
    if report.checkpoint is None or report.checkpoint_taken is None:
        return "nothing is signed yet"
    since = f"{report.unanchored} events since are not yet anchored" if report.unanchored else "all of them anchored"
    return f"held against checkpoint {report.checkpoint} of {report.checkpoint_taken:%Y-%m-%d %H:%M} UTC; {since}"


def _as_json(report: VerifyReport) -> dict[str, object]:
    return {
        "ok": report.ok,
        "reels": report.reels,
        "events": report.events,
        "checkpoint": report.checkpoint,
        "checkpoint_taken": None if report.checkpoint_taken is None else report.checkpoint_taken.isoformat(),
        "not_yet_anchored": report.unanchored,
        "findings": [
            {"reel": one.reel_id, "kind": one.kind.value, "seq": one.seq, "event": one.event_id, "message": one.message}
            for one in report.findings
        ],
    }
