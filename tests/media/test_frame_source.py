"""Files in, files out: folders keep names and headers, an untouched frame keeps its very bytes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.frame_source import open_source, open_target
from restoration_tasks.media.probe import probe
from restoration_tasks.runtime.errors import WrongUse
from tests.media.pictures import delivery, same


def copy(source, target, touched=()):
    """Copy frames through the doors, inverting those at the touched places."""
    reader = open_source(source)
    with open_target(target, source, reader.format) as writer:
        for place, frame in enumerate(reader):
            changed = tuple((reader.format.max_code - p).astype(p.dtype) for p in frame)
            writer.write(changed if place in touched else frame)
    return reader


def test_a_dpx_folder_keeps_names_headers_and_untouched_bytes(tmp_path):
    source = delivery(tmp_path / "in", 4)
    copy(source, tmp_path / "out", touched={2})
    names = sorted(path.name for path in source.glob("*.dpx"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for place, name in enumerate(names):
        old, new = (source / name).read_bytes(), (tmp_path / "out" / name).read_bytes()
        assert (old == new) is (place != 2)
        assert old[:2048] == new[:2048]
    originals, results = list(open_source(source)), list(open_source(tmp_path / "out"))
    assert same([results[2]], [tuple((1023 - p).astype(p.dtype) for p in originals[2])])


@pytest.mark.parametrize(("ending", "dtype"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint16)])
@pytest.mark.parametrize("channels", [1, 3])
def test_png_and_tiff_folders(tmp_path, ending, dtype, channels):
    (tmp_path / "in").mkdir()
    shape = (9, 13) if channels == 1 else (9, 13, 3)
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
        cv2.imwrite(str(tmp_path / "in" / f"x_{number}.{ending}"), picture)
    copy(tmp_path / "in", tmp_path / "out", touched={1})
    originals, results = list(open_source(tmp_path / "in")), list(open_source(tmp_path / "out"))
    top = np.iinfo(dtype).max
    assert same(results, [originals[0], tuple((top - p).astype(p.dtype) for p in originals[1]), originals[2]])
    untouched = f"x_0.{ending}"
    assert (tmp_path / "in" / untouched).read_bytes() == (tmp_path / "out" / untouched).read_bytes()


def test_one_frame_alone_and_a_video_file(tmp_path):
    source = delivery(tmp_path / "in", 3)
    single = sorted(source.glob("*.dpx"))[1]
    assert same(list(open_source(single)), list(open_source(source))[1:2])
    copy(source, tmp_path / "lossless.mkv")
    copy(tmp_path / "lossless.mkv", tmp_path / "again.mkv")
    assert same(list(open_source(tmp_path / "again.mkv")), list(open_source(source)))


def test_long_gop_video_is_read_frame_by_frame_from_any_place(tmp_path):
    from restoration_tasks.media.reader import FrameReader

    source = delivery(tmp_path / "in", 12)
    copy(source, tmp_path / "lossless.mkv")
    copies.access(tmp_path / "lossless.mkv", tmp_path / "gop.mp4")
    assert not probe(tmp_path / "gop.mp4").intra_only
    whole = list(FrameReader(tmp_path / "gop.mp4"))
    assert same(list(FrameReader(tmp_path / "gop.mp4", start=7, count=2)), whole[7:9])


def test_wrong_use_is_said_before_anything_is_written(tmp_path):
    source = delivery(tmp_path / "in", 2)
    reader = open_source(source)
    with pytest.raises(WrongUse, match="nothing to read"):
        open_source(tmp_path / "missing.mkv")
    with pytest.raises(WrongUse, match="replace the input"):
        open_target(source, source, reader.format)
    with pytest.raises(WrongUse, match="not possible"):
        open_target(tmp_path / "out.gif", source, reader.format)
    copy(source, tmp_path / "a.mkv")
    with pytest.raises(WrongUse, match="not possible"):
        open_target(tmp_path / "folder", tmp_path / "a.mkv", reader.format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "in"]
