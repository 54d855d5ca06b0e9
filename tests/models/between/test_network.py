"""The mixing network: it begins as RIFE, stays by what it is given, and ships as it was measured."""

from __future__ import annotations

import json

import pytest

from restoration_tasks.models.between.load import SHA256, WEIGHTS, load_between
from restoration_tasks.models.rife import NAME
from restoration_tasks.runtime.errors import ModelError

torch = pytest.importorskip("torch")


def candidates(seed: int = 0):
    """Six unlike frames, whom RIFE believes, and the middle."""
    chance = torch.Generator().manual_seed(seed)
    frames = torch.rand(1, 6, 3, 32, 48, generator=chance)
    return frames, torch.rand(1, 1, 32, 48, generator=chance), torch.full((1, 1, 1, 1), 0.5)


def rife(frames, belief):
    return frames[:, 0] * belief + frames[:, 1] * (1 - belief)


def test_before_training_it_makes_what_rife_makes():
    from restoration_tasks.models.between.network import BetweenNet, begun_as_rife

    frames, belief, share = candidates()
    frames[:, 2:] = rife(frames, belief)[:, None]  # where all others agree with RIFE only its own blend is left
    with torch.inference_mode():
        made = begun_as_rife(BetweenNet()).eval()(frames, belief, share)
    assert float((made - rife(frames, belief)).abs().max()) < 0.02


def test_what_it_makes_is_a_mixture_and_a_bounded_rest():
    from restoration_tasks.models.between.network import LARGEST_RESIDUAL

    frames, belief, share = candidates(1)
    with torch.inference_mode():
        made = load_between()(frames, belief, share)
    low, high = frames.amin(1), frames.amax(1)
    assert bool((made >= low - LARGEST_RESIDUAL - 1e-3).all())
    assert bool((made <= high + LARGEST_RESIDUAL + 1e-3).all())


def test_weights_of_other_bytes_are_refused(tmp_path, monkeypatch):
    from restoration_tasks.models.between import load

    other = tmp_path / WEIGHTS.name
    other.write_bytes(WEIGHTS.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(load, "WEIGHTS", other)
    with pytest.raises(ModelError, match="not the ones this version knows"):
        load_between()
    other.unlink()
    with pytest.raises(ModelError, match="missing"):
        load_between()


def test_the_card_is_that_of_the_weights():
    card = (WEIGHTS.parent / "card.md").read_text()
    assert SHA256 in card
    told = json.loads((WEIGHTS.parent / "evaluation.json").read_text())
    for one in told["figures"]:
        assert f"{one['psnr_db']:.2f}" in card
        assert one["psnr_db"] > one["rife_psnr_db"]


def test_a_frame_left_out_is_nearer_than_by_rife_alone(shelved):
    """A small piece of the validation clip, as the evaluation measures it."""
    from restoration_tasks.training.between.evaluate import psnr_db, triples
    from restoration_tasks.training.between.samples import rife_interpolator
    from restoration_tasks.training.clips import CITY

    shelved(NAME)
    interpolator, network = rife_interpolator(), load_between()
    gains = []
    for triple in triples(CITY, (0, 30), 2, 2):
        before, truth, after = (frame[:, 100:292, 200:456] for frame in triple)
        with torch.inference_mode():
            seen = interpolator.candidates(before, after, 0.5)
            made = network(seen.frames, seen.belief, torch.full((1, 1, 1, 1), 0.5))[0].numpy()
        gains.append(psnr_db(made, truth) - psnr_db(rife(seen.frames, seen.belief)[0].numpy(), truth))
    assert min(gains) > 0


def test_its_loss_leads_it_to_the_candidate_that_is_right():
    from restoration_tasks.models.between.network import BetweenNet, begun_as_rife
    from restoration_tasks.training.between.run import step_loss

    frames, belief, share = candidates(2)
    truth = frames[:, 2]
    network = begun_as_rife(BetweenNet(widths=(8, 8)))
    learn = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        learn.zero_grad()
        loss = step_loss(network, [frames, belief, share, truth])
        loss.backward()
        learn.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 2
