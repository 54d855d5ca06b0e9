"""Every delivered DPX and uncompressed TIFF is rebuilt byte for byte from its samples and what is kept beside them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.dpx_header import Packing
from restoration_tasks.media.stills.rebuild import Remainder, rebuilt, remainder_of
from restoration_tasks.media.stills.side_car import RemainderReader, RemainderWriter
from restoration_tasks.media.stills.still import StillKind, decode_still, parse_still
from restoration_tasks.runtime.errors import MediaError
from tests.media.pictures import Lines, codes, dpx_file, interleaved
from tests.media.stills.test_dpx_variants import DEPTHS, possible
from tests.media.tiffs import tiff_file


def taken_apart(raw, name):
    header = parse_still(raw, name)
    frame = decode_still(raw, header, name)
    return remainder_of(raw, header, frame, name), frame


@given(
    samples=st.sampled_from([1, 3, 4]),
    depth=st.sampled_from(DEPTHS),
    big_endian=st.booleans(),
    lines=st.sampled_from(list(Lines)),
    line_padding=st.sampled_from([0, 3]),
    offset=st.sampled_from([1664, 2048, 3001]),
    tail=st.binary(max_size=5),
    garbage=st.sampled_from(["none", "header", "all"]),
    size=st.tuples(st.integers(1, 5), st.integers(1, 14)),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_any_dpx_is_rebuilt(samples, depth, big_endian, lines, line_padding, offset, tail, garbage, size, seed):
    if not possible(samples, *depth, lines):
        lines = Lines.WHOLE
    if lines is not Lines.WHOLE:
        line_padding, tail = 0, b""
    frame = codes(samples, *size, depth[0], seed)
    raw = bytearray(
        dpx_file(
            frame,
            depth[0],
            packing=depth[1],
            big_endian=big_endian,
            lines=lines,
            line_padding=line_padding,
            offset=offset,
            tail=tail,
        )
    )
    random = np.random.default_rng(seed)
    if garbage != "none":
        raw[820:1556] = random.bytes(1556 - 820)
        raw[1664:offset] = random.bytes(offset - 1664)
    if garbage == "all":
        # Other samples as well, and rubbish in every bit that is none.
        raw[offset:] = random.bytes(len(raw) - offset)
    remainder, decoded = taken_apart(bytes(raw), "a.dpx")
    assert rebuilt(remainder, decoded) == bytes(raw)
    assert garbage == "all" or lines is Lines.RUN_ON or remainder.padding == b""


@given(
    samples=st.sampled_from([1, 3, 4]),
    bit_depth=st.sampled_from([8, 16]),
    big_endian=st.booleans(),
    big_tiff=st.booleans(),
    layout=st.sampled_from([{}, {"rows": 1}, {"rows": 3}, {"tile": (16, 16)}, {"tile": (16, 32)}]),
    gap=st.sampled_from([b"", b"between"]),
    directory_first=st.booleans(),
    tail=st.binary(max_size=9),
    size=st.tuples(st.integers(1, 9), st.integers(1, 35)),
)
@settings(max_examples=80, deadline=None)
def test_any_uncompressed_tiff_is_rebuilt(
    samples, bit_depth, big_endian, big_tiff, layout, gap, directory_first, tail, size
):
    pixels = interleaved(codes(samples, *size, bit_depth))
    raw = tiff_file(
        pixels,
        big_endian=big_endian,
        big_tiff=big_tiff,
        gap=gap,
        directory_first=directory_first,
        tags={305: b"ScanWare 4\0"},
        **layout,
    )
    remainder, frame = taken_apart(raw + tail, "a.tif")
    assert rebuilt(remainder, frame) == raw + tail
    # No samples are kept twice: what is kept does not grow with the picture.
    assert remainder.picture_bytes >= pixels.nbytes


def test_with_another_picture_it_is_the_same_file_around_other_samples():
    for raw, name in (
        (dpx_file(codes(3, 5, 7, 10), 10, tail=b"tail"), "a.dpx"),
        (tiff_file(interleaved(codes(3, 5, 7, 16)), rows=2, gap=b"xy"), "a.tif"),
    ):
        remainder, frame = taken_apart(raw, name)
        other = tuple((plane ^ 1).astype(plane.dtype) for plane in frame)
        changed = rebuilt(remainder, other)
        begin, end = len(remainder.head), len(remainder.head) + remainder.picture_bytes
        assert (changed[:begin], changed[end:]) == (raw[:begin], raw[end:])
        found = decode_still(changed, parse_still(changed, name), name)
        assert all(np.array_equal(a, b) for a, b in zip(found, other, strict=True))


def test_rubbish_between_samples_is_seen_without_packing_again(monkeypatch):
    raw = dpx_file(codes(3, 5, 7, 10), 10)
    header = parse_still(raw, "a.dpx")
    frame = decode_still(raw, header, "a.dpx")
    monkeypatch.setattr(dpx, "pack", None)
    assert remainder_of(raw, header, frame).padding == b""
    with pytest.raises(TypeError):
        remainder_of(raw[:-1] + bytes([raw[-1] | 1]), header, frame)


def test_a_kind_that_cannot_be_rebuilt_and_a_damaged_remainder_are_refused():
    raw = dpx_file(codes(1, 5, 7, 12), 12, packing=Packing.FILLED_B)
    remainder, frame = taken_apart(raw, "a.dpx")
    header = parse_still(raw, "a.dpx")
    with pytest.raises(MediaError, match="cannot be rebuilt"):
        remainder_of(raw, dataclasses.replace(header, rebuilds=False), frame)
    for change in ({"padding": b"no zlib"}, {"padding": b"x\x9c\x03\0\0\0\0\x01"}):
        with pytest.raises(MediaError, match="is damaged"):
            rebuilt(dataclasses.replace(remainder, **change), frame)
    with pytest.raises(MediaError, match="does not fit"):
        rebuilt(remainder, frame + frame)
    tiff, picture = taken_apart(tiff_file(interleaved(codes(3, 5, 7, 16))), "a.tif")
    with pytest.raises(MediaError, match="does not fit"):
        rebuilt(tiff, picture[:1])


def headers(count, size=2048):
    """Remainders as a scanner leaves them: a name, a counter, a time, serial noise that stays the same."""
    noise = np.random.default_rng(0).bytes(size)
    for place in range(count):
        head = bytearray(noise)
        head[36:60] = f"reel_{place:07d}.dpx".encode().ljust(24, b"\0")
        head[136:160] = f"2026:11:22:10:{place // 60 % 60:02d}:{place % 60:02d}Z".encode().ljust(24, b"\0")
        head[1712:1716] = place.to_bytes(4, "big")
        yield Remainder(f"reel_{place:07d}.dpx", StillKind.DPX, 100, bytes(head), b"", b"")


def written(path, remainders):
    with RemainderWriter(path) as writer:
        for remainder in remainders:
            writer.write(remainder)
    return path


def test_a_side_car_is_small_repeats_byte_for_byte_and_gives_every_frame_back(tmp_path):
    path = written(tmp_path / "a.parquet", headers(2000))
    assert path.stat().st_size < 300_000
    assert path.read_bytes() == written(tmp_path / "b.parquet", headers(2000)).read_bytes()
    reader = RemainderReader(path)
    assert len(reader) == 2000
    expected = list(headers(2000))
    assert all(reader[place] == expected[place] for place in (0, 255, 256, 1999, 700))
    with pytest.raises(IndexError):
        reader[2000]


def test_frames_full_of_garbage_do_not_pile_up(tmp_path, monkeypatch):
    from restoration_tasks.media.stills import side_car

    monkeypatch.setattr(side_car, "_GROUP_BYTES", 10_000)
    remainders = [dataclasses.replace(one, padding=b"x" * place) for place, one in enumerate(headers(60))]
    with RemainderWriter(tmp_path / "a.parquet") as writer:
        for remainder in remainders:
            writer.write(remainder)
            assert writer._held_bytes < 10_000
    reader = RemainderReader(tmp_path / "a.parquet")
    assert [reader[place] for place in range(60)] == remainders


def test_a_side_car_appears_whole_or_not_at_all(tmp_path):
    def fails():
        yield from headers(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written(tmp_path / "a.parquet", fails())
    assert not list(tmp_path.iterdir())
    assert len(RemainderReader(written(tmp_path / "none.parquet", []))) == 0


def test_a_damaged_side_car_is_refused(tmp_path):
    path = written(tmp_path / "a.parquet", headers(300))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(MediaError, match=r"a\.parquet: the header side-car of the master cannot be read"):
        RemainderReader(path)
