"""A face's tier follows what was done to it: smaller, softer, noisier, turned away, cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.face_quality import FACE_PX, Quality, Tier, measured

FINE = Quality(width_px=100.0, detail_cycles=15.0, contrast=0.5, noise=0.01, turned=0.1, cut=False)
FRONTAL = ((30.0, 40.0), (60.0, 42.0), (45.0, 60.0))


@pytest.mark.parametrize(
    ("change", "tier", "reasons"),
    [
        ({}, Tier.GOOD, ()),
        ({"width_px": 39.0}, Tier.FAIR, ("small",)),
        ({"width_px": 19.0}, Tier.POOR, ("small",)),
        ({"detail_cycles": 12.9}, Tier.FAIR, ("soft",)),
        ({"detail_cycles": 7.9}, Tier.POOR, ("soft",)),
        ({"noise": 0.06}, Tier.FAIR, ("noisy",)),
        ({"noise": 0.12}, Tier.POOR, ("noisy",)),
        ({"turned": 1.2}, Tier.FAIR, ("turned away",)),
        ({"cut": True}, Tier.FAIR, ("cut off",)),
        ({"width_px": 15.0, "detail_cycles": 5.0, "cut": True}, Tier.POOR, ("small", "soft")),
    ],
)
def test_the_tier_is_that_of_what_is_worst(change, tier, reasons):
    quality = replace(FINE, **change)
    assert (quality.tier, quality.reasons) == (tier, reasons)


def test_noise_counts_less_in_a_large_face():
    assert replace(FINE, noise=0.08, width_px=400.0).tier is Tier.GOOD
    assert replace(FINE, noise=0.08).tier is Tier.FAIR


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 5), (9, 300)])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_hostile_boxes_are_poor_and_finite(shape, level):
    quality = measured(np.full(shape, level, np.float32), width_px=shape[1], landmarks=((0, 0),) * 3, cut=False)
    assert quality.tier is Tier.POOR
    assert np.isfinite([quality.detail_cycles, quality.noise, quality.turned, quality.contrast_to_noise]).all()


def test_noise_is_measured_as_it_is():
    noise = np.random.default_rng(3).normal(0.5, 0.05, (200, 150)).astype(np.float32)
    assert measured(noise, width_px=150, landmarks=FRONTAL, cut=False).noise == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize(("nose", "turned"), [(45.0, 0.0), (60.0, 1.0), (15.0, 2.0)])
def test_a_face_is_turned_as_far_as_its_nose_is_from_between_the_eyes(nose, turned):
    landmarks = ((30.0, 40.0), (60.0, 40.0), (nose, 60.0))
    quality = measured(np.zeros((9, 9), np.float32), width_px=FACE_PX, landmarks=landmarks, cut=False)
    assert quality.turned == pytest.approx(turned)
