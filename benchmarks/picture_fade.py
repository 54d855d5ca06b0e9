"""Faded colour: how near the treatment comes to the true colours, beside ffmpeg, and what it does to unfaded film.

Each take is a reel of its own; and all takes of the split together are one, as a reel with several scenes is. What is
planned is planned as the product does it, from the readings of every frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.colour_difference import Floats, delta_e00, lab
from benchmarks.dirt_cases import BITS, FULL, Codes, Take, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Result, digest, file_digest, source_digest
from benchmarks.peers import by_shot, filtered
from restoration_tasks.assessment.dye_loss import dye_losses
from restoration_tasks.assessment.fade import FadeGauge, FadeReading
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.unfading import planned_fade
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.fade import FadeParams, Unfade
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import DamageKind, Fade

SPEED_SIZES = ((720, 405), (2048, 1556))
SPEED_FORMATS = ("gbrp10le", "yuv422p10le")
PEERS: dict[str, tuple[str, dict[str, float]]] = {
    "grayworld": ("grayworld", {}),
    "normalize": ("normalize", {}),
    "normalize, smoothed": ("normalize", {"smoothing": 24}),
}
"""ffmpeg's filters that even out colours; `normalize` frame by frame, its default, and over a second."""
_MADE_BY = (
    "benchmarks/picture_fade.py",
    "benchmarks/colour_difference.py",
    "restoration_tasks/assessment/dye_loss.py",
    "restoration_tasks/assessment/dyes.py",
    "restoration_tasks/assessment/fade.py",
    "restoration_tasks/assessment/glance.py",
    "restoration_tasks/restoration/densities.py",
    "restoration_tasks/restoration/fade.py",
    "restoration_tasks/training/damage/tone.py",
)
Frames = Sequence[Codes]
Light = tuple[float, float, float]


@dataclass(frozen=True)
class Reel:
    """A take as a reel: its frames, and its shots."""

    frames: Frames
    shots: tuple[tuple[int, int], ...]


@cache
def fade_recipe() -> dict[str, Any]:
    """The part `fade` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content["fade"])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split: strengths with their draws, lights, lights on faded film, speed."""
    recipe, fade = recipe_of(), fade_recipe()
    part = getattr(recipe, split)
    code = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml")
    )
    made_by = digest(code, split)
    work: dict[str, Callable[[], Result]] = {}
    numbers = range(1, len(recipe.strengths[DamageKind.FADE]) + 1)
    for number in numbers:
        work[f"strength {number}/draw 0"] = partial(faded, split, number, 0)
    for light in fade["light"]:
        for where in ("whole", "last shot"):
            work[f"unfaded/{light}/{where}"] = partial(unfaded, split, light, where)
    for light in fade["lit_and_faded"]["light"]:
        work[f"faded/{light}/last shot"] = partial(lit_and_faded, split, light)
    work["speed"] = speed
    for seed in part.seeds:
        for number in numbers:
            work[f"strength {number}/draw {seed}"] = partial(faded, split, number, seed)
    return {key: (made_by, make) for key, make in work.items()}


# -- reels -------------------------------------------------------------------------------------------------------------


@cache
def _takes(split: str) -> tuple[Take, ...]:
    recipe = recipe_of()
    return tuple(takes(recipe, getattr(recipe, split), fade_recipe()["frames"]))


def _reel(take: Take) -> Reel:
    frames = clean_frames(take)
    shots = tuple(take.shots)
    if len(shots) == 1:
        step = fade_recipe()["shot_frames"]
        shots = tuple((start, min(start + step, len(frames))) for start in range(0, len(frames), step))
    return Reel(frames, shots)


def _drawn(number: int, seed: int) -> Fade:
    """A strength of recipe.yaml; with a seed, one drawn about it."""
    parameters = recipe_of().strengths[DamageKind.FADE][number - 1].parameters
    kept, base = np.array(parameters["kept"]), np.array(parameters["base"])
    if seed:
        spread, rng = fade_recipe()["drawn"], np.random.default_rng((seed, number))
        kept = np.exp(np.log(kept) * np.exp(spread["log_kept_sd"] * rng.standard_normal(3)))
        base = base * np.exp(spread["base_sd"] * rng.standard_normal(3))
    return Fade(kept=tuple(np.clip(kept, 0.05, 1)), base=tuple(np.clip(base, 0, 0.6)))


def _aged(reel: Reel, damage: Fade) -> Reel:
    return Reel([one.picture for one in damage.apply(reel.frames, bit_depth=BITS)], reel.shots)


