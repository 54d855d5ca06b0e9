"""Copies of reels of every kind: what the master holds comes out, and frame files only where they can be made again."""

from __future__ import annotations

import pytest

from restoration_tasks.media import ffmpeg, framemd5
from restoration_tasks.media.sound.tracks import sound_tracks
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.revert import look
from tests.media.pictures import delivery, sign
from tests.steps.revert.reels import plan_of, taken_in
from tests.steps.scans import FRAMES, KEPT_WHOLE, SCANS

pytestmark = pytest.mark.timeout(120)


def untreated(found, segments, target, shots=(1, 2)):
    plan = plan_of(found.way.reel_id, segments, [()] * len(segments))
    return look.Copy(found, plan, frozenset(shots), target)


@pytest.mark.parametrize(
    "kind",
    ["dpx 8 rgb", "dpx 10 rgb packed", "dpx 16 luma", "tiff 16 rgb", "tiff 16 rgb lzw", "exr half", "png 16 rgb"],
)
def test_a_copy_with_everything_off_is_the_scan(settings, tmp_path, kind):
    scanned = SCANS[kind](tmp_path / "delivery")
    found, segments = taken_in(settings, "reel-1", scanned, [(0, 2), (2, FRAMES)])
    proof = look.write(untreated(found, segments, tmp_path / "copy.mkv"), silent)
    assert proof.equal == {1: 2, 2: FRAMES - 2}
    assert framemd5.compute(tmp_path / "copy.mkv") == found.framemd5
    # a master of floating point holds stretched codes; what ingest recorded are theirs
    assert kind == "exr half" or found.framemd5 == framemd5.compute(scanned)
    frames = untreated(found, segments, tmp_path / "frames", shots=(2,))
    if kind in KEPT_WHOLE:
        with pytest.raises(WrongUse, match=r"frame files cannot be made of this reel.*name ending in \.mkv"):
            look.write(frames, silent)
        return
    look.write(frames, silent)
    delivered = sorted(path for path in scanned.iterdir() if path.suffix in (".dpx", ".tif"))[2:]
    made = sorted((tmp_path / "frames").iterdir())
    assert [(path.name, path.read_bytes()) for path in made] == [(path.name, path.read_bytes()) for path in delivered]


def test_a_frame_that_stands_in_has_the_name_of_the_missing_one(settings, tmp_path):
    scanned = delivery(tmp_path / "delivery", 6)
    third = sorted(scanned.glob("*.dpx"))[2]
    third.unlink()
    sign(scanned, "*.dpx")
    number = int(third.stem[-7:])
    waivers = [{"finding": f"missing-frames:{number}", "reason": "burnt in 1967"}]
    found, segments = taken_in(settings, "reel-1", scanned, [(0, 3), (3, 6)], waivers=waivers)
    look.write(untreated(found, segments, tmp_path / "frames"), silent)
    made = sorted((tmp_path / "frames").iterdir())
    assert len(made) == 6
    assert made[2].name == third.name
    assert made[2].read_bytes() == made[1].read_bytes()


def test_the_whole_reel_has_its_sound_and_some_shots_have_none(settings, tmp_path):
    scanned = delivery(tmp_path / "delivery", 6)
    tone = ffmpeg.graph.input("sine=frequency=440:duration=0.25", f="lavfi")
    ffmpeg.run(ffmpeg.graph.output(tone, ffmpeg.file_url(scanned / "sound.wav")), about=scanned)
    sign(scanned, "*.dpx", "*.wav")
    found, segments = taken_in(settings, "reel-1", scanned, [(0, 3), (3, 6)])
    look.write(untreated(found, segments, tmp_path / "whole.mkv"), silent)
    look.write(untreated(found, segments, tmp_path / "one.mkv", shots=(2,)), silent)
    assert len(sound_tracks(tmp_path / "whole.mkv")) == 1
    assert framemd5.compute(tmp_path / "whole.mkv") == framemd5.compute(scanned)
    assert sound_tracks(tmp_path / "one.mkv") == ()


def test_of_a_delivered_video_no_frame_files_can_be_made(settings, tmp_path):
    scanned = tmp_path / "delivery"
    scanned.mkdir()
    picture = ffmpeg.graph.input("testsrc2=size=64x48:rate=24:duration=0.25", f="lavfi")
    ffmpeg.run(
        ffmpeg.graph.output(picture, ffmpeg.file_url(scanned / "reel.mkv"), **{"c:v": "ffv1", "level": 3}),
        about=scanned,
    )
    sign(scanned, "*.mkv")
    found, segments = taken_in(settings, "reel-1", scanned, [(0, 2), (2, 6)])
    with pytest.raises(WrongUse, match=r"expected a delivery of DPX or uncompressed TIFF, found a video"):
        look.write(untreated(found, segments, tmp_path / "frames"), silent)
    assert look.write(untreated(found, segments, tmp_path / "copy.mkv"), silent).equal == {1: 2, 2: 4}
