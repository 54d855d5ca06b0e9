"""Reels and parts are told apart by names and numbers, on any system's way of writing them."""

from __future__ import annotations

import shutil

import pytest

from restoration_tasks.media.delivery.delivery import delivery_digest, find_delivery, reels_in
from restoration_tasks.media.delivery.reels import are_parts, natural, reel_name, roman_number
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.delivery.reels import FIRST, checked, found, frame, scan, sign


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("reel 01", 1),
        ("Reel_2", 2),
        ("REEL-12", 12),
        ("r03", 3),
        ("R 4", 4),
        ("roll 4", 4),
        ("bobine 2", 2),
        ("Rolle 3", 3),
        ("Rolle IV", 4),
        ("reel nr. 7", 7),
        ("film_title_reel05_", 5),
        ("Bio 1907 R02 neg", 2),
        ("reel Ⅳ", 4),
    ],
)
def test_what_speaks_of_a_reel(text, number):
    assert reel_name(text).number == number


@pytest.mark.parametrize(
    "text", ["part 1", "reel_", "film_", "reeling 3", "scroll 3", "for 3", "frames", "roll mix", ""]
)
def test_what_does_not(text):
    assert reel_name(text) is None


def test_roman_numbers():
    assert [roman_number(text) for text in ("i", "iv", "ix", "xiv", "xl", "lix", "iiii", "", "ic")] == [
        *(1, 4, 9, 14, 40, 59),
        *(None, None, None),
    ]


def test_natural_order():
    names = ["part 10", "part 2", "part 1", "Part 3"]
    assert sorted(names, key=natural) == ["part 1", "part 2", "Part 3", "part 10"]
    assert sorted(["akt x", "akt ix", "akt ii"], key=natural) == ["akt ii", "akt ix", "akt x"]
    assert are_parts(["a/part 1", "a/part 2"])
    assert are_parts(["0000-0999", "1000-1999"])
    assert are_parts(["side a", "side b"])
    assert not are_parts(["frames", "frames copy"])


@pytest.fixture
def three(tmp_path):
    for reel, count in ((1, 3), (2, 4), (10, 2)):
        for place in range(count):
            frame(tmp_path / "film" / f"reel {reel:02d}", FIRST + place, position=place, length=count, seed=reel)
    sign(tmp_path / "film")
    return tmp_path / "film"


def test_reels_of_folders_are_found_as_such(three):
    assert reels_in(three) == ("reel 01", "reel 02", "reel 10")
    with pytest.raises(DeliveryError, match=r"several reels .*found reel 01, reel 02, reel 10"):
        find_delivery(three)
    for asked in ("reel 02", "REEL 02", "2", "reel 2", "Rolle II"):
        assert len(find_delivery(three, asked).sequence) == 4
    with pytest.raises(DeliveryError, match="does not hold this reel"):
        find_delivery(three, "reel 3")
    assert found(three, "reel 02") == []


def test_a_fault_of_one_reel_is_none_of_another(three):
    (three / "reel 01" / f"film_{FIRST + 1:06d}.dpx").unlink()
    (three / "reel 03").mkdir()
    (three / "reel 01" / "x.jpg").write_bytes(b"x")
    (three / ".ready").touch()
    assert found(three, "reel 02") == ["note empty-folder:reel 03"]
    assert set(found(three, "reel 01")) == {
        "note empty-folder:reel 03",
        "note stray-file:reel 01/x.jpg",
        "fail missing-frames:1001",
    }


def test_a_reels_own_folder_finds_manifest_and_mark_above_it(three):
    inside = find_delivery(three / "reel 02")
    assert (inside.root, inside.folder, inside.reel) == (three, three / "reel 02", "reel 02")
    assert inside.findings == ()
    assert delivery_digest(inside) == delivery_digest(three, "reel 02")
    (three / "manifest-md5.txt").unlink()
    assert found(three / "reel 02") == ["fail no-completion-mark"]
    (three / ".ready").touch()
    assert found(three / "reel 02") == []


def test_reels_may_lie_deeper_and_a_missing_one_is_nobody_elses(three):
    (three / "scans").mkdir()
    for name in ("reel 01", "reel 02", "reel 10"):
        (three / name).rename(three / "scans" / name)
    (three / "manifest-md5.txt").unlink()
    sign(three)
    names = reels_in(three)
    assert names == ("scans/reel 01", "scans/reel 02", "scans/reel 10")
    for name in names:
        assert find_delivery(three / name).findings == ()
        assert delivery_digest(three / name) == delivery_digest(three, name)
    for missing in (three / "reel 01", three.parent / "reel 01", three / "frames"):
        with pytest.raises(DeliveryError, match="not there"):
            find_delivery(missing)


def test_an_inboxs_mark_of_a_neighbour_does_not_count(tmp_path):
    scan(tmp_path / "in" / "r1", mark=False)
    (tmp_path / "in" / "r1" / "manifest-md5.txt").unlink()
    (tmp_path / "in" / "r2").mkdir()
    (tmp_path / "in" / "r2.ready").touch()
    assert found(tmp_path / "in" / "r1") == ["fail no-completion-mark"]
    (tmp_path / "in" / "r1.ready").touch()
    assert found(tmp_path / "in" / "r1") == []


