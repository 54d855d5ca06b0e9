"""The demo's score tells the gain, and a clean shot that was touched."""

from __future__ import annotations

import shutil
from math import inf

import cv2
import numpy as np
import pytest

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.demo_score import score
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.training.damage import Dirt
from restoration_tasks.training.demo_reel import DemoShot, View, build_demo_reel
from restoration_tasks.training.truth import CLEAN_FILE
from tests.training.wheels import tiny_clip

cv2.setNumThreads(1)
SHOTS = (
    DemoShot(0, 3, View("whole"), (Dirt(area=(0.02, 0.03), seed=2),)),
    DemoShot(3, 6, View("whole")),
    DemoShot(8, 10, View("whole"), (Dirt(area=(0.05, 0.06), seed=2),)),
)


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    clip = tiny_clip(folder / "wheels")
    kept = folder / "cache" / clip.member_sha256[:16]
    kept.mkdir(parents=True)
    shutil.copy(folder / "wheels" / "clip.mkv", kept / "clip.mkv")
    return build_demo_reel("r1", folder, folder / "truth", clip=clip, cache=folder / "cache", shots=SHOTS)


def restored(reel, path, *, half_way=True, touch_clean=False, leave_out=0):
    """A restoration that takes half of the damage away."""
    picture = reel.truth.picture
    pairs = zip(FrameReader(reel.truth_folder / CLEAN_FILE), FrameReader(reel.delivery), strict=True)
    with FrameWriter(path, picture) as writer:
        for index, (clean, damaged) in enumerate(pairs):
            planes = [
                ((c.astype(int) + d) // 2).astype(np.uint16) if half_way else d
                for c, d in zip(clean, damaged, strict=True)
            ]
            if touch_clean and index == 4:
                planes[0][5, 5] ^= 1
            if index < len(reel.truth.frames) - leave_out:
                writer.write(tuple(planes))
    return path


def test_halving_the_error_gains_six_decibels_and_the_clean_shot_is_identical(reel, tmp_path):
    result = score(reel.truth_folder, reel.delivery, restored(reel, tmp_path / "restored.mkv"))
    assert result.gain_db == pytest.approx(6.02, abs=0.1)
    assert result.clean_identical
    assert result.after.ssim > result.before.ssim
    assert result.after.vmaf > result.before.vmaf
    first, clean, last = result.shots
    assert (first.clean, clean.clean, last.clean) == (False, True, False)
    assert clean.before.psnr_db == clean.after.psnr_db == inf
    assert clean.gain_db == 0
    for shot, truth in zip(result.shots, reel.truth.shots, strict=True):
        assert shot.frames == truth.stop - truth.start
        assert shot.before.psnr_db == pytest.approx(truth.input_psnr_db or inf, abs=0.01)
    # pooled over frames, not averaged over shots in decibels
    pooled = -10 * np.log10((3 * 10 ** (-first.before.psnr_db / 10) + 2 * 10 ** (-last.before.psnr_db / 10)) / 5)
    assert result.before.psnr_db == pytest.approx(pooled, abs=0.01)


def test_one_code_in_the_clean_shot_is_found(reel, tmp_path):
    result = score(reel.truth_folder, reel.delivery, restored(reel, tmp_path / "r.mkv", touch_clean=True))
    assert not result.clean_identical
    assert result.shots[1].gain_db == -inf


def test_a_restoration_that_does_nothing_gains_nothing(reel, tmp_path):
    result = score(reel.truth_folder, reel.delivery, restored(reel, tmp_path / "r.mkv", half_way=False))
    assert result.gain_db == 0


def test_another_reel_is_refused(reel, tmp_path):
    with pytest.raises(MediaError, match=r"not the reel the truth belongs to.*expected 8 frames.*found 7 frames"):
        score(reel.truth_folder, reel.delivery, restored(reel, tmp_path / "r.mkv", leave_out=1))
