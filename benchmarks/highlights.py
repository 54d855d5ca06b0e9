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
from itertools import product
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
    "restoration_tasks/assessment/strokes.py",
    "restoration_tasks/quality/around.py",
    "restoration_tasks/quality/shot_sums.py",
    "restoration_tasks/training/damage",
)
RULES = ("highlights_kept", "rain_kept", "nothing_lasting_repaired")
"""Of the check, about light; the last is about frames, the others are about shots."""
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
        for take in takes(recipe_of(), of_split):
            for scene in recipe()["scenes"]:
                work[f"eaten/{scene}/{take.name}/{seed}"] = partial(eaten, take, scene, seed)
            for kind, strength in product(recipe()["dirt_kinds"], recipe()["dirt_strengths"]):
                case = Case(take, DamageKind(kind), strength, seed)
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
    """What the rules about light are given, by shot."""
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
    asked = recipe()["bars"]
    caught: dict[str, list[set[str]]] = {}
    false: dict[str, list[set[str]]] = {}
    for key, piece in parts.items():
        what, scene, *_ = key.split("/")
        for shot in piece["shots"]:
            if what == "repaired":
                false.setdefault(scene, []).append(broken(shot))
            elif shot["highlights"] >= recipe()["least_spots"]:
                caught.setdefault(scene, []).append(broken(shot))
    bars, figures = [], {}
    for words, held, sought, most in (
        ("{} taken for dirt: shots in which the check says so, share", caught, asked["eaten_caught"], False),
        ("dirt repaired, {}: shots said to have lost light, share", false, asked["repaired_refused"], True),
    ):
        for scene, shots in held.items():
            share = float(np.mean([bool(rules) for rules in shots]))
            bars.append(bar(words.format(scene), share, sought, most=most))
            by_rule = {rule: sum(rule in rules for rules in shots) for rule in RULES}
            figures[words.format(scene).split(":")[0]] = {"shots": len(shots), **by_rule}
    return bars, figures


def broken(shot: Mapping[str, float]) -> set[str]:
    """The rules that a shot breaks."""
    found = {
        "highlights_kept": shot["highlights_eaten"] > shot["highlights_allowed"],
        "rain_kept": shot["strokes_alike"] > shot["strokes_alike_allowed"],
        "nothing_lasting_repaired": shot["lasting_share"] > policy().limit("lasting_share_max"),
    }
    return {rule for rule, is_broken in found.items() if is_broken}


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
