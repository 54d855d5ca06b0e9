"""The samples a training draws from: the newest ones, kept where the networks compute, each shown several times."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Batch = list[Tensor]


class Pool:
    """A ring of samples; a full one forgets its oldest."""

    def __init__(self, size: int, device: str) -> None:
        """Keep at most `size` samples on a torch device."""
        self._size, self._device = size, device
        self._rings: list[Tensor] = []
        self._added = 0

    def __len__(self) -> int:
        """Samples it holds."""
        return min(self._added, self._size)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Take samples in: tensors of one leading length, each in the precision it is to be kept in."""
        if not self._rings:
            self._rings = [
                torch.empty((self._size, *one.shape[1:]), dtype=one.dtype, device=self._device) for one in tensors
            ]
        count = len(tensors[0])
        places = torch.arange(self._added, self._added + count) % self._size
        for ring, one in zip(self._rings, tensors, strict=True):
            ring[places.to(self._device)] = one.to(self._device)
        self._added += count

    def draw(self, count: int, chance: torch.Generator) -> Batch:
        """A batch of different samples, in single precision.

        Args:
            count: how many; no more than there are.
            chance: decides which; a generator of the processor.
        """
        places = torch.randperm(len(self), generator=chance)[:count].to(self._device)
        return [ring[places].float() for ring in self._rings]
