"""Take the samples of a DPX picture out of its words and put them back, for every packing (SMPTE ST 268, section 5.3).

Seen of other readers (OpenImageIO 3.2, ffmpeg 9.0), where the standard leaves room or they part:

- Packed samples begin at the low end of each 32-bit word: OpenImageIO writes and both read 12-bit so; ffmpeg refuses
  packed 10-bit.
- Filled 10-bit RGB and RGBA begin at the high end of a word, luma at the low end. All agree.
- Filled 12-bit samples are 16-bit numbers in file order; 8-bit samples are bytes in file order, whatever the byte order
  of the header. All agree.
- A line begins with a new word (the standard). OpenImageIO neither writes nor expects what completes the last word of a
  line at 8, 12 (filled) and 16 bit, and misreads filled 10-bit lines whose last word is not full; ffmpeg follows the
  standard and falls back to lines without completion where the file is too short, as `dpx_header` does.
- Padding at the end of lines, where the header states any, is skipped by OpenImageIO as the standard asks; ffmpeg takes
  it for samples.
- Words that run on across the ends of lines are taken by ffmpeg for two makes of scanner, by their names alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame, Plane
from restoration_tasks.media.stills.dpx_header import Descriptor, DpxHeader, Packing
from restoration_tasks.runtime.errors import MediaError

_Samples = npt.NDArray[np.unsignedinteger[Any]]
"""`(lines, samples a line)`, in file order."""
_TO_FFMPEG = {Descriptor.LUMA: (0,), Descriptor.RGB: (1, 2, 0), Descriptor.RGBA: (1, 2, 0, 3)}
"""Which sample of a pixel makes which plane: G, B, R, A."""
_TO_FILE = {Descriptor.LUMA: (0,), Descriptor.RGB: (2, 0, 1), Descriptor.RGBA: (2, 0, 1, 3)}


def unpack(header: DpxHeader, raw: bytes | memoryview) -> Frame:
    """Planes of a whole DPX file in ffmpeg order (G, B, R, A; or luma), in `uint8` or native `uint16`.

    Args:
        header: of this file.
        raw: the whole file.
    """
    if header.descriptor is Descriptor.RGB and _is_filled_10(header):
        return _unpack_rgb_words(header, raw)
    samples = _read_samples(header, raw).reshape(header.height, header.width, header.samples)
    return tuple(np.array(samples[..., place], order="C") for place in _TO_FFMPEG[header.descriptor])


def pack(header: DpxHeader, frame: Frame) -> bytes:
    """The `header.image_bytes` bytes of a frame as `header` lays them out; every bit that is no sample is zero.

    Args:
        header: of the file to be.
        frame: planes in ffmpeg order, `(height, width)`, code values within the bit depth.

    Raises:
        MediaError: planes of another shape, or a code value beyond the bit depth.
    """
    _require_fit(header, frame)
    picture = np.zeros(header.image_bytes, np.uint8)
    if header.descriptor is Descriptor.RGB and _is_filled_10(header):
        green, blue, red = (plane.astype(np.uint32) for plane in frame)
        high, middle, low = _shifts(header)
        _word_view(header, picture)[...] = red << high | green << middle | blue << low
        return picture.tobytes()
    planes = [frame[place] for place in _TO_FILE[header.descriptor]]
    samples = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1).reshape(header.height, -1)
    _write_samples(header, samples, picture)
    return picture.tobytes()


def is_canonical(header: DpxHeader, raw: bytes | memoryview) -> bool:
    """Whether every bit of a file's picture that is no sample is zero, so that `pack` gives back its very bytes."""
    if header.run_on:
        words = _word_view(header, raw)
        return not (np.bitwise_or.reduce(words) & _pad_bits(header) or words[-1] & _tail_bits(header))
    if header.bit_depth in (10, 12):
        view = _word_view(header, raw) if _holds_words(header) else _number_view(header, raw)
        pad, tail = _pad_bits(header), _tail_bits(header)
        if pad and int(np.bitwise_or.reduce(view, axis=None)) & pad:
            return False
        if tail and int(np.bitwise_or.reduce(view[:, -1])) & tail:
            return False
    return not _line_ends(header, raw)


def _line_ends(header: DpxHeader, raw: bytes | memoryview) -> bool:
    """Whether a bit is set between the lines or in the padding of the last one."""
    between = header.stride - header.line_bytes
    if between == 0:
        return False
    begin = header.offset + header.line_bytes
    gaps: npt.NDArray[np.uint8] = np.ndarray((header.height - 1, between), np.uint8, raw, begin, (header.stride, 1))
    last = np.frombuffer(raw, np.uint8)[
        begin + (header.height - 1) * header.stride : header.offset + header.image_bytes
    ]
    return bool(gaps.any() or last.any())


