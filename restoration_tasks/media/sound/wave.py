"""Read the headers of WAVE files: RIFF, RIFX, RF64, BW64 and Wave64, with the Broadcast Wave chunks.

Sources: Microsoft's Multimedia Programming Interface (RIFF, `fmt `), mmreg.h (WAVEFORMATEXTENSIBLE), EBU Tech 3285
(`bext`), EBU Tech 3306 (RF64, `ds64`), ITU-R BS.2088 (BW64), Sony Wave64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
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

_RIFF = ChunkRules(id_bytes=4, size_bytes=4, big_endian=False, align=2)
_RIFX = ChunkRules(id_bytes=4, size_bytes=4, big_endian=True, align=2)
_WAVE64 = ChunkRules(id_bytes=16, size_bytes=8, big_endian=False, align=8, size_counts_header=True)
_MAGICS = {
    b"RIFF": SoundContainer.WAVE,
    b"RIFX": SoundContainer.RIFX,
    b"RF64": SoundContainer.RF64,
    b"BW64": SoundContainer.BW64,
}
_WAVE64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_WAVE64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""Chunk GUIDs of Wave64 are the RIFF name and these bytes."""
_MAX_64 = (1 << 64) - 1
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the format tag in the GUIDs of WAVEFORMATEXTENSIBLE."""
_OTHER_CODINGS = {2: "ADPCM", 6: "A-law", 7: "µ-law", 0x11: "IMA ADPCM", 0x50: "MPEG", 0x55: "MP3", 0x2000: "AC-3"}


@dataclass(frozen=True)
class _Shape:
    """The outer shape of a file: its kind, where chunks lie, and sizes that stand in `ds64`."""

    container: SoundContainer
    rules: ChunkRules
    span: tuple[int, int]
    data_bytes: int | None = None

    def name(self, chunk: Chunk) -> bytes:
        """A chunk's RIFF name, also where it is a GUID."""
        if self.container is not SoundContainer.WAVE64:
            return chunk.id
        return chunk.id[:4] if chunk.id.endswith(_WAVE64_TAIL) else chunk.id


def is_wave(magic: bytes) -> bool:
    """Whether a file that begins so (16 bytes) is one this module reads."""
    return magic == _WAVE64_RIFF or (magic[:4] in _MAGICS and magic[8:12] == b"WAVE")


def read_wave(stream: IO[bytes], *, name: str, file_bytes: int) -> SoundHeader:
    """Header of a WAVE file.

    Args:
        stream: the open file.
        name: its name, for messages and the header.
        file_bytes: its length.

    Raises:
        DeliveryError: it is damaged, truncated, was never finished, holds no sound, or is coded otherwise than as PCM.
    """
    shape = _shape(stream, name, file_bytes)
    found: dict[bytes, Chunk] = {}
    sizes = {} if shape.data_bytes is None else {b"data": shape.data_bytes}
    for chunk in chunks.walk(stream, shape.rules, shape.span, name=name, true_sizes=sizes):
        label = shape.name(chunk)
        if label == b"data":
            _require_finished(chunk, name, file_bytes)
        if chunk.stop > file_bytes:
            raise chunks.truncated(name, chunk.stop, file_bytes)
        found.setdefault(label, chunk)
    if b"fmt " not in found:
        raise chunks.damaged(name, "it does not say how its samples are written (no fmt chunk)")
    if b"data" not in found:
        raise chunks.no_sound(name)
    layout, bits, channels, rate_hz = _format(chunks.body(stream, found[b"fmt "]), shape.rules, name)
    samples = found[b"data"].size // (channels * layout.sample_bytes)
    if not samples:
        raise chunks.no_sound(name)
    return SoundHeader(
        name=name,
        container=shape.container,
        layout=layout,
        bits=bits,
        channels=channels,
        rate_hz=rate_hz,
        samples=samples,
        data_offset=found[b"data"].offset,
        file_bytes=file_bytes,
        trailing_bytes=max(0, file_bytes - shape.span[1]),
        recording=_recording(stream, found, shape.rules),
    )


