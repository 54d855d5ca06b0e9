"""Training learns, goes on from a checkpoint, repeats itself, and refuses what does not fit."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from restoration_tasks.models.defects.networks import DefectNet
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.training.defects.augment import augment_detector
from restoration_tasks.training.defects.fit import Budget, FitSettings, Learner, fit
from restoration_tasks.training.defects.losses import detector_loss, fusion_loss
from restoration_tasks.training.defects.pool import Pool
from restoration_tasks.training.defects.run import detector_step
from restoration_tasks.training.defects.samples import SampleSize, Takes

torch.set_num_threads(1)
QUICK = FitSettings(batch=2, workers=0, pool=8)


class Two:
    """A take of two samples of a law a single weight can learn: y is two x."""

    def __init__(self, index):
        x = torch.tensor([[((index * 7) % 11) / 11 - 0.4], [((index * 5) % 13) / 13 - 0.4]])
        self.tensors = (x, 2 * x)


class Twice:
    def __getitem__(self, index):
        return (Two(index),)


def squared(network, batch):
    return (network(batch[0]) - batch[1]).square().mean()


def line(inputs=1) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(inputs, 1)


def trained(path, steps, network=None, loss=squared, settings=QUICK):
    learner = Learner("line", network or line(), loss)
    fit([learner], Twice(), Budget(60, steps), path, seed=1, settings=settings)
    return learner


def test_it_learns(tmp_path):
    settings = FitSettings(batch=4, rate=0.05, workers=0, pool=32)
    learner = trained(tmp_path / "line.pt", 400, settings=settings)
    assert learner.fitted.steps == 400
    assert learner.network.weight.item() == pytest.approx(2, abs=0.1)
    log = [json.loads(text) for text in (tmp_path / "line.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[-1]["loss"]["line"] < log[0]["loss"]["line"]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    weights = [trained(tmp_path / name, 20).network.weight.item() for name in ("a.pt", "b.pt")]
    assert weights[0] == weights[1]


def test_a_sample_is_used_as_often_as_asked(tmp_path):
    taken = []

    class Counted(Twice):
        def __getitem__(self, index):
            taken.append(index)
            return super().__getitem__(index)

    settings = FitSettings(batch=2, workers=0, pool=8, uses=3.0)
    learner = Learner("line", line(), squared)
    fit([learner], Counted(), Budget(60, 30), tmp_path / "x.pt", seed=1, settings=settings)
    assert 30 * 2 / (2 * len(taken)) == pytest.approx(3, abs=0.4)


def test_a_full_pool_forgets_its_oldest_and_draws_no_sample_twice():
    pool = Pool(4, "cpu")
    for first in (0, 3):
        pool.add([torch.arange(first, first + 3)[:, None]])
    assert len(pool) == 4
    drawn = pool.draw(4, torch.Generator().manual_seed(1))[0].flatten().tolist()
    assert sorted(drawn) == [2, 3, 4, 5]


def test_it_goes_on_where_it_stopped_and_a_finished_one_is_left_alone(tmp_path):
    path = tmp_path / "line.pt"
    assert trained(path, 10).fitted.steps == 10
    again = trained(path, 10)
    assert again.fitted.steps == 10
    assert again.network.weight.item() != line().weight.item()
    assert trained(path, 30).fitted.steps == 30


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = tmp_path / "line.pt"
    trained(path, 2)
    with pytest.raises(ModelError, match="cannot go on from this checkpoint"):
        trained(path, 4, line(3))
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="cannot go on from this checkpoint"):
        trained(path, 4)


def test_a_training_that_comes_apart_is_stopped(tmp_path):
    with pytest.raises(ModelError, match="no number any more"):
        trained(tmp_path / "x.pt", 4, loss=lambda network, batch: squared(network, batch) * float("nan"))


def test_a_few_steps_of_the_detector_lower_its_loss(footage, tmp_path):
    takes = [Takes(footage, 1000, SampleSize(96, 80))[number][:1] for number in range(3)]

    class Held:
        def __getitem__(self, index):
            return takes[index % 3]

    torch.manual_seed(1)
    network = DefectNet()
    batch = [tensor.float() for tensor in takes[0][0].tensors]
    with torch.no_grad():
        before = detector_step(network.train(), batch).item()
    learner = Learner("detector", network, detector_step, augment_detector)
    settings = FitSettings(batch=4, rate=4e-3, workers=0, pool=9)
    fit([learner], Held(), Budget(60, 60), tmp_path / "d.pt", seed=1, settings=settings)
    assert learner.fitted.loss < 0.8 * before


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
