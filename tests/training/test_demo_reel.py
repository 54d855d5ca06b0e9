"""The demo delivery is one a scanner could have made, and its truth is true."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.media.delivery.delivery import find_delivery
from restoration_tasks.media.delivery.findings import Grade, by_grade
from restoration_tasks.media.delivery.fixity import check_delivery
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.stills.dpx import read_dpx_10bit
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.training.clips import CITY, ClipError
from restoration_tasks.training.damage import DamageKind, Dirt, Flicker, Hair
from restoration_tasks.training.demo_reel import CITY_SHOTS, DemoShot, View, build_demo_reel
from restoration_tasks.training.truth import CLEAN_FILE, ReelTruth, read_masks

SHOTS = (
    DemoShot(0, 4, View("whole"), (Flicker(density_sd=0.05, seed=1), Dirt(area=(0.02, 0.03), seed=2))),
    DemoShot(5, 8, View("closer", left=0.2, top=0.2, size=0.6, mirrored=True)),
    DemoShot(8, 12, View("whole"), (Dirt(area=(0.02, 0.03), seed=3), Hair(strands=2, seed=4))),
)


@pytest.fixture
def reel(offline_clip, tmp_path, cache):
    return build_demo_reel("r1", tmp_path / "in", tmp_path / "truth", clip=offline_clip, cache=cache, shots=SHOTS)


def test_the_delivery_is_complete(reel):
    delivery = find_delivery(reel.delivery)
    assert len(delivery.sequence) == 11
    assert delivery.manifest is not None
    findings = check_delivery(delivery).findings
    assert not by_grade(findings, Grade.FAIL)
    assert not by_grade(findings, Grade.WARN)
    assert (reel.delivery / ".ready").exists()
    assert not list(reel.delivery.glob("*truth*"))


def test_the_truth_is_what_was_delivered_without_the_damage(reel):
    truth = ReelTruth.read(reel.truth_folder)
    assert truth == reel.truth
    clean = [truth.picture.to_work(frame) for frame in FrameReader(reel.truth_folder / CLEAN_FILE, truth.picture)]
    damaged = [read_dpx_10bit(frame.path) for frame in find_sequence(reel.delivery).frames]
    assert [(shot.start, shot.stop, shot.clean) for shot in truth.shots] == [
        (0, 4, False),
        (4, 7, True),
        (7, 11, False),
    ]
    masks = [
        dirt | hair
        for dirt, hair in zip(
            read_masks(reel.truth_folder, truth, DamageKind.DIRT),
            read_masks(reel.truth_folder, truth, DamageKind.HAIR),
            strict=True,
        )
    ]
    for index in range(4, 7):
        assert np.array_equal(clean[index], damaged[index])
        assert not masks[index].any()
    for index in range(7, 11):  # no global damage here: outside the masks nothing differs
        changed = (clean[index] != damaged[index]).any(axis=0)
        assert changed.any()
        assert not (changed & ~masks[index]).any()
        assert truth.frames[index].areas[DamageKind.DIRT] <= masks[index].mean()
    for index in range(4):
        offset = truth.frames[index].values[DamageKind.FLICKER]["density_offset"]
        outside = ~masks[index]
        assert damaged[index][:, outside].sum() / clean[index][:, outside].sum() == pytest.approx(10**-offset, rel=3e-3)


def test_the_input_psnr_is_that_of_the_files(reel):
    truth = reel.truth
    clean = [truth.picture.to_work(frame) for frame in FrameReader(reel.truth_folder / CLEAN_FILE, truth.picture)]
    damaged = [read_dpx_10bit(frame.path) for frame in find_sequence(reel.delivery).frames]
    error = np.mean([(clean[i].astype(float) - damaged[i]) ** 2 for i in range(4)])
    assert truth.shots[0].input_psnr_db == pytest.approx(10 * np.log10(1023**2 / error), abs=0.01)
    assert truth.shots[1].input_psnr_db is None


def digests(*folders: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.iterdir()
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_files_and_another_seed_others(reel, offline_clip, tmp_path, cache):
    def again(seed: int) -> dict[str, str]:
        other = tmp_path / f"again{seed}"
        built = build_demo_reel("r1", other, other / "truth", clip=offline_clip, cache=cache, shots=SHOTS, seed=seed)
        return digests(built.delivery, built.truth_folder)

    first = digests(reel.delivery, reel.truth_folder)
    assert again(1) == first
    second = again(2)
    assert second.keys() == first.keys()
    assert {name for name in first if first[name] == second[name]} >= {".ready", CLEAN_FILE}
    assert second["manifest-md5.txt"] != first["manifest-md5.txt"]


def test_a_build_that_fails_leaves_no_mark(offline_clip, tmp_path, cache):
    other = replace(offline_clip, height=offline_clip.height * 2)
    with pytest.raises(ClipError, match=r"not as described .expected 16 frames of 96x144, found 8 frames"):
        build_demo_reel("r1", tmp_path / "in", tmp_path / "truth", clip=other, cache=cache, shots=SHOTS)
    assert not (tmp_path / "in" / "r1" / ".ready").exists()
    assert not (tmp_path / "truth" / "truth.json").exists()


@pytest.mark.parametrize("bounds", [[(4, 8), (0, 3)], [(0, 5), (4, 8)], [(0, 99)], [(3, 3)], []])
def test_shots_that_do_not_fit_the_clip_are_refused(offline_clip, tmp_path, cache, bounds):
    shots = tuple(DemoShot(start, stop, View("whole")) for start, stop in bounds)
    with pytest.raises(WrongUse, match="do not fit its clip"):
        build_demo_reel("r1", tmp_path, tmp_path / "t", clip=offline_clip, cache=cache, shots=shots)


def test_the_truth_never_lies_in_the_delivery(offline_clip, tmp_path, cache):
    with pytest.raises(WrongUse, match="outside the delivery"):
        build_demo_reel("r1", tmp_path, tmp_path / "r1" / "truth", clip=offline_clip, cache=cache, shots=SHOTS)


def test_the_demo_has_four_shots_or_more_one_clean_and_cuts_within_scenes():
    assert len(CITY_SHOTS) >= 4
    assert sum(not shot.damages for shot in CITY_SHOTS) == 1
    assert 120 <= sum(shot.stop - shot.start for shot in CITY_SHOTS) <= 190
    for shot in CITY_SHOTS:
        assert any(start <= shot.start and shot.stop <= stop for start, stop in CITY.scenes)