def _is_filled_10(header: DpxHeader) -> bool:
    return header.bit_depth == 10 and header.packing is not Packing.PACKED


def _holds_words(header: DpxHeader) -> bool:
    """Whether samples lie in 32-bit words (otherwise in numbers of their own)."""
    return header.bit_depth == 10 or (header.bit_depth == 12 and header.packing is Packing.PACKED)


def _order(header: DpxHeader) -> str:
    return ">" if header.big_endian else "<"


def _start(header: DpxHeader, buffer: Any) -> int:
    """Where the picture begins in a whole file; 0 in an array that holds nothing else."""
    return 0 if isinstance(buffer, np.ndarray) else header.offset


def _word_view(header: DpxHeader, buffer: Any) -> npt.NDArray[np.uint32]:
    """32-bit words over a buffer: `(lines, words)`, or all in a row where they run on."""
    start = _start(header, buffer)
    if header.run_on:
        return np.ndarray((header.image_bytes // 4,), f"{_order(header)}u4", buffer, start)
    shape = (header.height, header.line_bytes // 4)
    return np.ndarray(shape, f"{_order(header)}u4", buffer, start, (header.stride, 4))


def _number_view(header: DpxHeader, buffer: Any) -> _Samples:
    """Samples that have bytes of their own, `(lines, samples)`."""
    kind = np.dtype(np.uint8) if header.bit_depth == 8 else np.dtype(f"{_order(header)}u2")
    shape = (header.height, header.line_samples)
    return np.ndarray(shape, kind, buffer, _start(header, buffer), (header.stride, kind.itemsize))


def _shifts(header: DpxHeader) -> tuple[int, int, int]:
    """Where the three 10-bit samples of a filled word stand, in file order."""
    low = 2 if header.packing is Packing.FILLED_A else 0
    places = (low + 20, low + 10, low)
    return (places[2], places[1], places[0]) if header.descriptor is Descriptor.LUMA else places


def _pad_bits(header: DpxHeader) -> int:
    """Bits of every filled word or number that are no sample."""
    if header.packing is Packing.PACKED:
        return 0
    if header.bit_depth == 10:
        return 0x3 if header.packing is Packing.FILLED_A else 0xC0000000
    return 0x000F if header.packing is Packing.FILLED_A else 0xF000


def _tail_bits(header: DpxHeader) -> int:
    """Bits of a line's last word (of the picture's, where lines run on) that no sample fills."""
    if not _holds_words(header):
        return 0
    if header.packing is Packing.PACKED:
        used = header.line_samples * header.bit_depth % 32
        return 0xFFFFFFFF ^ ((1 << used) - 1) if used else 0
    used = (header.line_samples * (header.height if header.run_on else 1)) % 3
    return sum(0x3FF << shift for shift in _shifts(header)[used:]) if used else 0


def _unpack_rgb_words(header: DpxHeader, raw: bytes | memoryview) -> Frame:
    """Filled 10-bit RGB: each word is a pixel, which is the format of most scans and worth a short way."""
    words = _word_view(header, raw).astype(np.uint32)
    high, middle, low = _shifts(header)
    planes = []
    for shift in (middle, low, high):
        plane = (words >> np.uint32(shift)).astype(np.uint16)
        plane &= np.uint16(0x3FF)
        planes.append(plane)
    return tuple(planes)


def _read_samples(header: DpxHeader, raw: bytes | memoryview) -> _Samples:
    """All samples `(lines, samples a line)` in file order, in `uint8` or native `uint16`."""
    if _is_filled_10(header):
        words = _word_view(header, raw).astype(np.uint32)
        spread = np.empty((*words.shape, 3), np.uint16)
        for place, shift in enumerate(_shifts(header)):
            spread[..., place] = (words >> np.uint32(shift)) & np.uint32(0x3FF)
        if header.run_on:
            return spread.reshape(-1)[: header.height * header.line_samples].reshape(header.height, -1)
        return spread.reshape(header.height, -1)[:, : header.line_samples]
    if _holds_words(header):
        stream = _word_view(header, raw).astype("<u4").view(np.uint8).reshape(header.height, -1)
        return (_from_bits_10 if header.bit_depth == 10 else _from_bits_12)(stream, header.line_samples)
    numbers = _number_view(header, raw)
    if header.bit_depth == 8:
        return numbers
    values: Plane = numbers.astype(np.uint16)
    if header.bit_depth == 12:
        return values >> np.uint16(4) if header.packing is Packing.FILLED_A else values & np.uint16(0xFFF)
    return values


def _write_samples(header: DpxHeader, samples: _Samples, picture: npt.NDArray[np.uint8]) -> None:
    """The inverse of `_read_samples`, into a picture of zeros."""
    if _is_filled_10(header):
        flat = samples.reshape(1, -1) if header.run_on else samples
        short = -flat.shape[1] % 3
        filled = np.pad(flat, ((0, 0), (0, short))).reshape(flat.shape[0], -1, 3).astype(np.uint32)
        one, two, three = _shifts(header)
        words = filled[..., 0] << one | filled[..., 1] << two | filled[..., 2] << three
        _word_view(header, picture)[...] = words[0] if header.run_on else words
    elif _holds_words(header):
        stream = (_to_bits_10 if header.bit_depth == 10 else _to_bits_12)(samples)
        lines = np.zeros((header.height, header.line_bytes), np.uint8)
        # The groups of the last samples may reach beyond the line's last word; what does holds no sample.
        kept = min(stream.shape[1], header.line_bytes)
        lines[:, :kept] = stream[:, :kept]
        _word_view(header, picture)[...] = lines.view("<u4")
    else:
        up = 4 if header.bit_depth == 12 and header.packing is Packing.FILLED_A else 0
        _number_view(header, picture)[...] = samples << up if up else samples


def _groups(stream: npt.NDArray[np.uint8], samples: int, size: int, per_group: int) -> npt.NDArray[np.uint16]:
    """A bit stream as whole groups of bytes `(lines, groups, size)`, lines completed with zeros."""
    count = -(-samples // per_group)
    missing = max(0, count * size - stream.shape[1])
    whole = np.pad(stream, ((0, 0), (0, missing))) if missing else stream[:, : count * size]
    return whole.reshape(stream.shape[0], count, size).astype(np.uint16)


def _from_bits_10(stream: npt.NDArray[np.uint8], samples: int) -> _Samples:
    """10-bit samples of a stream whose first bit is the lowest one: four to five bytes."""
    a, b, c, d, e = np.moveaxis(_groups(stream, samples, 5, 4), -1, 0)
    taken = (a | (b & 0x03) << 8, b >> 2 | (c & 0x0F) << 6, c >> 4 | (d & 0x3F) << 4, d >> 6 | e << 2)
    return np.stack(taken, axis=-1).reshape(stream.shape[0], -1)[:, :samples]


def _from_bits_12(stream: npt.NDArray[np.uint8], samples: int) -> _Samples:
    """12-bit samples, two to three bytes; see `_from_bits_10`."""
    a, b, c = np.moveaxis(_groups(stream, samples, 3, 2), -1, 0)
    return np.stack((a | (b & 0x0F) << 8, b >> 4 | c << 4), axis=-1).reshape(stream.shape[0], -1)[:, :samples]


def _to_bits_10(samples: _Samples) -> npt.NDArray[np.uint8]:
    short = -samples.shape[1] % 4
    groups = np.pad(samples, ((0, 0), (0, short))).astype(np.uint16).reshape(samples.shape[0], -1, 4)
    w, x, y, z = np.moveaxis(groups, -1, 0)
    parts = (w, w >> 8 | x << 2, x >> 6 | y << 4, y >> 4 | z << 6, z >> 2)
    return np.stack([part.astype(np.uint8) for part in parts], axis=-1).reshape(samples.shape[0], -1)


def _to_bits_12(samples: _Samples) -> npt.NDArray[np.uint8]:
    groups = np.pad(samples, ((0, 0), (0, samples.shape[1] % 2))).astype(np.uint16).reshape(samples.shape[0], -1, 2)
    w, x = np.moveaxis(groups, -1, 0)
    parts = (w, w >> 8 | x << 4, x >> 4)
    return np.stack([part.astype(np.uint8) for part in parts], axis=-1).reshape(samples.shape[0], -1)


def _require_fit(header: DpxHeader, frame: Frame) -> None:
    limit = (1 << header.bit_depth) - 1
    if len(frame) != header.samples or any(plane.shape != (header.height, header.width) for plane in frame):
        raise MediaError(
            "the picture does not fit the DPX header",
            expected=f"{header.samples} planes of {header.height}x{header.width}",
            found=", ".join(str(plane.shape) for plane in frame),
            action="write the frame with a header of its own size",
        )
    if any(int(plane.max()) > limit or int(plane.min()) < 0 for plane in frame):
        raise MediaError("a code value does not fit the DPX", expected=f"0 to {limit}", action="report this as a fault")
