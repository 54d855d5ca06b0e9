"""The proof of the damage assessment, by the committed recipe: severities against true strengths, and false alarms.

    python -m benchmarks.assessment [--split test] [--kinds fade weave …] [--seeds …] [--frames 24] [--gauges-only]

Every case of the recipe (a clip, one kind of damage, one strength, one seed) is assessed as the product does it, and
beside them every clip as it is, also thinned and under rain, snow, fireworks and glitter. Reported are, by category,
the rank correlation of the severity with the true strength with all clips pooled, the severities of clean clips, how
often a category that was not damaged comes first, and how far weave, fade and flicker are from the simulator's own.

The true strength is what the simulator did to a shot: of frames at chance gone or torn, a mild strength has none in
twenty-four now and then, and nothing is to be seen then. The correlation with the recipe's number stands beside it.

Every piece is kept in the JSON as soon as it is made; a run that was broken off goes on. Exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from benchmarks import command
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_cases import BITS, FULL, Take, clean_frames, takes, work_folder
from benchmarks.dirt_contenders import recipe_of
from benchmarks.dirt_jobs import Unit, run
from benchmarks.engines import rgb, write_frames
from benchmarks.kept import Kept, Result, digest, file_digest, source_digest
from restoration_tasks.assessment.condition import NOTHING, ShotCondition, shot_conditions
from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.gauge import Category
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.readings import gauges, read_segment, read_window, scanned
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.segments import cut_segments
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.training.damage import DamageKind, Dirt
from restoration_tasks.training.damage.base import SD_WIDTH, DamagedFrame
from restoration_tasks.training.recipe import Recipe, Split, calibrated

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "assessment.json"
CATEGORY = {
    DamageKind.DIRT: Category.DIRT,
    DamageKind.HAIR: Category.DIRT,
    DamageKind.SCRATCH: Category.SCRATCH,
    DamageKind.FLICKER: Category.FLICKER,
    DamageKind.WEAVE: Category.WEAVE,
    DamageKind.FADE: Category.FADE,
    DamageKind.GRAIN: Category.GRAIN,
    DamageKind.STAIN: Category.STAIN,
    DamageKind.TEAR: Category.TEAR,
    DamageKind.MISSING: Category.MISSING,
}
"""What each kind of damage is to be seen as; hairs and dirt have one severity."""
BY_NETWORK = {Category.DIRT, Category.SCRATCH, Category.FLICKER}
"""What the network and the plan measure; the rest is read by gauges alone."""
PRODUCT_CASES = ((2, 0), (5, 1))
"""Strengths, and places of their seeds, at which kinds that gauges read are also shown to the network, to see whether
it takes them for dirt."""
console = Console()


@dataclass(frozen=True)
class Job:
    """A take, damaged or as it is, that is assessed."""

    take: Take
    split: str
    kind: DamageKind | None = None
    strength: int = 0
    seed: int = 0
    scene: str | None = None
    network: bool = True

    @property
    def key(self) -> str:
        """Its name in the results."""
        if self.kind is None:
            return f"{self.take.name}/{self.scene or 'as it is'}"
        return f"{self.take.name}/{self.kind}/{self.strength}/{self.seed}"


def assessed(job: Job) -> Result:
    """The severities of each shot, the figures behind them, and what the simulator did to it."""
    clean = clean_frames(job.take)
    truth: list[DamagedFrame] = []
    frames: Sequence[Any] = clean
    if job.scene is not None:
        frames = over(clean, SCENES[job.scene], job.seed, FULL)
    elif job.kind is not None:
        truth = _damaged(job, clean)
        frames = [one.picture for one in truth]
    # Frames that are gone and repeated move the cuts.
    source = [one.truth.source for one in truth] or list(range(len(frames)))
    places = [[at for at, place in enumerate(source) if start <= place < stop] for start, stop in job.take.shots]
    shots = [(inside[0], inside[-1] + 1) for inside in places if inside]
    conditions = _by_product(frames, shots) if job.network else _by_gauges(frames, shots)
    return {
        "shots": [
            {
                "frames": [one.facts.start, one.facts.stop],
                "severities": {v.category.value: round(v.severity, 2) for v in one.verdicts},
                "figures": {v.category.value: dict(v.figures) for v in one.verdicts},
                "truth": _truth(job, truth[one.facts.start : one.facts.stop]),
                "done": _done(job, truth[one.facts.start : one.facts.stop]),
            }
            for one in conditions
        ]
    }


def _damaged(job: Job, clean: Sequence[Any]) -> list[DamagedFrame]:
    recipe = recipe_of()
    assert job.kind is not None
    strength = recipe.strengths[job.kind][job.strength - 1]
    damage = recipe.damage(job.kind, strength, getattr(recipe, job.split), job.seed)
    if isinstance(damage, Dirt) and strength.psnr_db is not None:
        damage = calibrated(damage, clean, BITS, strength.psnr_db)
    return list(damage.apply(clean, bit_depth=BITS))


def _truth(job: Job, frames: Sequence[DamagedFrame]) -> Result:
    """Means, deviations and sums of the simulator's own figures over a shot."""
    if job.kind is None:
        return {}
    rows = [frame.truth.values.get(job.kind, {}) for frame in frames]
    names = sorted({name for row in rows for name in row})
    series = {name: np.array([row.get(name, 0.0) for row in rows]) for name in names}
    return {
        name: {"mean": float(one.mean()), "sd": float(one.std()), "sum": float(one.sum())}
        for name, one in series.items()
    }


