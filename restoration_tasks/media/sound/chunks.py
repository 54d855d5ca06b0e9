"""Walk the chunks that WAVE, RF64, Wave64 and AIFF files are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from restoration_tasks.runtime.errors import DeliveryError

MAX_CHUNKS = 10_000
"""No recorder writes as many; a file that is not what it seems would be walked for hours."""
ELSEWHERE = 0xFFFFFFFF
"""A 32-bit size that says: look into `ds64`; or that the recorder never came back to write it."""
READ_BYTES = 1 << 20
"""Most of a text chunk that is read for people; the whole of it is kept all the same."""


@dataclass(frozen=True)
class ChunkRules:
    """How a family of files writes its chunks."""

    id_bytes: int
    size_bytes: int
    big_endian: bool
    align: int
    """Chunks begin at multiples of this, counted from the file's start."""
    size_counts_header: bool = False

    @property
    def header_bytes(self) -> int:
        """Bytes before a chunk's body."""
        return self.id_bytes + self.size_bytes

    def integer(self, raw: bytes) -> int:
        """An unsigned integer in the family's byte order."""
        return int.from_bytes(raw, "big" if self.big_endian else "little")


@dataclass(frozen=True)
class Chunk:
    """One chunk."""

    id: bytes
    offset: int
    """Byte its body begins at."""
    size: int
    """Bytes of its body, as stated."""

    @property
    def stop(self) -> int:
        """Byte after its body."""
        return self.offset + self.size


def walk(
    stream: IO[bytes],
    rules: ChunkRules,
    span: tuple[int, int],
    *,
    name: str,
    true_sizes: Mapping[bytes, int] | None = None,
) -> Iterator[Chunk]:
    """Every chunk of a file, by the sizes it states. A last chunk may reach beyond the end; the caller judges it.

    Args:
        stream: the file.
        rules: of its family.
        span: first byte of the first chunk, and byte after the last.
        name: of the file, for messages.
        true_sizes: sizes by chunk id that stand elsewhere (`ds64`), for chunks that state `ELSEWHERE`.

    Raises:
        DeliveryError: a size that is none, or more chunks than any recorder writes.
    """
    place, stop = span
    for _ in range(MAX_CHUNKS):
        if place + rules.header_bytes > stop:
            return
        stream.seek(place)
        head = stream.read(rules.header_bytes)
        chunk_id, stated = head[: rules.id_bytes], rules.integer(head[rules.id_bytes :])
        if stated == ELSEWHERE:
            stated = (true_sizes or {}).get(chunk_id, stated)
        size = stated - rules.header_bytes if rules.size_counts_header and stated else stated
        if size < 0:
            raise damaged(name, f"the chunk at byte {place} has no possible size")
        chunk = Chunk(chunk_id, place + rules.header_bytes, size)
        yield chunk
        place = -(-chunk.stop // rules.align) * rules.align
    raise damaged(name, f"it has more than {MAX_CHUNKS} chunks")


def body(stream: IO[bytes], chunk: Chunk, most: int = READ_BYTES) -> bytes:
    """A chunk's body, or its beginning where it is longer than `most`."""
    stream.seek(chunk.offset)
    return stream.read(min(chunk.size, most))


def text(raw: bytes) -> str:
    """A text field: up to its first NUL, in UTF-8 or, where it is not that, the recorder's likely code page."""
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip()


def damaged(name: str, what: str) -> DeliveryError:
    """The error for a sound file whose structure cannot be read."""
    return DeliveryError(
        f"the sound file is damaged: {what}", file=name, action="have the sound transferred or delivered again"
    )


def truncated(name: str, expected_bytes: int, found_bytes: int) -> DeliveryError:
    """The error for a sound file that ends early."""
    return DeliveryError(
        "the sound file ends before its sound does",
        file=name,
        expected=f"{expected_bytes} bytes",
        found=f"{found_bytes} bytes",
        action="the copy is not complete: fetch the file again",
    )


def unfinished(name: str, found: str) -> DeliveryError:
    """The error for a file its recorder was stopped on before it wrote the length."""
    return DeliveryError(
        "the recorder never finished this sound file: its header does not say how much sound follows",
        file=name,
        expected="the number of bytes or samples",
        found=found,
        action="have the recorder's own repair function close the file, or have the sound transferred again",
    )


def no_sound(name: str) -> DeliveryError:
    """The error for a sound file without a single sample."""
    return DeliveryError("the file holds no sound", file=name, expected="at least one sample", found="none")


def not_pcm(name: str, found: str) -> DeliveryError:
    """The error for samples that are coded in another way than PCM."""
    return DeliveryError(
        "the samples are coded in a way Reelkeeper does not read",
        file=name,
        expected="integer or floating-point PCM",
        found=found,
        action="have the sound delivered as PCM",
    )
