"""A clip that weaves is steadied, files in and files out; one that lies still stays as it is, bit by bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.weave import WeaveGauge, tremble_of
from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.clip import restore_clip
from tests.assessment.glances import panned_wall, window
from tests.assessment.test_weave import SHOT, woven

FRAMES, SHAPE = 24, (160, 240)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))


def treated(frames, tmp_path):
    """What was done to frames `(T, H, W, 3)` of shares, the frames it gave, and those it was given."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(source / f"f_{number:04d}.png"), np.rint(frame * 65535).astype(np.uint16))
    run = restore_clip(source, target, treatments=["stabilise"], engine="classical", progress=silent)
    read = [
        np.stack([cv2.imread(str(folder / f"f_{number:04d}.png"), cv2.IMREAD_UNCHANGED) for number in range(FRAMES)])
        for folder in (target, source)
    ]
    return run, *read


def tremble(codes):
    frames, gauge = (codes / 65535).astype(np.float32), WeaveGauge()
    return tremble_of([gauge.read(window(frames, at, 1)) for at in range(FRAMES)], SHOT.scan).px


def test_what_weaves_lies_still_after(tmp_path):
    frames, _ = woven(panned_wall(FRAMES, SHAPE, (120, 200)), x_px=3.0, y_px=2.0)
    run, after, before = treated(frames, tmp_path)
    (planned,) = run.plan.shots[0].treatments
    assert planned.name == "stabilise"
    assert "weaves in the gate" in planned.why
    assert tremble(before) > 2.5
    assert tremble(after) < 0.1 * tremble(before)


def test_what_lies_still_stays(tmp_path):
    run, after, before = treated(panned_wall(FRAMES, SHAPE, (120, 200)), tmp_path)
    assert run.plan.shots[0].treatments == ()
    assert np.array_equal(after, before)
