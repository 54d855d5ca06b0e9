"""A small TIFF writer for the tests, with every layout a scanner's software might choose, right or wrong."""

from __future__ import annotations

import struct

import numpy as np


def tiff_file(
    pixels: np.ndarray,
    *,
    big_endian: bool = False,
    big_tiff: bool = False,
    rows: int | None = None,
    tile: tuple[int, int] | None = None,
    gap: bytes = b"",
    tags: dict[int, object] | None = None,
    directory_first: bool = False,
) -> bytes:
    """An uncompressed TIFF of `(height, width, samples)` pixels.

    Args:
        pixels: `uint8` or `uint16`, R, G, B, A or grey.
        big_endian: byte order.
        big_tiff: 64-bit places.
        rows: of a strip. Default: all in one.
        tile: (width, height) of tiles instead of strips. What is outside the picture is filled with 0xAA.
        gap: bytes between the strips or tiles.
        tags: values that replace or add to those written: a number, a list of numbers, or bytes (ASCII).
        directory_first: the directory stands before the picture.
    """
    order = ">" if big_endian else "<"
    height, width, samples = pixels.shape
    pixels = pixels.astype(pixels.dtype.newbyteorder(order))
    blocks = _tiles(pixels, tile) if tile else _strips(pixels, rows or height)
    head = 16 if big_tiff else 8
    fields: dict[int, object] = {
        256: width,
        257: height,
        258: [8 * pixels.itemsize] * samples,
        259: 1,
        262: 1 if samples == 1 else 2,
        277: samples,
    }
    if samples == 4:
        fields[338] = 2
    if tile:
        fields |= {322: tile[0], 323: tile[1], 324: [0] * len(blocks), 325: [len(block) for block in blocks]}
    else:
        fields |= {278: rows or height, 273: [0] * len(blocks), 279: [len(block) for block in blocks]}
    fields |= {tag: value for tag, value in (tags or {}).items() if tag not in (273, 324)}
    # The directory's length does not depend on the places, so they can be worked out before it is written.
    size = len(_directory(fields, order, big_tiff, 0))
    at = head + (size if directory_first else 0)
    places = []
    body = b""
    for block in blocks:
        places.append(at + len(body))
        body += block + gap
    fields[324 if tile else 273] = (tags or {}).get(273, places)
    begin = head if directory_first else head + len(body)
    directory = _directory(fields, order, big_tiff, begin)
    mark = b"MM" if big_endian else b"II"
    if big_tiff:
        start = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, begin)
    else:
        start = mark + struct.pack(f"{order}HI", 42, begin)
    return start + (directory + body if directory_first else body + directory)


def _strips(pixels: np.ndarray, rows: int) -> list[bytes]:
    return [pixels[top : top + rows].tobytes() for top in range(0, pixels.shape[0], rows)]


def _tiles(pixels: np.ndarray, tile: tuple[int, int]) -> list[bytes]:
    across, down = tile
    height, width, _ = pixels.shape
    filled = np.pad(
        pixels,
        ((0, -height % down), (0, -width % across), (0, 0)),
        constant_values=0xAA if pixels.itemsize == 1 else 0xAAAA,
    )
    return [
        filled[top : top + down, left : left + across].tobytes()
        for top in range(0, height, down)
        for left in range(0, width, across)
    ]


def _directory(fields: dict[int, object], order: str, big: bool, begin: int) -> bytes:
    """The directory and, behind it, what does not fit its entries."""
    count, entry, inline, word = ("Q", 20, 8, "Q") if big else ("H", 12, 4, "I")
    values_at = begin + struct.calcsize(f"{order}{count}") + entry * len(fields) + inline
    head, behind = struct.pack(f"{order}{count}", len(fields)), b""
    for tag, value in sorted(fields.items()):
        if isinstance(value, bytes):
            kind, number, packed = 2, len(value), value
        else:
            numbers = value if isinstance(value, list) else [value]
            # Counts and places as LONG, all else as SHORT, as most writers have it.
            letter, kind = ("I", 4) if tag in (256, 257, 273, 278, 279, 324, 325, 34665) else ("H", 3)
            number, packed = len(numbers), struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(packed) > inline:
            place = struct.pack(f"{order}{word}", values_at + len(behind))
            behind += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(inline, b"\0")
        head += struct.pack(f"{order}HH{word}", tag, kind, number) + place
    return head + b"\0" * inline + behind
