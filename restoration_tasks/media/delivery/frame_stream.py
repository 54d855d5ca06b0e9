"""Frames read in parallel and given back in order, with few of them in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from restoration_tasks.media.delivery.frame_reading import FrameRead, read_frame
from restoration_tasks.media.delivery.records import FrameRecord, SharedHeaders, counters_of, packed_digests, turned
from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.runtime.in_order import in_order

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
    largest = max((frame.bytes for frame in sequence.frames), default=0)
    ahead = max(READERS, min(2 * READERS, IN_FLIGHT_BYTES // max(1, largest)))
    reading = partial(read_frame, sequence, extra=extra, keep=keep)
    return in_order(reading, sequence.frames, threads=READERS, ahead=ahead)


def record_of(read: FrameRead, headers: SharedHeaders) -> FrameRecord:
    """The small record of a good frame."""
    assert read.header is not None
    return FrameRecord(
        read.frame,
        read.name,
        packed_digests(read.digests.md5, read.digests.sha256, read.picture_md5),
        read.frame.bytes,
        headers.of(read.header),
        counters_of(read.header, read.name),
        turned(read.header),
    )
