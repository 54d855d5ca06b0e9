"""What a DPX file says beside its picture (SMPTE ST 268): who made it, when, from which film, at which place of it.

The places of the fields are those of ST 268 tables 1 to 7. A field that its writer left empty or undefined (all bits
set) is None; whether what is there makes sense is for the rules of a delivery to say.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

UNDEFINED = 0xFFFFFFFF
"""All ones: a field its writer did not fill in."""
USER_PART = 2048
"""Byte at which the user-defined part begins: a 32-byte identification, then what the user likes."""
USER_ID_BYTES = 32
USER_LENGTH_FIELD = 32
"""Byte of the field that gives the length of the user-defined part, identification included."""

_Decode = Callable[[bytes, str], Any]


def _text(raw: bytes, _order: str) -> str | None:
    if not raw.strip(b"\xff"):
        return None
    # The field ends at the first zero byte; behind it writers leave what was in memory.
    return raw.split(b"\0")[0].decode("ascii", "backslashreplace").strip() or None


def _whole(raw: bytes, order: str) -> int | None:
    value = int.from_bytes(raw, "big" if order == ">" else "little")
    return None if value == (1 << 8 * len(raw)) - 1 else value


def _real(raw: bytes, order: str) -> float | None:
    # The undefined value, all ones, reads as not-a-number.
    value = float(struct.unpack(f"{order}f", raw)[0])
    return value if math.isfinite(value) else None


def _timecode(raw: bytes, order: str) -> str | None:
    """ST 12-1 time and control code: binary coded digits, with flags in the unused high bits of the tens."""
    value = _whole(raw, order)
    if value is None:
        return None
    # The high digit of each pair needs 2 or 3 bits only; what stands above are flags.
    pairs = [(value >> shift & 0xFF, mask) for shift, mask in ((24, 0x3), (16, 0x7), (8, 0x7), (0, 0x3))]
    digits = [(pair >> 4 & mask, pair & 0xF) for pair, mask in pairs]
    if any(ones > 9 for _, ones in digits):
        return None
    hours, minutes, seconds, frames = (f"{tens}{ones}" for tens, ones in digits)
    return f"{hours}:{minutes}:{seconds}:{frames}"


def _drop_flag(raw: bytes, order: str) -> bool | None:
    value = _whole(raw, order)
    return None if value is None else bool(value & 0x40)


def _at(place: int, size: int, decode: _Decode) -> Any:
    """A field of the header at a byte, with its size in bytes."""
    return field(default=None, metadata={"place": place, "size": size, "decode": decode})


@dataclass(frozen=True, kw_only=True)
class DpxFields:
    """The descriptive fields; each is None where its writer did not fill it in."""

    stated_offset: int | None = _at(4, 4, _whole)
    """Where the picture begins, according to the file header."""
    version: str | None = _at(8, 8, _text)
    """Of the header's layout: `V1.0` or `V2.0`."""
    stated_bytes: int | None = _at(16, 4, _whole)
    """File size according to the header; several scanners leave it wrong, so it is reported, not enforced."""
    file_name: str | None = _at(36, 100, _text)
    creation_time: str | None = _at(136, 24, _text)
    """As written: `yyyy:mm:dd:hh:mm:ssLTZ`."""
    creator: str | None = _at(160, 100, _text)
    project: str | None = _at(260, 200, _text)
    copyright: str | None = _at(460, 200, _text)
    orientation: int | None = _at(768, 2, _whole)
    """0 is left to right, top to bottom (ST 268 table 2)."""
    elements: int | None = _at(770, 2, _whole)
    """Image elements; a file of more than one is not read."""
    data_sign: int | None = _at(780, 4, _whole)
    """0 is unsigned."""
    low_code: int | None = _at(784, 4, _whole)
    """Reference low data code value."""
    low_quantity: float | None = _at(788, 4, _real)
    """What the low code stands for, such as a density."""
    high_code: int | None = _at(792, 4, _whole)
    high_quantity: float | None = _at(796, 4, _real)
    end_of_line_padding: int | None = _at(812, 4, _whole)
    """Bytes after each line."""
    end_of_image_padding: int | None = _at(816, 4, _whole)
    """Bytes after the picture."""
    source_file_name: str | None = _at(1432, 100, _text)
    source_time: str | None = _at(1532, 24, _text)
    input_device: str | None = _at(1556, 32, _text)
    input_device_serial: str | None = _at(1588, 32, _text)
    film_manufacturer: str | None = _at(1664, 2, _text)
    """Two digits of the edge code (SMPTE ST 254)."""
    film_type: str | None = _at(1666, 2, _text)
    film_offset_perforations: str | None = _at(1668, 2, _text)
    """Perforations from the edge code's zero mark to the frame."""
    film_prefix: str | None = _at(1670, 6, _text)
    film_count: str | None = _at(1676, 4, _text)
    film_format: str | None = _at(1680, 32, _text)
    """Such as `Academy`."""
    frame_position: int | None = _at(1712, 4, _whole)
    """Frame's place in the sequence."""
    sequence_length: int | None = _at(1716, 4, _whole)
    """Frames of the sequence."""
    held_count: int | None = _at(1720, 4, _whole)
    """Times the frame is held."""
    film_fps: float | None = _at(1724, 4, _real)
    """Frames a second of the original, as written."""
    frame_id: str | None = _at(1732, 32, _text)
    slate: str | None = _at(1764, 100, _text)
    timecode: str | None = _at(1920, 4, _timecode)
    """`HH:MM:SS:FF`; None also where the digits are none."""
    drop_frame: bool | None = _at(1920, 4, _drop_flag)
    """The drop-frame flag of the time code (ST 12-1)."""
    user_bits: int | None = _at(1924, 4, _whole)
    television_fps: float | None = _at(1940, 4, _real)
    """Frames a second of the video, as written."""
    user_id: str | None = _at(USER_PART, USER_ID_BYTES, _text)
    """Whose the user-defined part is; its contents are read by `user_data`."""

    @property
    def edge_code(self) -> str | None:
        """Manufacturer, type, prefix, count and offset of the film's edge code in one, where all are written."""
        parts = (
            self.film_manufacturer,
            self.film_type,
            self.film_prefix,
            self.film_count,
            self.film_offset_perforations,
        )
        known = [part for part in parts if part is not None]
        return " ".join(known) if len(known) == len(parts) else None

    @property
    def fps(self) -> float | None:
        """The first sensible rate of the film's and the television part; None where there is none."""
        rates = (self.film_fps, self.television_fps)
        return next((rate for rate in rates if rate is not None and 1.0 <= rate <= 1000.0), None)


