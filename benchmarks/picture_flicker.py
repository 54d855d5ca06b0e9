"""Flicker: what the treatment leaves of it, beside ffmpeg and matched quantiles; what it does to light that was meant.

Cuts are known, nothing else: no flash or fade is marked. What is planned is planned as the product does it, from the
readings of every frame of a shot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.dirt_cases import BITS, FULL, Codes, Take, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Result, digest, file_digest, source_digest
from benchmarks.peers import by_shot, filtered
from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.evening import shot_flicker
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.light import LightRelation, relate
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.restoration.flicker import Deflicker, DeflickerParams
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import DamageKind, Flicker

MODES = ("am", "gm", "hm", "qm", "cm", "pm", "median")
"""Means that ffmpeg's deflicker can take of the levels of its frames."""
QUANTILES = 256
SPEED_SIZES = ((720, 405), (2048, 1556))
SPEED_FORMATS = ("gbrp10le", "gray10le", "yuv422p10le")
FORCED = 1e-6
"""Share of the gates that opens them."""
_MADE_BY = (
    "benchmarks/picture_flicker.py",
    "restoration_tasks/assessment/decide.py",
    "restoration_tasks/assessment/evening.py",
    "restoration_tasks/assessment/flicker.py",
    "restoration_tasks/assessment/lasting.py",
    "restoration_tasks/assessment/light.py",
    "restoration_tasks/assessment/local_flicker.py",
    "restoration_tasks/restoration/densities.py",
    "restoration_tasks/restoration/flicker.py",
    "restoration_tasks/training/damage/tone.py",
)
Frames = Sequence[Codes]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@cache
def flicker_recipe() -> dict[str, Any]:
    """The part `flicker` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content["flicker"])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split: clean takes, strengths with each seed, light that was meant, speed."""
    recipe, part = recipe_of(), getattr(recipe_of(), split)
    code = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml")
    )
    numbers = range(1, len(recipe.strengths[DamageKind.FLICKER]) + 1)
    work: dict[str, Callable[[], Result]] = {"clean": partial(untouched, split)}
    for light in flicker_recipe()["light"]:
        work[f"light/{light}/steady"] = partial(meant, split, light, 0)
        work[f"light/{light}/flickering"] = partial(meant, split, light, flicker_recipe()["lit_and_flickering"])
    work["speed"] = speed
    for seed in part.seeds:
        for number in numbers:
            work[f"strength {number}/seed {seed}"] = partial(flickering, split, number, seed)
    return {key: (digest(code, split), make) for key, make in work.items()}


# -- takes -------------------------------------------------------------------------------------------------------------


@cache
def _takes(split: str) -> tuple[Take, ...]:
    return tuple(takes(recipe_of(), getattr(recipe_of(), split), flicker_recipe()["frames"]))


def _frames(take: Take) -> list[Codes]:
    """A take as it is, brought to the recipe's width."""
    _, height, width = clean_frames(take)[0].shape
    wide = flicker_recipe()["width_px"]
    if width <= wide:
        return list(clean_frames(take))
    size = (wide, round(height * wide / width))
    return [
        np.asarray(
            np.clip(np.rint([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in frame]), 0, FULL),
            np.uint16,
        )
        for frame in clean_frames(take)
    ]


def _flickered(split: str, frames: Frames, number: int, seed: int) -> list[Codes]:
    recipe, part = recipe_of(), getattr(recipe_of(), split)
    damage = recipe.damage(DamageKind.FLICKER, recipe.strengths[DamageKind.FLICKER][number - 1], part, seed)
    assert isinstance(damage, Flicker)
    return [one.picture for one in damage.apply(frames, bit_depth=BITS)]


def lit(frames: Frames, shots: Sequence[tuple[int, int]], light: dict[str, Any]) -> list[Codes]:
    """Frames in the light of a case of the recipe, shot by shot."""
    made = list(frames)
    for start, stop in shots:
        factors = light_course(light, stop - start)
        for place in range(start, stop):
            made[place] = _lit(frames[place], factors[place - start], one_side=light.get("one_side", False))
    return made


def light_course(light: dict[str, Any], frames: int) -> Floats:
    """Factors `(T,)` on code values that a case lays on a shot of so many frames."""
    course, factors = np.ones(frames), light["factors"]
    if light["kind"] == "flash":
        for at in light["at"]:
            first = round(at * frames)
            for place, factor in enumerate(factors[: frames - first]):
                course[first + place] = factor
    elif light["kind"] == "step":
        course[:] = factors[0]
        course[round(light["at"] * frames) :] = factors[1]
    else:
        begin, end = (share * (frames - 1) for share in light["between"])
        course = np.interp(np.arange(frames), [begin, end], factors)
    return course


