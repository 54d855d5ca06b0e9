"""A faded clip gets its colours back, files in and files out; one that has not faded stays as it is, bit by bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.clip import restore_clip
from tests.assessment.test_fade import STRENGTHS, aged, scene

FRAMES = 4


def written(folder, picture):
    """The frames of a still as 16-bit PNG files, and their codes."""
    folder.mkdir()
    codes = np.rint(picture * 65535).astype(np.uint16)
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"f_{number:04d}.png"), codes[..., ::-1])
    return codes


def treated(folder, target):
    run = restore_clip(folder, target, treatments=["fade"], engine="classical", progress=silent)
    return run, cv2.imread(str(target / "f_0002.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))


def test_colours_come_back(tmp_path):
    clean = scene()
    codes = written(tmp_path / "faded", aged(clean, *STRENGTHS[4]))
    run, after = treated(tmp_path / "faded", tmp_path / "out")
    (planned,) = run.plan.shots[0].treatments
    assert planned.name == "fade"
    assert "cyan keeps" in planned.why
    before = np.abs(codes / 65535 - clean).mean()
    assert np.abs(after / 65535 - clean).mean() < 0.3 * before


def test_what_has_not_faded_stays(tmp_path):
    codes = written(tmp_path / "clean", scene())
    run, after = treated(tmp_path / "clean", tmp_path / "out")
    assert run.frames_changed == 0
    assert np.array_equal(after, codes)
