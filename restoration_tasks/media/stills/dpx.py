"""Read and write the pictures of DPX frames (SMPTE ST 268) with numpy alone, independently of ffmpeg's decoder."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame, Plane
from restoration_tasks.media.stills.dpx_header import (
    HEADER_BYTES,
    MINIMUM_HEADER_BYTES,
    UNDEFINED,
    Descriptor,
    DpxHeader,
    Packing,
    Transfer,
    parse_header,
    read_header,
    refuse,
)
from restoration_tasks.runtime.errors import MediaError

__all__ = [
    "HEADER_BYTES",
    "DpxHeader",
    "Transfer",
    "pack",
    "parse_header",
    "read_dpx",
    "read_dpx_10bit",
    "read_header",
    "unpack",
    "with_pixels",
    "write_dpx",
]


def unpack(header: DpxHeader, raw: bytes | memoryview) -> Frame:
    """Planes of a whole DPX file in ffmpeg order (G, B, R; or luma), in `uint8` or native `uint16`.

    Args:
        header: of this file.
        raw: the whole file.
    """
    stride = _stride(header, len(raw))
    lines = np.frombuffer(raw, np.uint8, count=(header.height - 1) * stride + header.line_bytes, offset=header.offset)
    if stride != header.line_bytes:
        padded = np.zeros(header.height * stride, np.uint8)
        padded[: lines.size] = lines
        lines = np.ascontiguousarray(padded.reshape(header.height, stride)[:, : header.line_bytes])
    samples = _samples(header, lines)
    if header.samples == 1:
        return (samples.reshape(header.height, header.width),)
    pixels = samples.reshape(header.height, header.width, 3)
    return tuple(np.ascontiguousarray(pixels[..., channel]) for channel in (1, 2, 0))


def _stride(header: DpxHeader, file_bytes: int) -> int:
    """Bytes from line to line: padded to 32 bits as the standard asks, unless the file is too short for that.

    Several writers leave the padding out; ffmpeg's decoder decides in the same way.
    """
    aligned = -(-header.line_bytes // 4) * 4
    return aligned if header.offset + aligned * header.height <= file_bytes else header.line_bytes


def _samples(header: DpxHeader, lines: npt.NDArray[np.uint8]) -> Plane:
    """Samples of all lines in file order; `lines` holds them without padding."""
    order = ">" if header.big_endian else "<"
    if header.bit_depth == 8:
        return lines
    if header.bit_depth == 10:
        words = lines.view(f"{order}u4").reshape(header.height, -1)
        # Filled method A leaves the two low bits empty. RGB begins at the high end of a word, luma at the low end.
        shifts = (22, 12, 2) if header.samples == 3 else (2, 12, 22)
        spread = np.empty((*words.shape, 3), np.uint16)
        for place, shift in enumerate(shifts):
            spread[..., place] = (words >> np.uint32(shift)) & np.uint32(0x3FF)
        return spread.reshape(header.height, -1)[:, : header.width * header.samples]
    values: Plane = lines.view(f"{order}u2").astype(np.uint16)
    return values >> np.uint16(4) if header.bit_depth == 12 else values


def pack(header: DpxHeader, frame: Frame) -> bytes:
    """The picture bytes of a frame (planes in ffmpeg order) as `header` lays them out, lines padded to 32 bits.

    Raises:
        MediaError: planes of another shape, or a code value beyond the bit depth.
    """
    limit = (1 << header.bit_depth) - 1
    if len(frame) != header.samples or any(p.shape != (header.height, header.width) for p in frame):
        raise MediaError(
            "the picture does not fit the DPX header",
            expected=f"{header.samples} planes of {header.height}x{header.width}",
            found=", ".join(str(p.shape) for p in frame),
            action="write the frame with a header of its own size",
        )
    if any(int(plane.max()) > limit or int(plane.min()) < 0 for plane in frame):
        raise MediaError("a code value does not fit the DPX", expected=f"0 to {limit}", action="report this as a fault")
    ordered = [frame[0]] if header.samples == 1 else [frame[2], frame[0], frame[1]]
    samples = np.stack(ordered, axis=-1).reshape(header.height, -1)
    lines = _lines(header, samples)
    short = -lines.shape[1] % 4
    return np.pad(lines, ((0, 0), (0, short))).tobytes() if short else lines.tobytes()


def _lines(header: DpxHeader, samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    order = ">" if header.big_endian else "<"
    if header.bit_depth == 8:
        return samples.astype(np.uint8)
    if header.bit_depth == 10:
        short = -samples.shape[1] % 3
        filled = np.pad(samples, ((0, 0), (0, short))).reshape(header.height, -1, 3).astype(np.uint32)
        shifts = (22, 12, 2) if header.samples == 3 else (2, 12, 22)
        words = filled[..., 0] << shifts[0] | filled[..., 1] << shifts[1] | filled[..., 2] << shifts[2]
        return words.astype(f"{order}u4").view(np.uint8).reshape(header.height, -1)
    values = samples.astype(np.uint16) << np.uint16(4 if header.bit_depth == 12 else 0)
    return values.astype(f"{order}u2").view(np.uint8).reshape(header.height, -1)


def read_dpx(path: Path) -> tuple[DpxHeader, Frame]:
    """Header and planes (ffmpeg order) of a file.

    Raises:
        DeliveryError: see `parse_header`.
    """
    raw = path.read_bytes()
    header = parse_header(raw[:HEADER_BYTES], file_bytes=len(raw), name=path.name)
    return header, unpack(header, raw)


def read_dpx_10bit(path: Path) -> npt.NDArray[np.uint16]:
    """Code values `(C, H, W)` (R, G, B or luma) of a 10-bit file.

    Raises:
        DeliveryError: see `parse_header`; also a file of another bit depth.
    """
    header, frame = read_dpx(path)
    if header.bit_depth != 10:
        raise refuse(path.name, "the DPX has another bit depth", 10, header.bit_depth)
    ordered = frame if header.samples == 1 else (frame[2], frame[0], frame[1])
    return np.stack(ordered).astype(np.uint16, copy=False)


def with_pixels(source: bytes, frame: Frame, *, name: str) -> bytes:
    """The source file's own headers (every byte up to its picture) with another picture behind them.

    Args:
        source: a whole DPX file.
        frame: planes in ffmpeg order, of the source's size and depth.
        name: file name for messages.

    Raises:
        DeliveryError: the source is not a readable DPX.
        MediaError: the frame does not fit it.
    """
    header = parse_header(source[:HEADER_BYTES], file_bytes=len(source), name=name)
    payload = pack(header, frame)
    if _stride(header, len(source)) == header.line_bytes and header.line_bytes % 4:
        padded = -(-header.line_bytes // 4) * 4
        payload = np.frombuffer(payload, np.uint8).reshape(-1, padded)[:, : header.line_bytes].tobytes()
    return source[: header.offset] + payload + source[header.offset + len(payload) :]


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
    descriptor = Descriptor.RGB if count == 3 else Descriptor.LUMA
    header = DpxHeader(
        big_endian=True,
        version="V2.0",
        width=width,
        height=height,
        bit_depth=10,
        packing=Packing.FILLED_A,
        descriptor=descriptor,
        transfer_code=transfer,
        colorimetric_code=transfer if colorimetric_code is None else colorimetric_code,
        offset=HEADER_BYTES,
        stated_bytes=0,
        frame_position=frame_position,
        fps=fps,
    )
    frame = (stack[0],) if count == 1 else (stack[1], stack[2], stack[0])
    payload = pack(header, frame)
    head = _head(header, HEADER_BYTES + len(payload), sequence_length)
    for at, size, text in (
        (36, 100, path.name),
        (160, 100, creator),
        (260, 200, project),
        (1432, 100, path.name),
        (1556, 32, input_device),
    ):
        encoded = text.encode("ascii", "replace")[: size - 1]
        head[at : at + size] = encoded.ljust(size, b"\0")
    path.write_bytes(bytes(head) + payload)


def _head(header: DpxHeader, file_bytes: int, sequence_length: int) -> bytearray:
    """Headers with every number in place, texts empty and unknown fields undefined (all ones) as the standard asks."""
    head = bytearray(HEADER_BYTES)
    # Unused image elements 2 to 8, the image orientation numbers, film counts and television numbers are undefined.
    for start, stop in ((852, 1356), (1408, 1432), (1712, 1732), (1920, 1928), (1932, 1972)):
        head[start:stop] = struct.pack(">I", UNDEFINED) * ((stop - start) // 4)
    fields: tuple[tuple[str, int, int | float | bytes], ...] = (
        ("4s", 0, b"SDPX"),
        ("I", 4, HEADER_BYTES),
        ("8s", 8, b"V2.0"),
        ("I", 16, file_bytes),
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
        ("I", 808, HEADER_BYTES),
        ("I", 1628, 1),
        ("I", 1632, 1),
        ("I", 1712, header.frame_position or 0),
        ("I", 1716, sequence_length),
        ("I", 1720, 1),
        ("f", 1724, header.fps or 0.0),
        ("f", 1940, header.fps or 0.0),
    )
    for kind, at, value in fields:
        struct.pack_into(">" + kind, head, at, value)
    # For printing density code values stand for densities 0 to 2.046 (Cineon: 0.002 a code value).
    if header.transfer_code == Transfer.PRINTING_DENSITY:
        struct.pack_into(">f", head, 788, 0.0)
        struct.pack_into(">f", head, 796, 2.046)
    return head
