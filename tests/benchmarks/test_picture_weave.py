"""The recipe of the benchmark of steadied pictures, its residual, and how its bars are read off its pieces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.picture_weave import panned, pieces, report, residual, seen_moves

SHAPE = (405, 720)


def shot(before, after, treated=True, vidstab=1.0):
    return {"frames": 48, "before": before, "after": after, "treated": treated, "vidstab": vidstab, "deshake": 1.0}


def test_every_scene_is_there_at_every_strength_and_seed():
    keys = list(pieces("validation"))
    assert len([key for key in keys if key.startswith(("still", "pan", "take"))]) == 2 * 3 * 6 * 3
    assert {"speed", "clean/city/pan", "still/city/strength 6/seed 3"} <= set(keys)


def test_the_residual_is_what_is_left_of_the_path():
    path = np.random.default_rng(1).standard_normal((200, 3)) * (2.0, 1.0, 0.1)
    nothing = np.zeros_like(path)
    assert residual(path, -path, SHAPE) < 0.02
    assert residual(path + np.array([5.0, -3.0, 0.0]), nothing, SHAPE) == pytest.approx(
        residual(path, nothing, SHAPE), abs=0.02
    )
    turned = residual(path * (0.0, 0.0, 1.0), nothing, SHAPE)
    assert turned == pytest.approx(np.radians(path[:, 2].std()) * np.hypot(720, 405) / np.sqrt(12), rel=0.02)


def test_what_a_filter_moved_is_seen_and_a_zoom_is_no_move():
    scene = cv2.GaussianBlur(np.random.default_rng(3).random((180, 320)).astype(np.float32), (0, 0), 2.0)
    codes = np.rint((scene - scene.min()) / np.ptp(scene) * 1023).astype(np.uint16)
    frame = np.stack([codes] * 3)
    matrix = cv2.getRotationMatrix2D((159.5, 89.5), 0.4, 1.03) + np.array([[0, 0, 2.5], [0, 0, -1.25]])
    moved = np.stack([cv2.warpAffine(codes, matrix, (320, 180), flags=cv2.INTER_CUBIC)] * 3)
    assert seen_moves([frame], [moved])[0] == pytest.approx([2.5 * 2.25, -1.25 * 2.25, 0.4], abs=0.1)
    assert seen_moves([frame * 0], [frame * 0]).tolist() == [[0.0, 0.0, 0.0]]


def test_a_pan_begins_and_ends_softly():
    frame = np.repeat(np.linspace(0, 1023, 400)[None, None], 3, axis=0).repeat(200, axis=1).astype(np.uint16)
    columns = np.array([seen[0, 70, 140] for seen in panned(frame, 24)], float) / 1023 * 399
    steps = np.diff(columns)
    assert columns[-1] - columns[0] == pytest.approx(0.2 * 400, abs=1)
    assert steps[0] < 0.2 * steps.max()
    assert steps[-1] < 0.2 * steps.max()


def test_bars_are_read_off_the_pieces():
    made = {
        "still/a/strength 1/seed 1": {"shots": [shot(0.5, 0.1, vidstab=0.5)]},
        "still/b/strength 1/seed 1": {"shots": [shot(0.5, 0.2, vidstab=0.7)]},
        "pan/a/strength 1/seed 1": {"shots": [shot(0.5, 0.5, treated=False)]},
        "take/a/strength 1/seed 1": {"shots": [shot(0.5, 0.3), shot(0.5, 1.2)]},
        "clean/a/pan": {"shots": [{"frames": 48, "treated": False, "moved": 0.0}]},
        "clean/a/take": {"shots": [{"frames": 48, "treated": True, "moved": 0.5}]},
    }
    bars, figures = report(made)
    assert [(bar["measured"], bar["met"]) for bar in bars] == [
        (0.15, True),
        (4.0, True),
        (1.2, False),
        (pytest.approx(2 / 3, abs=1e-4), False),
        (0.5, False),
    ]
    assert figures["take"]["strength 1"]["steadied"] == "2 of 2"
    assert figures["without weave"]["clean/a/take"] == {"steadied": 1, "shots": 1}
