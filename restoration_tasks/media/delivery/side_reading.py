"""The check of a side sequence: one read of each frame, held against the size of the picture and against the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from restoration_tasks.media.delivery.delivery import Delivery
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, merged
from restoration_tasks.media.delivery.frame_reading import FrameRead
from restoration_tasks.media.delivery.frame_stream import read_in_order, record_of
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.other_files import digest_findings, extra_algorithm
from restoration_tasks.media.delivery.records import FileRecord, FrameRecord, SharedHeaders
from restoration_tasks.media.delivery.side_names import SideWord
from restoration_tasks.media.delivery.side_sequence import Place
from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.still import StillHeader, StillKind

KeepSide = Callable[[FrameRecord, bytes, StillHeader, Frame], None]
_FAULTS = {
    Rule.EMPTY: "the infrared frame is empty",
    Rule.TRUNCATED: "the infrared frame ends before its picture does",
    Rule.DAMAGED: "the infrared frame cannot be read",
}


@dataclass(frozen=True)
class CheckedSide:
    """What the check of a side sequence found."""

    word: SideWord
    """What its name says of it."""
    by_picture: Mapping[str, FrameRecord]
    """Its good frames by the name of the picture's file."""

    def along(self, records: tuple[FrameRecord, ...]) -> tuple[FrameRecord | None, ...]:
        """The side frame of each place of the reel, that of the file whose picture is shown there; None without one."""
        return tuple(self.by_picture.get(record.name) for record in records)


@dataclass
class SideRead:
    """What reading a side sequence gave."""

    word: SideWord = SideWord.UNSAID
    good: dict[str, FrameRecord] = field(default_factory=dict)
    unusable: list[FileRecord] = field(default_factory=list)
    """Kept as delivered."""
    faults: list[Finding] = field(default_factory=list)
    digests: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, runs of frames as one."""
        return (*merged(self.faults), *merged(self.digests))

    @property
    def checked(self) -> CheckedSide | None:
        """Its good frames; None where there are none."""
        return CheckedSide(self.word, self.good) if self.good else None


def read_side(
    delivery: Delivery,
    pictures: list[FrameRecord],
    progress: Callable[[int, int, str], None] | None = None,
    keep: KeepSide | None = None,
) -> SideRead:
    """Read every frame of a delivery's side sequence once.

    Args:
        delivery: what was found.
        pictures: the good frames of the reel; a side frame of any other is kept as delivered.
        progress: told what is done.
        keep: called for each good frame in order, see `fixity.Keep`.

    Raises:
        SourceChanged: a file vanished or changed since the delivery was listed.
        DeliveryError: the storage does not give a file.
    """
    found, side = SideRead(), delivery.infrared
    if side is None:
        return found
    found.word = side.word
    of_place = {(one.frame.part, one.frame.number): one for one in pictures}
    headers = SharedHeaders()
    reads = read_in_order(side.sequence, extra=extra_algorithm(delivery.manifest), keep=keep is not None)
    for done, read in enumerate(reads, 1):
        _take(found, delivery, read, of_place, headers, keep)
        if progress:
            progress(done, len(side.sequence), "infrared frames")
    return found


def _take(
    found: SideRead,
    delivery: Delivery,
    read: FrameRead,
    of_place: Mapping[Place, FrameRecord],
    headers: SharedHeaders,
    keep: KeepSide | None,
) -> None:
    picture = of_place.get((read.frame.part, read.frame.number))
    fault = _fault(found, read, picture)
    if fault is not None:
        found.faults.append(fault)
    else:
        found.digests += _digest_findings(delivery, read)
    if fault is not None or picture is None:
        size, modified_ns, digests = read.frame.bytes, read.frame.modified_ns, read.digests
        found.unusable.append(
            FileRecord(read.name, FileRole.INFRARED, read.frame.path, size, modified_ns, digests.md5, digests.sha256)
        )
        return
    record = record_of(read, headers)
    found.good[picture.name] = record
    if keep and read.raw is not None and read.picture is not None and read.header:
        keep(record, read.raw, read.header, read.picture)


def _fault(found: SideRead, read: FrameRead, picture: FrameRecord | None) -> Finding | None:
    """Why a side frame cannot be used, if so."""
    if read.fault is not None:
        return replace(read.fault, rule=Rule.INFRARED_DAMAGED, message=_FAULTS[read.fault.rule])
    header = read.header
    assert header is not None
    if picture is not None and _size(header) != _size(picture.header):
        expected, got = f"{picture.header.width}x{picture.header.height}", f"{header.width}x{header.height}"
        return _unlike(read, "the infrared frame has another size than the picture", expected, got)
    first = next(iter(found.good.values()), None)
    if first is not None and _layout(header) != _layout(first.header):
        return _unlike(read, "the infrared frame is not like those before it", str(first.header), str(header))
    return None


def _unlike(read: FrameRead, message: str, expected: str, found: str) -> Finding:
    return Finding(
        Grade.FAIL,
        Rule.INFRARED_UNLIKE,
        message,
        file=read.name,
        frame=read.frame.number,
        part=read.frame.part,
        expected=expected,
        found=found,
        action="have the infrared frames delivered in the size of the picture, all alike",
    )


def _size(header: StillHeader) -> tuple[int, int]:
    return header.width, header.height


def _layout(header: StillHeader) -> tuple[StillKind, str, str]:
    return header.kind, header.pix_fmt, header.packing


def _digest_findings(delivery: Delivery, read: FrameRead) -> tuple[Finding, ...]:
    listed = delivery.names.get(read.name)
    if delivery.manifest is None or listed is None:
        return ()
    # told by number only where its folder tells it from the picture of the same number
    folder = read.name.rpartition("/")[0]
    number = read.frame.number if folder else None
    return digest_findings(
        delivery.manifest, listed, read.name, read.frame.bytes, read.digests, frame=number, part=folder
    )
