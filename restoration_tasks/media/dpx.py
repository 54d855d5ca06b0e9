"""Read, check and write DPX frames (SMPTE ST 268) with numpy alone, independently of ffmpeg's decoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import PRINTING_DENSITY, UNKNOWN, Frame, Plane
from restoration_tasks.runtime.errors import DeliveryError, MediaError

HEADER_BYTES = 2048
"""File, image, orientation, film and television headers together (ST 268 tables 1 to 7)."""
MINIMUM_HEADER_BYTES = 1664
"""The generic part every DPX must have; the industry part (film, television) may be left out."""
_UNDEFINED = 0xFFFFFFFF
_UNDEFINED_BYTES = struct.pack(">I", _UNDEFINED)
_MAXIMUM_SIDE = 65535


class Descriptor(IntEnum):
    """Image element descriptors (ST 268 table 1) that Reelkeeper reads."""

    LUMA = 6
    RGB = 50


class Transfer(IntEnum):
    """Transfer characteristics (ST 268 table 5A)."""

    USER_DEFINED = 0
    PRINTING_DENSITY = 1
    LINEAR = 2
    LOGARITHMIC = 3
    UNSPECIFIED_VIDEO = 4
    SMPTE_274M = 5
    BT709 = 6
    BT601_625 = 7
    BT601_525 = 8
    NTSC = 9
    PAL = 10


class Packing(IntEnum):
    """How samples fill 32-bit words (ST 268 table 3A)."""

    PACKED = 0
    FILLED_A = 1
    FILLED_B = 2


_FFMPEG_TRANSFER = {
    Transfer.PRINTING_DENSITY: PRINTING_DENSITY,
    Transfer.LINEAR: "linear",
    Transfer.LOGARITHMIC: "log100",
    Transfer.SMPTE_274M: "bt709",
    Transfer.BT709: "bt709",
    Transfer.BT601_625: "smpte170m",
    Transfer.BT601_525: "smpte170m",
    Transfer.NTSC: "smpte170m",
    Transfer.PAL: "gamma28",
}
_FFMPEG_PRIMARIES = {5: "bt709", 6: "bt709", 7: "bt470bg", 8: "smpte170m", 9: "smpte170m", 10: "bt470bg"}


@dataclass(frozen=True)
class DpxHeader:
    """What a DPX file says of itself, checked."""

    big_endian: bool
    version: str
    width: int
    """Pixels a line."""
    height: int
    """Lines."""
    bit_depth: int
    """Bits a sample: 8, 10, 12 or 16."""
    packing: int
    descriptor: Descriptor
    transfer_code: int
    """Transfer characteristic as the file has it; see `Transfer`."""
    colorimetric_code: int
    offset: int
    """Byte at which the picture begins."""
    stated_bytes: int
    """File size according to the header; several scanners leave it wrong, so it is reported, not enforced."""
    frame_position: int | None
    """Frame's place in the sequence, where the scanner wrote it."""
    fps: float | None
    """Frames a second, where the scanner wrote it."""

    @property
    def samples(self) -> int:
        """Samples a pixel: 1 or 3."""
        return 3 if self.descriptor is Descriptor.RGB else 1

    @property
    def line_bytes(self) -> int:
        """Bytes of one line without padding to a 32-bit boundary."""
        samples = self.width * self.samples
        if self.bit_depth == 10:
            return -(-samples // 3) * 4
        return samples * (1 if self.bit_depth == 8 else 2)

    @property
    def image_bytes(self) -> int:
        """The fewest bytes the picture can take."""
        return self.line_bytes * self.height

    @property
    def pix_fmt(self) -> str:
        """The ffmpeg pixel format the frame decodes to without loss."""
        depth = "" if self.bit_depth == 8 else f"{self.bit_depth}le"
        return ("gbrp" if self.descriptor is Descriptor.RGB else "gray") + depth

    @property
    def transfer(self) -> str:
        """Transfer characteristic by ffmpeg's name (`printing-density` has none there)."""
        return _FFMPEG_TRANSFER.get(Transfer(self.transfer_code), UNKNOWN) if self.transfer_code <= 10 else UNKNOWN

    @property
    def primaries(self) -> str:
        """Colour primaries by ffmpeg's name."""
        return _FFMPEG_PRIMARIES.get(self.colorimetric_code, UNKNOWN)


def parse_header(head: bytes | memoryview, *, file_bytes: int, name: str) -> DpxHeader:
    """Read and check a header.

    Args:
        head: the file's first bytes, at least `HEADER_BYTES` where the file has as many.
        file_bytes: size of the whole file, to find a truncated one.
        name: file name for messages.

    Raises:
        DeliveryError: not a DPX, an encoding Reelkeeper does not read, or a file shorter than its picture.
    """
    if len(head) < MINIMUM_HEADER_BYTES:
        raise _refuse(name, "the DPX is shorter than its header", MINIMUM_HEADER_BYTES, file_bytes, again=True)
    magic = bytes(head[:4])
    if magic not in (b"SDPX", b"XPDS"):
        raise _refuse(name, "this is not a DPX file", "SDPX or XPDS", magic, again=True)
    order = ">" if magic == b"SDPX" else "<"

    def field(kind: str, at: int) -> Any:
        return struct.unpack_from(order + kind, head, at)[0]

    elements, width, height = field("H", 770), field("I", 772), field("I", 776)
    sign, descriptor = field("I", 780), head[800]
    bit_depth, packing, encoding = head[803], field("H", 804), field("H", 806)
    if elements != 1:
        raise _refuse(name, "the DPX must hold one image element", 1, elements)
    if not (0 < width <= _MAXIMUM_SIDE and 0 < height <= _MAXIMUM_SIDE):
        raise _refuse(name, "the DPX has an impossible size", f"1 to {_MAXIMUM_SIDE}", f"{width}x{height}", again=True)
    if descriptor not in tuple(Descriptor):
        raise _refuse(name, "this DPX element kind is not read", "RGB (50) or luma (6)", descriptor)
    if sign not in (0, _UNDEFINED) or encoding not in (0, 0xFFFF):
        found = f"sign {sign}, encoding {encoding}"
        raise _refuse(name, "the DPX must be unsigned and not run-length encoded", "sign 0, encoding 0", found)
    _check_packing(name, bit_depth, packing)
    offset = field("I", 4)
    # Some writers leave the picture's offset undefined in the file header and give it for the element only.
    if offset == _UNDEFINED:
        offset = field("I", 808)
    if not MINIMUM_HEADER_BYTES <= offset <= 2**31:
        raise _refuse(name, "the DPX says its picture begins at an impossible place", HEADER_BYTES, offset, again=True)
    film = len(head) >= HEADER_BYTES and offset >= HEADER_BYTES
    header = DpxHeader(
        big_endian=order == ">",
        version=bytes(head[8:16]).split(b"\0")[0].decode("ascii", "replace"),
        width=width,
        height=height,
        bit_depth=bit_depth,
        packing=packing,
        descriptor=Descriptor(descriptor),
        transfer_code=head[801],
        colorimetric_code=head[802],
        offset=offset,
        stated_bytes=field("I", 16),
        frame_position=_known(field("I", 1712)) if film else None,
        fps=_rate(field("f", 1724), field("f", 1940)) if film else None,
    )
    if file_bytes < header.offset + header.image_bytes:
        raise _refuse(
            name,
            "the DPX is truncated",
            f"at least {header.offset + header.image_bytes} bytes",
            f"{file_bytes} bytes",
            again=True,
        )
    return header


def _refuse(name: str, message: str, expected: object, found: object, *, again: bool = False) -> DeliveryError:
    action = "copy this file from the scanner again" if again else "deliver 8, 10, 12 or 16 bit RGB or luma DPX"
    return DeliveryError(message, file=name, expected=expected, found=found, action=action)


def _check_packing(name: str, bit_depth: int, packing: int) -> None:
    if bit_depth not in (8, 10, 12, 16):
        raise _refuse(name, "this DPX bit depth is not read", "8, 10, 12 or 16", bit_depth)
    if bit_depth in (10, 12) and packing != Packing.FILLED_A:
        raise _refuse(name, f"a {bit_depth} bit DPX must be filled by method A", int(Packing.FILLED_A), packing)


def _known(value: int) -> int | None:
    return None if value == _UNDEFINED else value


def _rate(*candidates: float) -> float | None:
    """The first sensible frame rate; undefined fields are all ones, which reads as not-a-number."""
    return next((float(rate) for rate in candidates if 1.0 <= rate <= 1000.0), None)


def read_header(path: Path) -> DpxHeader:
    """Header of a file; see `parse_header`."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    return parse_header(head, file_bytes=path.stat().st_size, name=path.name)


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
        raise _refuse(path.name, "the DPX has another bit depth", 10, header.bit_depth)
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
        head[start:stop] = _UNDEFINED_BYTES * ((stop - start) // 4)
    fields: tuple[tuple[str, int, int | float | bytes], ...] = (
        ("4s", 0, b"SDPX"),
        ("I", 4, HEADER_BYTES),
        ("8s", 8, b"V2.0"),
        ("I", 16, file_bytes),
        ("I", 20, 1),
        ("I", 24, MINIMUM_HEADER_BYTES),
        ("I", 28, HEADER_BYTES - MINIMUM_HEADER_BYTES),
        ("I", 660, _UNDEFINED),
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
