"""A stained and a torn clip are mended, files in and files out; one that is neither stays as it is, bit by bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.clip import restore_clip
from tests.assessment import test_stain, test_tear


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))


def treated(frames, tmp_path):
    """What was done to frames `(T, H, W, 3)` of shares, and the frames it gave, as shares."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(source / f"f_{number:04d}.png"), np.rint(frame * 65535).astype(np.uint16)[..., ::-1])
    run = restore_clip(source, target, treatments=["stains", "tears"], engine="classical", progress=silent)
    names = [f"f_{number:04d}.png" for number in range(len(frames))]
    read = [cv2.imread(str(target / name), cv2.IMREAD_UNCHANGED)[..., ::-1] for name in names]
    return run, np.stack(read).astype(np.float64) / 65535


def psnr(one, other):
    return 10 * np.log10(1 / max(np.mean(np.square(one - other)), 1e-12))


def test_a_stain_goes_and_the_other_frames_stay(tmp_path):
    clean = test_stain.scene()
    damaged = test_stain.stained(clean, 0.25)
    run, after = treated(damaged, tmp_path)
    assert [one.name for one in run.plan.shots[0].treatments] == ["stains"]
    middle = 6 + 7
    assert psnr(after[middle], clean[middle]) > psnr(damaged[middle], clean[middle]) + 12
    assert np.array_equal(np.rint(after[:3] * 65535), np.rint(damaged[:3] * 65535))


def test_a_tear_is_mended_and_the_other_frames_stay(tmp_path):
    clean = test_tear.scene((1.5, 0.4))
    damaged = test_tear.torn(clean, 6, (4.0, -1.0), stay=2)
    run, after = treated(damaged, tmp_path)
    assert [one.name for one in run.plan.shots[0].treatments] == ["tears"]
    for number in (6, 7):
        assert psnr(after[number], clean[number]) > psnr(damaged[number], clean[number]) + 10
    assert np.array_equal(np.rint(after[8:] * 65535), np.rint(damaged[8:] * 65535))


def test_what_is_whole_and_clean_stays(tmp_path):
    clean = test_tear.scene((0.8, 0.3))
    run, after = treated(clean, tmp_path)
    assert run.plan.shots[0].treatments == ()
    assert np.array_equal(np.rint(after * 65535), np.rint(clean * 65535))


def test_a_clip_has_nobody_to_show_a_wire(tmp_path):
    with pytest.raises(WrongUse, match="only where a person has shown it"):
        restore_clip(tmp_path / "in.mkv", tmp_path / "out.mkv", treatments=["wires"], progress=silent)
