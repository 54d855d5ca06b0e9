"""Training learns, goes on from a checkpoint, repeats itself, and refuses what does not fit."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from restoration_tasks.models.defects.networks import DefectNet
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.training.defects.fit import Budget, FitSettings, fit
from restoration_tasks.training.defects.losses import detector_loss, fusion_loss
from restoration_tasks.training.defects.run import detector_step
from restoration_tasks.training.defects.samples import DetectorSamples, SampleSize

torch.set_num_threads(1)
QUICK = FitSettings(batch=2, workers=0)


class Twice:
    """Samples of a law a single weight can learn: y is two x."""

    def __getitem__(self, index):
        x = torch.tensor([((index * 7) % 11) / 11 - 0.4])
        return x, 2 * x


def squared(network, batch):
    return (network(batch[0]) - batch[1]).square().mean()


def line() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(1, 1)


def test_it_learns(tmp_path):
    network = line()
    fitted = fit(network, Twice(), squared, Budget(60, 400), tmp_path / "line.pt", settings=FitSettings(4, 0.05, 0))
    assert fitted.steps == 400
    assert network.weight.item() == pytest.approx(2, abs=0.1)
    log = [json.loads(text) for text in (tmp_path / "line.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    def trained(name):
        network = line()
        fit(network, Twice(), squared, Budget(60, 20), tmp_path / name, settings=QUICK)
        return network.weight.item()

    assert trained("a.pt") == trained("b.pt")


def test_it_goes_on_where_it_stopped_and_a_finished_one_is_left_alone(tmp_path):
    path = tmp_path / "line.pt"
    first = fit(line(), Twice(), squared, Budget(60, 10), path, settings=QUICK)
    assert first.steps == 10
    again = line()
    assert fit(again, Twice(), squared, Budget(60, 10), path, settings=QUICK).steps == 10
    assert again.weight.item() != line().weight.item()
    assert fit(line(), Twice(), squared, Budget(60, 30), path, settings=QUICK).steps == 30


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = tmp_path / "line.pt"
    fit(line(), Twice(), squared, Budget(60, 2), path, settings=QUICK)
    with pytest.raises(ModelError, match="cannot go on from this checkpoint"):
        fit(nn.Linear(3, 1), Twice(), squared, Budget(60, 4), path, settings=QUICK)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="cannot go on from this checkpoint"):
        fit(line(), Twice(), squared, Budget(60, 4), path, settings=QUICK)


def test_a_training_that_comes_apart_is_stopped(tmp_path):
    with pytest.raises(ModelError, match="no number any more"):
        fit(
            line(),
            Twice(),
            lambda network, batch: squared(network, batch) * float("nan"),
            Budget(60, 4),
            tmp_path / "x.pt",
            settings=QUICK,
        )


def test_a_few_steps_of_the_detector_lower_its_loss(footage, tmp_path):
    samples = DetectorSamples(footage, 1000, SampleSize(96, 80))
    held = [torch.stack(parts) for parts in zip(*(samples[i] for i in range(4)), strict=True)]

    class Held:
        def __getitem__(self, index):
            return tuple(part[index % 4] for part in held)

    torch.manual_seed(1)
    network = DefectNet()
    with torch.no_grad():
        before = detector_step(network.train(), held).item()
    fitted = fit(network, Held(), detector_step, Budget(60, 60), tmp_path / "d.pt", settings=FitSettings(4, 4e-3, 0))
    assert fitted.loss < 0.8 * before


def test_the_detector_is_not_asked_for_the_fringe():
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    weight = torch.ones(1, 1, 4, 4)
    weight[..., 0, 0] = 0
    detector_loss(logits, torch.ones(1, 3, 4, 4), weight).backward()
    assert logits.grad[..., 0, 0].abs().max() == 0
    assert (logits.grad[..., 1:, 1:] < 0).all()


def test_the_repair_is_asked_for_inside_the_mask():
    truth = torch.zeros(1, 3, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:5, 2:5] = 1
    inside, outside = truth + 0.5 * mask, truth + 0.5 * (1 - mask)
    assert fusion_loss(inside, truth, mask) > 3 * fusion_loss(outside, truth, mask) / 2
    assert fusion_loss(truth, truth, mask) == 0
