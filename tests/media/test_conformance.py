"""Every kind of master passes MediaConch's implementation checks; what fails, or was not checked, never passes."""

from __future__ import annotations

import stat
from fractions import Fraction

import pytest

from restoration_tasks.media import conformance
from restoration_tasks.media.conformance import FailedCheck, check
from restoration_tasks.media.master import carry_sound, write_master
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat
from restoration_tasks.media.sound.flac import encode
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.runtime.errors import MediaError
from tests.media.pictures import master, noise
from tests.media.sound import sounds


@pytest.fixture(autouse=True)
def mediaconch():
    """The real MediaConch."""
    assert conformance.available(), "MediaConch is needed: docker/debian-tools.sh mediaconch (make test does it)"


KINDS = {
    "rgb 8": PictureFormat(48, 36, "gbrp"),
    "rgb 10 log": PictureFormat(97, 73, "gbrp10le", Fraction(24000, 1001), PRINTING_DENSITY),
    "rgb 16": PictureFormat(64, 48, "gbrp16le", Fraction(16)),
    "rgb 10, sixteen slices": PictureFormat(720, 405, "gbrp10le"),
    "grey 8": PictureFormat(37, 33, "gray", Fraction(18)),
    "grey 16": PictureFormat(48, 36, "gray16le"),
    "with opacity, 16": PictureFormat(48, 36, "gbrap16le"),
    "with opacity, 10": PictureFormat(41, 33, "gbrap10le"),
    "yuv 4:2:2": PictureFormat(48, 36, "yuv422p10le", Fraction(25), "bt709", "bt709", "bt709", False),
    "yuv 4:2:0 odd": PictureFormat(37, 33, "yuv420p"),
    "one pixel": PictureFormat(1, 1, "gray10le"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_master_passes(tmp_path, kind):
    fmt = KINDS[kind]
    sound = sounds.wave(tmp_path / "a.wav", sounds.sample_bytes(2 * 20_000, 3), 2, 3)
    encode(sound, read_sound(sound), tmp_path / "a.mka")
    part = master(tmp_path / "part.mkv", noise(fmt, 3), fmt)
    write_master([part, part], tmp_path / "silent.mkv")
    write_master(
        [part] * 2, tmp_path / "m.mkv", sound=[tmp_path / "a.mka"] * 2, tags={"TITLE": "Ü"}, timecode="01:00:00:00"
    )
    carry_sound(tmp_path / "m.mkv", part, tmp_path / "carried.mkv")
    for name in ("silent", "m", "carried"):
        report = check(tmp_path / f"{name}.mkv")
        assert report.failures == ()
        assert report.passed
        assert report.checkers == ("EBML", "FFV1")
        assert report.checks > 100
        assert report.tool.startswith("MediaConch 2")
    assert check(tmp_path / "m.mkv").unchecked == ("FLAC as found in Audio track #1", "FLAC as found in Audio track #2")


@pytest.fixture
def good(tmp_path):
    fmt = PictureFormat(48, 36, "gbrp10le")
    return master(tmp_path / "good.mkv", noise(fmt, 12), fmt)


def test_a_cut_off_and_a_damaged_file_fail_with_mediaconchs_words(tmp_path, good):
    raw = good.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(raw[: len(raw) // 2])
    cut = check(tmp_path / "cut.mkv")
    assert not cut.passed
    assert "TRUNCATED-ELEMENT" in {failure.rule for failure in cut.failures}
    damaged = bytearray(raw)
    damaged[raw.index(b"V_FFV1") + 400] ^= 4
    (tmp_path / "bad.mkv").write_bytes(damaged)
    report = check(tmp_path / "bad.mkv")
    assert not report.passed
    crc = next(failure for failure in report.failures if failure.rule == "EBML-CRC-VALID")
    assert crc.reason == "A crc evaluation gives a result of NOK."
    assert "at byte" in str(crc)


@pytest.mark.parametrize("name", ["-v.mkv", "http:a.mkv", "%03d [1] <&>.mkv", "ü\nnew.mkv"])
def test_hostile_names_are_but_names(tmp_path, good, name):
    good.rename(tmp_path / name)
    report = check(tmp_path / name)
    assert (report.file, report.passed) == (name, True)


def test_what_was_not_checked_does_not_pass(tmp_path):
    sound = check(sounds.wave(tmp_path / "a.wav", sounds.sample_bytes(200, 2)))
    assert not sound.passed
    (tmp_path / "a.mkv").write_bytes(b"not a video" * 100)
    none = check(tmp_path / "a.mkv")
    assert (none.checked, none.passed) == (False, False)
    assert none.failures == (FailedCheck("EBML-NOT-CHECKED", "MediaConch found nothing to check", ""),)
    with pytest.raises(MediaError, match="cannot be read"):
        check(tmp_path / "missing.mkv")


def test_without_mediaconch_nothing_passes(good, monkeypatch):
    monkeypatch.setenv("REELKEEPER_MEDIACONCH", "/no/such/program")
    assert not conformance.available()
    report = check(good)
    assert (report.tool, report.checked, report.passed) == (None, False, False)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ("echo 'it broke' >&2; exit 3", "it broke"),
        ("echo '<a><b></a>'", "mismatched tag"),
        ("echo '<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>'", "an answer with a document type"),
    ],
)
def test_an_answer_that_is_not_understood_is_an_error(tmp_path, good, monkeypatch, answers, says):
    program = tmp_path / "mediaconch"
    program.write_text(f'#!/bin/sh\n[ "$1" = --Version ] && exec echo "MediaConch 99"\n{answers}\n')
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("REELKEEPER_MEDIACONCH", str(program))
    with pytest.raises(MediaError, match=f"did not check the file: .*{says}"):
        check(good)


def test_nothing_is_left_in_the_home_folder(tmp_path, good, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert check(good).passed
    assert not (tmp_path / "home").exists()
