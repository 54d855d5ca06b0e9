"""What the scanner delivered that shows dirt: the side sequence, or the opacity of EXR frames, as `infrared.mkv`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from restoration_tasks.media.delivery.records import packed_digests
from restoration_tasks.media.side_channel import ABSENT_TAG, written
from restoration_tasks.media.stills.float_coding import FloatCoding
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.steps.ingest.picture import Picture, SequencePicture

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.polarity import Polarity
    from restoration_tasks.media.delivery.records import FrameRecord
    from restoration_tasks.media.delivery.scan import ScannedInfrared
    from restoration_tasks.media.delivery.sequence import ImageSequence
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.runtime.step import StepWork
    from restoration_tasks.steps.ingest.keeping import SeenOpacity

INFRARED = "infrared.mkv"
_WHOLE = FloatCoding(0, 0xFFFF)
"""Ordered codes as they are: light that came through is compared with light, so the range need not be stretched."""


@dataclass
class Infrared:
    """A channel beside the picture of the reel, on its way into the vault."""

    work: StepWork
    picture: SequencePicture
    absent: tuple[int, ...]
    """Places without a frame of their own."""
    delivered: tuple[FrameRecord | None, ...]
    """The side frame of each place; empty of opacity, which came inside the picture's own files."""

    def write(self) -> None:
        """Join the parts, and prove that every frame is what was delivered.

        Raises:
            MediaError: a frame differs.
        """
        from restoration_tasks.media.master import write_master

        out = self.work.output("infrared", INFRARED, media_type="video/x-matroska")
        tags = {"TITLE": f"{self.work.reel_id} infrared", **self.picture.tags}
        if self.absent:
            tags[ABSENT_TAG] = written(self.absent)
        write_master(self.picture.parts, out, tags=tags, proved_later=True)
        self.picture.prove(out)


def take(
    work: StepWork, delivery: Delivery, checked: CheckedDelivery, taken: Picture, opacity: SeenOpacity
) -> Infrared | None:
    """Encode the channel that shows dirt; None where nothing of the kind was delivered beside the master's own planes.

    Args:
        work: the step at work.
        delivery: as it was found.
        checked: what its check found.
        taken: the picture of the reel.
        opacity: that of EXR frames, as it was seen while they were read.

    Raises:
        MediaError: the sample does not come back as it was, or ffmpeg fails.
        VaultError: there is not enough room.
    """
    if checked.sequence is None:
        return None
    if checked.infrared is not None and delivery.infrared is not None:
        along = checked.infrared.along(checked.records)
        absent = tuple(place for place, record in enumerate(along) if record is None)
        records = _filled(along, checked.records)
        sequence = replace(delivery.infrared.sequence, frames=tuple(record.frame for record in records))
        coding = _WHOLE if sequence.kind is StillKind.EXR else None
        picture = SequencePicture(work, sequence, records, taken.format.fps, coding, "infrared-")
        found = Infrared(work, picture, absent, along)
    elif opacity.says_something:
        records = tuple(_of_opacity(record, opacity) for record in checked.records)
        picture = OpacityPicture(work, checked.sequence, records, taken.format.fps, _WHOLE, "infrared-")
        found = Infrared(work, picture, (), ())
    else:
        return None
    picture.format = replace(picture.format, fps=taken.format.fps)
    picture.encode()
    return found


def figures(
    found: Infrared | None, checked: CheckedDelivery, taken: Picture, polarity: Polarity | None
) -> dict[str, JsonValue]:
    """Which channel of the scan may show dirt, and what is said of its polarity; nothing where there is none.

    Args:
        found: what was taken beside the master.
        checked: what the check found.
        taken: the picture of the reel.
        polarity: by the scan specification.
    """
    if found is None and not taken.format.has_alpha:
        return {}
    side = checked.infrared if found is not None and found.delivered else None
    said = polarity or (side.word.polarity if side else None)
    about: dict[str, JsonValue] = {"infrared": "side" if side else "alpha"}
    return about | ({"infrared_polarity": said.value} if said else {})


def scanned(found: Infrared | None, checked: CheckedDelivery) -> ScannedInfrared | None:
    """The side sequence as `scan.json` keeps it."""
    from restoration_tasks.media.delivery.scan import ScannedInfrared
    from restoration_tasks.media.delivery.scanned_files import ScannedSideFile, SideFiles

    if found is None or checked.infrared is None or not found.delivered:
        return None
    places: dict[str, tuple[int, FrameRecord]] = {}
    for place, record in enumerate(found.delivered):
        if record is not None:
            places.setdefault(record.name, (place, record))
    fmt = found.picture.format
    return ScannedInfrared(
        kind=found.picture.kind,
        pix_fmt=fmt.pix_fmt,
        bit_depth=fmt.bit_depth,
        word=checked.infrared.word,
        files=SideFiles(
            ScannedSideFile(
                name=record.name,
                number=record.frame.number,
                place=place,
                bytes=record.bytes,
                md5=record.md5,
                sha256=record.sha256,
            )
            for place, record in places.values()
        ),
        absent=found.absent,
    )


class OpacityPicture(SequencePicture):
    """The opacity of EXR frames, as ordered codes."""

    def _encode(self, sequence: ImageSequence, part: Path, progress: Callable[[int], None] | None) -> None:
        from restoration_tasks.media.writer import encode_frames

        encode_frames(_opacity(sequence), self.format, part, progress=progress)


def _opacity(sequence: ImageSequence) -> Iterator[Frame]:
    from restoration_tasks.media.stills.exr import decode_opacity, parse_exr

    for frame in sequence.frames:
        raw = frame.path.read_bytes()
        yield decode_opacity(raw, parse_exr(raw, frame.name), frame.name)


def _of_opacity(record: FrameRecord, opacity: SeenOpacity) -> FrameRecord:
    grey = replace(record.header, pix_fmt="gray16le")
    digests = packed_digests(record.md5, record.sha256, opacity.md5s[record.name])
    return replace(record, header=grey, digests=digests)


def _filled(along: Sequence[FrameRecord | None], pictures: Sequence[FrameRecord]) -> tuple[FrameRecord, ...]:
    """A record for every place, in the reel's own count: where there is none, the one before it (or the first)."""
    last = next(record for record in along if record is not None)
    filled = []
    for record, picture in zip(along, pictures, strict=True):
        last = record or last
        filled.append(replace(last, frame=replace(last.frame, index=picture.frame.index)))
    return tuple(filled)
