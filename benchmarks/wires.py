"""Stunt wires: how much of a wire two points find and follow, and how near to the truth what is put in its place comes.

    python -m benchmarks.wires [--split test] [--cases 12]

By the committed recipe (wires.yaml): wires of six strengths and several forms over the takes of a split, with known
truth; OpenCV's Telea with the true mask beside ours in the same run. Every case is kept in the JSON as soon as it is
made; a run that was broken off goes on. Exit 1 if a bar is missed. What a plan finds by itself is not measured: it
looks for no wires yet.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from rich.console import Console

from benchmarks import command
from benchmarks.bars import bar
from benchmarks.dirt_cases import BITS, FULL, Codes, Mask, Take, clean_frames, takes, work_folder
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Kept, Result, digest, file_digest, source_digest
from restoration_tasks.assessment.wire_course import Look, beside
from restoration_tasks.assessment.wire_named import as_planned
from restoration_tasks.assessment.wire_tracking import follow
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.motion import Effort, MotionEstimator, analysis_luma
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.restoration.wires import WireParams, WireRemoval
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.training.damage.base import SD_WIDTH
from restoration_tasks.training.damage.wire import Wire, WiredFrame, WireForm

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "wires.json"
PART = "hinted"
_MADE_BY = (
    "benchmarks/wires.py",
    "restoration_tasks/assessment/wire_course.py",
    "restoration_tasks/assessment/wire_named.py",
    "restoration_tasks/assessment/wire_tracking.py",
    "restoration_tasks/restoration/wires.py",
    "restoration_tasks/training/damage/wire.py",
)
console = Console()


@cache
def wire_recipe() -> dict[str, Any]:
    """wires.yaml."""
    return dict(yaml.safe_load(Path(__file__).with_name("wires.yaml").read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="The proof of taking out stunt wires.")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    parser.add_argument(
        "--cases", type=int, help="make at most so many that are not kept yet; all of them, if not named"
    )
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    kept = Kept(FIGURES if chosen.split == "test" else work_folder() / "wires-validation.json")
    asked = pieces(chosen.split)
    kept.keep_only({PART: {key: made_by for key, (made_by, _) in asked.items()}})
    missing = [key for key, (made_by, _) in asked.items() if not kept.has(PART, key, made_by)]
    for key in missing[: chosen.cases]:
        begun = time.monotonic()
        made_by, make = asked[key]
        kept.put(PART, key, made_by, make())
        kept.save(_head(chosen.split, kept, len(asked)))
        console.print(f"{key}: {time.monotonic() - begun:.0f} s", markup=False, highlight=False)
    head = _head(chosen.split, kept, len(asked))
    kept.save(head)
    console.print(json.dumps({name: head[name] for name in ("bars", "figures")}, indent=1), markup=False)
    return ExitCode.DONE if all(one["met"] for one in head["bars"]) else ExitCode.FAILED


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The cases of a split, seed by seed: by key the digest of what makes it, and what does."""
    recipe, asked = recipe_of(), wire_recipe()
    part = getattr(recipe, split)
    made_by = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/wires.yaml"), file_digest("benchmarks/recipe.yaml"), split
    )
    found = takes(recipe, part, asked["frames"])
    work: dict[str, Callable[[], Result]] = {}
    for turn, seed in enumerate(part.seeds):
        for number in range(len(asked["strengths"]), 0, -1):
            for place, take in enumerate(found):
                form = asked["forms"][(number + place + turn) % len(asked["forms"])]
                key = f"strength {number}/{take.name}/{form}/seed {seed}"
                work[key] = partial(hinted, split, take.name, number, form, seed)
        for form in asked["apart"]:
            for take in found:
                work[f"apart/{take.name}/{form}/seed {seed}"] = partial(hinted, split, take.name, 5, form, seed)
    return {key: (made_by, make) for key, make in work.items()}


def hinted(split: str, name: str, number: int, form: str, seed: int) -> Result:
    """A wire over each shot of a take, found from two points: pixels found, and how near to the truth its fill is."""
    asked, take = wire_recipe(), _take(split, name)
    sums = dict.fromkeys(("hit", "visible", "good", "mapped", "outside_changed", "pixels"), 0)
    errors = dict.fromkeys(("before", "ours", "telea"), 0.0)
    followed = frames = 0
    for start, stop in take.shots:
        if stop - start < asked["least_frames"]:
            continue
        clean = clean_frames(take)[start:stop]
        looks = asked["strengths"][number - 1]
        wired = Wire(WireForm(form), looks["width_px"], looks["contrast"], seed=100 * seed + number).drawn(
            clean, bit_depth=BITS
        )
        params = named(wired, np.random.default_rng([seed, number, start]))
        followed += sum(len(one.on) for one in params.wires)
        frames += len(wired)
        treatment = WireRemoval(params)
        picture = rgb(clean[0].shape[2], clean[0].shape[1])
        shown = (Shown(at, one.picture, None, picture) for at, one in enumerate(wired))
        for (at, window), truth in zip(windows(shown, treatment.radius), clean, strict=True):
            made = treatment.apply(window)
            before, true = wired[at].picture, wired[at].mask
            mask = treatment.mask(window[0])
            visible = np.abs(before.astype(np.int32) - truth).max(axis=0) >= asked["visible_codes"] * (FULL + 1) / 256
            near = cv2.dilate(true.astype(np.uint8), np.ones((2 * asked["near_px"] + 1,) * 2, np.uint8)) > 0
            sums["hit"] += int(np.count_nonzero(visible & mask))
            sums["visible"] += int(np.count_nonzero(visible))
            sums["good"] += int(np.count_nonzero(mask & near))
            sums["mapped"] += int(np.count_nonzero(mask))
            sums["outside_changed"] += int(np.count_nonzero((made != before).any(axis=0) & ~mask))
            sums["pixels"] += int(np.count_nonzero(true))
            for key, one in {"before": before, "ours": made, "telea": _telea(before, true)}.items():
                errors[key] += float(np.square(one[:, true].astype(np.float64) - truth[:, true]).sum())
    psnr = {
        key: round(float(10 * np.log10(FULL**2 * 3 * sums["pixels"] / max(error, 1e-9))), 3)
        for key, error in errors.items()
    }
    return {**sums, "followed": followed, "frames": frames, "psnr_db": psnr}


