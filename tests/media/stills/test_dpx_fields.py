"""The descriptive fields of a DPX are read from their places in the standard; what is undefined is None."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import OpenImageIO
import pytest

from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.dpx_fields import DpxFields
from tests.media.pictures import codes, dpx_file

TEXTS = {
    "file_name": (36, 100, "reel_0001.dpx"),
    "creation_time": (136, 24, "2026:11:22:10:00:00Z"),
    "creator": (160, 100, "ScanWare 4"),
    "project": (260, 200, "Reel 7"),
    "copyright": (460, 200, "Archive"),
    "source_file_name": (1432, 100, "roll 3"),
    "source_time": (1532, 24, "2026:11:21:09:00:00Z"),
    "input_device": (1556, 32, "Scanner X"),
    "input_device_serial": (1588, 32, "SN-17"),
    "film_manufacturer": (1664, 2, "02"),
    "film_type": (1666, 2, "92"),
    "film_offset_perforations": (1668, 2, "12"),
    "film_prefix": (1670, 6, "123456"),
    "film_count": (1676, 4, "0042"),
    "film_format": (1680, 32, "Academy"),
    "frame_id": (1732, 32, "key"),
    "slate": (1764, 100, "12A take 3"),
    "user_id": (2048, 32, "my own"),
}
NUMBERS = {
    "orientation": ("H", 768, 5),
    "low_code": ("I", 784, 95),
    "low_quantity": ("f", 788, 0.5),
    "high_code": ("I", 792, 685),
    "high_quantity": ("f", 796, 2.046875),
    "end_of_image_padding": ("I", 816, 12),
    "frame_position": ("I", 1712, 17),
    "sequence_length": ("I", 1716, 2000),
    "held_count": ("I", 1720, 1),
    "film_fps": ("f", 1724, 18.0),
    "user_bits": ("I", 1924, 0x01020304),
    "television_fps": ("f", 1940, 25.0),
}


def header_of(put, big_endian=True, offset=8192):
    raw = dpx_file(codes(3, 2, 3, 10), 10, put=tuple(put), big_endian=big_endian, offset=offset)
    return dpx.parse_header(raw[: dpx.PARSED_BYTES], file_bytes=len(raw), name="a.dpx"), raw


@pytest.mark.parametrize("big_endian", [True, False])
def test_every_field_is_read_from_its_place(big_endian):
    put = [(f"{size}s", at, text.encode()) for at, size, text in TEXTS.values()]
    put += [*NUMBERS.values(), ("I", 1920, 0x01234512)]
    header, _ = header_of(put, big_endian)
    assert {name: getattr(header, name) for name in TEXTS} == {name: text for name, (_, _, text) in TEXTS.items()}
    assert {name: getattr(header, name) for name in NUMBERS} == {name: value for name, (_, _, value) in NUMBERS.items()}
    assert (header.timecode, header.drop_frame, header.version, header.elements) == ("01:23:45:12", False, "V2.0", 1)
    assert header.edge_code == "02 92 123456 0042 12"
    assert header.fps == 18.0
    tested = {*TEXTS, *NUMBERS, "timecode", "drop_frame", "version", "elements"}
    left = {field.name for field in dataclasses.fields(DpxFields)} - tested
    assert left == {"stated_offset", "stated_bytes", "data_sign", "end_of_line_padding"}


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_what_is_empty_or_undefined_is_none(fill):
    put = [(f"{size}s", at, fill * size) for at, size, _ in TEXTS.values()]
    put += [(f"{struct.calcsize(kind)}s", at, b"\xff" * struct.calcsize(kind)) for kind, at, _ in NUMBERS.values()]
    put += [("I", 16, 0xFFFFFFFF), ("I", 780, 0xFFFFFFFF), ("I", 812, 0xFFFFFFFF), ("I", 1920, 0xFFFFFFFF)]
    header, _ = header_of(put)
    for name in (*TEXTS, *NUMBERS, "stated_bytes", "data_sign", "end_of_line_padding", "timecode", "drop_frame"):
        assert getattr(header, name) is None, name
    assert (header.fps, header.edge_code) == (None, None)


def test_fields_that_would_lie_in_the_picture_are_not_read():
    """The film and television parts may be left out; the picture then begins where they would."""
    raw = dpx_file(tuple(np.full((20, 20), 700, np.uint16) for _ in range(3)), 10, offset=1664)
    header = dpx.parse_header(raw[: dpx.PARSED_BYTES], file_bytes=len(raw), name="a.dpx")
    assert (header.film_prefix, header.frame_position, header.fps, header.timecode, header.user_id) == (None,) * 5


@pytest.mark.parametrize(
    ("bits", "timecode", "drop"),
    [(0x23595929, "23:59:59:29", False), (0x01000042, "01:00:00:02", True), (0x0100000A, None, False)],
)
def test_time_code_digits_and_drop_flag(bits, timecode, drop):
    header, _ = header_of([("I", 1920, bits)])
    assert (header.timecode, header.drop_frame) == (timecode, drop)


def test_text_with_odd_bytes_and_rubbish_behind_its_end():
    header, _ = header_of([("100s", 160, b"Scan\xe9 \0rest of memory"), ("200s", 260, b"x" * 200)])
    assert (header.creator, header.project) == ("Scan\\xe9", "x" * 200)


def test_user_data_is_bounded_by_its_length_and_the_picture():
    put = [("32s", 2048, b"mine"), ("5s", 2080, b"hello")]
    for stated, expected in ((37, b"hello"), (36, b"hell"), (2**32 - 1, None), (10**6, b"hello")):
        header, raw = header_of([*put, ("I", 32, stated)], offset=2085)
        assert dpx.user_data(raw, big_endian=True, offset=header.offset) == expected


def test_openimageio_reads_the_same_fields(tmp_path):
    put = [(f"{size}s", at, text.encode()) for at, size, text in TEXTS.values()]
    put += [*NUMBERS.values(), ("I", 1920, 0x01234512)]
    header, raw = header_of(put)
    (tmp_path / "a.dpx").write_bytes(raw)
    spec = OpenImageIO.ImageInput.open(str(tmp_path / "a.dpx")).spec()
    theirs = {
        "creator": "Software",
        "project": "DocumentName",
        "copyright": "Copyright",
        "frame_position": "dpx:FramePosition",
        "sequence_length": "dpx:SequenceLength",
        "held_count": "dpx:HeldCount",
        "film_fps": "dpx:FrameRate",
        "frame_id": "dpx:FrameId",
        "slate": "dpx:SlateInfo",
        "film_format": "dpx:Format",
        "input_device_serial": "dpx:InputDeviceSerialNumber",
        "low_code": "dpx:LowData",
        "high_quantity": "dpx:HighQuantity",
    }
    known = {ours: spec.getattribute(name) for ours, name in theirs.items() if spec.getattribute(name) is not None}
    assert len(known) >= 10
    assert known == {name: getattr(header, name) for name in known}
    assert spec.getattribute("dpx:TimeCode") in (None, header.timecode)


def test_an_unusual_orientation_is_read_not_refused():
    header, _ = header_of([("H", 768, 7)])
    assert header.orientation == 7
