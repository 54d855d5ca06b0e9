"""Pictures held against each other: all alike in size and kind, none the same as its neighbour."""

from __future__ import annotations

from collections.abc import Sequence

from restoration_tasks.media.delivery.deviations import Deviation, Verdict, majority
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.records import FrameRecord
from restoration_tasks.media.stills.still import StillHeader, StillKind
from restoration_tasks.runtime.errors import DeliveryError

_UNLIKE = Verdict(
    Rule.UNLIKE_FIRST,
    Grade.FAIL,
    "the frame is not like the other frames of the sequence",
    "have this frame delivered as the others are, or deliver it as a reel of its own",
)
_IDENTICAL = Verdict(
    Rule.IDENTICAL_FRAMES,
    Grade.WARN,
    "the frame holds exactly the same picture as the one before it",
    "check whether the scanner stood still, and have these frames scanned again if it did",
)


def _layout(header: StillHeader) -> tuple[StillKind, int, int, str, str]:
    """What must be the same in all frames of one master; transfer and primaries have a rule of their own."""
    return (header.kind, header.width, header.height, header.pix_fmt, header.packing)


def unlike(records: Sequence[FrameRecord]) -> list[Deviation]:
    """Frames of another kind, size, depth or packing than most frames have."""
    usual, _ = majority(_layout(record.header) for record in records)
    pattern = next((str(record.header) for record in records if _layout(record.header) == usual), None)
    return [
        Deviation(at, pattern, record.header) for at, record in enumerate(records) if _layout(record.header) != usual
    ]


def unlike_findings(records: Sequence[FrameRecord]) -> tuple[tuple[Finding, ...], frozenset[int]]:
    """Frames that cannot stand in one master with the others, and their indexes."""
    found = unlike(records)
    return _UNLIKE.findings(records, found), frozenset(records[one.at].frame.index for one in found)


def unlike_error(first: FrameRecord, other: FrameRecord) -> DeliveryError:
    """The error about a frame that differs from the first one in layout or colour."""
    return DeliveryError(
        _UNLIKE.message.replace("the other frames", "the first frame"),
        file=other.name,
        frame=other.frame.number,
        expected=first.header,
        found=other.header,
        action=_UNLIKE.action,
    )


def identical_findings(records: Sequence[FrameRecord]) -> tuple[Finding, ...]:
    """Frames whose picture is bit for bit that of their neighbour: grain and sensor noise never repeat."""
    same = [
        Deviation(at)
        for at in range(1, len(records))
        if records[at].picture_md5 is not None
        and records[at].picture_md5 == records[at - 1].picture_md5
        and records[at].frame.index == records[at - 1].frame.index + 1
    ]
    return _IDENTICAL.findings(records, same)
