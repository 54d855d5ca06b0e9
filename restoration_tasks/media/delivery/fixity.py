"""The check of a delivery: one read of every file gives digests, header, decoded picture, and all that is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from restoration_tasks.media.delivery.completeness import Missing, missing_frames, surplus
from restoration_tasks.media.delivery.delivery import Delivery
from restoration_tasks.media.delivery.findings import Finding, Waiver, merged, waived
from restoration_tasks.media.delivery.frame_reading import Digests, FrameRead, changed, empty_frame, storage_error
from restoration_tasks.media.delivery.frame_stream import read_in_order, record_of
from restoration_tasks.media.delivery.header_rules import header_findings, length_findings
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.manifest import Manifest
from restoration_tasks.media.delivery.other_files import check_files, digest_findings, extra_algorithm
from restoration_tasks.media.delivery.picture_rules import identical_findings, unlike_error, unlike_findings
from restoration_tasks.media.delivery.records import FileRecord, FrameRecord, SharedHeaders
from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.delivery.side_reading import CheckedSide, read_side
from restoration_tasks.media.delivery.sound_rules import sound_length_findings
from restoration_tasks.media.delivery.specification import (
    PictureFacts,
    Specification,
    check,
    specification_named,
)
from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.still import StillHeader

Keep = Callable[[FrameRecord, bytes, StillHeader, Frame], None]
"""Called for each good frame in the order of the reel: record, the file's bytes, its whole header, its planes."""
Progress = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what is counted."""
_MIB = 1 << 20


@dataclass(frozen=True)
class CheckedDelivery:
    """What the check of a delivery found."""

    sequence: ImageSequence | None
    """Every place of the reel, frames that stand in for waived ones included. While a missing or damaged frame is not
    waived, it is left out. None for a delivered video, and where no frame is good."""
    records: tuple[FrameRecord, ...]
    """One a frame of `sequence`; that of a frame that stands in is about the file really used."""
    files: tuple[FileRecord, ...]
    """Every other file that was read, frames that cannot be used included."""
    findings: tuple[Finding, ...]
    """Everything found about the delivery, by `find_delivery` as well."""
    infrared: CheckedSide | None = None
    """The side sequence that shows dirt; None where there is none, or none of its frames can be used."""


def check_delivery(
    delivery: Delivery,
    *,
    waivers: Sequence[Waiver] = (),
    expected_frames: int | None = None,
    specification: str | Specification | None = None,
    fps: Fraction | str | None = None,
    progress: Progress | None = None,
    keep: Keep | None = None,
    keep_infrared: Keep | None = None,
) -> CheckedDelivery:
    """Read every file of a delivery once and collect all that is wrong; what follows from that is the caller's matter.

    Args:
        delivery: as `find_delivery` found it.
        waivers: findings a person has answered for; missing and damaged frames among them are stood in for.
        expected_frames: frames of the reel by the catalogue.
        specification: the scan specification it has to meet, or its name.
        fps: frames a second, where somebody said; else the headers'.
        progress: told what is done.
        keep: see `Keep`.
        keep_infrared: the same for each good frame of the side sequence, after all frames.

    Raises:
        WrongUse: no such specification.
        SourceChanged: a file vanished or changed since the delivery was listed.
        DeliveryError: the storage does not give a file, or too much is missing to be stood in for.
    """
    wanted = specification_named(specification) if isinstance(specification, str) else specification
    rate = None if fps is None else Fraction(fps)
    frames = _read(delivery, progress, keep)
    side = read_side(delivery, frames.records, progress, keep_infrared)
    files = check_files(delivery, _bytes_progress(delivery, progress))
    findings = [*delivery.findings]
    missing: tuple[Missing, ...] = ()
    if delivery.sequence is not None:
        told, missing = _frame_findings(delivery, delivery.sequence, frames, expected_frames)
        findings += told
    findings += [*side.findings, *(finding for one in files for finding in one.findings)]
    findings += sound_length_findings(delivery, frames.records, rate, sum(one.absence.count for one in missing))
    if wanted is not None and frames.records:
        findings += check(wanted, PictureFacts.of(frames.records[0].header, rate))
    sequence, records = _answered(delivery.sequence, frames, missing, waivers)
    others = (*(one.record for one in files), *frames.unusable, *side.unusable)
    return CheckedDelivery(sequence, records, others, tuple(findings), side.checked)


def findings_by_name(delivery: Delivery, expected_frames: int | None = None) -> tuple[Finding, ...]:
    """What names, sizes and the manifest alone show: what a delivery can be refused for before a byte is read.

    Args:
        delivery: as `find_delivery` found it.
        expected_frames: frames of the reel by the catalogue.
    """
    sequence = delivery.sequence
    if sequence is None:
        return delivery.findings
    expected = _expected(delivery, expected_frames)
    missing = missing_frames(sequence, named=delivery.absent.numbers, expected_frames=expected)
    empty = [empty_frame(frame, sequence.relative_name(frame)) for frame in sequence.frames if not frame.bytes]
    return (
        *delivery.findings,
        *(one.finding for one in missing),
        *surplus(sequence, expected),
        *merged(empty),
    )


def _expected(delivery: Delivery, expected_frames: int | None) -> int | None:
    """Frames of the reel by the catalogue, else by the manifest, where that is about this reel alone."""
    stated = delivery.manifest.frames if delivery.manifest and delivery.reel is None else None
    return stated if expected_frames is None else expected_frames


@dataclass
class _Frames:
    """What reading the frames gave."""

    records: list[FrameRecord] = field(default_factory=list)
    """Of good frames."""
    faults: dict[int, Finding] = field(default_factory=dict)
    """Of frames that cannot be used, by index."""
    digests: dict[int, Finding] = field(default_factory=dict)
    """Of good frames that are not what the manifest says, by index."""
    unusable: list[FileRecord] = field(default_factory=list)


def _read(delivery: Delivery, progress: Progress | None, keep: Keep | None) -> _Frames:
    found, headers, sequence = _Frames(), SharedHeaders(), delivery.sequence
    if sequence is None:
        return found
    extra = extra_algorithm(delivery.manifest)
    reads = read_in_order(sequence, extra=extra, keep=keep is not None)
    for done, read in enumerate(reads, 1):
        _take(found, read, delivery, headers, keep)
        if progress:
            progress(done, len(sequence), "frames")
    return found


def _take(found: _Frames, read: FrameRead, delivery: Delivery, headers: SharedHeaders, keep: Keep | None) -> None:
    if read.fault is not None:
        found.faults[read.frame.index] = read.fault
        size, modified_ns, digests = read.frame.bytes, read.frame.modified_ns, read.digests
        found.unusable.append(
            FileRecord(read.name, FileRole.FRAME, read.frame.path, size, modified_ns, digests.md5, digests.sha256)
        )
        return
    record = record_of(read, headers)
    found.records.append(record)
    for finding in _digest_findings(delivery, record, read.digests):
        found.digests[record.frame.index] = finding
    if keep and read.raw is not None and read.picture is not None and read.header:
        keep(record, read.raw, read.header, read.picture)


def _digest_findings(delivery: Delivery, record: FrameRecord, digests: Digests) -> tuple[Finding, ...]:
    listed = delivery.names.get(record.name)
    if delivery.manifest is None or listed is None:
        return ()
    frame = record.frame
    return digest_findings(
        delivery.manifest, listed, record.name, record.bytes, digests, frame=frame.number, part=frame.part
    )


def _bytes_progress(delivery: Delivery, progress: Progress | None) -> Callable[[int], None] | None:
    """Bytes of all readers together, told a MiB at a time."""
    if progress is None or not delivery.files:
        return None
    total, lock, done = sum(file.bytes for file in delivery.files), threading.Lock(), 0

    def tell(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            progress(done // _MIB, -(-total // _MIB), "MiB of other files")

    return tell


def _frame_findings(
    delivery: Delivery, sequence: ImageSequence, frames: _Frames, expected_frames: int | None
) -> tuple[list[Finding], tuple[Missing, ...]]:
    """Findings about frames, and the runs of missing ones."""
    expected = _expected(delivery, expected_frames)
    unlike, odd = unlike_findings(frames.records)
    # What a frame that is not as delivered says of itself is no news: its digest is the finding.
    sound = [one for one in frames.records if one.frame.index not in odd and one.frame.index not in frames.digests]
    named = delivery.absent.numbers
    known = sum(one.absence.count for one in missing_frames(sequence, named=named))
    lengths, beyond = length_findings(sequence, sound, known, expected)
    missing = missing_frames(sequence, named=named, beyond=beyond, expected_frames=expected)
    return [
        *(one.finding for one in missing),
        *surplus(sequence, expected),
        *merged(frames.faults.values()),
        *unlike,
        *merged(finding for index, finding in frames.digests.items() if index not in odd),
        *header_findings(sound),
        *lengths,
        *identical_findings(sound),
    ], missing


def _answered(
    sequence: ImageSequence | None, frames: _Frames, missing: Iterable[Missing], waivers: Sequence[Waiver]
) -> tuple[ImageSequence | None, tuple[FrameRecord, ...]]:
    """The places of the reel and their records, once everything missing and damaged is waived."""
    if sequence is None or not frames.records:
        return None, ()
    runs = [*(one.finding for one in missing), *merged(frames.faults.values())]
    if len(waived(runs, waivers)) < len(runs):
        kept = tuple(replace(record.frame, index=place) for place, record in enumerate(frames.records))
        records = tuple(replace(one, frame=frame) for one, frame in zip(frames.records, kept, strict=True))
        return replace(sequence, frames=kept), records
    if not runs:
        return sequence, tuple(frames.records)
    whole = sequence.with_substitutes((one.absence for one in missing), frames.faults.keys())
    by_path = {record.frame.path: record for record in frames.records}
    return whole, tuple(replace(by_path[frame.path], frame=frame) for frame in whole.frames)


def read_frames(
    sequence: ImageSequence, manifest: Manifest | None = None, *, progress: Callable[[int], None] | None = None
) -> tuple[FrameRecord, ...]:
    """Read every frame once, in parallel, and stop at the first that is damaged or unlike the others.

    For pictures that are nobody's delivery; a delivery is checked by `check_delivery`, which collects all faults.

    Args:
        sequence: the frames.
        manifest: digests they must have.
        progress: called with the number of frames read.

    Raises:
        DeliveryError: a frame is damaged or truncated, differs in kind, size or depth, or has another digest.
    """
    headers, records = SharedHeaders(), list[FrameRecord]()
    for read in read_in_order(sequence, extra=extra_algorithm(manifest)):
        if read.fault is not None:
            raise read.fault.error()
        record = record_of(read, headers)
        if manifest is not None and record.name in manifest.digests:
            for finding in digest_findings(
                manifest, record.name, record.name, record.bytes, read.digests, frame=record.frame.number
            ):
                raise finding.error()
        records.append(record)
        if record.header.common != records[0].header.common:
            raise unlike_error(records[0], record)
        if progress:
            progress(len(records))
    return tuple(records)


def require_unchanged(checked: CheckedDelivery) -> None:
    """Refuse to sign off a master whose source has changed since it was read (size or modification time).

    Raises:
        SourceChanged: a file is gone, or has another size or modification time.
        DeliveryError: the storage is gone.
    """
    for record in checked.records:
        _require_same(record.frame.path, record.name, (record.bytes, record.frame.modified_ns), record.frame.number)
    for side in checked.infrared.by_picture.values() if checked.infrared else ():
        _require_same(side.frame.path, side.name, (side.bytes, side.frame.modified_ns), side.frame.number)
    for file in checked.files:
        _require_same(file.path, file.name, (file.bytes, file.modified_ns), None)


def _require_same(path: Path, name: str, listed: tuple[int, int], frame: int | None) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise storage_error(error, path.parent, name, frame) from error
    found = (status.st_size, status.st_mtime_ns)
    if found != listed:
        raise changed(name, listed, found, frame)
