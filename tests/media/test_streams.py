"""Frames go into FFV1 and come out bit-identical; joins, cuts and seeks are exact; damage is never passed over."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration_tasks.media import ffmpeg, framemd5, join
from restoration_tasks.media import probe as probes
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.media.picture import LAYOUTS, PRINTING_DENSITY, PictureFormat, frame_md5
from restoration_tasks.media.probe import exact_rate, probe
from restoration_tasks.media.reader import FrameReader, probe_format
from restoration_tasks.media.stills.dpx_header import _FFMPEG_PRIMARIES, _FFMPEG_TRANSFER, Packing
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.float_coding import FloatCoding, to_half
from restoration_tasks.media.writer import Ffv1Settings, FrameWriter, encode_frames, encode_sequence
from restoration_tasks.runtime.errors import DeliveryError, MediaError, WrongUse
from tests.media.pictures import codes, delivery, dpx_file, master, noise, same

RGB = PictureFormat(48, 36, "gbrp10le", Fraction(24000, 1001))


def colours(pix_fmt: str) -> dict[str, object]:
    if pix_fmt.startswith("yuv"):
        return {"transfer": "bt709", "primaries": "bt709", "matrix": "bt709", "full_range": pix_fmt == "yuv420p"}
    return {"transfer": PRINTING_DENSITY} if pix_fmt.startswith("gbrp") else {"transfer": "log100"}


@pytest.mark.parametrize("pix_fmt", sorted(LAYOUTS))
def test_every_pixel_format_survives_with_its_colours(tmp_path, pix_fmt):
    fmt = PictureFormat(37, 33, pix_fmt, Fraction(24000, 1001), **colours(pix_fmt))
    frames = noise(fmt, 3)
    reader = FrameReader(master(tmp_path / "m.mkv", frames, fmt))
    assert reader.format == fmt
    assert same(list(reader), frames)
    assert framemd5.compute(tmp_path / "m.mkv") == tuple(
        hashlib.md5(fmt.frame_to_bytes(frame)).hexdigest() for frame in frames
    )


@pytest.mark.parametrize("transfer", ["log100", "linear", PRINTING_DENSITY])
@pytest.mark.parametrize("pix_fmt", ["gbrp", "gbrap", "gray", "gbrap16le"])
def test_film_transfers_survive_at_every_layout_ffv1_turns_pictures_to(tmp_path, pix_fmt, transfer):
    fmt = PictureFormat(37, 33, pix_fmt, Fraction(18), transfer=transfer)
    frames = noise(fmt, 2)
    reader = FrameReader(master(tmp_path / "m.mkv", frames, fmt))
    assert (reader.format, same(list(reader), frames)) == (fmt, True)


@pytest.mark.parametrize("size", [(720, 405), (2048, 160), (641, 387)])
@pytest.mark.parametrize("pix_fmt", ["gbrap", "gbrap16le", "gray12le", "gray16le", "gbrp16le"])
def test_large_pictures_have_many_slices_and_survive(tmp_path, pix_fmt, size):
    fmt = PictureFormat(*size, pix_fmt)
    frames = noise(fmt, 1)
    assert same(list(FrameReader(master(tmp_path / "m.mkv", frames, fmt))), frames)
    assert Ffv1Settings().options(fmt)["slices"] == (16 if min(size) > 384 else 4)


def test_opacity_counts_in_how_large_a_slice_may_be():
    """ffmpeg 9.0 refuses 16 slices for the picture with opacity, and takes them without."""
    slices = [Ffv1Settings().options(PictureFormat(7168, 5376, f))["slices"] for f in ("gbrp16le", "gbrap16le")]
    assert slices == [16, 24]


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (2, 40), (97, 73), (720, 405), (641, 387)])
@pytest.mark.parametrize("pix_fmt", ["gray10le", "yuv420p", "yuv422p"])
def test_every_size_survives(tmp_path, size, pix_fmt):
    fmt = PictureFormat(*size, pix_fmt)
    frames = noise(fmt, 2)
    assert same(list(FrameReader(master(tmp_path / "m.mkv", frames, fmt))), frames)


def test_a_master_is_ffv1_version_3_intra_with_slice_checksums_and_repeats_byte_for_byte(tmp_path):
    frames = noise(RGB, 3)
    one, two = (master(tmp_path / name, frames, RGB).read_bytes() for name in ("one.mkv", "two.mkv"))
    assert one == two
    info = probe(tmp_path / "one.mkv")
    assert (info.codec, info.frames, info.intra_only, info.lossless) == ("FFV1", 3, True, True)
    from restoration_tasks.media.probe import technical_metadata

    video = next(t for t in technical_metadata(tmp_path / "one.mkv") if t["track_type"] == "Video")
    assert video["format_version"].startswith("Version 3")
    assert video["errordetectiontype"] == "Per slice"


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    """Seven parts of odd lengths, joined; and all their frames."""
    folder = tmp_path_factory.mktemp("join")
    frames = noise(RGB, 39)
    parts, start = [], 0
    for number, length in enumerate((7, 1, 13, 5, 1, 1, 11)):
        parts.append(master(folder / f"part {number}'%d.mkv", frames[start : start + length], RGB))
        start += length
    assert join.join(parts, folder / "joined.mkv") == 39
    return folder / "joined.mkv", frames, parts


def test_a_join_holds_exactly_the_frames_and_is_the_file_one_encode_would_have_made(reel, tmp_path):
    joined, frames, _ = reel
    assert same(list(FrameReader(joined)), frames)
    assert joined.read_bytes() == master(tmp_path / "one.mkv", frames, RGB).read_bytes()
    assert probe(joined).format == RGB


def test_rounded_times_do_not_add_up_over_many_parts(tmp_path):
    fmt = PictureFormat(48, 36, "gray", Fraction(60000, 1001))
    frames = noise(fmt, 2)
    part = master(tmp_path / "part.mkv", frames, fmt)
    join.join([part] * 15, tmp_path / "joined.mkv")
    assert (tmp_path / "joined.mkv").read_bytes() == master(tmp_path / "one.mkv", frames * 15, fmt).read_bytes()


@pytest.mark.parametrize("start", [0, 1, 6, 7, 8, 20, 37, 38])
def test_any_frame_of_a_join_is_reached_exactly(reel, start):
    joined, frames, _ = reel
    assert same(list(FrameReader(joined, RGB, start, 1)), frames[start : start + 1])
    assert len(FrameReader(joined, start=start)) == 39 - start


@pytest.mark.parametrize("fps", ["16", "18", "24000/1001", "24", "25", "30000/1001", "48", "60"])
def test_a_seek_is_exact_and_quiet_at_every_rate(tmp_path, fps):
    fmt = PictureFormat(32, 24, "gray10le", Fraction(fps), "unknown", "unknown")
    frames = noise(fmt, 40)
    with FrameWriter(tmp_path / "m.mkv", fmt) as writer:
        for frame in frames:
            writer.write(frame)
    for start in (1, 7, 23, 38):
        assert same(list(FrameReader(tmp_path / "m.mkv", start=start, count=40 - start)), frames[start:])


@pytest.mark.parametrize(("start", "stop"), [(0, 39), (0, 1), (7, 9), (19, 33), (38, 39)])
def test_a_cut_holds_exactly_its_frames(reel, tmp_path, start, stop):
    joined, frames, _ = reel
    join.cut(joined, start, stop, tmp_path / "cut.mkv")
    assert same(list(FrameReader(tmp_path / "cut.mkv")), frames[start:stop])


def test_cut_and_joined_again_is_the_same_file(reel, tmp_path):
    joined, _, _ = reel
    for number, (start, stop) in enumerate(((0, 11), (11, 12), (12, 39))):
        join.cut(joined, start, stop, tmp_path / f"{number}.mkv")
    join.join([tmp_path / f"{number}.mkv" for number in range(3)], tmp_path / "again.mkv")
    assert (tmp_path / "again.mkv").read_bytes() == joined.read_bytes()


def test_a_cut_beyond_the_end_and_a_join_of_unlike_parts_leave_nothing(reel, tmp_path):
    joined, _, parts = reel
    with pytest.raises(MediaError, match="ends before the cut"):
        join.cut(joined, 30, 45, tmp_path / "cut.mkv")
    grey = PictureFormat(48, 36, "gray10le", RGB.fps)
    other = master(tmp_path / "grey.mkv", noise(grey, 1), grey)
    with pytest.raises(MediaError, match=r"grey\.mkv.*not coded like the first"):
        join.join([parts[0], other], tmp_path / "joined.mkv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.mkv"]


def test_a_range_outside_and_another_format_are_refused(reel):
    joined, _, _ = reel
    with pytest.raises(WrongUse, match=r"expected 0 to 38, found 38 to 40"):
        FrameReader(joined, start=38, count=3)
    with pytest.raises(MediaError, match=r"expected 48x36 gray, found 48x36 gbrp10le"):
        FrameReader(joined, PictureFormat(48, 36, "gray"))


def test_a_truncated_master_is_refused_and_the_frame_named(reel, tmp_path):
    joined, frames, _ = reel
    whole = joined.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    reader = FrameReader(tmp_path / "cut.mkv")
    got = []
    with pytest.raises(MediaError, match=r"cut\.mkv") as caught:
        got.extend(reader)
    assert same(got, frames[: len(got)])
    for refused in (framemd5.compute, join.coded_stream):
        with pytest.raises(MediaError):
            refused(tmp_path / "cut.mkv")
    assert caught.value.action


def test_one_flipped_byte_is_refused_and_never_concealed(reel, tmp_path):
    joined, _, _ = reel
    raw = bytearray(joined.read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.mkv").write_bytes(raw)
    with pytest.raises(MediaError, match=r"slice CRC mismatch") as caught:
        list(FrameReader(tmp_path / "bad.mkv"))
    assert caught.value.frame in (18, 19, 20)
    with pytest.raises(MediaError):
        framemd5.compute(tmp_path / "bad.mkv")


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mkv").write_bytes(b"not a video" * 100)
    with pytest.raises(MediaError, match="no video"):
        probe_format(tmp_path / "a.mkv")
    with pytest.raises(MediaError, match="cannot be read"):
        probe_format(tmp_path / "missing.mkv")


@pytest.mark.parametrize("name", ["-y.mkv", "a:b.mkv", "%d %08d.mkv", "quote'\".mkv", "concat|x.mkv", "ü\nnew.mkv"])
def test_hostile_file_names_are_but_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    frames = noise(RGB, 2)
    path = master(tmp_path / name, frames, RGB)
    assert same(list(FrameReader(path)), frames)
    join.join([path], tmp_path / "joined.mkv")
    join.cut(path, 1, 2, tmp_path / "cut.mkv")
    assert same(list(FrameReader(tmp_path / "cut.mkv")), frames[1:])


def test_a_sequence_with_hostile_names_is_read_and_seeked(tmp_path):
    folder = delivery(tmp_path / "a %d 'b'", 6)
    for path in sorted(folder.glob("*.dpx")):
        path.rename(path.with_name("-i %05d 'x' " + path.name))
    sequence = find_sequence(folder)
    whole = list(FrameReader(sequence))
    assert len(whole) == 6
    assert same(list(FrameReader(folder, start=4, count=2)), whole[4:])
    encode_sequence(sequence, probe_format(folder), tmp_path / "m.mkv")
    assert same(list(FrameReader(tmp_path / "m.mkv")), whole)


@pytest.mark.parametrize(
    ("ending", "dtype"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint8), ("tif", np.uint16)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_png_and_tiff_are_read_exactly(tmp_path, ending, dtype, channels):
    random = np.random.default_rng(3)
    shape = (35, 37) if channels == 1 else (35, 37, 3)
    pictures = [random.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype) for _ in range(2)]
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"a_{number}.{ending}"), picture)
    reader = FrameReader(tmp_path)
    for frame, picture in zip(reader, pictures, strict=True):
        expected = picture[None] if channels == 1 else picture[..., ::-1].transpose(2, 0, 1)
        assert np.array_equal(reader.format.to_work(frame), expected)


VARIANTS = {
    "packed": lambda frame: dpx_file(frame, 10, packing=Packing.PACKED),
    "little-endian": lambda frame: dpx_file(frame, 10, big_endian=False),
    "padded lines": lambda frame: dpx_file(frame, 10, line_padding=12),
    "filled B": lambda frame: dpx_file(frame, 10, packing=Packing.FILLED_B),
}


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_every_variant_of_dpx_goes_into_a_master_and_comes_out(tmp_path, samples, variant):
    """Those ffmpeg does not read go through our own reader; nothing else tells the difference."""
    frames = [codes(samples, 33, 37, 10, seed) for seed in range(4)]
    (tmp_path / "in").mkdir()
    for place, frame in enumerate(frames):
        (tmp_path / "in" / f"a_{place}.dpx").write_bytes(VARIANTS[variant](frame))
    sequence = find_sequence(tmp_path / "in")
    fmt, done = probe_format(sequence), []
    assert same(list(FrameReader(sequence)), frames)
    encode_sequence(sequence, fmt, tmp_path / "m.mkv", progress=done.append)
    assert same(list(FrameReader(tmp_path / "m.mkv")), frames)
    assert done[-1] == 4
    digests = tuple(frame_md5(frame) for frame in frames)
    assert framemd5.compute(sequence) == framemd5.compute(tmp_path / "m.mkv") == digests
    assert (tmp_path / "m.mkv").read_bytes() == master(tmp_path / "one.mkv", frames, fmt).read_bytes()


def test_exr_goes_into_a_master_stretched_and_comes_out_exactly(tmp_path):
    import OpenImageIO

    (tmp_path / "in").mkdir()
    pictures = [np.random.default_rng(seed).random((33, 37, 3)).astype(np.float16) for seed in range(3)]
    for place, picture in enumerate(pictures):
        path = str(tmp_path / "in" / f"a_{place}.exr")
        image = OpenImageIO.ImageOutput.create(path)
        assert image.open(path, OpenImageIO.ImageSpec(37, 33, 3, OpenImageIO.HALF))
        assert image.write_image(picture)
        image.close()
    reader = FrameReader(tmp_path / "in")
    assert reader.format.pix_fmt == "gbrp16le"
    ordered = list(reader)
    coding = FloatCoding(min(int(p.min()) for f in ordered for p in f), max(int(p.max()) for f in ordered for p in f))
    stretched = (tuple(coding.stretch(plane) for plane in frame) for frame in reader)
    encode_frames(stretched, reader.format, tmp_path / "m.mkv")
    for frame, picture in zip(FrameReader(tmp_path / "m.mkv"), pictures, strict=True):
        green, blue, red = (to_half(coding.unstretch(plane)) for plane in frame)
        assert np.array_equal(np.dstack((red, green, blue)).view("u2"), picture.view("u2"))


def test_a_damaged_frame_file_is_named_when_its_turn_comes(tmp_path):
    folder = delivery(tmp_path / "in", 6)
    paths = sorted(folder.glob("*.dpx"))
    reader = FrameReader(folder)
    paths[4].write_bytes(paths[4].read_bytes()[:-5])
    got = []
    with pytest.raises(TruncatedFrame, match=r"reel_0086404\.dpx, frame 86404: the DPX is truncated"):
        got.extend(reader)
    assert len(got) == 4
    paths[2].write_bytes(dpx_file(codes(3, 8, 8, 10), 10))
    with pytest.raises(
        DeliveryError, match=r"reel_0086402\.dpx, frame 86402: .*not like the first .*found 8x8 gbrp10le"
    ):
        list(reader)


def test_leaving_early_kills_ffmpeg(reel):
    frames = iter(FrameReader(reel[0]))
    next(frames)
    before = _children()
    frames.close()
    assert len(_children()) < len(before)


def _children() -> list[str]:
    answer = subprocess.run(
        ["ps", "-o", "comm=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [name for name in answer.stdout.split() if name.startswith("ffmpeg")]


def test_ffmpeg_dies_with_a_killed_parent(tmp_path):
    script = (
        "import subprocess, sys, time\n"
        "from restoration_tasks.media import ffmpeg\n"
        "endless = ffmpeg.graph.input('testsrc2=r=24', f='lavfi', re=None).output('-', f='null')\n"
        "with ffmpeg.child(ffmpeg.compile_graph(endless), about='x') as running:\n"
        "    print(running.process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    """Whether a process runs (a zombie whose new parent never waits does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def interrupted(path):
    with FrameWriter(path, RGB) as writer:
        writer.write(noise(RGB, 1)[0])
        raise ZeroDivisionError


def of_unlike_frames(path):
    with FrameWriter(path, RGB) as writer:
        writer.write(noise(PictureFormat(48, 36, "gray10le"), 1)[0])


def without_frames(path):
    with FrameWriter(path, RGB):
        pass


def by_no_encoder(path):
    with FrameWriter(path, RGB, options={"c:v": "nonsense", "f": "matroska"}) as writer:
        for frame in noise(RGB, 40):
            writer.write(frame)


@pytest.mark.parametrize(
    ("write", "error", "says"),
    [
        (interrupted, ZeroDivisionError, "^$"),
        (of_unlike_frames, MediaError, "does not have the stream's format"),
        (without_frames, WrongUse, "at least one frame"),
        (by_no_encoder, MediaError, r"m\.mkv: ffmpeg failed: .*Unknown encoder 'nonsense'"),
    ],
)
def test_a_failed_write_leaves_no_file_and_says_why(tmp_path, write, error, says):
    with pytest.raises(error, match=says):
        write(tmp_path / "m.mkv")
    assert not list(tmp_path.iterdir())


def test_framemd5_files_are_ffmpegs_own_notation(reel, tmp_path):
    joined, _, _ = reel
    digests = framemd5.compute(joined)
    framemd5.write(tmp_path / "ours.framemd5", digests, RGB)
    assert framemd5.read(tmp_path / "ours.framemd5") == digests
    theirs = ffmpeg.graph.input(str(joined)).output(str(tmp_path / "theirs.framemd5"), f="framemd5", pix_fmt="gbrp10le")
    ffmpeg.run(theirs, about=joined)
    assert framemd5.read(tmp_path / "theirs.framemd5") == digests


def test_framemd5_comparison_finds_the_first_difference():
    assert framemd5.compare("abc", "abc") is None
    assert framemd5.compare("abc", "abd") == framemd5.Difference(2, "c", "d")
    assert framemd5.compare("abc", "ab") == framemd5.Difference(2, "c", None)
    assert framemd5.compare("", "a") == framemd5.Difference(0, None, "a")


@pytest.mark.parametrize("text", ["", "#only a comment\n", "0, 0, 0, 1, 10, xyz\n"])
def test_a_framemd5_file_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "a.framemd5").write_text(text)
    with pytest.raises(MediaError, match=r"a\.framemd5"):
        framemd5.read(tmp_path / "a.framemd5")


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (24.0, "24"),
        (23.976, "24000/1001"),
        (29.97, "30000/1001"),
        (16.667, "50/3"),
        (18.5, "37/2"),
        (59.94, "60000/1001"),
    ],
)
def test_rounded_rates_become_the_fractions_they_stand_for(rate, exact):
    assert exact_rate(rate) == Fraction(exact)


