"""A side sequence that shows dirt is found beside the picture, checked as everything is, and never taken for a reel."""

from __future__ import annotations

import shutil

import pytest

from restoration_tasks.media.delivery.delivery import delivery_digest, find_delivery, reels_in
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, Waiver
from restoration_tasks.media.delivery.fixity import require_unchanged
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.media.delivery.side_names import SideWord, side_word
from restoration_tasks.media.side_channel import places_of, written
from restoration_tasks.runtime.errors import DeliveryError, SourceChanged
from tests.media.delivery.reels import FIRST, checked, found, frame, put, scan, side, side_frame, sign


@pytest.fixture
def reel(tmp_path):
    return side(scan(tmp_path / "reel"))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("ir", SideWord.TRANSMISSION),
        ("Infrared", SideWord.TRANSMISSION),
        ("reel_01_IR", SideWord.TRANSMISSION),
        ("infra-red pass", SideWord.TRANSMISSION),
        ("IR_matte", SideWord.MATTE),
        ("DirtMask", SideWord.MATTE),
        ("dust matte", SideWord.MATTE),
        ("dirtmap", SideWord.UNSAID),
        ("dirt", SideWord.UNSAID),
        ("ir map", SideWord.UNSAID),
        ("film noir", None),
        ("air", None),
        ("irene", None),
        ("dirty dancing", None),
        ("", None),
    ],
)
def test_what_names_say(name, word):
    assert side_word(name) is word


def test_only_names_that_state_a_polarity_have_one():
    assert [word.polarity for word in SideWord] == [Polarity.TRANSMISSION, Polarity.MATTE, None]


@pytest.mark.parametrize(
    "name",
    [
        "ir/film_{number:06d}.dpx",
        "film_infrared/{number:04d}.dpx",
        "side/dirt matte/x.{number:06d}.dpx",
        "film_ir_{number:06d}.dpx",
        "film_{number:06d}_ir.dpx",
        "film_{number:06d}.dirtmap.dpx",
    ],
)
def test_it_is_found_wherever_scanners_put_it(tmp_path, name):
    reel = side(scan(tmp_path / "reel"), name=name)
    delivery = find_delivery(reel)
    assert len(delivery.sequence) == len(delivery.infrared.sequence) == 8
    assert [one.number for one in delivery.infrared.sequence.frames] == list(range(FIRST, FIRST + 8))
    result = checked(reel)
    assert result.findings == ()
    assert [one.name for one in result.infrared.along(result.records)] == [
        name.format(number=number) for number in range(FIRST, FIRST + 8)
    ]
    assert [file.role for file in result.files] == [FileRole.MANIFEST]


def test_a_word_that_is_the_films_own_name_says_nothing(tmp_path):
    for place in range(3):
        frame(tmp_path / "a" / "Dirt", FIRST + place, position=place, length=3, prefix="Dust_")
    sign(tmp_path / "a")
    (tmp_path / "a" / ".ready").touch()
    assert (len(find_delivery(tmp_path / "a").sequence), find_delivery(tmp_path / "a").infrared) == (3, None)
    for number in range(FIRST, FIRST + 3):
        side_frame(tmp_path / "a" / "Dirt" / "ir" / f"Dust_{number:06d}.dpx", number)
    delivery = find_delivery(tmp_path / "a")
    assert (len(delivery.sequence), len(delivery.infrared.sequence)) == (3, 3)
    assert delivery.infrared.word is SideWord.TRANSMISSION


def test_parts_whose_numbers_start_anew_have_their_own(tmp_path):
    reel = tmp_path / "reel"
    for part in (1, 2):
        for place in range(4):
            frame(reel / f"part {part}", place, position=4 * (part - 1) + place, length=8, seed=part)
        for place in range(4):
            side_frame(reel / f"part {part}" / "ir" / f"film_{place:06d}.dpx", 10 * part + place)
    (reel / "part 2" / "ir" / "film_000003.dpx").unlink()
    sign(reel)
    (reel / ".ready").touch()
    result = checked(reel)
    assert [finding.id for finding in result.findings] == ["infrared-missing:part 2/3"]
    along = result.infrared.along(result.records)
    assert [one.name if one else None for one in along] == [
        *(f"part {part}/ir/film_{place:06d}.dpx" for part in (1, 2) for place in range(4) if (part, place) != (2, 3)),
        None,
    ]


def test_each_reel_has_its_own(tmp_path):
    for reel in (1, 2):
        for place in range(3):
            frame(tmp_path / "d" / f"reel {reel}", place, position=place, length=3, seed=reel)
            side_frame(tmp_path / "d" / f"reel {reel}" / "ir" / f"film_{place:06d}.dpx", 10 * reel + place)
    assert reels_in(tmp_path / "d") == ("reel 1", "reel 2")
    names = [one.name for one in find_delivery(tmp_path / "d", "reel 2").infrared.sequence.frames]
    assert names == [f"reel 2/ir/film_{place:06d}.dpx" for place in range(3)]