def _lit(frame: Codes, factor: float, *, one_side: bool) -> Codes:
    across = np.ones(frame.shape[2])
    if one_side:
        # From all of it at the left edge to none from three quarters of the width on, without an edge.
        across = np.clip(1.5 - 2 * (np.arange(frame.shape[2]) + 0.5) / frame.shape[2], 0, 1)
    return np.asarray(np.clip(np.rint(frame * (1 + (factor - 1) * across)), 0, FULL), np.uint16)


# -- the product's way -------------------------------------------------------------------------------------------------


def relations(frames: Frames) -> list[LightRelation]:
    """What the gauge reads off each frame of one shot."""
    picture = rgb(frames[0].shape[2], frames[0].shape[1])
    glances = [Glance.of(place, frame, picture) for place, frame in enumerate(frames)]
    return [LightRelation(), *(relate(before, here) for before, here in pairwise(glances))]


def planned(frames: Frames, *, forced: bool = False) -> DeflickerParams | None:
    """What one shot gets."""
    blank = FrameFigures(0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, False, 0.0, 0, 0, 0, 0.0, False)
    figures = [replace(blank, frame=n, level=float(_level(frame) / 255)) for n, frame in enumerate(frames)]
    lights = dict(enumerate(relations(frames)))
    if forced:
        from restoration_tasks.assessment.evening import planned_flicker

        found = shot_flicker(list(lights.values()), float(np.mean([one.level for one in figures])))
        plan = planned_flicker(found, FORCED, 1.0)
        return None if plan is None else DeflickerParams.model_validate(plan.params)
    ((shot, _),) = decide([Shot(1, 0, len(frames))], figures, ("flicker",), Strength.SAME, lights=lights)
    return DeflickerParams.model_validate(shot.treatments[0].params) if shot.treatments else None


def restored(frames: Frames, *, forced: bool = False) -> list[Codes]:
    """The frames of one shot, as planned."""
    params = planned(frames, forced=forced)
    if params is None:
        return list(frames)
    treatment = Deflicker(params)
    picture = rgb(frames[0].shape[2], frames[0].shape[1])
    return [treatment.apply({0: Shown(place, frame, None, picture)}) for place, frame in enumerate(frames)]


# -- peers -------------------------------------------------------------------------------------------------------------


def deflicker(frames: Frames, mode: str, size: int) -> list[Codes]:
    """The filter of ffmpeg on one shot.

    It knows no planar R, G, B: the planes are one grey picture three times as high, so that all get one factor.
    """
    tall = [np.repeat(frame.reshape(1, -1, frame.shape[2]), 3, axis=0) for frame in frames]
    return [one[0].reshape(frames[0].shape) for one in filtered(tall, "deflicker", mode=mode, size=size)]  # type: ignore[arg-type]


def quantiles_matched(frames: Frames) -> list[Codes]:
    """Each channel's quantiles brought to their mean over the frames around, within one shot."""
    at, reach = np.linspace(0, 1, QUANTILES), flicker_recipe()["quantiles_reach"]
    found = np.array([np.quantile(frame.reshape(3, -1)[:, ::3], at, axis=1).T for frame in frames])
    made = []
    for place, frame in enumerate(frames):
        wanted = found[max(0, place - reach) : place + reach + 1].mean(axis=0)
        table = [np.interp(np.arange(FULL + 1), found[place, channel], wanted[channel]) for channel in range(3)]
        matched = np.stack([table[channel][frame[channel]] for channel in range(3)])
        made.append(np.asarray(np.clip(np.rint(matched), 0, FULL), np.uint16))
    return made


# -- measures ----------------------------------------------------------------------------------------------------------


def _level(frame: Codes) -> float:
    """Mean level of a frame, 8-bit code values."""
    return float(frame.mean()) * 255 / FULL


def _cells(frame: Codes) -> Floats:
    down, across = flicker_recipe()["cells"]
    grey = frame.mean(axis=0, dtype=np.float64) * 255 / FULL
    return np.array([cell.mean() for band in np.array_split(grey, down) for cell in np.array_split(band, across, 1)])


