"""A tiny clip inside a wheel of its own, so that fetching, building and scoring run offline and for real."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from restoration_tasks.media import ffmpeg
from restoration_tasks.training.clips import Clip

MEMBER = "tinyclip/clip.mkv"


def moving_pattern(width: int, height: int, frames: int) -> bytes:
    """Raw RGB frames: soft shapes that move, with a cut of scene half way."""
    y, x = np.mgrid[:height, :width]
    pictures = []
    for frame in range(frames):
        scene = 0 if frame < frames // 2 else 40
        waves = [np.sin((x + 2 * frame + scene) / (5 + c)) * np.cos((y - scene) / (6 + c)) for c in range(3)]
        pictures.append(np.rint(120 + 70 * np.stack(waves, axis=-1)).astype(np.uint8))
    return np.stack(pictures).tobytes()


def tiny_clip(folder: Path, *, width: int = 96, height: int = 72, frames: int = 16) -> Clip:
    """Write `tinyclip-1.0-py3-none-any.whl` with a clip inside into a folder, and describe it."""
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "clip.mkv"
    command = [ffmpeg.binary(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", "25", "-i", "pipe:0", "-c:v", "ffv1", "-pix_fmt", "yuv420p", "-fflags", "+bitexact", str(video)]
    subprocess.run(command, input=moving_pattern(width, height, frames), check=True)
    content = video.read_bytes()
    wheel = folder / "tinyclip-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, content)
        archive.writestr("tinyclip-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinyclip\nVersion: 1.0\n")
        archive.writestr(
            "tinyclip-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinyclip-1.0.dist-info/RECORD", "")
    return Clip(
        name="tiny",
        package="tinyclip",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member=MEMBER,
        member_sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        frames=frames,
        fps=Fraction(25),
        licence="CC0-1.0",
    )
