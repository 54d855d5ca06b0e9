"""Delivered containers: what they are, their frames, the working copy that holds exactly these, and what is refused."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from restoration_tasks.media import ffmpeg, framemd5
from restoration_tasks.media.container import inspect
from restoration_tasks.media.master import write_master
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sound.flac import encode_track, why_not_flac_track
from restoration_tasks.media.working_copy import frame_digests, working_copy, working_copy_tags
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.pictures import master, noise, same

FRAMES = 50
PART = 13


def deliver(path, *options, fps="24", size="64x48", picture="testsrc2", sound=False):
    """A container as another program writes it."""
    source = ["-f", "lavfi", "-i", f"{picture}=s={size}:r={fps}"]
    source += ["-f", "lavfi", "-i", "anoisesrc=r=48000:seed=3:d=2"] if sound else []
    command = [ffmpeg.binary(), "-v", "error", "-y", *source, "-frames:v", str(FRAMES), *options, str(path)]
    subprocess.run(command, check=True)
    return path


KINDS = {
    "prores.mov": (["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"], ("QuickTime", "ProRes", "yuv422p10le", False)),
    "h264.mp4": (["-c:v", "libx264", "-pix_fmt", "yuv420p"], ("MPEG-4", "AVC", "yuv420p", False)),
    "full.mp4": (
        ["-c:v", "libx264", "-vf", "scale=out_range=pc,format=yuv420p", "-color_range", "pc"],
        ("MPEG-4", "AVC", "yuv420p", False),
    ),
    "hevc.mp4": (
        ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"],
        ("MPEG-4", "HEVC", "yuv420p10le", False),
    ),
    "ffv1.mkv": (["-c:v", "ffv1", "-g", "8", "-pix_fmt", "gbrp16le"], ("Matroska", "FFV1", "gbrp16le", True)),
    "rgb8.mkv": (["-c:v", "ffv1", "-pix_fmt", "bgr0"], ("Matroska", "FFV1", "gbrp", True)),
    "grey.mkv": (["-c:v", "ffv1", "-pix_fmt", "gray12le"], ("Matroska", "FFV1", "gray12le", True)),
    "jpeg.mov": (["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], ("QuickTime", "JPEG", "yuv420p", False)),
}


def raw_frames(path):
    """The frames as ffmpeg gives them when nothing is asked of it."""
    command = [ffmpeg.binary(), "-v", "error", "-i", str(path), "-map", "0:v:0", "-f", "rawvideo", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", KINDS)
def test_a_working_copy_holds_exactly_the_frames_and_survives_a_kill(tmp_path, name):
    options, (container, codec, pix_fmt, lossless) = KINDS[name]
    path = deliver(tmp_path / name, *options)
    info = inspect(path)
    assert (info.container, info.codec, info.format.pix_fmt, info.lossless) == (container, codec, pix_fmt, lossless)
    assert (info.format.width, info.format.height, info.format.fps, info.stated_frames) == (64, 48, 24, FRAMES)
    assert not info.interlaced
    digests = frame_digests(path, info)
    assert len(digests) == FRAMES

    def part(start):
        return tmp_path / f"{start:08d}.part.mkv"

    done = []
    parts = working_copy(path, info, digests, part, part_frames=PART, progress=done.append)
    assert done == list(range(1, FRAMES + 1))
    assert [p.name for p in parts] == [part(start).name for start in (0, 13, 26, 39)]
    write_master(parts, tmp_path / "copy.mkv", tags=working_copy_tags(info))
    assert framemd5.compute(tmp_path / "copy.mkv") == digests
    assert probe(tmp_path / "copy.mkv").format == info.format
    if pix_fmt == info.decoded_pix_fmt or pix_fmt.startswith("yuv"):
        found = b"".join(info.format.frame_to_bytes(frame) for frame in FrameReader(tmp_path / "copy.mkv"))
        assert found == raw_frames(path)

    # killed: one part is missing, one was never finished; the others are taken as they are
    kept = {p: p.stat().st_mtime_ns for p in (parts[0], parts[2])}
    whole = (tmp_path / "copy.mkv").read_bytes()
    parts[1].unlink()
    parts[3].write_bytes(parts[0].read_bytes()[:5000])
    assert working_copy(path, info, digests, part, part_frames=PART) == parts
    write_master(parts, tmp_path / "again.mkv", tags=working_copy_tags(info))
    assert (tmp_path / "again.mkv").read_bytes() == whole
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_known_samples_come_through(tmp_path):
    """Frames of known code values, through a lossless container of another program, are the same in the copy."""
    fmt = PictureFormat(37, 33, "gbrp", Fraction(24000, 1001))
    frames = noise(fmt, 9)
    path = master(tmp_path / "delivered.mkv", frames, fmt)
    info = inspect(path)
    assert info.format == fmt
    parts = working_copy(path, info, frame_digests(path, info), lambda start: tmp_path / f"{start}.mkv", part_frames=4)
    write_master(parts, tmp_path / "copy.mkv")
    assert same(list(FrameReader(tmp_path / "copy.mkv")), frames)


def test_a_copy_is_marked_as_such(tmp_path):
    path = deliver(tmp_path / "a.mov", *KINDS["prores.mov"][0])
    info = inspect(path)
    parts = working_copy(path, info, frame_digests(path, info), lambda start: tmp_path / f"{start}.mkv")
    write_master(parts, tmp_path / "copy.mkv", tags=working_copy_tags(info), timecode=info.timecode)
    general = technical_metadata(tmp_path / "copy.mkv")[0]
    assert general["description"].startswith("FFV1 working copy; the delivered ProRes file a.mov is")


@pytest.mark.parametrize("fps", ["16", "18", "24000/1001", "25", "30000/1001", "50/3"])
@pytest.mark.parametrize("ending", ["mkv", "mov"])
def test_every_constant_rate_is_constant(tmp_path, fps, ending):
    path = deliver(tmp_path / f"a.{ending}", "-c:v", "ffv1" if ending == "mkv" else "prores_ks", fps=fps)
    info = inspect(path)
    assert info.format.fps == Fraction(fps)
    assert len(frame_digests(path, info)) == FRAMES


def test_a_changing_rate_is_refused_and_the_frame_named(tmp_path):
    late = ["-vf", "setpts='if(gt(N,20),PTS+0.5/TB,PTS)'", "-fps_mode", "vfr"]
    path = deliver(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", *late)
    with pytest.raises(DeliveryError, match=r"a\.mp4, frame 21: the frame rate changes.*expected 0\.8750 s"):
        frame_digests(path, inspect(path))


def test_interlaced_pictures_are_told(tmp_path):
    path = deliver(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264opts", "interlaced=1")
    assert inspect(path).interlaced
    prores = deliver(tmp_path / "a.mov", "-vf", "setfield=tff", "-c:v", "prores_ks", "-flags", "+ildct")
    assert inspect(prores).interlaced


def test_timecode_and_sound_inside(tmp_path):
    options = [*KINDS["prores.mov"][0], "-c:a", "pcm_s24le", "-timecode", "10:00:00:05"]
    path = deliver(tmp_path / "a.mov", *options, sound=True)
    info = inspect(path)
    assert info.timecode == "10:00:00:05"
    (track,) = info.sound
    assert why_not_flac_track(track) is None
    encode_track(path, track, tmp_path / "a.mka")
    lossy = inspect(deliver(tmp_path / "b.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", sound=True))
    assert "AAC" in why_not_flac_track(lossy.sound[0])
    for name, video in (("c.mkv", "ffv1.mkv"), ("c.mov", "prores.mov")):
        floating = deliver(tmp_path / name, *KINDS[video][0], "-c:a", "pcm_f32le", sound=True)
        assert "32-bit floating point" in why_not_flac_track(inspect(floating).sound[0])


def test_samples_that_would_have_to_be_converted_are_refused(tmp_path):
    path = deliver(tmp_path / "a.mov", "-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le")
    with pytest.raises(DeliveryError, match=r"a\.mov: .*would not convert them .*found yuva444p12le"):
        inspect(path)


def test_what_is_no_container_or_not_whole_is_refused(tmp_path):
    mov = deliver(tmp_path / "a.mov", *KINDS["prores.mov"][0])
    (tmp_path / "cut.mov").write_bytes(mov.read_bytes()[:20_000])
    (tmp_path / "empty.mkv").write_bytes(b"")
    subprocess.run(
        [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(tmp_path / "sound.mkv")], check=True
    )
    for name in ("cut.mov", "empty.mkv", "sound.mkv", "missing.mkv"):
        with pytest.raises(DeliveryError, match=name.replace(".", r"\.")) as caught:
            inspect(tmp_path / name)
        assert caught.value.action


@pytest.mark.parametrize("name", ["ffv1.mkv", "prores.mov", "h264.mp4"])
def test_damage_inside_is_refused_and_never_concealed(tmp_path, name):
    path = deliver(tmp_path / name, *KINDS[name][0], picture="mandelbrot")
    raw = np.frombuffer(path.read_bytes(), np.uint8).copy()
    raw[len(raw) // 2 : len(raw) // 2 + 400] ^= 0x5A
    path.write_bytes(raw.tobytes())
    with pytest.raises(DeliveryError, match=name.replace(".", r"\.") + r", frame \d+: ") as caught:
        frame_digests(path, inspect(path))
    assert 5 < caught.value.frame <= FRAMES


def test_a_truncated_container_names_the_frame_it_ends_at(tmp_path):
    path = deliver(tmp_path / "a.mkv", *KINDS["ffv1.mkv"][0])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DeliveryError, match=r"a\.mkv, frame 2\d: ") as caught:
        frame_digests(path, inspect(path))
    assert "truncated" in caught.value.action


def test_a_count_that_is_wrong_and_a_file_that_changed(tmp_path):
    path = deliver(tmp_path / "a.mkv", *KINDS["grey.mkv"][0])
    info = inspect(path)
    digests = frame_digests(path, info)
    with pytest.raises(DeliveryError, match=r"as many frames as it says .expected 51 frames, found 50"):
        frame_digests(path, replace(info, stated_frames=FRAMES + 1))
    wrong = (*digests[:17], "0" * 32, *digests[18:])
    with pytest.raises(DeliveryError, match=r"a\.mkv, frame 17: the file decodes to another frame"):
        working_copy(path, info, wrong, lambda start: tmp_path / f"{start}.mkv", part_frames=PART)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.mkv", "a.mkv"]
    with pytest.raises(DeliveryError, match=r"frame 50: .*found the end of the file"):
        working_copy(path, info, (*digests, "0" * 32), lambda start: tmp_path / f"{start}.mkv", part_frames=PART)
