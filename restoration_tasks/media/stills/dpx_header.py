"""Headers of DPX frames (SMPTE ST 268): what a file says of its picture, checked, and how the picture lies in it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from restoration_tasks.media.picture import PRINTING_DENSITY, UNKNOWN
from restoration_tasks.media.stills.dpx_fields import UNDEFINED, USER_ID_BYTES, DpxFields, read_fields
from restoration_tasks.media.stills.errors import damaged, truncated, unread
from restoration_tasks.runtime.errors import DeliveryError

HEADER_BYTES = 2048
"""File, image, orientation, film and television headers together (ST 268 tables 1 to 7)."""
PARSED_BYTES = HEADER_BYTES + USER_ID_BYTES
"""The bytes of a file that `parse_header` looks at."""
MINIMUM_HEADER_BYTES = 1664
"""The generic part every DPX must have; the industry part (film, television) may be left out."""
_MAXIMUM_SIDE = 65535


class Descriptor(IntEnum):
    """Image element descriptors (ST 268 table 1) that Reelkeeper reads."""

    LUMA = 6
    RGB = 50
    RGBA = 51

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return {Descriptor.LUMA: 1, Descriptor.RGB: 3, Descriptor.RGBA: 4}[self]


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
    """Bits run on from word to word; only a line begins with a new word."""
    FILLED_A = 1
    """Three 10-bit samples a word, or one 12-bit sample in 16 bits, empty bits at the low end."""
    FILLED_B = 2
    """The same with the empty bits at the high end."""


_FFMPEG_TRANSFER = {
    Transfer.PRINTING_DENSITY: PRINTING_DENSITY,
    Transfer.LINEAR: "linear",
    Transfer.LOGARITHMIC: "log100",
    Transfer.SMPTE_274M: "bt709",
    Transfer.BT709: "bt709",
    Transfer.BT601_625: "smpte170m",
    Transfer.BT601_525: "smpte170m",
    Transfer.NTSC: "smpte170m",
    Transfer.PAL: "bt470bg",
}
_FFMPEG_PRIMARIES = {5: "bt709", 6: "bt709", 7: "bt470bg", 8: "smpte170m", 9: "smpte170m", 10: "bt470bg"}
_PIX_FMT = {Descriptor.LUMA: "gray", Descriptor.RGB: "gbrp", Descriptor.RGBA: "gbrap"}


@dataclass(frozen=True, kw_only=True)
class DpxHeader(DpxFields):
    """What a DPX file says of itself: its picture, checked, and the descriptive fields as they are."""

    big_endian: bool
    width: int
    """Pixels a line."""
    height: int
    """Lines."""
    bit_depth: int
    """Bits a sample: 8, 10, 12 or 16."""
    packing: Packing
    """Means nothing at 8 and 16 bit, where samples fill their bytes whatever is written."""
    descriptor: Descriptor
    transfer_code: int
    """Transfer characteristic as the file has it; see `Transfer`."""
    colorimetric_code: int
    offset: int
    """Byte at which the picture begins."""
    stride: int
    """Bytes from line to line."""
    run_on: bool
    """10-bit samples fill words across the ends of lines: the writer left out what completes a line's last word."""

    @property
    def samples(self) -> int:
        """Samples a pixel: 1, 3 or 4."""
        return self.descriptor.samples

    @property
    def line_samples(self) -> int:
        """Samples a line."""
        return self.width * self.samples

    @property
    def line_bytes(self) -> int:
        """Bytes of one line without padding to a 32-bit boundary."""
        return line_bytes(self.line_samples, self.bit_depth, self.packing)

    @property
    def image_bytes(self) -> int:
        """Bytes from the first line's begin to the last line's end, padding to 32 bits included where lines have it."""
        if self.run_on:
            return -(-self.line_samples * self.height // 3) * 4
        return self.stride * (self.height - 1) + min(self.stride, _aligned(self.line_bytes))

    @property
    def pix_fmt(self) -> str:
        """The ffmpeg pixel format the frame decodes to without loss."""
        return _PIX_FMT[self.descriptor] + ("" if self.bit_depth == 8 else f"{self.bit_depth}le")

    @property
    def packing_name(self) -> str:
        """As staff read it; empty at 8 and 16 bit."""
        names = {Packing.PACKED: "packed", Packing.FILLED_A: "filled A", Packing.FILLED_B: "filled B"}
        return names[self.packing] if self.bit_depth in (10, 12) else ""

    @property
    def transfer(self) -> str:
        """Transfer characteristic by ffmpeg's name (`printing-density` has none there)."""
        return _FFMPEG_TRANSFER.get(Transfer(self.transfer_code), UNKNOWN) if self.transfer_code <= 10 else UNKNOWN

    @property
    def primaries(self) -> str:
        """Colour primaries by ffmpeg's name."""
        return _FFMPEG_PRIMARIES.get(self.colorimetric_code, UNKNOWN)


def line_bytes(samples: int, bit_depth: int, packing: Packing) -> int:
    """Bytes that the samples of one line take, in whole words where words hold several samples."""
    if bit_depth in (10, 12) and packing is Packing.PACKED:
        return -(-samples * bit_depth // 32) * 4
    if bit_depth == 10:
        return -(-samples // 3) * 4
    return samples * (1 if bit_depth == 8 else 2)


def _aligned(size: int) -> int:
    return -(-size // 4) * 4


def parse_header(head: bytes | memoryview, *, file_bytes: int, name: str) -> DpxHeader:
    """Read and check a header.

    Args:
        head: the file's first bytes, at least `PARSED_BYTES` where the file has as many.
        file_bytes: size of the whole file, to find a truncated one and how its lines lie.
        name: file name for messages.

    Raises:
        TruncatedFrame: the file is shorter than its header or its picture.
        DeliveryError: not a DPX, or an encoding Reelkeeper does not read.
    """
    if len(head) < MINIMUM_HEADER_BYTES:
        raise truncated(name, "DPX", f"a header of {MINIMUM_HEADER_BYTES} bytes", f"{file_bytes} bytes")
    magic = bytes(head[:4])
    if magic not in (b"SDPX", b"XPDS"):
        raise damaged(name, "this is not a DPX file", "SDPX or XPDS", magic)
    order = ">" if magic == b"SDPX" else "<"

    def number(kind: str, at: int) -> Any:
        return struct.unpack_from(order + kind, head, at)[0]

    width, height = number("I", 772), number("I", 776)
    if not (0 < width <= _MAXIMUM_SIDE and 0 < height <= _MAXIMUM_SIDE):
        raise damaged(name, "the DPX has an impossible size", f"1 to {_MAXIMUM_SIDE}", f"{width}x{height}")
    # Some writers leave the picture's offset undefined in the file header and give it for the element only.
    offset = number("I", 4) if number("I", 4) != UNDEFINED else number("I", 808)
    if not MINIMUM_HEADER_BYTES <= offset <= 2**31:
        raise damaged(name, "the DPX says its picture begins at an impossible place", HEADER_BYTES, offset)
    found = read_fields(head, order, offset)
    _require_readable(name, found, head[800], head[803], number("H", 804), number("H", 806))
    descriptor, bit_depth = Descriptor(head[800]), head[803]
    # At 8 and 16 bit the field has no meaning, and writers leave anything there.
    packing = Packing(number("H", 804)) if bit_depth in (10, 12) else Packing.PACKED
    layout = _layout(
        height,
        width * descriptor.samples,
        bit_depth,
        packing,
        found.get("end_of_line_padding") or 0,
        file_bytes - offset,
        (found["stated_bytes"] or 0) - offset,
    )
    if layout is None:
        least = offset + line_bytes(width * descriptor.samples, bit_depth, packing) * height
        raise truncated(name, "DPX", f"at least {least} bytes", f"{file_bytes} bytes")
    return DpxHeader(
        **found,
        big_endian=order == ">",
        width=width,
        height=height,
        bit_depth=bit_depth,
        packing=packing,
        descriptor=descriptor,
        transfer_code=head[801],
        colorimetric_code=head[802],
        offset=offset,
        stride=layout.stride,
        run_on=layout.run_on,
    )


class _Layout(NamedTuple):
    stride: int
    run_on: bool = False


def _layout(
    height: int, samples: int, bit_depth: int, packing: Packing, line_padding: int, available: int, stated: int
) -> _Layout | None:
    """How the lines lie, in a file that has `available` bytes from its offset on and states `stated` of them.

    The standard's way is taken where the file is long enough for it: lines of whole 32-bit words, then the stated
    padding. Several writers leave one or both out; that is believed only where the size fits it to the byte or the
    header states the size the file has, so that a truncated file does not pass for one of theirs.
    """
    plain = line_bytes(samples, bit_depth, packing)
    words = _aligned(plain)
    stride = words + line_padding
    if available >= stride * (height - 1) + words:
        return _Layout(stride)
    others: list[tuple[int, _Layout]] = []
    if line_padding:
        others.append((words * height, _Layout(words)))
    if plain != words:
        others.append((plain * height, _Layout(plain)))
    if bit_depth == 10 and packing is not Packing.PACKED and samples % 3:
        others.append((-(-samples * height // 3) * 4, _Layout(0, run_on=True)))
    for needed, layout in others:
        if available == needed or available == stated >= needed:
            return layout
    return None


def _require_readable(
    name: str, found: dict[str, Any], descriptor: int, bit_depth: int, packing: int, encoding: int
) -> None:
    """Refuse what has another meaning than this reader would give it."""
    action = "deliver DPX of 8, 10, 12 or 16 bit luma, RGB or RGBA"

    def refuse(message: str, expected: object, what: object) -> DeliveryError:
        error = unread(name, what, str(expected), action)
        error.message = message
        return error

    if found["elements"] != 1:
        raise refuse("the DPX must hold one image element", 1, found["elements"])
    if descriptor not in tuple(Descriptor):
        raise refuse("this DPX element kind is not read", "luma (6), RGB (50) or RGBA (51)", descriptor)
    if found["data_sign"] not in (0, None) or encoding not in (0, 0xFFFF):
        what = f"sign {found['data_sign']}, encoding {encoding}"
        raise refuse("the DPX must be unsigned and not run-length encoded", "sign 0, encoding 0", what)
    if bit_depth not in (8, 10, 12, 16):
        raise refuse("this DPX bit depth is not read", "8, 10, 12 or 16", bit_depth)
    if bit_depth in (10, 12) and packing not in tuple(Packing):
        raise refuse("this DPX packing is not read", "packed (0), filled A (1) or filled B (2)", packing)


def read_header(path: Path) -> DpxHeader:
    """Header of a file; see `parse_header`."""
    with path.open("rb") as file:
        head = file.read(PARSED_BYTES)
    return parse_header(head, file_bytes=path.stat().st_size, name=path.name)
