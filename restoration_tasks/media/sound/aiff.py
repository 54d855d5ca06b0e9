"""Read the headers of AIFF and AIFF-C files.

Sources: Apple, Audio Interchange File Format 1.3 (1989); Apple, AIFF-C draft (1991) and QuickTime's codes for PCM.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import IO

from restoration_tasks.media.sound import chunks
from restoration_tasks.media.sound.chunks import Chunk, ChunkRules
from restoration_tasks.media.sound.header import (
    MAX_CHANNELS,
    Recording,
    SampleCoding,
    SampleLayout,
    SoundContainer,
    SoundHeader,
)

_RULES = ChunkRules(id_bytes=4, size_bytes=4, big_endian=True, align=2)
_SSND_HEAD_BYTES = 8
"""`offset` and `blockSize` before the samples of an SSND chunk."""
_FLOATS = {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8}
_INTEGERS = {b"NONE": None, b"twos": None, b"sowt": None, b"in24": 3, b"in32": 4, b"raw ": 1}
"""Bytes a sample, where the code itself says it."""


@dataclass(frozen=True)
class _Common:
    """The COMM chunk."""

    channels: int
    samples: int
    bits: int
    rate_hz: int
    code: bytes


def is_aiff(magic: bytes) -> bool:
    """Whether a file that begins so (16 bytes) is one this module reads."""
    return magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC")


def read_aiff(stream: IO[bytes], *, name: str, file_bytes: int) -> SoundHeader:
    """Header of an AIFF or AIFF-C file.

    Args:
        stream: the open file.
        name: its name, for messages and the header.
        file_bytes: its length.

    Raises:
        DeliveryError: it is damaged, truncated, was never finished, holds no sound, or is coded otherwise than as PCM.
    """
    stream.seek(0)
    head = stream.read(12)
    stated = int.from_bytes(head[4:8], "big")
    stop = file_bytes if stated in (0, chunks.ELSEWHERE) else min(stated + 8, file_bytes)
    found: dict[bytes, Chunk] = {}
    for chunk in chunks.walk(stream, _RULES, (12, stop), name=name):
        if chunk.id == b"SSND" and chunk.size in (0, chunks.ELSEWHERE) and chunk.offset < file_bytes:
            raise chunks.unfinished(name, f"{chunk.size}, with {file_bytes - chunk.offset} bytes after it")
        if chunk.stop > file_bytes:
            raise chunks.truncated(name, chunk.stop, file_bytes)
        found.setdefault(chunk.id, chunk)
    if b"COMM" not in found:
        raise chunks.damaged(name, "it does not say how its samples are written (no COMM chunk)")
    common = _common(chunks.body(stream, found[b"COMM"]), head[8:12] == b"AIFC", name)
    if b"SSND" not in found:
        raise chunks.no_sound(name)
    layout = _layout(common, name)
    data_offset, data_bytes = _samples_at(stream, found[b"SSND"], name)
    wanted = common.samples * common.channels * layout.sample_bytes
    if not common.samples:
        raise chunks.unfinished(name, "0 samples") if data_bytes else chunks.no_sound(name)
    if wanted > data_bytes:
        raise chunks.truncated(name, data_offset + wanted, data_offset + data_bytes)
    return SoundHeader(
        name=name,
        container=SoundContainer.AIFC if head[8:12] == b"AIFC" else SoundContainer.AIFF,
        layout=layout,
        bits=layout.sample_bytes * 8 if layout.coding is SampleCoding.FLOAT else common.bits,
        channels=common.channels,
        rate_hz=common.rate_hz,
        samples=common.samples,
        data_offset=data_offset,
        file_bytes=file_bytes,
        trailing_bytes=file_bytes - stop,
        recording=_recording(stream, found),
    )


def _common(raw: bytes, compressed: bool, name: str) -> _Common:
    if len(raw) < (22 if compressed else 18):
        raise chunks.damaged(name, "its COMM chunk is too short")
    channels, samples, bits = (int.from_bytes(raw[start:stop], "big") for start, stop in ((0, 2), (2, 6), (6, 8)))
    rate = _extended(raw[8:18])
    if not 1 <= channels <= MAX_CHANNELS or rate is None or rate < 1 or rate.denominator != 1:
        raise chunks.damaged(
            name,
            f"{channels} channels at {'no possible rate' if rate is None else f'{float(rate):g} Hz'} are not possible; "
            f"1 to {MAX_CHANNELS} channels at whole rates are",
        )
    return _Common(channels, samples, bits, int(rate), raw[18:22] if compressed else b"NONE")


def _extended(raw: bytes) -> Fraction | None:
    """An 80-bit floating-point number; None where it is negative, infinite or no number."""
    exponent, mantissa = int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:], "big")
    if exponent >= 0x7FFF:
        return None
    # rates lie far inside this; without a bound a damaged exponent would make a number of thousands of digits
    power = exponent - 16383 - 63
    return Fraction(mantissa) * Fraction(2) ** power if abs(power) < 128 else None


def _layout(common: _Common, name: str) -> SampleLayout:
    code = common.code
    if code in _FLOATS:
        return SampleLayout(SampleCoding.FLOAT, _FLOATS[code], big_endian=True, signed=True)
    if code not in _INTEGERS:
        raise chunks.not_pcm(name, f"AIFF-C coding {chunks.text(code)!r}")
    sample_bytes = _INTEGERS[code] or -(-common.bits // 8)
    if not 1 <= common.bits <= sample_bytes * 8 <= 64:
        raise chunks.damaged(name, f"{common.bits} bits a sample are not possible")
    return SampleLayout(SampleCoding.INTEGER, sample_bytes, big_endian=code != b"sowt", signed=code != b"raw ")


def _samples_at(stream: IO[bytes], chunk: Chunk, name: str) -> tuple[int, int]:
    """Byte of the first sample, and bytes that follow it in the chunk."""
    head = chunks.body(stream, chunk, _SSND_HEAD_BYTES)
    first = _SSND_HEAD_BYTES + int.from_bytes(head[:4], "big")
    if len(head) < _SSND_HEAD_BYTES or first > chunk.size:
        raise chunks.damaged(name, "its samples begin outside their chunk")
    return chunk.offset + first, chunk.size - first


def _recording(stream: IO[bytes], found: dict[bytes, Chunk]) -> Recording:
    def said(label: bytes) -> str:
        return chunks.text(chunks.body(stream, found[label])) if label in found else ""

    description = " – ".join(text for text in (said(b"NAME"), said(b"ANNO")) if text)
    return Recording(description=description, originator=said(b"AUTH"))
