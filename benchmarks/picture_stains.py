"""Stains: how near taking them off comes to the truth, beside Telea with the same mask; and what clean film loses.

The treatment is given what the simulator stained, as if a person had drawn it; beside it stands what the plan finds by
itself, from the readings of every frame. Figures are of the pixels inside the simulator's masks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.bars import bar
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_cases import BITS, FULL, Codes, Mask, Take, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Result, digest, file_digest, source_digest
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.stain import StainGauge
from restoration_tasks.assessment.unstaining import planned_stains, stains_found
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.stains import StainParams, StainPatch, StainRemoval
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import DamageKind, Stain

_MADE_BY = (
    "benchmarks/picture_stains.py",
    "benchmarks/clean_scenes.py",
    "restoration_tasks/assessment/gained.py",
    "restoration_tasks/assessment/stain.py",
    "restoration_tasks/assessment/unstaining.py",
    "restoration_tasks/restoration/chained.py",
    "restoration_tasks/restoration/stains.py",
    "restoration_tasks/training/damage/stain.py",
)
SPEED_SIZES = ((720, 405), (2048, 1556))
SCENE_SEED = 7
Squares = dict[str, float]


@cache
def stain_recipe() -> dict[str, Any]:
    """The part `stains` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content["stains"])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split: clean takes; then seed by seed every strength on every take; opaque stains; speed."""
    recipe, asked = recipe_of(), stain_recipe()
    part = getattr(recipe, split)
    made_by = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml"), split
    )
    names = [take.name for take in takes(recipe, part, asked["frames"])]
    numbers = range(len(recipe.strengths[DamageKind.STAIN]), 0, -1)
    work: dict[str, Callable[[], Result]] = {
        f"strength {number}/{name}/seed {seed}": partial(stained, split, name, number, seed)
        for seed, number, name in product(part.seeds[:1], numbers, names)
    }
    work |= {
        f"clean/{name}/{scene}": partial(clean, split, name, scene) for scene, name in product(("", *SCENES), names)
    }
    work |= {
        f"opaque/{name}": partial(stained, split, name, len(numbers), part.seeds[0], opaque=True) for name in names
    }
    work |= {
        f"strength {number}/{name}/seed {seed}": partial(stained, split, name, number, seed)
        for seed, number, name in product(part.seeds[1:], numbers, names)
    }
    work["speed"] = speed
    return {key: (made_by, make) for key, make in work.items()}


# -- what is measured --------------------------------------------------------------------------------------------------


def stained(split: str, name: str, number: int, seed: int, *, opaque: bool = False) -> Result:
    """A take with stains: PSNR inside the masks as it came, treated, treated by the plan, and filled by Telea."""
    recipe, asked, take = recipe_of(), stain_recipe(), _take(split, name)
    damage = recipe.damage(
        DamageKind.STAIN, recipe.strengths[DamageKind.STAIN][number - 1], getattr(recipe, split), seed
    )
    if opaque and isinstance(damage, Stain):
        low, high = (min(asked["opaque_times"] * depth, 2.0) for depth in damage.depth)
        damage = replace(damage, depth=(low, high))
    sums: Squares = dict.fromkeys(("before", "drawn", "planned", "telea"), 0.0)
    pixels = found = shots = 0
    for start, stop in take.shots:
        clean_shot = clean_frames(take)[start:stop]
        aged = list(damage.apply(clean_shot, bit_depth=BITS, first=start))
        nothing = np.zeros(clean_shot[0].shape[1:], np.bool_)
        masks = [one.truth.masks.get(DamageKind.STAIN, nothing) for one in aged]
        frames = [one.picture for one in aged]
        shots += any(mask.any() for mask in masks)
        drawn = StainParams(patches=tuple(_patches(masks)))
        own = planned(frames)
        found += own is not None
        ours = list(_treated(frames, drawn))
        alone = frames if own is None else list(_treated(frames, own))
        # The mask as it is drawn: the outlines hold a pixel more here and there.
        shown = [StainRemoval(drawn).mask(one) for one in _shown(frames)]
        for place, mask in enumerate(shown):
            if not mask.any():
                continue
            pixels += int(np.count_nonzero(mask))
            by = {
                "before": frames[place],
                "drawn": ours[place],
                "planned": alone[place],
                "telea": _telea(frames[place], mask, asked["telea_px"]),
            }
            for key, made in by.items():
                sums[key] += float(np.square(made[:, mask].astype(np.float64) - clean_shot[place][:, mask]).sum())
    share = pixels / sum(frame.shape[1] * frame.shape[2] for frame in clean_frames(take))
    if share < asked["least_share"]:
        return {"stained_share": share}
    psnr = {key: round(float(10 * np.log10(FULL**2 * 3 * pixels / max(sum_, 1e-9))), 3) for key, sum_ in sums.items()}
    return {"stained_share": round(share, 4), "psnr_db": psnr, "shots": shots, "shots_found": found}


def clean(split: str, name: str, scene: str) -> Result:
    """A take without stains, perhaps in rain and the like: the pixels that what is planned changes."""
    take = _take(split, name)
    changed = planned_shots = 0
    for start, stop in take.shots:
        frames: Sequence[Codes] = clean_frames(take)[start:stop]
        if scene:
            frames = over(frames, SCENES[scene], SCENE_SEED, FULL)
        own = planned(frames)
        if own is None:
            continue
        planned_shots += 1
        for before, after in zip(frames, _treated(frames, own), strict=True):
            changed += int(np.count_nonzero((before != after).any(axis=0)))
    return {"shots": len(take.shots), "planned": planned_shots, "changed_px": changed}


def speed() -> Result:
    """Seconds a frame, one thread: a stain of a tenth of the picture, taken off; its clean frames twelve away."""
    rng, result = np.random.default_rng(1), {}
    for width, height in SPEED_SIZES:
        frames = [rng.integers(200, 800, (3, height, width)).astype(np.uint16) for _ in range(5)]
        corners = [(0.3 * width, 0.3 * height), (0.6 * width, 0.3 * height), (0.6 * width, 0.63 * height)]
        patch = StainPatch(first=4, last=24, polygon=(*corners, (0.3 * width, 0.63 * height)))
        treatment = StainRemoval(StainParams(patches=(patch,)))
        picture = rgb(width, height)
        shown = [Shown(at, frames[at % 5], None, picture) for at in range(40)]
        begun = time.perf_counter()
        for at in (13, 14, 15):
            treatment.apply({other - at: shown[other] for other in range(at - 13, at + 14)})
        result[f"{width}x{height}"] = round((time.perf_counter() - begun) / 3, 3)
    return {"seconds a frame": result}


def planned(frames: Sequence[Codes]) -> StainParams | None:
    """What the plan step would ask for of one shot."""
    _, height, width = frames[0].shape
    gauge, scan = StainGauge(), Scanned(width, height, 24.0, False)
    glances = (Glance.of(index, frame, rgb(width, height)) for index, frame in enumerate(frames))
    rows = [
        FrameReadings(window[0].index, {Category.STAIN: gauge.read(window)})
        for _, window in windows(glances, gauge.radius)
    ]
    found = stains_found([Shot(number=1, start=0, stop=len(frames))], rows, scan)
    asked = planned_stains(found.get(1), 1.0, 1.0)
    params = None if asked is None else StainParams.model_validate(asked.params)
    return params if params is not None and params.patches else None


def _treated(frames: Sequence[Codes], params: StainParams) -> Iterator[Codes]:
    treatment = StainRemoval(params)
    for _, window in windows(_shown(frames), treatment.radius):
        yield treatment.apply(window) if treatment.touches(window[0].index) else window[0].work


def _shown(frames: Sequence[Codes]) -> Iterator[Shown]:
    picture = rgb(frames[0].shape[2], frames[0].shape[1])
    return (Shown(index, frame, None, picture) for index, frame in enumerate(frames))


def _patches(masks: Sequence[Mask]) -> Iterator[StainPatch]:
    """The outlines of the simulator's masks, frame by frame."""
    for frame, mask in enumerate(masks):
        curves, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for curve in curves:
            corners = cv2.approxPolyDP(curve, 1.0, True)[:, 0]
            if 3 <= len(corners) <= 1000:
                polygon = tuple((float(x), float(y)) for x, y in corners)
                yield StainPatch(first=frame, last=frame, polygon=polygon)


