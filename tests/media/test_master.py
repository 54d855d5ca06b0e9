"""A master with sound holds exactly its parts and its tracks, repeats byte for byte, and reads like one without."""

from __future__ import annotations

import shutil
from fractions import Fraction

import pytest

from restoration_tasks.media import copies, framemd5, join
from restoration_tasks.media.master import carry_sound, timecode_of, write_master
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat
from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sound.flac import encode
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.sound.rebuild import remainder_of, require_rebuilds
from restoration_tasks.media.sound.tracks import sound_tracks, track_md5
from restoration_tasks.runtime.errors import MediaError, WrongUse
from tests.media.pictures import master, noise, same
from tests.media.sound import sounds

RGB = PictureFormat(48, 36, "gbrp10le", Fraction(24000, 1001), PRINTING_DENSITY)
TAGS = {"TITLE": "Reel 4 = Ü", "REEL_NAME": "r-004"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A master of 78 frames (3.25 s) with a track shorter and a track longer than the picture, and what it is of."""
    folder = tmp_path_factory.mktemp("master")
    frames = noise(RGB, 78)
    parts, start = [], 0
    for number, length in enumerate((31, 1, 46)):
        parts.append(master(folder / f"part {number}'%d.mkv", frames[start : start + length], RGB))
        start += length
    delivered = [
        sounds.wave(folder / "left %d.wav", sounds.sample_bytes(60_000, 3), 1, 3, before=[sounds.bext()]),
        sounds.aiff(folder / "right.aif", sounds.sample_bytes(2 * 200_000, 2)),
    ]
    tracks, remainders = [], []
    for path in delivered:
        tracks.append(folder / f"{path.stem}.mka")
        md5 = encode(path, read_sound(path), tracks[-1])
        remainders.append(remainder_of(path, read_sound(path), md5))
    out = folder / "master.mkv"
    write_master(parts, out, sound=tracks, tags=TAGS, timecode="01:00:00:12")
    write_master(parts, out.with_name("unread.mkv"), sound=tracks, tags=TAGS, timecode="01:00:00:12", proved_later=True)
    assert out.with_name("unread.mkv").read_bytes() == out.read_bytes()
    assert join.count_frames(out) == 78
    return out, frames, parts, tracks, remainders


def test_the_picture_reads_as_it_does_without_sound(whole, tmp_path):
    path, frames, parts, _, _ = whole
    assert probe(path).format == RGB
    assert (probe(path).frames, probe(path).intra_only) == (78, True)
    assert same(list(FrameReader(path)), frames)
    for start in (0, 1, 30, 31, 32, 47, 77):
        assert same(list(FrameReader(path, RGB, start, 1)), frames[start : start + 1])
    join.join(parts, tmp_path / "silent.mkv")
    assert framemd5.compute(path) == framemd5.compute(tmp_path / "silent.mkv")
    assert join.coded_stream(path) == join.coded_stream(tmp_path / "silent.mkv")


def test_cuts_joins_and_copies_of_a_master_with_sound(whole, tmp_path):
    path, frames, _, _, _ = whole
    for number, (start, stop) in enumerate(((0, 11), (11, 47), (47, 78))):
        join.cut(path, start, stop, tmp_path / f"{number}.mkv")
        assert same(list(FrameReader(tmp_path / f"{number}.mkv")), frames[start:stop])
    join.join([path, tmp_path / "1.mkv"], tmp_path / "joined.mkv")
    assert same(list(FrameReader(tmp_path / "joined.mkv")), frames + frames[11:47])
    copies.access(path, tmp_path / "access.mp4")
    assert probe(tmp_path / "access.mp4").frames == 78


def test_each_sound_track_gives_back_its_delivered_file(whole):
    path, _, _, tracks, remainders = whole
    assert [track.title for track in sound_tracks(path)] == ["left %d.wav", "right.aif"]
    assert [track.codec for track in sound_tracks(path)] == ["FLAC", "FLAC"]
    for index, (track, remainder) in enumerate(zip(tracks, remainders, strict=True)):
        assert track_md5(path, index) == track_md5(track) == remainder.pcm_md5
        require_rebuilds(remainder, path, index)


def test_tags_and_timecode_are_there_and_nothing_else(whole):
    path = whole[0]
    general = technical_metadata(path)[0]
    assert (general["title"], general["reel_name"]) == ("Reel 4 = Ü", "r-004")
    assert timecode_of(path) == "01:00:00:12"
    assert general["format_version"] == "Version 4"
    raw = path.read_bytes()
    for unwanted in (b"ENCODER", b"Lavf6", b"Lavc", b"DATE"):
        assert unwanted not in raw


def test_the_bytes_repeat(whole, tmp_path):
    path, _, parts, tracks, _ = whole
    copied = [shutil.copy(part, tmp_path / f"other{number}.mkv") for number, part in enumerate(parts)]
    write_master(copied, tmp_path / "again.mkv", sound=tracks, tags=TAGS, timecode="01:00:00:12")
    assert (tmp_path / "again.mkv").read_bytes() == path.read_bytes()


def test_sound_is_carried_to_another_picture(whole, tmp_path):
    path, _, _, _, remainders = whole
    other = noise(RGB, 78, seed=9)
    video = master(tmp_path / "restored.mkv", other, RGB)
    assert carry_sound(path, video, tmp_path / "out.mkv", tags={"TITLE": "restored"}) == 2
    assert same(list(FrameReader(tmp_path / "out.mkv")), other)
    assert sound_tracks(tmp_path / "out.mkv") == sound_tracks(path)
    assert timecode_of(tmp_path / "out.mkv") == "01:00:00:12"
    assert technical_metadata(tmp_path / "out.mkv")[0]["title"] == "restored"
    for index, remainder in enumerate(remainders):
        require_rebuilds(remainder, tmp_path / "out.mkv", index)
    assert carry_sound(video, video, tmp_path / "silent.mkv") == 0
    assert same(list(FrameReader(tmp_path / "silent.mkv")), other)
    assert probe(tmp_path / "silent.mkv").format == RGB


def test_a_master_with_sound_that_is_cut_off_or_has_a_flipped_bit_is_refused(whole, tmp_path):
    path = whole[0]
    raw = path.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(raw[: len(raw) * 2 // 3])
    with pytest.raises(MediaError, match=r"cut\.mkv"):
        carry_sound(tmp_path / "cut.mkv", path, tmp_path / "out.mkv")
    with pytest.raises(MediaError, match=r"cut\.mkv"):
        framemd5.compute(tmp_path / "cut.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_what_goes_in_otherwise_than_it_came_out_is_noticed(whole, tmp_path, monkeypatch):
    from restoration_tasks.media import master as module

    _, _, parts, tracks, _ = whole
    true = module._mux

    def short(streams, *others):
        true(streams, *others)
        join.cut(others[0], 0, 77, tmp_path / "short.mkv")
        carry_sound(others[0], tmp_path / "short.mkv", tmp_path / "shorter.mkv")
        shutil.copy(tmp_path / "shorter.mkv", others[0])

    calls = []
    monkeypatch.setattr(module, "_mux", lambda *given: calls.append(1) or (short if len(calls) == 1 else true)(*given))
    with pytest.raises(MediaError, match=r"frame 77.*not hold exactly.*expected 78 frames, found 77"):
        write_master(parts, tmp_path / "m.mkv", sound=tracks)
    assert not (tmp_path / "m.mkv").exists()


@pytest.mark.parametrize("tags", [{"title": "x"}, {"A B": "x"}, {"ENCODER": "x"}, {"TITLE": " "}, {"TIMECODE": "x"}])
def test_tags_that_cannot_be_written_are_refused(whole, tmp_path, tags):
    with pytest.raises(WrongUse, match="tag cannot be written"):
        write_master(whole[2], tmp_path / "m.mkv", tags=tags)


@pytest.mark.parametrize("timecode", ["", "1:00:00:00", "24:00:00:00", "01:60:00:00", "01:00:00.00", "01:00:00:00\n"])
def test_what_is_no_timecode_is_refused(whole, tmp_path, timecode):
    with pytest.raises(WrongUse, match="no timecode"):
        write_master(whole[2], tmp_path / "m.mkv", timecode=timecode)


def test_a_sound_file_that_is_no_flac_track_is_refused(whole, tmp_path):
    _, _, parts, _, _ = whole
    path = sounds.wave(tmp_path / "a.wav", sounds.sample_bytes(200, 2))
    for wrong in (path, parts[0]):
        with pytest.raises(WrongUse, match="one FLAC track"):
            write_master(parts, tmp_path / "m.mkv", sound=[wrong])
    with pytest.raises(WrongUse, match="nothing to join"):
        write_master([], tmp_path / "m.mkv")
