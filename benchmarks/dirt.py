"""The proof of the repair of dirt, hairs and scratches, by the committed recipe: bars, peers, figures.

    python -m benchmarks.dirt [--parts blind true …] [--split test] [--seeds …] [--strengths …] [--quick] [--gpu]

Parts: *blind* (what the product makes of every case of the recipe as shipped, and how the repaired area flickers),
*true* (fills with the true mask: ours, Telea, weighted motion-compensated median), *peers* (blind: ffmpeg's
removegrain, tmedian and atadenoise, our classical engine, textbook SDI and ROD, VapourSynth's mvtools and DeScratch),
*detection* (raw maps pixel by pixel), *clean* (clean clips, also under rain, snow, fireworks and glitter), *uprights*
(shots without a scratch full of upright lines), *identity* (bits outside the map), *speed* (time and memory beside
ffmpeg's nlmeans), *real* (frames of real film labelled by hand).

On two free cores *blind* takes about an hour and a half, *detection*, *true* and *peers* together nearly another,
*clean* ten minutes, each of the others less than ten; `--seeds 101` makes a third of *blind* and *detection*. How long
the kept pieces took stands in the JSON.

Every piece is kept in the JSON as soon as it is made: a run that was broken off goes on where it was, and a piece is
made again when the code, the weights or the recipe behind it has changed. Nothing is chosen by what comes out here:
`--split validation` runs the same on the clip that is there to choose by. Exit 1 if a bar is missed or a piece failed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import command
from benchmarks.dirt_bars import judged
from benchmarks.dirt_cases import shot_motion, takes, work_folder
from benchmarks.dirt_contenders import recipe_of
from benchmarks.dirt_figures import breakdown
from benchmarks.dirt_jobs import Choice, Part, Unit, left_out, run, units
from benchmarks.kept import Kept, file_digest
from restoration_tasks.media import ffmpeg
from restoration_tasks.models.defects.load import SHIPPED_SHA256
from restoration_tasks.runtime.errors import ExitCode

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "dirt.json"
VERSIONS_OF = ("reelkeeper", "numpy", "opencv-python-headless", "torch")
_SAVE_EVERY_S = 20.0
console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar that was measured is held."""
    chosen = _parsed(arguments)
    parts = tuple(Part(name) for name in chosen.parts or Part)
    choice = Choice(chosen.split, parts, chosen.seeds, chosen.strengths, chosen.quick, chosen.gpu)
    kept = Kept(chosen.out or _out(choice))
    asked = units(choice)
    missing = [unit for unit in asked if not kept.has(unit.part, unit.key, unit.made_by)]
    console.print(f"{len(asked)} pieces, {len(asked) - len(missing)} of them kept from earlier", highlight=False)
    failed = _work(missing, kept, chosen.jobs)
    _drop_stale(asked, choice, kept)
    bars = judged(kept)
    figures = breakdown(kept)
    kept.save(_head(choice, bars, figures))
    _print_contenders(figures)
    _print(bars)
    for unit, error in failed:
        console.print(f"[red]{unit.part} {unit.key}: {error}", highlight=False)
    return ExitCode.FAILED if failed or any(bar["met"] is False for bar in bars) else ExitCode.DONE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The proof of the repair of dirt, hairs and scratches.")
    parser.add_argument("--parts", nargs="+", choices=[*Part], help="what to measure; all, if not named")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    parser.add_argument("--seeds", type=int, nargs="+", help="of the split's seeds; all, if not named")
    parser.add_argument("--strengths", type=int, nargs="+", help="numbers from 1; all, if not named (true, peers: two)")
    parser.add_argument("--quick", action="store_true", help="a few frames of little: to see that it runs")
    parser.add_argument("--gpu", action="store_true", help="speed: 2048x1556 on a CUDA device instead of the processor")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes; default: the cores")
    parser.add_argument("--out", type=Path, help="the JSON; default: docs/benchmarks/dirt.json for the whole test")
    chosen = parser.parse_args(arguments)
    recipe = recipe_of()
    split = getattr(recipe, chosen.split)
    if unknown := set(chosen.seeds or ()) - set(split.seeds):
        has = ", ".join(map(str, split.seeds))
        parser.error(f"seeds {sorted(unknown)} are not of the {chosen.split} split; it has {has}")
    most = min(len(strengths) for strengths in recipe.strengths.values())
    if set(chosen.strengths or ()) - set(range(1, most + 1)):
        parser.error(f"strengths are numbered 1 to {most}")
    return chosen


