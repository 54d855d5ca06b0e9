"""Frames in OpenEXR: headers by our own strict reader, pixels by OpenImageIO, values as ordered codes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.errors import damaged, truncated, unread
from restoration_tasks.media.stills.float_coding import HIGHEST_FINITE, LOWEST_FINITE, to_codes, to_half
from restoration_tasks.media.stills.oiio_bytes import Decoded, Plugin, SampleType, read_samples, write_samples

MAGIC = b"\x76\x2f\x31\x01"
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_LINES_PER_CHUNK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Scan lines that are compressed together, by the code of the compression (OpenEXR file layout)."""
_COLOURS = {frozenset("RGB"), frozenset("RGBA"), frozenset("Y")}
_ADVICE = "deliver single-part EXR with half or float R, G, B (and A) or Y channels, or deliver DPX"


class ChannelType(IntEnum):
    """Types of samples in OpenEXR."""

    UINT = 0
    HALF = 1
    FLOAT = 2


@dataclass(frozen=True)
class ExrHeader:
    """What an EXR says of its picture, checked."""

    width: int
    """Of the data window: the samples there are, whatever part of them is meant for display."""
    height: int
    channels: tuple[str, ...]
    """Names, in the file's (alphabetical) order."""
    exact: bool
    """Whether all colours are halves; 32-bit floats are rounded to halves."""
    compression: int
    fps: float | None
    """`framesPerSecond`, where the file has it."""

    @property
    def is_grey(self) -> bool:
        """Whether there is luminance only."""
        return self.channels == ("Y",)

    @property
    def has_opacity(self) -> bool:
        """Whether there is opacity, which is left out: it stays in the delivered file, which is kept whole."""
        return "A" in self.channels

    @property
    def pix_fmt(self) -> str:
        """The ffmpeg pixel format of the ordered codes."""
        return "gray16le" if self.is_grey else "gbrp16le"


