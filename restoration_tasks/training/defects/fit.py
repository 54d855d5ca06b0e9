"""The training loop: several networks learn from one stream of samples; budget, schedule, checkpoints to go on from."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from restoration_tasks.models.own import knows_bfloat16
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.training.defects.pool import Batch, Pool

Loss = Callable[[nn.Module, Batch], Tensor]
Augment = Callable[[Batch, torch.Generator], Batch]

_WARM_UP_STEPS = 200
_MEAN_KEEP = 0.998
"""How much of the running mean of the weights a step keeps: a mean over some five hundred steps."""
_LOSS_KEEP = 0.98
_LOG_EVERY_STEPS = 50


class Sample(Protocol):
    """What one take gives to one network."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Tensors of one leading length: the samples."""


@dataclass(frozen=True)
class Budget:
    """How long to train: until either is used up."""

    seconds: float
    """Time spent training, that of earlier runs included."""
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
    uses: float = 4.0
    """How often a sample is shown on average. Making one costs more than learning from it."""
    pool: int = 600
    """Samples kept to draw from; one of 320x256 takes 9 MB for both networks."""
    device: str = "cpu"
    """Torch device; on a GPU, and a processor that knows it, the networks compute in bfloat16, losses in single
    precision."""
    checkpoint_s: float = 180.0
    """Seconds between checkpoints."""


@dataclass(frozen=True)
class Fitted:
    """What came out."""

    steps: int
    seconds: float
    loss: float
    """Running mean of the loss at the end."""


class Learner:
    """One network in training; it ends up holding the running mean of its weights."""

    def __init__(self, name: str, network: nn.Module, loss: Loss, augment: Augment | None = None) -> None:
        """Train a network.

        Args:
            name: of its checkpoint and log.
            network: trained in place.
            loss: of the network on a batch.
            augment: shows a batch otherwise.
        """
        self.name, self.network = name, network
        self._loss, self._augment = loss, augment
        self._mean: dict[str, Tensor] = {}
        self.fitted = Fitted(0, 0.0, float("nan"))

    def begin(self, settings: FitSettings) -> None:
        """Move to the device and make everything a training needs."""
        self._settings = settings
        layout: Any = {"memory_format": torch.channels_last}
        self.network.to(settings.device, **layout).train()
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=settings.rate, weight_decay=1e-4)
        self._mean = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self.pool = Pool(settings.pool, settings.device)

    def step(self, chance: torch.Generator, share: float) -> None:
        """One step; `share` of the budget is used up.

        Raises:
            ModelError: the loss is no number any more.
        """
        steps = self.fitted.steps
        falling = 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.rate * min(1.0, (steps + 1) / _WARM_UP_STEPS) * falling
        batch = self.pool.draw(self._settings.batch, chance)
        if self._augment is not None:
            batch = self._augment(batch, chance)
        self._optimizer.zero_grad(set_to_none=True)
        kind = torch.device(self._settings.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or knows_bfloat16()):
            value = self._loss(self.network, batch)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._average()
        # Reading a number back waits for the device: now and then is enough.
        if steps < 2 or (steps + 1) % _LOG_EVERY_STEPS == 0 or kind == "cpu":
            self._keep_loss(float(value.item()))
        self.fitted = Fitted(steps + 1, self.fitted.seconds, self.fitted.loss)

    def _keep_loss(self, now: float) -> None:
        if not math.isfinite(now):
            raise ModelError(
                "training came apart: the loss is no number any more",
                found=f"{now} at step {self.fitted.steps} of {self.name}",
                action="train again from the last checkpoint with a smaller learning rate",
            )
        keep = _LOSS_KEEP if self._settings.device == "cpu" else 0.8
        loss = now if math.isnan(self.fitted.loss) else keep * self.fitted.loss + (1 - keep) * now
        self.fitted = Fitted(self.fitted.steps, self.fitted.seconds, loss)

    def _average(self) -> None:
        steps = self.fitted.steps + 1
        keep = min(_MEAN_KEEP, steps / (steps + 10))
        with torch.no_grad():
            for name, tensor in self.network.state_dict().items():
                if tensor.is_floating_point():
                    self._mean[name].lerp_(tensor, 1 - keep)
                else:
                    self._mean[name].copy_(tensor)

    def end(self) -> None:
        """Leave the running mean in the network, ready for use on the processor."""
        self.network.load_state_dict(self._mean)
        self.network.to("cpu").eval()

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint holds of it."""
        return {
            "network": self.network.state_dict(),
            "mean": self._mean,
            "optimizer": self._optimizer.state_dict(),
            "fitted": (self.fitted.steps, self.fitted.seconds, self.fitted.loss),
        }

    def go_on(self, held: dict[str, Any]) -> None:
        """Go on from what a checkpoint held."""
        self.network.load_state_dict(held["network"])
        self._optimizer.load_state_dict(held["optimizer"])
        if set(held["mean"]) != set(self._mean):
            raise KeyError("mean")
        self._mean = held["mean"]
        self.fitted = Fitted(*held["fitted"])


def fit(
    learners: Sequence[Learner],
    takes: Dataset[Any],
    budget: Budget,
    checkpoint: Path,
    *,
    seed: int,
    settings: FitSettings | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Train networks from one stream of takes; each ends up holding the running mean of its weights.

    Takes are made in order, from where a checkpoint stopped, and how often a sample is used does not depend on how
    fast they come. The log is `<checkpoint>.jsonl`, one object a line.

    Args:
        learners: the networks.
        takes: take `i` must follow from `i` alone: a `Sample` for each learner, in their order.
        budget: when to stop; steps are those of each learner.
        checkpoint: file to go on from, if it is there, and to save to.
        seed: decides what is drawn from the pool.
        settings: how to train.
        tell: is told of each line of the log.

    Raises:
        ModelError: the checkpoint is of other networks, or a loss is no longer a number.
    """
    settings = settings or FitSettings()
    for learner in learners:
        learner.begin(settings)
    first = _load(checkpoint, learners, settings.device) if checkpoint.is_file() else 0
    earlier, begun = learners[0].fitted.seconds, time.monotonic()
    saved, due, used = begun, 0.0, first
    for samples in _stream(takes, settings, first, budget.share(earlier, learners[0].fitted.steps)):
        used += 1
        for learner, sample in zip(learners, samples, strict=True):
            learner.pool.add(sample.tensors)
        due += settings.uses * len(samples[0].tensors[0]) / settings.batch
        if len(learners[0].pool) < min(4 * settings.batch, settings.pool):
            continue
        while due >= 1:
            due -= 1
            seconds = earlier + time.monotonic() - begun
            share = budget.share(seconds, learners[0].fitted.steps)
            if share >= 1:
                break
            for learner in learners:
                chance = torch.Generator().manual_seed(seed * 10_000_019 + learner.fitted.steps)
                learner.step(chance, share)
                learner.fitted = Fitted(learner.fitted.steps, seconds, learner.fitted.loss)
            if learners[0].fitted.steps % _LOG_EVERY_STEPS == 0:
                _log(checkpoint, learners, used, share, tell)
        if budget.share(earlier + time.monotonic() - begun, learners[0].fitted.steps) >= 1:
            break
        if time.monotonic() - saved > settings.checkpoint_s:
            _save(checkpoint, learners, used)
            saved = time.monotonic()
    _save(checkpoint, learners, used)
    for learner in learners:
        learner.end()


