"""Directories of TIFF frames (TIFF 6.0, BigTIFF): what a file says of its picture, checked, and where that lies."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.stills.errors import damaged, truncated, unread


class Tag(IntEnum):
    """Tags that say how the picture lies in the file (TIFF 6.0, section 8)."""

    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339


class Compression(IntEnum):
    """Ways of compression that Reelkeeper reads; all are lossless."""

    NONE = 1
    LZW = 5
    DEFLATE = 8
    OLD_DEFLATE = 32946
    PACKBITS = 32773


_WHOLE_NUMBERS = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4), 13: ("I", 4), 16: ("Q", 8)}
"""Field types that hold whole numbers, by their codes: struct letter and bytes."""
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_READABLE = "8 or 16 bit grey, RGB or RGBA"
_ADVICE = "deliver the frames as plain 8 or 16 bit grey, RGB or RGBA"


@dataclass(frozen=True)
class TiffHeader:
    """What a TIFF says of its (first) picture, checked."""

    big_endian: bool
    big_tiff: bool
    width: int
    height: int
    samples: int
    """Samples a pixel: 1, 3 or 4."""
    bit_depth: int
    """8 or 16."""
    photometric: int
    """1 is grey with black at zero, 2 is RGB."""
    compression: Compression
    predictor: int
    """1 none, 2 horizontal differences; says something of compressed pictures only."""
    orientation: int
    """1 is top to bottom, left to right (TIFF 6.0, section 8); samples are read as they lie, never turned."""
    extra_samples: int | None
    """What the fourth sample is: 0 not said, 1 opacity multiplied in, 2 opacity alone."""
    block_width: int
    """Width of a tile, or of the picture where it lies in strips."""
    block_height: int
    """Height of a tile, or rows of a strip."""
    tiled: bool
    separable: bool
    """Whether picture and directory lie apart, so that one can be taken out and put back."""

    @property
    def pix_fmt(self) -> str:
        """The ffmpeg pixel format the frame decodes to without loss."""
        return {1: "gray", 3: "gbrp", 4: "gbrap"}[self.samples] + ("" if self.bit_depth == 8 else "16le")

    @property
    def block_bytes(self) -> int:
        """Bytes of a whole uncompressed tile or strip."""
        return self.block_width * self.block_height * self.samples * self.bit_depth // 8

    def rows_of_strip(self, place: int) -> int:
        """Rows in the strip at a place: the last one may have fewer."""
        return min(self.block_height, self.height - place * self.block_height)


Blocks = npt.NDArray[np.int64]
"""`(strips or tiles, 2)`: where each begins and how many bytes of it hold samples, in order of the picture."""


@dataclass(frozen=True)
class Entry:
    """One entry of a directory."""

    tag: int
    kind: int
    count: int
    place: int
    """Byte at which its values begin."""


@dataclass(frozen=True)
class Directory:
    """The first image directory of a file."""

    order: str
    big_tiff: bool
    entries: dict[int, Entry]
    spans: tuple[tuple[int, int], ...]
    """Bytes `(begin, end)` that the directory and the values of the numbers in it take."""


def read_directory(raw: bytes | memoryview, name: str) -> Directory:
    """Entries of the first image directory.

    Raises:
        TruncatedFrame: it lies behind the end of the file.
        DeliveryError: this is not a TIFF.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(raw[:2]))
    version = struct.unpack_from(f"{order}H", raw, 2)[0] if order and len(raw) >= 8 else None
    if order is None or version not in (42, 43):
        raise damaged(name, "this is not a TIFF file")
    big = version == 43
    word, entry_bytes, inline = ("Q", 20, 8) if big else ("I", 12, 4)
    try:
        begin = struct.unpack_from(f"{order}{word}", raw, 8 if big else 4)[0]
        count = struct.unpack_from(f"{order}{'Q' if big else 'H'}", raw, begin)[0]
        first = begin + (8 if big else 2)
        if first + count * entry_bytes > len(raw):
            raise truncated(name, "TIFF", f"a directory of {count} entries at byte {begin}", f"{len(raw)} bytes")
        entries: dict[int, Entry] = {}
        spans = [(0, 16 if big else 8), (begin, first + count * entry_bytes)]
        for place in range(first, first + count * entry_bytes, entry_bytes):
            tag, kind, values = struct.unpack_from(f"{order}HH{word}", raw, place)
            at, size = place + entry_bytes - inline, TYPE_BYTES.get(kind, 1) * values
            if size > inline:
                at = struct.unpack_from(f"{order}{word}", raw, at)[0]
                if kind in _WHOLE_NUMBERS:
                    spans.append((at, at + size))
            entries.setdefault(tag, Entry(tag, kind, values, at))
    except (struct.error, OverflowError) as error:
        raise truncated(name, "TIFF", "a whole directory", f"{len(raw)} bytes") from error
    return Directory(order, big, entries, tuple(spans))


def _numbers(raw: bytes | memoryview, directory: Directory, tag: Tag, name: str) -> Sequence[int]:
    """Whole-number values of a tag; empty where the file has no such tag."""
    entry = directory.entries.get(tag)
    if entry is None or entry.kind not in _WHOLE_NUMBERS:
        return ()
    letter, size = _WHOLE_NUMBERS[entry.kind]
    if entry.place + entry.count * size > len(raw):
        raise truncated(name, "TIFF", f"tag {tag.value} at byte {entry.place}", f"{len(raw)} bytes")
    return struct.unpack_from(f"{directory.order}{entry.count}{letter}", raw, entry.place)


def parse_tiff(raw: bytes | memoryview, name: str) -> TiffHeader:
    """Read and check the first picture's directory.

    Args:
        raw: the whole file.
        name: file name for messages.

    Raises:
        TruncatedFrame: directory or picture lie behind the end of the file.
        DeliveryError: the file contradicts itself, or is of a variant Reelkeeper does not read.
    """
    return read_tiff(raw, name)[0]


