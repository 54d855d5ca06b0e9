"""What headers say, held against their neighbours, the file and each other: one small rule each, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from restoration_tasks.media.delivery.completeness import Beyond
from restoration_tasks.media.delivery.deviations import Deviation, Verdict, majority
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.header_counts import (
    edge_code_findings,
    name_findings,
    position_findings,
    timecode_findings,
)
from restoration_tasks.media.delivery.records import FrameRecord
from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.stills.dpx_header import DpxHeader
from restoration_tasks.media.stills.still import StillHeader

_VERSIONS = frozenset({"V1.0", "V2.0", "V2.0HDR"})
"""Versions of the header's layout: SMPTE 268M-1994, ST 268-1 and ST 268-2."""

_Judge = Callable[[Sequence[FrameRecord]], Iterator[Deviation]]


def _versions(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
    for at, header in _dpx(records):
        if header.version not in _VERSIONS:
            yield Deviation(at, "V1.0 or V2.0", header.version or "none")


def _orientations(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
    for at, record in enumerate(records):
        if record.turned is not None:
            yield Deviation(at, "left to right, top to bottom", f"orientation {record.turned}")


def _transfers(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
    codes = [_transfer(record.header) for record in records]
    usual, _ = majority(codes)
    for at, code in enumerate(codes):
        if code != usual:
            yield Deviation(at, usual, code)


def _transfer(header: StillHeader) -> str:
    if header.dpx is not None:
        return f"transfer {header.dpx.transfer_code}, colorimetric {header.dpx.colorimetric_code}"
    return f"transfer {header.transfer}, primaries {header.primaries}"


def _stated_sizes(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
    for at, header in _dpx(records):
        if header.stated_bytes not in (None, 0, records[at].bytes):
            yield Deviation(at, f"{records[at].bytes} bytes", f"{header.stated_bytes} bytes")


def _tails(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
    for at, header in _dpx(records):
        end = header.offset + header.image_bytes + (header.end_of_image_padding or 0)
        if header.stated_bytes in (None, 0, records[at].bytes) and records[at].bytes > end:
            yield Deviation(at, f"{end} bytes", f"{records[at].bytes} bytes")


def _unnamed(field: str) -> _Judge:
    def judge(records: Sequence[FrameRecord]) -> Iterator[Deviation]:
        for at, header in _dpx(records):
            if getattr(header, field) is None:
                yield Deviation(at)

    return judge


def _dpx(records: Sequence[FrameRecord]) -> Iterator[tuple[int, DpxHeader]]:
    return ((at, record.header.dpx) for at, record in enumerate(records) if record.header.dpx is not None)


@dataclass(frozen=True)
class HeaderRule:
    """A rule and how deviations from it are told."""

    judge: _Judge
    verdict: Verdict


RULES = (
    HeaderRule(
        _versions,
        Verdict(
            Rule.HEADER_VERSION,
            Grade.WARN,
            "the DPX header has a version Reelkeeper does not know; it is read as V2.0",
            "check the pictures against the film",
        ),
    ),
    HeaderRule(
        _orientations,
        Verdict(
            Rule.ORIENTATION,
            Grade.WARN,
            "the header says that the picture lies turned or mirrored; it is taken as it is stored",
            "check that pictures and titles are the right way round",
        ),
    ),
    HeaderRule(
        _transfers,
        Verdict(
            Rule.TRANSFER_CHANGES,
            Grade.FAIL,
            "the header gives another transfer or colour than the other frames",
            "have all frames delivered with one transfer characteristic, or as reels of their own",
        ),
    ),
    HeaderRule(
        _stated_sizes,
        Verdict(
            Rule.FILE_SIZE,
            Grade.WARN,
            "the header states another file size than the file has",
            "tell the scanner's maker; the picture is whole",
        ),
    ),
    HeaderRule(_tails, Verdict(Rule.FILE_SIZE, Grade.NOTE, "bytes follow the picture; they are kept")),
    HeaderRule(_unnamed("creator"), Verdict(Rule.CREATOR_MISSING, Grade.NOTE, "the headers name no creator")),
    HeaderRule(_unnamed("input_device"), Verdict(Rule.DEVICE_MISSING, Grade.NOTE, "the headers name no scanner")),
    HeaderRule(_unnamed("project"), Verdict(Rule.PROJECT_MISSING, Grade.NOTE, "the headers name no project")),
)
"""Rules of single headers; those of counts are in `header_counts`, that of the length below."""


def header_findings(records: Sequence[FrameRecord]) -> tuple[Finding, ...]:
    """Everything headers show but the sequence's length, rule by rule.

    A frame whose position is another frame's is told by that alone: its name and codes would only say it again.

    Args:
        records: frames of one kind and size, in the order of the reel.
    """
    if not records:
        return ()
    positions, misplaced = position_findings(records)
    return (
        *(finding for rule in RULES for finding in rule.verdict.findings(records, rule.judge(records))),
        *positions,
        *name_findings(records, misplaced),
        *timecode_findings(records, misplaced),
        *edge_code_findings(records, misplaced),
    )


_NO_LENGTH = Verdict(Rule.SEQUENCE_LENGTH, Grade.NOTE, "the sequence length in the headers is not filled in")
_ODD_LENGTH = Verdict(Rule.SEQUENCE_LENGTH, Grade.WARN, "the header gives another sequence length than other frames")
_OTHER_LENGTH = Verdict(
    Rule.SEQUENCE_LENGTH,
    Grade.WARN,
    "the headers give another sequence length than there are frames",
    "check with the scanner's log how many frames were scanned",
)


def length_findings(
    sequence: ImageSequence, records: Sequence[FrameRecord], missing: int, expected_frames: int | None = None
) -> tuple[tuple[Finding, ...], Beyond | None]:
    """The sequence length in headers, and what it says of head and tail where that is consistent.

    It counts as a witness of missing frames only where every header gives the same length and a position that fits it
    and the file names; many scanners write a constant. A catalogue that counts otherwise outweighs it.

    Args:
        sequence: all frames that are there.
        records: those that were read, in order.
        missing: frames known to be missing by their numbers and the manifest.
        expected_frames: how many frames the reel has by the catalogue.
    """
    stated = [at for at, record in enumerate(records) if record.counters.length is not None]
    if not stated or len(records) < 2:
        return (), None
    usual, share = majority(records[at].counters.length for at in stated)
    places = len(sequence) + missing

    def deviations(chosen: Sequence[int], expected: object) -> list[Deviation]:
        return [Deviation(at, expected, f"{records[at].counters.length} frames") for at in chosen]

    if share < 1:
        odd = [at for at in stated if records[at].counters.length != usual]
        return _ODD_LENGTH.findings(records, deviations(odd, f"{usual} frames")), None
    assert usual is not None
    if usual in (0, 1):
        return _NO_LENGTH.findings(records, deviations(stated, f"{places} frames")), None
    if usual == places:
        return (), None
    trusted = len(stated) == len(records) and expected_frames in (None, usual)
    beyond = _beyond(sequence, records, usual) if trusted else None
    if beyond is not None:
        return (), beyond
    return _OTHER_LENGTH.findings(records, deviations(stated, f"{places} frames")), None


def _beyond(sequence: ImageSequence, records: Sequence[FrameRecord], length: int) -> Beyond | None:
    """Frames before the first and after the last one by positions and length; None where they do not fit each other."""
    bases = {
        None if record.counters.position is None else record.counters.position - record.frame.number
        for record in records
    }
    base = bases.pop() if len(bases) == 1 else None
    if base is None or sequence.restarts:
        return None
    first, last = sequence.frames[0].number + base, sequence.frames[-1].number + base
    # Positions count from 0 or from 1; only where the first or the last frame is there can one tell which.
    from_one = last == length or (first == 1 and last < length - 1)
    head, tail = (first - 1, length - last) if from_one else (first, length - 1 - last)
    return Beyond(head, tail, "the headers") if head >= 0 and tail >= 0 and head + tail else None