def _stream(takes: Dataset[Any], settings: FitSettings, first: int, share: float) -> Iterator[Sequence[Sample]]:
    """Takes for ever, from number `first`; none at all, if the budget is used up."""
    if share >= 1:
        return
    order: Any = itertools.count(first)
    yield from DataLoader(
        takes,
        batch_size=None,
        sampler=order,
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
        prefetch_factor=4 if settings.workers else None,
    )


def _save(path: Path, learners: Sequence[Learner], takes: int) -> None:
    """Write a checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    torch.save({"takes": takes, "learners": {learner.name: learner.state() for learner in learners}}, draft)
    draft.replace(path)


def _load(path: Path, learners: Sequence[Learner], device: str) -> int:
    """Go on from a checkpoint; the number of takes it has seen.

    Raises:
        ModelError: it belongs to other networks or is damaged.
    """
    try:
        held = torch.load(path, map_location=device, weights_only=True)
        for learner in learners:
            learner.go_on(held["learners"][learner.name])
        return int(held["takes"])
    except (RuntimeError, KeyError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(
            "training cannot go on from this checkpoint",
            file=path,
            found=error,
            action="remove it to train from the start, or name another folder",
        ) from error


def _log(checkpoint: Path, learners: Sequence[Learner], takes: int, share: float, tell: Callable[[str], None]) -> None:
    line = json.dumps(
        {
            "step": learners[0].fitted.steps,
            "takes": takes,
            "seconds": round(learners[0].fitted.seconds, 1),
            "share": round(share, 4),
            "loss": {learner.name: round(learner.fitted.loss, 5) for learner in learners},
        }
    )
    with checkpoint.with_suffix(".jsonl").open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    tell(line)
