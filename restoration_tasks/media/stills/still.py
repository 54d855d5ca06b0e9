"""Headers of single frames on disk, whatever their kind (DPX, TIFF, PNG), read without decoding a pixel."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from restoration_tasks.media.picture import UNKNOWN
from restoration_tasks.media.stills import dpx
from restoration_tasks.runtime.errors import DeliveryError

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_TIFF_NUMBERS = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4)}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC = 256, 257, 258, 262
_TIFF_STRIPS, _TIFF_SAMPLES, _TIFF_STRIP_BYTES, _TIFF_TILES, _TIFF_TILE_BYTES = 273, 277, 279, 324, 325


class StillKind(StrEnum):
    """Kinds of frame file a sequence may be made of."""

    DPX = "dpx"
    TIFF = "tiff"
    PNG = "png"

    @classmethod
    def of(cls, name: str) -> StillKind | None:
        """The kind a file name's ending stands for, or None."""
        return _ENDINGS.get(Path(name).suffix.lower())


_ENDINGS = {".dpx": StillKind.DPX, ".tif": StillKind.TIFF, ".tiff": StillKind.TIFF, ".png": StillKind.PNG}


@dataclass(frozen=True)
class StillHeader:
    """What all frames of a sequence must have in common."""

    kind: StillKind
    width: int
    height: int
    pix_fmt: str
    """The ffmpeg pixel format the frame decodes to without loss."""
    transfer: str = UNKNOWN
    primaries: str = UNKNOWN
    dpx: dpx.DpxHeader | None = None
    """The full header of a DPX."""

    @property
    def common(self) -> tuple[StillKind, int, int, str, str, str]:
        """The part that must be the same in every frame (a DPX also counts its frames, which must not)."""
        return (self.kind, self.width, self.height, self.pix_fmt, self.transfer, self.primaries)

    def __str__(self) -> str:
        """As staff read it."""
        colours = f"transfer {self.transfer}, primaries {self.primaries}"
        return f"{self.width}x{self.height} {self.pix_fmt} {self.kind}, {colours}"


def read_still(path: Path) -> StillHeader:
    """Header of a frame file.

    Raises:
        DeliveryError: it is damaged, truncated or of a kind Reelkeeper does not read.
    """
    if StillKind.of(path.name) is StillKind.DPX:
        header = dpx.read_header(path)
        return _of_dpx(header)
    return parse_still(path.read_bytes(), path.name)


def parse_still(raw: bytes, name: str) -> StillHeader:
    """Header of a frame file whose bytes are at hand.

    Raises:
        DeliveryError: it is damaged, truncated or of a kind Reelkeeper does not read.
    """
    kind = StillKind.of(name)
    if kind is StillKind.DPX:
        return _of_dpx(dpx.parse_header(raw[: dpx.HEADER_BYTES], file_bytes=len(raw), name=name))
    try:
        if kind is StillKind.PNG:
            return _parse_png(raw, name)
        if kind is StillKind.TIFF:
            return _parse_tiff(raw, name)
    except (struct.error, IndexError) as error:
        raise _damaged(name, "the file ends inside its header") from error
    raise DeliveryError(
        "this is not a frame", file=name, expected="DPX, TIFF or PNG", found=Path(name).suffix, action="remove it"
    )


def _of_dpx(header: dpx.DpxHeader) -> StillHeader:
    return StillHeader(
        StillKind.DPX, header.width, header.height, header.pix_fmt, header.transfer, header.primaries, header
    )


def _damaged(name: str, message: str) -> DeliveryError:
    return DeliveryError(message, file=name, action="copy this file from the scanner again")


def _unread(name: str, found: str) -> DeliveryError:
    return DeliveryError(
        "this kind of picture is not read",
        file=name,
        expected="8 or 16 bit grey or RGB without alpha or palette",
        found=found,
        action="deliver the frames as plain RGB or grey",
    )


def _pix_fmt(name: str, samples: int, bits: int) -> str:
    if samples not in (1, 3) or bits not in (8, 16):
        raise _unread(name, f"{samples} samples of {bits} bit")
    return ("gray" if samples == 1 else "gbrp") + ("" if bits == 8 else "16le")


def _parse_png(raw: bytes, name: str) -> StillHeader:
    if raw[:8] != _PNG_MAGIC or raw[12:16] != b"IHDR":
        raise _damaged(name, "this is not a PNG file")
    width, height, bits, colour = struct.unpack_from(">IIBB", raw, 16)
    if not raw.rstrip(b"\0").endswith(_PNG_END):
        raise _damaged(name, "the PNG is truncated: it has no end mark")
    if colour not in (0, 2):
        raise _unread(name, f"PNG colour type {colour}")
    return StillHeader(StillKind.PNG, width, height, _pix_fmt(name, 1 if colour == 0 else 3, bits))


def _parse_tiff(raw: bytes, name: str) -> StillHeader:
    order = {b"II": "<", b"MM": ">"}.get(raw[:2])
    if order is None or struct.unpack_from(f"{order}H", raw, 2)[0] != 42:
        raise _damaged(name, "this is not a TIFF file")
    tags = _tiff_tags(raw, order, struct.unpack_from(f"{order}I", raw, 4)[0])
    missing = [tag for tag in (_TIFF_WIDTH, _TIFF_HEIGHT) if not tags.get(tag)]
    if missing:
        raise _damaged(name, f"the TIFF lacks tag {missing[0]}")
    samples = (tags.get(_TIFF_SAMPLES) or [1])[0]
    bits = tags.get(_TIFF_BITS) or [1]
    # 0 is white-is-zero, 1 black-is-zero, 2 RGB. Decoders invert white-is-zero, so its codes would not be the scan's.
    photometric = (tags.get(_TIFF_PHOTOMETRIC) or [1])[0]
    if photometric not in (1, 2) or len(set(bits)) != 1:
        raise _unread(name, f"TIFF photometric interpretation {photometric}, bits {bits}")
    begins = tags.get(_TIFF_STRIPS) or tags.get(_TIFF_TILES) or []
    sizes = tags.get(_TIFF_STRIP_BYTES) or tags.get(_TIFF_TILE_BYTES) or []
    if not begins or max(a + b for a, b in zip(begins, sizes, strict=False)) > len(raw):
        raise _damaged(name, "the TIFF is truncated")
    return StillHeader(StillKind.TIFF, tags[_TIFF_WIDTH][0], tags[_TIFF_HEIGHT][0], _pix_fmt(name, samples, bits[0]))


def _tiff_tags(raw: bytes, order: str, at: int) -> dict[int, Sequence[int]]:
    """Whole-number tags of the first image directory."""
    tags: dict[int, Sequence[int]] = {}
    for entry in range(struct.unpack_from(f"{order}H", raw, at)[0]):
        begin = at + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(f"{order}HHI", raw, begin)
        if kind not in _TIFF_NUMBERS or count > len(raw):
            continue
        letter, size = _TIFF_NUMBERS[kind]
        place = begin + 8 if count * size <= 4 else struct.unpack_from(f"{order}I", raw, begin + 8)[0]
        tags[tag] = struct.unpack_from(f"{order}{count}{letter}", raw, place)
    return tags