def _done(job: Job, frames: Sequence[DamagedFrame]) -> float:
    """How strong the damage of a shot is: the simulator's own figure, or the recipe's number of the strength.

    Lengths are in pixels of a picture 720 wide.
    """
    if job.kind is None:
        return 0.0
    rows = [frame.truth.values.get(job.kind, {}) for frame in frames]
    size = SD_WIDTH / frames[0].picture.shape[2]
    by_name = {name: np.array([row.get(name, 0.0) for row in rows]) for row in rows for name in row}
    match job.kind:
        case DamageKind.WEAVE:
            return float(size * np.hypot(by_name["x_px"].std(), by_name["y_px"].std()))
        case DamageKind.MISSING:
            return float((by_name["dropped_before"][1:].sum() + by_name["repeat"].sum()) / len(frames))
        case DamageKind.TEAR:
            return float(size * np.hypot(by_name["x_px"], by_name["y_px"]).max()) if by_name else 0.0
        case DamageKind.STAIN:
            return float(by_name["depth"].max())
    return float(job.strength)


def _by_product(frames: Sequence[Any], shots: Sequence[tuple[int, int]]) -> list[ShotCondition]:
    _, height, width = frames[0].shape
    with tempfile.TemporaryDirectory(prefix="reelkeeper-assess-") as name:
        folder = Path(name)
        master = folder / "master.mkv"
        write_frames(master, rgb(width, height), frames)
        measured = [
            measure_segment(master, segment, folder / f"{segment.id}.map.mkv", engine=Engine.NETWORK, means=Means())
            for segment in cut_segments(shots)
        ]
        decided = decide(
            [Shot(number, *bounds) for number, bounds in enumerate(shots, 1)],
            [row for one in measured for row in one.frames],
            ("dirt", "scratches", "flicker"),
            Strength.SAME,
            lines=[line for one in measured for line in one.lines],
        )
        rows = [row for one in cut_segments(shots) for row in read_segment(master, one, Means(), gauges())]
        return shot_conditions([figures for _, figures in decided], rows, scanned(master))


def _by_gauges(frames: Sequence[Any], shots: Sequence[tuple[int, int]]) -> list[ShotCondition]:
    from restoration_tasks.assessment.condition import judged
    from restoration_tasks.assessment.gauge import Scanned, ShotFacts

    _, height, width = frames[0].shape
    picture, scan = rgb(width, height), Scanned(width, height, 24.0, False)
    radius = max(gauge.radius for gauge in gauges())
    made = []
    for number, (start, stop) in enumerate(shots, 1):
        seen = (Glance.of(start + place, frame, picture) for place, frame in enumerate(frames[start:stop]))
        rows = [read_window(window) for _, window in windows(seen, radius)]
        facts = ShotFacts(number, start, stop, scan)
        made.append(ShotCondition(facts, judged([row.by for row in rows], facts)))
    return made


