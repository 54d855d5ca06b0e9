"""`reelkeeper revert REEL`: named shots again from the preservation master, with named treatments off."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.catalogue.engine import Sessions
    from restoration_tasks.runtime.progress import Reporter
    from restoration_tasks.steps.revert.keep import Wish
    from restoration_tasks.steps.revert.taking_back import Asked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(revert)


def revert(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    shots: Annotated[str, typer.Option(help="Which shots: numbers and ranges such as 3,5-7, or all.")],
    off: Annotated[str, typer.Option(help="Treatments to take back, separated by commas, or all.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", help="To look: write these shots to a new .mkv file or a new folder of frames."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="With --to: write the whole reel, not only these shots.")
    ] = False,
    who: Annotated[str | None, typer.Option("--as", help="To keep: your user id. Needs --reason.")] = None,
    reason: Annotated[str | None, typer.Option(help="To keep: why, in plain words.")] = None,
    plan: Annotated[
        int | None, typer.Option(min=1, help="The plan version to start from; default: the newest.")
    ] = None,
    delivery: Annotated[Path | None, typer.Option(help="To keep: the delivery, if it was moved.")] = None,
    approve_as: Annotated[str | None, typer.Option(help="To keep: approve the result as this user.")] = None,
    note: Annotated[str, typer.Option(help="Note kept with the decision.")] = "",
) -> None:
    """Take treatments back. Their shots are rendered again from the preservation master.

    With --to, to look: a copy is written, and the reel's record stays as it is. With --as and --reason, to keep: the
    plan without these treatments becomes its next version, the reel is assembled and checked again, and waits for a
    decision (exit code 4).

    What has no treatment left is proved to be the scan, frame by frame, by framemd5.
    """
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.steps.revert.keep import Wish
    from restoration_tasks.steps.revert.taking_back import Asked

    asked = Asked.parse(shots, off)
    signature = {"--as": who, "--reason": reason, "--delivery": delivery, "--approve-as": approve_as, "--note": note}
    given = [name for name, value in signature.items() if value]
    if to is not None:
        if given:
            raise WrongUse(
                f"a copy to look at is not recorded, so {' and '.join(given)} would say nothing",
                action="leave that out; or leave --to out, to keep the change",
            )
        _look(reel, asked, plan, to, whole=whole)
        return
    if not who or not reason or not reason.strip() or whole:
        raise WrongUse(
            "say whether you want to look or to keep",
            expected="--to FILE or FOLDER to look (--whole: at the whole reel), or --as USER and --reason TEXT to keep",
            found=" and ".join([*given, *(["--whole"] if whole else [])]) or "neither",
            action="see --help",
        )
    _keep(reel, Wish(asked, plan, Person(who), reason.strip()), delivery, approve_as, note)


def _look(reel_id: str, asked: Asked, version: int | None, target: Path, *, whole: bool) -> None:
    from restoration_tasks.steps.revert import look
    from restoration_tasks.steps.revert.record import change_of, ingested
    from restoration_tasks.steps.way import Way

    with _at_work() as (settings, sessions, report, say):
        with sessions.begin() as session:
            found = ingested(session, Way(reel_id, settings))
            change = change_of(session, reel_id, asked, version)
        say(f"from plan version {change.base.version}")
        for line in change.lines:
            say(f"  {line}")
        shots = {shot.shot for shot in change.plan.shots} if whole else set(change.named)
        proof = look.write(look.Copy(found, change.plan, frozenset(shots), target), report)
        say(str(proof))
        say(f"{target}: written to look at; the record of the reel is as it was")


def _keep(reel_id: str, wish: Wish, delivery: Path | None, approve_as: str | None, note: str) -> None:
    from restoration_tasks.catalogue.decisions import role_of
    from restoration_tasks.provenance.vocabulary import DecisionAnswer
    from restoration_tasks.steps.asked import RunOptions
    from restoration_tasks.steps.revert import keep
    from restoration_tasks.steps.revert.record import ingested
    from restoration_tasks.steps.way import Way

    with _at_work() as (settings, sessions, report, say):
        if approve_as is not None:
            role_of(approve_as, settings)
        with sessions.begin() as session:
            found = ingested(session, Way(reel_id, settings))
            keep.require_change(session, reel_id, wish)
        options = RunOptions(delivery=str(keep.delivery_for_check(found, delivery).absolute()))
        found = replace(found, way=Way(reel_id, settings, options))
        keep.require_space(found)
        run_id = f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        conductor = keep.Reverting(found, wish, sessions, run_id, report=report, say=say)
        with conductor.holding_the_reel(to_the_end=True):
            conductor.take_the_way()
            if approve_as is None:
                conductor.leave_to_a_person()
                return
            conductor.decide(DecisionAnswer.APPROVE, approve_as, note)
            say(f"package: {conductor.way.vault.path(conductor.way.package_uri(conductor.packaged))}")


@contextlib.contextmanager
def _at_work() -> Iterator[tuple[Settings, Sessions, Reporter, Callable[[str], object]]]:
    """Settings, catalogue, and where progress and lines go."""
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.runtime.progress import Bars, JsonLines

    settings = Settings()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(local_database(settings))
        bars = stack.enter_context(Bars()) if sys.stdout.isatty() else None
        yield settings, open_sessions(url), bars or JsonLines(), bars.say if bars else typer.echo
