"""The training loop of both networks: budget, schedule, a running mean of the weights, checkpoints to go on from."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from restoration_tasks.runtime.errors import ModelError

Batch = list[Tensor]
Loss = Callable[[nn.Module, Batch], Tensor]

_WARM_UP_STEPS = 100
_MEAN_KEEP = 0.998
"""How much of the running mean of the weights a step keeps: a mean over some five hundred steps."""
_LOSS_KEEP = 0.98
_LOG_EVERY_STEPS = 50
_PROGRESS = ("mean", "steps", "seconds", "loss")
_REUSE_AFTER = 8
"""Batches between a batch and its mirror image: steps on the same pictures should not follow each other."""


@dataclass(frozen=True)
class Budget:
    """How long to train: until either is used up."""

    seconds: float
    """Time spent training, checkpoints of earlier runs included."""
    steps: int | None = None
    """Steps; with them and enough seconds the same seed gives the same weights, as far as torch does."""

    def share(self, seconds: float, steps: int) -> float:
        """How much of it is used up, 0–1."""
        used = seconds / max(self.seconds, 1e-9)
        return min(1.0, used if self.steps is None else max(used, steps / max(self.steps, 1)))


@dataclass(frozen=True)
class FitSettings:
    """How to train."""

    batch: int = 4
    """Samples a step."""
    rate: float = 2e-3
    """Largest learning rate; it rises over the first steps and falls with a cosine as the budget is used up."""
    workers: int = 2
    """Processes that make samples; 0 makes them in this one."""
    checkpoint_s: float = 180.0
    """Seconds between checkpoints."""


@dataclass(frozen=True)
class Fitted:
    """What came out."""

    steps: int
    seconds: float
    loss: float
    """Running mean of the loss at the end."""


def fit(
    network: nn.Module,
    samples: Dataset[Any],
    loss: Loss,
    budget: Budget,
    checkpoint: Path,
    *,
    settings: FitSettings | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Train a network; it ends up holding the running mean of its weights.

    Samples are taken in order, from where a checkpoint stopped. The log is `<checkpoint>.jsonl`, one object a line.

    Args:
        network: trained in place.
        samples: sample `i` must follow from `i` alone.
        loss: of a network on a batch.
        budget: when to stop.
        checkpoint: file to go on from, if it is there, and to save to.
        settings: how to train.
        tell: is told of each line of the log.

    Raises:
        ModelError: the checkpoint is of another network, or the loss is no longer a number.
    """
    settings = settings or FitSettings()
    state = _State(network, settings.rate)
    if checkpoint.is_file():
        state.load(checkpoint)
    begun = saved = time.monotonic()
    earlier = state.seconds
    network.train()
    for batch in _batches(samples, settings, state.steps):
        share = budget.share(earlier + time.monotonic() - begun, state.steps)
        if share >= 1:
            break
        state.step(loss, batch, share)
        state.seconds = earlier + time.monotonic() - begun
        if state.steps % _LOG_EVERY_STEPS == 0:
            _log(checkpoint, state, share, tell)
        if time.monotonic() - saved > settings.checkpoint_s:
            state.save(checkpoint)
            saved = time.monotonic()
    state.save(checkpoint)
    network.load_state_dict(state.mean)
    network.eval()
    return Fitted(state.steps, state.seconds, state.loss)


def _batches(samples: Dataset[Any], settings: FitSettings, steps: int) -> Iterator[Batch]:
    """Batches for ever, from the sample after those of `steps` steps.

    Samples cost more to make than to learn from: each batch comes back once, mirrored, a few steps later.
    """
    order: Any = itertools.count(-(-steps // 2) * settings.batch)
    loader: DataLoader[Any] = DataLoader(
        samples,
        batch_size=settings.batch,
        sampler=order,
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
        prefetch_factor=4 if settings.workers else None,
    )
    waiting: deque[Batch] = deque()
    for batch in loader:
        yield batch
        waiting.append([tensor.flip(-1) for tensor in batch])
        if len(waiting) > _REUSE_AFTER:
            yield waiting.popleft()


class _State:
    """Everything a checkpoint holds."""

    def __init__(self, network: nn.Module, rate: float) -> None:
        self._network = network
        self._rate = rate
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
        self.mean = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        self.steps = 0
        self.seconds = 0.0
        self.loss = float("nan")

    def step(self, loss: Loss, batch: Batch, share: float) -> None:
        """One step; `share` of the budget is used up."""
        falling = 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2
        rate = self._rate * min(1.0, (self.steps + 1) / _WARM_UP_STEPS) * falling
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        value = loss(self._network, batch)
        if not torch.isfinite(value):
            raise ModelError(
                "training came apart: the loss is no number any more",
                found=f"{value.item()} at step {self.steps}",
                action="train again from the last checkpoint with a smaller learning rate",
            )
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimizer.step()
        self.steps += 1
        now = float(value.item())
        self.loss = now if math.isnan(self.loss) else _LOSS_KEEP * self.loss + (1 - _LOSS_KEEP) * now
        self._average()

    def _average(self) -> None:
        keep = min(_MEAN_KEEP, self.steps / (self.steps + 10))
        with torch.no_grad():
            for name, tensor in self._network.state_dict().items():
                if tensor.is_floating_point():
                    self.mean[name].lerp_(tensor, 1 - keep)
                else:
                    self.mean[name].copy_(tensor)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        torch.save(
            {
                "network": self._network.state_dict(),
                "mean": self.mean,
                "optimizer": self._optimizer.state_dict(),
                "steps": self.steps,
                "seconds": self.seconds,
                "loss": self.loss,
            },
            draft,
        )
        draft.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            ModelError: it belongs to another network or is damaged.
        """
        try:
            held = torch.load(path, map_location="cpu", weights_only=True)
            self._network.load_state_dict(held["network"])
            self._optimizer.load_state_dict(held["optimizer"])
            self.mean, self.steps, self.seconds, self.loss = (held[name] for name in _PROGRESS)
        except (RuntimeError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise ModelError(
                "training cannot go on from this checkpoint",
                file=path,
                found=error,
                action="remove it to train from the start, or name another folder",
            ) from error


def load_mean(network: nn.Module, checkpoint: Path) -> None:
    """Give a network the running mean of the weights in a checkpoint, for use.

    Raises:
        ModelError: see `fit`.
    """
    state = _State(network, 0.0)
    state.load(checkpoint)
    network.load_state_dict(state.mean)
    network.eval()


def _log(checkpoint: Path, state: _State, share: float, tell: Callable[[str], None]) -> None:
    line = json.dumps(
        {
            "step": state.steps,
            "seconds": round(state.seconds, 1),
            "share": round(share, 4),
            "loss": round(state.loss, 5),
        }
    )
    with checkpoint.with_suffix(".jsonl").open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    tell(f"{checkpoint.stem}: {line}")
