"""Torn and destroyed frames: how near mending them comes to the truth, beside a warp by optical flow.

Tears: the treatment is given the frames and the simulator's line, straight from edge to edge, as if a person had named
them; beside it stands what the plan finds by itself. Figures are of all of a torn frame that has whole ones on both
sides.
Destroyed frames: every sixth is made anew from those beside it, by the engine of the shelf.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.bars import bar
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_cases import BITS, FULL, Codes, Motion, Take, clean_frames, shot_motion, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.interpolation import dis_warp
from benchmarks.kept import Result, digest, file_digest, source_digest
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.mending import planned_tears, tears_found
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.tear import TearGauge
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.frames import NewFrames, NewFramesParams
from restoration_tasks.restoration.tears import Tear, TearParams, TearRepair
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import DamageKind
from restoration_tasks.training.damage import Tear as TearDamage
from restoration_tasks.training.damage.base import alive
from restoration_tasks.training.damage.tear import rip_line

_MADE_BY = (
    "benchmarks/picture_tears.py",
    "benchmarks/clean_scenes.py",
    "benchmarks/interpolation.py",
    "restoration_tasks/assessment/mending.py",
    "restoration_tasks/assessment/rip.py",
    "restoration_tasks/assessment/split.py",
    "restoration_tasks/assessment/tear.py",
    "restoration_tasks/models/between/interpolator.py",
    "restoration_tasks/restoration/frames.py",
    "restoration_tasks/restoration/tears.py",
    "restoration_tasks/restoration/torn.py",
    "restoration_tasks/training/damage/tear.py",
)
SPEED_SIZES = ((720, 405), (2048, 1556))
SCENE_SEED = 7


@cache
def tear_recipe(part: str) -> dict[str, Any]:
    """The part `tears` or `destroyed` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content[part])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split: every strength on every take seed by seed, destroyed frames, clean takes, speed."""
    recipe = recipe_of()
    part = getattr(recipe, split)
    made_by = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml"), split
    )
    names = [take.name for take in takes(recipe, part)]
    numbers = range(len(recipe.strengths[DamageKind.TEAR]), 0, -1)

    def strengths(seeds: Sequence[int]) -> dict[str, Callable[[], Result]]:
        return {
            f"strength {number}/{name}/seed {seed}": partial(torn, split, name, number, seed)
            for seed, number, name in product(seeds, numbers, names)
        }

    work = strengths(part.seeds[:1])
    work |= {f"destroyed/{name}": partial(destroyed, split, name) for name in names}
    work |= {
        f"clean/{name}/{scene}": partial(clean, split, name, scene) for scene, name in product(("", *SCENES), names)
    }
    work |= strengths(part.seeds[1:])
    work["speed"] = speed
    return {key: (made_by, make) for key, make in work.items()}


# -- what is measured --------------------------------------------------------------------------------------------------


def torn(split: str, name: str, number: int, seed: int) -> Result:
    """A take with tears: mean PSNR of its torn frames as they came, mended, mended by the plan, and warped."""
    recipe, take = recipe_of(), _take(split, name, "tears")
    part = getattr(recipe, split)
    damage = recipe.damage(DamageKind.TEAR, recipe.strengths[DamageKind.TEAR][number - 1], part, seed)
    assert isinstance(damage, TearDamage)
    rows: list[dict[str, float]] = []
    counted = {"tears": 0, "found": 0, "false": 0}
    for start, stop in take.shots:
        truth = clean_frames(take)[start:stop]
        frames = [one.picture for one in damage.apply(truth, bit_depth=BITS, first=start)]
        named = list(_named(damage, frames, start))
        own = planned(frames)
        drawn, alone = (list(_treated(frames, asked)) for asked in (TearParams(tears=tuple(named)), own))
        at = {tear.first for tear in named}
        mine = {frame for tear in own.tears for frame in range(tear.first, tear.last + 1)}
        counted["tears"] += len(at)
        counted["found"] += len(at & mine)
        counted["false"] += len(mine - at)
        whole = [frame for frame in range(len(frames)) if frame not in at]
        for frame in sorted(at):
            before = max((one for one in whole if one < frame), default=None)
            after = min((one for one in whole if one > frame), default=None)
            if before is None or after is None or np.array_equal(frames[frame], truth[frame]):
                continue
            warped = dis_warp(*(np.asarray(frames[one] / np.float32(FULL), np.float32) for one in (before, after)))
            rows.append(
                {
                    "before": _psnr(frames[frame], truth[frame]),
                    "named": _psnr(drawn[frame], truth[frame]),
                    "planned": _psnr(alone[frame], truth[frame]),
                    "dis": _psnr(np.rint(np.clip(warped, 0, 1) * FULL), truth[frame]),
                }
            )
    result: Result = dict(counted)
    if rows:
        result["psnr_db"] = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}
        result["frames"] = len(rows)
        result["worst_gain_db"] = {
            key: round(min(row[key] - row["before"] for row in rows), 3) for key in ("named", "planned")
        }
    return result


def destroyed(split: str, name: str) -> Result:
    """Frames of a take made anew: mean PSNR of ours and of the warp, of each kind of motion."""
    asked, take = tear_recipe("destroyed"), _take(split, name, "destroyed")
    by_motion: dict[str, list[tuple[float, float]]] = {}
    for start, stop in take.shots:
        frames = clean_frames(take)[start:stop]
        picture = rgb(frames[0].shape[2], frames[0].shape[1])
        motion = shot_motion(take, (start, stop)).motion
        for place in range(1, len(frames) - 1, asked["every"]):
            treatment = NewFrames(NewFramesParams(frames=(place,), grain=0.0))
            window = {at: Shown(place + at, frames[place + at], None, picture) for at in (-1, 0, 1)}
            warped = dis_warp(*(np.asarray(frames[place + at] / np.float32(FULL), np.float32) for at in (-1, 1)))
            ours, peer = treatment.apply(window), np.rint(np.clip(warped, 0, 1) * FULL)
            by_motion.setdefault(motion.value, []).append((_psnr(ours, frames[place]), _psnr(peer, frames[place])))
    return {
        motion: {
            "frames": len(found),
            "ours": round(float(np.mean([one for one, _ in found])), 3),
            "dis": round(float(np.mean([other for _, other in found])), 3),
        }
        for motion, found in by_motion.items()
    }


def clean(split: str, name: str, scene: str) -> Result:
    """A take without tears, perhaps in rain and the like: the pixels that what is planned changes."""
    take = _take(split, name, "tears")
    changed = planned_shots = 0
    for start, stop in take.shots:
        frames: Sequence[Codes] = clean_frames(take)[start:stop]
        if scene:
            frames = over(frames, SCENES[scene], SCENE_SEED, FULL)
        own = planned(frames)
        if not own.tears:
            continue
        planned_shots += 1
        for before, after in zip(frames, _treated(frames, own), strict=True):
            changed += int(np.count_nonzero((before != after).any(axis=0)))
    return {"shots": len(take.shots), "planned": planned_shots, "changed_px": changed}


def speed() -> Result:
    """Seconds a torn frame, one thread."""
    rng, result = np.random.default_rng(1), {}
    for width, height in SPEED_SIZES:
        tear = Tear(first=2, last=2, left=0.4 * height, right=0.6 * height)
        treatment, picture = TearRepair(TearParams(tears=(tear,))), rgb(width, height)
        window = {
            at: Shown(2 + at, rng.integers(200, 800, (3, height, width)).astype(np.uint16), None, picture)
            for at in range(-2, 3)
        }
        treatment.apply(window)
        begun = time.perf_counter()
        treatment.apply(window)
        result[f"{width}x{height}"] = round(time.perf_counter() - begun, 3)
    return {"seconds a torn frame": result}


def planned(frames: Sequence[Codes]) -> TearParams:
    """What the plan step would ask for of one shot."""
    _, height, width = frames[0].shape
    gauge, scan = TearGauge(), Scanned(width, height, 24.0, False)
    glances = (Glance.of(index, frame, rgb(width, height)) for index, frame in enumerate(frames))
    rows = [
        FrameReadings(window[0].index, {Category.TEAR: gauge.read(window)})
        for _, window in windows(glances, gauge.radius)
    ]
    found = tears_found([Shot(number=1, start=0, stop=len(frames))], rows, scan)
    asked = planned_tears(found.get(1), 1.0)
    return TearParams() if asked is None else TearParams.model_validate(asked.params)


def _named(damage: TearDamage, frames: Sequence[Codes], first: int) -> Iterator[Tear]:
    """The simulator's tears frame by frame, each with the rows at which its line meets the edges."""
    _, height, width = frames[0].shape
    for place in range(len(frames)):
        for life in alive(damage.seed, damage.kind, first + place, present=damage.tears, durations=damage.frames):
            line = rip_line(life.looks, height, width)
            yield Tear(first=place, last=place, left=float(line[0]), right=float(line[-1]))


