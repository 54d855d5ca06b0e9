"""The shipped networks: the right weights or none, damage found well above chance, nothing changed outside a mask."""

from __future__ import annotations

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from restoration_tasks.models.defects import load
from restoration_tasks.models.defects.candidates import Sheet, paper_over
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.load import (
    FOLDER,
    SHIPPED_SHA256,
    Weights,
    found_mask,
    load_detector,
    load_repairer,
)
from restoration_tasks.models.defects.motion import to_rows
from restoration_tasks.runtime.errors import ModelError
from tests.models.defects.moving import moving_window, with_speck

torch.set_num_threads(1)
cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def detector():
    return load_detector(threads=1)


@pytest.fixture(scope="module")
def repairer():
    return load_repairer(threads=1)


def specks(window, seed=0, count=25):
    """Every frame with specks of its own, dark and bright, and where they lie."""
    rng = np.random.default_rng(seed)
    spoilt, masks = [], []
    for clean in window:
        picture, mask = clean, np.zeros(clean.shape[1:], bool)
        for _ in range(count):
            place = {"row": int(rng.integers(picture.shape[1])), "column": int(rng.integers(picture.shape[2]))}
            picture, own = with_speck(picture, **place, radius=rng.uniform(1, 4), code=rng.choice([0.02, 0.98]))
            mask |= own
        spoilt.append(picture)
        masks.append(mask)
    return spoilt, masks


def repair(repairer, pictures, masks, centre=2):
    sheets = [Sheet(*pair) for pair in zip(pictures, masks, strict=True)]
    return repairer.repair(sheets[centre], sheets[:centre][::-1], sheets[centre + 1 :])


def detect(detector, pictures, centre=2):
    looks = [detector.look(picture) for picture in pictures]
    return detector.detect(looks[centre], looks[:centre][::-1], looks[centre + 1 :]).maps


def test_the_detector_finds_specks_far_above_chance(detector):
    from restoration_tasks.training.defects.curve import Curve

    curve = Curve()
    for seed in range(3):
        spoilt, masks = specks(moving_window((96, 128), step=(3, 1), seed=seed), seed)
        maps = detect(detector, spoilt)
        assert maps.shape == (len(Defect), 96, 128)
        assert maps.dtype == np.float32
        assert 0 <= maps.min() <= maps.max() <= 1
        curve.add(maps[0], masks[2], np.ones_like(masks[2]))
    assert curve.average_precision() > 0.8
    assert curve.average_precision() > 8 * curve.chance()


def test_a_clean_moving_picture_stays_clean(detector):
    window = moving_window((96, 128), step=(3, 1))
    maps = detect(detector, window)
    assert found_mask(maps, detector.thresholds).mean() < 0.002


def test_grey_is_seen_as_colourless_colour_and_twice_the_same(detector):
    window, _ = specks(moving_window((48, 64), channels=1))
    maps = detect(detector, window)
    assert_array_equal(maps, detect(detector, window))
    colour = [np.repeat(picture, 3, axis=0) for picture in window]
    assert_allclose(maps, detect(detector, colour), atol=1e-4)


def test_thresholds_decide_map_by_map():
    maps = np.zeros((3, 9, 9), np.float32)
    maps[0, 4, 4] = 0.6
    maps[2, 0, 0] = 0.6
    found = found_mask(maps, {Defect.DIRT: 0.5, Defect.HAIR: 0.5, Defect.SCRATCH: 0.7})
    assert found[3:6, 3:6].all()
    assert found.sum() == 9


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(18, 40),
    width=st.integers(18, 40),
    channels=st.sampled_from([1, 3]),
    centre=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_outside_the_mask_no_bit_changes(repairer, height, width, channels, centre, seed):
    window, masks = specks(moving_window((height, width), channels=channels, seed=seed), seed, count=3)
    repaired = repair(repairer, window, masks, centre)
    assert repaired.shape == window[centre].shape
    assert_array_equal(repaired[:, ~masks[centre]], window[centre][:, ~masks[centre]])
    assert 0 <= repaired.min() <= repaired.max() <= 1


