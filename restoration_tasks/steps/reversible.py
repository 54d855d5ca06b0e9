"""Make delivered files again from the preservation master and what is kept beside it, byte for byte."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.runtime.errors import SourceChanged
from restoration_tasks.runtime.files import CHUNK_BYTES, disk_errors

if TYPE_CHECKING:
    from restoration_tasks.runtime.spec import StepResult
    from restoration_tasks.runtime.vault import Vault

SAMPLE_FRAMES = 24
"""Frame files a sample makes again: a second of the reel, taken from all over it."""
_REBUILT_ROLES = frozenset(
    {FileRole.FRAME, FileRole.SOUND, FileRole.CONTAINER, FileRole.MANIFEST, FileRole.PAPER, FileRole.INFRARED}
)


@dataclass(frozen=True)
class Reversed:
    """Delivered files that were made again and are what they were."""

    frames: int
    """From the master's picture, or the infrared channel's, and the header side-cars."""
    sound: int
    """From the master's sound and their headers."""
    whole: int
    """Kept as delivered."""
    of: int
    """Delivered files in all."""

    def __str__(self) -> str:
        """As the command line says it."""
        parts = [(self.frames, "frame files from the master"), (self.sound, "sound files from the master")]
        parts.append((self.whole, "files kept as delivered"))
        told = ", ".join(f"{count} {what}" for count, what in parts if count)
        return f"made again, byte for byte: {told or 'nothing'}; {self.of} files were delivered"


@dataclass(frozen=True)
class Kept:
    """A reel's ingest, its files at hand."""

    scan: Scan
    master: Path
    headers: Path | None
    sound_headers: Path | None
    delivered: Path | None
    infrared: Path | None = None
    infrared_headers: Path | None = None

    @classmethod
    def of(cls, vault: Vault, ingest: StepResult, scratch: Path) -> Kept:
        """The files of a result.

        Raises:
            SourceChanged: one is not what was recorded.
        """
        found = {output.name: vault.fetch(output.reference, scratch) for output in ingest.outputs}
        return cls(
            Scan.read(found["scan"]),
            found["master"],
            found.get("headers"),
            found.get("sound_headers"),
            found.get("delivered"),
            found.get("infrared"),
            found.get("infrared_headers"),
        )


def verify(
    kept: Kept, *, everything: bool, out: Path | None = None, progress: Callable[[int, int, str], None] | None = None
) -> Reversed:
    """Make delivered files again and compare their sha256 with the record of the scan.

    Args:
        kept: the reel's ingest.
        everything: every frame file, not `SAMPLE_FRAMES` of them from all over the reel.
        out: folder to write the files to; default: they are compared only.
        progress: told what is done, of how much, of what.

    Raises:
        SourceChanged: a file that is made again is not what was delivered.
        MediaError: master or side-car is damaged.
        VaultError: the files cannot be written.
    """
    expected = {file.name: file.sha256 for file in kept.scan.files}
    expected |= {file.name: file.sha256 for file in kept.scan.others}
    side = kept.scan.infrared.files if kept.scan.infrared else ()
    expected |= {file.name: file.sha256 for file in side}
    frames = sound = whole = 0
    for name, content in _frames(kept, everything=everything, progress=progress):
        _require(name, expected[name], hashlib.sha256(content).hexdigest())
        _write(out, name, [content])
        frames += 1
    for name, blocks in _sound(kept):
        _take(out, name, expected[name], blocks)
        sound += 1
    for name, blocks in _whole(kept):
        _take(out, name, expected[name], blocks)
        whole += 1
    delivered = {file.name for file in kept.scan.files} | {file.name for file in side}
    delivered |= {file.name for file in kept.scan.others if file.role in _REBUILT_ROLES}
    return Reversed(frames, sound, whole, len(delivered))


def _frames(
    kept: Kept, *, everything: bool, progress: Callable[[int, int, str], None] | None
) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of frame files, made from the picture of the master and of the side sequence."""
    if kept.headers is not None:
        place_of = {file.name: place for place, file in enumerate(kept.scan.files) if file.stands_in is None}
        yield from _of_video(kept.master, kept.headers, place_of, everything=everything, progress=progress)
    if kept.infrared is not None and kept.infrared_headers is not None and kept.scan.infrared is not None:
        place_of = {file.name: file.place for file in kept.scan.infrared.files}
        yield from _of_video(kept.infrared, kept.infrared_headers, place_of, everything=everything, progress=progress)


def _of_video(
    video: Path,
    side_car: Path,
    place_of: Mapping[str, int],
    *,
    everything: bool,
    progress: Callable[[int, int, str], None] | None,
) -> Iterator[tuple[str, bytes]]:
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.media.stills.rebuild import rebuilt
    from restoration_tasks.media.stills.side_car import RemainderReader

    headers = RemainderReader(side_car)
    count = len(headers) if everything else min(SAMPLE_FRAMES, len(headers))
    rows = sorted({row * (len(headers) - 1) // max(count - 1, 1) for row in range(count)})
    reader = iter(FrameReader(video)) if everything else None
    at = -1
    for done, row in enumerate(rows, 1):
        remainder = headers[row]
        place = place_of[remainder.name]
        if reader is None:
            frame = next(iter(FrameReader(video, start=place, count=1)))
        else:
            while at < place:
                frame = next(reader)
                at += 1
        yield remainder.name, rebuilt(remainder, frame)
        if progress:
            progress(done, len(rows), "frame files made again")


def _sound(kept: Kept) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and bytes of sound files, made from the master's tracks."""
    from restoration_tasks.media.sound.rebuild import rebuilt_blocks
    from restoration_tasks.steps.ingest.sound import SoundHeaders

    if kept.sound_headers is None:
        return
    for line in kept.sound_headers.read_text("utf-8").splitlines():
        one = SoundHeaders.model_validate_json(line)
        yield one.file, rebuilt_blocks(one.headers, kept.master, one.track)


def _whole(kept: Kept) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and bytes of files kept as delivered."""
    if kept.delivered is None:
        return
    with disk_errors(kept.delivered), tarfile.open(kept.delivered) as tar:
        for entry in tar:
            stream = tar.extractfile(entry)
            if stream is not None:
                yield entry.name, _blocks(stream)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(CHUNK_BYTES):
        yield block


def _take(out: Path | None, name: str, expected: str, blocks: Iterator[bytes]) -> None:
    digest = hashlib.sha256()

    def seen() -> Iterator[bytes]:
        for block in blocks:
            digest.update(block)
            yield block

    _write(out, name, seen())
    _require(name, expected, digest.hexdigest())


def _write(out: Path | None, name: str, blocks: Iterator[bytes] | list[bytes]) -> None:
    if out is None:
        for _ in blocks:
            pass
        return
    target = out / name
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        with draft.open("wb") as stream:
            for block in blocks:
                stream.write(block)
        draft.replace(target)


def _require(name: str, expected: str, found: str) -> None:
    if found != expected:
        raise SourceChanged(
            "the file made again is not the one that was delivered",
            file=name,
            expected=f"sha256 {expected}",
            found=f"sha256 {found}",
            action="keep the delivery; check the master against its digest, then ingest the reel again",
        )
