"""One read of every frame file gives its md5, its sha256, its checked header and the digest of its pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from restoration_tasks.media.delivery.manifest import Algorithm, Manifest, require_digest
from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.still import StillHeader, parse_still
from restoration_tasks.runtime.errors import DeliveryError, SourceChanged

READERS = 4
"""Files read at once: hashing and unpacking leave the interpreter lock, and storage over a network answers slowly."""


@dataclass(frozen=True)
class FrameRecord:
    """What one read of a frame file found."""

    frame: SequenceFrame
    name: str
    """Name as the delivery's manifest writes it."""
    bytes: int
    md5: str
    sha256: str
    header: StillHeader
    picture_md5: str | None
    """md5 of the raw decoded planes, as ffmpeg's framemd5 gives it, from our own DPX reader; None for other kinds."""


def read_frames(
    sequence: ImageSequence, manifest: Manifest | None = None, *, progress: Callable[[int], None] | None = None
) -> tuple[FrameRecord, ...]:
    """Read every frame once, in parallel, and check header, digest and that all are alike.

    Args:
        sequence: the frames.
        manifest: digests they must have.
        progress: called with the number of frames read.

    Raises:
        DeliveryError: a frame is damaged or truncated, differs in size or depth from the first, or has another digest.
    """
    records: list[FrameRecord] = []
    for record in _read_in_order(sequence, manifest):
        if records and record.header.common != records[0].header.common:
            raise DeliveryError(
                "the frame is not like the first frame of the sequence",
                file=record.name,
                frame=record.frame.number,
                expected=str(records[0].header),
                found=str(record.header),
                action="have this frame delivered as the others are, or deliver it as a reel of its own",
            )
        records.append(record)
        if progress:
            progress(len(records))
    return tuple(records)


def _read_in_order(sequence: ImageSequence, manifest: Manifest | None) -> Iterator[FrameRecord]:
    """Records in the order of the frames; only a few files are in memory at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        try:
            yield from pool.map(lambda frame: read_frame(sequence, frame, manifest), sequence.frames)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_frame(sequence: ImageSequence, frame: SequenceFrame, manifest: Manifest | None = None) -> FrameRecord:
    """Read one frame; see `read_frames`.

    Raises:
        DeliveryError: it cannot be read, is damaged, or its digest is not the manifest's.
    """
    name = sequence.relative_name(frame)
    try:
        raw = frame.path.read_bytes()
    except OSError as error:
        raise DeliveryError(
            f"the frame cannot be read: {error.strerror}",
            file=name,
            frame=frame.number,
            action="check the storage and the file's permissions, then start again",
        ) from error
    header = parse_still(raw, name)
    digests = {algorithm: hashlib.new(algorithm, raw, usedforsecurity=False).hexdigest() for algorithm in Algorithm}
    if manifest is not None:
        require_digest(name, manifest.algorithm, manifest.digests[name], digests[manifest.algorithm])
    picture_md5 = None
    if header.dpx is not None:
        picture = hashlib.md5(usedforsecurity=False)
        for plane in dpx.unpack(header.dpx, raw):
            picture.update(plane.tobytes())
        picture_md5 = picture.hexdigest()
    return FrameRecord(frame, name, len(raw), digests[Algorithm.MD5], digests[Algorithm.SHA256], header, picture_md5)


def require_unchanged(records: tuple[FrameRecord, ...]) -> None:
    """Refuse to sign off a master whose source has changed since it was read (size or modification time).

    Raises:
        SourceChanged: a frame is gone, or has another size or modification time.
    """
    for record in records:
        try:
            status = record.frame.path.stat()
        except OSError as error:
            raise SourceChanged(
                "the frame vanished while it was being read in",
                file=record.name,
                frame=record.frame.number,
                action="check who works in the delivery folder, deliver again and start again",
            ) from error
        if (status.st_size, status.st_mtime_ns) != (record.bytes, record.frame.modified_ns):
            raise SourceChanged(
                "the frame changed while it was being read in",
                file=record.name,
                frame=record.frame.number,
                expected=f"{record.bytes} bytes, modified {record.frame.modified_ns}",
                found=f"{status.st_size} bytes, modified {status.st_mtime_ns}",
                action="check who works in the delivery folder, deliver again and start again",
            )
