"""Every fault a delivery can have, made on purpose: each gives its finding and nothing else."""

from __future__ import annotations

import shutil
import struct

import pytest

from restoration_tasks.media.delivery.findings import Rule
from tests.media.delivery.reels import FIRST, at, checked, edge_code, found, frame, put, scan, sign, timecode


@pytest.fixture
def reel(tmp_path):
    return scan(tmp_path / "reel")


def every(reel):
    return sorted(reel.glob("*.dpx"))


def test_a_good_delivery_has_no_finding(reel):
    result = checked(reel)
    assert result.findings == ()
    assert [record.frame.number for record in result.records] == list(range(FIRST, FIRST + 8))
    assert [record.counters.position for record in result.records] == list(range(8))
    assert len({id(record.header) for record in result.records}) == 1
    assert [file.name for file in result.files] == ["manifest-md5.txt"]


# -- completeness


def unmarked(reel):
    (reel / ".ready").unlink()
    (reel / "manifest-md5.txt").unlink()


def gap(reel):
    at(reel, 3).unlink()
    at(reel, 4).unlink()


def gap_the_manifest_knows_nothing_of(reel):
    gap(reel)
    sign(reel)


def head(reel):
    at(reel, 0).unlink()
    at(reel, 1).unlink()


def head_only_headers_know_of(reel):
    head(reel)
    sign(reel)


def tail(reel):
    at(reel, 7).unlink()


def tail_only_headers_know_of(reel):
    tail(reel)
    sign(reel)


def not_in_manifest(reel):
    lines = (reel / "manifest-md5.txt").read_text().splitlines(keepends=True)
    (reel / "manifest-md5.txt").write_text("".join(lines[:3] + lines[5:]))


def missing_paper(reel):
    (reel / "grade.log").write_text("x")
    sign(reel)
    (reel / "grade.log").unlink()


def other_case(reel):
    text = (reel / "manifest-md5.txt").read_text()
    (reel / "manifest-md5.txt").write_text(text.replace("film_001002.dpx", "FILM_001002.DPX"))


def duplicate(reel):
    shutil.copy(at(reel, 2), reel / "film_1002.dpx")
    sign(reel)


# -- single frames


def empty(reel):
    at(reel, 3).write_bytes(b"")


def truncated(reel):
    for place in (3, 4):
        at(reel, place).write_bytes(at(reel, place).read_bytes()[:-1])


def truncated_by_the_scanner(reel):
    truncated(reel)
    sign(reel)


def no_magic(reel):
    put(at(reel, 3), "4s", 0, b"ABCD")


def two_elements(reel):
    put(at(reel, 3), "H", 770, 2)
    sign(reel)


def flipped_bit(reel):
    raw = bytearray(at(reel, 5).read_bytes())
    raw[-7] ^= 1
    at(reel, 5).write_bytes(raw)


def flipped_bit_in_the_header(reel):
    put(at(reel, 5), "I", 1712, 77)


def other_size(reel):
    other = frame(reel.parent / "other", FIRST + 3, position=3, length=8)
    put(other, "I", 772, 6)
    shutil.copy(other, at(reel, 3))
    sign(reel)


def first_is_other(reel):
    put(at(reel, 0), "I", 772, 6)
    sign(reel)


def identical(reel):
    raw = at(reel, 4).read_bytes()
    for place in (5, 6):
        at(reel, place).write_bytes(at(reel, place).read_bytes()[:2048] + raw[2048:])
    sign(reel)


# -- headers


def version(reel):
    for path in every(reel):
        put(path, "8s", 8, b"V9.9")
    sign(reel)


def orientation(reel):
    for path in every(reel):
        put(path, "H", 768, 1)
    sign(reel)


def transfer(reel):
    put(at(reel, 3), "B", 801, 1)
    put(at(reel, 4), "B", 801, 1)
    sign(reel)


def stated_size(reel):
    for path in every(reel):
        put(path, "I", 16, 99)
    sign(reel)


def bytes_behind(reel):
    raw = at(reel, 3).read_bytes() + b"\0" * 64
    at(reel, 3).write_bytes(raw[:16] + struct.pack(">I", len(raw)) + raw[20:])
    sign(reel)


def swapped(reel):
    one, other = at(reel, 2).read_bytes(), at(reel, 5).read_bytes()
    at(reel, 2).write_bytes(other)
    at(reel, 5).write_bytes(one)
    sign(reel)


def positions_stand_still(reel):
    for path in every(reel):
        put(path, "I", 1712, 1)
    sign(reel)


def constant_length(reel):
    for path in every(reel):
        put(path, "I", 1716, 3)
    sign(reel)


def odd_length(reel):
    put(at(reel, 3), "I", 1716, 9)
    sign(reel)


def unfilled_length(reel):
    for path in every(reel):
        put(path, "I", 1716, 1)
    sign(reel)


def header_name(reel):
    put(at(reel, 3), "16s", 36, b"film_001006.dpx")
    sign(reel)


def renamed(reel):
    for place, path in enumerate(every(reel)):
        put(path, "100s", 36, f"D:\\scans\\roll7\\A.{500 + place:06d}.dpx".encode())
    sign(reel)


def time_back(reel):
    put(at(reel, 3), "I", 1920, timecode(1))
    sign(reel)


