"""`reelkeeper survey SOURCE`: what a film suffers from, looked at here and there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(survey)


def survey(
    source: Annotated[Path, typer.Argument(help="Folder of DPX, TIFF or PNG frames, or a video file.")],
    every: Annotated[int, typer.Option(help="Frames from one look to the next, 5 to 24.")] = 24,
    report: Annotated[Path | None, typer.Option(help="HTML file for the condition report.")] = None,
    record: Annotated[Path | None, typer.Option(help="JSON file for the condition record.")] = None,
    ad_strip: Annotated[float | None, typer.Option(help="Level of the A-D strip, 0 to 3.")] = None,
    shrinkage: Annotated[
        float | None, typer.Option(help="Shrinkage in per cent, measured on the perforations.")
    ] = None,
    smell: Annotated[Literal["none", "slight", "strong"] | None, typer.Option(help="Of vinegar.")] = None,
    uniqueness: Annotated[
        float, typer.Option(help="1: no other copy is known; 0: one as good is safe elsewhere.")
    ] = 1.0,
) -> None:
    """Look into a film here and there: how it is, and how urgent. Nothing is kept, nothing is changed."""
    from pydantic import ValidationError

    from restoration_tasks.assessment.carrier import CarrierReadings
    from restoration_tasks.runtime.errors import WrongUse
    from restoration_tasks.runtime.progress import silent
    from restoration_tasks.steps.survey import survey as look

    try:
        carrier = CarrierReadings(
            ad_strip_level=ad_strip, shrinkage_percent=shrinkage, smell=smell, uniqueness=uniqueness
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise WrongUse(f"{problem['loc'][0]}: {problem['msg']}", found=problem["input"]) from error
    found = look(source, every=every, carrier=carrier, record=record, report=report, progress=silent)
    typer.echo(f"{source}: urgency {found.urgency:g} of 100 ({found.looked_at} of {found.frames} frames looked at)")
    for words in found.told():
        typer.echo(f"  {words}")
