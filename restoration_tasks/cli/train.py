"""`reelkeeper train …`: our own networks, trained and measured again by anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train Reelkeeper's own networks.", no_args_is_help=True)

_RECIPE = Path(__file__).resolve().parents[2] / "benchmarks" / "recipe.yaml"


@app.callback()
def train() -> None:
    """Train Reelkeeper's own networks."""


@app.command()
def defects(
    minutes: Annotated[
        float, typer.Option(min=0.0, help="Training time of both networks, that of earlier runs into OUT included.")
    ] = 90.0,
    seed: Annotated[int, typer.Option(help="One of the recipe's training seeds.")] = 1000,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, card and figures; default: `training/defects` at home.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="End each network after so many steps: repeatable on any machine.")
    ] = None,
    finish_minutes: Annotated[
        float, typer.Option(min=0.0, help="A second round of so many minutes, with new samples and a small rate.")
    ] = 0.0,
    finish_seed: Annotated[int, typer.Option(help="Seed of the second round.")] = 1001,
    batch: Annotated[int, typer.Option(min=1, help="Samples a step; 16 on a GPU.")] = 4,
    uses: Annotated[float, typer.Option(min=0.1, help="How often a sample is shown; 5 or 6 on a GPU.")] = 4.0,
    pool: Annotated[int, typer.Option(min=8, help="Samples kept to draw from, 9 MB each; 2400 on a large GPU.")] = 600,
    workers: Annotated[int, typer.Option(min=0, help="Processes that make samples: one a core at hand.")] = 2,
    recipe: Annotated[Path, typer.Option(help="The recipe: training clips, seeds, validation.")] = _RECIPE,
) -> None:
    """Train the dirt, hair and scratch detector and the repair network; fetches its clips with pip.

    Run again with the same OUT, it goes on from its checkpoints. With REELKEEPER_DEVICE=cuda it trains on a GPU.
    Nothing that is in use changes: to ship the result, put both weights and the card into
    restoration_tasks/models/defects and their digests into its load.py.
    """
    from restoration_tasks.runtime.settings import Settings
    from restoration_tasks.training.defects.fit import FitSettings
    from restoration_tasks.training.defects.run import Course, Finish, train_defects
    from restoration_tasks.training.recipe import Recipe

    settings = Settings()
    folder = out or settings.home / "training" / "defects"
    course = Course(
        minutes=minutes,
        seed=seed,
        steps=steps,
        threads=settings.threads,
        settings=FitSettings(batch=batch, uses=uses, pool=pool, workers=workers, device=settings.device.value),
        finish=Finish(finish_minutes, finish_seed) if finish_minutes else None,
        tell=typer.echo,
    )
    trained = train_defects(folder, Recipe.load(recipe), course)
    for kind, figures in trained.evaluation.kinds.items():
        typer.echo(f"{kind}: average precision {figures.average_precision:.3f}, F1 {figures.f1:.3f}")
    for weights, sha256 in trained.sha256.items():
        typer.echo(f"{folder / weights}: sha256 {sha256}")


@app.command()
def between(
    minutes: Annotated[
        float, typer.Option(min=0.0, help="Training time, that of earlier runs into OUT included.")
    ] = 80.0,
    seed: Annotated[int, typer.Option(help="One of the recipe's training seeds.")] = 1000,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, card and figures; default: `training/between` at home.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="End after so many steps.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 4,
    uses: Annotated[float, typer.Option(min=0.1, help="How often a sample is shown.")] = 4.0,
    pool: Annotated[int, typer.Option(min=8, help="Samples kept to draw from, 3 MB each.")] = 900,
    workers: Annotated[int, typer.Option(min=0, help="Processes that make samples.")] = 1,
    rate: Annotated[float | None, typer.Option(min=1e-6, max=1e-2, help="Largest learning rate.")] = None,
    begin_with: Annotated[Path | None, typer.Option(help="Weights to go on from instead of RIFE's own blend.")] = None,
    recipe: Annotated[Path, typer.Option(help="The recipe: training clips, seeds, validation.")] = _RECIPE,
) -> None:
    """Train the network that mixes frames between frames; needs RIFE on the shelf, fetches its clips with pip.

    Run again with the same OUT, it goes on from its checkpoint. Nothing that is in use changes: to ship the result, put
    weights, card and figures into restoration_tasks/models/between and the digest into its load.py.
    """
    from restoration_tasks.runtime.settings import Settings
    from restoration_tasks.training.between.run import RATE, SIZE, train_between
    from restoration_tasks.training.defects.fit import FitSettings
    from restoration_tasks.training.defects.run import Course
    from restoration_tasks.training.recipe import Recipe

    settings = Settings()
    folder = out or settings.home / "training" / "between"
    course = Course(
        minutes=minutes,
        seed=seed,
        steps=steps,
        threads=settings.threads,
        size=SIZE,
        settings=FitSettings(
            batch=batch, rate=rate or RATE, uses=uses, pool=pool, workers=workers, device=settings.device.value
        ),
        tell=typer.echo,
    )
    trained = train_between(folder, Recipe.load(recipe), course, begin_with)
    for one in trained.figures:
        typer.echo(f"{2 * one.half} frames apart: {one.psnr_db:.2f} dB, RIFE alone {one.rife_psnr_db:.2f} dB")
    typer.echo(f"{folder / 'between.safetensors'}: sha256 {trained.sha256}")