def named(wired: Sequence[WiredFrame], rng: np.random.Generator) -> WireParams:
    """The treatment of one wire, from two points on the middle frame, as a person clicks them."""
    _, height, width = wired[0].picture.shape
    key = len(wired) // 2
    x, y = wired[key].course.T
    ends = wired[key].course[(x >= 0) & (x < width) & (y >= 0) & (y < height)][[0, -1]]
    most = wire_recipe()["hint_off_px"] * width / SD_WIDTH
    ends = ends + rng.uniform(-most, most, (2, 2))
    lumas = [analysis_luma(one.picture, int(FULL), rgb=True) for one in wired]
    motion = MotionEstimator(Effort.FOLLOW)

    @lru_cache(maxsize=4)
    def look(at: int) -> Look:
        return Look.of(lumas[at], [lumas[other] for other in beside(at, len(lumas))], motion)

    found = follow(look, len(wired), key, ends)
    return WireParams() if found is None else WireParams(wires=(as_planned(found, ends),))


def _telea(frame: Codes, mask: Mask) -> Codes:
    """OpenCV's inpainting of the true mask, channel by channel at 16 bits."""
    hole, scale = mask.astype(np.uint8), np.float32(65535 / FULL)
    filled = frame.copy()
    for channel, plane in enumerate(frame):
        levels = np.rint(plane * scale).astype(np.uint16)
        smooth = cv2.inpaint(levels, hole, wire_recipe()["telea_px"], cv2.INPAINT_TELEA)
        filled[channel][mask] = np.rint(smooth[mask] / scale).astype(filled.dtype)
    return filled


@lru_cache(maxsize=8)
def _take(split: str, name: str) -> Take:
    recipe = recipe_of()
    found = takes(recipe, getattr(recipe, split), wire_recipe()["frames"])
    return next(one for one in found if one.name == name)


def _head(split: str, kept: Kept, of: int) -> Result:
    asked = wire_recipe()["bars"]
    made = kept.part(PART)
    cases = {key: one for key, one in made.items() if key.startswith("strength")}
    bars: list[Result] = []
    figures: Result = {"pieces made": len(made), "of": of}
    if cases:
        rows = list(cases.values())
        found = [row for row in rows if row["hit"] >= 0.5 * row["visible"]]
        bars = [
            bar("two points: recall, pooled", _share(rows, "hit", "visible"), asked["hinted_recall"]),
            bar("two points: precision, pooled", _share(rows, "good", "mapped"), asked["hinted_precision"]),
            bar(
                "in the wire's pixels, cases found: PSNR over Telea's with the true mask, dB",
                _over(found),
                asked["above_telea_db"],
            ),
            bar("the same, all cases", _over(rows), asked["above_telea_db"]),
            bar(
                "pixels changed outside the treatment's map",
                sum(row["outside_changed"] for row in rows),
                asked["outside_changed_px"],
                most=True,
            ),
        ]
        figures["by strength"] = _by(cases, 0)
        figures["by take"] = _by(cases, 1)
        figures["by form"] = _by(cases, 2)
    apart = {key: one for key, one in made.items() if key.startswith("apart")}
    if apart:
        figures["apart, by form"] = _by(apart, 2)
    return {
        "benchmark": "wires",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": split,
        "recipe": {name: file_digest(f"benchmarks/{name}.yaml") for name in ("recipe", "wires")},
        "versions": {"numpy": np.__version__, "opencv": cv2.__version__},
        "bars": bars,
        "figures": figures,
    }


def _share(rows: Sequence[Result], part: str, whole: str) -> float:
    return float(sum(row[part] for row in rows) / max(sum(row[whole] for row in rows), 1))


def _over(rows: Sequence[Result]) -> float:
    return float(np.mean([row["psnr_db"]["ours"] - row["psnr_db"]["telea"] for row in rows])) if rows else 0.0


def _by(cases: dict[str, Result], place: int) -> Result:
    groups: dict[str, list[Result]] = {}
    for key, one in cases.items():
        groups.setdefault(key.split("/")[place], []).append(one)
    return {
        group: {
            "cases": len(rows),
            "recall": round(_share(rows, "hit", "visible"), 3),
            "precision": round(_share(rows, "good", "mapped"), 3),
            **{name: round(float(np.mean([one["psnr_db"][name] for one in rows])), 2) for name in rows[0]["psnr_db"]},
        }
        for group, rows in sorted(groups.items())
    }


if __name__ == "__main__":
    command.run(main)
