"""DPX frames are written and read exactly, in agreement with two independent readers, and damaged ones are named."""

from __future__ import annotations

import contextlib
import hashlib
import struct

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media import ffmpeg, framemd5
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.runtime.errors import DeliveryError, MediaError


@pytest.fixture
def codes():
    """`(3, 9, 14)` code values with both ends of the range."""
    values = np.random.default_rng(1).integers(0, 1024, (3, 9, 14)).astype(np.uint16)
    values[:, 0, 0], values[:, 0, 1] = 0, 1023
    return values


@given(width=st.integers(1, 40), height=st.integers(1, 9), channels=st.sampled_from([1, 3]), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, width, height, channels, seed):
    path = tmp_path_factory.mktemp("dpx") / "a_1.dpx"
    values = np.random.default_rng(seed).integers(0, 1024, (channels, height, width)).astype(np.uint16)
    dpx.write_dpx(path, values)
    assert np.array_equal(dpx.read_dpx_10bit(path), values)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [14, 15, 16])
def test_ffmpeg_reads_the_same_codes(tmp_path, channels, width):
    values = np.random.default_rng(width).integers(0, 1024, (channels, 9, width)).astype(np.uint16)
    dpx.write_dpx(tmp_path / "a_1.dpx", values)
    planes = values[[1, 2, 0]] if channels == 3 else values
    assert framemd5.compute(tmp_path) == (hashlib.md5(planes.tobytes()).hexdigest(),)


def test_openimageio_reads_the_same_codes_and_headers(tmp_path, codes):
    path = tmp_path / "a_1.dpx"
    dpx.write_dpx(path, codes, fps=18, frame_position=7, sequence_length=9, creator="test", project="reel 9")
    image = oiio.ImageInput.open(str(path))
    spec = image.spec()
    # OpenImageIO widens 10 to 16 bit by repeating the high bits.
    assert np.array_equal(image.read_image(oiio.UINT16) >> 6, codes.transpose(1, 2, 0))
    named = {name: spec.getattribute(name) for name in ("dpx:Transfer", "dpx:FramePosition", "dpx:SequenceLength")}
    assert named == {"dpx:Transfer": "ITU-R 709-4", "dpx:FramePosition": 7, "dpx:SequenceLength": 9}
    assert spec.getattribute("dpx:FrameRate") == 18
    assert (spec.getattribute("oiio:BitsPerSample"), spec.getattribute("dpx:Packing")) == (10, "Filled, method A")
    assert spec.getattribute("DocumentName") == "reel 9"


def test_the_header_says_what_was_written(tmp_path, codes):
    path = tmp_path / "a_1.dpx"
    dpx.write_dpx(path, codes, fps=16.5, frame_position=3, transfer=dpx.Transfer.PRINTING_DENSITY)
    header = dpx.read_header(path)
    assert (header.width, header.height, header.bit_depth, header.pix_fmt) == (14, 9, 10, "gbrp10le")
    assert (header.transfer, header.primaries) == ("printing-density", "unknown")
    assert (header.fps, header.frame_position, header.stated_bytes) == (16.5, 3, path.stat().st_size)
    assert header.offset + header.image_bytes == path.stat().st_size


@pytest.mark.parametrize(
    "pix_fmt", ["rgb24", "rgba", "gray", "rgb48be", "rgb48le", "rgba64be", "gray16be", "gbrp12be", "gbrp10le"]
)
def test_every_depth_and_byte_order_ffmpeg_writes_is_read_the_same_by_both(tmp_path, pix_fmt):
    source = ffmpeg.graph.input("testsrc2=s=26x10", f="lavfi")
    made = source.output(str(tmp_path / "a_%d.dpx"), pix_fmt=pix_fmt, **{"frames:v": 2})
    ffmpeg.run(made, about="test picture")
    ours = tuple(frame_md5(dpx.read_dpx(path)[1]) for path in sorted(tmp_path.glob("*.dpx")))
    assert framemd5.compute(tmp_path) == ours


def test_the_same_picture_gives_the_same_bytes(tmp_path, codes):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        dpx.write_dpx(tmp_path / folder / "a_1.dpx", codes)
    assert (tmp_path / "one" / "a_1.dpx").read_bytes() == (tmp_path / "two" / "a_1.dpx").read_bytes()


@pytest.mark.parametrize(
    ("at", "kind", "value", "says"),
    [
        (0, "4s", b"JUNK", "not a DPX"),
        (770, "H", 2, "one image element"),
        (772, "I", 0, "impossible size"),
        (772, "I", 2**32 - 1, "impossible size"),
        (800, "B", 100, "element kind"),
        (803, "B", 11, "bit depth"),
        (804, "H", 3, "packing"),
        (806, "H", 1, "run-length"),
        (4, "I", 2**31 + 5, "impossible place"),
        (4, "I", 12, "impossible place"),
    ],
)
def test_a_damaged_header_is_refused_with_the_name_of_the_file(tmp_path, codes, at, kind, value, says):
    path = tmp_path / "reel_0000007.dpx"
    dpx.write_dpx(path, codes)
    raw = bytearray(path.read_bytes())
    struct.pack_into(">" + kind, raw, at, value)
    path.write_bytes(raw)
    with pytest.raises(DeliveryError, match=says) as caught:
        dpx.read_dpx(path)
    assert "reel_0000007.dpx" in str(caught.value)
    assert "Next: " in str(caught.value)


@pytest.mark.parametrize("kept", [0, 3, 1000, 2048, -1])
def test_a_truncated_file_is_refused(tmp_path, codes, kept):
    path = tmp_path / "a_1.dpx"
    dpx.write_dpx(path, codes)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TruncatedFrame, match=r"a_1\.dpx: the DPX is truncated .* Next: "):
        dpx.read_header(path)


def test_a_header_that_asks_for_more_lines_is_a_truncated_file(tmp_path, codes):
    path = tmp_path / "a_1.dpx"
    dpx.write_dpx(path, codes)
    raw = bytearray(path.read_bytes())
    struct.pack_into(">I", raw, 776, 10)
    path.write_bytes(raw)
    with pytest.raises(TruncatedFrame):
        dpx.read_dpx(path)


@given(st.binary(max_size=64), st.integers(0, 2047))
@settings(max_examples=60, deadline=None)
def test_random_damage_is_either_read_or_refused_never_a_crash(tmp_path_factory, junk, at):
    path = tmp_path_factory.mktemp("dpx") / "a_1.dpx"
    dpx.write_dpx(path, np.zeros((3, 4, 5), np.uint16))
    raw = bytearray(path.read_bytes())
    raw[at : at + len(junk)] = junk
    path.write_bytes(raw)
    with contextlib.suppress(DeliveryError):
        header, frame = dpx.read_dpx(path)
        assert frame[0].shape == (header.height, header.width)


def test_a_value_over_the_range_is_not_written(tmp_path):
    with pytest.raises(MediaError, match="does not fit"):
        dpx.write_dpx(tmp_path / "a_1.dpx", np.full((3, 2, 2), 1024, np.uint16))
    assert not (tmp_path / "a_1.dpx").exists()
