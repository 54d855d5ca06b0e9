"""The recipe of the benchmark of flicker: its light, its measures, and how its bars are read off its pieces."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.picture_flicker import (
    MODES,
    amplitudes,
    deflicker,
    flicker_recipe,
    kept,
    light_course,
    lit,
    pieces,
    report,
)

RNG = np.random.default_rng(2)
CLEAN = [RNG.integers(100, 700, (3, 24, 32)).astype(np.uint16)] * 24


def take(ours, peer=30.0, left=0.1):
    made = {"before": {"db": 25.0, "codes": [(10.0, 12.0)]}, "quantiles": {"db": 29.0, "codes": [(2.0, 3.0)]}}
    peers = {f"deflicker {mode} 5": {"db": peer - n, "codes": [(5.0, 6.0)]} for n, mode in enumerate(MODES)}
    return {**made, "ours": {"db": ours, "codes": [(10 * left, 24 * left)]}, **peers}


def test_every_strength_comes_with_every_seed_and_all_light_with_and_without_flicker():
    keys = list(pieces("test"))
    assert len([key for key in keys if key.startswith("strength")]) == 6 * 3
    assert {"clean", "speed", "light/lightning/steady", "light/slow_change/flickering"} <= set(keys)


def test_light_is_laid_on_as_the_recipe_says():
    light = flicker_recipe()["light"]
    assert light_course(light["lightning"], 20)[[5, 6, 7, 8, 9, 14]].tolist() == [1.0, 1.7, 1.45, 1.2, 1.0, 1.7]
    assert light_course(light["lamp_on"], 10).tolist() == [0.65] * 5 + [1.0] * 5
    assert light_course(light["fade_out"], 21)[[0, 13, 20]].tolist() == pytest.approx([1.0, 1.0, 0.05])
    one = lit(CLEAN, [(0, 24)], light["lamp_on_one_side"])
    assert np.array_equal(one[0][..., 24:], CLEAN[0][..., 24:])
    assert np.array_equal(one[0][..., :8], np.rint(CLEAN[0][..., :8] * 0.65))


def test_amplitudes_and_light_kept_are_measured_against_the_truth():
    swing = np.where(np.arange(24) % 2, 1.1, 0.9)
    aged = [np.rint(frame * factor).astype(np.uint16) for frame, factor in zip(CLEAN, swing, strict=True)]
    ((whole, cells),) = amplitudes(aged, CLEAN, [(0, 24)])
    assert whole == pytest.approx(0.1 * CLEAN[0].mean() * 255 / 1023, rel=0.01)
    assert cells == pytest.approx(whole, rel=0.05)
    assert amplitudes(aged, CLEAN, [(0, 11), (11, 22)]) == []
    lamp = lit(CLEAN, [(0, 24)], flicker_recipe()["light"]["lamp_on"])
    assert kept(lamp, lamp, CLEAN, one_side=False) == pytest.approx(1)
    assert kept(CLEAN, lamp, CLEAN, one_side=True) == pytest.approx(0)


def test_ffmpegs_filter_moves_all_channels_alike():
    aged = [np.rint(frame * (1.1 if n % 2 else 0.9)).astype(np.uint16) for n, frame in enumerate(CLEAN)]
    made = deflicker(aged, "am", 5)
    assert len(made) == 24
    factors = [(after / np.maximum(before, 1)).mean(axis=(1, 2)) for before, after in zip(aged, made, strict=True)]
    assert np.ptp(factors[10]) < 0.01
    assert np.std([frame.mean() for frame in made]) < 0.5 * np.std([frame.mean() for frame in aged])


def test_bars_are_read_off_the_pieces():
    made = {
        "strength 1/seed 1": {"takes": {"a": take(34.0), "b": take(32.0, left=0.3)}},
        "clean": {"takes": {"a": {"db": 99.0, "forced db": 40.0, "quantiles db": 35.0, "changed": 0}}, "made_by": "x"},
        "light/lamp_on/steady": {"takes": {"a": [[1.0, 0.98]]}},
        "light/lamp_on/flickering": {"takes": {"a": [[1.1, 0.9], [1.0, 1.0]]}},
    }
    bars, figures = report(made)
    assert [(bar["measured"], bar["met"]) for bar in bars] == [
        (0.2, False),
        (3.0, True),
        (99.0, True),
        (40.0, False),
        (0.02, True),
        (0.05, True),
    ]
    assert figures["residual"]["worst"] == 0.3
    assert figures["residual"]["by cell, mean"] == pytest.approx(0.4)
    assert figures["by take"]["b"]["db"] == 32.0