def test_reels_of_prefixes_in_one_folder(tmp_path):
    for reel, count in ((1, 3), (2, 4)):
        for place in range(count):
            frame(tmp_path / "film", FIRST + place, position=place, length=count, prefix=f"Bio_R{reel:02d}_")
    sign(tmp_path / "film")
    assert reels_in(tmp_path / "film") == ("Bio_R01", "Bio_R02")
    assert found(tmp_path / "film", "2") == []
    assert len(find_delivery(tmp_path / "film" / "Bio_R02").sequence) == 4


def test_a_sequence_of_no_reel_beside_reels_is_refused(three):
    for place in range(2):
        frame(three / "extra", place, position=place, length=2)
    with pytest.raises(DeliveryError, match="more than one sequence"):
        reels_in(three)


def test_two_folders_of_one_reel_are_refused(three):
    shutil.copytree(three / "reel 01", three / "Reel 1")
    with pytest.raises(DeliveryError, match="named as the same reel"):
        reels_in(three)


def parts(folder, layout):
    """Frames by folder: `{folder: (first, count)}`, positions running on."""
    total, position = sum(count for _, count in layout.values()), 0
    for name, (first, count) in layout.items():
        for place in range(count):
            frame(folder / name, first + place, position=position, length=total, seed=len(name) + position)
            position += 1
    sign(folder)
    return folder


def numbers(folder):
    return [(frame.part, frame.number) for frame in find_delivery(folder).sequence.frames]


def test_numbers_that_go_on_from_part_to_part(tmp_path):
    reel = parts(tmp_path / "r", {"0000-0002": (0, 3), "0003-0004": (3, 2), "0005-0009": (5, 5)})
    assert reels_in(reel) == ()
    assert numbers(reel) == [("", number) for number in range(10)]
    assert found(reel) == []


def test_numbers_that_start_anew_in_each_part(tmp_path):
    reel = parts(tmp_path / "r", {"part 2": (0, 3), "part 10": (0, 2), "part 1": (0, 4)})
    shutil.rmtree(reel)
    reel = parts(tmp_path / "r", {"part 1": (0, 4), "part 2": (0, 3), "part 10": (0, 2)})
    assert numbers(reel) == [
        *(("part 1", number) for number in range(4)),
        *(("part 2", number) for number in range(3)),
        *(("part 10", number) for number in range(2)),
    ]
    assert found(reel) == []
    (reel / "part 2" / "film_000001.dpx").unlink()
    (reel / ".ready").touch()
    assert found(reel) == ["fail missing-frames:part 2/1"]
    result = checked(reel, None, "missing-frames:part 2/1")
    assert [frame.stands_in for frame in result.sequence.frames] == [None] * 5 + ["missing"] + [None] * 3
    assert result.sequence.frames[5].name == "part 2/film_000001.dpx"


def test_the_tail_of_a_part_is_inside_the_reel(tmp_path):
    reel = parts(tmp_path / "r", {"part 1": (0, 4), "part 2": (0, 3)})
    (reel / ".ready").touch()
    (reel / "part 1" / "film_000003.dpx").unlink()
    (reel / "part 2" / "film_000002.dpx").unlink()
    assert found(reel) == ["fail missing-frames:part 1/3", "fail missing-tail:part 2/2"]
    names = [frame.name for frame in checked(reel, None, "missing-frames", "missing-tail").sequence.frames]
    assert names[3] == "part 1/film_000003.dpx"
    assert names[6] == "part 2/film_000002.dpx"


def test_one_number_in_two_folders_of_one_numbering(tmp_path):
    reel = parts(tmp_path / "r", {"0-4": (0, 5), "5-9": (5, 5)})
    shutil.copy(reel / "0-4" / "film_000004.dpx", reel / "5-9")
    sign(reel)
    assert found(reel) == ["fail duplicate-number:4"]


def test_a_copied_folder_is_no_part(tmp_path):
    reel = parts(tmp_path / "r", {"frames": (0, 3)})
    shutil.copytree(reel / "frames", reel / "frames copy")
    sign(reel)
    assert [line.split(":")[0] for line in found(reel)] == ["fail duplicate-number"] * 3


def test_two_sequences_that_are_neither_are_refused(tmp_path):
    for place in range(3):
        frame(tmp_path / "r" / "negative", place, position=place, length=3, prefix="neg_")
        frame(tmp_path / "r" / "print", place, position=place, length=3, prefix="pos_")
    with pytest.raises(DeliveryError, match=r"more than one sequence.*negative/neg_\*\.dpx \(3 frames\)"):
        find_delivery(tmp_path / "r")


def test_videos_and_sound_of_several_reels(tmp_path):
    for name in ("reel 1.mkv", "reel 2.mkv", "reel 1.wav", "sound.wav", "log.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / ".ready").touch()
    assert reels_in(tmp_path) == ("reel 1", "reel 2")
    one = find_delivery(tmp_path, "1")
    assert (one.sequence, one.container.name, [path.name for path in one.sound]) == (None, "reel 1.mkv", ["reel 1.wav"])
    assert [path.name for path in one.papers] == ["log.txt"]
    assert [finding.id for finding in one.findings] == ["stray-file:sound.wav"]
    (tmp_path / "other.mov").write_bytes(b"x")
    assert delivery_digest(tmp_path, "1")[1] == 0


def test_two_videos_of_no_reel_are_refused(tmp_path):
    for name in ("a.mkv", "b.mov"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DeliveryError, match=r"more than one video.*a\.mkv, b\.mov"):
        find_delivery(tmp_path)
