"""The same samples seen otherwise: mirrored, upside down, backwards in time, as a negative, with the dyes exchanged.

Nothing that is learnt depends on any of these, so each sample stands for many.
"""

from __future__ import annotations

import torch

from restoration_tasks.models.defects.candidates import NEIGHBOURS
from restoration_tasks.training.defects.pool import Batch

_NEGATIVE_SHARE = 0.25
_EXCHANGED_SHARE = 0.3
_BACKWARDS = [0, 1, 2, 6, 7, 8, 3, 4, 5, 10, 9, 13, 14, 11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 24]
"""Planes of the detector's features when before and after change places."""
_RISE_FALL = [12, 11, 14, 13]
_SIGNED = [*range(11), *range(16, 24)]
"""Planes that change sign in a negative; rise and fall (11 to 14) change places instead."""
_THREES = (0, 3, 6, 16, 19)
"""Where three planes of R, G, B begin."""
_OTHER_SIDE = [1, 0, 3, 2]


def _coin(chance: torch.Generator, share: float = 0.5) -> bool:
    return bool(torch.rand((), generator=chance) < share)


def _turned(batch: Batch, chance: torch.Generator) -> Batch:
    for dim in (-1, -2):
        if _coin(chance):
            batch = [tensor.flip(dim) for tensor in batch]
    return batch


def augment_detector(batch: Batch, chance: torch.Generator) -> Batch:
    """A batch of `DetectorSample` seen otherwise; all of it in the same way."""
    features, target, weight = _turned(batch, chance)
    if _coin(chance):
        features = features[:, _BACKWARDS]
    if _coin(chance, _NEGATIVE_SHARE):
        features = features.clone()
        features[:, 11:15] = features[:, _RISE_FALL]
        features[:, _SIGNED] *= -1
    if _coin(chance, _EXCHANGED_SHARE):
        order = list(range(features.shape[1]))
        exchanged = torch.randperm(3, generator=chance).tolist()
        for first in _THREES:
            order[first : first + 3] = [first + place for place in exchanged]
        features = features[:, order]
    return [features, target, weight]


def augment_fusion(batch: Batch, chance: torch.Generator) -> Batch:
    """A batch of `FusionSample` seen otherwise; all of it in the same way."""
    candidates, usable, mask, truth = _turned(batch, chance)
    if _coin(chance):
        order = [*_OTHER_SIDE, *range(NEIGHBOURS, candidates.shape[1])]
        candidates, usable = candidates[:, order], usable[:, _OTHER_SIDE]
    if _coin(chance, _NEGATIVE_SHARE):
        candidates, truth = 1 - candidates, 1 - truth
    if _coin(chance, _EXCHANGED_SHARE):
        exchanged = torch.randperm(3, generator=chance)
        candidates, truth = candidates[:, :, exchanged], truth[:, exchanged]
    return [candidates, usable, mask, truth]
