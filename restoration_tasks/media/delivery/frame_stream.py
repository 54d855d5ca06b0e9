"""Frames read in parallel and given back in order, with few of them in memory at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from restoration_tasks.media.delivery.frame_reading import FrameRead, read_frame
from restoration_tasks.media.delivery.records import FrameRecord, SharedHeaders, counters_of, turned
from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame

Known = Callable[[SequenceFrame], FrameRecord | None]
"""What an interrupted check already found of a frame."""

READERS = max(2, min(4, os.cpu_count() or 1))
"""Files read at once: hashing and unpacking leave the interpreter lock, and storage over a network answers slowly."""
IN_FLIGHT_BYTES = 48 << 20
"""Bytes of frame files held at a time; decoded planes and what unpacking takes come to some four times that."""


def read_in_order(
    sequence: ImageSequence, *, extra: str | None = None, keep: bool = False, known: Known | None = None
) -> Iterator[FrameRead | FrameRecord]:
    """Read every frame once; a frame that is known and unchanged is not read again.

    Args:
        sequence: the frames.
        extra: name of a digest algorithm wanted beside md5 and sha256.
        keep: give bytes and picture back as well.
        known: records of an interrupted check; they count where size and modification time are still the same.

    Raises:
        SourceChanged: a file vanished or changed since it was listed.
        DeliveryError: the storage does not give a file.
    """
    waiting: deque[FrameRecord | Future[FrameRead]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for frame in sequence.frames:
                record = _unchanged(sequence, frame, known)
                waiting.append(record or pool.submit(read_frame, sequence, frame, extra=extra, keep=keep))
                while len(waiting) > max(READERS, min(2 * READERS, IN_FLIGHT_BYTES // max(1, frame.bytes))):
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _result(waiting: FrameRecord | Future[FrameRead]) -> FrameRecord | FrameRead:
    return waiting if isinstance(waiting, FrameRecord) else waiting.result()


def _unchanged(sequence: ImageSequence, frame: SequenceFrame, known: Known | None) -> FrameRecord | None:
    record = known(frame) if known else None
    if record is None or record.name != sequence.relative_name(frame):
        return None
    same = (record.bytes, record.frame.modified_ns) == (frame.bytes, frame.modified_ns)
    return replace(record, frame=frame) if same else None


def record_of(read: FrameRead, headers: SharedHeaders) -> FrameRecord:
    """The small record of a good frame."""
    assert read.header is not None
    return FrameRecord(
        read.frame,
        read.name,
        read.frame.bytes,
        read.digests.md5,
        read.digests.sha256,
        headers.of(read.header),
        read.picture_md5,
        counters_of(read.header),
        turned(read.header),
    )
