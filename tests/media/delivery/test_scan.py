"""The record of a scan says what stands in for what, and reads records of its first version."""

from __future__ import annotations

import json

import pytest

from restoration_tasks.media.delivery.delivery import find_delivery
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.media.delivery.fixity import check_delivery
from restoration_tasks.media.delivery.scan import Scan, ScannedPicture, scan_of
from restoration_tasks.runtime.errors import MediaError
from tests.media.delivery.reels import at, scan

PICTURE = ScannedPicture(
    kind="dpx", width=8, height=6, bit_depth=10, pix_fmt="gbrp10le", fps="24", transfer="bt709", primaries="bt709"
)


def test_the_record_of_a_delivery_with_waived_faults(tmp_path):
    reel = scan(tmp_path / "reel")
    at(reel, 3).unlink()
    at(reel, 5).write_bytes(at(reel, 5).read_bytes()[:-8])
    (reel / "x.jpg").touch()
    waivers = [Waiver(finding=name, reason="lost in the fire") for name in ("missing-frames:1003", "truncated:1005")]
    delivery = find_delivery(reel)
    checked = check_delivery(delivery, waivers=waivers)
    record = scan_of(delivery, checked, PICTURE, waivers=waivers, expected_frames=8, specification="any 1")
    record.write(tmp_path / "scan.json")
    assert Scan.read(tmp_path / "scan.json") == record
    assert (record.format, record.frames, record.strays) == ("reelkeeper.scan/2", 8, ("x.jpg",))
    assert [file.number for file in record.files] == list(range(1000, 1008))
    missing, damaged = record.files[3], record.files[5]
    assert (missing.stands_in, missing.name, missing.own_name) == ("missing", "film_001002.dpx", "film_001003.dpx")
    assert (damaged.stands_in, damaged.name, damaged.own_name) == ("damaged", "film_001004.dpx", "film_001005.dpx")
    assert missing.sha256 == record.files[2].sha256
    assert [(file.name, file.role) for file in record.others] == [
        ("manifest-md5.txt", "manifest"),
        ("film_001005.dpx", "frame"),
    ]
    assert [(finding.grade, finding.rule) for finding in record.findings] == [
        ("note", "stray-file"),
        ("fail", "missing-frames"),
        ("fail", "truncated"),
    ]
    assert record.waivers[0].reason == "lost in the fire"
    # every file of the record is there to be checked again
    assert all((reel / file.name).stat().st_size == file.bytes for file in (*record.files, *record.others))


def test_records_of_the_first_version_are_read(tmp_path):
    old = {
        "format": "reelkeeper.scan/1",
        "delivery": "r",
        "manifest": None,
        "manifest_algorithm": None,
        "picture": PICTURE.model_dump(),
        "header": None,
        "strays": [],
        "files": [{"name": "a_1.dpx", "number": 1, "bytes": 3, "md5": "0" * 32, "sha256": "0" * 64}],
    }
    (tmp_path / "scan.json").write_text(json.dumps(old))
    assert Scan.read(tmp_path / "scan.json").files[0].stands_in is None
    for wrong in ({"format": "reelkeeper.scan/3"}, {"files": []}, {"more": 1}):
        (tmp_path / "scan.json").write_text(json.dumps({**old, **wrong}))
        with pytest.raises(MediaError, match="not a record of a scan"):
            Scan.read(tmp_path / "scan.json")


def test_a_video_has_counted_frames_instead_of_files():
    video = {"delivery": "r", "manifest": None, "manifest_algorithm": None, "picture": PICTURE, "header": None}
    assert Scan(**video, strays=(), files=(), container="r.mkv", container_frames=240).frames == 240
