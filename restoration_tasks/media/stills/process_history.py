"""The digitisation history in the user-defined part of a DPX, as FADGI writes it.

FADGI, Guidelines for Embedded Metadata within DPX File Headers for Digitized Motion Picture Film (2018), section 12.1:
one line a generation (source film, capture, storage, …), variables separated by a comma and a blank, each line ended by
carriage return and line feed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

from restoration_tasks.media.stills.dpx_fields import (
    UNDEFINED,
    USER_ID_BYTES,
    USER_LENGTH_FIELD,
    USER_PART,
    user_data,
)
from restoration_tasks.media.stills.dpx_header import PARSED_BYTES, DpxHeader, parse_header
from restoration_tasks.runtime.errors import DeliveryError, MediaError

USER_ID = "FADGI process history"
_MAXIMUM_USER_BYTES = 1 << 20
"""ST 268 table 7: the user-defined data takes at most 1 MB."""
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_VARIABLE = re.compile(r"([A-Z])=(.*)", re.DOTALL)
_LETTERS = {
    "source": "O",
    "gauge": "G",
    "colour": "C",
    "sound": "S",
    "condition": "D",
    "fps": "F",
    "aspect": "A",
    "grading": "L",
    "bit_depth": "W",
    "resolution": "R",
    "colour_model": "M",
    "operator": "N",
    "text": "T",
}


@dataclass(frozen=True)
class HistoryLine:
    """One generation; every variable may be left out.

    Raises:
        MediaError: a value is empty, holds a comma or anything but printable ASCII.
    """

    source: str | None = None
    """O: what it is (reversal, print, positive, negative, DPXv1, DPXv2 …)."""
    gauge: str | None = None
    """G: 8mm, super8mm, 16mm, 35mm …"""
    colour: str | None = None
    """C: color or BW."""
    sound: str | None = None
    """S: silent, composite optical, composite mag …"""
    condition: str | None = None
    """D: condition, especially where it is seen in the picture."""
    fps: str | None = None
    """F: frames a second."""
    aspect: str | None = None
    """A: aspect ratio."""
    grading: str | None = None
    """L: timing, grading (one-light, scene)."""
    bit_depth: str | None = None
    """W: 10-bit …"""
    resolution: str | None = None
    """R: 2K, 4K …"""
    colour_model: str | None = None
    """M: RGB Log …"""
    operator: str | None = None
    """N: who scanned the film."""
    text: str | None = None
    """T: free text without commas (semicolons may stand in); the last variable."""

    def __post_init__(self) -> None:
        for name, letter in _LETTERS.items():
            value = getattr(self, name)
            if value is not None and (not _PRINTABLE.fullmatch(value) or "," in value or value != value.strip()):
                raise MediaError(
                    f"a value of the process history cannot be written ({letter})",
                    expected="printable ASCII without commas",
                    found=repr(value),
                    action="write it without commas and accents",
                )

    def __str__(self) -> str:
        """As it stands in the file, without the line's end."""
        known = ((_LETTERS[one.name], getattr(self, one.name)) for one in fields(self))
        return ", ".join(f"{letter}={value}" for letter, value in known if value is not None)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read one line.

        Raises:
            DeliveryError: a variable is not known, comes twice, or is not written as `X=value`.
        """
        names = {letter: name for name, letter in _LETTERS.items()}
        found: dict[str, str] = {}
        for part in line.strip().split(","):
            variable = _VARIABLE.fullmatch(part.strip())
            if variable is None or variable[1] not in names or names[variable[1]] in found:
                raise _refuse(line)
            found[names[variable[1]]] = variable[2].strip()
        try:
            return cls(**found)
        except MediaError as error:
            raise _refuse(line) from error


def _refuse(line: str) -> DeliveryError:
    return DeliveryError(
        "a line of the process history cannot be read",
        expected="variables such as O=positive, G=16mm, T=text",
        found=line[:200],
        action="have the scanner's process history checked; the picture is not concerned",
    )


def parse(text: str) -> tuple[HistoryLine, ...]:
    """The lines of a process history.

    Raises:
        DeliveryError: a line is none.
    """
    return tuple(HistoryLine.parse(line) for line in re.split(r"[\r\n\0]+", text) if line.strip())


def render(lines: Iterable[HistoryLine]) -> str:
    """The text of a process history, each line ended by carriage return and line feed."""
    return "".join(f"{line}\r\n" for line in lines)


def history_of(raw: bytes, header: DpxHeader) -> tuple[HistoryLine, ...]:
    """The process history a DPX carries; empty where its user-defined part is absent or somebody else's.

    Raises:
        DeliveryError: it says it carries one, but a line cannot be read.
    """
    if (header.user_id or "").casefold() != USER_ID.casefold():
        return ()
    held = user_data(raw, big_endian=header.big_endian, offset=header.offset) or b""
    return parse(held.split(b"\0")[0].decode("ascii", "backslashreplace"))


def with_line(raw: bytes, line: HistoryLine, *, name: str = "") -> bytes:
    """A DPX with one more line at the end of its process history; picture and all else stay as they are.

    Where the line does not fit between the headers and the picture, the picture moves back by a multiple of 2048 bytes.

    Args:
        raw: the whole file.
        line: the generation to add.
        name: file name for messages.

    Raises:
        DeliveryError: the file is not a readable DPX.
        MediaError: the user-defined part belongs to somebody else, the file has no room for one (its picture begins
            inside the film and television headers), or the history grows beyond 1 MB.
    """
    header = parse_header(raw[:PARSED_BYTES], file_bytes=len(raw), name=name)
    order = ">" if header.big_endian else "<"
    if header.user_id is not None and header.user_id.casefold() != USER_ID.casefold():
        raise _no_room(name, "an empty user-defined part or a process history", header.user_id)
    if header.offset < USER_PART:
        raise _no_room(name, f"a picture from byte {USER_PART} on", f"byte {header.offset}")
    room = raw[USER_PART : header.offset]
    if header.user_id is None and room.strip(b"\0") and room.strip(b"\xff"):
        raise _no_room(name, "an empty user-defined part or a process history", "other data")
    held = b""
    if header.user_id is not None:
        # What stands behind the text (zeros up to the picture) is room, not history.
        held = (user_data(raw, big_endian=header.big_endian, offset=header.offset) or b"").split(b"\0")[0]
    if held and not held.endswith(b"\n"):
        held += b"\r\n"
    held += f"{line}\r\n".encode("ascii")
    if len(held) > _MAXIMUM_USER_BYTES:
        raise _no_room(name, f"at most {_MAXIMUM_USER_BYTES} bytes", f"{len(held)} bytes")
    needed = USER_PART + USER_ID_BYTES + len(held)
    grown = max(0, -(-(needed - header.offset) // 2048) * 2048)
    offset = header.offset + grown
    head = bytearray(raw[:USER_PART].ljust(USER_PART, b"\0"))
    user = (USER_ID.encode("ascii").ljust(USER_ID_BYTES, b"\0") + held).ljust(offset - USER_PART, b"\0")
    struct.pack_into(f"{order}I", head, USER_LENGTH_FIELD, offset - USER_PART)
    if grown:
        _move(head, order, header, grown)
    return bytes(head) + user + raw[header.offset :]


def _move(head: bytearray, order: str, header: DpxHeader, grown: int) -> None:
    """The fields that say where the picture begins and how long the file is, moved by `grown` bytes."""
    struct.pack_into(f"{order}I", head, 4, header.offset + grown)
    element = struct.unpack_from(f"{order}I", head, 808)[0]
    if element not in (0, UNDEFINED):
        struct.pack_into(f"{order}I", head, 808, element + grown)
    if header.stated_bytes and header.stated_bytes + grown < UNDEFINED:
        struct.pack_into(f"{order}I", head, 16, header.stated_bytes + grown)


def _no_room(name: str, expected: str, found: str) -> MediaError:
    return MediaError(
        "the process history cannot be written into this DPX",
        file=name,
        expected=expected,
        found=found,
        action="keep the history beside the files",
    )
