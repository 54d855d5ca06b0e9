"""The cases of the benchmark of dirt, hairs and scratches: the recipe's clips, damaged by the recipe, and the truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.motion import Effort, Flow, MotionEstimator, analysis_luma
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.training.clips import CLIPS, fetch, read_clip
from restoration_tasks.training.damage import DamageKind, Dirt, FrameDamage
from restoration_tasks.training.damage.base import SD_WIDTH
from restoration_tasks.training.recipe import Recipe, Split, calibrated

RECIPE = Path(__file__).with_name("recipe.yaml")
BITS = 10
"""Bits a sample of the clips, as `read_clip` gives them."""
FULL = float(2**BITS - 1)
KINDS = (DamageKind.DIRT, DamageKind.HAIR, DamageKind.SCRATCH)
STATIC_PX = 0.5
FAST_PX = 2.5
"""Median movement a frame, in pixels of a picture 720 wide, under which a shot is static, and from which it is fast."""
Codes = NDArray[np.uint16]
"""`(3, H, W)` R, G, B, 10-bit codes."""
Mask = NDArray[np.bool_]


class Motion(StrEnum):
    """How much moves in a shot."""

    STATIC = "static"
    MODERATE = "moderate"
    FAST = "fast"


@dataclass(frozen=True)
class Take:
    """Frames of a clip: as the recipe pins it, or thinned."""

    name: str
    clip: str
    numbers: range
    """Which frames of the clip."""
    thinned: bool
    most: int | None = None
    """Only so many of them, for a quick look."""

    @property
    def frames(self) -> range:
        """The frames of the clip that are used."""
        return self.numbers[: self.most]

    @property
    def shots(self) -> list[tuple[int, int]]:
        """`start ≤ i < stop` of each shot, as places in the take; the clip's cuts are known."""
        scenes = CLIPS[self.clip].scenes or ((0, CLIPS[self.clip].frames),)
        places = [[place for place, n in enumerate(self.frames) if start <= n < stop] for start, stop in scenes]
        return [(inside[0], inside[-1] + 1) for inside in places if inside]


@dataclass(frozen=True)
class Case:
    """One kind of damage of one strength and seed on one take."""

    take: Take
    kind: DamageKind
    strength: int
    """Its number in the recipe, from 1."""
    seed: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.take.name}/{self.kind}/{self.strength}/{self.seed}"


@dataclass(frozen=True)
class Aged:
    """A take before and after."""

    clean: Sequence[Codes]
    damaged: Sequence[Codes]
    masks: Sequence[Mask]
    """Every pixel the simulator touched."""
    damage: FrameDamage
    """What made it."""


def takes(recipe: Recipe, split: Split, most: int | None = None) -> list[Take]:
    """The takes of a split: its clips as pinned, and what is thinned from them."""
    plain = [Take(name, name, range(*recipe.clips[name].frames), False, most) for name in split.clips]
    thinned = [
        Take(name, thin.clip, range(*thin.frames, thin.every), True, most)
        for name, thin in recipe.thinned.items()
        if thin.clip in split.clips
    ]
    return plain + thinned


def cases(
    recipe: Recipe,
    split: Split,
    *,
    seeds: Sequence[int] | None = None,
    strengths: Sequence[int] | None = None,
    most: int | None = None,
) -> Iterator[Case]:
    """Every case of a split, seed by seed, so that a run that is broken off has something of everything.

    Args:
        recipe: the recipe.
        split: validation or test.
        seeds: of the split's, all if None.
        strengths: numbers from 1, all if None.
        most: frames of each take that are used, all if None.
    """
    for seed in split.seeds if seeds is None else seeds:
        for take in takes(recipe, split, most):
            for kind in KINDS:
                for number in range(1, len(recipe.strengths[kind]) + 1):
                    if strengths is None or number in strengths:
                        yield Case(take, kind, number, seed)


@lru_cache(maxsize=2)
def clean_frames(take: Take) -> tuple[Codes, ...]:
    """The take as it is, 10-bit codes."""
    clip = CLIPS[take.clip]
    wanted = set(take.frames)
    return tuple(frame for number, frame in enumerate(read_clip(clip, fetch(clip))) if number in wanted)


@lru_cache(maxsize=2)
def true_flow(take: Take) -> tuple[Flow | None, ...]:
    """How the clean picture moves: for each frame the flow into the next of its shot; None at the shot's last."""
    lumas = [analysis_luma(frame, int(FULL), rgb=True) for frame in clean_frames(take)]
    motion = MotionEstimator(Effort.FOLLOW)
    last = {stop - 1 for _, stop in take.shots}
    return tuple(None if place in last else motion.flow(luma, lumas[place + 1]) for place, luma in enumerate(lumas))


@dataclass(frozen=True)
class ShotMotion:
    """How fast one shot moves."""

    motion: Motion
    median_px: float
    """Median of all pixels of all frames, in pixels a frame of a picture 720 wide."""
    fastest_tenth_px: float
    """The 90th percentile, likewise."""


def shot_motion(take: Take, shot: tuple[int, int]) -> ShotMotion:
    """Measure a shot by the flow of its clean frames. Thinned takes are fast: that is what they were thinned for."""
    flows = [flow[::4, ::4] for flow in true_flow(take)[slice(*shot)] if flow is not None]
    if not flows:
        return ShotMotion(Motion.FAST if take.thinned else Motion.STATIC, 0.0, 0.0)
    pixels = np.linalg.norm(np.stack(flows), axis=3) * (SD_WIDTH / CLIPS[take.clip].width)
    median, fastest = float(np.median(pixels)), float(np.quantile(pixels, 0.9))
    speed = Motion.STATIC if median < STATIC_PX else Motion.MODERATE
    return ShotMotion(Motion.FAST if take.thinned or median >= FAST_PX else speed, median, fastest)


def aged(case: Case, recipe: Recipe, split: Split) -> Aged:
    """Damage a case's take as the recipe says. Dirt is calibrated on the whole take; what was found is kept.

    Raises:
        WrongUse: the dirt cannot reach the input PSNR the recipe names.
    """
    clean = clean_frames(case.take)
    strength = recipe.strengths[case.kind][case.strength - 1]
    damage = recipe.damage(case.kind, strength, split, case.seed)
    if isinstance(damage, Dirt) and strength.psnr_db is not None:
        damage = _calibrated(damage, clean, case.take, strength.psnr_db)
    laid = list(damage.apply(clean, bit_depth=BITS))
    return Aged(clean, [f.picture for f in laid], [f.truth.masks[case.kind] for f in laid], damage)


def _calibrated(dirt: Dirt, clean: Sequence[Codes], take: Take, psnr_db: float) -> Dirt:
    """`recipe.calibrated`, remembered: it damages the take up to fourteen times."""
    asked = {"dirt": asdict(dirt), "take": [take.clip, *take.frames], "psnr_db": psnr_db}
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]
    kept = work_folder() / "opacity" / f"{name}.json"
    if kept.is_file():
        low, high = json.loads(kept.read_text())
        return replace(dirt, opacity=(low, high))
    found = calibrated(dirt, clean, BITS, psnr_db)
    write_atomic(kept, json.dumps(found.opacity).encode())
    return found


def work_folder() -> Path:
    """Where the benchmark keeps what it would otherwise make twice."""
    return Settings().home / "bench" / "dirt"
