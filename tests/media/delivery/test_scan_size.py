"""The record of a long reel stays small in memory: the check holds it whole all its way."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from pydantic import ValidationError

from restoration_tasks.media.delivery.scan import Scan, ScannedInfrared, ScannedPicture
from restoration_tasks.media.delivery.scanned_files import ScannedFile, ScannedSideFile
from restoration_tasks.media.delivery.side_names import SideWord

FILES = 2000
MOST_BYTES_A_FILE = 200
"""Of what Python allots, as measured here: 95; it was 290 with an object a file, and 1264 with a model."""
MOST_BYTES_A_FILE_WRITTEN = 30
"""More than that while it is written: measured 8, and over 1100 when it was written whole."""
PICTURE = ScannedPicture(
    kind="dpx", width=96, height=72, bit_depth=10, pix_fmt="gbrp10le", fps="24", transfer="bt709", primaries="bt709"
)


def file(n, **changed):
    own = {"name": f"reel_{n:07d}.dpx", "number": 86400 + n, "bytes": 1 + n, "md5": f"{n:032x}", "sha256": f"{n:064x}"}
    return ScannedFile(**{**own, **changed})


def record(*files, infrared=None):
    return Scan(
        delivery="reel",
        manifest=None,
        manifest_algorithm=None,
        picture=PICTURE,
        header=None,
        strays=(),
        files=files,
        infrared=infrared,
        container="a.mkv",
        container_frames=1,
    )


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "scan.json"
    record(*map(file, range(FILES))).write(path)
    return path


def test_a_file_of_the_record_takes_little_more_than_its_texts(written):
    Scan.read(written)  # what is loaded once is loaded
    tracemalloc.start()
    try:
        scan = Scan.read(written)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        scan.write(written)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.frames == FILES
    assert held < FILES * MOST_BYTES_A_FILE
    assert most - held < FILES * MOST_BYTES_A_FILE_WRITTEN


def test_it_is_written_as_it_was_read_and_refused_as_before(written, tmp_path):
    Scan.read(written).write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == written.read_bytes()
    for change in ({"md5": "x"}, {"number": -1}, {"number": 2**63}, {"bytes": 0}, {"role": "sound"}, {"more": 1}):
        content = json.loads(written.read_bytes())
        content["files"][7] |= change
        with pytest.raises(ValidationError) as refused:
            Scan.model_validate_json(json.dumps(content))
        assert refused.value.errors()[0]["loc"] == ("files", 7, *change)


def test_every_kind_of_file_comes_back_as_it_was(tmp_path):
    """Written file by file and as one model, with an answer for each place and counted from the end."""
    files = (
        file(0),
        file(1, name='ünd 二/\n "files": [],.dpx', part="ünd 二"),
        file(2, stands_in="missing", own_name="reel_0000003.dpx"),
        file(3, number=2**63 - 1),
    )
    side = ScannedSideFile(name="ir_1.tif", number=4, place=2, bytes=9, md5="a" * 32, sha256="b" * 64)
    shown = ScannedInfrared(kind="tiff", pix_fmt="gray16le", bit_depth=16, word=SideWord.MATTE, files=(side,))
    for scan in (record(*files, infrared=shown), record()):
        scan.write(tmp_path / "scan.json")
        content = (tmp_path / "scan.json").read_bytes()
        assert content == scan.model_dump_json(indent=1).encode() + b"\n"
        assert Scan.read(tmp_path / "scan.json") == scan
    whole = record(*files, infrared=shown)
    assert (tuple(whole.files), tuple(whole.infrared.files)) == (files, (side,))
    assert (whole.files[-1], whole.files[1:3], whole.files == files) == (files[-1], list(files[1:3]), True)
    for place in (4, -5):
        with pytest.raises(IndexError):
            whole.files[place]
    assert whole != record(*files)
