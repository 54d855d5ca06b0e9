"""`reelkeeper clip IN OUT`: files in, files out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from restoration_tasks.restoration.enlargement import EnlargeChoice


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(clip)


def clip(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of DPX, TIFF or PNG frames, or a video file.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder (frames keep their names), or a video: .mkv, .mov or .mp4.")
    ],
    treat: Annotated[
        str, typer.Option(help="Treatments that may be used; `dirt` includes hair.")
    ] = "dirt,scratches,stains,tears,stabilise,flicker,fade",
    strength: Annotated[Literal["gentler", "same", "stronger"], typer.Option(help="How boldly.")] = "same",
    engine: Annotated[
        Literal["network", "classical"],
        typer.Option(help="What finds damage and repairs it: our networks, or what needs no torch (dirt only)."),
    ] = "network",
    less_grain: Annotated[
        int, typer.Option(min=0, max=100, help="How much of the grain is to go, per cent; it stays as it is at 0.")
    ] = 0,
    enlarge: Annotated[
        EnlargeChoice,
        typer.Option(help="OUT is a larger version, a video; texture and animation invent detail, and say so."),
    ] = "no",
    masks: Annotated[Path | None, typer.Option(help="Folder for the damage maps, one PNG a frame.")] = None,
    kinds: Annotated[
        bool, typer.Option("--kinds", help="With --masks: also each kind in a folder of its own (dirt, hair, scratch).")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="JSON file for the plan and every frame's figures.")] = None,
) -> None:
    """Restore a clip without database or Airflow. What measures as clean is not touched."""
    from restoration_tasks.runtime.progress import Bars, silent
    from restoration_tasks.steps.clip import restore_clip

    names = [name.strip() for name in treat.split(",") if name.strip()]

    def work(progress: Bars | None) -> None:
        done = restore_clip(
            source,
            target,
            treatments=names,
            strength=strength,
            engine=engine,
            less_grain=less_grain,
            enlarge=enlarge,
            masks=masks,
            kinds=kinds,
            report=report,
            progress=progress or silent,
        )
        for note in done.notes:
            typer.echo(f"note: {note}")
        for shot in done.plan.shots:
            treated = "; ".join(f"{treatment.name}: {treatment.why}" for treatment in shot.treatments)
            typer.echo(f"shot {shot.shot}, frames {shot.start}–{shot.stop - 1}: {treated or 'left as it is'}")
        if done.plan.enlarge is not None:
            typer.echo(f"larger: {done.plan.enlarge.words}")
        typer.echo(f"{target}: {done.frames_changed} of {len(done.changes)} frames changed")

    if sys.stdout.isatty():
        with Bars() as bars:
            work(bars)
    else:
        work(None)
