"""Headers of DPX frames (SMPTE ST 268): what a file says of itself, checked field by field."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from restoration_tasks.media.picture import PRINTING_DENSITY, UNKNOWN
from restoration_tasks.runtime.errors import DeliveryError

HEADER_BYTES = 2048
"""File, image, orientation, film and television headers together (ST 268 tables 1 to 7)."""
MINIMUM_HEADER_BYTES = 1664
"""The generic part every DPX must have; the industry part (film, television) may be left out."""
UNDEFINED = 0xFFFFFFFF
"""All ones: a field its writer did not fill in."""
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
        raise refuse(name, "the DPX is shorter than its header", MINIMUM_HEADER_BYTES, file_bytes, again=True)
    magic = bytes(head[:4])
    if magic not in (b"SDPX", b"XPDS"):
        raise refuse(name, "this is not a DPX file", "SDPX or XPDS", magic, again=True)
    order = ">" if magic == b"SDPX" else "<"

    def field(kind: str, at: int) -> Any:
        return struct.unpack_from(order + kind, head, at)[0]

    elements, width, height = field("H", 770), field("I", 772), field("I", 776)
    sign, descriptor = field("I", 780), head[800]
    bit_depth, packing, encoding = head[803], field("H", 804), field("H", 806)
    if elements != 1:
        raise refuse(name, "the DPX must hold one image element", 1, elements)
    if not (0 < width <= _MAXIMUM_SIDE and 0 < height <= _MAXIMUM_SIDE):
        raise refuse(name, "the DPX has an impossible size", f"1 to {_MAXIMUM_SIDE}", f"{width}x{height}", again=True)
    if descriptor not in tuple(Descriptor):
        raise refuse(name, "this DPX element kind is not read", "RGB (50) or luma (6)", descriptor)
    if sign not in (0, UNDEFINED) or encoding not in (0, 0xFFFF):
        found = f"sign {sign}, encoding {encoding}"
        raise refuse(name, "the DPX must be unsigned and not run-length encoded", "sign 0, encoding 0", found)
    _check_packing(name, bit_depth, packing)
    offset = field("I", 4)
    # Some writers leave the picture's offset undefined in the file header and give it for the element only.
    if offset == UNDEFINED:
        offset = field("I", 808)
    if not MINIMUM_HEADER_BYTES <= offset <= 2**31:
        raise refuse(name, "the DPX says its picture begins at an impossible place", HEADER_BYTES, offset, again=True)
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
        raise refuse(
            name,
            "the DPX is truncated",
            f"at least {header.offset + header.image_bytes} bytes",
            f"{file_bytes} bytes",
            again=True,
        )
    return header


def refuse(name: str, message: str, expected: object, found: object, *, again: bool = False) -> DeliveryError:
    """The error for a file that cannot be taken; `again` where a new copy may help."""
    action = "copy this file from the scanner again" if again else "deliver 8, 10, 12 or 16 bit RGB or luma DPX"
    return DeliveryError(message, file=name, expected=expected, found=found, action=action)


def _check_packing(name: str, bit_depth: int, packing: int) -> None:
    if bit_depth not in (8, 10, 12, 16):
        raise refuse(name, "this DPX bit depth is not read", "8, 10, 12 or 16", bit_depth)
    if bit_depth in (10, 12) and packing != Packing.FILLED_A:
        raise refuse(name, f"a {bit_depth} bit DPX must be filled by method A", int(Packing.FILLED_A), packing)


def _known(value: int) -> int | None:
    return None if value == UNDEFINED else value


def _rate(*candidates: float) -> float | None:
    """The first sensible frame rate; undefined fields are all ones, which reads as not-a-number."""
    return next((float(rate) for rate in candidates if 1.0 <= rate <= 1000.0), None)


def read_header(path: Path) -> DpxHeader:
    """Header of a file; see `parse_header`."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    return parse_header(head, file_bytes=path.stat().st_size, name=path.name)