def read_tiff(raw: bytes | memoryview, name: str) -> tuple[TiffHeader, Blocks]:
    """Header and places of the picture's strips or tiles; see `parse_tiff`.

    For a compressed picture the second column holds the compressed bytes.
    """
    directory = read_directory(raw, name)

    def one(tag: Tag, default: int) -> int:
        return int((_numbers(raw, directory, tag, name) or (default,))[0])

    width, height = one(Tag.WIDTH, 0), one(Tag.HEIGHT, 0)
    if not 0 < width <= 1 << 20 or not 0 < height <= 1 << 20:
        raise damaged(name, "the TIFF has an impossible size", "1 or more", f"{width}x{height}")
    samples = one(Tag.SAMPLES, 1)
    bits = _numbers(raw, directory, Tag.BITS, name) or (1,)
    formats = set(_numbers(raw, directory, Tag.SAMPLE_FORMAT, name) or (1,))
    photometric = one(Tag.PHOTOMETRIC, 1)
    _require_readable(name, photometric, samples, bits, formats)
    if (one(Tag.PLANAR, 1) != 1 and samples > 1) or one(Tag.FILL_ORDER, 1) != 1:
        raise unread(name, "separate colour planes or turned bits", "samples of a pixel together", _ADVICE)
    compression = one(Tag.COMPRESSION, 1)
    if compression not in tuple(Compression):
        raise unread(name, f"TIFF compression {compression}", "none, LZW, Deflate or PackBits", _ADVICE)
    predictor = one(Tag.PREDICTOR, 1)
    if predictor not in (1, 2):
        raise unread(name, f"TIFF predictor {predictor}", "none or horizontal differences", _ADVICE)
    tiled = Tag.TILE_OFFSETS in directory.entries
    extra = _numbers(raw, directory, Tag.EXTRA_SAMPLES, name)
    header = TiffHeader(
        big_endian=directory.order == ">",
        big_tiff=directory.big_tiff,
        width=width,
        height=height,
        samples=samples,
        bit_depth=bits[0],
        photometric=photometric,
        compression=Compression(compression),
        predictor=predictor,
        orientation=one(Tag.ORIENTATION, 1),
        extra_samples=int(extra[0]) if extra else None,
        block_width=one(Tag.TILE_WIDTH, 0) if tiled else width,
        block_height=one(Tag.TILE_HEIGHT, 0) if tiled else min(one(Tag.ROWS_PER_STRIP, height), height),
        tiled=tiled,
        separable=True,
    )
    blocks = _blocks(raw, directory, header, name)
    if not _lie_apart(directory, blocks):
        header = replace(header, separable=False)
    return header, blocks


def _require_readable(name: str, photometric: int, samples: int, bits: Sequence[int], formats: set[int]) -> None:
    # 0 is white-is-zero: what it holds is the negative of what others would show, so it is not taken for grey.
    if (photometric, samples) not in ((1, 1), (2, 3), (2, 4)) or set(bits) not in ({8}, {16}) or formats != {1}:
        found = f"{samples} samples of {'/'.join(map(str, sorted(set(bits))))} bit"
        if photometric not in (1, 2):
            found += f", photometric interpretation {photometric}"
        if formats != {1}:
            found += f", sample format {'/'.join(map(str, sorted(formats)))}"
        raise unread(name, found, _READABLE, _ADVICE)


def _blocks(raw: bytes | memoryview, directory: Directory, header: TiffHeader, name: str) -> Blocks:
    """Where strips or tiles lie, checked against the file's length and the picture's size."""
    if header.block_width < 1 or header.block_height < 1:
        raise damaged(name, "the TIFF has strips or tiles of no size")
    begins = _numbers(raw, directory, Tag.TILE_OFFSETS if header.tiled else Tag.STRIP_OFFSETS, name)
    sizes = _numbers(raw, directory, Tag.TILE_BYTES if header.tiled else Tag.STRIP_BYTES, name)
    down = -(-header.height // header.block_height)
    count = down * -(-header.width // header.block_width)
    if len(begins) != count or (sizes and len(sizes) != count):
        raise damaged(name, "the TIFF lacks a part of its picture", f"{count} strips or tiles", len(begins))
    needed = np.full(count, header.block_bytes, np.int64)
    if not header.tiled:
        needed[-1] = header.block_bytes // header.block_height * header.rows_of_strip(count - 1)
    if header.compression is not Compression.NONE:
        if not sizes:
            raise damaged(name, "the TIFF does not say how long its compressed strips are")
        needed = np.array(sizes, np.int64)
    elif sizes and bool((np.array(sizes, np.int64) < needed).any()):
        raise damaged(name, "a strip or tile of the TIFF is shorter than its rows")
    blocks = np.stack((np.array(begins, np.int64), needed), axis=1)
    end = int(blocks.sum(axis=1).max())
    if end > len(raw):
        raise truncated(name, "TIFF", f"at least {end} bytes", f"{len(raw)} bytes")
    return blocks


def _lie_apart(directory: Directory, blocks: Blocks) -> bool:
    """Whether no strip or tile overlaps another one or the directory."""
    ends = np.stack((blocks[:, 0], blocks.sum(axis=1)), axis=1)
    spans = np.concatenate((ends, np.array(directory.spans, np.int64)))
    ordered = spans[np.argsort(spans[:, 0], kind="stable")]
    used = ordered[ordered[:, 1] > ordered[:, 0]]
    # The directory's own spans may share bytes with one another; that harms nothing but is rare enough to refuse too.
    return bool((used[1:, 0] >= used[:-1, 1]).all())
