"""Who restores the cases, blind or with the true mask, and how each result is scored, shot by shot."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import peers, vapoursynth_env
from benchmarks.dirt_cases import FULL, RECIPE, Aged, Case, Mask, aged, shot_motion, true_flow
from benchmarks.engines import Restored, fill, restore, rgb
from benchmarks.kept import digest, file_digest, imported, source_digest
from benchmarks.scoring import Errors, Flicker, at_least, match_tracks
from benchmarks.true_tracks import planned_lines, true_lines
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.media import ffmpeg
from restoration_tasks.media.picture import Work
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.restoration.damage_map import CERTAIN
from restoration_tasks.restoration.motion import analysis_luma
from restoration_tasks.training.damage import DamageKind
from restoration_tasks.training.defects.ageing import KINDS, VISIBLE
from restoration_tasks.training.recipe import Recipe, Split

SMALLEST_PX = 3
"""Pieces of damage less than so many pixels across are not asked for, nor held against whoever finds them."""
SLACK_PX = 2
"""How far beside true damage a found pixel is not yet wrong: a map takes the soft edge along."""
_ASSESSMENT = "restoration_tasks/assessment"
_MEASURES = (f"{_ASSESSMENT}/measure.py", f"{_ASSESSMENT}/decide.py")
OF_WHOLE_FRAMES = ("steadying", "evening", "unfading", "less_grain", "unstaining", "mending", "portraying", "titling")
"""Modules that plan treatments of whole frames, which take no part in what is repaired of dirt and scratches."""
_REPAIRS = ("restoration_tasks/restoration", "restoration_tasks/models/defects", "benchmarks/engines.py")
_WEIGHTS = tuple(f"restoration_tasks/models/defects/{name}.safetensors" for name in ("detector", "fusion"))
_ON_CASES = ("benchmarks/dirt_contenders.py", "benchmarks/dirt_cases.py", "benchmarks/scoring.py")
Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One case for one contender, as a worker process takes it."""

    case: Case
    split: str
    contender: str


def product_digest(engine: Engine | None = None) -> str:
    """Digest of what the product does with dirt; of the networks' weights too, unless it is the classical engine."""
    code = source_digest(*imported(*_MEASURES, within=_ASSESSMENT, without=OF_WHOLE_FRAMES), *_REPAIRS)
    return digest(code, *(file_digest(name) for name in _WEIGHTS if engine is not Engine.CLASSICAL))


def case_digest(case: Case, recipe: Recipe, split: Split) -> str:
    """Digest of a case: what is damaged by what, and how it is scored."""
    made = source_digest("restoration_tasks/training/damage", *_ON_CASES, "benchmarks/true_tracks.py")
    strength = recipe.strengths[case.kind][case.strength - 1].model_dump(mode="json")
    also = split.parameters.get(case.kind, {})
    frames = [case.take.clip, recipe.clips[case.take.clip].sha256, *case.take.frames]
    return digest(made, strength, also, case.seed, frames)


def contender_digest(name: str) -> str:
    """Digest of what a contender is made of."""
    if name.endswith("network"):
        return product_digest()
    if name.endswith("classical"):
        return product_digest(Engine.CLASSICAL)
    ours = [] if name in {"removegrain", "tmedian", "atadenoise", "vapoursynth"} else [product_digest(Engine.CLASSICAL)]
    code = source_digest("benchmarks/peers.py", "benchmarks/vapoursynth_env.py", "benchmarks/vapoursynth_peer.py")
    return digest(code, ffmpeg.version(), *ours)


@lru_cache(maxsize=1)
def recipe_of() -> Recipe:
    """The committed recipe."""
    return Recipe.load(RECIPE)


@lru_cache(maxsize=1)
def _aged(case: Case, split: str) -> Aged:
    recipe = recipe_of()
    return aged(case, recipe, getattr(recipe, split))


def work(job: Job) -> Result:
    """Let one contender restore one case, and score it."""
    case, made = job.case, _aged(job.case, job.split)
    part, name = job.contender.split("/")
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as folder:
        if part == "blind" and name in set(Engine):
            return _blind_product(case, made, Engine(name), Path(folder))
        if part == "blind":
            frames = _BLIND[name](made.damaged, case.take.shots, Path(folder))
            return {"shots": scores(case, made, frames, flicker=False)}
        masks = [grown(mask) for mask in made.masks]
        return {"shots": scores(case, made, _TRUE[name](case, made, masks, Path(folder)), flicker=name in set(Engine))}


