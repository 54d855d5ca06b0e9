"""The whole way of scans that are not 10-bit RGB DPX: opacity, floating point with sound, a delivered video."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sound.tracks import sound_tracks
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT, small_frames

pytestmark = pytest.mark.timeout(300)


def _stills(folder: Path, ending: str, kind: str, opacity: bool = False, **attributes: object) -> None:
    folder.mkdir(parents=True)
    for number, codes in enumerate(small_frames(5)):
        pixels = np.ascontiguousarray(np.moveaxis(codes, 0, -1).astype(np.float32) / 1023)
        if opacity:
            ramp = np.linspace(0, 1, pixels.shape[1], dtype=np.float32)[None].repeat(pixels.shape[0], 0)
            pixels = np.dstack([pixels, ramp])
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
        for name, value in attributes.items():
            spec.attribute(name.replace("__", ":"), value)
        path = folder / f"scan.{number:05d}{ending}"
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec), out.geterror()
        assert out.write_image(pixels), out.geterror()
        out.close()


def _tone(path: Path, codec: str) -> None:
    sound = ffmpeg.graph.input("sine=frequency=440:duration=1.25", f="lavfi")
    ffmpeg.run(sound.output(ffmpeg.file_url(path), **{"c:a": codec}), about=path)


def with_opacity(folder: Path) -> None:
    _stills(folder, ".dpx", "uint16", opacity=True, oiio__BitsPerSample=10)


def of_floats(folder: Path) -> None:
    _stills(folder, ".exr", "half")
    _tone(folder / "sound.wav", "pcm_s24le")


def a_video(folder: Path) -> None:
    frames = folder.with_name("frames")
    _stills(frames, ".png", "uint16")
    folder.mkdir()
    _tone(frames / "sound.wav", "pcm_s16le")
    reading = ["-framerate", "24", "-i", str(frames / "scan.%05d.png"), "-i", str(frames / "sound.wav"), "-shortest"]
    writing = ["-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuv444p12le", "-c:a", "copy"]
    command = [ffmpeg.binary(), "-v", "error", *reading, *writing, str(folder / "reel.mov")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("make", "pix_fmt", "tracks"),
    [(with_opacity, "gbrap10le", 0), (of_floats, "gbrp16le", 1), (a_video, "yuv444p12le", 1)],
)
def test_the_whole_way(archive, make: Callable[[Path], None], pix_fmt, tracks):
    folder = archive.home / "inbox" / "other"
    make(folder)
    (folder / ".ready").touch()
    done = archive.run("run", folder, "--reel-id", "other", "--approve-as", "conservator")
    assert done.returncode == 0, done.stderr
    (bag,) = (archive.home / "vault" / "reels" / "other" / "package").glob("*/a001/bag/data")
    scan, restored = bag / "masters" / "preservation.mkv", bag / "masters" / "restored.mkv"
    assert probe(scan).format == probe(restored).format
    assert probe(restored).format.pix_fmt == pix_fmt
    clean = (CLEAN_SHOT - 1) * FRAMES_A_SHOT
    changed = 0
    for place, (before, after) in enumerate(zip(FrameReader(scan), FrameReader(restored), strict=True)):
        same = all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
        assert same or not clean <= place < clean + FRAMES_A_SHOT
        changed += not same
        if len(before) == 4:
            assert np.array_equal(before[3], after[3]), "opacity was touched"
    assert changed
    assert [len(sound_tracks(path)) for path in (scan, restored, bag / "copies" / "access.mp4")] == [tracks] * 3
    assert archive.run("provenance", "verify", "other").returncode == 0
