"""EXR frames are read value for value; damaged, truncated and unusual ones are named."""

from __future__ import annotations

import struct

import numpy as np
import OpenImageIO
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.stills import exr
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.float_coding import to_codes, to_half
from restoration_tasks.media.stills.still import decode_still, ffmpeg_reads, parse_still
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.pictures import same

NAME = "a_1.exr"
COMPRESSIONS = ["none", "rle", "zips", "zip", "piz"]


def values(samples, height=21, width=37, seed=0):
    """Halves of every size and sign, `(height, width, samples)`."""
    bits = np.random.default_rng(seed).integers(0, 0x7C00, (height, width, samples)).astype(np.uint16)
    bits[::3] |= 0x8000
    return bits.view(np.float16)


def exr_file(tmp_path, pixels, *, compression="zip", tile=0, kinds=(), names=(), **attributes):
    height, width, samples = pixels.shape
    kind = OpenImageIO.HALF if pixels.dtype == np.float16 else OpenImageIO.FLOAT
    spec = OpenImageIO.ImageSpec(width, height, samples, kind)
    spec.attribute("compression", compression)
    spec.channelnames = names or {1: ("Y",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}[samples]
    spec.channelformats = kinds
    for name, value in attributes.items():
        spec.attribute(name, value)
    spec.tile_width = spec.tile_height = tile
    image = OpenImageIO.ImageOutput.create(str(tmp_path / NAME))
    assert image.open(str(tmp_path / NAME), spec), image.geterror()
    assert image.write_image(pixels), image.geterror()
    image.close()
    return (tmp_path / NAME).read_bytes()


def ours(raw):
    header = parse_still(raw, NAME)
    return header, decode_still(raw, header, NAME)


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_halves_are_read_bit_for_bit(tmp_path, samples, compression, tile):
    pixels = values(samples)
    header, frame = ours(exr_file(tmp_path, pixels, compression=compression, tile=tile))
    planes = (0,) if samples == 1 else (1, 2, 0)
    assert same([frame], [tuple(to_codes(np.ascontiguousarray(pixels[..., place])) for place in planes)])
    assert all(
        np.array_equal(to_half(plane).view("u2"), pixels[..., place].view("u2"))
        for plane, place in zip(frame, planes, strict=True)
    )
    assert (header.exact, header.rebuilds, header.exr.has_opacity) == (True, False, samples == 4)
    assert header.pix_fmt == ("gray16le" if samples == 1 else "gbrp16le")
    assert not ffmpeg_reads(header)


def test_floats_are_rounded_to_halves_and_that_is_said(tmp_path):
    pixels = np.random.default_rng(1).normal(0.2, 1, (9, 8, 3)).astype(np.float32)
    header, frame = ours(exr_file(tmp_path, pixels))
    assert header.exact is False
    assert np.array_equal(to_half(frame[2]), pixels[..., 0].astype(np.float16))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 70000.0])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_what_is_no_finite_half_is_damage_and_its_place_is_said(tmp_path, bad, kind):
    pixels = np.ones((9, 8, 3), kind)
    with np.errstate(over="ignore"):
        pixels[4, 5, 1] = bad
    with pytest.raises(DeliveryError, match=r"a_1\.exr: .*1 samples, .* in G at column 5, row 4") as caught:
        ours(exr_file(tmp_path, pixels))
    assert not isinstance(caught.value, TruncatedFrame)


@given(st.data(), st.sampled_from(["none", "zip"]), st.sampled_from([0, 16]))
@settings(max_examples=25, deadline=None)
def test_a_truncated_file_is_told_from_a_damaged_one(tmp_path_factory, data, compression, tile):
    raw = exr_file(tmp_path_factory.mktemp("exr"), values(3), compression=compression, tile=tile)
    kept = data.draw(st.integers(4, len(raw) - 1))
    with pytest.raises(TruncatedFrame, match=r"a_1\.exr: the EXR is truncated .* Next: "):
        ours(raw[:kept])


