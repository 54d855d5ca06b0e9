"""What every kind of simulated damage shares: code ranges, seeds, a frame's truth, and how frames stream through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]
"""A frame, `(C, H, W)`: R,G,B or grey alone; `uint8`/`uint16` code values, or floats in 0–1."""
FloatPicture = NDArray[np.float32]
"""A frame scaled by its code range: `(C, H, W)` float32, 0–1."""
Mask = NDArray[np.bool_]
"""Where a damage lies: `(H, W)` bool."""

SD_WIDTH = 720
"""Sizes of damage are given in pixels of a standard-definition scan this wide and grow with the frame's width."""

# Frame numbers may be negative here (a scratch may have begun before the clip): seeds take unsigned keys only.
_KEY_OFFSET = 1 << 30
# Shocks that weigh less are not followed further back.
_FORGOTTEN = 1e-3
_LONGEST_MEMORY = 128


class DamageKind(StrEnum):
    """The kinds of damage the simulator knows, by the names the rest of Reelkeeper uses."""

    DIRT = "dirt"
    HAIR = "hair"
    SCRATCH = "scratch"
    FLICKER = "flicker"
    WEAVE = "weave"
    FADE = "fade"
    GRAIN = "grain"
    STAIN = "stain"
    TEAR = "tear"
    MISSING = "missing"


_ORDINAL = {kind: number for number, kind in enumerate(DamageKind)}


def stream(seed: int, kind: DamageKind, *keys: int) -> np.random.Generator:
    """The random stream of one kind of damage at one place (usually a frame number).

    Each place has a child seed of its own, so a frame's damage does not depend on which frames were drawn before it.
    """
    spawn_key = (_ORDINAL[kind], *(key + _KEY_OFFSET for key in keys))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=spawn_key))


def autoregressive(seed: int, kind: DamageKind, index: int, memory: float, numbers: int) -> NDArray[np.float64]:
    """Frame `index` of a first-order autoregressive process, `(numbers,)`, zero mean and unit variance.

    It is written as its moving average over past shocks, so that any frame can be asked for alone.

    Args:
        seed: seed of the damage.
        kind: its kind.
        index: frame number.
        memory: how much of a frame's value the next one keeps, 0–0.95.
        numbers: how many independent processes.
    """
    total = np.zeros(numbers)
    weight = np.sqrt(1 - memory**2)
    for back in range(_LONGEST_MEMORY):
        total += weight * stream(seed, kind, index - back).standard_normal(numbers)
        weight *= memory
        if weight < _FORGOTTEN:
            break
    return total


@dataclass(frozen=True)
class Life:
    """One damage that stays for a while: when it came, how long it stays, and the random stream of its looks."""

    born: int
    """First frame it is on; negative if it was there before the clip began."""
    duration: int
    """Number of frames it stays."""
    looks: np.random.Generator
    """Fresh at each call: draws the same looks on every frame of this life."""

    def age(self, index: int) -> float:
        """How much of this life has passed at frame `index`: 0 (just come) to just under 1."""
        return (index - self.born) / self.duration


def alive(seed: int, kind: DamageKind, index: int, *, present: float, durations: tuple[int, int]) -> Iterator[Life]:
    """The lives that cover frame `index`.

    Births are a Poisson process, drawn frame by frame from child seeds, so any frame can be asked for alone.

    Args:
        seed: seed of the damage.
        kind: its kind.
        index: frame number.
        present: expected number of lives on any one frame.
        durations: shortest and longest life in frames, both included.
    """
    shortest, longest = durations
    births_per_frame = present / ((shortest + longest) / 2)
    for born in range(index - longest + 1, index + 1):
        rng = stream(seed, kind, born)
        for serial in range(int(rng.poisson(births_per_frame))):
            duration = int(rng.integers(shortest, longest + 1))
            if born + duration > index:
                yield Life(born, duration, stream(seed, kind, born, serial))


@dataclass(frozen=True)
class CodeScale:
    """The range of code values a clip uses."""

    full_scale: float
    """The largest code value: `2**bits - 1` for integers, 1.0 for floats."""
    dtype: np.dtype[Any]
    """The dtype of the clip's frames."""

    @classmethod
    def of(cls, picture: Picture, bit_depth: int | None) -> Self:
        """The scale of a frame.

        Args:
            picture: any frame of the clip.
            bit_depth: bits a sample of integer frames (10 for 10-bit codes in `uint16`); all bits of the dtype if None.

        Raises:
            ValueError: the frame is not `(C, H, W)`, its dtype is none of ours, or the bit depth does not fit it.
        """
        if picture.ndim != 3 or picture.shape[0] not in (1, 3):
            raise ValueError(f"a frame is (C, H, W) with one or three channels; this one is {picture.shape}")
        if np.issubdtype(picture.dtype, np.floating):
            return cls(1.0, picture.dtype)
        if picture.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"a frame is uint8, uint16 or floating point; this one is {picture.dtype}")
        room = picture.dtype.itemsize * 8
        bits = room if bit_depth is None else bit_depth
        if not 1 <= bits <= room:
            raise ValueError(f"{bits} bits do not fit {picture.dtype}")
        return cls(float(2**bits - 1), picture.dtype)

    def to_float(self, picture: Picture) -> FloatPicture:
        """`(C, H, W)` codes as float32 in 0–1; always a copy."""
        return np.asarray(picture, dtype=np.float32) / np.float32(self.full_scale)

    def to_codes(self, picture: FloatPicture) -> Picture:
        """Float32 in 0–1 back to the clip's codes, rounded and clipped."""
        codes = np.clip(picture, 0.0, 1.0) * np.float32(self.full_scale)
        if np.issubdtype(self.dtype, np.floating):
            return np.asarray(codes, self.dtype)
        return np.asarray(np.rint(codes), self.dtype)


