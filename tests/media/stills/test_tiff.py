"""TIFF frames of every layout are read exactly, also by an independent reader; damaged ones are named."""

from __future__ import annotations

import itertools
import struct
from fractions import Fraction

import numpy as np
import OpenImageIO
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.media.framemd5 import compute
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.reader import sequence_input, untagged
from restoration_tasks.media.stills import tiff
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.still import decode_still, ffmpeg_reads, parse_still
from restoration_tasks.media.stills.tiff_header import parse_tiff, read_directory
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from tests.media.pictures import codes, interleaved, same
from tests.media.tiffs import tiff_file

NAME = "a_1.tif"


def ours(raw):
    header = parse_still(raw, NAME)
    return header, decode_still(raw, header, NAME)


def by_openimageio(path):
    wish = OpenImageIO.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)
    image = OpenImageIO.ImageInput.open(str(path), wish)
    kind = OpenImageIO.UINT8 if image.spec().format == OpenImageIO.UINT8 else OpenImageIO.UINT16
    return image.read_image(kind)


def by_ffmpeg(folder, header):
    """Whether ffmpeg, the second independent reader, finds the frame of a folder that we do."""
    sequence = find_sequence(folder)
    with sequence_input(sequence, Fraction(24)) as (picture, cwd):
        hashed = untagged(picture).output("pipe:1", f="framemd5", pix_fmt=header.pix_fmt)
        try:
            lines = list(ffmpeg.lines(hashed, about=folder, cwd=cwd))
        except MediaError:
            return False
    raw = sequence.frames[0].path.read_bytes()
    return lines[-1].endswith(frame_md5(decode_still(raw, header, NAME)))


@pytest.mark.parametrize(
    "variant",
    [
        {"rows": 3},
        {"rows": 3, "gap": b"xx"},
        {"big_endian": True},
        {"big_tiff": True},
        {"tile": (16, 16)},
        {"tags": {274: 3}},
        {"tags": {274: 6}},
        {"tags": {338: [1]}},
        {"directory_first": True},
    ],
)
@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("samples", [1, 4])
def test_we_know_what_ffmpeg_reads_as_we_do(tmp_path, samples, bit_depth, variant):
    frame = codes(samples, 21, 37, bit_depth)
    (tmp_path / NAME).write_bytes(raw := tiff_file(interleaved(frame), **variant))
    header, found = ours(raw)
    assert same([found], [frame])
    assert by_ffmpeg(tmp_path, header) is ffmpeg_reads(header)
    assert compute(tmp_path) == (frame_md5(frame),)


layouts = st.one_of(
    st.builds(lambda rows: {"rows": rows}, st.integers(1, 12)),
    st.builds(lambda w, h: {"tile": (16 * w, 16 * h)}, st.integers(1, 2), st.integers(1, 2)),
)


