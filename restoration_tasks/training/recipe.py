"""The committed recipe of our benchmarks: clips, seeds, kinds, strengths, and what may be tuned or trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.damage import (
    DamageKind,
    Dirt,
    Fade,
    Flicker,
    FrameDamage,
    Grain,
    Hair,
    MissingFrames,
    Picture,
    Scratch,
    Stain,
    Tear,
    Weave,
)

FEWEST_STRENGTHS = 6
DIRT_AREA = (0.01, 0.03)
DIRT_PSNR_DB = (24.0, 28.0)
"""What the design fixes for dirt; a recipe may narrow it, never widen it."""
PSNR_TOLERANCE_DB = 0.15
"""How near to its target the calibrated input may be. Opacity moves which specks fit, so the law has small steps."""

SIMULATORS: dict[DamageKind, type[FrameDamage]] = {
    simulator.kind: simulator
    for simulator in (Dirt, Hair, Scratch, Flicker, Weave, Fade, Grain, Stain, Tear, MissingFrames)
}
"""The simulator of each kind."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClipPin(_Part):
    """A clip by name and digests; they must be those of `clips.CLIPS`."""

    package: str
    wheel_sha256: str
    member: str
    sha256: str
    frames: tuple[int, int]
    """Frames `start ≤ i < stop` that are used."""


class Thinned(_Part):
    """A clip with frames left out, so that everything in it moves so many times as far: the recipe's fast motion."""

    clip: str
    frames: tuple[int, int]
    """Frames `start ≤ i < stop` of the clip it is taken from."""
    every: int = Field(ge=2, le=8)
    """One frame of so many is kept, the first of `frames` among them."""


class Strength(_Part):
    """One strength of one kind."""

    parameters: dict[str, Any]
    """Parameters of the simulator."""
    psnr_db: float | None = None
    """For dirt: the input PSNR its opacity is calibrated to, on each clip."""


class Split(_Part):
    """What one part of the material may be made of."""

    purpose: str
    clips: tuple[str, ...]
    kinds: tuple[DamageKind, ...]
    seeds: tuple[int, ...] = Field(min_length=1)
    parameters: dict[DamageKind, dict[str, Any]] = {}
    """Parameters that override a strength's: families of damage this part has, or must not have."""


class Recipe(_Part):
    """The whole recipe."""

    version: int
    clips: dict[str, ClipPin]
    thinned: dict[str, Thinned] = {}
    train: Split
    validation: Split
    test: Split
    strengths: dict[DamageKind, tuple[Strength, ...]]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a recipe.

        Raises:
            WrongUse: it cannot be read, or breaks a rule of the design.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError, ValueError) as error:
            raise WrongUse(
                "the benchmark recipe is not valid",
                file=path,
                found=error,
                action="correct the recipe; it is never loosened",
            ) from error

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        for name, pin in self.clips.items():
            known = CLIPS.get(name)
            if known is None or (known.requirement, known.wheel_sha256, known.member, known.member_sha256) != (
                pin.package,
                pin.wheel_sha256,
                pin.member,
                pin.sha256,
            ):
                raise ValueError(f"clip {name} is not the one restoration_tasks.training.clips knows by that name")
            if not 0 <= pin.frames[0] < pin.frames[1] <= known.frames:
                raise ValueError(f"clip {name} has frames 0 to {known.frames}")
        self._check_thinned()
        splits = (self.train, self.validation, self.test)
        _require_disjoint("clip", (split.clips for split in splits))
        _require_disjoint("seed", (split.seeds for split in splits))
        for split in splits:
            if unknown := set(split.clips) - set(self.clips):
                raise ValueError(f"no pin for clips {sorted(unknown)}")
        if missing := set(self.test.kinds) - set(self.strengths):
            raise ValueError(f"no strengths for {sorted(missing)}")
        for kind, strengths in self.strengths.items():
            if len(strengths) < FEWEST_STRENGTHS:
                raise ValueError(f"{kind} has {len(strengths)} strengths; at least {FEWEST_STRENGTHS} are asked for")
            for split in splits:
                for strength in strengths:
                    _check_strength(kind, strength, split)
        return self

    def _check_thinned(self) -> None:
        for name, thin in self.thinned.items():
            if name in self.clips:
                raise ValueError(f"{name} is a clip and cannot be a thinned one")
            if thin.clip not in {*self.validation.clips, *self.test.clips}:
                raise ValueError(f"{name} is thinned from {thin.clip}, which is no clip of validation or test")
            known = CLIPS[thin.clip].frames if thin.clip in CLIPS else 0
            if not 0 <= thin.frames[0] < thin.frames[1] <= known:
                raise ValueError(f"{name}: clip {thin.clip} has frames 0 to {known}")

    def damage(self, kind: DamageKind, strength: Strength, split: Split, seed: int) -> FrameDamage:
        """The simulator of one case. For dirt, call `calibrated` with it before use."""
        return _simulator(kind, strength, split, seed)

    def cases(self, split: Split) -> Iterator[tuple[str, DamageKind, int, Strength, int]]:
        """Every case of a split: clip, kind, strength's number from 1, strength, seed."""
        for clip in split.clips:
            for kind in split.kinds:
                for number, strength in enumerate(self.strengths[kind], 1):
                    for seed in split.seeds:
                        yield clip, kind, number, strength, seed


