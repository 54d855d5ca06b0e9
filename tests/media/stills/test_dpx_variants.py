"""Every variant of DPX is read and written exactly, as the standard says and as two independent readers agree to."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import OpenImageIO
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.framemd5 import compute
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.dpx_header import Packing
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.still import decode_still, ffmpeg_reads, parse_still
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from tests.media.pictures import Lines, codes, dpx_file, interleaved, same

DEPTHS = [
    (8, Packing.PACKED),
    *itertools.product((10, 12), Packing),
    (16, Packing.PACKED),
]


def ours(raw):
    header = parse_still(raw, "a_1.dpx")
    return header, decode_still(raw, header, "a_1.dpx")


def possible(samples, bit_depth, packing, lines):
    """Whether a writer can end its lines so (words are always whole where they hold several samples)."""
    words = bit_depth == 10 or (bit_depth == 12 and packing is Packing.PACKED)
    if lines is Lines.RUN_ON:
        return bit_depth == 10 and packing is not Packing.PACKED and samples != 3
    return lines is Lines.WHOLE or not words


@given(
    samples=st.sampled_from([1, 3, 4]),
    depth=st.sampled_from(DEPTHS),
    big_endian=st.booleans(),
    lines=st.sampled_from(list(Lines)),
    line_padding=st.sampled_from([0, 1, 8]),
    width=st.integers(1, 19),
    height=st.integers(1, 6),
    offset=st.sampled_from([1664, 2048, 2049, 8192]),
    tail=st.sampled_from([b"", b"xyz", b"\0" * 5000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_every_variant_is_read_as_it_was_written(
    samples, depth, big_endian, lines, line_padding, width, height, offset, tail, seed
):
    if not possible(samples, *depth, lines):
        lines = Lines.WHOLE
    if lines is Lines.RUN_ON and -(-samples * width * height // 3) == -(-samples * width // 3) * height:
        # No word is saved by running on: the file is as long as the standard asks, and is read so.
        lines = Lines.WHOLE
    if lines is not Lines.WHOLE:
        line_padding, tail = 0, b""
    frame = codes(samples, height, width, depth[0], seed)
    raw = dpx_file(
        frame,
        depth[0],
        packing=depth[1],
        big_endian=big_endian,
        lines=lines,
        line_padding=line_padding,
        offset=offset,
        tail=tail,
    )
    header, found = ours(raw)
    assert same([found], [frame])
    assert dpx.is_canonical(header.dpx, raw)
    assert dpx.pack(header.dpx, found) == raw[offset : offset + header.dpx.image_bytes]
    assert all(plane.flags.writeable for plane in found)


def openimageio_spec(width, height, samples, bit_depth, packing, endian):
    kind = OpenImageIO.UINT8 if bit_depth == 8 else OpenImageIO.UINT16
    spec = OpenImageIO.ImageSpec(width, height, samples, kind)
    for name, value in (("oiio:BitsPerSample", bit_depth), ("dpx:Packing", packing), ("oiio:Endian", endian)):
        spec.attribute(name, value)
    return spec


def widened(pixels, bit_depth):
    """As OpenImageIO has integers: 10 and 12 bit spread over 16 by repeating the high bits."""
    wide = pixels.astype(np.uint32)
    return (wide << (16 - bit_depth) | wide >> (2 * bit_depth - 16)).astype(np.uint16) if bit_depth > 8 else pixels


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("packing", ["Packed", "Filled, method A", "Filled, method B"])
@pytest.mark.parametrize("bit_depth", [8, 10, 12, 16])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_what_openimageio_writes_is_read(tmp_path, samples, bit_depth, packing, endian):
    path = str(tmp_path / "a_1.dpx")
    for width in (12, 13):
        frame = codes(samples, 3, width, bit_depth)
        image = OpenImageIO.ImageOutput.create(path)
        assert image.open(path, openimageio_spec(width, 3, samples, bit_depth, packing, endian))
        assert image.write_image(widened(interleaved(frame), bit_depth))
        image.close()
        raw = (tmp_path / "a_1.dpx").read_bytes()
        header, found = ours(raw)
        assert header.dpx.big_endian is (endian == "big")
        assert same([found], [frame])


@pytest.mark.parametrize("big_endian", [True, False])
@pytest.mark.parametrize(("bit_depth", "packing"), DEPTHS)
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_openimageio_reads_what_we_write(tmp_path, samples, bit_depth, packing, big_endian):
    # A width at which each line fills its last word: OpenImageIO expects no completion (see `dpx_layout`).
    frame = codes(samples, 5, 12, bit_depth)
    path = tmp_path / "a_1.dpx"
    path.write_bytes(dpx_file(frame, bit_depth, packing=packing, big_endian=big_endian))
    pixels = OpenImageIO.ImageInput.open(str(path)).read_image(OpenImageIO.UINT16)
    assert np.array_equal(pixels >> (16 - bit_depth), interleaved(frame))


@pytest.mark.parametrize("big_endian", [True, False])
@pytest.mark.parametrize("packing", [Packing.PACKED, Packing.FILLED_A, Packing.FILLED_B])
def test_openimageio_reads_packed_and_filled_rgb_of_every_width(tmp_path, packing, big_endian):
    for width in (13, 14, 15):
        frame = codes(3, 4, width, 10)
        (tmp_path / "a_1.dpx").write_bytes(dpx_file(frame, 10, packing=packing, big_endian=big_endian))
        pixels = OpenImageIO.ImageInput.open(str(tmp_path / "a_1.dpx")).read_image(OpenImageIO.UINT16)
        assert np.array_equal(pixels >> 6, interleaved(frame))


def by_ffmpeg(folder, pix_fmt):
    """Digest of the one frame in a folder by ffmpeg alone, or None where it refuses it."""
    picture = ffmpeg.graph.input(str(folder / "a_1.dpx"))
    hashed = picture.output("pipe:1", f="framemd5", pix_fmt=pix_fmt)
    try:
        lines = [line for line in ffmpeg.lines(hashed, about=folder) if not line.startswith("#")]
    except MediaError:
        return None
    return lines[0].rsplit(",", 1)[1].strip() if lines else None


SCANITY = (("32s", 1556, b"Scanity"),)
VARIANTS = [
    *((*depth, big, lines, 0, ()) for depth in DEPTHS for big in (True, False) for lines in Lines),
    (10, Packing.FILLED_A, True, Lines.WHOLE, 8, ()),
    (16, Packing.PACKED, True, Lines.WHOLE, 4, ()),
    (10, Packing.FILLED_A, True, Lines.WHOLE, 0, SCANITY),
    (10, Packing.FILLED_A, True, Lines.RUN_ON, 0, SCANITY),
    (8, Packing.PACKED, True, Lines.WHOLE, 0, (("I", 4, 0xFFFFFFFF),)),
]


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_we_know_what_ffmpeg_reads_as_we_do(tmp_path, samples):
    """Never yes where it reads otherwise; and where it is no, ffmpeg was seen to differ or refuse."""
    for bit_depth, packing, big_endian, lines, line_padding, put in VARIANTS:
        if not possible(samples, bit_depth, packing, lines):
            continue
        frame = codes(samples, 5, 13, bit_depth)
        raw = dpx_file(
            frame, bit_depth, packing=packing, big_endian=big_endian, lines=lines, line_padding=line_padding, put=put
        )
        (tmp_path / "a_1.dpx").write_bytes(raw)
        header, _ = ours(raw)
        agrees = by_ffmpeg(tmp_path, header.pix_fmt) == frame_md5(frame)
        by_name_alone = put == SCANITY and lines is Lines.RUN_ON
        assert ffmpeg_reads(header) is agrees or by_name_alone, (bit_depth, packing, big_endian, lines, put)
        # The digests of a sequence are right either way.
        assert compute(tmp_path) == (frame_md5(frame),)


def test_lines_without_completion_are_told_from_a_truncated_file():
    frame = codes(3, 10, 13, 8)
    whole = dpx_file(frame, 8)
    bare = dpx_file(frame, 8, lines=Lines.BARE)
    # At exactly ten lines' completion less it would be a file of a writer that leaves it out.
    for cut in range(1, 10):
        with pytest.raises(TruncatedFrame):
            ours(whole[:-cut])
    # Stated size and bytes there agree: the writer's own way of ending lines, with something behind the picture.
    assert same([ours(dpx_file(frame, 8, lines=Lines.BARE, tail=b"abcd"))[1]], [frame])
    assert same([ours(bare)[1]], [frame])
    with pytest.raises(TruncatedFrame):
        ours(bare[:-1])


def test_a_stated_line_padding_that_is_not_there_is_not_believed():
    frame = codes(3, 6, 12, 10)
    raw = dpx_file(frame, 10, put=(("I", 812, 16),))
    assert same([ours(raw)[1]], [frame])
    with pytest.raises(TruncatedFrame):
        ours(raw[:-1])


@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize(("bit_depth", "packing"), DEPTHS)
def test_a_bit_that_is_no_sample_is_seen(samples, bit_depth, packing):
    """Every bit set where `pack` leaves zeros must be noticed, and only those."""
    width = 13
    frame = codes(samples, 2, width, bit_depth)
    raw = dpx_file(frame, bit_depth, packing=packing, line_padding=1)
    header = ours(raw)[0].dpx
    ones = tuple(np.full_like(plane, (1 << bit_depth) - 1) for plane in frame)
    filled = np.frombuffer(dpx.pack(header, ones), np.uint8)
    for bit in range(8 * len(filled)):
        changed = bytearray(raw)
        changed[header.offset + bit // 8] ^= 1 << bit % 8
        is_sample = bool(filled[bit // 8] >> bit % 8 & 1)
        assert dpx.is_canonical(header, bytes(changed)) is is_sample, bit


def test_the_offset_may_stand_in_the_element_alone():
    frame = codes(3, 4, 5, 10)
    raw = dpx_file(frame, 10, offset=3000, put=(("I", 4, 0xFFFFFFFF),))
    assert same([ours(raw)[1]], [frame])
    struct.pack_into(">I", changed := bytearray(raw), 808, 0xFFFFFFFF)
    with pytest.raises(DeliveryError, match="impossible place"):
        ours(bytes(changed))
