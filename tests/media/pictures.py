"""Small pictures, files and deliveries for the media tests, made by the code under test's own independent parts."""

from __future__ import annotations

import hashlib
import struct
from enum import Enum
from fractions import Fraction
from pathlib import Path

import numpy as np

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.dpx_header import Descriptor, DpxHeader, Packing, line_bytes
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


class Lines(Enum):
    """How a writer ends its lines."""

    WHOLE = "the last word of a line completed, as the standard asks"
    BARE = "not completed"
    RUN_ON = "10-bit words filled on with the next line's samples"


def dpx_file(
    frame: Frame,
    bit_depth: int,
    *,
    packing: Packing = Packing.FILLED_A,
    big_endian: bool = True,
    lines: Lines = Lines.WHOLE,
    line_padding: int = 0,
    offset: int = dpx.HEADER_BYTES,
    stated: int | None = None,
    tail: bytes = b"",
    put: tuple[tuple[str, int, object], ...] = (),
) -> bytes:
    """A DPX of any variant; `put` sets further header fields by struct code and byte."""
    descriptor = {1: Descriptor.LUMA, 3: Descriptor.RGB, 4: Descriptor.RGBA}[len(frame)]
    height, width = frame[0].shape
    bare = line_bytes(width * len(frame), bit_depth, packing)
    header = DpxHeader(
        big_endian=big_endian,
        width=width,
        height=height,
        bit_depth=bit_depth,
        packing=packing,
        descriptor=descriptor,
        transfer_code=1,
        colorimetric_code=1,
        offset=offset,
        stride={Lines.WHOLE: -(-bare // 4) * 4 + line_padding, Lines.BARE: bare, Lines.RUN_ON: 0}[lines],
        run_on=lines is Lines.RUN_ON,
    )
    picture = dpx.pack(header, frame)
    order = ">" if big_endian else "<"
    head = bytearray(offset)
    size = offset + len(picture) + len(tail)
    fields: tuple[tuple[str, int, object], ...] = (
        ("4s", 0, b"SDPX" if big_endian else b"XPDS"),
        ("I", 4, offset),
        ("8s", 8, b"V2.0"),
        ("I", 16, size if stated is None else stated),
        ("I", 24, 1664),
        ("I", 28, 384),
        ("H", 770, 1),
        ("I", 772, width),
        ("I", 776, height),
        ("4B", 800, (descriptor, 1, 1, bit_depth)),
        ("H", 804, packing),
        ("I", 808, offset),
        ("I", 812, line_padding),
    )
    for kind, at, value in fields + put:
        struct.pack_into(order + kind, head, at, *(value if isinstance(value, tuple) else (value,)))
    return bytes(head) + picture + tail


def codes(samples: int, height: int, width: int, bit_depth: int, seed: int = 0) -> Frame:
    """One frame of random codes over the whole range, in ffmpeg's order of planes."""
    kind = np.uint8 if bit_depth == 8 else np.uint16
    random = np.random.default_rng(seed)
    return tuple(random.integers(0, 1 << bit_depth, (height, width)).astype(kind) for _ in range(samples))


def interleaved(frame: Frame) -> np.ndarray:
    """`(height, width, samples)` in R, G, B, A order, as other libraries have pictures."""
    order = {1: (0,), 3: (2, 0, 1), 4: (2, 0, 1, 3)}[len(frame)]
    return np.stack([frame[place] for place in order], axis=-1)


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


def sign(folder: Path, *patterns: str) -> None:
    """Write the manifest anew, as `md5sum *.dpx` (or what is named) would."""
    paths = sorted(path for pattern in patterns or ("*.dpx",) for path in folder.glob(pattern))
    lines = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (folder / "manifest-md5.txt").write_text("".join(lines))
