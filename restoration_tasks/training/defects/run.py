"""The whole training with one call: fetch, train both networks, measure, write weights, figures and the model card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from restoration_tasks.models.defects.load import THRESHOLDS, Weights, load_detector, load_repairer
from restoration_tasks.models.defects.networks import DefectNet, FusionNet, parameter_count
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.defects.card import CardFacts, TrainedNetwork, model_card
from restoration_tasks.training.defects.evaluate import Evaluation, evaluate, validation_runs
from restoration_tasks.training.defects.export import export
from restoration_tasks.training.defects.fit import Batch, Budget, FitSettings, Fitted, fit
from restoration_tasks.training.defects.footage import Footage, gather
from restoration_tasks.training.defects.losses import detector_loss, fusion_loss
from restoration_tasks.training.defects.material import PHOTOGRAPHS
from restoration_tasks.training.defects.samples import DetectorSamples, FusionSamples, SampleSize
from restoration_tasks.training.packed import Photograph
from restoration_tasks.training.recipe import Recipe

DETECTOR_SHARE = 0.7
"""Share of the time that goes to the detector: finding is harder than filling."""
CARD_FILE = "card.md"
EVALUATION_FILE = "evaluation.json"


def _keep_quiet(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Course:
    """How a training runs."""

    minutes: float
    """Training time of both networks together, that of earlier runs into the same folder included."""
    seed: int
    """One of the recipe's training seeds."""
    steps: int | None = None
    """Steps of each network, if it is to end by them."""
    threads: int = 1
    """Processor threads of torch. With other work on the machine, one was twice as fast as two."""
    size: SampleSize = field(default_factory=SampleSize)
    settings: FitSettings = field(default_factory=FitSettings)
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
    if course.seed not in recipe.train.seeds:
        raise WrongUse(
            "this seed is not for training",
            expected=", ".join(map(str, recipe.train.seeds)),
            found=course.seed,
            action="train with a seed of the recipe; the others are for measuring",
        )
    if not recipe.train.clips:
        raise WrongUse("the recipe names no clips to train on", action="name them in its train part")
    torch.set_num_threads(course.threads)
    clips = [CLIPS[name] for name in recipe.train.clips]
    footage = gather(clips, course.photographs, folder / "footage", course.tell)
    trained = [_train_one(kind, footage, folder, course) for kind in Weights]
    sha256 = {one.kind: _export(one, folder, {}) for one in trained}
    # What is measured is what ships: the written files, in their precision.
    runs, clip = validation_runs(recipe, course.tell)
    evaluation = evaluate(load_detector(folder / Weights.DETECTOR), load_repairer(folder / Weights.FUSION), runs, clip)
    chosen = {THRESHOLDS[defect]: f"{figures.threshold:.2f}" for defect, figures in evaluation.kinds.items()}
    sha256[Weights.DETECTOR] = _export(trained[0], folder, chosen)
    facts = CardFacts(
        networks=[
            TrainedNetwork(
                one.kind.value,
                sha256[one.kind],
                parameter_count(one.network),
                one.fitted.steps,
                one.fitted.seconds / 60,
                one.fitted.loss,
            )
            for one in trained
        ],
        seed=course.seed,
        batch=course.settings.batch,
        machine=f"Trained on {platform.machine()} processors, {course.threads} thread(s), torch {torch.__version__}",
        material=[*clips, *course.photographs],
    )
    write_atomic(folder / EVALUATION_FILE, (evaluation.model_dump_json(indent=1) + "\n").encode())
    write_atomic(folder / CARD_FILE, model_card(evaluation, facts).encode())
    return Trained(folder, evaluation, sha256)


@dataclass(frozen=True)
class _One:
    """One trained network."""

    kind: Weights
    network: nn.Module
    fitted: Fitted


def _train_one(kind: Weights, footage: Sequence[Footage], folder: Path, course: Course) -> _One:
    torch.manual_seed(course.seed)
    if kind is Weights.DETECTOR:
        network, step, share = _laid_out(DefectNet()), detector_step, DETECTOR_SHARE
        samples: Dataset[Any] = DetectorSamples(footage, course.seed, course.size)
    else:
        network, step, share = _laid_out(FusionNet()), fusion_step, 1 - DETECTOR_SHARE
        samples = FusionSamples(footage, course.seed, course.size)
    budget = Budget(course.minutes * 60 * share, course.steps)
    checkpoint = folder / f"{Path(kind).stem}.pt"
    fitted = fit(network, samples, step, budget, checkpoint, settings=course.settings, tell=course.tell)
    return _One(kind, network, fitted)


def _laid_out(network: nn.Module) -> nn.Module:
    """A network with its channels last in memory, which convolutions on a processor are fastest with."""
    laid: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid


def detector_step(network: nn.Module, batch: Batch) -> Tensor:
    """Loss of a detector on a batch of `DetectorSamples`."""
    features, target, weight = batch
    return detector_loss(network(features.contiguous(memory_format=torch.channels_last)), target, weight)


def fusion_step(network: nn.Module, batch: Batch) -> Tensor:
    """Loss of a repair network on a batch of `FusionSamples`."""
    candidates, usable, mask, truth = batch
    return fusion_loss(network(candidates, usable, mask), truth, mask)


def _export(one: _One, folder: Path, metadata: Mapping[str, str]) -> str:
    return export(one.network, folder / one.kind, {"network": one.kind.value, **metadata})
