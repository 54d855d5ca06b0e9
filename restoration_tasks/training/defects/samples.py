"""Training samples: everything about take `i` follows from the seed and `i`, so that a training can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from restoration_tasks.models.defects.candidates import Sheet, Surroundings
from restoration_tasks.models.defects.features import EACH_WAY, Look, MotionFinder, detector_features
from restoration_tasks.models.defects.motion import FlowFinder, Following, Picture
from restoration_tasks.training.defects.ageing import Aged, age
from restoration_tasks.training.defects.footage import Footage, take
from restoration_tasks.training.defects.negatives import HARD_NEGATIVES

CENTRES = 3
"""Frames of a take that become samples: ageing a frame costs more than looking at it three times."""
TAKE_FRAMES = 2 * EACH_WAY + CENTRES
_NEGATIVE_SHARE = 0.4


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
    def draw(cls, rng: np.random.Generator, centre: int) -> Window:
        """All four neighbours mostly; else one side short of one or of all."""
        before = tuple(centre - 1 - step for step in range(EACH_WAY))
        after = tuple(centre + 1 + step for step in range(EACH_WAY))
        if rng.random() < 0.2:
            if rng.random() < 0.5:
                before = before[: int(rng.integers(EACH_WAY))]
            else:
                after = after[: int(rng.integers(EACH_WAY))]
        return cls(centre, before, after)


@dataclass(frozen=True)
class DetectorSample:
    """Frames of a take for the detector, `n` of them; half precision, for there are many."""

    features: Tensor
    """`(n, 26, H, W)` float16, `features.Features.planes`."""
    target: Tensor
    """`(n, 3, H, W)` uint8, 0 or 1: visible damage by `Defect`."""
    weight: Tensor
    """`(n, 1, H, W)` uint8, 0 or 1: what is asked for at all."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it."""
        return self.features, self.target, self.weight


@dataclass(frozen=True)
class FusionSample:
    """Frames of a take for the repair network, `n` of them."""

    candidates: Tensor
    """`(n, 6, 3, H, W)` float16."""
    usable: Tensor
    """`(n, 4, H, W)` uint8, 0 or 1."""
    mask: Tensor
    """`(n, 1, H, W)` uint8, 0 or 1."""
    truth: Tensor
    """`(n, 3, H, W)` float16."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it."""
        return self.candidates, self.usable, self.mask, self.truth


class Takes(Dataset[tuple[DetectorSample, FusionSample]]):
    """Take `i` as samples for both networks: ageing, which costs most, is done once for both."""

    def __init__(self, footage: Sequence[Footage], seed: int, size: SampleSize) -> None:
        self._footage, self._seed, self._size = list(footage), seed, size

    def __getitem__(self, index: int) -> tuple[DetectorSample, FusionSample]:
        """Make the samples of one take."""
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        rng = np.random.default_rng((self._seed, index))
        aged = aged_take(self._footage, rng, self._size)
        windows = [Window.draw(rng, EACH_WAY + step) for step in range(CENTRES)]
        return _for_detector(aged, windows), _for_fusion(aged, windows, rng)


def _pictures(frames: Sequence[NDArray[np.float32]]) -> list[Picture]:
    return [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in frames]


def _for_detector(aged: Aged, windows: Sequence[Window]) -> DetectorSample:
    looks, finder = [Look.of(picture) for picture in _pictures(aged.damaged)], MotionFinder()
    features = [
        detector_features(looks[w.centre], [looks[n] for n in w.before], [looks[n] for n in w.after], finder).planes
        for w in windows
    ]
    return DetectorSample(
        torch.from_numpy(np.stack(features).astype(np.float16)),
        torch.from_numpy(np.stack([aged.masks[w.centre] for w in windows]).astype(np.uint8)),
        torch.from_numpy(np.stack([~aged.fringe[w.centre][None] for w in windows]).astype(np.uint8)),
    )


def _for_fusion(aged: Aged, windows: Sequence[Window], rng: np.random.Generator) -> FusionSample:
    masks = [_as_found(np.asarray(maps.any(axis=0)), rng) for maps in aged.masks]
    sheets = [Sheet(*pair) for pair in zip(_pictures(aged.damaged), masks, strict=True)]
    finder = FlowFinder(Following.STIFF)
    made = [
        Surroundings(sheets[w.centre], [sheets[n] for n in w.before], [sheets[n] for n in w.after], finder).whole()
        for w in windows
    ]
    truth = _pictures([aged.clean[w.centre] for w in windows])
    return FusionSample(
        torch.from_numpy(np.stack([one.candidates for one in made]).astype(np.float16)),
        torch.from_numpy(np.stack([one.usable for one in made]).astype(np.uint8)),
        torch.from_numpy(np.stack([one.mask[None] for one in made]).astype(np.uint8)),
        torch.from_numpy(np.stack(truth).astype(np.float16)),
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