def _lit(reel: Reel, light: Light, shots: Sequence[tuple[int, int]]) -> Reel:
    """The reel with some of its shots in another light: factors on linear light (ITU-R BT.709, exponent 2.4)."""
    factors = np.asarray(light, np.float32)[:, None, None] ** np.float32(1 / 2.4)
    within = {frame for start, stop in shots for frame in range(start, stop)}
    frames = [
        np.asarray(np.clip(np.rint(frame * factors), 0, FULL), np.uint16) if place in within else frame
        for place, frame in enumerate(reel.frames)
    ]
    return Reel(frames, reel.shots)


# -- the product's way -------------------------------------------------------------------------------------------------


def _picture(reel: Reel) -> PictureFormat:
    _, height, width = reel.frames[0].shape
    return rgb(width, height)


def _readings(reel: Reel) -> list[FadeReading]:
    """What the gauge reads off each frame."""
    gauge, picture = FadeGauge(), _picture(reel)
    return [gauge.read({0: Glance.of(place, frame, picture)}) for place, frame in enumerate(reel.frames)]


def planned(reels: Sequence[Reel], read: Sequence[Sequence[FadeReading]]) -> list[list[PlannedTreatment | None]]:
    """What the shots of each take get by the readings of its frames, the takes being one reel."""
    shots, rows, first = [], [], 0  # type: ignore[var-annotated]
    for reel, readings in zip(reels, read, strict=True):
        rows += [FrameReadings(first + place, {Category.FADE: one}) for place, one in enumerate(readings)]
        for start, stop in reel.shots:
            shots.append(Shot(len(shots) + 1, first + start, first + stop))
        first += len(reel.frames)
    picture = _picture(reels[0])
    losses = dye_losses(shots, rows, Scanned(picture.width, picture.height, 24.0, False))
    found = iter([planned_fade(losses.get(shot.number), 1.0, 1.0) for shot in shots])
    return [[next(found) for _ in reel.shots] for reel in reels]


def restored(reel: Reel, plans: Sequence[PlannedTreatment | None]) -> list[Codes]:
    """The frames of a reel, each shot as planned."""
    picture, made = _picture(reel), list(reel.frames)
    for (start, stop), plan in zip(reel.shots, plans, strict=True):
        if plan is None:
            continue
        treatment = Unfade(FadeParams.model_validate(plan.params))
        made[start:stop] = [
            treatment.apply({0: Shown(place, reel.frames[place], None, picture)}) for place in range(start, stop)
        ]
    return made


def difference(frames: Frames, true: Sequence[Floats]) -> float:
    """Mean CIEDE2000 of frames against the true ones, on every so many pixels."""
    return float(np.mean([delta_e00(one, other).mean() for one, other in zip(labs(frames), true, strict=True)]))


def labs(frames: Frames) -> list[Floats]:
    """CIELAB of every so many pixels of each frame."""
    step = fade_recipe()["every_px"]
    return [lab(frame[:, ::step, ::step].reshape(3, -1).T.astype(np.float64) / FULL) for frame in frames]


# -- pieces ------------------------------------------------------------------------------------------------------------


def faded(split: str, number: int, seed: int) -> Result:
    """Every take of a split, faded alike: differences before and after, of peers, and as shots of one reel."""
    damage = _drawn(number, seed)
    clean = [_reel(take) for take in _takes(split)]
    aged = [_aged(reel, damage) for reel in clean]
    read = [_readings(reel) for reel in aged]
    together = planned(aged, read)
    result: Result = {"kept": _rounded(damage.kept), "base": _rounded(damage.base), "takes": {}}
    for take, whole, reel, readings, joined in zip(_takes(split), clean, aged, read, together, strict=True):
        (alone,), true = planned([reel], [readings]), labs(whole.frames)
        result["takes"][take.name] = {
            "before": difference(reel.frames, true),
            "after": difference(restored(reel, alone), true),
            "one reel": difference(restored(reel, joined), true),
            **{
                name: difference(by_shot(partial(filtered, name=peer, **options), reel.frames, reel.shots), true)  # type: ignore[arg-type]
                for name, (peer, options) in PEERS.items()
            },
            "found": _told(alone),
        }
    result["found in one reel"] = _told(together[0])
    return result


def unfaded(split: str, light: str, where: str) -> Result:
    """Every take as it is but for its light: how many shots are touched, and how far colours go."""
    result: Result = {"takes": {}}
    for take in _takes(split):
        reel = _reel(take)
        lit = _lit(reel, tuple(fade_recipe()["light"][light]), reel.shots if where == "whole" else reel.shots[-1:])
        (plans,) = planned([lit], [_readings(lit)])
        result["takes"][take.name] = {
            "touched": sum(plan is not None for plan in plans),
            "shots": len(plans),
            "shift": difference(restored(lit, plans), labs(lit.frames)) if any(plans) else 0.0,
        }
    return result


