"""FADGI's process history in a DPX is read, written and added to without touching anything else."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.process_history import HistoryLine, history_of, parse, render, with_line
from restoration_tasks.media.stills.still import decode_still, parse_still
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from tests.media.pictures import Lines, codes, dpx_file, same

FILM = HistoryLine(source="positive", gauge="16mm", colour="color", sound="silent", fps="24", aspect="4:3")
value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=12)
lines = st.builds(HistoryLine, **{field.name: st.none() | value for field in dataclasses.fields(HistoryLine)}).filter(
    lambda line: str(line) != ""
)


def test_a_line_as_fadgi_writes_it():
    assert str(FILM) == "O=positive, G=16mm, C=color, S=silent, F=24, A=4:3"
    text = "O=DPXv2, L=one-light, W=10-bit, R=2K, M=RGB Log, N=Vendor, T=Model X; SN 1; in-house\r\n"
    (line,) = parse(text)
    assert (line.grading, line.colour_model, line.text) == ("one-light", "RGB Log", "Model X; SN 1; in-house")
    assert render([line]) == text


@given(st.lists(lines, max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_is_rendered_is_parsed(history):
    assert parse(render(history)) == tuple(history)


@pytest.mark.parametrize("text", ["hello", "O=a, O=b", "X=a", "O=a, text", "O=", "=a", "O=a,"])
def test_what_is_no_line_is_refused(text):
    with pytest.raises(DeliveryError, match="process history cannot be read"):
        parse(text)


@pytest.mark.parametrize("bad", ["a,b", "Zürich", "", " a", "a\r\nO=b"])
def test_what_cannot_be_written_is_refused(bad):
    with pytest.raises(MediaError, match=r"cannot be written \(T\)"):
        HistoryLine(text=bad)


@given(
    history=st.lists(lines, min_size=1, max_size=3),
    offset=st.sampled_from([2048, 2049, 2200, 8192]),
    big_endian=st.booleans(),
    ending=st.sampled_from([(Lines.BARE, b""), (Lines.WHOLE, b""), (Lines.WHOLE, b"tail")]),
)
@settings(max_examples=25, deadline=None)
def test_lines_added_are_read_back_and_nothing_else_changes(history, offset, big_endian, ending):
    frame = codes(3, 4, 5, 8)
    raw = dpx_file(frame, 8, offset=offset, big_endian=big_endian, lines=ending[0], tail=ending[1])
    changed = raw
    for line in history:
        changed = with_line(changed, line)
    before, after = parse_still(raw, "a.dpx"), parse_still(changed, "a.dpx")
    assert history_of(changed, after.dpx) == tuple(history)
    assert same([decode_still(changed, after, "a.dpx")], [frame])
    assert changed[after.dpx.offset :] == raw[before.dpx.offset :]
    assert after.dpx.stated_bytes == len(changed)
    element = struct.unpack_from(">I" if big_endian else "<I", changed, 808)[0]
    assert after.dpx.stated_offset == element == after.dpx.offset
    kept = [field.name for field in dataclasses.fields(before.dpx) if field.name not in MOVED]
    assert all(getattr(before.dpx, name) == getattr(after.dpx, name) for name in kept)
    assert changed[36:2048] == raw[36:808] + changed[808:812] + raw[812:2048]


MOVED = {"offset", "stated_offset", "stated_bytes", "user_id"}


def test_undefined_sizes_stay_undefined():
    raw = dpx_file(codes(1, 2, 2, 16), 16, stated=0xFFFFFFFF, put=(("I", 808, 0xFFFFFFFF),))
    changed = with_line(raw, FILM)
    assert struct.unpack_from(">I", changed, 16) == struct.unpack_from(">I", changed, 808) == (0xFFFFFFFF,)
    assert history_of(changed, parse_still(changed, "a.dpx").dpx) == (FILM,)


def test_the_picture_moves_only_where_there_is_no_room():
    raw = dpx_file(codes(1, 2, 2, 16), 16, offset=8192)
    assert len(with_line(raw, FILM)) == len(raw)
    short = dpx_file(codes(1, 2, 2, 16), 16, offset=2048)
    assert len(with_line(short, FILM)) == len(short) + 2048


@pytest.mark.parametrize(
    ("offset", "put"),
    [(8192, (("32s", 2048, b"somebody"),)), (8192, (("4s", 3000, b"mine"),)), (1664, ())],
)
def test_what_belongs_to_somebody_else_is_never_overwritten(offset, put):
    raw = dpx_file(codes(1, 4, 4, 16), 16, offset=offset, put=put)
    with pytest.raises(MediaError, match=r"a\.dpx: the process history cannot be written"):
        with_line(raw, FILM, name="a.dpx")


def test_a_file_without_history_has_none():
    raw = dpx_file(codes(1, 2, 2, 16), 16, offset=8192, put=(("32s", 2048, b"somebody"),))
    assert history_of(raw, dpx.parse_header(raw[: dpx.PARSED_BYTES], file_bytes=len(raw), name="a")) == ()