def test_pictures_that_are_nobodys_delivery_are_read_without_it(reel):
    assert len(find_sequence(reel)) == 8


def _cut_short(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda ir: (ir / "film_001003.dpx").unlink(), "fail infrared-missing:1003"),
        (lambda ir: [(ir / f"film_00100{n}.dpx").unlink() for n in (5, 6, 7)], "fail infrared-missing:1005-1007"),
        (lambda ir: _cut_short(ir / "film_001003.dpx"), "fail infrared-damaged:1003"),
        (lambda ir: (ir / "film_001003.dpx").write_bytes(b""), "fail infrared-damaged:1003"),
        (lambda ir: put(ir / "film_001003.dpx", "4s", 0, b"JUNK"), "fail infrared-damaged:1003"),
        (lambda ir: side_frame(ir / "film_001003.dpx", 3, size=(6, 9)), "fail infrared-unlike:1003"),
        (lambda ir: frame(ir, 1003, position=3, length=8), "fail infrared-unlike:1003"),
        (lambda ir: side_frame(ir / "film_001008.dpx", 8), "warn infrared-surplus:1008"),
        (lambda ir: shutil.copytree(ir, ir.with_name("dirtmap")), "warn infrared-unused:dirtmap/film_001000.dpx"),
    ],
)
def test_each_fault_names_file_and_frame(reel, spoil, expected):
    spoil(reel / "ir")
    sign(reel)
    assert found(reel) == [expected]
    (finding,) = checked(reel).findings
    assert finding.file.startswith(("ir/film_00100", "dirtmap/"))
    assert finding.action


def test_the_manifest_speaks_of_it_too(reel):
    speck = reel / "ir" / "film_001003.dpx"
    raw = bytearray(speck.read_bytes())
    raw[-1] ^= 4
    speck.write_bytes(raw)
    assert found(reel) == ["fail digest:ir/1003"]
    speck.unlink()
    assert found(reel) == ["fail infrared-missing:1003"], "one fault, one finding"
    sign(reel, [path.name for path in sorted(reel.glob("*.dpx"))])
    side_frame(speck, 1003)
    assert found(reel) == ["fail not-in-manifest:ir/1000-1007"]


def test_beside_a_damaged_picture_it_is_kept_and_not_used(reel):
    _cut_short(reel / "film_001002.dpx")
    sign(reel)
    result = checked(reel, None, "truncated:1002")
    along = result.infrared.along(result.records)
    assert along[2] == along[1], "the dirt of the picture that is shown"
    kept = [(file.name, file.role) for file in result.files if file.role is not FileRole.MANIFEST]
    assert kept == [("film_001002.dpx", FileRole.FRAME), ("ir/film_001002.dpx", FileRole.INFRARED)]


def test_beside_a_video_it_is_kept_and_not_used(tmp_path):
    reel = side(tmp_path / "reel", 3)
    (reel / "viewing.mov").write_bytes(b"not looked into")
    delivery = find_delivery(reel)
    assert (delivery.sequence, delivery.infrared) == (None, None)
    assert [finding.rule for finding in delivery.findings if finding.grade is Grade.WARN] == [Rule.INFRARED_UNUSED]
    assert sum(file.role is FileRole.INFRARED for file in delivery.files) == 3


def test_what_is_missing_of_it_can_be_waived():
    for rule in (Rule.INFRARED_MISSING, Rule.INFRARED_DAMAGED, Rule.INFRARED_UNLIKE):
        finding = Finding(Grade.FAIL, rule, "x", file="ir/a_1003.dpx", frame=1003)
        assert Waiver.parse(f"{rule}:1003=the lamp had failed").covers(finding)


def test_a_delivery_with_another_side_sequence_is_another_delivery(reel):
    (reel / "manifest-md5.txt").unlink()
    before = delivery_digest(reel)
    (reel / "ir" / "film_001003.dpx").unlink()
    assert delivery_digest(reel) != before


def test_it_must_not_change_while_it_is_read(reel):
    result = checked(reel)
    require_unchanged(result)
    _cut_short(reel / "ir" / "film_001003.dpx")
    with pytest.raises(SourceChanged, match=r"ir/film_001003\.dpx"):
        require_unchanged(result)


def test_only_a_side_sequence_is_the_picture(tmp_path):
    """A folder that holds nothing else cannot be a side of anything."""
    reel = side(tmp_path / "reel", 3)
    (reel / ".ready").touch()
    assert len(find_delivery(reel).sequence) == 3
    shutil.rmtree(reel / "ir")
    with pytest.raises(DeliveryError, match="no frames here"):
        find_delivery(reel)


@pytest.mark.parametrize("places", [(), (0,), (3, 4, 5, 9), tuple(range(100))])
def test_places_as_a_tag(places):
    assert places_of(written(places)) == set(places)
