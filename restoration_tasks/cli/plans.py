"""`reelkeeper plans …`: look at the versions of a reel's plan, and save an edited one as the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restoration_tasks.restoration.regions import RegionAction, RegionKind
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.restoration.plan import Plan, PlannedShot
    from restoration_tasks.restoration.regions import Region

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


@app.command()
def region(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    shot: Annotated[int, typer.Option(min=1, help="The shot's number, as the plan has it.")],
    action: Annotated[
        RegionAction,
        typer.Option(help="add: this is damage, repair it. remove: this is none. protect: repair nothing here."),
    ],
    frames: Annotated[
        str, typer.Option(help="First and last frame, such as 12-40, or one; counted from 0 at the shot's start.")
    ],
    polygon: Annotated[
        str, typer.Option(help='Corners in pixels of the scan, at least three: "x,y x,y x,y", from the upper left.')
    ],
    author: Annotated[str, typer.Option("--as", help="Your user id.")],
    why: Annotated[str, typer.Option(help="Why, in plain words.")],
    kind: Annotated[RegionKind, typer.Option(help="Which kind of damage it is about.")] = RegionKind.ANY,
) -> None:
    """Draw a region into the newest plan: damage to add, to take out, or picture to protect. Makes the next version."""
    drawn = _region(action, kind, frames, polygon, why)
    _next_version(reel, lambda plan: plan.with_region(shot, drawn), author=author, why=why)


@app.command("new-frames")
def new_frames(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    shot: Annotated[int, typer.Option(min=1, help="The shot's number, as the plan has it.")],
    frames: Annotated[
        str, typer.Option(help="First and last destroyed frame, such as 12-13, or one; counted from 0 at its start.")
    ],
    author: Annotated[str, typer.Option("--as", help="Your user id.")],
    why: Annotated[str, typer.Option(help="Why, in plain words.")],
) -> None:
    """Have destroyed frames made anew from the frames on either side. They are marked as invented everywhere."""
    first, last = _frames(frames)
    _next_version(reel, lambda plan: plan.with_new_frames(shot, first, last, why), author=author, why=why)


@app.command()
def wire(
    reel: Annotated[str, typer.Argument(help="The reel.")],
    shot: Annotated[int, typer.Option(min=1, help="The shot's number, as the plan has it.")],
    frame: Annotated[int, typer.Option(min=0, help="A frame that shows the wire well, counted from 0 at its start.")],
    ends: Annotated[
        str, typer.Option(help='Both ends of what shows of it there, in pixels of the scan: "x,y x,y", within five.')
    ],
    author: Annotated[str, typer.Option("--as", help="Your user id.")],
    why: Annotated[str, typer.Option(help="Why, in plain words.")],
) -> None:
    """Have a stunt wire taken out: it is followed through the shot from two points, then makes the next version."""
    import numpy as np

    from restoration_tasks.assessment.wire_named import named_wire

    places = _places("--ends", ends)
    if len(places) != 2:
        raise WrongUse("--ends cannot be read", expected='two places, such as "310,0 402,233"', found=ends[:200])
    master, planned = _recorded_shot(reel, shot, frame)
    found = named_wire(master, (planned.start, planned.stop), frame, np.asarray(places))
    if found is None:
        raise WrongUse(
            "no line is seen between these points",
            reel=reel,
            frame=planned.start + frame,
            found=ends,
            action="look at the frame again: both ends within five pixels of the wire, and of one wire",
        )
    _next_version(reel, lambda plan: plan.with_wire(shot, found.wire, f"{why} ({found.words})"), author=author, why=why)
    typer.echo(f"shot {shot}: {found.words}")


def _recorded_shot(reel: str, shot: int, frame: int) -> tuple[Path, PlannedShot]:
    """The reel's preservation master, its digest checked, and a shot of its newest plan that has this frame."""
    from restoration_tasks.catalogue import plans
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.revert.record import ingested
    from restoration_tasks.steps.way import Way

    settings = Settings()
    with local_database(settings) as url, open_sessions(url).begin() as session:
        newest = plans.latest(session, reel)
        if newest is None:
            raise WrongUse("this reel has no plan yet", reel=reel, action="run the reel, or `reelkeeper plan`")
        planned = Plan.from_yaml(newest.yaml).require_frame(shot, frame)
        return ingested(session, Way(reel, settings)).file("master"), planned


def _next_version(reel: str, change: Callable[[Plan], Plan], *, author: str, why: str) -> None:
    """Save the newest plan, changed, as the next version."""
    from restoration_tasks.catalogue import plans
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.plan_versions import adopt
    from restoration_tasks.steps.way import Way

    settings = Settings()
    with local_database(settings) as url, open_sessions(url).begin() as session:
        newest = plans.latest(session, reel)
        if newest is None:
            raise WrongUse("this reel has no plan yet", reel=reel, action="run the reel, or `reelkeeper plan`")
        plan = change(Plan.from_yaml(newest.yaml))
        saved = adopt(session, Way(reel, settings), plan.to_yaml(), author=Person(author), reason=why)
    typer.echo(f"{reel}: plan version {saved.version}")


def _frames(words: str) -> tuple[int, int]:
    """First and last frame.

    Raises:
        WrongUse: it cannot be read.
    """
    first, _, last = words.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise WrongUse("--frames cannot be read", expected="first and last, such as 12-40", found=words)
    return int(first), int(last or first)


def _places(option: str, words: str) -> tuple[tuple[float, float], ...]:
    """Places in pixels of the scan.

    Raises:
        WrongUse: they cannot be read.
    """
    try:
        return tuple((float(x), float(y)) for x, y in (place.split(",") for place in words.split()))
    except ValueError as error:
        raise WrongUse(
            f"{option} cannot be read", expected='places such as "10,20 60,20 60,90"', found=words[:200]
        ) from error


def _region(action: RegionAction, kind: RegionKind, frames: str, polygon: str, why: str) -> Region:
    """A region from the words of the command line.

    Raises:
        WrongUse: frames or polygon cannot be read; it says what they should look like.
    """
    from pydantic import ValidationError

    from restoration_tasks.restoration.regions import Region

    numbers = _frames(frames)
    corners = _places("--polygon", polygon)
    try:
        return Region(action=action, kind=kind, frames=numbers, polygon=corners, why=why)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise WrongUse(
            f"the region is not valid: {where + ': ' if where else ''}{problem['msg']}",
            action="correct --frames, --polygon or --why",
        ) from error
