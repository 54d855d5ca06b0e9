"""Samples go into FLAC and come out bit-identical; every delivered file is rebuilt byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restoration_tasks.media.probe import technical_metadata
from restoration_tasks.media.sound import pcm
from restoration_tasks.media.sound.flac import encode, encode_track, why_not_flac_track
from restoration_tasks.media.sound.header import (
    FLAC_RATES_HZ,
    MAX_BESIDE_BYTES,
    SampleCoding,
    SampleLayout,
    fits_flac,
    why_not_flac,
)
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.sound.rebuild import SoundRemainder, rebuild, remainder_of, require_rebuilds
from restoration_tasks.media.sound.tracks import sound_tracks, track_md5
from restoration_tasks.runtime.errors import DeliveryError, MediaError, WrongUse
from tests.media.sound import sounds

LAYOUTS = [
    SampleLayout(SampleCoding.INTEGER, 1, big_endian=False, signed=False),
    SampleLayout(SampleCoding.INTEGER, 1, big_endian=True, signed=True),
    *(
        SampleLayout(SampleCoding.INTEGER, width, big_endian=big, signed=True)
        for width in (2, 3)
        for big in (False, True)
    ),
]


def made(path, layout, channels, *, count=300, before=(), after=(), rate=48000):
    """A file of a layout: WAVE for little-endian samples, AIFF or RIFX for big-endian ones."""
    samples = sounds.sample_bytes(count * channels, layout.sample_bytes, seed=channels)
    if layout.sample_bytes == 1 and layout.signed:
        return sounds.aiff(path, samples, channels, 1, before=before, after=after, rate=rate)
    return sounds.wave(
        path, samples, channels, layout.sample_bytes, before=before, after=after, big=layout.big_endian, rate=rate
    )


@given(
    layout=st.sampled_from(LAYOUTS),
    samples=st.binary(min_size=6, max_size=120).map(lambda raw: raw[: len(raw) // 6 * 6]),
)
@settings(max_examples=25)
def test_the_common_form_gives_back_every_layout(layout, samples):
    common = pcm.to_canonical(samples, layout)
    assert len(common) * 8 == len(samples) // layout.sample_bytes * pcm.canonical_bits(layout)
    assert pcm.from_canonical(common, layout) == samples


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_depth_and_number_of_channels_comes_back_as_it_was(tmp_path, channels, width):
    path = made(tmp_path / "a.wav", SampleLayout(SampleCoding.INTEGER, width, False, width > 1), channels)
    header = read_sound(path)
    md5 = encode(path, header, tmp_path / "a.mka")
    assert md5 == pcm.delivered_md5(path, header) == track_md5(tmp_path / "a.mka")
    (track,) = sound_tracks(tmp_path / "a.mka")
    assert (track.codec, track.channels, track.rate_hz) == ("FLAC", channels, 48000)
    # an independent witness: the digest of the samples that FLAC keeps in its own header
    audio = next(t for t in technical_metadata(tmp_path / "a.mka") if t["track_type"] == "Audio")
    assert audio["md5_of_the_unencoded_content"].lower() == md5
    remainder = remainder_of(path, header, md5)
    rebuild(remainder, tmp_path / "a.mka", 0, tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == path.read_bytes()


@given(
    layout=st.sampled_from(LAYOUTS),
    channels=st.integers(1, 8),
    count=st.integers(16, 2000),
    junk=st.lists(st.binary(max_size=33), max_size=2),
    tail=st.lists(st.binary(max_size=33), max_size=2),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_rebuilt_byte_for_byte(tmp_path, layout, channels, count, junk, tail):
    big = layout.big_endian
    before, after = ([sounds.chunk(b"JUNK", body, big=big) for body in bodies] for bodies in (junk, tail))
    path = made(tmp_path / "a.snd", layout, channels, count=count, before=before, after=after)
    header = read_sound(path)
    remainder = remainder_of(path, header, encode(path, header, tmp_path / "a.mka"))
    remainder.write(tmp_path / "a.json")
    assert SoundRemainder.read(tmp_path / "a.json") == remainder
    rebuild(remainder, tmp_path / "a.mka", 0, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_more_than_one_block_and_a_rest(tmp_path):
    path = made(tmp_path / "a.wav", LAYOUTS[-2], 2, count=pcm.BLOCK_BYTES // 6 + 1001)
    header = read_sound(path)
    seen = []
    md5 = encode(path, header, tmp_path / "a.mka", progress=seen.append)
    assert seen == [pcm.BLOCK_BYTES // 6, header.samples]
    require_rebuilds(remainder_of(path, header, md5), tmp_path / "a.mka", 0)


@pytest.mark.parametrize("rate", [FLAC_RATES_HZ[0], 22050, 44056, 47952, 96000, 192000, FLAC_RATES_HZ[1]])
def test_every_rate_is_kept(tmp_path, rate):
    path = made(tmp_path / "a.wav", LAYOUTS[2], 2, rate=rate)
    encode(path, read_sound(path), tmp_path / "a.mka")
    assert sound_tracks(tmp_path / "a.mka")[0].rate_hz == rate


@pytest.mark.parametrize("count", [16, 17, 4607, 4608, 4609, 9217])
def test_every_length_is_kept(tmp_path, count):
    path = made(tmp_path / "a.wav", LAYOUTS[4], 2, count=count)
    header = read_sound(path)
    require_rebuilds(remainder_of(path, header, encode(path, header, tmp_path / "a.mka")), tmp_path / "a.mka", 0)


def test_bytes_repeat_and_the_title_is_the_delivered_name(tmp_path):
    path = made(tmp_path / "reel 4 'ü'=%d.wav", LAYOUTS[2], 2)
    for name in ("one.mka", "two.mka"):
        encode(path, read_sound(path), tmp_path / name)
    assert (tmp_path / "one.mka").read_bytes() == (tmp_path / "two.mka").read_bytes()
    assert sound_tracks(tmp_path / "one.mka")[0].title == path.name


def test_what_flac_does_not_hold_says_why(tmp_path):
    header = read_sound(made(tmp_path / "a.wav", LAYOUTS[2], 2))
    floating = replace(header, layout=replace(header.layout, coding=SampleCoding.FLOAT, sample_bytes=4))
    assert fits_flac(header)
    assert "32-bit floating point" in why_not_flac(floating)
    assert "32-bit integers" in why_not_flac(replace(header, layout=replace(header.layout, sample_bytes=4)))
    assert "only 15 samples" in why_not_flac(replace(header, samples=15))
    assert "800000 Hz" in why_not_flac(replace(header, rate_hz=800_000))
    assert "beside its samples" in why_not_flac(replace(header, file_bytes=header.file_bytes + MAX_BESIDE_BYTES))
    with pytest.raises(WrongUse, match=r"floating point.*keep it as delivered"):
        encode(tmp_path / "a.wav", floating, tmp_path / "a.mka")
    assert not (tmp_path / "a.mka").exists()


def test_tracks_that_stay_in_their_container():
    from restoration_tasks.media.sound.tracks import SoundTrack

    track = SoundTrack(0, "PCM", 2, 48000, 24, False, "", 0.0)
    assert why_not_flac_track(track) is None
    assert "AAC" in why_not_flac_track(replace(track, codec="AAC", bits=None))
    assert "floating point" in why_not_flac_track(replace(track, floating=True, bits=32))
    assert "32-bit integers" in why_not_flac_track(replace(track, bits=32))
    assert "9 channels" in why_not_flac_track(replace(track, channels=9))
    assert "0.5 s after" in why_not_flac_track(replace(track, delay_s=0.5))


def test_another_track_or_a_damaged_one_never_passes_for_the_delivered_file(tmp_path):
    path = made(tmp_path / "a.wav", LAYOUTS[2], 2, count=40_000)
    header = read_sound(path)
    remainder = remainder_of(path, header, encode(path, header, tmp_path / "a.mka"))
    other = made(tmp_path / "b.wav", LAYOUTS[2], 1)
    encode(other, read_sound(other), tmp_path / "b.mka")
    with pytest.raises(MediaError, match=r"b\.mka.*does not give back the delivered file a\.wav"):
        rebuild(remainder, tmp_path / "b.mka", 0, tmp_path / "again.wav")
    raw = bytearray((tmp_path / "a.mka").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.mka").write_bytes(raw)
    with pytest.raises(MediaError, match=r"bad\.mka"):
        rebuild(remainder, tmp_path / "bad.mka", 0, tmp_path / "again.wav")
    with pytest.raises(WrongUse, match="no such sound track"):
        require_rebuilds(remainder, tmp_path / "a.mka", 1)
    deep = encode(made(tmp_path / "c.wav", LAYOUTS[2], 2), read_sound(tmp_path / "c.wav"), tmp_path / "c.mka")
    shallow = replace_layout(remainder, deep)
    with pytest.raises(MediaError, match="more bits than the delivered file"):
        require_rebuilds(shallow, tmp_path / "c.mka", 0)
    assert not (tmp_path / "again.wav").exists()


def replace_layout(remainder, md5):
    return remainder.model_copy(update={"sample_bytes": 1, "signed": False, "pcm_md5": md5})


def test_a_file_that_changed_and_a_remainder_that_is_none(tmp_path):
    path = made(tmp_path / "a.wav", LAYOUTS[2], 2)
    header = read_sound(path)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DeliveryError, match="changed while it was read"):
        remainder_of(path, header, hashlib.md5(b"").hexdigest())
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(MediaError, match=r"a\.json: this does not say what a sound file was"):
        SoundRemainder.read(tmp_path / "a.json")


def test_a_track_of_a_container_becomes_flac(tmp_path):
    from restoration_tasks.media import ffmpeg

    path = made(tmp_path / "a.wav", LAYOUTS[-2], 3)
    source = ffmpeg.graph.input(ffmpeg.file_url(path))
    ffmpeg.run(source.output(str(tmp_path / "a.mov"), **{"c:a": "pcm_s24be"}), about=path)
    (track,) = sound_tracks(tmp_path / "a.mov")
    md5 = encode_track(tmp_path / "a.mov", track, tmp_path / "a.mka")
    assert md5 == pcm.delivered_md5(path, read_sound(path)) == track_md5(tmp_path / "a.mka")
    assert sound_tracks(tmp_path / "a.mka")[0].title == "a.mov"
    with pytest.raises(WrongUse, match="AAC"):
        encode_track(tmp_path / "a.mov", replace(track, codec="AAC"), tmp_path / "b.mka")
