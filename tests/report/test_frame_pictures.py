"""Single frames as pictures: the right frame, exact differences, and no changed pixel lost in a smaller picture."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import encode_frames
from restoration_tasks.quality.findings import FrameNumber, RuleResult, Severity, Status
from restoration_tasks.report.frame_pictures import damage_png, difference_png, draw, frame_png, worst_frames
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.runtime.errors import MediaError, WrongUse

GREY = PictureFormat(120, 90, "gray10le", Fraction(24))
CHANGED = (45, 61)
"""Row and column of the one pixel that differs, in frame 1, by one code value."""


def masters(folder: Path) -> tuple[Path, Path]:
    before = [np.full((90, 120), 100 + 200 * index, np.uint16) for index in range(3)]
    after = [plane.copy() for plane in before]
    after[1][CHANGED] += 1
    paths = folder / "before.mkv", folder / "after.mkv"
    for path, planes in zip(paths, (before, after), strict=True):
        encode_frames([(plane,) for plane in planes], GREY, path)
    return paths


def shown(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_the_frame_asked_for_is_the_frame_shown(tmp_path: Path) -> None:
    before, _ = masters(tmp_path)
    levels = [int(shown(frame_png(before, frame))[0, 0, 0]) for frame in (2, 0, 1)]
    assert levels == [round(code / 1023 * 255) for code in (500, 100, 300)]
    assert shown(frame_png(before, 0, 60)).shape == (45, 60, 3)
    assert shown(frame_png(before, 0, 1920)).shape == (90, 120, 3)
    for frame in (-1, 3):
        with pytest.raises(WrongUse, match="no such frame"):
            frame_png(before, frame)


def test_one_code_value_in_one_pixel_is_seen_in_every_size(tmp_path: Path) -> None:
    before, after = masters(tmp_path)
    apart = shown(difference_png(before, after, 1, 64))
    assert apart[CHANGED] == 16
    assert np.count_nonzero(apart) == 1
    assert shown(difference_png(before, after, 1, 64, 40)).max() == 16
    assert shown(difference_png(before, after, 0, 64)).max() == 0


def test_masters_of_two_sizes_are_not_compared(tmp_path: Path) -> None:
    before, _ = masters(tmp_path)
    other = tmp_path / "other.mkv"
    encode_frames([(np.zeros((80, 120), np.uint16),)], replace(GREY, height=80), other)
    with pytest.raises(MediaError, match="cannot be compared"):
        difference_png(before, other, 0, 16)


def test_damage_has_a_colour_by_kind_and_is_clear_elsewhere(tmp_path: Path) -> None:
    planes = [np.zeros((90, 120), np.uint8) for _ in range(3)]
    planes[0][10, 10], planes[1][20, 20], planes[2][30, 30] = 255, 200, 128
    planes[0][40, 40] = 127  # less sure than what counts as damaged
    path = tmp_path / "map.mkv"
    encode_frames([DamageMap(*planes).as_frame()], map_format(GREY), path)
    found = shown(damage_png(path, 0))
    assert np.argwhere(found[..., 3]).tolist() == [[10, 10], [20, 20], [30, 30]]
    assert len({tuple(found[place, place]) for place in (10, 20, 30)}) == 3
    assert np.count_nonzero(shown(damage_png(path, 0, 40))[..., 3]) >= 3


def test_a_frame_that_was_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    before, after = masters(tmp_path)
    numbers = [FrameNumber(frame=frame, scan=100 + frame) for frame in (0, 1)]
    drawn = draw(numbers, before, after)
    broken = [
        RuleResult(id=f"fidelity.{place}", severity=Severity.WARN, status=Status.FAILED, sentence="Holds.", worst=worst)
        for place, worst in enumerate([*numbers, FrameNumber(frame=2, scan=102)])
    ]
    assert worst_frames(broken, before, after, drawn) == worst_frames(broken, before, after)
    before.rename(tmp_path / "elsewhere.mkv")
    assert list(worst_frames(broken[:2], before, after, drawn)) == ["fidelity.0", "fidelity.1"]
