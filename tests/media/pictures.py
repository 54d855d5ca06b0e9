"""Small pictures, files and deliveries for the media tests, made by the code under test's own independent parts."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.writer import FrameWriter


def noise(fmt: PictureFormat, count: int, seed: int = 0) -> list[Frame]:
    """Frames of random code values over the whole range: nothing a lossy or shifted path could get right by luck."""
    random = np.random.default_rng(seed)
    return [
        tuple(random.integers(0, fmt.max_code + 1, shape).astype(fmt.dtype) for shape in fmt.plane_shapes)
        for _ in range(count)
    ]


def same(one: list[Frame], other: list[Frame]) -> bool:
    """Whether two lists of frames are bit-identical."""
    return len(one) == len(other) and all(
        len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(one, other, strict=True)
    )


def master(path: Path, frames: list[Frame], fmt: PictureFormat) -> Path:
    """An FFV1 master of frames."""
    with FrameWriter(path, fmt) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def delivery(
    folder: Path, count: int = 6, *, first: int = 86400, size: tuple[int, int] = (48, 36), seed: int = 0
) -> Path:
    """A complete 10-bit RGB DPX delivery: frames, `manifest-md5.txt`, `.ready`."""
    folder.mkdir(parents=True)
    for place, frame in enumerate(noise(PictureFormat(*size, "gbrp10le", Fraction(24)), count, seed)):
        green, blue, red = frame
        dpx.write_dpx(
            folder / f"reel_{first + place:07d}.dpx",
            np.stack((red, green, blue)),
            frame_position=place,
            sequence_length=count,
        )
    sign(folder)
    (folder / ".ready").touch()
    return folder


def sign(folder: Path) -> None:
    """Write the manifest anew, as `md5sum *.dpx` would."""
    lines = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.glob("*.dpx"))]
    (folder / "manifest-md5.txt").write_text("".join(lines))
