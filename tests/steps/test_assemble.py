"""Assemble: bit-exact joining, the proof of untouched shots, and the copies."""

from __future__ import annotations

import pytest

from restoration_tasks.media import copies, ffmpeg, framemd5
from restoration_tasks.media.join import count_frames
from restoration_tasks.media.master import timecode_of, write_master
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.probe import probe
from restoration_tasks.media.sound import flac
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.sound.tracks import sound_tracks, track_md5
from restoration_tasks.runtime.errors import MediaError, StepFailed
from restoration_tasks.runtime.spec import StepName
from tests.steps.tiny_reel import FRAMES, SEGMENTS, SHOT_FRAMES, tiny_reel

INPUTS = ["master", "framemd5", *(f"segment/{segment.id}" for segment in SEGMENTS)]
PARAMS = {"segments": [segment.as_json() | {"untouched": segment.shot == 1} for segment in SEGMENTS]}


@pytest.fixture
def reel(settings, tmp_path):
    made = tiny_reel(settings, tmp_path)
    made.make_scan()
    made.make_segments()
    return made


def test_the_restored_master_is_every_segment_bit_by_bit_and_the_copies_are_whole(reel, tmp_path):
    result = reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS)
    paths = {output.name: reel.vault.path(output.uri) for output in result.outputs}
    assert set(paths) == {"restoration_master", "restored_framemd5", "mezzanine", "access", "comparison", "scan_access"}
    expected = tuple(frame_md5(frame) for frame in reel.frames.restored)
    assert framemd5.compute(paths["restoration_master"]) == expected
    assert framemd5.read(paths["restored_framemd5"]) == expected
    assert expected[:SHOT_FRAMES] == tuple(reel.frames.recorded[:SHOT_FRAMES])
    for name in ("mezzanine", "access", "comparison", "scan_access"):
        assert count_frames(paths[name]) == FRAMES
    assert probe(paths["mezzanine"]).codec == "ProRes"
    assert probe(paths["access"]).codec == probe(paths["scan_access"]).codec == "AVC"
    copies.access(reel.keep("master", "master.mkv"), tmp_path / "scan.mp4")
    assert paths["scan_access"].read_bytes() == (tmp_path / "scan.mp4").read_bytes(), "made by the same recipe"
    assert result.figures == {"frames": FRAMES, "sound_tracks": 0, "frames_changed": 2 * SHOT_FRAMES}

    again = reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS, fresh=True, execution="t/2")
    assert again.compared.verdict == "agrees"


def test_the_sound_of_the_scan_goes_with_the_restored_picture(reel, tmp_path):
    wave = tmp_path / "sound.wav"
    tone = ffmpeg.graph.input("sine=frequency=440:sample_rate=48000:duration=1", f="lavfi")
    ffmpeg.run(tone.output(ffmpeg.file_url(wave), **{"c:a": "pcm_s24le"}), about=wave)
    flac.encode(wave, read_sound(wave), tmp_path / "sound.mka")
    master = reel.keep("master", "master.mkv")
    write_master([master], tmp_path / "with-sound.mkv", sound=[tmp_path / "sound.mka"], timecode="01:00:00:00")
    reel.keep("master", "with-sound.mkv", (tmp_path / "with-sound.mkv").read_bytes())

    result = reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS)
    paths = {output.name: reel.vault.path(output.uri) for output in result.outputs}
    assert result.figures["sound_tracks"] == 1
    assert track_md5(paths["restoration_master"]) == track_md5(tmp_path / "with-sound.mkv")
    assert timecode_of(paths["restoration_master"]) == "01:00:00:00"
    codecs = {
        name: [track.codec for track in sound_tracks(paths[name])] for name in ("mezzanine", "access", "scan_access")
    }
    assert codecs == {"mezzanine": ["PCM"], "access": ["AAC"], "scan_access": []}
    again = reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS, fresh=True, execution="t/2")
    assert again.compared.verdict == "agrees"


def test_where_nothing_changed_the_scan_has_no_copy_of_its_own(reel):
    for segment in SEGMENTS:
        reel.video(
            f"segment/{segment.id}", f"segments/same-{segment.id}.mkv", reel.frames.scan[segment.start : segment.stop]
        )
    result = reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS)
    assert {one.name for one in result.outputs} == {
        "restoration_master", "restored_framemd5", "mezzanine", "access", "comparison",
    }  # fmt: skip
    assert result.figures["frames_changed"] == 0


def test_an_untouched_segment_that_was_changed_is_refused(reel):
    reel.frames.restored[3] = reel.frames.restored[2]
    segment = SEGMENTS[0]
    reel.video(f"segment/{segment.id}", "segments/spoilt.mkv", reel.frames.restored[segment.start : segment.stop])
    with pytest.raises(MediaError, match=r"s001-01 was not to be touched.*frame 3|frame 3.*s001-01 was not to be"):
        reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS)


def test_a_segment_short_of_a_frame_is_refused(reel):
    segment = SEGMENTS[1]
    reel.video(f"segment/{segment.id}", "segments/short.mkv", reel.frames.restored[segment.start : segment.stop - 1])
    with pytest.raises(MediaError, match="not as many frames as the scan"):
        reel.run(StepName.ASSEMBLE, INPUTS, params=PARAMS)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_segments_that_leave_a_gap_are_refused(reel, missing):
    kept = [one for place, one in enumerate(PARAMS["segments"]) if place != missing]
    with pytest.raises(StepFailed, match=r"does not follow|do not cover"):
        reel.run(StepName.ASSEMBLE, INPUTS, params={"segments": kept})