@pytest.mark.parametrize("transfer", [*sorted(set(probes._TRANSFER.values())), *sorted(set(_FFMPEG_TRANSFER.values()))])
def test_every_transfer_we_name_is_written_and_read_back(tmp_path, transfer):
    fmt = PictureFormat(32, 24, "gbrp10le", Fraction(24), transfer)
    assert probe(master(tmp_path / "a.mkv", noise(fmt, 2), fmt)).format.transfer == transfer


@pytest.mark.parametrize("name", sorted({*probes._PRIMARIES.values(), *_FFMPEG_PRIMARIES.values()}))
def test_every_set_of_primaries_we_name_is_written_and_read_back(tmp_path, name):
    fmt = PictureFormat(32, 24, "gray10le", Fraction(24), "bt709", name)
    assert probe(master(tmp_path / "a.mkv", noise(fmt, 2), fmt)).format.primaries == name


@pytest.mark.parametrize("name", sorted(set(probes._MATRIX.values())))
def test_every_matrix_we_name_is_written_and_read_back(tmp_path, name):
    fmt = PictureFormat(32, 24, "yuv422p10le", Fraction(24), "bt709", "bt709", name)
    assert probe(master(tmp_path / "a.mkv", noise(fmt, 2), fmt)).format.matrix == name
