"""Samples follow from seed and number, their truth is true, and hard negatives are no damage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from restoration_tasks.models.defects.features import FEATURES
from restoration_tasks.training.damage import CinchMarks, ColourDigs, Dirt, DustClusters, Grain, Hair, Scratch, Stain
from restoration_tasks.training.damage.tone import Fade, Flicker
from restoration_tasks.training.damage.weave import Weave
from restoration_tasks.training.defects import ageing
from restoration_tasks.training.defects.ageing import VISIBLE, age
from restoration_tasks.training.defects.footage import take
from restoration_tasks.training.defects.negatives import HARD_NEGATIVES
from restoration_tasks.training.defects.samples import DetectorSamples, FusionSamples, SampleSize

SIZE = SampleSize(96, 80)


@pytest.mark.parametrize("kind", [DetectorSamples, FusionSamples])
def test_a_sample_follows_from_seed_and_number(footage, kind):
    one, again, other = kind(footage, 1000, SIZE), kind(footage, 1000, SIZE), kind(footage, 1001, SIZE)
    for left, right in zip(one[3], again[3], strict=True):
        assert_array_equal(left.numpy(), right.numpy())
    assert not np.array_equal(one[3][0].numpy(), other[3][0].numpy())
    assert not np.array_equal(one[3][0].numpy(), one[4][0].numpy())


def test_samples_have_the_shapes_the_networks_take(footage):
    features, target, weight = DetectorSamples(footage, 1, SIZE)[0]
    assert (features.shape, target.shape, weight.shape) == ((FEATURES, 80, 96), (3, 80, 96), (1, 80, 96))
    candidates, usable, mask, truth = FusionSamples(footage, 1, SIZE)[0]
    assert (candidates.shape, usable.shape) == ((5, 3, 80, 96), (4, 80, 96))
    assert (mask.shape, truth.shape) == ((1, 80, 96), (3, 80, 96))
    for tensor in (features, target, weight, candidates, usable, mask, truth):
        assert np.isfinite(tensor.numpy()).all()


def test_outside_its_masks_an_aged_take_is_its_clean_one(footage):
    rng = np.random.default_rng(4)
    seen = found = 0
    for _ in range(12):
        aged = age(take(footage, rng, size=(96, 80), frames=3), rng)
        for damaged, clean, masks, fringe in zip(aged.damaged, aged.clean, aged.masks, aged.fringe, strict=True):
            touched = masks.any(axis=0) | fringe
            change = np.abs(damaged - clean).max(axis=2)
            if not touched.any():
                assert_array_equal(damaged, clean)
            elif np.array_equal(damaged[~touched], clean[~touched]):  # neither blurred nor compressed
                seen += 1
                found += bool(masks.any())
                assert change[masks.any(axis=0)].min(initial=1) >= VISIBLE / 2
                assert not (masks.any(axis=0) & fringe).any()
    assert seen > 3
    assert found > 3


def test_no_family_kept_for_the_test_is_used():
    """The recipe's train part, as the simulators are really set up."""
    rng = np.random.default_rng(0)
    made = [kind for _ in range(300) for kind in [*ageing._under(rng), *ageing._local(rng, rng.uniform(0.9, 5))]]
    assert not any(isinstance(kind, Weave | Fade) for kind in made)
    for kind in made:
        match kind:
            case Dirt():
                assert (kind.translucent_share, kind.lint_share) == (0, 0)
            case Hair():
                assert kind.gate_hairs == 0
            case Scratch():
                assert (kind.rain, kind.broken_share) == (0, 0)
            case Flicker():
                assert (kind.local_sd, kind.contrast_sd) == (0, 0)
            case Stain():
                assert kind.tide_share == 0
    families = {type(kind) for kind in made}
    assert families >= {Dirt, DustClusters, Hair, Scratch, ColourDigs, CinchMarks, Grain, Flicker, Stain}


@pytest.mark.parametrize("negative", sorted(set(HARD_NEGATIVES), key=lambda n: n.__name__), ids=lambda n: n.__name__)
def test_hard_negatives_are_seen_and_stay_pictures(footage, negative):
    rng = np.random.default_rng(2)
    frames = take(footage, rng, size=(96, 80), frames=5)
    changed = 0.0
    for _ in range(3):
        laid = negative(frames, rng)
        assert len(laid) == 5
        for picture in laid:
            assert picture.shape == (80, 96, 3)
            assert picture.dtype == np.float32
            assert picture.min() >= -1e-4
            assert picture.max() <= 1 + 1e-4
        changed = max(changed, float(np.abs(laid[4] - frames[4]).max()))
    assert changed > 0.05


def test_takes_move(footage):
    rng = np.random.default_rng(8)
    moved = [
        np.abs(frames[0] - frames[-1]).mean()
        for frames in (take(footage, rng, size=(64, 48), frames=4) for _ in range(8))
    ]
    assert np.median(moved) > 0.01
