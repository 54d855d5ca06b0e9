"""The training with one call: fetch, train, measure, write weights, figures and the model card."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from restoration_tasks.models.between.load import WEIGHTS, load_between
from restoration_tasks.models.between.network import BetweenNet, begun_as_rife
from restoration_tasks.models.defects.networks import parameter_count
from restoration_tasks.models.own import Running, ready
from restoration_tasks.runtime.files import sha256_file, write_atomic
from restoration_tasks.training.between.evaluate import BetweenFigures, evaluate
from restoration_tasks.training.between.samples import Gaps, augment, rife_interpolator
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.defects.export import export
from restoration_tasks.training.defects.fit import Budget, Learner, fit
from restoration_tasks.training.defects.footage import gather
from restoration_tasks.training.defects.pool import Batch
from restoration_tasks.training.defects.run import EVALUATION_FILE, Course, machine, require_training
from restoration_tasks.training.defects.samples import SampleSize
from restoration_tasks.training.recipe import Recipe

CHECKPOINT_FILE = "between.pt"
CARD_FILE = "card.md"
SIZE = SampleSize(256, 256)
RATE = 1e-3
"""Largest learning rate: training begins from what RIFE makes."""
FLOOR = 3e-5
"""Squared error that cannot matter: 45 dB, the noise and the coding of the clips."""


@dataclass(frozen=True)
class Trained:
    """What a training left behind."""

    folder: Path
    figures: Sequence[BetweenFigures]
    sha256: str
    """Digest of the weights."""


def train_between(folder: Path, recipe: Recipe, course: Course, begin_with: Path | None = None) -> Trained:
    """Train, measure and write everything into a folder; run again, it goes on where it stopped.

    Args:
        folder: gets `between.safetensors`, `card.md` and `evaluation.json`; checkpoint and log lie beside them.
        recipe: names the training clips, the seeds, and what is measured on.
        course: how long, from which seed, and how; a second round is not made.
        begin_with: weights of a training before, to go on from with other candidates or another seed; they have no
            normalisation left, so a smaller learning rate is due. None begins from what RIFE makes.

    Raises:
        WrongUse: the seed is not one for training, or the recipe names no clip to train on.
        ClipError: a clip cannot be fetched.
        ModelError: RIFE is not installed, the checkpoint does not fit, or training came apart.
    """
    require_training(recipe, course.seed)
    torch.set_num_threads(course.threads)
    torch.manual_seed(course.seed)
    clips = [CLIPS[name] for name in recipe.train.clips]
    footage = gather(clips, course.photographs, folder / "footage", course.tell)
    begun = begun_as_rife(BetweenNet()) if begin_with is None else _gone_on_from(begin_with)
    learner = Learner("between", begun, step_loss, augment)
    gaps = Gaps(footage, course.seed, course.size)
    budget = Budget(course.minutes * 60, course.steps)
    fit([learner], gaps, budget, folder / CHECKPOINT_FILE, seed=course.seed, settings=course.settings, tell=course.tell)
    sha256 = export(learner.network, folder / WEIGHTS.name, {"network": WEIGHTS.stem})
    # What is measured is what ships: the written file, in its precision.
    clip = CLIPS[recipe.validation.clips[0]]
    figures = evaluate(load_between(folder / WEIGHTS.name), rife_interpolator(), clip)
    told = json.dumps({"clip": clip.name, "figures": [one.model_dump() for one in figures]}, indent=1)
    write_atomic(folder / EVALUATION_FILE, f"{told}\n".encode())
    first = "RIFE's own blend" if begin_with is None else f"the weights `{sha256_file(begin_with)[0]}`"
    write_atomic(folder / CARD_FILE, _card(learner, course, sha256, first, clip.name, figures).encode())
    return Trained(folder, figures, sha256)


def _gone_on_from(weights: Path) -> BetweenNet:
    network = BetweenNet(fused=True)
    ready(network, weights, None, Running())
    return network


def step_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Minus the mean peak signal-to-noise ratio of the samples, dB: each counts alike, easy or hard."""
    frames, belief, share, truth = batch
    square = (network(frames, belief, share).float() - truth).square().mean(dim=(1, 2, 3))
    return torch.as_tensor(10 / math.log(10) * (square + FLOOR).log().mean())


def _card(
    learner: Learner, course: Course, sha256: str, first: str, clip: str, figures: Sequence[BetweenFigures]
) -> str:
    rows = "\n".join(
        f"| {clip}, {2 * one.half} frames apart | {one.frames} "
        f"| {one.rife_psnr_db:.2f} | {one.psnr_db:.2f} | {one.worst_over_rife_db:+.2f} |"
        for one in figures
    )
    return _CARD.format(
        parameters=f"{parameter_count(learner.network):,}",
        steps=f"{learner.fitted.steps:,}",
        minutes=f"{learner.fitted.seconds / 60:.0f}",
        seed=course.seed,
        batch=course.settings.batch,
        size=f"{course.size.width}x{course.size.height}",
        machine=machine(course.settings.device),
        torch=torch.__version__,
        sha256=sha256,
        first=first,
        rows=rows,
    )


_CARD = """# Frames between frames: the mixing network

A U-Net on what RIFE HDv3, shown the frames as they are and mirrored, and dense inverse search bring from the frame
before and the frame after: it weighs these six candidates (each guess from either side, and both frames as they lie)
pixel by pixel and may correct their mixture by at most 15 % of the code range. For: frames that are destroyed, and
other frame rates of access copies. What it makes is *generative*: nobody photographed it. Not for: frames of two shots,
still pictures. The weights are ours, Apache-2.0; RIFE's own are not in them, and have to be installed from the shelf.

| | |
|---|---|
| parameters | {parameters} |
| trained | {steps} steps of {batch} samples of {size} in {minutes} minutes, seed {seed}, on {machine}, torch {torch} |
| begun from | {first} |
| made again by | `reelkeeper train between`; clips and photographs are those of the damage networks' card |
| loss | the mean PSNR of the samples, errors under 45 dB left alone |
| sha256 | `{sha256}` |

Frames left out of a clip that nothing was learnt from, and made again (PSNR, dB):

| clip, the frames used | made | RIFE alone | ours | ours − RIFE, worst frame |
|---|---|---|---|---|
{rows}

## Limits

- Trained on the frame in the middle for three samples of four, else on quarters of the way; other shares lie between.
- Movement is that of everyday clips and of a simulated camera, up to some tens of pixels a frame at 256x256.
- What neither frame shows cannot be known.
"""
