"""Training samples: everything about sample `i` follows from the seed and `i`, so that training can stop and go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from restoration_tasks.models.defects.candidates import Around, fill_candidates
from restoration_tasks.models.defects.features import EACH_WAY, detector_features
from restoration_tasks.models.defects.motion import FlowFinder, Following, Picture
from restoration_tasks.training.defects.ageing import Aged, age
from restoration_tasks.training.defects.footage import Footage, take
from restoration_tasks.training.defects.negatives import HARD_NEGATIVES

TAKE_FRAMES = 2 * EACH_WAY + 1
_NEGATIVE_SHARE = 0.4


class Stream(IntEnum):
    """Which network a sample is for: their random streams must not meet."""

    DETECTOR = 0
    FUSION = 1


@dataclass(frozen=True)
class SampleSize:
    """Width and height of a training sample, multiples of 16."""

    width: int = 320
    height: int = 256


def aged_take(footage: Sequence[Footage], rng: np.random.Generator, size: SampleSize) -> Aged:
    """A short take with hard negatives now and then, aged."""
    frames = take(footage, rng, size=(size.width, size.height), frames=TAKE_FRAMES)
    if rng.random() < _NEGATIVE_SHARE:
        frames = HARD_NEGATIVES[int(rng.integers(len(HARD_NEGATIVES)))](frames, rng)
    return age(frames, rng)


@dataclass(frozen=True)
class Window:
    """A frame and the neighbours it is seen with, as a detector meets them: at the ends of a shot some are missing."""

    centre: int
    before: tuple[int, ...]
    after: tuple[int, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Window:
        """All four neighbours mostly; else one side short of one or of all."""
        before: tuple[int, ...] = (EACH_WAY - 1, EACH_WAY - 2)
        after: tuple[int, ...] = (EACH_WAY + 1, EACH_WAY + 2)
        if rng.random() < 0.2:
            if rng.random() < 0.5:
                before = before[: int(rng.integers(EACH_WAY))]
            else:
                after = after[: int(rng.integers(EACH_WAY))]
        return cls(EACH_WAY, before, after)


def _pictures(frames: Sequence[NDArray[np.float32]], numbers: Sequence[int]) -> list[Picture]:
    return [np.ascontiguousarray(frames[number].transpose(2, 0, 1)) for number in numbers]


class DetectorSamples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Sample `i`: features `(24, H, W)`, target `(3, H, W)` 0 or 1, and weight `(1, H, W)` 0 or 1."""

    def __init__(self, footage: Sequence[Footage], seed: int, size: SampleSize) -> None:
        self._footage, self._seed, self._size = list(footage), seed, size

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make one sample."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, Stream.DETECTOR, index))
        aged = aged_take(self._footage, rng, self._size)
        window = Window.draw(rng)
        features = detector_features(
            _pictures(aged.damaged, [window.centre])[0],
            _pictures(aged.damaged, window.before),
            _pictures(aged.damaged, window.after),
            FlowFinder(Following.SMALL),
        )
        target = aged.masks[window.centre].astype(np.float32)
        weight = ~aged.fringe[window.centre][None]
        return torch.from_numpy(features), torch.from_numpy(target), torch.from_numpy(weight.astype(np.float32))


class FusionSamples(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Sample `i`: candidates `(5, 3, H, W)`, usable `(4, H, W)`, mask `(1, H, W)`, and the truth `(3, H, W)`."""

    def __init__(self, footage: Sequence[Footage], seed: int, size: SampleSize) -> None:
        self._footage, self._seed, self._size = list(footage), seed, size

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Make one sample."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, Stream.FUSION, index))
        aged = aged_take(self._footage, rng, self._size)
        window = Window.draw(rng)
        masks = [_as_found(np.asarray(maps.any(axis=0)), rng) for maps in aged.masks]
        pictures = _pictures(aged.damaged, range(TAKE_FRAMES))
        around = Around(
            before=[(pictures[number], masks[number]) for number in window.before],
            after=[(pictures[number], masks[number]) for number in window.after],
        )
        made = fill_candidates(pictures[window.centre], masks[window.centre], around, FlowFinder(Following.STIFF))
        truth = _pictures(aged.clean, [window.centre])[0]
        mask = masks[window.centre][None].astype(np.float32)
        return (
            torch.from_numpy(made.candidates),
            torch.from_numpy(made.usable),
            torch.from_numpy(mask),
            torch.from_numpy(truth),
        )


def _as_found(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask as a detector gives it: the damage and one pixel around it, and now and then something that was none."""
    found = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    height, width = mask.shape
    for _ in range(int(rng.integers(0, 6))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(1, 14)), int(rng.integers(1, 14)))
        cv2.ellipse(found, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return found > 0
