"""Read the pictures of TIFF frames and write them back into the same file layout, byte for byte where uncompressed."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame, Plane
from restoration_tasks.media.stills.oiio_bytes import Plugin, SampleType, read_samples
from restoration_tasks.media.stills.tiff_header import (
    TYPE_BYTES,
    Blocks,
    Compression,
    Entry,
    Tag,
    TiffHeader,
    read_directory,
    read_tiff,
)

_TO_FFMPEG = {1: (0,), 3: (1, 2, 0), 4: (1, 2, 0, 3)}
"""Which sample of a pixel makes which plane: G, B, R, A."""
_TO_FILE = {1: (0,), 3: (2, 0, 1), 4: (2, 0, 1, 3)}
_LAID_ANEW = frozenset(
    {Tag.COMPRESSION, Tag.PREDICTOR, Tag.ROWS_PER_STRIP, Tag.STRIP_OFFSETS, Tag.STRIP_BYTES}
    | {Tag.TILE_WIDTH, Tag.TILE_HEIGHT, Tag.TILE_OFFSETS, Tag.TILE_BYTES}
)
_POINTERS = frozenset({330, 34665, 34853, 40965, 288, 289, 512, 513})
"""Tags whose values are places in the file (sub-directories, free space): they mean nothing in another file."""


def decode(raw: bytes | memoryview, name: str) -> Frame:
    """Planes of the first picture in ffmpeg order, `uint8` or native `uint16`, codes as they lie in the file.

    Args:
        raw: the whole file.
        name: file name for messages.

    Raises:
        TruncatedFrame: the file ends before its picture.
        DeliveryError: it is damaged or not read.
    """
    header, blocks = read_tiff(raw, name)
    if header.compression is not Compression.NONE:
        kind = SampleType.UINT8 if header.bit_depth == 8 else SampleType.UINT16
        pixels = read_samples(raw, name, Plugin.TIFF, kind).samples
    elif header.tiled:
        pixels = _from_tiles(header, blocks, raw)
    else:
        pixels = _from_strips(header, blocks, raw)
    pixels = pixels.reshape(header.height, header.width, header.samples)
    native = np.uint8 if header.bit_depth == 8 else np.uint16
    return tuple(np.array(pixels[..., place], dtype=native, order="C") for place in _TO_FFMPEG[header.samples])


def _kind(header: TiffHeader) -> np.dtype[np.unsignedinteger[Any]]:
    return np.dtype(np.uint8) if header.bit_depth == 8 else np.dtype(">u2" if header.big_endian else "<u2")


def _from_strips(header: TiffHeader, blocks: Blocks, raw: bytes | memoryview) -> Plane:
    kind, samples = _kind(header), header.width * header.height * header.samples
    if bool((blocks[1:, 0] == blocks[:-1].sum(axis=1)).all()):
        return np.frombuffer(raw, kind, samples, int(blocks[0, 0]))
    parts = [np.frombuffer(raw, kind, int(size) // kind.itemsize, int(begin)) for begin, size in blocks]
    return np.concatenate(parts)


def _from_tiles(header: TiffHeader, blocks: Blocks, raw: bytes | memoryview) -> Plane:
    kind = _kind(header)
    across = -(-header.width // header.block_width)
    down = len(blocks) // across
    shape = (header.block_height, header.block_width, header.samples)
    whole = np.empty((down * header.block_height, across * header.block_width, header.samples), kind)
    for place, (begin, size) in enumerate(blocks):
        tile = np.frombuffer(raw, kind, int(size) // kind.itemsize, int(begin)).reshape(shape)
        row, column = divmod(place, across)
        top, left = row * header.block_height, column * header.block_width
        whole[top : top + header.block_height, left : left + header.block_width] = tile
    return whole[: header.height, : header.width]


def span(blocks: Blocks) -> tuple[int, int]:
    """The bytes `(begin, end)` of a file from its first strip or tile to its last."""
    return int(blocks[:, 0].min()), int(blocks.sum(axis=1).max())


def pack(header: TiffHeader, blocks: Blocks, frame: Frame) -> bytes:
    """The bytes of a file's `span` with another picture; what is no sample in it is zero.

    Args:
        header: of the uncompressed file to be.
        blocks: where its strips or tiles lie.
        frame: planes in ffmpeg order, of its size and depth.
    """
    begin, end = span(blocks)
    planes = [frame[place] for place in _TO_FILE[header.samples]]
    pixels = planes[0][..., None] if len(planes) == 1 else np.stack(planes, axis=-1)
    pixels = pixels.astype(_kind(header), copy=False)
    picture = np.zeros(end - begin, np.uint8)
    for place, (at, size) in enumerate(blocks - (begin, 0)):
        picture[at : at + size] = _block(header, pixels, place)
    return picture.tobytes()


def _block(header: TiffHeader, pixels: Plane, place: int) -> npt.NDArray[np.uint8]:
    """The bytes of one strip or tile; tiles at the right and lower edge are completed with zeros."""
    if not header.tiled:
        top = place * header.block_height
        part = np.ascontiguousarray(pixels[top : top + header.block_height])
    else:
        row, column = divmod(place, -(-header.width // header.block_width))
        top, left = row * header.block_height, column * header.block_width
        inside = pixels[top : top + header.block_height, left : left + header.block_width]
        part = np.zeros((header.block_height, header.block_width, header.samples), pixels.dtype)
        part[: inside.shape[0], : inside.shape[1]] = inside
    return part.reshape(-1).view(np.uint8)


def is_canonical(header: TiffHeader, blocks: Blocks) -> bool:
    """Whether a file's span holds samples and nothing else, so that `pack` gives back its very bytes."""
    begin, end = span(blocks)
    filled = int(blocks[:, 1].sum()) == end - begin
    edges = header.tiled and (header.width % header.block_width or header.height % header.block_height)
    return filled and not edges