def _simulator(kind: DamageKind, strength: Strength, split: Split, seed: int) -> FrameDamage:
    merged = {**strength.parameters, **split.parameters.get(kind, {})}
    frozen = {name: tuple(value) if isinstance(value, list) else value for name, value in merged.items()}
    return SIMULATORS[kind](**frozen, seed=seed)


def _require_disjoint(what: str, groups: Iterable[Sequence[object]]) -> None:
    seen: set[object] = set()
    for group in groups:
        if twice := seen & set(group):
            raise ValueError(f"{what} in two splits: {sorted(map(str, twice))}")
        seen |= set(group)


def _check_strength(kind: DamageKind, strength: Strength, split: Split) -> None:
    try:
        simulator = _simulator(kind, strength, split, 0)
    except TypeError as error:
        raise ValueError(f"{kind} has no such parameter: {error}") from error
    if isinstance(simulator, Dirt):
        if not DIRT_AREA[0] <= simulator.area[0] <= simulator.area[1] <= DIRT_AREA[1]:
            raise ValueError(f"dirt covers {DIRT_AREA[0]:.0%} to {DIRT_AREA[1]:.0%} of a frame, not {simulator.area}")
        if strength.psnr_db is None or not DIRT_PSNR_DB[0] <= strength.psnr_db <= DIRT_PSNR_DB[1]:
            raise ValueError(
                f"dirt has an input PSNR of {DIRT_PSNR_DB[0]:g} to {DIRT_PSNR_DB[1]:g} dB, not {strength.psnr_db}"
            )


def input_psnr_db(damage: FrameDamage, frames: Sequence[Picture], bit_depth: int) -> float:
    """PSNR of damaged frames against the clean ones: error pooled over all samples, at full scale."""
    squared = [
        float(np.mean(np.square(aged.picture.astype(np.float32) - frames[aged.truth.source]), dtype=np.float64))
        for aged in damage.apply(frames, bit_depth=bit_depth)
    ]
    return float(10 * np.log10((2**bit_depth - 1) ** 2 / max(np.mean(squared), 1e-12)))


def calibrated(dirt: Dirt, frames: Sequence[Picture], bit_depth: int, psnr_db: float) -> Dirt:
    """Dirt whose opacity is set so that the damaged frames have the PSNR asked for.

    The same speck spoils a dark frame more or less than a light one; without this a strength would mean something else
    on every clip.

    Args:
        dirt: the dirt; its opacity is the upper bound.
        frames: the clean clip, `(C, H, W)` integers.
        bit_depth: of the frames.
        psnr_db: the input PSNR wanted, met within `PSNR_TOLERANCE_DB`.

    Raises:
        WrongUse: even at full opacity, or at a tenth of it, the PSNR is out of reach.
    """
    low, high = 0.1, 1 / dirt.opacity[1]
    share = (low + high) / 2
    found = float("nan")
    for _ in range(14):
        attempt = replace(dirt, opacity=(dirt.opacity[0] * share, dirt.opacity[1] * share))
        found = input_psnr_db(attempt, frames, bit_depth)
        if abs(found - psnr_db) <= PSNR_TOLERANCE_DB:
            return attempt
        low, high = (share, high) if found > psnr_db else (low, share)
        # The error grows nearly as the opacity; where that leads out of the bracket, halve it.
        guess = share * 10 ** ((found - psnr_db) / 20)
        share = guess if low < guess < high else (low + high) / 2
    raise WrongUse(
        "this strength of dirt cannot be reached on this clip",
        expected=f"an input PSNR of {psnr_db:g} dB",
        found=f"{found:.2f} dB",
        action="name an area and a PSNR that go together",
    )
