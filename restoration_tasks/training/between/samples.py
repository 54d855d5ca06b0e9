"""Samples of frames between frames: takes with a frame left out, and what RIFE and optical flow make of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from restoration_tasks.models.between.interpolator import Interpolator, load_motion
from restoration_tasks.training.defects.footage import Footage, take
from restoration_tasks.training.defects.pool import Batch
from restoration_tasks.training.defects.samples import SampleSize

MIDDLE_SHARE = 0.75
"""Of samples that ask for the frame in the middle; the others ask for any of three between."""


def rife_interpolator() -> Interpolator:
    """What makes candidates: RIFE from the shelf.

    Raises:
        ModelError: it is not installed.
    """
    return Interpolator(load_motion())


@dataclass(frozen=True)
class BetweenSample:
    """One frame left out of a take; half precision, for there are many."""

    frames: Tensor
    """`(1, 6, 3, H, W)` float16: `Candidates.frames`."""
    belief: Tensor
    """`(1, 1, H, W)` float16."""
    share: Tensor
    """`(1, 1, 1, 1)` float16."""
    truth: Tensor
    """`(1, 3, H, W)` float16."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it."""
        return self.frames, self.belief, self.share, self.truth


class Gaps(Dataset[tuple[BetweenSample]]):
    """Take `i` with a frame left out: everything about it follows from the seed and `i`."""

    def __init__(self, footage: Sequence[Footage], seed: int, size: SampleSize) -> None:
        self._footage, self._seed, self._size = list(footage), seed, size
        self._interpolator: Interpolator | None = None

    def __getitem__(self, index: int) -> tuple[BetweenSample]:
        """Make the sample."""
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        if self._interpolator is None:
            self._interpolator = rife_interpolator()
        rng = np.random.default_rng((self._seed, index))
        middle = rng.random() < MIDDLE_SHARE
        frames = take(self._footage, rng, size=(self._size.width, self._size.height), frames=3 if middle else 5)
        chosen = 1 if middle else int(rng.integers(1, 4))
        before, truth, after = (np.ascontiguousarray(frames[i].transpose(2, 0, 1)) for i in (0, chosen, -1))
        with torch.inference_mode():
            candidates = self._interpolator.candidates(before, after, chosen / (len(frames) - 1))
        return (
            BetweenSample(
                candidates.frames.half(),
                candidates.belief.half(),
                torch.full((1, 1, 1, 1), candidates.share, dtype=torch.float16),
                torch.from_numpy(truth)[None].half(),
            ),
        )


_EXCHANGED = [1, 0, 3, 2, 5, 4]
"""Candidates when before and after change places."""


def augment(batch: Batch, chance: torch.Generator) -> Batch:
    """A batch of `BetweenSample` seen otherwise: mirrored, upside down, backwards, as a negative, dyes exchanged."""

    def coin(share: float) -> bool:
        return bool(torch.rand((), generator=chance) < share)

    for dim in (-1, -2):
        if coin(0.5):
            batch = [tensor.flip(dim) for tensor in batch]
    frames, belief, share, truth = batch
    if coin(0.5):
        frames, belief, share = frames[:, _EXCHANGED], 1 - belief, 1 - share
    if coin(0.15):
        frames, truth = 1 - frames, 1 - truth
    if coin(0.3):
        order = torch.randperm(3, generator=chance)
        frames, truth = frames[:, :, order], truth[:, order]
    return [frames, belief, share, truth]
