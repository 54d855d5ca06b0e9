"""The training with one call: fetch, train, write the weights."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from restoration_tasks.models.between.network import BetweenNet, begun_as_rife
from restoration_tasks.training.between.samples import Gaps, augment
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.defects.fit import Budget, Learner, fit
from restoration_tasks.training.defects.footage import gather
from restoration_tasks.training.defects.pool import Batch
from restoration_tasks.training.defects.run import Course
from restoration_tasks.training.recipe import Recipe

CHECKPOINT_FILE = "between.pt"
FLOOR = 3e-5
"""Squared error that cannot matter: 45 dB, the noise and the coding of the clips."""


def train_between(folder: Path, recipe: Recipe, course: Course) -> Learner:
    """Train into a folder; run again, it goes on where it stopped."""
    torch.set_num_threads(course.threads)
    torch.manual_seed(course.seed)
    clips = [CLIPS[name] for name in recipe.train.clips]
    footage = gather(clips, course.photographs, folder / "footage", course.tell)
    learner = Learner("between", begun_as_rife(BetweenNet()), step_loss, augment)
    gaps = Gaps(footage, course.seed, course.size)
    budget = Budget(course.minutes * 60, course.steps)
    fit([learner], gaps, budget, folder / CHECKPOINT_FILE, seed=course.seed, settings=course.settings, tell=course.tell)
    return learner


def step_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Minus the mean peak signal-to-noise ratio of the samples, dB: each counts alike, easy or hard."""
    frames, belief, share, truth = batch
    square = (network(frames, belief, share).float() - truth).square().mean(dim=(1, 2, 3))
    return torch.as_tensor(10 / math.log(10) * (square + FLOOR).log().mean())
