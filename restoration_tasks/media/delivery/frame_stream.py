"""Frames read in parallel and given back in order, with few of them in memory at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from restoration_tasks.media.delivery.frame_reading import FrameRead, read_frame
from restoration_tasks.media.delivery.records import FrameRecord, SharedHeaders, counters_of, turned
from restoration_tasks.media.delivery.sequence import ImageSequence

READERS = max(2, min(4, os.cpu_count() or 1))
"""Files read at once: hashing and unpacking leave the interpreter lock, and storage over a network answers slowly."""
IN_FLIGHT_BYTES = 48 << 20
"""Bytes of frame files held at a time; decoded planes and what unpacking takes come to some four times that."""


def read_in_order(sequence: ImageSequence, *, extra: str | None = None, keep: bool = False) -> Iterator[FrameRead]:
    """Read every frame once.

    Args:
        sequence: the frames.
        extra: name of a digest algorithm wanted beside md5 and sha256.
        keep: give bytes and picture back as well.

    Raises:
        SourceChanged: a file vanished or changed since it was listed.
        DeliveryError: the storage does not give a file.
    """
    waiting: deque[Future[FrameRead]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for frame in sequence.frames:
                waiting.append(pool.submit(read_frame, sequence, frame, extra=extra, keep=keep))
                while len(waiting) > max(READERS, min(2 * READERS, IN_FLIGHT_BYTES // max(1, frame.bytes))):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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