def rewritten(raw: bytes, frame: Frame, name: str) -> bytes:
    """An uncompressed classic TIFF with another picture and the tags of `raw`, in its byte order.

    Tags that point into the old file (sub-directories) are left out, and so are further pictures behind the first.

    Args:
        raw: the whole source file.
        frame: planes in ffmpeg order, of the source's size and depth.
        name: file name for messages.

    Raises:
        DeliveryError: the source cannot be read.
    """
    header, _ = read_tiff(raw, name)
    directory = read_directory(raw, name)
    order = directory.order
    single = np.array([[8, header.width * header.height * header.samples * header.bit_depth // 8]], np.int64)
    plain = replace(header, tiled=False, block_width=header.width, block_height=header.height)
    picture = pack(plain, single, frame)
    fields: dict[int, tuple[int, int, bytes]] = {}
    for tag, entry in directory.entries.items():
        if tag not in _LAID_ANEW and tag not in _POINTERS and entry.kind in TYPE_BYTES and entry.kind < 16:
            fields[tag] = (entry.kind, entry.count, _values(raw, entry))
    numbers = {Tag.COMPRESSION: 1, Tag.ROWS_PER_STRIP: header.height, Tag.STRIP_OFFSETS: 8}
    for tag, value in (numbers | {Tag.STRIP_BYTES: len(picture)}).items():
        fields[tag] = (4, 1, struct.pack(f"{order}I", value))
    return _assemble(order, picture, fields)


def _values(raw: bytes, entry: Entry) -> bytes:
    return raw[entry.place : entry.place + TYPE_BYTES[entry.kind] * entry.count]


def _assemble(order: str, picture: bytes, fields: dict[int, tuple[int, int, bytes]]) -> bytes:
    """Header, picture, directory, long values: a classic TIFF."""
    begin = 8 + len(picture) + len(picture) % 2
    values_at = begin + 2 + 12 * len(fields) + 4
    directory, behind = struct.pack(f"{order}H", len(fields)), b""
    for tag, (kind, count, values) in sorted(fields.items()):
        inline = values.ljust(4, b"\0")
        if len(values) > 4:
            inline = struct.pack(f"{order}I", values_at + len(behind))
            behind += values + b"\0" * (len(values) % 2)
        directory += struct.pack(f"{order}HHI", tag, kind, count) + inline
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, begin)
    return head + picture + b"\0" * (len(picture) % 2) + directory + b"\0\0\0\0" + behind
