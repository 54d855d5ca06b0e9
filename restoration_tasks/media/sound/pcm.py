"""Samples between the bytes of a sound file and the one form they take on their way into and out of FLAC.

That form is signed, little-endian, 16 or 24 bit a sample: what ffmpeg calls `s16le` and `s24le`, and what the MD5 in a
FLAC stream's own header is made of (RFC 9639, section 8.2). Eight-bit samples lie in its upper byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.sound.header import SampleLayout, SoundHeader
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from restoration_tasks.runtime.files import disk_errors

BLOCK_BYTES = 3 << 20
"""Bytes worked on at a time: a multiple of every sample's size that FLAC holds (1, 2, 3)."""


def canonical_bits(layout: SampleLayout) -> int:
    """Bits a sample of the common form: 24 for three-byte samples, else 16."""
    return 24 if layout.sample_bytes == 3 else 16


def delivered_blocks(path: Path, header: SoundHeader) -> Iterator[bytes]:
    """A sound file's sample bytes as they lie in it, in blocks of `BLOCK_BYTES`, the last one shorter.

    Raises:
        DeliveryError: the file has become shorter since its header was read.
        VaultError: it cannot be read.
    """
    left = header.pcm_bytes
    with disk_errors(path), path.open("rb") as stream:
        stream.seek(header.data_offset)
        while left:
            block = stream.read(min(left, BLOCK_BYTES))
            if not block:
                raise DeliveryError(
                    "the sound file became shorter while it was read",
                    file=header.name,
                    expected=f"{header.file_bytes} bytes",
                    found=f"{stream.tell()} bytes",
                    action="check that nothing writes to the delivery, then run again",
                )
            left -= len(block)
            yield block


def to_canonical(raw: bytes, layout: SampleLayout) -> bytes:
    """Bytes of whole samples in the common form. Only for layouts that FLAC holds (see `why_not_flac`)."""
    samples = _bytes_of(raw, layout.sample_bytes)
    if layout.sample_bytes == 1:
        upper = samples[:, 0] if layout.signed else samples[:, 0] ^ 0x80
        return np.stack((np.zeros_like(upper), upper), axis=1).tobytes()
    return samples[:, ::-1].tobytes() if layout.big_endian else raw


def from_canonical(raw: bytes, layout: SampleLayout) -> bytes:
    """The inverse of `to_canonical`.

    Raises:
        MediaError: samples that were 8 bit have more by now.
    """
    samples = _bytes_of(raw, canonical_bits(layout) // 8)
    if layout.sample_bytes == 1:
        if samples[:, 0].any():
            raise MediaError(
                "the sound in the master has more bits than the delivered file", action="make the master again"
            )
        upper = samples[:, 1]
        return (upper if layout.signed else upper ^ 0x80).tobytes()
    return samples[:, ::-1].tobytes() if layout.big_endian else raw


def _bytes_of(raw: bytes, sample_bytes: int) -> npt.NDArray[np.uint8]:
    """`(samples, bytes)` over the raw bytes."""
    return np.frombuffer(raw, np.uint8).reshape(-1, sample_bytes)


def delivered_md5(path: Path, header: SoundHeader) -> str:
    """MD5 (hex) of a sound file's samples in the common form.

    Raises:
        DeliveryError: the file has become shorter since its header was read.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for block in delivered_blocks(path, header):
        digest.update(to_canonical(block, header.layout))
    return digest.hexdigest()
