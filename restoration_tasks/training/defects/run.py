"""The whole training with one call: fetch, train both networks, measure, write weights, figures and the model card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from restoration_tasks.models.defects.load import THRESHOLDS, Weights, load_detector, load_repairer
from restoration_tasks.models.defects.networks import DefectNet, FusionNet, parameter_count
from restoration_tasks.models.own import knows_bfloat16
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.defects.augment import augment_detector, augment_fusion
from restoration_tasks.training.defects.card import CardFacts, TrainedNetwork, model_card
from restoration_tasks.training.defects.evaluate import Evaluation, evaluate, validation_runs
from restoration_tasks.training.defects.export import export
from restoration_tasks.training.defects.fit import Budget, FitSettings, Learner, fit
from restoration_tasks.training.defects.footage import Footage, gather
from restoration_tasks.training.defects.losses import detector_loss, fusion_loss
from restoration_tasks.training.defects.material import PHOTOGRAPHS
from restoration_tasks.training.defects.pool import Batch
from restoration_tasks.training.defects.samples import SampleSize, Takes
from restoration_tasks.training.packed import Photograph
from restoration_tasks.training.recipe import Recipe

CHECKPOINT_FILE = "defects.pt"
FINISH_FILE = "finish.pt"
CARD_FILE = "card.md"
EVALUATION_FILE = "evaluation.json"


def _keep_quiet(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Finish:
    """A second round from the weights of the first, with new samples and a small learning rate."""

    minutes: float
    seed: int
    """Another of the recipe's training seeds."""
    rate: float = 6e-4


@dataclass(frozen=True)
class Course:
    """How a training runs."""

    minutes: float
    """Training time, that of earlier runs into the same folder included."""
    seed: int
    """One of the recipe's training seeds."""
    steps: int | None = None
    """Steps of each network, if it is to end by them."""
    threads: int = 1
    """Processor threads of torch. With other work on the machine, one was twice as fast as two."""
    size: SampleSize = field(default_factory=SampleSize)
    settings: FitSettings = field(default_factory=FitSettings)
    finish: Finish | None = None
    photographs: Sequence[Photograph] = PHOTOGRAPHS
    """Stills beside the recipe's clips."""
    tell: Callable[[str], None] = _keep_quiet
    """Is told what happens."""


@dataclass(frozen=True)
class Trained:
    """What a training left behind."""

    folder: Path
    evaluation: Evaluation
    sha256: dict[Weights, str]
    """Digests of the weights."""


def train_defects(folder: Path, recipe: Recipe, course: Course) -> Trained:
    """Train, measure and write everything into a folder; run again, it goes on where it stopped.

    With `steps`, the same seed and number of threads give the same weights as far as torch does, unless the training
    was interrupted (batches that were to come back are left out then). By time alone there are as many steps as the
    machine manages.

    Args:
        folder: gets `detector.safetensors`, `fusion.safetensors`, `card.md` and `evaluation.json`; checkpoints and logs
            lie beside them.
        recipe: names the training clips, the seeds, and what is measured on.
        course: how long, from which seed, and how.

    Raises:
        WrongUse: the seed is not one for training, or the recipe names no clip to train on.
        ClipError: a clip cannot be fetched.
        ModelError: a checkpoint in the folder does not fit, or training came apart.
    """
    require_training(recipe, course.seed, *([course.finish.seed] if course.finish else []))
    torch.set_num_threads(course.threads)
    clips = [CLIPS[name] for name in recipe.train.clips]
    footage = gather(clips, course.photographs, folder / "footage", course.tell)
    learners = _train(footage, folder, course)
    sha256 = {kind: _export(kind, rounds[-1], folder, {}) for kind, rounds in learners.items()}
    # What is measured is what ships: the written files, in their precision.
    runs, clip = validation_runs(recipe, course.tell)
    evaluation = evaluate(load_detector(folder / Weights.DETECTOR), load_repairer(folder / Weights.FUSION), runs, clip)
    chosen = {THRESHOLDS[defect]: f"{figures.threshold:.2f}" for defect, figures in evaluation.kinds.items()}
    sha256[Weights.DETECTOR] = _export(Weights.DETECTOR, learners[Weights.DETECTOR][-1], folder, chosen)
    facts = CardFacts(
        networks=[
            TrainedNetwork(
                kind.value,
                sha256[kind],
                parameter_count(rounds[-1].network),
                sum(learner.fitted.steps for learner in rounds),
                sum(learner.fitted.seconds for learner in rounds) / 60,
                rounds[-1].fitted.loss,
            )
            for kind, rounds in learners.items()
        ],
        seeds=[course.seed, *([course.finish.seed] if course.finish else [])],
        batch=course.settings.batch,
        machine=f"Trained on {machine(course.settings.device)}, torch {torch.__version__}",
        material=[*clips, *course.photographs],
    )
    write_atomic(folder / EVALUATION_FILE, (evaluation.model_dump_json(indent=1) + "\n").encode())
    write_atomic(folder / CARD_FILE, model_card(evaluation, facts).encode())
    return Trained(folder, evaluation, sha256)