def amplitudes(frames: Frames, clean: Frames, shots: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """What flickers in each shot that is long enough, of the whole and by cell: 8-bit code values."""
    found = []
    for start, stop in shots:
        if stop - start < flicker_recipe()["fewest_frames"]:
            continue
        whole = [_level(frames[n]) - _level(clean[n]) for n in range(start, stop)]
        cells = np.array([_cells(frames[n]) - _cells(clean[n]) for n in range(start, stop)])
        found.append((float(np.std(whole)), float(np.sqrt(np.mean(np.var(cells, axis=0))))))
    return found


def psnr(frames: Frames, clean: Frames) -> float:
    """Of all frames together, dB; 99 where they are the same."""
    error = np.mean([np.mean(np.square((a.astype(np.float64) - b) / FULL)) for a, b in zip(frames, clean, strict=True)])
    return float(-10 * np.log10(error)) if error > 1e-10 else 99.0


def kept(frames: Frames, light: Frames, clean: Frames, *, one_side: bool) -> float:
    """How much of light that was meant is left in one shot: 1 is all of it."""
    side = slice(None, frames[0].shape[2] // 2) if one_side else slice(None)

    def levels(pictures: Frames) -> Floats:
        return np.array([_level(frame[..., side]) for frame in pictures])

    true = levels(light) - levels(clean)
    made = levels(frames) - levels(clean)
    true, made = true - true.mean(), made - made.mean()
    return float(made @ true / (true @ true))


# -- pieces ------------------------------------------------------------------------------------------------------------


def flickering(split: str, number: int, seed: int) -> Result:
    """Every take of a split with a strength of flicker: what ours and peers leave."""
    result: Result = {"takes": {}}
    for take in _takes(split):
        clean = _frames(take)
        aged = _flickered(split, clean, number, seed)
        made = {"ours": by_shot(restored, aged, take.shots), "quantiles": by_shot(quantiles_matched, aged, take.shots)}
        for size in flicker_recipe()["ffmpeg_sizes"]:
            for mode in MODES:
                peer = partial(deflicker, mode=mode, size=size)
                made[f"deflicker {mode} {size}"] = by_shot(peer, aged, take.shots)
        before = amplitudes(aged, clean, take.shots)
        result["takes"][take.name] = {
            "before": {"db": round(psnr(aged, clean), 3), "codes": before},
            **{
                name: {"db": round(psnr(frames, clean), 3), "codes": amplitudes(frames, clean, take.shots)}
                for name, frames in made.items()
            },
        }
    return result


def untouched(split: str) -> Result:
    """Clean takes, gates on and forced open."""
    result: Result = {}
    for take in _takes(split):
        clean = _frames(take)
        made = by_shot(restored, clean, take.shots)
        forced = by_shot(partial(restored, forced=True), clean, take.shots)
        quantiles = by_shot(quantiles_matched, clean, take.shots)
        result[take.name] = {
            "db": psnr(made, clean),
            "forced db": psnr(forced, clean),
            "quantiles db": psnr(quantiles, clean),
            "changed": sum(bool((a != b).any()) for a, b in zip(made, clean, strict=True)),
        }
    return {"takes": result}


def meant(split: str, name: str, number: int) -> Result:
    """Light that was meant, on every take: how much of it is left, shot by shot."""
    light, result = flicker_recipe()["light"][name], {}
    seed = getattr(recipe_of(), split).seeds[0]
    one_side = light.get("one_side", False)
    for take in _takes(split):
        clean = _frames(take)
        true = lit(clean, take.shots, light)
        shown = _flickered(split, true, number, seed) if number else true
        made = by_shot(restored, shown, take.shots)
        result[take.name] = [
            [
                round(kept(frames[start:stop], true[start:stop], clean[start:stop], one_side=one_side), 4)
                for frames in (shown, made)
            ]
            for start, stop in take.shots
            if stop - start >= flicker_recipe()["fewest_frames"]
        ]
    return {"takes": result}


def speed() -> Result:
    """Seconds a frame, one thread: the treatment without and with patterns, and reading light."""
    rng, result = np.random.default_rng(1), {}
    alike = {"density": [0.02], "contrast": [1.01]}
    nodes = np.linspace(-1, 1, 16).reshape(4, 4).tolist()
    uneven = {**alike, "patterns": [{"nodes": nodes, "density": [0.01]}] * 3}
    for width, height in SPEED_SIZES:
        for pix_fmt in SPEED_FORMATS:
            picture = PictureFormat(width, height, pix_fmt)
            work = rng.integers(64, 940, (picture.channels, height, width)).astype(np.uint16)
            for words, params in (("alike", alike), ("patterns", uneven)):
                treatment = Deflicker(DeflickerParams.model_validate(params))
                shown = {0: Shown(0, work, None, picture)}
                result[f"{width}x{height} {pix_fmt}: {words}"] = _fastest(partial(treatment.apply, shown))
        glances = [Glance.of(place, work, picture) for place in range(2)]
        result[f"{width}x{height}: read"] = _fastest(partial(relate, *glances))
    return {"seconds a frame": result}


def _fastest(work: Callable[[], object], times: int = 5) -> float:
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return round(min(taken), 4)


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, figures = flicker_recipe()["bars"], {}
    bars: list[Result] = []
    cases = {key: one for key, one in made.items() if key.startswith("strength")}
    if cases:
        rows = [(key, name, take) for key, one in cases.items() for name, take in one["takes"].items()]
        whole, local = (_ratios([take for *_, take in rows], place) for place in (0, 1))
        above = [take["ours"]["db"] - _best_peer(take) for *_, take in rows]
        share, db = float(np.mean(whole)), float(np.mean(above))
        bars.append(_bar("residual amplitude, mean share of the input's", share, asked["residual"], most=True))
        bars.append(_bar("PSNR over the best of ffmpeg deflicker, mean, dB", db, asked["above_best_ffmpeg_db"]))
        figures["residual"] = {
            "mean": round(float(np.mean(whole)), 4),
            "pooled": round(_pooled([take for *_, take in rows], 0), 4),
            "worst": round(max(whole), 4),
            "by cell, mean": round(float(np.mean(local)), 4),
            "by cell, pooled": round(_pooled([take for *_, take in rows], 1), 4),
        }
        figures["over the best of ffmpeg deflicker, worst, dB"] = round(min(above), 2)
        figures["by strength"] = _by(rows, lambda key, _: key.split("/")[0])
        figures["by take"] = _by(rows, lambda _, name: name)
    if "clean" in made:
        clean = made["clean"]["takes"]
        for words, name, bar in (("gates on", "db", "clean_db"), ("gates forced", "forced db", "clean_forced_db")):
            worst = min(take[name] for take in clean.values())
            bars.append(_bar(f"worst clean take, {words}, dB", worst, asked[bar]))
        figures["clean"] = {name: {key: round(value, 2) for key, value in take.items()} for name, take in clean.items()}  # type: ignore[misc]
    lights = {key: one for key, one in made.items() if key.startswith("light")}
    if lights:
        figures["kept of light that was meant (as shown, as made)"] = {key: one["takes"] for key, one in lights.items()}
        off = {key: [abs(s[1] - 1) for shots in one["takes"].values() for s in shots] for key, one in lights.items()}
        steady = max(max(values) for key, values in off.items() if key.endswith("steady"))
        moving = [value for key, values in off.items() if key.endswith("flickering") for value in values]
        bars.append(
            _bar("light that was meant, without flicker, worst share lost", steady, asked["intended_kept"], most=True)
        )
        if moving:
            mean = float(np.mean(moving))
            bars.append(_bar("the same with flicker, mean share lost", mean, asked["intended_kept"], most=True))
    if "speed" in made:
        figures["seconds a frame"] = made["speed"]["seconds a frame"]
    return bars, figures


def _best_peer(take: Result) -> float:
    """PSNR of the best of ffmpeg's modes, dB."""
    return max(float(one["db"]) for name, one in take.items() if name.startswith("deflicker"))


def _ratios(rows: Sequence[Result], place: int) -> list[float]:
    """What is left in each shot, as a share of what flickered."""
    return [
        after[place] / before[place]
        for take in rows
        for before, after in zip(take["before"]["codes"], take["ours"]["codes"], strict=True)
    ]


def _pooled(rows: Sequence[Result], place: int, name: str = "ours") -> float:
    left, was = (
        np.sqrt(np.mean([shot[place] ** 2 for take in rows for shot in take[one]["codes"]])) for one in (name, "before")
    )
    return float(left / was)


def _by(rows: Sequence[tuple[str, str, Result]], group: Callable[[str, str], str]) -> Result:
    found: dict[str, list[Result]] = {}
    for key, name, take in rows:
        found.setdefault(group(key, name), []).append(take)
    told: Result = {}
    for name, some in sorted(found.items()):
        best = [_best_peer(take) for take in some]
        told[name] = {
            "codes before": round(float(np.mean([shot[0] for take in some for shot in take["before"]["codes"]])), 2),
            "residual": round(float(np.mean(_ratios(some, 0))), 3),
            "by cell": round(float(np.mean(_ratios(some, 1))), 3),
            "quantiles residual": round(_pooled(some, 0, "quantiles"), 3),
            "db before": round(float(np.mean([take["before"]["db"] for take in some])), 2),
            "db": round(float(np.mean([take["ours"]["db"] for take in some])), 2),
            "db ffmpeg": round(float(np.mean(best)), 2),
            "db quantiles": round(float(np.mean([take["quantiles"]["db"] for take in some])), 2),
        }
    return told


def _bar(words: str, value: float, asked: float, *, most: bool = False) -> Result:
    met = value <= asked if most else value >= asked
    return {"bar": words, "asked": asked, "measured": round(value, 4), "met": bool(met)}
