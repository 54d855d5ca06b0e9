"""Sound files written byte by byte from their standards, with known samples, independent of the code under test."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

WAVE64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
WAVE64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")


def sample_bytes(count: int, sample_bytes: int, seed: int = 0) -> bytes:
    """Random bytes of `count` samples: nothing that a shifted or swapped reading could get right by luck."""
    return np.random.default_rng(seed).integers(0, 256, count * sample_bytes).astype(np.uint8).tobytes()


def chunk(name: bytes, body: bytes, *, big: bool = False, stated: int | None = None) -> bytes:
    """One RIFF or IFF chunk, padded to even."""
    size = len(body) if stated is None else stated
    return name + size.to_bytes(4, "big" if big else "little") + body + bytes(len(body) % 2)


def fmt(channels: int, width: int, rate: int = 48000, *, bits: int = 0, tag: int = 1, big: bool = False) -> bytes:
    """A `fmt ` chunk."""
    order = ">" if big else "<"
    body = struct.pack(
        f"{order}HHIIHH", tag, channels, rate, rate * channels * width, channels * width, bits or width * 8
    )
    return chunk(b"fmt ", body, big=big)


def extensible(channels: int, width: int, bits: int, *, tag: int = 1, rate: int = 48000) -> bytes:
    """A WAVEFORMATEXTENSIBLE."""
    head = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * channels * width, channels * width, width * 8)
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk(b"fmt ", head + struct.pack("<HHI", 22, bits, 0) + guid)


def bext(description: str = "Reel 4", time_reference: int = 48000 * 3600, history: str = "A=PCM,F=48000\r\n") -> bytes:
    """A Broadcast Wave chunk (EBU Tech 3285)."""
    body = description.encode().ljust(256, b"\0") + b"Sondor".ljust(32, b"\0") + b"REF-1".ljust(32, b"\0")
    body += b"2026-03-01" + b"14:05:00" + struct.pack("<QH", time_reference, 1) + bytes(254) + history.encode()
    return chunk(b"bext", body)


def wave(
    path: Path,
    samples: bytes,
    channels: int = 2,
    width: int = 2,
    *,
    rate: int = 48000,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    form: bytes | None = None,
    big: bool = False,
    data_stated: int | None = None,
    trailing: bytes = b"",
) -> Path:
    """A RIFF or RIFX WAVE file."""
    form = form or fmt(channels, width, rate, big=big)
    parts = [*before, form, chunk(b"data", samples, big=big, stated=data_stated), *after]
    body = b"WAVE" + b"".join(parts)
    path.write_bytes(chunk(b"RIFX" if big else b"RIFF", body, big=big) + trailing)
    return path


def rf64(path: Path, samples: bytes, channels: int = 2, width: int = 2, *, magic: bytes = b"RF64") -> Path:
    """An RF64 or BW64 file, whose sizes stand in `ds64`."""
    form = fmt(channels, width)
    data = b"data" + b"\xff" * 4 + samples + bytes(len(samples) % 2)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + len(form) + len(data), len(samples), 0, 0))
    path.write_bytes(magic + b"\xff" * 4 + b"WAVE" + ds64 + form + data)
    return path


def wave64(path: Path, samples: bytes, channels: int = 2, width: int = 2) -> Path:
    """A Sony Wave64 file."""

    def part(name: bytes, body: bytes) -> bytes:
        return name + WAVE64_TAIL + struct.pack("<Q", 24 + len(body)) + body + bytes(-len(body) % 8)

    body = b"wave" + WAVE64_TAIL + part(b"fmt ", fmt(channels, width)[8:]) + part(b"data", samples)
    path.write_bytes(WAVE64_RIFF + struct.pack("<Q", 24 + len(body)) + body)
    return path


def extended(rate: int) -> bytes:
    """An 80-bit floating-point number."""
    exponent = rate.bit_length() - 1
    return struct.pack(">HQ", 16383 + exponent, rate << (63 - exponent))


def aiff(
    path: Path,
    samples: bytes,
    channels: int = 2,
    width: int = 2,
    *,
    rate: int = 48000,
    bits: int = 0,
    code: bytes | None = None,
    frames: int | None = None,
    offset: int = 0,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    ssnd_stated: int | None = None,
) -> Path:
    """An AIFF file, or with a code an AIFF-C file."""
    count = len(samples) // (channels * width) if frames is None else frames
    common = struct.pack(">HIH", channels, count, bits or width * 8) + extended(rate)
    if code is not None:
        common += code + b"\x05coded"
    sound = struct.pack(">II", offset, 0) + bytes(offset) + samples
    parts = [*before, chunk(b"COMM", common, big=True), chunk(b"SSND", sound, big=True, stated=ssnd_stated), *after]
    path.write_bytes(chunk(b"FORM", (b"AIFC" if code else b"AIFF") + b"".join(parts), big=True))
    return path