def _telea(frame: Codes, mask: Mask, radius_px: float) -> NDArray[np.uint16]:
    hole = mask.astype(np.uint8)
    filled = [cv2.inpaint(np.ascontiguousarray(plane), hole, radius_px, cv2.INPAINT_TELEA) for plane in frame]
    return np.asarray(np.stack(filled), np.uint16)


@cache
def _take(split: str, name: str) -> Take:
    recipe = recipe_of()
    return next(one for one in takes(recipe, getattr(recipe, split), stain_recipe()["frames"]) if one.name == name)


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, bars = stain_recipe()["bars"], []
    figures: Result = {}
    cases = {key: one for key, one in made.items() if key.startswith("strength") and "psnr_db" in one}
    if cases:
        rows = [one["psnr_db"] for one in cases.values()]
        over_telea = float(np.mean([row["drawn"] - row["telea"] for row in rows]))
        words = "stains, drawn: PSNR inside over Telea's, mean of the cases, dB"
        bars.append(bar(words, over_telea, asked["above_telea_db"]))
        for which in ("drawn", "planned"):
            gain = min(row[which] - row["before"] for row in rows)
            bars.append(bar(f"stains, {which}: gain of the worst case, dB", gain, asked["worst_gain_db"]))
        figures["psnr_db by strength"] = _by(cases, 0)
        figures["psnr_db by take"] = _by(cases, 1)
        figures["cases"] = len(cases)
    opaque = {key: one for key, one in made.items() if key.startswith("opaque") and "psnr_db" in one}
    figures["opaque, psnr_db"] = {key: one["psnr_db"] for key, one in opaque.items()}
    untouched = {key: one for key, one in made.items() if key.startswith("clean")}
    if untouched:
        most = max(one["changed_px"] for one in untouched.values())
        words = "takes without stains: pixels changed, worst take"
        bars.append(bar(words, most, asked["clean_changed_px"], most=True))
        figures["clean shots"] = sum(one["shots"] for one in untouched.values())
        figures["clean shots treated"] = {key: one["planned"] for key, one in untouched.items() if one["planned"]}
    if "speed" in made:
        figures["seconds a frame"] = made["speed"]["seconds a frame"]
    return bars, figures


def _by(cases: dict[str, Result], place: int) -> Result:
    groups: dict[str, list[Result]] = {}
    for key, one in cases.items():
        groups.setdefault(key.split("/")[place], []).append(one)
    return {
        group: {
            **{name: round(float(np.mean([one["psnr_db"][name] for one in rows])), 2) for name in rows[0]["psnr_db"]},
            "shots": sum(one["shots"] for one in rows),
            "shots_found": sum(one["shots_found"] for one in rows),
        }
        for group, rows in sorted(groups.items())
    }
