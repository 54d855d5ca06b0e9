"""Read and write whole DPX frames (SMPTE ST 268) with numpy alone, independently of ffmpeg's decoder."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.dpx_fields import UNDEFINED, user_data
from restoration_tasks.media.stills.dpx_header import (
    HEADER_BYTES,
    MINIMUM_HEADER_BYTES,
    PARSED_BYTES,
    Descriptor,
    DpxHeader,
    Packing,
    Transfer,
    parse_header,
    read_header,
)
from restoration_tasks.media.stills.dpx_layout import is_canonical, pack, unpack
from restoration_tasks.media.stills.errors import unread
from restoration_tasks.runtime.errors import MediaError

__all__ = [
    "HEADER_BYTES",
    "PARSED_BYTES",
    "DpxHeader",
    "Transfer",
    "is_canonical",
    "pack",
    "parse_header",
    "read_dpx",
    "read_dpx_10bit",
    "read_header",
    "unpack",
    "user_data",
    "write_dpx",
]


def read_dpx(path: Path) -> tuple[DpxHeader, Frame]:
    """Header and planes (ffmpeg order) of a file.

    Raises:
        DeliveryError: see `parse_header`.
    """
    raw = path.read_bytes()
    header = parse_header(raw[:PARSED_BYTES], file_bytes=len(raw), name=path.name)
    return header, unpack(header, raw)


def read_dpx_10bit(path: Path) -> npt.NDArray[np.uint16]:
    """Code values `(C, H, W)` (R, G, B or luma; opacity is left out) of a 10-bit file.

    Raises:
        DeliveryError: see `parse_header`; also a file of another bit depth.
    """
    header, frame = read_dpx(path)
    if header.bit_depth != 10:
        raise unread(path.name, f"{header.bit_depth} bit", "10 bit", "give a 10-bit DPX")
    ordered = frame if header.samples == 1 else (frame[2], frame[0], frame[1])
    return np.stack(ordered).astype(np.uint16, copy=False)


def write_dpx(
    path: Path,
    planes: npt.NDArray[np.uint16],
    *,
    fps: float = 24.0,
    frame_position: int = 0,
    sequence_length: int = 1,
    transfer: Transfer = Transfer.BT709,
    colorimetric_code: int | None = None,
    creator: str = "Reelkeeper",
    project: str = "",
    input_device: str = "",
) -> None:
    """Write a 10-bit, big-endian, filled method A DPX version 2.0 with complete headers and no dates (so bytes repeat).

    Args:
        path: file to write.
        planes: `(3, H, W)` R, G, B, or `(1, H, W)` or `(H, W)` luma, code values 0 to 1023.
        fps: frames a second, in the film and the television header.
        frame_position: frame's place in the sequence, from 0.
        sequence_length: frames of the whole sequence.
        transfer: transfer characteristic (ST 268 table 5A).
        colorimetric_code: colorimetric specification (ST 268 table 5B, numbered as 5A is); default: as `transfer`.
        creator: program that wrote the file.
        project: name of the project or reel.
        input_device: name of the scanner.

    Raises:
        MediaError: a wrong shape or a value over 1023.
    """
    stack = planes[None] if planes.ndim == 2 else planes
    if stack.ndim != 3 or stack.shape[0] not in (1, 3):
        raise MediaError("a DPX has one or three planes", expected="(3, H, W) or (1, H, W)", found=planes.shape)
    count, height, width = stack.shape
    header = DpxHeader(
        big_endian=True,
        version="V2.0",
        width=width,
        height=height,
        bit_depth=10,
        packing=Packing.FILLED_A,
        descriptor=Descriptor.RGB if count == 3 else Descriptor.LUMA,
        transfer_code=transfer,
        colorimetric_code=transfer if colorimetric_code is None else colorimetric_code,
        offset=HEADER_BYTES,
        stride=-(-width * count // 3) * 4,
        run_on=False,
        frame_position=frame_position,
        sequence_length=sequence_length,
        film_fps=fps,
        television_fps=fps,
        file_name=path.name,
        source_file_name=path.name,
        creator=creator,
        project=project,
        input_device=input_device,
    )
    payload = pack(header, (stack[0],) if count == 1 else (stack[1], stack[2], stack[0]))
    path.write_bytes(_head(replace(header, stated_bytes=HEADER_BYTES + len(payload))) + payload)


def _head(header: DpxHeader) -> bytes:
    """Headers with every number in place, texts empty and unknown fields undefined (all ones) as the standard asks."""
    head = bytearray(HEADER_BYTES)
    # Unused image elements 2 to 8, the image orientation numbers, film counts and television numbers are undefined.
    for start, stop in ((852, 1356), (1408, 1432), (1712, 1732), (1920, 1928), (1932, 1972)):
        head[start:stop] = struct.pack(">I", UNDEFINED) * ((stop - start) // 4)
    numbers: tuple[tuple[str, int, int | float | bytes], ...] = (
        ("4s", 0, b"SDPX"),
        ("I", 4, header.offset),
        ("8s", 8, b"V2.0"),
        ("I", 16, header.stated_bytes or UNDEFINED),
        ("I", 20, 1),
        ("I", 24, MINIMUM_HEADER_BYTES),
        ("I", 28, HEADER_BYTES - MINIMUM_HEADER_BYTES),
        ("I", 660, UNDEFINED),
        ("H", 770, 1),
        ("I", 772, header.width),
        ("I", 776, header.height),
        ("I", 792, (1 << header.bit_depth) - 1),
        ("B", 800, header.descriptor),
        ("B", 801, header.transfer_code),
        ("B", 802, header.colorimetric_code),
        ("B", 803, header.bit_depth),
        ("H", 804, header.packing),
        ("I", 808, header.offset),
        ("I", 1628, 1),
        ("I", 1632, 1),
        ("I", 1712, header.frame_position or 0),
        ("I", 1716, header.sequence_length or 1),
        ("I", 1720, 1),
        ("f", 1724, header.film_fps or 0.0),
        ("f", 1940, header.television_fps or 0.0),
    )
    for kind, at, value in numbers:
        struct.pack_into(">" + kind, head, at, value)
    texts = (
        (36, 100, header.file_name),
        (160, 100, header.creator),
        (260, 200, header.project),
        (1432, 100, header.source_file_name),
        (1556, 32, header.input_device),
    )
    for at, size, text in texts:
        head[at : at + size] = (text or "").encode("ascii", "replace")[: size - 1].ljust(size, b"\0")
    # For printing density code values stand for densities 0 to 2.046 (Cineon: 0.002 a code value).
    if header.transfer_code == Transfer.PRINTING_DENSITY:
        struct.pack_into(">f", head, 788, 0.0)
        struct.pack_into(">f", head, 796, 2.046)
    return bytes(head)
