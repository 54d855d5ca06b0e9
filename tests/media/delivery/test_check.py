"""The check of a delivery reads every file once, finds everything, and stands in for what a person waived."""

from __future__ import annotations

import hashlib
import os
import shutil
import wave
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media import framemd5
from restoration_tasks.media.delivery import frame_reading
from restoration_tasks.media.delivery.delivery import find_delivery
from restoration_tasks.media.delivery.fixity import check_delivery, require_unchanged
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.manifest import write_own
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.runtime.errors import DeliveryError, SourceChanged, WrongUse
from tests.media.delivery.reels import FIRST, at, checked, found, put, scan, sign, told


@pytest.fixture
def reel(tmp_path):
    return scan(tmp_path / "reel")


def test_one_flipped_bit_in_300_frames_names_that_frame(tmp_path):
    reel = scan(tmp_path / "reel", 300)
    raw = bytearray(at(reel, 217).read_bytes())
    raw[3000 % len(raw)] ^= 16
    at(reel, 217).write_bytes(raw)
    (finding,) = checked(reel).findings
    assert (finding.id, finding.file) == ("digest:1217", "film_001217.dpx")
    assert finding.expected in (reel / "manifest-md5.txt").read_text()
    assert finding.found == hashlib.md5(raw).hexdigest()


def test_one_read_gives_what_the_usual_tools_give(reel):
    for record in checked(reel).records:
        raw = record.frame.path.read_bytes()
        assert (record.md5, record.sha256) == (hashlib.md5(raw).hexdigest(), hashlib.sha256(raw).hexdigest())
    ours = tuple(record.picture_md5 for record in checked(reel).records)
    assert ours == framemd5.compute(find_delivery(reel).sequence)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_manifests_of_every_algorithm_are_checked(reel, algorithm):
    (reel / "manifest-md5.txt").unlink()
    lines = [f"{hashlib.new(algorithm, path.read_bytes()).hexdigest()}  {path.name}\n" for path in reel.glob("*.dpx")]
    (reel / f"manifest-{algorithm}.txt").write_text("".join(lines))
    assert found(reel) == []
    put(at(reel, 2), "I", 1712, 9)
    assert found(reel) == ["fail digest:1002"]


def test_sizes_of_our_own_manifest_are_checked(reel):
    (reel / "manifest-md5.txt").unlink()
    files = {record.name: (record.bytes, record.md5, record.sha256) for record in checked(reel).records}
    write_own(reel, files, frames=8)
    assert found(reel) == []
    write_own(reel, {**files, "film_001002.dpx": (1, *files["film_001002.dpx"][1:])}, frames=8)
    (finding,) = checked(reel).findings
    assert (finding.id, finding.expected) == ("digest:1002", "1 bytes")
    write_own(reel, files, frames=10)
    assert "fail missing-tail:1008-1009" in found(reel)


@pytest.mark.parametrize(
    ("expected", "findings"),
    [(8, []), (10, ["fail missing-tail:1008-1009"]), (7, ["fail surplus-frames"])],
)
def test_the_catalogues_count(reel, expected, findings):
    assert found(reel, expected_frames=expected) == findings


def test_headers_say_where_the_catalogues_missing_frames_were(reel):
    for place in (0, 1, 7):
        at(reel, place).unlink()
    sign(reel)
    assert found(reel, expected_frames=8) == ["fail missing-head:1000-1001", "fail missing-tail:1007"]
    # a catalogue that counts just what is there outweighs the headers
    assert found(reel, expected_frames=5) == ["warn sequence-length:1002-1006"]


def test_waived_frames_are_stood_in_for_by_their_nearest_neighbour(reel):
    for place in (2, 3, 4):
        at(reel, place).unlink()
    at(reel, 6).write_bytes(at(reel, 6).read_bytes()[:-9])
    at(reel, 7).unlink()
    result = checked(reel, None, "missing-frames:1002-1004", "truncated:1006", "missing-tail")
    assert told(result.findings) == [
        "fail missing-frames:1002-1004",
        "fail missing-tail:1007",
        "fail truncated:1006",
    ]
    places = [(frame.number, frame.path.stem[-4:], frame.stands_in) for frame in result.sequence.frames]
    assert places == [
        (1000, "1000", None),
        (1001, "1001", None),
        (1002, "1001", "missing"),
        (1003, "1001", "missing"),
        (1004, "1005", "missing"),
        (1005, "1005", None),
        (1006, "1005", "damaged"),
        (1007, "1005", "missing"),
    ]
    assert [frame.index for frame in result.sequence.frames] == list(range(8))
    assert result.sequence.frames[3].name == "film_001003.dpx"
    for record in result.records:
        assert record.md5 == hashlib.md5(record.frame.path.read_bytes()).hexdigest()
    (damaged,) = [file for file in result.files if file.role is FileRole.FRAME]
    assert (damaged.name, damaged.sha256) == (
        "film_001006.dpx",
        hashlib.sha256(at(reel, 6).read_bytes()).hexdigest(),
    )