def test_a_repair_comes_nearer_to_the_truth_than_the_surround_alone(repairer):
    clean = moving_window((96, 128), step=(3, 1))
    spoilt, masks = specks(clean)
    grown = [cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for mask in masks]
    repaired = repair(repairer, spoilt, grown)
    telea = paper_over(to_rows(spoilt[2]), grown[2]).transpose(2, 0, 1)
    errors = [np.square(picture - clean[2])[:, grown[2]].mean() for picture in (repaired, telea)]
    assert errors[0] < errors[1] < np.square(spoilt[2] - clean[2])[:, grown[2]].mean()


def test_an_empty_mask_and_a_frame_alone_are_fine(repairer, detector):
    (alone,) = moving_window((40, 40), frames=1)
    nothing = np.zeros((40, 40), bool)
    assert_array_equal(repair(repairer, [alone], [nothing], 0), alone)
    spoilt, mask = with_speck(alone, row=20, column=20)
    assert np.isfinite(repair(repairer, [spoilt], [mask], 0)).all()
    found = detector.detect(detector.look(spoilt), [], [])
    assert np.isfinite(found.maps).all()
    assert found.motion is None


def test_a_wide_picture_has_maps_and_motion_of_its_own_size(detector):
    window = moving_window((64, 1404), frames=3, step=(4, 0))
    looks = [detector.look(picture) for picture in window]
    found = detector.detect(looks[1], looks[:1], looks[2:])
    assert found.maps.shape == (3, 64, 1404)
    assert found.motion.shape == (64, 1404, 2)
    assert abs(np.median(found.motion[16:-16, 100:-100, 0]) - 4) < 0.5


def test_boxes_filled_together_are_what_they_are_alone(repairer):
    spoilt, masks = specks(moving_window((96, 128), step=(3, 1)))
    sheets = [Sheet(*pair) for pair in zip(spoilt, masks, strict=True)]
    made = repairer.surroundings(sheets[2], sheets[1::-1], sheets[3:])
    boxes = [made.box((slice(0, 48), slice(0, 64))), made.box((slice(40, 88), slice(50, 114)))]
    together = repairer.fill(boxes)
    assert together[0].shape == (3, 48, 64)
    for box, filled in zip(boxes, together, strict=True):
        assert_allclose(filled, repairer.fill([box])[0], atol=1e-5)


@pytest.mark.parametrize("kind", list(Weights))
def test_changed_weights_are_refused_unless_they_are_ones_own(kind, tmp_path, monkeypatch):
    read = {Weights.DETECTOR: load_detector, Weights.FUSION: load_repairer}[kind]
    content = bytearray((FOLDER / kind).read_bytes())
    content[-3] ^= 1
    (tmp_path / kind).write_bytes(content)
    monkeypatch.setattr(load, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match=f"not the ones this version knows .expected {SHIPPED_SHA256[kind]}"):
        read()
    assert read(tmp_path / kind).sha256 != SHIPPED_SHA256[kind]


def test_missing_and_foreign_weights_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="those of another network"):
        load_detector(FOLDER / Weights.FUSION)
    shutil.copy(FOLDER / Weights.FUSION, tmp_path / "short")
    (tmp_path / "short").write_bytes((tmp_path / "short").read_bytes()[:-9])
    with pytest.raises(ModelError, match="cannot be read"):
        load_repairer(tmp_path / "short")
    monkeypatch.setattr(load, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match="missing"):
        load_detector()


def test_the_card_names_the_shipped_weights():
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    assert all(sha256 in card for sha256 in SHIPPED_SHA256.values())


def test_torch_is_imported_when_a_network_is_loaded_and_not_before():
    code = "import sys; import restoration_tasks.models.defects.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
