"""`reelkeeper clip`: frames keep names, headers and, where nothing was wrong, their very bytes."""

from __future__ import annotations

import dataclasses
import json

import cv2

from restoration_tasks.media.stills.dpx_header import PARSED_BYTES, parse_header
from restoration_tasks.media.stills.process_history import history_of
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT, SHOTS


def read_header(path):
    raw = path.read_bytes()
    return parse_header(raw[:PARSED_BYTES], file_bytes=len(raw), name=path.name)


def test_a_folder_of_dpx_frames(archive, reel, tmp_path):
    target, masks, report = tmp_path / "out", tmp_path / "masks", tmp_path / "report.json"
    done = archive.run("clip", reel.delivery, target, "--masks", masks, "--report", report)
    assert done.returncode == 0, done.stderr
    delivered = sorted(reel.delivery.glob("*.dpx"))
    written = sorted(target.iterdir())
    assert [path.name for path in written] == [path.name for path in delivered]
    same = [old.read_bytes() == new.read_bytes() for old, new in zip(delivered, written, strict=True)]
    shots = [same[start : start + FRAMES_A_SHOT] for start in range(0, len(same), FRAMES_A_SHOT)]
    assert [all(shot) for shot in shots] == [number == CLEAN_SHOT for number in range(1, SHOTS + 1)]
    for old, new, kept in zip(delivered, written, same, strict=True):
        before, after = read_header(old), read_header(new)
        moved = dict.fromkeys(("offset", "stated_offset", "stated_bytes", "user_bytes", "user_id", "stride"))
        fields = [field.name for field in dataclasses.fields(before) if field.name not in moved]
        assert all(getattr(before, name) == getattr(after, name) for name in fields), "headers changed"
        history = [str(line) for line in history_of(new.read_bytes(), after)]
        assert history == (
            [] if kept else ["W=10-bit, T=Reelkeeper 0.1.0; dirt; scratches; stains; tears; stabilise; flicker; fade"]
        )
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(masks.iterdir())]
    assert len(found) == len(delivered)
    assert any(picture.any() for picture in found)
    content = json.loads(report.read_text())
    assert [len(shot["treatments"]) > 0 for shot in content["plan"]["shots"]] == [not all(shot) for shot in shots]
    assert all(frame["outside_map_px"] == 0 for frame in content["frames"])


def test_with_no_treatment_a_video_comes_out_with_the_same_pictures(archive, reel, tmp_path):
    from restoration_tasks.media import framemd5

    lossless, again = tmp_path / "a.mkv", tmp_path / "b.mkv"
    assert archive.run("clip", reel.delivery, lossless, "--treat", "").returncode == 0
    done = archive.run("clip", lossless, again, "--treat", "")
    assert done.returncode == 0, done.stderr
    assert "0 of 30 frames changed" in done.stdout
    assert framemd5.compute(again) == framemd5.compute(lossless)


def test_a_target_that_is_the_source_or_cannot_be_is_wrong_use(archive, reel, tmp_path):
    for target in (reel.delivery, tmp_path / "out.gif"):
        done = archive.run("clip", reel.delivery, target)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