def units(chosen: argparse.Namespace) -> list[Unit]:
    """All work that is asked for."""
    recipe = recipe_of()
    split: Split = getattr(recipe, chosen.split)
    kinds = [DamageKind(name) for name in chosen.kinds or split.kinds]
    jobs = []
    for seed in chosen.seeds or split.seeds:
        for take in takes(recipe, split, chosen.frames):
            for kind in kinds:
                for number in range(1, len(recipe.strengths[kind]) + 1):
                    dear = CATEGORY[kind] in BY_NETWORK or (number, split.seeds.index(seed)) in PRODUCT_CASES
                    jobs.append(Job(take, chosen.split, kind, number, seed, network=dear and not chosen.gauges_only))
    for take in takes(recipe, split, chosen.frames):
        jobs.append(Job(take, chosen.split, network=not chosen.gauges_only))
        if not take.thinned:
            jobs += [
                Job(take, chosen.split, scene=scene, seed=9000 + n, network=not chosen.gauges_only)
                for n, scene in enumerate(SCENES)
            ]
    code = source_digest("benchmarks/assessment.py", "restoration_tasks/assessment", "restoration_tasks/models")
    made_by = digest(code, file_digest("benchmarks/recipe.yaml"), chosen.frames)
    return [
        Unit("cases", job.key, digest(made_by, job.network), assessed, job, job.take.name + str(job.kind))
        for job in jobs
    ]


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(kept: Kept) -> tuple[list[Result], Result]:
    """The bars with what was measured, and the figures by category."""
    cases = kept.part("cases")
    damaged: dict[str, list[tuple[int, Result]]] = {}
    clean: list[tuple[str, Result]] = []
    for key, piece in cases.items():
        parts = key.split("/")
        for shot in piece["shots"]:
            if len(parts) == 4:
                damaged.setdefault(parts[1], []).append((int(parts[2]), shot))
            else:
                clean.append((key, shot))
    figures: Result = {"rank correlation": {}, "rank correlation with the recipe's number": {}}
    figures |= {
        "rank correlation without the take that costs most": {},
        "clean severity": {},
        "wrong category first": {},
        "errors": {},
    }
    bars: list[Result] = []
    for kind, rows in sorted(damaged.items()):
        category = CATEGORY[DamageKind(kind)].value
        seen = [(number, shot) for number, shot in rows if category in shot["severities"]]
        if len({number for number, _ in seen}) < 2:
            continue
        severities = [shot["severities"][category] for _, shot in seen]
        found = _rank_correlation([shot["done"] for _, shot in seen], severities)
        by_number = _rank_correlation([number for number, _ in seen], severities)
        figures["rank correlation"][kind] = round(found, 3)
        figures["rank correlation with the recipe's number"][kind] = round(by_number, 3)
        figures["rank correlation without the take that costs most"][kind] = _without_the_worst(cases, kind, category)
        bars.append(_bar(f"rank correlation of severity and strength ≥ 0.9: {kind}", found, 0.9, at_least=True))
        wrong = [_first(shot) != category for _, shot in seen if shot["done"] > 0 and _first(shot) is not None]
        if wrong:
            figures["wrong category first"][kind] = round(float(np.mean(wrong)), 3)
    every = list(figures["wrong category first"].values())
    if every:
        bars.append(
            _bar("wrong category first on single-damage clips ≤ 5 %", float(np.mean(every)), 0.05, at_least=False)
        )
    # Text on screen is a finding without severity.
    for category in (one for one in Category if one is not Category.TEXT):
        read = [
            (shot["severities"][category.value], key) for key, shot in clean if category.value in shot["severities"]
        ]
        if read:
            worst = max(read)
            figures["clean severity"][category.value] = {"worst": worst[0], "on": worst[1]}
            bars.append(_bar(f"clean clips: severity ≤ 5: {category.value}", worst[0], NOTHING, at_least=False))
    figures["errors"] = _errors(damaged)
    return bars, figures


def _without_the_worst(cases: dict[str, Result], kind: str, category: str) -> Result:
    """The take without which severities of a kind go best with their strengths, and how well then."""
    pairs = [
        (key.split("/")[0], shot["done"], shot["severities"][category])
        for key, piece in cases.items()
        if key.split("/")[1] == kind
        for shot in piece["shots"]
    ]
    found = {
        take: _rank_correlation(*zip(*((done, seen) for one, done, seen in pairs if one != take), strict=True))
        for take in {one for one, _, _ in pairs}
        if len({one for one, _, _ in pairs}) > 1
    }
    take = max(found, key=lambda one: found[one], default=None)
    return {} if take is None else {"take": take, "rank correlation": round(found[take], 3)}


