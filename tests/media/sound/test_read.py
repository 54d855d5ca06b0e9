"""Headers of every kind of sound file are read as they were written; what cannot be read is refused in clear words."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import pytest

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.sound.header import SampleCoding, SampleLayout, SoundContainer, why_not_flac
from restoration_tasks.media.sound.pcm import delivered_blocks, to_canonical
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.runtime.errors import DeliveryError, VaultError
from tests.media.sound import sounds

INTEGER, FLOAT = SampleCoding.INTEGER, SampleCoding.FLOAT


def by_ffmpeg(path, form):
    """The samples as another reader finds them."""
    command = [ffmpeg.binary(), "-v", "error", "-i", str(path), "-f", form, "-c:a", f"pcm_{form}", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def raw_bytes(path):
    return b"".join(delivered_blocks(path, read_sound(path)))


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize(("width", "coding"), [(1, INTEGER), (2, INTEGER), (3, INTEGER), (4, FLOAT), (8, FLOAT)])
def test_wave_of_every_depth_and_number_of_channels(tmp_path, channels, width, coding):
    samples = sounds.sample_bytes(17 * channels, width)
    form = sounds.fmt(channels, width, tag=3 if coding is FLOAT else 1)
    path = sounds.wave(tmp_path / "a.wav", samples, form=form)
    header = read_sound(path)
    assert (header.name, header.container) == ("a.wav", SoundContainer.WAVE)
    assert header.layout == SampleLayout(coding, width, big_endian=False, signed=width > 1)
    assert (header.bits, header.channels, header.rate_hz, header.samples) == (width * 8, channels, 48000, 17)
    assert header.duration_s == Fraction(17, 48000)
    assert raw_bytes(path) == samples
    assert (why_not_flac(header) is None) == (coding is INTEGER)


@pytest.mark.parametrize(
    ("make", "container", "big"),
    [
        (lambda p, s: sounds.wave(p, s, big=True), SoundContainer.RIFX, True),
        (sounds.rf64, SoundContainer.RF64, False),
        (lambda p, s: sounds.rf64(p, s, magic=b"BW64"), SoundContainer.BW64, False),
        (sounds.wave64, SoundContainer.WAVE64, False),
        (sounds.aiff, SoundContainer.AIFF, True),
        (lambda p, s: sounds.aiff(p, s, code=b"sowt"), SoundContainer.AIFC, False),
        (lambda p, s: sounds.aiff(p, s, code=b"twos", offset=4), SoundContainer.AIFC, True),
    ],
)
def test_every_container_gives_the_samples_that_ffmpeg_finds(tmp_path, make, container, big):
    samples = sounds.sample_bytes(2 * 101, 2)
    path = make(tmp_path / "a.snd", samples)
    header = read_sound(path)
    assert (header.container, header.layout.big_endian, header.samples) == (container, big, 101)
    assert raw_bytes(path) == samples
    if container not in (SoundContainer.RIFX, SoundContainer.BW64):
        assert to_canonical(samples, header.layout) == by_ffmpeg(path, "s16le")


@pytest.mark.parametrize(
    ("code", "width", "layout"),
    [
        (b"NONE", 3, SampleLayout(INTEGER, 3, True, True)),
        (b"in24", 3, SampleLayout(INTEGER, 3, True, True)),
        (b"in32", 4, SampleLayout(INTEGER, 4, True, True)),
        (b"fl32", 4, SampleLayout(FLOAT, 4, True, True)),
        (b"FL64", 8, SampleLayout(FLOAT, 8, True, True)),
        (b"raw ", 1, SampleLayout(INTEGER, 1, True, False)),
        (b"sowt", 1, SampleLayout(INTEGER, 1, False, True)),
    ],
)
def test_aiff_c_codes(tmp_path, code, width, layout):
    samples = sounds.sample_bytes(2 * 9, width)
    header = read_sound(sounds.aiff(tmp_path / "a.aifc", samples, width=width, code=code))
    assert (header.layout, header.samples) == (layout, 9)


def test_bits_smaller_than_their_word(tmp_path):
    samples = sounds.sample_bytes(8, 3)
    path = sounds.wave(tmp_path / "a.wav", samples, form=sounds.extensible(2, 3, 20))
    assert (read_sound(path).bits, read_sound(path).layout.sample_bytes) == (20, 3)
    assert (read_sound(sounds.aiff(tmp_path / "a.aif", samples, width=3, bits=20)).bits) == 20
    deep = read_sound(sounds.wave(tmp_path / "b.wav", sounds.sample_bytes(4, 8), width=8))
    assert (deep.bits, deep.layout.coding) == (64, INTEGER)
    assert "64-bit integers" in why_not_flac(deep)


def test_what_the_recorder_wrote_down(tmp_path):
    ixml = sounds.chunk(b"iXML", "<BWFXML><SCENE>Ä 4</SCENE></BWFXML>".encode())
    junk = sounds.chunk(b"JUNK", bytes(1001))
    path = sounds.wave(tmp_path / "a.wav", bytes(400), before=[sounds.bext(), junk], after=[ixml])
    said = read_sound(path).recording
    assert (said.description, said.originator, said.originator_reference) == ("Reel 4", "Sondor", "REF-1")
    assert said.originated == "2026-03-01 14:05:00"
    assert said.coding_history == "A=PCM,F=48000"
    assert "Ä 4" in said.ixml
    assert read_sound(path).time_reference_s == 3600
    named = sounds.aiff(tmp_path / "a.aif", bytes(40), before=[sounds.chunk(b"NAME", b"Reel 5", big=True)])
    assert read_sound(named).recording.description == "Reel 5"
    assert read_sound(named).time_reference_s is None


def test_a_time_reference_beyond_32_bit(tmp_path):
    late = (1 << 32) + 480  # reached after 12 hours at 96 kHz
    for big in (False, True):
        raw = sounds.bext(time_reference=late)
        if big:
            body = bytearray(raw[8:])
            body[338:346] = (late & 0xFFFFFFFF).to_bytes(4, "big") + (late >> 32).to_bytes(4, "big")
            raw = sounds.chunk(b"bext", bytes(body), big=True)
        path = sounds.wave(tmp_path / "a.wav", bytes(400), rate=96000, before=[raw], big=big)
        assert read_sound(path).recording.time_reference_samples == late


def test_bytes_after_the_end_are_counted_but_are_no_sound(tmp_path):
    header = read_sound(sounds.wave(tmp_path / "a.wav", bytes(400), trailing=b"TRAILER!"))
    assert (header.trailing_bytes, header.samples) == (8, 100)


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    return path


def with_bytes(path, place, new):
    raw = bytearray(path.read_bytes())
    raw[place : place + len(new)] = new
    path.write_bytes(raw)
    return path


SOUND = sounds.sample_bytes(400, 2)

FAULTS = {
    "empty": (lambda p: p.write_bytes(b""), r"sound file is empty"),
    "no sound file": (lambda p: p.write_bytes(b"ID3 an mp3 file, say"), r"no sound file that Reelkeeper reads"),
    "truncated wave": (lambda p: cut(sounds.wave(p, SOUND), 500), r"ends before its sound does \(expected 844 bytes"),
    "truncated aiff": (lambda p: cut(sounds.aiff(p, SOUND), 500), r"ends before its sound does .*found 500 bytes"),
    "truncated rf64": (lambda p: cut(sounds.rf64(p, SOUND), 500), r"ends before its sound does"),
    "truncated in its head": (lambda p: cut(sounds.wave(p, SOUND), 30), r"no fmt chunk|ends before"),
    "aiff with fewer samples than it says": (lambda p: sounds.aiff(p, SOUND, frames=999), r"ends before its sound"),
    "recorder stopped, 0": (lambda p: sounds.wave(p, SOUND, data_stated=0), r"never finished.*found 0, with 800 bytes"),
    "recorder stopped, -1": (lambda p: sounds.wave(p, SOUND, data_stated=0xFFFFFFFF), r"never finished.*found -1"),
    "recorder stopped, rf64": (lambda p: with_bytes(sounds.rf64(p, SOUND), 28, bytes(8)), r"never finished"),
    "recorder stopped, aiff": (lambda p: sounds.aiff(p, SOUND, ssnd_stated=0), r"never finished"),
    "recorder stopped, no count": (lambda p: sounds.aiff(p, SOUND, frames=0), r"never finished.*found 0 samples"),
    "no samples": (lambda p: sounds.wave(p, b""), r"holds no sound"),
    "less than a sample": (lambda p: sounds.wave(p, b"\1\2\3"), r"holds no sound"),
    "no samples, aiff": (lambda p: sounds.aiff(p, b""), r"holds no sound"),
    "a-law": (lambda p: sounds.wave(p, SOUND, form=sounds.fmt(2, 1, tag=6)), r"expected integer or .*found A-law"),
    "mp3": (lambda p: sounds.wave(p, SOUND, form=sounds.fmt(2, 2, tag=0x55)), r"found MP3"),
    "unknown": (lambda p: sounds.wave(p, SOUND, form=sounds.extensible(2, 2, 16, tag=0x1234)), r"coding number 4660"),
    "aiff-c compressed": (lambda p: sounds.aiff(p, SOUND, code=b"ima4"), r"AIFF-C coding 'ima4'"),
    "nine channels": (lambda p: sounds.wave(p, SOUND, form=sounds.fmt(9, 2)), r"9 channels at 48000 Hz are not poss"),
    "no rate": (lambda p: sounds.wave(p, SOUND, form=sounds.fmt(2, 2, rate=0)), r"2 channels at 0 Hz"),
    "impossible rate": (lambda p: with_bytes(sounds.aiff(p, SOUND), 28, b"\x7f\xff"), r"no possible rate"),
    "huge rate": (lambda p: with_bytes(sounds.aiff(p, SOUND), 28, b"\x7e\xff"), r"no possible rate"),
    "impossible block": (lambda p: sounds.wave(p, SOUND, form=sounds.fmt(2, 2, bits=24)), r"do not make the 4 bytes"),
    "no fmt": (lambda p: sounds.wave(p, SOUND, form=sounds.chunk(b"JUNK", b"")), r"no fmt chunk"),
    "short fmt": (lambda p: sounds.wave(p, SOUND, form=sounds.chunk(b"fmt ", bytes(8))), r"fmt chunk is too short"),
    "many chunks": (
        lambda p: sounds.wave(p, SOUND, before=[sounds.chunk(b"JUNK", b"")] * 10_001),
        r"more than 10000 chunks",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_refused_and_says_why(tmp_path, fault):
    make, says = FAULTS[fault]
    path = tmp_path / "reel 4.wav"
    make(path)
    with pytest.raises(DeliveryError, match=says) as caught:
        read_sound(path)
    assert caught.value.file == "reel 4.wav"


def test_a_file_longer_than_its_header_can_say(tmp_path):
    path = sounds.wave(tmp_path / "a.wav", SOUND)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size + (1 << 32))  # sparse: no such bytes are written
    with pytest.raises(DeliveryError, match="longer than 4 GiB"):
        read_sound(path)


def test_a_file_that_is_gone_is_a_matter_of_storage(tmp_path):
    with pytest.raises(VaultError, match="is not there"):
        read_sound(tmp_path / "a.wav")


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = sounds.wave(tmp_path / "a.wav", SOUND)
    header = read_sound(path)
    cut(path, 100)
    with pytest.raises(DeliveryError, match="became shorter"):
        list(delivered_blocks(path, header))