def test_a_file_its_writer_did_not_finish_is_truncated(tmp_path):
    raw = bytearray(exr_file(tmp_path, values(1), compression="none"))
    first = raw.index(struct.pack("<i", 0), len(raw) - 21 * (8 + 37 * 2) - 1)
    raw[first - 8 : first] = b"\0" * 8
    with pytest.raises(TruncatedFrame, match="1 parts without a place"):
        ours(bytes(raw))


def test_damaged_data_is_refused(tmp_path):
    # What does not compress is stored as it is, and damage in it is but other values.
    raw = bytearray(exr_file(tmp_path, np.ones((21, 37, 3), np.float16), compression="zip"))
    raw[-12:] = b"\xff" * 12
    with pytest.raises(DeliveryError, match=r"a_1\.exr: the picture cannot be decoded"):
        ours(bytes(raw))


@pytest.mark.parametrize(
    ("samples", "more", "says"),
    [
        (2, {"names": ("R", "G")}, "channels G, R"),
        (3, {"names": ("main.R", "main.G", "main.B")}, "channels main"),
    ],
)
def test_what_is_not_read_is_refused_in_words(tmp_path, samples, more, says):
    with pytest.raises(DeliveryError, match=says):
        ours(exr_file(tmp_path, values(samples), **more))


def test_whole_numbers_are_not_read(tmp_path):
    raw = exr_file(tmp_path, values(1)).replace(b"Y\0" + struct.pack("<i", 1), b"Y\0" + struct.pack("<i", 0), 1)
    with pytest.raises(DeliveryError, match="channel Y of type 0"):
        ours(raw)


@pytest.mark.parametrize("raw", [b"", b"\x76\x2f\x31\x01", b"PK\3\4"])
def test_what_is_no_exr_is_refused(raw):
    with pytest.raises(DeliveryError, match=r"not an EXR|truncated"):
        ours(raw)


@given(st.binary(min_size=1, max_size=6), st.integers(0, 700))
@settings(max_examples=60, deadline=None)
def test_random_damage_is_read_or_refused_never_a_crash(tmp_path_factory, junk, at):
    raw = bytearray(exr_file(tmp_path_factory.mktemp("exr"), values(1, 4, 5)))
    raw[at : at + len(junk)] = junk
    try:
        header, frame = ours(bytes(raw))
    except DeliveryError:
        return
    assert frame[0].shape == (header.height, header.width)


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_a_rewritten_file_keeps_attributes_compression_and_opacity(tmp_path, samples):
    pixels, other = values(samples), values(samples, seed=1)
    raw = exr_file(tmp_path, pixels, compression="piz", Copyright="Archive", comments="reel 7")
    planes = (0,) if samples == 1 else (1, 2, 0)
    frame = tuple(to_codes(np.ascontiguousarray(other[..., place])) for place in planes)
    written = exr.rewritten(raw, frame, NAME)
    assert same([ours(written)[1]], [frame])
    (tmp_path / NAME).write_bytes(written)
    image = OpenImageIO.ImageInput.open(str(tmp_path / NAME))
    spec = image.spec()
    assert (spec.getattribute("Copyright"), spec.getattribute("compression")) == ("Archive", "piz")
    if samples == 4:
        assert np.array_equal(image.read_image(OpenImageIO.HALF)[..., 3].view("u2"), pixels[..., 3].view("u2"))
    assert exr.rewritten(raw, frame, NAME) == written


def test_the_rate_is_read(tmp_path):
    raw = exr_file(tmp_path, values(1))
    rate = b"framesPerSecond\0rational\0" + struct.pack("<iiI", 8, 24000, 1001)
    assert parse_still(raw, NAME).fps is None
    # As a writer puts it at the head of the attributes; the places of the picture's parts move behind it.
    moved = bytearray(raw[:8] + rate + raw[8:])
    table = moved.index(b"screenWindowWidth")
    table = moved.index(b"\0", moved.index(struct.pack("<i", 4), table) + 8) + 1
    for place in range(table, table + 8 * 2, 8):
        struct.pack_into("<Q", moved, place, struct.unpack_from("<Q", moved, place)[0] + len(rate))
    assert parse_still(bytes(moved), NAME).fps == pytest.approx(23.976, abs=1e-3)