def _rank_correlation(strengths: Sequence[float], severities: Sequence[float]) -> float:
    """Spearman's; 0 where one of them never changes."""
    if min(len(set(strengths)), len(set(severities))) < 2:
        return 0.0
    return float(spearmanr(strengths, severities).statistic)


def _first(shot: Result) -> str | None:
    """The worst category of a shot; None where nothing is worth looking at."""
    name, severity = max(shot["severities"].items(), key=lambda pair: pair[1])
    return name if severity > NOTHING else None


def _errors(damaged: dict[str, list[tuple[int, Result]]]) -> Result:
    """How far the figures are from the simulator's own."""
    made: Result = {}
    weave = [
        (shot["figures"]["weave"][f"{axis}_rms_px"] - shot["truth"][f"{axis}_px"]["sd"])
        for _, shot in damaged.get("weave", ())
        for axis in ("x", "y")
        if "x_rms_px" in shot["figures"].get("weave", {})
    ]
    if weave:
        made["weave, px RMS"] = round(float(np.sqrt(np.mean(np.square(weave)))), 4)
    return made


def _bar(words: str, value: float, bar: float, *, at_least: bool) -> Result:
    met = value >= bar if at_least else value <= bar
    return {"bar": words, "asked": bar, "measured": round(value, 4), "met": bool(met)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar that was measured is held."""
    parser = argparse.ArgumentParser(description="The proof of the damage assessment.")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    parser.add_argument("--kinds", nargs="+", choices=[*DamageKind], help="kinds of damage; all, if not named")
    parser.add_argument("--seeds", type=int, nargs="+", help="of the split's seeds; all, if not named")
    parser.add_argument("--frames", type=int, help="frames of each take; all, if not named")
    parser.add_argument("--gauges-only", action="store_true", help="without the network: no dirt, scratches, flicker")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes; default: the cores")
    parser.add_argument(
        "--out", type=Path, help="the JSON; default: docs/benchmarks/assessment.json for the whole test"
    )
    chosen = parser.parse_args(arguments)
    whole = chosen.split == "test" and not (chosen.kinds or chosen.seeds or chosen.frames or chosen.gauges_only)
    kept = Kept(chosen.out or (FIGURES if whole else work_folder() / f"assessment-{chosen.split}.json"))
    asked = units(chosen)
    kept.keep_only({"cases": {unit.key: unit.made_by for unit in asked}})
    missing = [unit for unit in asked if not kept.has(unit.part, unit.key, unit.made_by)]
    console.print(f"{len(asked)} pieces, {len(asked) - len(missing)} of them kept from earlier", highlight=False)
    failed, begun, saved = [], time.monotonic(), time.monotonic()
    for number, (unit, made) in enumerate(run(missing, chosen.jobs), 1):
        if isinstance(made, BaseException):
            failed.append((unit, made))
        else:
            kept.put(unit.part, unit.key, unit.made_by, made)
        if time.monotonic() - saved > 20:
            console.print(f"[{number}/{len(missing)}, {time.monotonic() - begun:.0f} s] {unit.key}", markup=False)
            kept.save()
            saved = time.monotonic()
    bars, figures = report(kept)
    kept.save(_head(chosen, bars, figures))
    table = Table("bar", "asked", "measured", "met")
    for bar in bars:
        table.add_row(bar["bar"], f"{bar['asked']:g}", f"{bar['measured']:.4g}", "yes" if bar["met"] else "NO")
    console.print(table)
    console.print(figures["wrong category first"], figures["errors"])
    for unit, error in failed:
        console.print(f"[red]{unit.key}: {error!r}", highlight=False)
    return ExitCode.FAILED if failed or not all(bar["met"] for bar in bars) else ExitCode.DONE


def _head(chosen: argparse.Namespace, bars: list[Result], figures: Result) -> Result:
    recipe: Recipe = recipe_of()
    return {
        "benchmark": "assessment",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": chosen.split,
        "frames": chosen.frames,
        "recipe": {"version": recipe.version, "digest": file_digest("benchmarks/recipe.yaml")},
        "bars": bars,
        "figures": figures,
    }


if __name__ == "__main__":
    command.run(main)
