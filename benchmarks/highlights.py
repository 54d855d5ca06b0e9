"""Sparks, drops and glitter taken for dirt: does the check say so, and does it say so of dirt alone?

    python -m benchmarks.highlights [--split test]

By the committed recipe (highlights.yaml): the meter that the check hands every frame to (`quality.around`), and the
limits of the policy. Each piece is kept in docs/benchmarks/highlights.json as it is made; a broken run goes on. Exit 1
if a bar is missed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console

from benchmarks import command
from benchmarks.bars import bar, tell
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_cases import FULL, Aged, Case, Codes, Mask, Take, aged, clean_frames, takes, work_folder
from benchmarks.dirt_contenders import recipe_of
from benchmarks.kept import ROOT, Kept, Result, digest, file_digest, source_digest
from restoration_tasks.quality.around import AroundMeter
from restoration_tasks.quality.metrics import luma
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.shot_sums import highlights
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.training.damage import DamageKind

FIGURES = ROOT / "docs" / "benchmarks" / "highlights.json"
_MADE_BY = (
    "benchmarks/highlights.py",
    "benchmarks/clean_scenes.py",
    "benchmarks/dirt_cases.py",
    "restoration_tasks/quality/around.py",
    "restoration_tasks/quality/shot_sums.py",
    "restoration_tasks/training/damage",
)
console = Console()


@cache
def recipe() -> dict[str, Any]:
    """What is measured."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return content


def pieces(split: str) -> dict[str, Callable[[], Result]]:
    """The pieces of a split, seed by seed: light eaten, dirt repaired, and dirt repaired where light is."""
    work: dict[str, Callable[[], Result]] = {}
    of_split = getattr(recipe_of(), split)
    for seed in of_split.seeds:
        for take in takes(recipe_of(), of_split, recipe()["frames"]):
            for scene in recipe()["scenes"]:
                work[f"eaten/{scene}/{take.name}/{seed}"] = partial(eaten, take, scene, seed)
            for strength in recipe()["dirt_strengths"]:
                case = Case(take, DamageKind.DIRT, strength, seed)
                for scene in ("", *recipe()["scenes"]):
                    work[f"repaired/{scene or 'no light'}/{case.key}"] = partial(repaired, split, case, scene)
    return work


# -- what is measured --------------------------------------------------------------------------------------------------


def eaten(take: Take, scene: str, seed: int) -> Result:
    """Light taken for dirt all over a take."""
    clean = clean_frames(take)
    lit = over(clean, SCENES[scene], seed, FULL)
    least = recipe()["bright"] * FULL
    masks = [
        widened((shown.astype(np.int32) - frame).max(axis=0) >= least) for shown, frame in zip(lit, clean, strict=True)
    ]
    restored = [np.where(mask, frame, shown) for mask, frame, shown in zip(masks, clean, lit, strict=True)]
    return told(take, lit, restored, masks)


def repaired(split: str, case: Case, scene: str) -> Result:
    """Dirt and nothing else taken off a take, perfectly."""
    laid = _aged(case, split)
    clean = laid.clean if not scene else over(laid.clean, SCENES[scene], case.seed, FULL)
    touched = [widened(mask) for mask in laid.masks]
    # Dirt lies on the film: it hides the light that fell on it as it hides the rest.
    share = [np.where(mask, soiled, shown) for mask, soiled, shown in zip(laid.masks, laid.damaged, clean, strict=True)]
    return told(case.take, share, clean, touched)


def told(take: Take, scan: Sequence[Codes], restored: Sequence[Codes], masks: Sequence[Mask]) -> Result:
    """What the rules about light and about what lasts are given, by shot."""
    limits, found = policy(), []
    for start, stop in take.shots:
        if stop - start < recipe()["least_frames"]:
            continue
        meter = AroundMeter(limits)
        for place in range(start, stop):
            meter.add(place, _luma(scan[place]), _luma(restored[place]), masks[place], judged=True)
        meter.end()
        around = list(meter.found.values())
        lasting = max((one.lasting_px for one in around), default=0) / masks[start].size
        found.append({**highlights(around, limits), "lasting_share": lasting})
    return {"shots": found}


def widened(mask: NDArray[np.bool_]) -> Mask:
    """A mask and what lies about it, as maps mark damage."""
    side = 2 * int(recipe()["margin_px"]) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _luma(picture: Codes) -> NDArray[np.float32]:
    return np.asarray(luma(picture) / np.float32(FULL), np.float32)


@lru_cache(maxsize=1)
def _aged(case: Case, split: str) -> Aged:
    return aged(case, recipe_of(), getattr(recipe_of(), split))


# -- what is said of it ------------------------------------------------------------------------------------------------


def report(parts: Mapping[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of what was measured."""
    asked, limits = recipe()["bars"], policy()
    bars, figures = [], {}
    lasting_most = limits.limit("lasting_share_max")
    caught: dict[str, list[bool]] = {}
    false: dict[str, list[bool]] = {}
    lasting: list[bool] = []
    for key, piece in parts.items():
        what, scene, *_ = key.split("/")
        for shot in piece["shots"]:
            broken = shot["highlights_eaten"] > shot["highlights_allowed"]
            if what == "eaten":
                if shot["highlights"] >= recipe()["least_spots"]:
                    caught.setdefault(scene, []).append(broken)
            else:
                false.setdefault(scene, []).append(broken)
                lasting.append(shot["lasting_share"] > lasting_most)
    for scene, shots in caught.items():
        words = f"{scene} taken for dirt: shots in which the check says so, share"
        bars.append(bar(words, float(np.mean(shots)), asked["eaten_caught"]))
        figures[f"{scene} taken for dirt: shots"] = len(shots)
    for scene, shots in false.items():
        words = f"dirt repaired, {scene}: shots said to have lost light, share"
        bars.append(bar(words, float(np.mean(shots)), asked["repaired_refused"], most=True))
    if lasting:
        words = "dirt repaired: shots said to have lost what lasts, share"
        bars.append(bar(words, float(np.mean(lasting)), asked["repaired_refused"], most=True))
        figures["dirt repaired: shots"] = len(lasting)
    return bars, figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="Light taken for dirt.")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    kept = Kept(FIGURES if chosen.split == "test" else work_folder() / "highlights-validation.json")
    recipes = [file_digest(f"benchmarks/{name}.yaml") for name in ("highlights", "recipe")]
    made_by = digest(source_digest(*_MADE_BY), *recipes, chosen.split)
    work = pieces(chosen.split)
    kept.keep_only({"highlights": dict.fromkeys(work, made_by)})
    for number, (key, make) in enumerate(work.items(), 1):
        if not kept.has("highlights", key, made_by):
            begun = time.monotonic()
            kept.put("highlights", key, made_by, make())
            kept.save(_head(chosen.split, kept, len(work)))
            console.print(
                f"[{number}/{len(work)}] {key}: {time.monotonic() - begun:.0f} s", markup=False, highlight=False
            )
    head = _head(chosen.split, kept, len(work))
    kept.save(head)
    return ExitCode.DONE if tell(console, head) else ExitCode.FAILED


def _head(split: str, kept: Kept, of: int) -> Result:
    bars, figures = report(kept.part("highlights"))
    return {
        "benchmark": "highlights",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": split,
        "bars": bars,
        "figures": {"pieces made": len(kept.part("highlights")), "of": of, **figures},
    }


if __name__ == "__main__":
    command.run(main, "highlights")