def _out(choice: Choice) -> Path:
    if choice.split == "test" and not choice.quick:
        return FIGURES
    return work_folder() / f"{choice.split}{'-quick' if choice.quick else ''}.json"


def _work(missing: Sequence[Unit], kept: Kept, processes: int) -> list[tuple[Unit, BaseException]]:
    failed: list[tuple[Unit, BaseException]] = []
    begun = saved = time.monotonic()
    for number, (unit, made) in enumerate(run(missing, processes), 1):
        if isinstance(made, BaseException):
            failed.append((unit, made))
        else:
            kept.put(unit.part, unit.key, unit.made_by, made)
        now = time.monotonic()
        console.print(f"[{number}/{len(missing)}, {now - begun:.0f} s] {unit.part} {unit.key}", markup=False)
        if now - saved > _SAVE_EVERY_S:
            kept.save()
            saved = now
    kept.save()
    return failed


def _drop_stale(asked: Sequence[Unit], choice: Choice, kept: Kept) -> None:
    """Pieces of other code or another recipe must not stand beside new ones; a part chosen in part stays whole."""
    wanted: dict[str, dict[str, str]] = {str(part): {} for part in choice.parts}
    every = units(Choice(choice.split, choice.parts, quick=choice.quick, gpu=choice.gpu))
    for unit in (*every, *asked):
        wanted[unit.part][unit.key] = unit.made_by
    if choice.gpu or Part.SPEED in choice.parts:
        # Timed on another machine, and no older than the code that ran there: both devices' figures stay.
        other = Choice(choice.split, [Part.SPEED], quick=choice.quick, gpu=not choice.gpu)
        wanted.setdefault(str(Part.SPEED), {}).update({unit.key: unit.made_by for unit in units(other)})
    kept.keep_only(wanted)


def _head(choice: Choice, bars: list[dict[str, Any]], figures: dict[str, Any]) -> dict[str, Any]:
    """What was measured on what, and what came out of it."""
    recipe = recipe_of()
    split = getattr(recipe, choice.split)
    motions = {
        take.name: [{**vars(shot_motion(take, shot)), "frames": list(shot)} for shot in take.shots]
        for take in takes(recipe, split, choice.most)
    }
    return {
        "benchmark": "dirt",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": choice.split,
        "quick": choice.quick,
        "recipe": {"version": recipe.version, "digest": file_digest("benchmarks/recipe.yaml")},
        "weights_sha256": {str(name): sha256 for name, sha256 in SHIPPED_SHA256.items()},
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "versions": {"python": platform.python_version(), "ffmpeg": ffmpeg.version()}
        | {name: importlib.metadata.version(name) for name in VERSIONS_OF},
        "left out": left_out(),
        "motion": motions,
        "bars": bars,
        "figures": figures,
    }


def _print_contenders(figures: dict[str, Any]) -> None:
    """Gains by contender, and recall and precision on real film."""
    headings = ("dirt, static", "dirt, moderate", "dirt, fast", "hair, all", "scratch, all")
    table = Table("mean gain in dB (worst)", *headings)
    for part in ("blind", "peers", "true"):
        by_name = figures[part]
        for contender in sorted({name.split(":")[0] for name in by_name}):
            gains = [by_name.get(f"{contender}: {heading}", {}).get("gain_db") for heading in headings]
            cells = ["" if one is None else f"{one['mean']:+.2f} ({one['worst']:+.2f})" for one in gains]
            table.add_row(f"{'true mask' if part == 'true' else 'blind'}: {contender}", *cells)
    wide = Console(width=max(console.width, 150))
    wide.print(table)
    for name, score in figures["real"].items():
        recall, precision = score["recall, objects"]["all"], score["precision, objects"]
        wide.print(f"real film, {name}: recall {recall}, precision {precision} of labelled objects", highlight=False)


def _print(bars: Sequence[dict[str, Any]]) -> None:
    table = Table("bar", "measured as", "asked", "measured", "met")
    for bar in bars:
        value = bar["measured"]
        figure = "—" if value is None else f"{value:.5g}"
        if "ci95" in bar:
            figure += " ({:.2f}–{:.2f})".format(*bar["ci95"])
        verdict = {None: "not measured", True: "yes", False: "NO"}[bar["met"]]
        table.add_row(bar["bar"], bar["measured as"], f"{bar['asked']:g}", figure, verdict)
    Console(width=max(console.width, 150)).print(table)


if __name__ == "__main__":
    command.run(main)