_PLACES = [(one.name, one.metadata["place"], one.metadata["size"], one.metadata["decode"]) for one in fields(DpxFields)]


def read_fields(head: bytes | memoryview, order: str, header_bytes: int) -> dict[str, Any]:
    """Values of all fields of `DpxFields`, by their names.

    Args:
        head: the file's first bytes.
        order: `>` or `<`.
        header_bytes: where the picture begins; what lies behind is no header.
    """
    end = min(len(head), header_bytes)
    raw = bytes(head[:end])
    return {
        name: decode(raw[place : place + size], order) for name, place, size, decode in _PLACES if place + size <= end
    }


def user_data(raw: bytes | memoryview, *, big_endian: bool, offset: int) -> bytes | None:
    """What the user-defined part holds behind its identification; None where the file has no such part.

    Args:
        raw: the whole file, or at least its first `offset` bytes.
        big_endian: byte order of the header.
        offset: where the picture begins. It bounds the part: its stated length may be wrong.
    """
    length = _whole(bytes(raw[USER_LENGTH_FIELD : USER_LENGTH_FIELD + 4]), ">" if big_endian else "<")
    end = min(USER_PART + (length or 0), offset, len(raw))
    return bytes(raw[USER_PART + USER_ID_BYTES : end]) if end >= USER_PART + USER_ID_BYTES else None