def test_nothing_is_stood_in_for_that_nobody_waived(reel):
    at(reel, 3).unlink()
    at(reel, 5).write_bytes(b"")
    result = checked(reel, None, "missing-frames")
    assert [frame.number for frame in result.sequence.frames] == [1000, 1001, 1002, 1004, 1006, 1007]
    assert not any(frame.stands_in for frame in result.sequence.frames)


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 11), max_size=10), st.sets(st.integers(0, 11), max_size=3))
def test_every_place_has_the_nearest_good_frame(tmp_path_factory, missing, damaged):
    from restoration_tasks.media.delivery.sequence import find_sequence

    folder = tmp_path_factory.mktemp("law")
    scan(folder, 12, mark=False)
    whole = find_sequence(folder)
    there = [place for place in range(12) if place not in missing]
    good = [place for place in there if place not in damaged]
    for place in missing:
        at(folder, place).unlink()
    if len(there) < 2 or not good:
        return
    sign(folder)
    from restoration_tasks.media.delivery.completeness import missing_frames

    sequence = find_delivery(folder).sequence
    named = [("", FIRST + place) for place in missing]
    runs = [one.absence for one in missing_frames(sequence, named=named)]
    if sum(run.count for run in runs) > len(there):
        with pytest.raises(DeliveryError, match="too many frames"):
            sequence.with_substitutes(runs)
        return
    filled = sequence.with_substitutes(runs, {there.index(place) for place in damaged if place in there})
    assert [frame.number for frame in filled.frames] == [frame.number for frame in whole.frames]
    for place, frame in enumerate(filled.frames):
        nearest = min(good, key=lambda other: (abs(other - place), other))
        assert frame.path == at(folder, nearest)
        assert frame.stands_in == ("missing" if place in missing else "damaged" if place in damaged else None)


def test_frames_are_kept_in_order_with_their_bytes_and_planes(reel):
    at(reel, 3).write_bytes(b"")
    kept = []
    check_delivery(find_delivery(reel), keep=lambda *given: kept.append(given))
    assert [record.frame.number for record, *_ in kept] == [1000, 1001, 1002, 1004, 1005, 1006, 1007]
    for record, raw, header, planes in kept:
        assert raw == record.frame.path.read_bytes()
        assert header.dpx.frame_position == record.counters.position
        assert frame_md5(planes) == record.picture_md5
        assert all(isinstance(plane, np.ndarray) for plane in planes)


def test_progress_is_told(reel):
    told_ = []
    check_delivery(find_delivery(reel), progress=lambda *given: told_.append(given))
    assert told_[:8] == [(done, 8, "frames") for done in range(1, 9)]
    assert told_[-1] == (0, 1, "MiB of other files")


def test_a_source_that_changes_is_noticed(reel):
    result = checked(reel)
    require_unchanged(result)
    os.utime(at(reel, 2), ns=(5, 5))
    with pytest.raises(SourceChanged, match=r"film_001002\.dpx.*changed"):
        require_unchanged(result)
    delivery = find_delivery(reel)
    at(reel, 4).unlink()
    with pytest.raises(SourceChanged, match=r"film_001004\.dpx.*vanished"):
        check_delivery(delivery)
    delivery = find_delivery(reel)
    at(reel, 1).write_bytes(at(reel, 1).read_bytes() + b"x")
    with pytest.raises(SourceChanged, match=r"film_001001\.dpx.*changed while it was being read"):
        check_delivery(delivery)
    result = checked(reel)
    (reel / "manifest-md5.txt").unlink()
    with pytest.raises(SourceChanged, match=r"manifest-md5\.txt.*vanished"):
        require_unchanged(result)


def test_a_storage_that_is_gone_is_not_taken_for_missing_frames(reel):
    delivery = find_delivery(reel)
    shutil.move(reel, reel.with_name("away"))
    with pytest.raises(
        DeliveryError, match=r"storage of the delivery is gone.*Next: check that the storage is mounted"
    ):
        check_delivery(delivery)


@pytest.mark.parametrize(
    ("number", "says"), [(5, "cannot be read: Input/output error"), (116, "storage of the delivery is gone")]
)
def test_what_the_storage_complains_of_is_told(reel, number, says):
    error = frame_reading.storage_error(OSError(number, os.strerror(number)), reel, "a.dpx", 3)
    assert says in str(error)
    assert "a.dpx, frame 3" in str(error)
    assert isinstance(error, DeliveryError)


def sound(path, seconds, rate=48000):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"\1\0" * round(seconds * rate))


def test_sound_and_picture_must_last_equally_long(reel):
    sound(reel / "sound.wav", Fraction(8, 24))
    sign(reel)
    assert found(reel) == []
    sound(reel / "sound.wav", Fraction(8, 16))
    sign(reel)
    (finding,) = checked(reel).findings
    assert (told([finding]), finding.expected) == (
        ["warn sound-length:sound.wav"],
        "0.33 seconds (8 frames at 24 a second)",
    )
    assert found(reel, fps="16") == []
    # parts after each other
    for name in ("sound 1.wav", "sound 2.wav"):
        sound(reel / name, Fraction(4, 24))
    (reel / "sound.wav").unlink()
    sign(reel)
    assert found(reel) == []
    assert [file.role for file in checked(reel).files].count(FileRole.SOUND) == 2


def test_other_files_are_hashed_and_checked(tmp_path):
    (tmp_path / "reel.mov").write_bytes(b"movie" * 500_000)
    (tmp_path / "scan.log").write_bytes(b"good")
    (tmp_path / "film.jpg").write_bytes(b"x")
    digest = hashlib.md5(b"movie" * 500_000).hexdigest()
    (tmp_path / "sums.md5").write_text(f"{digest}  reel.mov\n{'0' * 32}  scan.log\n{'1' * 32}  sums.md5\n")
    result = checked(tmp_path)
    assert told(result.findings) == ["note stray-file:film.jpg", "fail digest:scan.log"]
    assert (result.sequence, result.records) == (None, ())
    assert {file.name: file.md5 for file in result.files}["reel.mov"] == digest


def test_an_unknown_specification_is_refused_before_anything_is_read(reel):
    with pytest.raises(WrongUse, match=r"35mm-2k.*found 70mm-8k"):
        checked(reel, specification="70mm-8k")
    result = checked(reel, specification="35mm-2k", fps="21")
    assert {finding.rule.value for finding in result.findings} == {"specification"}
    assert len(result.findings) == 4
