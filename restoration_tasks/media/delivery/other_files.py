"""Delivered files that are no frames: hashed in one streamed read, checked against the manifest, sound looked into."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from restoration_tasks.media.delivery.delivery import Delivery
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.frame_reading import Digests, changed, storage_error
from restoration_tasks.media.delivery.listing import FileRole, ListedFile
from restoration_tasks.media.delivery.manifest import Manifest
from restoration_tasks.media.delivery.records import FileRecord
from restoration_tasks.runtime.errors import DeliveryError

BLOCK_BYTES = 1 << 20
_READERS = 2
"""Files read at once; a video is one file, sound mostly two."""


@dataclass(frozen=True)
class FileCheck:
    """A file and what is wrong with it."""

    record: FileRecord
    findings: tuple[Finding, ...]


def check_files(delivery: Delivery, progress: Callable[[int], None] | None = None) -> tuple[FileCheck, ...]:
    """Read every file of a delivery that is no frame of its sequence.

    Args:
        delivery: what was found.
        progress: called from several threads with the bytes just read.

    Raises:
        SourceChanged: a file vanished or changed since the delivery was listed.
        DeliveryError: the storage does not give a file.
    """
    with ThreadPoolExecutor(_READERS) as pool:
        try:
            return tuple(pool.map(lambda file: _check(delivery, file, progress), delivery.files))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _check(delivery: Delivery, file: ListedFile, progress: Callable[[int], None] | None) -> FileCheck:
    manifest = delivery.manifest
    digests = _digests(delivery, file, extra_algorithm(manifest), progress)
    record = FileRecord(
        file.name, file.role, delivery.root / file.name, file.bytes, file.modified_ns, digests.md5, digests.sha256
    )
    if file.role in (FileRole.SOUND, FileRole.CONTAINER) and not file.bytes:
        empty = Finding(
            Grade.FAIL,
            Rule.EMPTY,
            "the file is empty",
            file=file.name,
            action="copy this file from the scanner again",
        )
        return FileCheck(record, (empty,))
    if file.role is FileRole.SOUND and (damage := _sound_damage(delivery, file)) is not None:
        return FileCheck(record, (damage,))
    listed = delivery.names.get(file.name)
    # A tool that lists a whole folder lists its own half-written output too.
    if manifest is None or listed is None or file.name == _own_name(delivery, manifest):
        return FileCheck(record, ())
    return FileCheck(record, digest_findings(manifest, listed, file.name, file.bytes, digests))


def _own_name(delivery: Delivery, manifest: Manifest) -> str:
    return manifest.path.relative_to(delivery.root).as_posix()


def extra_algorithm(manifest: Manifest | None) -> str | None:
    """The manifest's digest algorithm, where it is neither md5 nor sha256, which are computed anyway."""
    return str(manifest.algorithm) if manifest and str(manifest.algorithm) not in ("md5", "sha256") else None


def digest_findings(
    manifest: Manifest, listed: str, name: str, size: int, digests: Digests, *, frame: int | None = None, part: str = ""
) -> tuple[Finding, ...]:
    """The finding about a file whose size or digest is not the manifest's, if so.

    Args:
        manifest: of the delivery.
        listed: the manifest's name of the file.
        name: the file's own name.
        size: its bytes.
        digests: its digests; `other` is by the manifest's algorithm.
        frame: its number, where it is a frame.
        part: its part, where numbers start anew.
    """
    found = {"md5": digests.md5, "sha256": digests.sha256}.get(str(manifest.algorithm), digests.other)
    expected = manifest.digests[listed]
    stated = manifest.sizes.get(listed, size)
    if (found, stated) == (expected, size):
        return ()
    by_size = stated != size
    return (
        Finding(
            Grade.FAIL,
            Rule.DIGEST,
            "the file has another size than the manifest says"
            if by_size
            else f"the file's {manifest.algorithm} is not the one in the manifest",
            file=name,
            frame=frame,
            part=part,
            expected=f"{stated} bytes" if by_size else expected,
            found=f"{size} bytes" if by_size else found,
            action="copy this file from the scanner again; if it still differs, have it scanned again",
        ),
    )


def _digests(
    delivery: Delivery, file: ListedFile, extra: str | None, progress: Callable[[int], None] | None
) -> Digests:
    sums = [hashlib.md5(usedforsecurity=False), hashlib.sha256()]
    if extra:
        sums.append(hashlib.new(extra, usedforsecurity=False))
    read = 0
    try:
        with (delivery.root / file.name).open("rb", buffering=0) as stream:
            while block := stream.read(BLOCK_BYTES):
                for one in sums:
                    one.update(block)
                read += len(block)
                if progress:
                    progress(len(block))
            status = os.fstat(stream.fileno())
    except OSError as error:
        raise storage_error(error, delivery.root, file.name) from error
    if (read, status.st_mtime_ns) != (file.bytes, file.modified_ns):
        raise changed(file.name, (file.bytes, file.modified_ns), (read, status.st_mtime_ns))
    md5, sha256, *other = (one.hexdigest() for one in sums)
    return Digests(md5, sha256, other[0] if other else None)


def _sound_damage(delivery: Delivery, file: ListedFile) -> Finding | None:
    from restoration_tasks.media.sound.read import read_sound

    try:
        read_sound(delivery.root / file.name)
    except DeliveryError as error:
        return Finding(
            Grade.FAIL,
            Rule.SOUND_DAMAGED,
            error.message,
            file=file.name,
            expected=error.expected,
            found=error.found,
            action=error.action or "",
        )
    return None