def parse_exr(raw: bytes | memoryview, name: str) -> ExrHeader:
    """Read and check the header, and that no part of the picture is missing.

    Args:
        raw: the whole file.
        name: file name for messages.

    Raises:
        TruncatedFrame: the file ends before its picture, or its writer did not finish it.
        DeliveryError: not an EXR, or a variant Reelkeeper does not read.
    """
    if bytes(raw[:4]) != MAGIC:
        raise damaged(name, "this is not an EXR file")
    try:
        flags = struct.unpack_from("<I", raw, 4)[0]
        if flags & (_DEEP | _MULTIPART):
            raise unread(name, "deep or several pictures", "one flat picture", _ADVICE)
        attributes, end = _attributes(raw, name)
        left, top, right, bottom = struct.unpack_from("<4i", attributes["dataWindow"])
        channels = dict(_channels(attributes["channels"], name))
        compression = attributes["compression"][0]
    except KeyError as error:
        raise damaged(name, f"the EXR lacks {error}") from error
    except (struct.error, IndexError) as error:
        raise truncated(name, "EXR", "a whole header", f"{len(raw)} bytes") from error
    width, height = right - left + 1, bottom - top + 1
    if not 0 < width <= 1 << 20 or not 0 < height <= 1 << 20:
        raise damaged(name, "the EXR has an impossible size", "1 or more", f"{width}x{height}")
    if frozenset(channels) not in _COLOURS:
        raise unread(name, "channels " + ", ".join(channels), "R, G, B (and A) or Y", _ADVICE)
    if flags & _TILED:
        chunks = _tiles(attributes.get("tiles", b""), width, height, name)
    elif compression in _LINES_PER_CHUNK:
        chunks = -(-height // _LINES_PER_CHUNK[compression])
    else:
        raise unread(name, f"EXR compression {compression}", "a compression of OpenEXR 2", _ADVICE)
    _require_chunks(raw, end, chunks, 16 if flags & _TILED else 4, name)
    rate = attributes.get("framesPerSecond", b"")
    numerator, denominator = struct.unpack("<iI", rate) if len(rate) == 8 else (0, 0)
    return ExrHeader(
        width=width,
        height=height,
        channels=tuple(channels),
        exact=all(kind is ChannelType.HALF for channel, kind in channels.items() if channel != "A"),
        compression=compression,
        fps=numerator / denominator if denominator and numerator > 0 else None,
    )


def _attributes(raw: bytes | memoryview, name: str) -> tuple[dict[str, bytes], int]:
    """Values of the header's attributes, and the byte behind the header."""
    # Headers are small; the bound keeps a damaged file from being searched to its end for every name.
    head = bytes(raw[: 1 << 20])
    found: dict[str, bytes] = {}
    at = 8
    while True:
        key, at = _text(head, at, name)
        if not key:
            return found, at
        _kind, at = _text(head, at, name)
        size = struct.unpack_from("<i", head, at)[0]
        if size < 0 or at + 4 + size > len(head):
            raise truncated(name, "EXR", "a whole header", f"{len(raw)} bytes")
        found[key] = head[at + 4 : at + 4 + size]
        at += 4 + size


def _text(head: bytes, at: int, name: str) -> tuple[str, int]:
    end = head.find(b"\0", at, at + 256)
    if end < 0:
        if len(head) < at + 256:
            raise truncated(name, "EXR", "a whole header", f"{len(head)} bytes")
        raise damaged(name, "the EXR's header cannot be read")
    return head[at:end].decode("latin-1"), end + 1


def _channels(value: bytes, name: str) -> Iterator[tuple[str, ChannelType]]:
    at = 0
    while value[at]:
        channel, at = _text(value, at, name)
        kind, _linear, across, down = struct.unpack_from("<iB3xii", value, at)
        at += 16
        if kind not in (ChannelType.HALF, ChannelType.FLOAT) or (across, down) != (1, 1):
            found = f"channel {channel} of type {kind}, every {across} by {down} pixels"
            raise unread(name, found, "half or float at every pixel", _ADVICE)
        yield channel, ChannelType(kind)


def _tiles(value: bytes, width: int, height: int, name: str) -> int:
    across, down, mode = struct.unpack_from("<IIB", value)
    if mode & 0xF or not across or not down:
        raise unread(name, "tiles at several sizes", "one size", _ADVICE)
    return int(-(-width // across) * -(-height // down))


def _require_chunks(raw: bytes | memoryview, table: int, chunks: int, lead: int, name: str) -> None:
    """Every chunk of the offset table must lie whole in the file; a writer that was stopped leaves zeros there."""
    if table + 8 * chunks > len(raw):
        raise truncated(name, "EXR", f"a table of {chunks} parts", f"{len(raw)} bytes")
    begins = np.frombuffer(raw, "<u8", chunks, table)
    if int(begins.min()) < table + 8 * chunks:
        raise truncated(name, "EXR", f"{chunks} parts", f"{int((begins == 0).sum())} parts without a place")
    if int(begins.max()) > len(raw) - lead - 4:
        raise truncated(name, "EXR", f"a part at byte {int(begins.max())}", f"{len(raw)} bytes")
    for begin in begins.tolist():
        size = struct.unpack_from("<i", raw, begin + lead)[0]
        if size < 0 or begin + lead + 4 + size > len(raw):
            raise truncated(name, "EXR", f"a part of {size} bytes at byte {begin}", f"{len(raw)} bytes")


def decode(raw: bytes | memoryview, header: ExrHeader, name: str) -> Frame:
    """Ordered codes of the colours (`uint16`; G, B, R or Y); opacity is left out.

    Raises:
        DeliveryError: the picture cannot be decoded, or holds a value that is no number or not finite.
    """
    return _codes(raw, header, name, ("Y",) if header.is_grey else ("G", "B", "R"))


def decode_opacity(raw: bytes | memoryview, header: ExrHeader, name: str) -> Frame:
    """Ordered codes of the opacity alone (`uint16`), for files that have it.

    Raises:
        DeliveryError: it cannot be decoded, or holds a value that is no number or not finite.
    """
    return _codes(raw, header, name, ("A",))


def _codes(raw: bytes | memoryview, header: ExrHeader, name: str, channels: tuple[str, ...]) -> Frame:
    decoded = _read(raw, header, name)
    planes = []
    for channel in channels:
        values = decoded.samples[..., decoded.spec.channelnames.index(channel)]
        with np.errstate(over="ignore"):
            codes = to_codes(np.ascontiguousarray(values, dtype=np.float16))
        if int(codes.min()) < LOWEST_FINITE or int(codes.max()) > HIGHEST_FINITE:
            rows = np.argwhere((codes < LOWEST_FINITE) | (codes > HIGHEST_FINITE))
            where = f"{values[tuple(rows[0])]} in {channel} at column {rows[0][1]}, row {rows[0][0]}"
            count = f"{len(rows)} samples, the first is {where}"
            raise damaged(name, "the picture holds values that no half can hold", "finite values up to 65504", count)
        planes.append(codes)
    return tuple(planes)


def _read(raw: bytes | memoryview, header: ExrHeader, name: str) -> Decoded:
    kind = SampleType.HALF if header.exact else SampleType.FLOAT
    return read_samples(raw, name, Plugin.EXR, kind)


def rewritten(raw: bytes, frame: Frame, name: str) -> bytes:
    """A half EXR with other colours and the attributes, compression and opacity of `raw`.

    Args:
        raw: the whole source file.
        frame: ordered codes (G, B, R or Y) of the source's size.
        name: file name for messages.

    Raises:
        DeliveryError: the source cannot be read.
        MediaError: the file cannot be written.
    """
    import OpenImageIO

    header = parse_exr(raw, name)
    decoded = _read(raw, header, name)
    samples = decoded.samples.astype(np.float16)
    for channel, codes in zip(("Y",) if header.is_grey else ("G", "B", "R"), frame, strict=True):
        samples[..., decoded.spec.channelnames.index(channel)] = to_half(codes)
    spec = OpenImageIO.ImageSpec(decoded.spec)
    spec.set_format(OpenImageIO.TypeDesc(SampleType.HALF.value))
    spec.channelformats = ()
    return write_samples(samples, spec, name, Plugin.EXR)
