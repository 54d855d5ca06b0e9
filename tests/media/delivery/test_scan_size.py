"""The record of a long reel stays small in memory: the check and the package hold it whole."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from pydantic import ValidationError

from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture

FILES = 2000
MOST_BYTES_A_FILE = 700
"""Of what Python allots, as measured here: 290, and 1264 when every file was a model."""
PICTURE = ScannedPicture(
    kind="dpx", width=96, height=72, bit_depth=10, pix_fmt="gbrp10le", fps="24", transfer="bt709", primaries="bt709"
)


@pytest.fixture
def written(tmp_path):
    files = tuple(
        ScannedFile(name=f"reel_{n:07d}.dpx", number=86400 + n, bytes=1 + n, md5=f"{n:032x}", sha256=f"{n:064x}")
        for n in range(FILES)
    )
    scan = Scan(
        delivery="reel", manifest=None, manifest_algorithm=None, picture=PICTURE, header=None, strays=(), files=files
    )
    path = tmp_path / "scan.json"
    scan.write(path)
    return path


def test_a_file_of_the_record_takes_little_more_than_its_texts(written):
    Scan.read(written)  # what is loaded once is loaded
    tracemalloc.start()
    try:
        scan = Scan.read(written)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.frames == FILES
    assert held < FILES * MOST_BYTES_A_FILE


def test_it_is_written_as_it_was_read_and_refused_as_before(written, tmp_path):
    Scan.read(written).write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == written.read_bytes()
    for change in ({"md5": "x"}, {"number": -1}, {"bytes": 0}, {"role": "sound"}, {"more": 1}):
        content = json.loads(written.read_bytes())
        content["files"][7] |= change
        with pytest.raises(ValidationError):
            Scan.model_validate_json(json.dumps(content))