def lit_and_faded(split: str, light: str) -> Result:
    """Every take faded, its last shot in another light: how near that shot comes to the light it was taken in."""
    asked, result = fade_recipe(), {}
    damage = _drawn(asked["lit_and_faded"]["strength"], 0)
    clean = [_reel(take) for take in _takes(split)]
    lit = [_lit(reel, tuple(asked["light"][light]), reel.shots[-1:]) for reel in clean]
    aged = [_aged(reel, damage) for reel in lit]
    read = [_readings(reel) for reel in aged]
    together = planned(aged, read)
    for take, whole, reel, readings, joined in zip(_takes(split), lit, aged, read, together, strict=True):
        last = slice(*reel.shots[-1])
        (alone,), true = planned([reel], [readings]), labs(whole.frames[last])
        result[take.name] = {
            "before": difference(reel.frames[last], true),
            "after": difference(restored(reel, alone)[last], true),
            "one reel": difference(restored(reel, joined)[last], true),
        }
    return {"takes": result}


def speed() -> Result:
    """Seconds a frame, one thread: the treatment, and reading the dyes."""
    rng, result = np.random.default_rng(1), {}
    treatment = Unfade(FadeParams(kept=(0.5, 0.9, 0.7), base=(0.0, 0.02, 0.06)))
    for width, height in SPEED_SIZES:
        for pix_fmt in SPEED_FORMATS:
            picture = PictureFormat(width, height, pix_fmt)
            work = rng.integers(64, 940, (3, height, width)).astype(np.uint16)
            shown = {0: Shown(0, work, None, picture)}
            treatment.apply(shown)
            result[f"{width}x{height} {pix_fmt}: treat"] = _fastest(partial(treatment.apply, shown))
        glance = {0: Glance.of(0, work, picture)}
        result[f"{width}x{height}: read"] = _fastest(partial(FadeGauge().read, glance))
    return {"seconds a frame": result}


def _fastest(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return round(min(taken), 4)


def _told(plans: Sequence[PlannedTreatment | None]) -> Any:
    first = next((plan for plan in plans if plan is not None), None)
    return None if first is None else {"shots": sum(plan is not None for plan in plans), **first.params}


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in values]


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, figures = fade_recipe()["bars"], {}
    bars: list[Result] = []
    cases = {key: one for key, one in made.items() if key.startswith("strength")}
    if cases:
        rows = [take for one in cases.values() for take in one["takes"].values()]
        means = {name: float(np.mean([row[name] for row in rows])) for name in ("before", "after", "one reel", *PEERS)}
        best = min(means[name] for name in PEERS)
        figures["mean ΔE00"] = {name: round(value, 3) for name, value in means.items()}
        figures["by strength"] = _by(cases, lambda key, _: key.split("/")[0])
        figures["by take"] = _by(cases, lambda _, take: take)
        for words, name in (("each take a reel", "after"), ("all takes one reel", "one reel")):
            reduced, below = 1 - means[name] / means["before"], 1 - means[name] / best
            bars.append(_bar(f"mean ΔE00 reduced, {words}", reduced, asked["delta_e_reduced"]))
            bars.append(_bar(f"mean ΔE00 under the best peer's, {words}", below, asked["below_best_peer"]))
    clean = {key: one for key, one in made.items() if key.startswith("unfaded")}
    if clean:
        figures["unfaded"] = {
            key: {  # type: ignore[misc]
                "touched": sum(take["touched"] for take in one["takes"].values()),
                "shots": sum(take["shots"] for take in one["takes"].values()),
                "worst shift": round(max(take["shift"] for take in one["takes"].values()), 3),
            }
            for key, one in clean.items()
        }
        worst = max(one["worst shift"] for one in figures["unfaded"].values())  # type: ignore[index]
        bars.append(_bar("unfaded film: worst mean shift of a take, ΔE00", worst, asked["unfaded_delta_e"], most=True))
    lit = {key: one for key, one in made.items() if key.startswith("faded")}
    figures["another light on faded film"] = {
        key: {  # type: ignore[misc]
            name: round(float(np.mean([take[name] for take in one["takes"].values()])), 3)
            for name in ("before", "after", "one reel")
        }
        for key, one in lit.items()
    }
    if "speed" in made:
        figures["seconds a frame"] = made["speed"]["seconds a frame"]
    return bars, figures


def _by(cases: dict[str, Result], group: Callable[[str, str], str]) -> Result:
    rows: dict[str, list[Result]] = {}
    for key, one in cases.items():
        for take, row in one["takes"].items():
            rows.setdefault(group(key, take), []).append(row)
    names = ("before", "after", "one reel", *PEERS)
    return {
        key: {name: round(float(np.mean([row[name] for row in found])), 2) for name in names}
        for key, found in sorted(rows.items())
    }


def _bar(words: str, value: float, asked: float, *, most: bool = False) -> Result:
    met = value <= asked if most else value >= asked
    return {"bar": words, "asked": asked, "measured": round(value, 4), "met": bool(met)}