@given(
    samples=st.sampled_from([1, 3, 4]),
    bit_depth=st.sampled_from([8, 16]),
    big_endian=st.booleans(),
    big_tiff=st.booleans(),
    layout=layouts,
    width=st.integers(1, 40),
    height=st.integers(1, 12),
    scattered=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_every_uncompressed_layout_is_read_as_it_was_written(
    tmp_path_factory, samples, bit_depth, big_endian, big_tiff, layout, width, height, scattered, seed
):
    frame = codes(samples, height, width, bit_depth, seed)
    raw = tiff_file(
        interleaved(frame), big_endian=big_endian, big_tiff=big_tiff, gap=b"gap" if scattered else b"", **layout
    )
    header, found = ours(raw)
    assert same([found], [frame])
    assert (header.rebuilds, header.tiff.big_tiff, header.tiff.tiled) == (True, big_tiff, "tile" in layout)
    path = tmp_path_factory.mktemp("tiff") / NAME
    path.write_bytes(raw)
    assert np.array_equal(by_openimageio(path), interleaved(frame))
    assert all(plane.flags.writeable for plane in found)


@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", ["none", "lzw", "zip", "packbits"])
def test_what_openimageio_writes_is_read(tmp_path, samples, kind, compression):
    bit_depth = 8 * np.dtype(kind).itemsize
    for tiled, endian in ((False, "little"), (True, "big")):
        frame = codes(samples, 21, 37, bit_depth)
        spec = OpenImageIO.ImageSpec(37, 21, samples, OpenImageIO.UINT8 if bit_depth == 8 else OpenImageIO.UINT16)
        for name, value in (("compression", compression), ("oiio:UnassociatedAlpha", 1), ("oiio:Endian", endian)):
            spec.attribute(name, value)
        if tiled:
            spec.tile_width = spec.tile_height = 16
        image = OpenImageIO.ImageOutput.create(str(tmp_path / NAME))
        assert image.open(str(tmp_path / NAME), spec), image.geterror()
        assert image.write_image(interleaved(frame)), image.geterror()
        image.close()
        raw = (tmp_path / NAME).read_bytes()
        header, found = ours(raw)
        assert same([found], [frame])
        assert header.rebuilds is (compression == "none")
        assert by_ffmpeg(tmp_path, header) is ffmpeg_reads(header) is not tiled


@given(st.data(), st.sampled_from(["none", "lzw"]))
@settings(max_examples=25, deadline=None)
def test_a_truncated_file_is_told_from_a_damaged_one(data, compression):
    raw = tiff_file(interleaved(codes(3, 9, 20, 16)), rows=2)
    if compression == "lzw":
        raw = compressed(raw)
    kept = data.draw(st.integers(8, len(raw) - 1))
    with pytest.raises(TruncatedFrame, match=r"a_1\.tif: the TIFF is truncated .* Next: "):
        ours(raw[:kept])


def compressed(raw):
    """The same picture as OpenImageIO compresses it, its directory first."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, NAME)  # noqa: PTH118
        spec = OpenImageIO.ImageSpec(20, 9, 3, OpenImageIO.UINT16)
        spec.attribute("compression", "lzw")
        image = OpenImageIO.ImageOutput.create(path)
        image.open(path, spec)
        image.write_image(interleaved(ours(raw)[1]))
        image.close()
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()


def test_damaged_compressed_data_is_refused():
    raw = bytearray(compressed(tiff_file(interleaved(codes(3, 9, 20, 16)))))
    raw[-600:-200] = b"\xff" * 400
    with pytest.raises(DeliveryError, match=r"a_1\.tif: the picture cannot be decoded"):
        ours(bytes(raw))


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({262: 0}, "photometric interpretation 0"),
        ({262: 3}, "photometric interpretation 3"),
        ({258: [16, 16, 8]}, "not read"),
        ({339: [3, 3, 3]}, "sample format 3"),
        ({284: 2}, "separate colour planes"),
        ({266: 2}, "turned bits"),
        ({259: 7}, "compression 7"),
        ({317: 3}, "predictor 3"),
        ({256: 0}, "impossible size"),
        ({278: 5}, "lacks a part"),
        ({279: [10]}, "shorter than its rows"),
        ({277: 5}, "5 samples"),
    ],
)
def test_what_is_not_read_is_refused_in_words(tags, says):
    raw = tiff_file(interleaved(codes(3, 9, 20, 16)), tags=tags)
    with pytest.raises(DeliveryError, match=says) as caught:
        ours(raw)
    assert not isinstance(caught.value, TruncatedFrame)
    assert caught.value.action


@pytest.mark.parametrize("raw", [b"", b"II", b"MM\0*", b"II+\0garbage", b"PK\3\4" * 10])
def test_what_is_no_tiff_is_refused(raw):
    with pytest.raises(DeliveryError, match=r"not a TIFF|truncated"):
        ours(raw)


@given(st.binary(min_size=1, max_size=8), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_random_damage_is_read_or_refused_never_a_crash(junk, at):
    raw = bytearray(tiff_file(interleaved(codes(1, 6, 6, 8)), rows=2, directory_first=True))
    raw[at : at + len(junk)] = junk
    try:
        header, frame = ours(bytes(raw))
    except DeliveryError:
        return
    assert frame[0].shape == (header.height, header.width)


def test_orientation_is_reported_and_never_applied():
    frame = codes(3, 4, 7, 8)
    header, found = ours(tiff_file(interleaved(frame), tags={274: 6}))
    assert header.tiff.orientation == 6
    assert same([found], [frame])


def test_strips_that_share_bytes_are_read_but_not_taken_apart():
    picture = np.repeat(interleaved(codes(1, 1, 8, 8)), 4, axis=0)
    raw = tiff_file(picture, rows=1, tags={273: [8, 8, 8, 8]})
    header, found = ours(raw)
    assert np.array_equal(found[0], picture[..., 0])
    assert header.rebuilds is False


@pytest.mark.parametrize(("samples", "bit_depth"), [*itertools.product([1, 3, 4], [8, 16])])
@pytest.mark.parametrize("big_endian", [True, False])
def test_a_rewritten_file_keeps_the_tags_but_not_the_compression(tmp_path, samples, bit_depth, big_endian):
    frame, other = codes(samples, 21, 37, bit_depth), codes(samples, 21, 37, bit_depth, seed=1)
    raw = tiff_file(
        interleaved(frame), tile=(16, 16), big_endian=big_endian, tags={274: 3, 305: b"ScanWare\0", 34665: 8}
    )
    (tmp_path / NAME).write_bytes(written := tiff.rewritten(raw, other, NAME))
    header, found = ours(written)
    assert same([found], [other])
    assert (header.rebuilds, header.tiff.tiled, header.tiff.orientation) == (True, False, 3)
    assert b"ScanWare\0" in written
    assert 34665 not in read_directory(written, NAME).entries
    assert np.array_equal(by_openimageio(tmp_path / NAME), interleaved(other))


def test_further_pictures_in_the_file_are_left_alone():
    frame = codes(1, 3, 4, 8)
    raw = bytearray(tiff_file(interleaved(frame)))
    # A second directory somewhere behind: only the first one counts.
    directory = read_directory(bytes(raw), NAME)
    end = struct.unpack_from("<I", raw, 4)[0] + 2 + 12 * len(directory.entries)
    struct.pack_into("<I", raw, end, len(raw))
    raw += struct.pack("<H", 0) + b"\0\0\0\0"
    assert same([ours(bytes(raw))[1]], [frame])
    assert parse_tiff(bytes(raw), NAME).width == 4
