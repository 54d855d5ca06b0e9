"""Samples follow from seed and number, their truth is true, and hard negatives are no damage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from restoration_tasks.models.defects.features import FEATURES
from restoration_tasks.training.damage import CinchMarks, ColourDigs, Dirt, DustClusters, Grain, Hair, Scratch, Stain
from restoration_tasks.training.damage.tone import Fade, Flicker
from restoration_tasks.training.damage.weave import Weave
from restoration_tasks.training.defects import ageing
from restoration_tasks.training.defects.ageing import VISIBLE, age
from restoration_tasks.training.defects.footage import take
from restoration_tasks.training.defects.negatives import HARD_NEGATIVES
from restoration_tasks.training.defects.samples import CENTRES, SampleSize, Takes

SIZE = SampleSize(96, 80)


def test_a_take_follows_from_seed_and_number(footage):
    one, again, other = Takes(footage, 1000, SIZE), Takes(footage, 1000, SIZE), Takes(footage, 1001, SIZE)
    for left, right in zip(one[3], again[3], strict=True):
        for a, b in zip(left.tensors, right.tensors, strict=True):
            assert_array_equal(a.numpy(), b.numpy())
    for place in (0, 1):
        assert not np.array_equal(one[3][place].tensors[0].numpy(), other[3][place].tensors[0].numpy())
        assert not np.array_equal(one[3][place].tensors[0].numpy(), one[4][place].tensors[0].numpy())


def test_samples_have_the_shapes_the_networks_take(footage):
    detector, fusion = Takes(footage, 1, SIZE)[0]
    shapes = [tuple(tensor.shape) for tensor in (*detector.tensors, *fusion.tensors)]
    inner = [(FEATURES,), (3,), (1,), (6, 3), (4,), (1,), (3,)]
    assert shapes == [(CENTRES, *planes, 80, 96) for planes in inner]
    for tensor in (*detector.tensors, *fusion.tensors):
        assert np.isfinite(tensor.float().numpy()).all()


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


def test_seen_otherwise_a_sample_is_what_the_otherwise_damaged_frame_gives(footage):
    """Backwards, as a negative and with exchanged dyes: features of the changed frames are the changed features."""
    from restoration_tasks.models.defects.features import Look, MotionFinder, detector_features
    from restoration_tasks.training.defects import augment

    frames = take(footage, np.random.default_rng(3), size=(96, 80), frames=5)
    window = [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in frames]

    def features(pictures):
        looks = [Look.of(np.ascontiguousarray(picture)) for picture in pictures]
        return detector_features(looks[2], looks[1::-1], looks[3:], MotionFinder()).planes

    plain = features(window)
    assert_allclose(features(window[::-1]), plain[augment._BACKWARDS], atol=1e-5)
    negative = plain.copy()
    negative[11:15] = plain[augment._RISE_FALL]
    negative[augment._SIGNED] *= -1
    turned = features([1 - picture for picture in window])
    assert np.quantile(np.abs(turned - negative), 0.95) < 0.1  # motion of a negative is not found quite the same
    assert_allclose(turned[:3], -plain[:3], atol=1e-6)
