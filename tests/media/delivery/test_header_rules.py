"""Headers are judged against each other: real gauges, rates and habits of scanners, without a storm of findings."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from restoration_tasks.media.delivery.reels import natural
from tests.media.delivery.reels import FIRST, at, checked, found, frame, put, scan, sign, timecode


def every(reel):
    return sorted(reel.glob("*.dpx"), key=lambda path: natural(path.name))


@pytest.fixture
def reel(tmp_path):
    return scan(tmp_path / "reel")


def test_headers_that_say_nothing_are_three_notes_not_a_storm(tmp_path):
    reel = scan(tmp_path / "reel", 30)
    for path in every(reel):
        raw = bytearray(path.read_bytes())
        raw[36:660] = b"\0" * 624
        raw[1408:1664] = b"\0" * 256
        raw[1664:2048] = b"\xff" * 384
        path.write_bytes(raw)
    sign(reel)
    assert {line.split(":")[0] for line in found(reel)} == {
        "note creator-missing",
        "note device-missing",
        "note project-missing",
    }


def test_a_fault_that_comes_and_goes_is_told_once(tmp_path):
    reel = scan(tmp_path / "reel", 60)
    for path in every(reel)[::2]:
        put(path, "I", 16, 99)
    sign(reel)
    (finding,) = checked(reel).findings
    assert (finding.rule, finding.count) == ("file-size", 30)
    assert finding.message.endswith("(30 times)")


@pytest.mark.parametrize(("first", "base"), [(0, 0), (1, 1), (86400, 0), (86400, 1), (86400, 86400)])
def test_positions_may_count_from_anywhere(tmp_path, first, base):
    for place in range(5):
        frame(tmp_path / "reel", first + place, position=base + place, length=5)
    sign(tmp_path / "reel")
    assert found(tmp_path / "reel") == []


@pytest.mark.parametrize(
    ("lost", "base", "finding"),
    [
        ((0, 1), 0, "fail missing-head:1000-1001"),
        ((0, 1), 1, "fail missing-head:1000-1001"),
        ((0,), 0, "fail missing-head:1000"),
        ((7,), 1, "fail missing-tail:1007"),
        ((6, 7), 0, "fail missing-tail:1006-1007"),
        ((6, 7), 1, "fail missing-tail:1006-1007"),
    ],
)
def test_headers_tell_head_from_tail(tmp_path, lost, base, finding):
    for place in set(range(8)) - set(lost):
        frame(tmp_path / "reel", FIRST + place, position=base + place, length=8)
    sign(tmp_path / "reel")
    if (lost, base) == ((7,), 1):
        # counted from 1 without the last, or from 0 without the first: one frame is missing at one end
        assert found(tmp_path / "reel")[0].startswith("fail missing-")
    else:
        assert found(tmp_path / "reel") == [finding]


def codes(reel, values):
    for path, value in zip(every(reel), values, strict=True):
        put(path, "I", 1920, int(value.replace(":", ""), 16))
    sign(reel)
    return found(reel)


def test_time_codes_over_a_minute_and_over_midnight(reel):
    assert codes(reel, [f"23:59:59:{n:02d}" for n in range(20, 24)] + [f"00:00:00:{n:02d}" for n in range(4)]) == []
    assert codes(reel, ["23:59:59:20"] * 8) == ["note timecode:1000-1007"]


def test_drop_frame_time_codes(reel):
    for path in every(reel):
        put(path, "f", 1724, 30.0)
        put(path, "f", 1940, 30.0)
    dropped = [f"00:01:59:{n}" for n in range(26, 30)] + [f"00:02:00:{n:02d}" for n in range(2, 6)]
    # the flag of dropped counts stands in the tens of the frames (ST 12-1)
    flagged = [code[:9] + f"{int(code[9:], 16) | 0x40:02x}" for code in dropped]
    assert codes(reel, flagged) == []
    assert codes(reel, dropped) == ["warn timecode:1004"]
    tenth = [f"00:09:59:{n}" for n in range(26, 30)] + [f"00:10:00:{n:02d}" for n in range(4)]
    assert codes(reel, [code[:9] + f"{int(code[9:], 16) | 0x40:02x}" for code in tenth]) == []


def test_time_code_runs_on_over_missing_frames(reel):
    at(reel, 3).unlink()
    assert found(reel) == ["fail missing-frames:1003"]


@pytest.mark.parametrize(("perforations", "step"), [(64, 4), (64, 3), (64, 2), (20, 1), (120, 5)])
def test_edge_codes_of_every_gauge(tmp_path, perforations, step):
    reel = scan(tmp_path / "reel", 40)
    for place, path in enumerate(every(reel)):
        count, offset = divmod(7 * perforations + step * place, perforations)
        text = f"0255{offset % 100:02d}123456{count:04d}"
        put(path, "18s", 1664, text[:16].encode())
    sign(reel)
    if perforations < 100:
        assert found(reel) == []
    else:  # two digits do not hold 120 perforations: the code is judged as far as it goes
        assert all("keycode" in line and not line.startswith("fail") for line in found(reel))


def test_a_splice_of_another_stock_is_no_fault(reel):
    from tests.media.delivery.reels import edge_code

    for place in range(4, 8):
        edge_code(at(reel, place), place - 50, prefix="654321")
    sign(reel)
    assert found(reel) == []


def test_missing_time_codes_in_the_middle_are_no_jump(reel):
    put(at(reel, 3), "I", 1920, 0xFFFFFFFF)
    sign(reel)
    assert found(reel) == []
    assert timecode(0) == 0x01000000


def test_pictures_without_such_headers_have_no_such_findings(tmp_path):
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 65536, (6, 8, 3)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"a_{number}.tif"), picture)
    (tmp_path / ".ready").touch()
    assert found(tmp_path) == []
    shutil.copy(tmp_path / "a_0.tif", tmp_path / "a_1.tif")
    assert found(tmp_path) == ["warn identical-frames:1"]
