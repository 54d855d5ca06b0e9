"""Frame files of every kind go through one door: kinds by name, PNG read exactly, look-ahead in order."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.framemd5 import compute
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.stills import png
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.look_ahead import AHEAD, decode_files
from restoration_tasks.media.stills.still import StillKind, decode_still, ffmpeg_reads, parse_still, read_still
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.pictures import codes, dpx_file, same

NAME = "a_1.png"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.DPX", "dpx"), ("a.tif", "tiff"), ("a.TIFF", "tiff"), ("a.exr", "exr"), ("a.png", "png"), ("a.jpg", None)],
)
def test_the_ending_says_the_kind(name, kind):
    assert StillKind.of(name) == (None if kind is None else StillKind(kind))


def test_another_kind_of_file_is_no_frame():
    with pytest.raises(DeliveryError, match=r"not a frame .*DPX, TIFF, EXR or PNG"):
        parse_still(b"x", "a.jpg")


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_png_is_read_and_written_exactly(tmp_path, samples, bit_depth):
    frame = codes(samples, 9, 13, bit_depth)
    raw = png.encode(frame, NAME)
    header = parse_still(raw, NAME)
    assert same([decode_still(raw, header, NAME)], [frame])
    (tmp_path / NAME).write_bytes(raw)
    assert read_still(tmp_path / NAME) == header
    assert ffmpeg_reads(header)
    assert compute(tmp_path) == (frame_md5(frame),)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_truncated_png_is_told_from_a_damaged_one(data):
    raw = png.encode(codes(3, 9, 13, 8), NAME)
    with pytest.raises(TruncatedFrame):
        parse_still(raw[: data.draw(st.integers(8, len(raw) - 1))], NAME)
    at = data.draw(st.integers(16, len(raw) - 13))
    damaged = bytearray(raw)
    damaged[at] ^= 0x10
    # The header alone must show it: decoders go on with what they have.
    with pytest.raises(DeliveryError):
        parse_still(bytes(damaged), NAME)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    ("head", "more", "says"),
    [
        ((4, 4, 8, 3), b"", "colour type 3"),
        ((4, 4, 8, 4), b"", "colour type 4"),
        ((4, 4, 4, 0), b"", "of 4 bit"),
        ((4, 4, 8, 0), chunk(b"tRNS", b"\0\0"), "transparent colour"),
        ((0, 4, 8, 0), b"", "impossible size"),
    ],
)
def test_a_png_that_is_not_read_is_refused_in_words(head, more, says):
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBB3x", *head)) + more
    raw += chunk(b"IDAT", zlib.compress(bytes(80))) + chunk(b"IEND", b"")
    with pytest.raises(DeliveryError, match=says):
        parse_still(raw, NAME)


def test_a_picture_with_too_little_data_is_refused():
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBB3x", 40, 40, 8, 0))
    raw += chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b"")
    with pytest.raises(DeliveryError, match="cannot be decoded"):
        decode_still(raw, parse_still(raw, NAME), NAME)


def test_what_frames_must_have_in_common_tells_packings_apart():
    frame = codes(3, 4, 5, 10)
    headers = [parse_still(dpx_file(frame, 10, packing=packing), "a.dpx") for packing in (0, 1, 2)]
    assert len({header.common for header in headers}) == 3
    assert "filled B" in str(headers[2])


def test_files_are_decoded_in_order_and_only_some_ahead(tmp_path, monkeypatch):
    from restoration_tasks.media.stills import look_ahead

    started = []
    decode = look_ahead.decode_file
    monkeypatch.setattr(look_ahead, "decode_file", lambda path: (started.append(path), decode(path))[1])
    frames, paths = [], []
    for place in range(20):
        frames.append(codes(1, 3, 4, 16, seed=place))
        paths.append(tmp_path / f"a_{place}.dpx")
        paths[-1].write_bytes(dpx_file(frames[-1], 16))
    found = []
    for _, frame in decode_files(paths):
        found.append(frame)
        assert len(started) <= len(found) + AHEAD
    assert same(found, frames)


def test_an_error_comes_at_its_turn_and_leaving_early_ends_the_threads(tmp_path):
    paths = [tmp_path / f"a_{place}.dpx" for place in range(8)]
    for path in paths:
        path.write_bytes(dpx_file(codes(1, 3, 4, 16), 16))
    paths[3].write_bytes(paths[3].read_bytes()[:-1])
    paths[5].unlink()
    decoded = decode_files(paths)
    assert len([next(decoded) for _ in range(3)]) == 3
    with pytest.raises(TruncatedFrame, match=r"a_3\.dpx"):
        next(decoded)
    with pytest.raises(DeliveryError, match=r"a_5\.dpx: the frame cannot be read: No such file"):
        list(decode_files(paths[5:]))
    early = decode_files(paths[:3])
    next(early)
    early.close()


def test_png_by_another_writer_is_read(tmp_path):
    picture = np.random.default_rng(0).integers(0, 65536, (7, 5, 4)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / NAME), picture)
    raw = (tmp_path / NAME).read_bytes()
    frame = decode_still(raw, parse_still(raw, NAME), NAME)
    assert np.array_equal(np.dstack([frame[1], frame[0], frame[2], frame[3]]), picture)