def grown(mask: Mask) -> Mask:
    """A true mask as a fill is given it: with the pixel around it."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _blind_product(case: Case, made: Aged, engine: Engine, folder: Path) -> Result:
    _, height, width = made.clean[0].shape
    restored = restore(made.damaged, case.take.shots, engine, folder, picture=rgb(width, height))
    result: Result = {
        "shots": scores(case, made, restored.frames, flicker=True),
        "treated": restored.treated,
        "seconds": {name: round(value, 2) for name, value in restored.seconds.items()},
        "found": found_pixels(made, restored),
    }
    if case.kind is DamageKind.SCRATCH:
        pairs = zip(case.take.shots, restored.plan.shots, strict=True)
        tracks = [match_tracks(true_lines(made, shot), planned_lines(planned)) for shot, planned in pairs]
        result["tracks"] = [asdict(one) for one in tracks]
    return result


def found_pixels(made: Aged, restored: Restored) -> dict[str, int]:
    """Pixels of the maps (certain dirt, hair or repaired scratch) that are right and wrong, and damage missed."""
    right = wrong = missed = 0
    slack = np.ones((2 * SLACK_PX + 1,) * 2, np.uint8)
    for place, mask in enumerate(made.masks):
        damage = restored.maps[place]
        found = (np.maximum(damage.dirt, damage.hair) >= CERTAIN) | restored.masks[place]
        seen = visible(made, place)
        near = cv2.dilate(mask.astype(np.uint8), slack) > 0
        right += int(np.count_nonzero(found & seen))
        wrong += int(np.count_nonzero(found & ~near))
        missed += int(np.count_nonzero(seen & ~found))
    return {"right": right, "wrong": wrong, "missed": missed}


def visible(made: Aged, place: int) -> Mask:
    """The damage of one frame that can be seen, in pieces of `SMALLEST_PX` and more."""
    change = np.abs(made.damaged[place].astype(np.int32) - made.clean[place]).max(axis=0)
    return np.asarray(at_least(made.masks[place], SMALLEST_PX) & (change >= VISIBLE * FULL))


def scores(case: Case, made: Aged, frames: Sequence[Work], *, flicker: bool) -> list[Result]:
    """PSNR of input and output of each shot by region; how much what was changed flickers, if asked for."""
    if len(frames) != len(made.clean):
        raise ValueError(f"{len(made.clean)} frames went in, {len(frames)} came out")
    results = []
    for start, stop in case.take.shots:
        before, after = Errors(), Errors()
        for place in range(start, stop):
            before.add(made.damaged[place], made.clean[place], made.masks[place], FULL)
            after.add(frames[place], made.clean[place], made.masks[place], FULL)
        motion = shot_motion(case.take, (start, stop))
        area = float(np.mean([mask.mean() for mask in made.masks[start:stop]]))
        one: Result = {
            "motion": motion.motion,
            "frames": stop - start,
            "area": round(area, 5),
            "input_db": _rounded(before.psnr_db()),
            "db": _rounded(after.psnr_db()),
        }
        if flicker:
            for name, pictures in (("flicker", frames), ("flicker_truth", made.clean)):
                means = _flicker(case, made, frames, pictures, (start, stop)).means()
                one[name] = None if means is None else [round(value, 6) for value in means]
        results.append(one)
    return results


def _rounded(by_region: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 3) for name, value in by_region.items()}


def _flicker(
    case: Case, made: Aged, frames: Sequence[Work], pictures: Sequence[Work], shot: tuple[int, int]
) -> Flicker:
    """How much `pictures` flicker where `frames` differ from what was damaged, and around it."""
    total, flows = Flicker(), true_flow(case.take)
    lumas = [_luma(picture) for picture in pictures[slice(*shot)]]
    pairs = zip(frames[slice(*shot)], made.damaged[slice(*shot)], strict=True)
    changed = [np.asarray((one != other).any(axis=0)) for one, other in pairs]
    for place in range(len(lumas) - 1):
        flow = flows[shot[0] + place]
        assert flow is not None
        total.add((lumas[place], lumas[place + 1]), (changed[place], changed[place + 1]), flow)
    return total


def _luma(frame: Work) -> np.ndarray[Any, np.dtype[np.float32]]:
    return analysis_luma(frame, int(FULL), rgb=True).astype(np.float32) / np.float32(255)


Shots = Sequence[tuple[int, int]]
_BLIND: dict[str, Callable[[Sequence[Work], Shots, Path], list[Work]]] = {
    "removegrain": lambda frames, shots, _: peers.by_shot(peers.removegrain, frames, shots),
    "tmedian": lambda frames, shots, _: peers.by_shot(peers.tmedian, frames, shots),
    "atadenoise": lambda frames, shots, _: peers.by_shot(peers.atadenoise, frames, shots),
    "sdi": lambda frames, shots, folder: peers.textbook(frames, shots, peers.sdi, folder),
    "rod": lambda frames, shots, folder: peers.textbook(frames, shots, peers.rod, folder),
    "vapoursynth": lambda frames, shots, _: peers.by_shot(vapoursynth_env.cleaned, frames, shots),
}


def _our_fill(engine: Engine) -> Callable[[Case, Aged, Sequence[Mask], Path], list[Work]]:
    def filled(case: Case, made: Aged, masks: Sequence[Mask], folder: Path) -> list[Work]:
        _, height, width = made.clean[0].shape
        kind = next(defect for defect, kind in KINDS.items() if kind is case.kind)
        kind = kind if engine is Engine.NETWORK else Defect.DIRT
        picture = rgb(width, height)
        return fill(made.damaged, masks, case.take.shots, engine, folder, picture=picture, kind=kind)

    return filled


def _weighted_median(case: Case, made: Aged, masks: Sequence[Mask], _: Path) -> list[Work]:
    return [
        frame
        for start, stop in case.take.shots
        for frame in peers.weighted_median(made.damaged[start:stop], masks[start:stop])
    ]


_TRUE: dict[str, Callable[[Case, Aged, Sequence[Mask], Path], list[Work]]] = {
    "network": _our_fill(Engine.NETWORK),
    "classical": _our_fill(Engine.CLASSICAL),
    "telea": lambda _, made, masks, __: peers.telea(made.damaged, masks),
    "weighted_median": _weighted_median,
}
BLIND_PEERS = ("classical", *_BLIND)
TRUE_FILLS = tuple(_TRUE)
