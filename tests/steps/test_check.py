"""The check step on real files: a sound reel passes, and each kind of damage to files is refused and named."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.findings import CheckReport, Status
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.spec import StepName
from tests.quality.synthetic import NOTHING_TO_SAY, PICTURE
from tests.steps.tiny_reel import FRAMES, SHOT_FRAMES, tiny_reel


@pytest.fixture
def reel(settings, tmp_path):
    made = tiny_reel(settings, tmp_path)
    made.make_scan()
    made.make_plan()
    return made


def check(reel) -> tuple[object, CheckReport]:
    result = reel.run(StepName.CHECK, reel.check_inputs)
    return result, CheckReport.model_validate_json(reel.read(result, "check"))


def test_a_sound_reel_passes_twice_with_the_same_bytes(reel):
    reel.make_restored()
    result, report = check(reel)
    assert {one.id: one.detail for one in report.results if one.status is not Status.PASSED} == NOTHING_TO_SAY
    assert result.figures["passed"] is True
    assert result.figures["failed_rules"] == []
    assert result.figures["policy_version"].encode() in reel.read(result, "policy")
    measured = result.figures["condition"]
    assert set(measured["before"]) == set(measured["after"]) == {"specks", "flicker", "fade", "weave_px"}
    assert 0 <= measured["after"]["specks"] < measured["before"]["specks"] < 0.1
    page = reel.read(result, "report").decode()
    assert "passed every check" in page
    assert 'class="worst"' not in page
    again = reel.run(StepName.CHECK, reel.check_inputs, fresh=True, execution="t/2")
    assert again.compared.verdict == "agrees"


def test_a_copy_of_the_scan_that_shows_the_restoration_is_refused(reel):
    reel.make_restored()
    copies.access(reel.keep("restoration_master", "restored.mkv"), reel.keep("scan_access", "scan.mp4"))
    reel.register("scan_access", reel.keep("scan_access", "scan.mp4"))
    result, report = check(reel)
    assert result.figures["failed_rules"] == ["copies.scan_access_shows_the_scan"]
    found = next(one for one in report.results if one.id == "copies.scan_access_shows_the_scan")
    # exactly where the two differ by more than coding does: the flickering shot
    assert {one.frame for one in found.frames} >= set(range(2 * SHOT_FRAMES, 3 * SHOT_FRAMES))


def test_a_reel_that_was_changed_has_a_copy_of_its_scan(reel):
    reel.make_restored()
    result = reel.run(StepName.CHECK, [name for name in reel.check_inputs if name != "scan_access"])
    assert {"copies.scan_access_shows_the_scan", "integrity.every_property_read"} <= set(result.figures["failed_rules"])


def test_one_pixel_outside_the_map_is_found_in_the_file(reel):
    frame = reel.frames.restored[SHOT_FRAMES + 1][0].copy()
    frame[70, 1] ^= 1
    reel.frames.restored[SHOT_FRAMES + 1] = (frame,)
    reel.make_restored()
    result, report = check(reel)
    assert result.figures["passed"] is False
    assert result.figures["failed_rules"] == ["integrity.changes_as_recorded", "fidelity.only_damage_changed"]
    assert not report.passed
    assert any("fidelity.only_damage_changed" in text for text in result.warnings)
    # the page shows the frame, and what differs: one code value of 1023, at the place, 16 times as bright
    worst = next(one for one in report.results if one.id == "fidelity.only_damage_changed").worst
    assert worst is not None
    assert worst.frame == SHOT_FRAMES + 1
    page = reel.read(result, "report").decode()
    assert page.count(f"Frame {worst.frame} (scan {worst.scan}), the farthest from this rule") == 2
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)"', page.split('class="worst"')[1])
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown[70, 1] == np.ceil(16 * 255 / 1023)


def test_a_dropped_frame_is_refused(reel):
    reel.frames.restored.pop()
    reel.make_restored()
    result, _ = check(reel)
    assert {"integrity.frame_count", "integrity.every_frame_measured", "integrity.copies"} <= set(
        result.figures["failed_rules"]
    )


def test_a_surplus_frame_is_refused(reel):
    reel.frames.restored.append(reel.frames.restored[-1])
    reel.make_restored()
    result, _ = check(reel)
    assert "integrity.frame_count" in result.figures["failed_rules"]


def test_another_size_is_refused_and_written_not_thrown(reel):
    reel.make_restored()
    small = PictureFormat(width=48, height=36, pix_fmt="gray10le")
    reel.video(
        "restoration_master",
        "small.mkv",
        [(np.full((36, 48), 500, np.uint16),)] * FRAMES,
        fmt=small,
    )
    result, report = check(reel)
    assert {"integrity.size", "integrity.decodes"} <= set(result.figures["failed_rules"])
    assert any("48x36" in one.detail for one in report.results if one.id == "integrity.decodes")


def test_another_depth_and_a_lossy_codec_are_refused(reel):
    reel.make_restored()
    fmt = PictureFormat(width=PICTURE.width, height=PICTURE.height, pix_fmt="gray")
    reel.video(
        "restoration_master",
        "eight.mkv",
        [((frame[0] >> 2).astype(np.uint8),) for frame in reel.frames.restored],
        fmt=fmt,
        options={"c:v": "mjpeg", "f": "matroska"},
    )
    result, _ = check(reel)
    assert {"integrity.bit_depth", "integrity.codec"} <= set(result.figures["failed_rules"])


def test_a_damaged_restored_master_is_a_refusal(reel):
    reel.make_restored()
    path = reel.keep("restoration_master", "restored.mkv")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    reel.keep("restoration_master", "damaged.mkv", bytes(content))
    result, _ = check(reel)
    assert result.figures["passed"] is False
    assert (
        "integrity.every_frame_measured" in result.figures["failed_rules"]
        or "integrity.decodes" in (result.figures["failed_rules"])
    )


def test_a_flipped_source_byte_is_refused_and_the_file_named(reel):
    reel.make_restored()
    victim = sorted((reel.folder / "delivery").iterdir())[7]
    content = bytearray(victim.read_bytes())
    content[5] ^= 1
    victim.write_bytes(bytes(content))
    result, report = check(reel)
    assert result.figures["failed_rules"] == ["integrity.scan_unchanged"]
    found = next(one for one in report.results if one.id == "integrity.scan_unchanged")
    assert found.subjects == (victim.name,)


def test_a_master_that_cannot_be_read_is_an_error_not_a_verdict(reel):
    reel.make_restored()
    content = reel.keep("master", "master.mkv").read_bytes()
    reel.keep("master", "truncated.mkv", content[: len(content) // 2])
    with pytest.raises(MediaError):
        check(reel)


def test_a_copy_that_is_short_is_refused(reel):
    reel.make_restored()
    with FrameWriter(reel.keep("access", "short.mkv"), PICTURE) as writer:
        writer.write(reel.frames.restored[0])
    reel.register("access", reel.keep("access", "short.mkv"))
    result, _ = check(reel)
    assert result.figures["failed_rules"] == [
        "integrity.copies",
        "copies.time",
        "copies.coding",
        "copies.every_frame_compared",
    ]


def test_a_copy_with_two_frames_swapped_is_refused_and_the_frames_named(reel):
    reel.make_restored()
    frames = list(reel.frames.restored)
    frames[2], frames[3] = frames[3], frames[2]
    reel.video("other", "other.mkv", frames)
    copies.access(reel.keep("other", "other.mkv"), reel.keep("access", "swapped.mp4"))
    reel.register("access", reel.keep("access", "swapped.mp4"))
    result, report = check(reel)
    assert "copies.frames_in_order" in result.figures["failed_rules"]
    found = next(one for one in report.results if one.id == "copies.frames_in_order")
    assert [one.frame for one in found.frames] == [2, 3]