@dataclass(frozen=True)
class FrameTruth:
    """What was really done to one frame."""

    source: int
    """Number of the clean frame this frame was made from."""
    masks: Mapping[DamageKind, Mask] = field(default_factory=dict)
    """Where each local damage lies, `(H, W)` bool. Outside, that damage changed no code value."""
    values: Mapping[DamageKind, Mapping[str, float]] = field(default_factory=dict)
    """The numbers applied by each global damage, and the figures of local ones."""

    def mask(self, *kinds: DamageKind) -> Mask | None:
        """The union of the masks of `kinds` (of all, if none is named); None where there is none."""
        chosen = [mask for kind, mask in self.masks.items() if not kinds or kind in kinds]
        return None if not chosen else np.asarray(np.logical_or.reduce(chosen), bool)

    def area(self, *kinds: DamageKind) -> float:
        """Share of the frame that `kinds` cover, 0–1."""
        mask = self.mask(*kinds)
        return 0.0 if mask is None else float(mask.mean())

    def with_kind(self, kind: DamageKind, mask: Mask | None, values: Mapping[str, float]) -> FrameTruth:
        """This truth with one more damage; masks of the same kind are united."""
        masks, curves = dict(self.masks), dict(self.values)
        if mask is not None:
            masks[kind] = masks[kind] | mask if kind in masks else mask
        if values:
            curves[kind] = {**curves.get(kind, {}), **values}
        return replace(self, masks=masks, values=curves)


@dataclass(frozen=True)
class DamagedFrame:
    """One frame out of the simulator."""

    picture: Picture
    """`(C, H, W)`, in the dtype and bit depth of the clean clip."""
    truth: FrameTruth
    """What was done to it."""


@dataclass(frozen=True)
class FrameDamage(ABC):
    """A kind of damage and its parameters. Each frame is damaged alone, from its number and the seed."""

    kind: ClassVar[DamageKind]
    """Which kind this class simulates."""

    seed: int = field(default=0, kw_only=True)
    """Seed of this damage: the same seed gives the same bytes."""

    @abstractmethod
    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:
        """One frame with this damage added. A pure function of the frame, its number and the parameters.

        Args:
            frame: the frame as it is so far; its picture is not changed in place.
            index: the frame's number in the clip.
            scale: the clip's code range.
        """

    def over(self, frames: Iterable[DamagedFrame], scale: CodeScale, first: int = 0) -> Iterator[DamagedFrame]:
        """Damage a stream of frames numbered from `first`, holding one at a time."""
        for index, frame in enumerate(frames, first):
            yield self.damage(frame, index, scale)

    def apply(
        self, frames: Iterable[Picture], *, bit_depth: int | None = None, first: int = 0
    ) -> Iterator[DamagedFrame]:
        """Damage a stream of clean frames.

        Args:
            frames: `(C, H, W)` frames, all of one size and dtype.
            bit_depth: see `CodeScale.of`.
            first: number of the first frame; a clip damaged in pieces equals the clip damaged whole.

        Yields:
            the damaged frames with their truth, one for each frame (missing-frame damage may drop or repeat some).
        """
        yield from age_stream(frames, [self], bit_depth=bit_depth, first=first)


def age_stream(
    frames: Iterable[Picture], kinds: Iterable[FrameDamage], *, bit_depth: int | None, first: int
) -> Iterator[DamagedFrame]:
    """Run a stream of clean frames through several kinds of damage, one after another, holding one frame at a time."""
    clean = iter(frames)
    try:
        opening = next(clean)
    except StopIteration:
        return
    scale = CodeScale.of(opening, bit_depth)

    def numbered() -> Iterator[DamagedFrame]:
        yield DamagedFrame(opening, FrameTruth(first))
        for number, picture in enumerate(clean, first + 1):
            yield DamagedFrame(picture, FrameTruth(number))

    aged: Iterator[DamagedFrame] = numbered()
    for kind in kinds:
        aged = kind.over(aged, scale, first)
    yield from aged


def require(condition: bool, text: str) -> None:
    """Refuse a parameter out of its documented range.

    Raises:
        ValueError: the condition does not hold.
    """
    if not condition:
        raise ValueError(text)


def require_range(name: str, bounds: tuple[float, float], lowest: float, highest: float) -> None:
    """Refuse a (low, high) parameter that is not ordered or leaves `lowest`–`highest`.

    Raises:
        ValueError: naming the parameter, what it may be and what it is.
    """
    low, high = bounds
    require(lowest <= low <= high <= highest, f"{name} is a range within {lowest:g}–{highest:g}; got {low:g}–{high:g}")
