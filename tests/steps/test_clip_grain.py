"""A clip of which less grain is asked for, files in and files out; without being asked its grain stays, bit by bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.clip import restore_clip
from tests.assessment.glances import panned_wall

FRAMES, SHAPE, SIGMA = 12, (160, 240), 0.03


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))


@pytest.fixture
def source(tmp_path):
    """Frames with grain, and what they were without."""
    folder, rng = tmp_path / "in", np.random.default_rng(4)
    folder.mkdir()
    clean = panned_wall(FRAMES, SHAPE, (120, 200))
    for number, frame in enumerate(clean):
        grained = np.clip(frame + rng.normal(0, SIGMA, frame.shape), 0, 1)
        cv2.imwrite(str(folder / f"f_{number:04d}.png"), np.rint(grained * 65535).astype(np.uint16))
    return folder, np.stack(list(clean))


def read(folder):
    paths = [str(folder / f"f_{number:04d}.png") for number in range(FRAMES)]
    return np.stack([cv2.imread(path, cv2.IMREAD_UNCHANGED) for path in paths]).astype(np.float64) / 65535


def error(frames, clean):
    return float(np.sqrt(np.mean(np.square(frames - clean))))


def restore(source, target, less_grain):
    return restore_clip(source, target, treatments=["dirt"], engine="classical", less_grain=less_grain, progress=silent)


def test_grain_goes_as_far_as_it_is_asked_to(source, tmp_path):
    folder, clean = source
    left = {}
    for asked in (50, 100):
        run = restore(folder, tmp_path / f"out{asked}", asked)
        (planned,) = (one for one in run.plan.shots[0].treatments if one.name == "grain")
        assert f"{asked} % less grain was asked for" in planned.why
        left[asked] = error(read(tmp_path / f"out{asked}"), clean)
    before = error(read(folder), clean)
    assert left[100] < left[50] < before
    assert left[50] == pytest.approx((before + left[100]) / 2, rel=0.1)


def test_it_stays_where_nobody_asked(source, tmp_path):
    folder, _ = source
    run = restore(folder, tmp_path / "out", 0)
    assert all(one.name != "grain" for one in run.plan.shots[0].treatments)
    assert np.array_equal(read(tmp_path / "out"), read(folder))


def test_a_network_that_is_not_there_is_said_before_work(source, tmp_path):
    folder, _ = source
    with pytest.raises(ModelError, match="models install ffdnet-colour"):
        restore_clip(folder, tmp_path / "out", treatments=["dirt"], less_grain=50, progress=silent)
    assert not (tmp_path / "out").exists()
