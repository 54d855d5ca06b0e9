"""Files in, files out: folders keep names and headers, an untouched frame keeps its very bytes."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import OpenImageIO
import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame
from restoration_tasks.media.frame_source import open_source, open_target
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sequence_writer import SequenceWriter
from restoration_tasks.media.stills.dpx_header import Packing
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import WrongUse
from tests.media.pictures import codes, delivery, dpx_file, interleaved, same
from tests.media.tiffs import tiff_file


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


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a_{}.dpx", lambda frame: dpx_file(frame, 10, packing=Packing.PACKED, offset=4096, tail=b"scanner's own")),
        ("a_{}.tif", lambda frame: tiff_file(interleaved(frame), rows=2, gap=b"xy", tags={305: b"ScanWare 4\0"})),
    ],
)
def test_all_that_is_no_sample_is_kept_of_touched_frames(tmp_path, name, make):
    """Restored files differ from the scan's in their samples and nowhere else."""
    bit_depth = 10 if name.endswith("dpx") else 16
    frames = [codes(4, 7, 13, bit_depth, seed) for seed in range(3)]
    (tmp_path / "in").mkdir()
    for place, frame in enumerate(frames):
        (tmp_path / "in" / name.format(place)).write_bytes(make(frame))
    reader = copy(tmp_path / "in", tmp_path / "out", touched={1})
    inverted = tuple((reader.format.max_code - plane).astype(plane.dtype) for plane in frames[1])
    for place, frame in enumerate((frames[0], inverted, frames[2])):
        assert (tmp_path / "out" / name.format(place)).read_bytes() == make(frame)


def test_compressed_tiff_and_exr_keep_their_tags(tmp_path):
    picture = np.random.default_rng(0).random((9, 13, 3))
    for ending, spec in (
        ("tif", OpenImageIO.ImageSpec(13, 9, 3, OpenImageIO.UINT16)),
        ("exr", OpenImageIO.ImageSpec(13, 9, 3, OpenImageIO.HALF)),
    ):
        (tmp_path / ending).mkdir()
        spec.attribute("compression", "zip")
        spec.attribute("Artist", "Scanner X")
        path = str(tmp_path / ending / f"a_1.{ending}")
        image = OpenImageIO.ImageOutput.create(path)
        assert image.open(path, spec)
        assert image.write_image(picture if ending == "exr" else (picture * 65535).astype(np.uint16))
        image.close()
        reader = open_source(tmp_path / ending)
        (frame,) = reader
        # A change of one code; in an EXR that is the next half.
        changed = tuple((plane ^ 1).astype(plane.dtype) for plane in frame)
        with open_target(tmp_path / f"{ending} out", tmp_path / ending, reader.format) as writer:
            writer.write(changed)
        assert same(list(open_source(tmp_path / f"{ending} out")), [changed])
        written = OpenImageIO.ImageInput.open(str(tmp_path / f"{ending} out" / f"a_1.{ending}")).spec()
        assert written.getattribute("Artist") == "Scanner X"
        assert written.getattribute("compression") == ("zip" if ending == "exr" else "none")


def test_frames_of_several_folders_keep_their_folders_and_a_stand_in_its_own_name(tmp_path):
    frames = []
    for place, part in enumerate(("a", "a", "b")):
        (tmp_path / "in" / part).mkdir(parents=True, exist_ok=True)
        path = tmp_path / "in" / part / f"x_{place}.dpx"
        path.write_bytes(dpx_file(codes(1, 3, 4, 16, place), 16))
        frames.append(SequenceFrame(place, place, path.parent, path.name, 1, 1, name=f"{part}/x_{place}.dpx"))
    missing = dataclasses.replace(frames[2], index=3, number=3, name="b/x_3.dpx", stands_in="missing")
    sequence = ImageSequence(tmp_path / "in", StillKind.DPX, (*frames, missing))
    with SequenceWriter(tmp_path / "out", sequence, FrameReader(sequence).format) as writer:
        for frame in FrameReader(sequence):
            writer.write(frame)
    out = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.dpx"))
    assert out == ["a/x_0.dpx", "a/x_1.dpx", "b/x_2.dpx", "b/x_3.dpx"]
    assert (tmp_path / "out/b/x_3.dpx").read_bytes() == frames[2].path.read_bytes()
    for folder in (tmp_path / "in", tmp_path / "in" / "a"):
        with pytest.raises(WrongUse, match="never written over its source"):
            SequenceWriter(folder, sequence, FrameReader(sequence).format)


def test_one_frame_alone_and_a_video_file(tmp_path):
    source = delivery(tmp_path / "in", 3)
    single = sorted(source.glob("*.dpx"))[1]
    assert same(list(open_source(single)), list(open_source(source))[1:2])
    copy(source, tmp_path / "lossless.mkv")
    copy(tmp_path / "lossless.mkv", tmp_path / "again.mkv")
    assert same(list(open_source(tmp_path / "again.mkv")), list(open_source(source)))


def test_long_gop_video_is_read_frame_by_frame_from_any_place(tmp_path):
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