def require_training(recipe: Recipe, *seeds: int) -> None:
    """Refuse what is kept for measuring.

    Raises:
        WrongUse: a seed is not one for training, or the recipe names no clip to train on.
    """
    for seed in seeds:
        if seed not in recipe.train.seeds:
            raise WrongUse(
                "this seed is not for training",
                expected=", ".join(map(str, recipe.train.seeds)),
                found=seed,
                action="train with a seed of the recipe; the others are for measuring",
            )
    if not recipe.train.clips:
        raise WrongUse("the recipe names no clips to train on", action="name them in its train part")


def machine(device: str) -> str:
    """What networks are trained on, in words."""
    if torch.device(device).type == "cuda":
        return f"{torch.cuda.get_device_name(device)} in bfloat16"
    return f"{platform.machine()} processors{' in bfloat16' if knows_bfloat16() else ''}"


def _train(footage: Sequence[Footage], folder: Path, course: Course) -> dict[Weights, list[Learner]]:
    """Both networks, each with its rounds."""
    torch.manual_seed(course.seed)
    networks = {Weights.DETECTOR: DefectNet(), Weights.FUSION: FusionNet()}
    rounds = [(CHECKPOINT_FILE, course.seed, Budget(course.minutes * 60, course.steps), course.settings)]
    if course.finish is not None:
        settings = replace(course.settings, rate=course.finish.rate)
        rounds.append((FINISH_FILE, course.finish.seed, Budget(course.finish.minutes * 60, course.steps), settings))
    learners: dict[Weights, list[Learner]] = {kind: [] for kind in networks}
    for file, seed, budget, settings in rounds:
        both = [
            Learner("detector", networks[Weights.DETECTOR], detector_step, augment_detector),
            Learner("fusion", networks[Weights.FUSION], fusion_step, augment_fusion),
        ]
        takes = Takes(footage, seed, course.size)
        fit(both, takes, budget, folder / file, seed=seed, settings=settings, tell=course.tell)
        for kind, learner in zip(learners, both, strict=True):
            learners[kind].append(learner)
    return learners


def detector_step(network: nn.Module, batch: Batch) -> Tensor:
    """Loss of a detector on a batch of `DetectorSample`."""
    features, target, weight = batch
    return detector_loss(network(features).float(), target, weight)


def fusion_step(network: nn.Module, batch: Batch) -> Tensor:
    """Loss of a repair network on a batch of `FusionSample`."""
    candidates, usable, mask, truth = batch
    return fusion_loss(network(candidates, usable, mask).float(), truth, mask)


def _export(kind: Weights, learner: Learner, folder: Path, metadata: Mapping[str, str]) -> str:
    return export(learner.network, folder / kind, {"network": kind.value, **metadata})
