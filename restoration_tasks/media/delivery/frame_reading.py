"""One read of a frame file: its bytes, digests, header and decoded picture, or what is wrong with it."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.sequence import FETCH, ImageSequence, SequenceFrame
from restoration_tasks.media.picture import Frame, frame_md5
from restoration_tasks.media.stills.errors import TruncatedFrame
from restoration_tasks.media.stills.still import StillHeader, decode_still, parse_still
from restoration_tasks.runtime.errors import DeliveryError, SourceChanged

_GONE = frozenset({errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT})
"""What a vanished mount or its server answers."""
_DELIVER_AGAIN = "check who works in the delivery folder, deliver again and start again"


@dataclass(frozen=True, slots=True)
class Digests:
    """Hex digests of a file's bytes."""

    md5: str
    sha256: str
    other: str | None = None
    """By the manifest's algorithm, where that is neither."""


@dataclass(frozen=True, slots=True)
class FrameRead:
    """What reading a frame gave."""

    frame: SequenceFrame
    name: str
    digests: Digests
    header: StillHeader | None
    """None where the frame cannot be used."""
    picture_md5: str | None
    fault: Finding | None
    """Why it cannot be used."""
    raw: bytes | None = None
    picture: Frame | None = None


def read_frame(
    sequence: ImageSequence, frame: SequenceFrame, *, extra: str | None = None, keep: bool = False
) -> FrameRead:
    """Read a frame's file once.

    Args:
        sequence: what it belongs to.
        frame: which one.
        extra: name of a digest algorithm wanted beside md5 and sha256.
        keep: give bytes and picture back as well.

    Raises:
        SourceChanged: it vanished, or is not what it was when the delivery was listed.
        DeliveryError: the storage does not give it.
    """
    name = sequence.relative_name(frame)
    raw = _read_bytes(sequence, frame, name)
    digests = Digests(
        hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        hashlib.sha256(raw).hexdigest(),
        hashlib.new(extra, raw, usedforsecurity=False).hexdigest() if extra else None,
    )
    if not raw:
        return FrameRead(frame, name, digests, None, None, empty_frame(frame, name))
    try:
        header = parse_still(raw, name)
        picture = decode_still(raw, header, name)
    except TruncatedFrame as error:
        return FrameRead(frame, name, digests, None, None, _fault_of(frame, name, Rule.TRUNCATED, error))
    except DeliveryError as error:
        return FrameRead(frame, name, digests, None, None, _fault_of(frame, name, Rule.DAMAGED, error))
    digest = frame_md5(picture)
    if not keep:
        return FrameRead(frame, name, digests, header, digest, None)
    return FrameRead(frame, name, digests, header, digest, None, raw, picture)


def empty_frame(frame: SequenceFrame, name: str) -> Finding:
    """The finding about a frame file without a byte."""
    return _fault(frame, name, Rule.EMPTY, "the frame is empty")


def _read_bytes(sequence: ImageSequence, frame: SequenceFrame, name: str) -> bytes:
    try:
        with frame.path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            raw = file.readall()
    except OSError as error:
        raise storage_error(error, sequence.folder, name, frame.number) from error
    found = (len(raw), status.st_mtime_ns)
    if found != (frame.bytes, frame.modified_ns):
        raise changed(name, (frame.bytes, frame.modified_ns), found, frame.number)
    return raw


def changed(
    name: str, listed: tuple[int, int], found: tuple[int, int] | None, frame: int | None = None
) -> SourceChanged:
    """The error for a file that is not what it was when the delivery was listed.

    Args:
        name: of the file.
        listed: its bytes and modification time (ns) then.
        found: those now; None where it is gone.
        frame: its number, where it is a frame.
    """
    what = "file" if frame is None else "frame"
    if found is None:
        return SourceChanged(
            f"the {what} vanished while it was being read in", file=name, frame=frame, action=_DELIVER_AGAIN
        )
    return SourceChanged(
        f"the {what} changed while it was being read in",
        file=name,
        frame=frame,
        expected=f"{listed[0]} bytes, modified {listed[1]}",
        found=f"{found[0]} bytes, modified {found[1]}",
        action=_DELIVER_AGAIN,
    )


def storage_error(error: OSError, root: Path, name: str, frame: int | None = None) -> DeliveryError | SourceChanged:
    """What the operating system says of a file it does not give, in the operator's words."""
    there = os.path.isdir(root)  # noqa: PTH112  (Path.is_dir raises on a stale mount)
    if error.errno == errno.ENOENT and there:
        return changed(name, (0, 0), None, frame)
    if not there or error.errno in _GONE:
        return DeliveryError(
            "the storage of the delivery is gone",
            file=name,
            frame=frame,
            found=error.strerror,
            action="check that the storage is mounted and its server runs, then start again",
        )
    kind = "frame" if frame is not None else "file"
    return DeliveryError(
        f"the {kind} cannot be read: {error.strerror}",
        file=name,
        frame=frame,
        action="check the storage and the file's permissions, then start again",
    )


def _fault(frame: SequenceFrame, name: str, rule: Rule, message: str) -> Finding:
    return Finding(Grade.FAIL, rule, message, file=name, frame=frame.number, part=frame.part, action=FETCH)


def _fault_of(frame: SequenceFrame, name: str, rule: Rule, error: DeliveryError) -> Finding:
    return replace(
        _fault(frame, name, rule, error.message),
        expected=error.expected,
        found=error.found,
        action=error.action or FETCH,
    )
