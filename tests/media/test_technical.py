"""Technical metadata: whole, the same wherever the file lies, and by column."""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction

import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.master import write_master
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.sound.flac import encode
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.technical import columns, technical_record
from restoration_tasks.runtime.errors import MediaError
from tests.media.pictures import master, noise
from tests.media.sound import sounds

FMT = PictureFormat(48, 36, "gbrp10le", Fraction(24))


@pytest.fixture
def reel(tmp_path):
    sound = sounds.wave(tmp_path / "a.wav", sounds.sample_bytes(2 * 24_000, 3), 2, 3)
    encode(sound, read_sound(sound), tmp_path / "a.mka")
    part = master(tmp_path / "part.mkv", noise(FMT, 24), FMT)
    write_master([part], tmp_path / "m.mkv", sound=[tmp_path / "a.mka"], timecode="01:00:00:00")
    return tmp_path / "m.mkv"


def test_columns_of_a_master(reel):
    found = columns(technical_record(reel))
    assert (found.container, found.container_version) == ("Matroska", "Version 4")
    assert (found.video_codec, found.width, found.height, found.frames) == ("FFV1", 48, 36, 24)
    assert found.video_codec_version.startswith("Version 3")
    assert (found.fps, found.frame_rate_mode, found.duration_s) == (24.0, "CFR", 1.0)
    assert (found.colour_space, found.video_bit_depth, found.compression_mode) == ("RGB", 10, "Lossless")
    assert (found.scan_type, found.timecode) == ("Progressive", "01:00:00:00")
    assert (found.sound_tracks, found.sound_codec, found.sound_channels) == (1, "FLAC", 2)
    assert (found.sound_rate_hz, found.sound_bit_depth) == (48000, 24)
    assert found.file_bytes == reel.stat().st_size
    assert found.overall_bit_rate == pytest.approx(reel.stat().st_size * 8, rel=0.01)


def test_columns_of_a_copy(reel, tmp_path):
    copies.mezzanine(reel, tmp_path / "m.mov")
    found = columns(technical_record(tmp_path / "m.mov"))
    assert (found.container, found.video_codec, found.chroma_subsampling) == ("MPEG-4", "ProRes", "4:2:2")
    assert (found.colour_primaries, found.transfer_characteristics) == ("BT.709", "BT.709")
    assert found.matrix_coefficients == "BT.709"
    assert found.video_stream_bytes > 1000


def test_columns_of_a_file_without_sound(tmp_path):
    found = columns(technical_record(master(tmp_path / "m.mkv", noise(FMT, 2), FMT)))
    assert (found.sound_tracks, found.sound_codec, found.sound_channels, found.timecode) == (0, None, None, None)


def test_a_record_is_the_same_wherever_and_whenever_the_file_was_written(reel, tmp_path):
    record = technical_record(reel)
    other = tmp_path / "elsewhere" / "other name.mkv"
    other.parent.mkdir()
    shutil.copy(reel, other)
    os.utime(other, (1_000_000_000, 1_000_000_000))
    assert technical_record(other) == record
    text = json.dumps(record)
    assert json.loads(text) == record
    assert str(tmp_path) not in text
    assert [track["track_type"] for track in record["tracks"]] == ["General", "Video", "Audio"]
    assert record["mediainfo"][0].isdigit()


def test_values_that_stand_in_several_or_not_at_all():
    general = {"track_type": "General", "format": "", "duration": "not known"}
    found = columns({"tracks": [general, {"track_type": "Audio", "sampling_rate": "48000 / 24000"}]})
    assert (found.container, found.duration_s, found.width) == (None, None, None)
    assert (found.sound_rate_hz, found.sound_tracks) == (48000, 1)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(MediaError, match="cannot be read"):
        technical_record(tmp_path / "missing.mkv")