def time_ahead(reel):
    for place in range(3, 8):
        put(at(reel, place), "I", 1920, timecode(place + 50))
    sign(reel)


def edge_back(reel):
    for place in range(3, 8):
        edge_code(at(reel, place), place - 9)
    sign(reel)


def edge_ahead(reel):
    for place in range(3, 8):
        edge_code(at(reel, place), place + 90)
    sign(reel)


def unnamed(offset, length):
    def spoil(reel):
        for path in every(reel):
            put(path, f"{length}s", offset, b"")
        sign(reel)

    return spoil


# -- the folder


def stray(reel):
    (reel / "thumbnail.jpg").write_bytes(b"x")


def lone_picture(reel):
    (reel / "slate_1.png").write_bytes(b"x")


def viewing_copy(reel):
    (reel / "viewing.mp4").write_bytes(b"x")


def empty_folder(reel):
    (reel / "sound").mkdir()


def link(reel):
    (reel / "more").symlink_to(reel.parent)


def litter(reel):
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._film_001000.dpx"):
        (reel / name).write_bytes(b"x")
    (reel / "__MACOSX").mkdir()


def paper(reel):
    (reel / "scan.log").write_text("all good")
    (reel / "reel.ALE").write_text("Heading")


# -- sound and the rest


def broken_sound(reel):
    (reel / "sound.wav").write_bytes(b"RIFF\x10\0\0\0WAVEjunk")
    sign(reel)


def empty_sound(reel):
    (reel / "sound.wav").write_bytes(b"")
    sign(reel)


FAULTS = [
    (unmarked, ["fail no-completion-mark"]),
    (gap, ["fail missing-frames:1003-1004"]),
    (gap_the_manifest_knows_nothing_of, ["fail missing-frames:1003-1004"]),
    (head, ["fail missing-head:1000-1001"]),
    (head_only_headers_know_of, ["fail missing-head:1000-1001"]),
    (tail, ["fail missing-tail:1007"]),
    (tail_only_headers_know_of, ["fail missing-tail:1007"]),
    (not_in_manifest, ["fail not-in-manifest:1003-1004"]),
    (missing_paper, ["fail missing-file:grade.log"]),
    (other_case, ["note manifest-name:film_001002.dpx"]),
    (duplicate, ["fail duplicate-number:1002"]),
    (empty, ["fail empty:1003"]),
    (truncated, ["fail truncated:1003-1004"]),
    (truncated_by_the_scanner, ["fail truncated:1003-1004"]),
    (no_magic, ["fail damaged:1003"]),
    (two_elements, ["fail damaged:1003"]),
    (flipped_bit, ["fail digest:1005"]),
    (flipped_bit_in_the_header, ["fail digest:1005"]),
    (other_size, ["fail unlike-first:1003"]),
    (first_is_other, ["fail unlike-first:1000"]),
    (identical, ["warn identical-frames:1005-1006"]),
    (version, ["warn header-version:1000-1007"]),
    (orientation, ["warn orientation:1000-1007"]),
    (transfer, ["fail transfer-changes:1003-1004"]),
    (stated_size, ["warn file-size:1000-1007"]),
    (bytes_behind, ["note file-size:1003"]),
    (swapped, ["fail frame-position:1002", "fail frame-position:1005"]),
    (positions_stand_still, ["note frame-position:1000-1007"]),
    (constant_length, ["warn sequence-length:1000-1007"]),
    (odd_length, ["warn sequence-length:1003"]),
    (unfilled_length, ["note sequence-length:1000-1007"]),
    (header_name, ["warn header-file-name:1003"]),
    (renamed, ["note header-file-name:1000-1007"]),
    (time_back, ["fail timecode:1003"]),
    (time_ahead, ["warn timecode:1003"]),
    (edge_back, ["warn keycode:1003"]),
    (edge_ahead, ["note keycode:1003"]),
    (unnamed(160, 100), ["note creator-missing:1000-1007"]),
    (unnamed(1556, 32), ["note device-missing:1000-1007"]),
    (unnamed(260, 200), ["note project-missing:1000-1007"]),
    (stray, ["note stray-file:thumbnail.jpg"]),
    (lone_picture, ["note stray-file:slate_1.png"]),
    (viewing_copy, ["note stray-file:viewing.mp4"]),
    (empty_folder, ["note empty-folder:sound"]),
    (link, ["warn link:more"]),
    (litter, []),
    (paper, []),
    (broken_sound, ["fail sound-damaged:sound.wav"]),
    (empty_sound, ["fail empty:sound.wav"]),
]


@pytest.mark.parametrize(("spoil", "expected"), FAULTS, ids=[getattr(fault[0], "__name__", "") for fault in FAULTS])
def test_each_fault_gives_its_finding_and_nothing_else(reel, spoil, expected):
    spoil(reel)
    assert found(reel) == expected


def test_only_such_faults_refuse_that_a_rule_grades_so(reel):
    assert all(expected[0].startswith("fail") for spoil, expected in FAULTS if spoil.__name__ in ("gap", "empty"))
    graded = {line.split(" ")[1].split(":")[0] for _, expected in FAULTS for line in expected}
    elsewhere = {"surplus-frames", "sound-length", "specification"}
    elsewhere |= {rule.value for rule in Rule if rule.value.startswith("infrared-")}
    assert graded | elsewhere == {rule.value for rule in Rule}
