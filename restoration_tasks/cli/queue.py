"""`reelkeeper queue …`: what waits, in which order, and what people say about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoration_tasks.catalogue.queue_models import Purpose, QueueState, Smell
from restoration_tasks.catalogue.work_models import FilmBase
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.queue import Place

app = typer.Typer(help="Which reel is restored next, and why.", no_args_is_help=True)

REEL = Annotated[str, typer.Argument(help="The reel.")]
AS = Annotated[str, typer.Option("--as", help="Your user id; it is kept with what you say.")]
REASON = Annotated[str, typer.Option(help="Why, in plain words; it is kept with the reel for good.")]
JSON = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
WIDE = 200
"""Columns where no terminal is: nothing is cut."""


@app.command("list")
def list_queue(
    reel: Annotated[str | None, typer.Option(help="One reel.")] = None,
    purpose: Annotated[Purpose, typer.Option(help="Reels to restore, or with files to repair.")] = Purpose.RESTORATION,
    state: Annotated[QueueState | None, typer.Option(help="Only these.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are done with.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 50,
    as_json: JSON = False,
) -> None:
    """Show the queue, the worst first, and what each place rests on."""
    from restoration_tasks.catalogue import queue

    states = (state,) if state else (*queue.OPEN, *((QueueState.DONE,) if everything else ()))
    with _catalogue() as session:
        found = queue.places(session, purpose=purpose, states=states, reel_id=reel, limit=limit)
    if as_json:
        for place in found:
            typer.echo(json.dumps(asdict(place), ensure_ascii=False, default=str))
        return
    if not found:
        typer.echo("Nothing waits.")
        return
    _show(found)


@app.command()
def add(
    reels: Annotated[list[str], typer.Argument(help="One reel or several.")],
    author: AS,
    delivery: Annotated[Path | None, typer.Option(help="Its folder, where it is not in the inbox (one reel).")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="How many it has, where nothing is scanned yet.")] = None,
    base: Annotated[FilmBase | None, typer.Option(help="What the film is made of.")] = None,
    made: Annotated[int | None, typer.Option(min=1888, max=2100, help="The year the film was made.")] = None,
    ad_strip: Annotated[float | None, typer.Option(min=0, max=3, help="A-D strip, 0 to 3.")] = None,
    shrinkage: Annotated[float | None, typer.Option(min=0, max=10, help="Per cent.")] = None,
    smell: Annotated[Smell | None, typer.Option(help="Of vinegar.")] = None,
    uniqueness: Annotated[
        float | None, typer.Option(min=0, max=1, help="1: no other copy is known; 0: another as good is safe.")
    ] = None,
    note: Annotated[str, typer.Option(help="What else was seen of the carrier.")] = "",
    profile: Annotated[
        str | None, typer.Option(help="Treatment profile its run goes by (`reelkeeper profiles list`).")
    ] = None,
) -> None:
    """Put reels into the queue, with what was read off the carrier; one that is in it is judged anew."""
    from restoration_tasks.catalogue import carriers
    from restoration_tasks.catalogue import reels as known_reels
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.restoration.profile import load
    from restoration_tasks.steps import queueing

    if len(reels) > 1 and delivery is not None:
        raise WrongUse("--delivery is for one reel", expected="one reel", found=f"{len(reels)} reels")
    given = {"base": base, "made_year": made, "ad_strip_level": ad_strip, "shrinkage_percent": shrinkage,
             "smell": smell, "uniqueness": uniqueness}  # fmt: skip
    read = {name: value for name, value in given.items() if value is not None}
    settings, person = Settings(), Person(author)
    form = {} if profile is None else {"profile": load(settings.profiles_folder, profile).name}
    with _catalogue(settings) as session:
        for reel in reels:
            known_reels.register(session, reel, delivery_uri="" if delivery is None else str(delivery))
            if read or note:
                carriers.record(session, reel, carriers.Reading(**read, note=note), person=person)  # type: ignore[arg-type]
            new = queueing.put(session, settings, reel, by=person, delivery=delivery, frames=frames, form=form)
            typer.echo(f"{reel}: {'put into the queue' if new else 'in the queue already; judged anew'}")


@app.command()
def override(
    reel: REEL,
    author: AS,
    reason: REASON,
    priority: Annotated[
        float | None, typer.Option(min=0, max=100, help="100 is first; without, an override is taken back.")
    ] = None,
) -> None:
    """Put your priority in the place of the measured urgency."""
    from restoration_tasks.catalogue import queue
    from restoration_tasks.provenance.agents import Person

    with _catalogue() as session:
        queue.override(session, reel, priority, person=Person(author), reason=reason)
        before = queue.ahead(session, reel)
    what = "goes by its urgency again" if priority is None else f"has priority {priority:g}"
    typer.echo(f"{reel} {what}" + ("" if before is None else f"; {before} reels come before it"))


@app.command()
def hold(reel: REEL, author: AS, reason: REASON) -> None:
    """Keep a waiting reel from being started."""
    from restoration_tasks.catalogue import queue
    from restoration_tasks.provenance.agents import Person

    with _catalogue() as session:
        queue.hold(session, reel, person=Person(author), reason=reason)
    typer.echo(f"{reel} is held back")


@app.command()
def release(
    reel: REEL,
    author: AS,
    reason: REASON,
    purpose: Annotated[
        Purpose, typer.Option(help="Let it wait again; or say that its damaged files were seen to.")
    ] = Purpose.RESTORATION,
) -> None:
    """Let a reel that was held back wait again."""
    from restoration_tasks.catalogue import queue
    from restoration_tasks.provenance.agents import Person

    with _catalogue() as session:
        queue.release(session, reel, person=Person(author), reason=reason, purpose=purpose)
    typer.echo(f"{reel} waits again" if purpose is Purpose.RESTORATION else f"{reel}: its files were seen to")


@app.command()
def estimate(
    frames: Annotated[
        int | None, typer.Option(min=1, help="A reel of so many frames; without, the whole queue.")
    ] = None,
    megapixels: Annotated[float, typer.Option(min=0.01, help="Of one of its frames, in millions of pixels.")] = 3.19,
    as_json: JSON = False,
) -> None:
    """Say what work takes, by what past runs took: of one reel, or of all that waits (judged anew first)."""
    from sqlalchemy import func, select

    from restoration_tasks.catalogue import rates
    from restoration_tasks.catalogue.queue_models import QueueEntry
    from restoration_tasks.steps import queueing

    settings = Settings()
    with _catalogue(settings) as session:
        learned = rates.learned(session)
        if frames is not None:
            hours = learned.hours(frames, megapixels, device=str(settings.device))
            told: dict[str, Any] = {"reels": 1, "device_h": hours.device_h, "worker_h": hours.worker_h}
        else:
            queueing.judge_all(session, settings)
            many, device_h, worker_h = session.execute(
                select(func.count(), func.sum(QueueEntry.device_h), func.sum(QueueEntry.worker_h)).where(
                    QueueEntry.purpose == Purpose.RESTORATION, QueueEntry.state == QueueState.WAITING
                )
            ).one()
            told = {"reels": many, "device_h": device_h or 0.0, "worker_h": worker_h or 0.0}
        told |= {"treatments": learned.treatments, "executions_seen": len(learned.seen) - len(rates.STAND_INS)}
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(
        f"{told['reels']} reels: {told['device_h']:.1f} hours of the GPU (or of all cores),"
        f" {told['worker_h']:.1f} hours of other work. Past frames got {told['treatments']:.1f} treatments."
    )
    if not told["executions_seen"]:
        typer.echo("No work is on record yet: this rests on the demo's figures (benchmarks/demo.py) alone.")


@contextmanager
def _catalogue(settings: Settings | None = None) -> Iterator[Session]:
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database

    with local_database(settings or Settings()) as url, open_sessions(url).begin() as session:
        yield session


def _show(places: list[Place]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("reel", "state", "priority", "rests on", "hours", "frames", "since", "why", box=None, pad_edge=False)
    for place in places:
        rests_on = place.basis.value if place.override is None else f"override ({place.basis.value} {place.urgency:g})"
        table.add_row(
            place.reel_id,
            place.state.value,
            f"{place.priority:.1f}",
            rests_on,
            "" if place.device_h is None else f"{place.device_h:.1f}",
            "" if place.frames is None else f"{place.frames} ({place.estimated_from})",
            f"{place.state_since:%Y-%m-%d}",
            place.reason or place.override_reason or "",
        )
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(table)