def _shape(stream: IO[bytes], name: str, file_bytes: int) -> _Shape:
    stream.seek(0)
    head = stream.read(40)
    if head[:16] == _WAVE64_RIFF:
        stated = int.from_bytes(head[16:24], "little")
        return _Shape(SoundContainer.WAVE64, _WAVE64, (40, min(stated, file_bytes) if stated else file_bytes))
    container = _MAGICS[head[:4]]
    rules = _RIFX if container is SoundContainer.RIFX else _RIFF
    stated = rules.integer(head[4:8])
    if container in (SoundContainer.RF64, SoundContainer.BW64) and head[12:16] == b"ds64":
        riff_bytes, data_bytes = struct.unpack("<QQ", head[20:36])
        stop = (riff_bytes if stated == chunks.ELSEWHERE else stated) + 8
        return _Shape(container, rules, (12, min(stop, file_bytes)), data_bytes)
    if stated in (0, chunks.ELSEWHERE):
        return _Shape(container, rules, (12, file_bytes))
    beyond = file_bytes - (stated + 8)
    if beyond > 0 and beyond % (1 << 32) == 0:
        raise chunks.damaged(name, "it is longer than 4 GiB, which a WAVE header cannot say (RF64 would)")
    return _Shape(container, rules, (12, min(stated + 8, file_bytes)))


def _require_finished(data: Chunk, name: str, file_bytes: int) -> None:
    after = file_bytes - data.offset
    if data.size == 0 and after <= 0:
        raise chunks.no_sound(name)
    if data.size == 0:
        raise chunks.unfinished(name, f"0, with {after} bytes after it")
    if data.size in (chunks.ELSEWHERE, _MAX_64) and data.stop > file_bytes:
        raise chunks.unfinished(name, f"-1, with {after} bytes after it")


def _format(raw: bytes, rules: ChunkRules, name: str) -> tuple[SampleLayout, int, int, int]:
    """Layout, significant bits, channels and rate of a `fmt ` chunk."""
    if len(raw) < 16:
        raise chunks.damaged(name, "its fmt chunk is too short")
    order = ">" if rules.big_endian else "<"
    tag, channels, rate_hz, _, block, bits = struct.unpack_from(f"{order}HHIIHH", raw)
    if tag == _EXTENSIBLE and len(raw) >= 40:
        valid, _, tag = struct.unpack_from(f"{order}HIH", raw, 18)
        if raw[26:40] != _SUBFORMAT_TAIL:
            raise chunks.not_pcm(name, f"coding {raw[24:40].hex()}")
        bits = valid or bits
    if tag not in (_PCM, _FLOAT):
        raise chunks.not_pcm(name, _OTHER_CODINGS.get(tag, f"coding number {tag}"))
    if not 1 <= channels <= MAX_CHANNELS or not rate_hz:
        raise chunks.damaged(name, f"{channels} channels at {rate_hz} Hz are not possible; 1 to {MAX_CHANNELS} are")
    sample_bytes, rest = divmod(block, channels)
    if rest or not -(-bits // 8) <= sample_bytes <= 8 or not bits:
        raise chunks.damaged(name, f"{channels} channels of {bits} bits do not make the {block} bytes it states")
    if tag == _FLOAT and sample_bytes not in (4, 8):
        raise chunks.not_pcm(name, f"{bits}-bit floating point")
    coding = SampleCoding.FLOAT if tag == _FLOAT else SampleCoding.INTEGER
    return SampleLayout(coding, sample_bytes, rules.big_endian, sample_bytes > 1), bits, channels, rate_hz


def _recording(stream: IO[bytes], found: dict[bytes, Chunk], rules: ChunkRules) -> Recording:
    """What `bext` (EBU Tech 3285, section 2.3) and iXML say."""
    ixml = chunks.text(chunks.body(stream, found[b"iXML"])) if b"iXML" in found else ""
    raw = chunks.body(stream, found[b"bext"]) if b"bext" in found else b""
    if len(raw) < 346:
        return Recording(ixml=ixml)
    return Recording(
        description=chunks.text(raw[:256]),
        originator=chunks.text(raw[256:288]),
        originator_reference=chunks.text(raw[288:320]),
        originated=f"{chunks.text(raw[320:330])} {chunks.text(raw[330:338])}".strip(),
        # two 32-bit words, the low one first in both byte orders
        time_reference_samples=rules.integer(raw[338:342]) + (rules.integer(raw[342:346]) << 32),
        coding_history=chunks.text(raw[602:]),
        ixml=ixml,
    )