def _treated(frames: Sequence[Codes], params: TearParams) -> Iterator[Codes]:
    treatment, picture = TearRepair(params), rgb(frames[0].shape[2], frames[0].shape[1])
    shown = (Shown(index, frame, None, picture) for index, frame in enumerate(frames))
    for _, window in windows(shown, treatment.radius):
        yield treatment.apply(window) if treatment.touches(window[0].index) else window[0].work


def _psnr(made: Any, truth: Codes) -> float:
    error = float(np.mean(np.square(np.asarray(made, np.float64) - truth)))
    return float(10 * np.log10(FULL**2 / max(error, 1e-6)))


@cache
def _take(split: str, name: str, part: str) -> Take:
    recipe = recipe_of()
    found = takes(recipe, getattr(recipe, split), tear_recipe(part)["frames"])
    return next(one for one in found if one.name == name)


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, bars = tear_recipe("tears")["bars"], []
    figures: Result = {}
    cases = {key: one for key, one in made.items() if key.startswith("strength") and "psnr_db" in one}
    if cases:
        rows = list(cases.values())
        over_dis = float(np.mean([row["psnr_db"]["named"] - row["psnr_db"]["dis"] for row in rows]))
        bars.append(
            bar("torn frames, named: PSNR over the warp's, mean of the cases, dB", over_dis, asked["above_dis_db"])
        )
        for which in ("named", "planned"):
            worst = min(row["worst_gain_db"][which] for row in rows)
            bars.append(bar(f"torn frames, {which}: gain of the worst frame, dB", worst, asked["worst_gain_db"]))
        figures["by strength"] = _by(cases, 0)
        figures["by take"] = _by(cases, 1)
    made_anew = {key: one for key, one in made.items() if key.startswith("destroyed")}
    figures["destroyed, psnr_db"] = {key.split("/")[1]: one for key, one in made_anew.items()}
    fast = [one[Motion.FAST.value] for one in made_anew.values() if Motion.FAST.value in one]
    if fast:
        above = float(np.mean([one["ours"] - one["dis"] for one in fast]))
        words = "destroyed frames in large motion: PSNR over the warp's, mean of the takes, dB"
        bars.append(bar(words, above, tear_recipe("destroyed")["bars"]["above_dis_db"]))
    untouched = {key: one for key, one in made.items() if key.startswith("clean")}
    if untouched:
        most = max(one["changed_px"] for one in untouched.values())
        bars.append(bar("takes without tears: pixels changed, worst take", most, asked["clean_changed_px"], most=True))
        figures["clean shots"] = sum(one["shots"] for one in untouched.values())
        figures["clean shots treated"] = {key: one["planned"] for key, one in untouched.items() if one["planned"]}
    if "speed" in made:
        figures["seconds a torn frame"] = made["speed"]["seconds a torn frame"]
    return bars, figures


def _by(cases: dict[str, Result], place: int) -> Result:
    groups: dict[str, list[Result]] = {}
    for key, one in cases.items():
        groups.setdefault(key.split("/")[place], []).append(one)
    return {
        group: {
            **{name: round(float(np.mean([one["psnr_db"][name] for one in rows])), 2) for name in rows[0]["psnr_db"]},
            **{name: sum(one[name] for one in rows) for name in ("tears", "found", "false")},
        }
        for group, rows in sorted(groups.items())
    }
