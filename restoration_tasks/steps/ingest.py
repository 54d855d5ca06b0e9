"""Ingest: check every frame of a delivery, make the FFV1 preservation master, prove it holds exactly the scan."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from restoration_tasks.media.delivery.sequence import delivery_digest
from restoration_tasks.runtime.errors import MediaError, SourceChanged
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from restoration_tasks.media.delivery.fixity import FrameRecord
    from restoration_tasks.media.delivery.manifest import Manifest
    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.delivery.sequence import ImageSequence
    from restoration_tasks.media.picture import PictureFormat

__all__ = ["STEP", "delivery_digest"]

PART_FRAMES = 96
"""Frames a resumable part holds: four seconds, about a minute's work at 2K, so that a kill loses little."""


class IngestParams(BaseModel):
    """Parameters of the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fps: str = Field(default="24", pattern=r"^[1-9]\d{0,2}(/[1-9]\d{0,3})?$")
    """Frames a second where the frames' headers do not say."""


def run(work: StepWork) -> None:
    """Read a delivery in.

    Raises:
        DeliveryError: the delivery is not complete, has a gap, or a frame is damaged or not what the manifest says.
        SourceChanged: the delivery is not the one that was asked for, or changed while it was read.
        MediaError: the master would not hold exactly the scan.
    """
    from restoration_tasks.media import ffmpeg, framemd5, join
    from restoration_tasks.media.delivery import fixity
    from restoration_tasks.media.delivery.manifest import find_manifest
    from restoration_tasks.media.delivery.sequence import find_sequence, require_complete
    from restoration_tasks.media.reader import sequence_format

    params = work.parse_params(IngestParams)
    folder = work.source("delivery")
    _require_as_asked(work, folder)
    sequence, manifest = find_sequence(folder), find_manifest(folder)
    require_complete(folder, sequence, manifest)
    total = len(sequence)
    records = fixity.read_frames(sequence, manifest, progress=lambda done: work.progress(done, total, "frames checked"))
    fmt = sequence_format(records[0].header, Fraction(params.fps))
    _warn(work, sequence, records)

    master = work.output("master", "master.mkv", media_type="video/x-matroska")
    join.join(_encode_parts(work, sequence, fmt), master)
    digests = _prove(work, sequence, records, master)
    fixity.require_unchanged(records)

    framemd5.write(work.output("framemd5", "master.framemd5", media_type="text/plain"), digests, fmt)
    _scan(sequence, manifest, records, fmt).write(work.output("scan", "scan.json", media_type="application/json"))
    _report(work, fmt, total)
    work.agent(AgentKind.SOFTWARE, "ffmpeg", ffmpeg.version())


def _require_as_asked(work: StepWork, folder: Path) -> None:
    """The delivery must still be what the worker saw when it asked for this work."""
    asked = work.spec.sources["delivery"].sha256
    found, _frames = delivery_digest(folder)
    if found != asked:
        raise SourceChanged(
            "the delivery has changed since this work was asked for",
            file=folder,
            expected=asked,
            found=found,
            action="check that the scanner has finished, then start the run again",
        )


def _warn(work: StepWork, sequence: ImageSequence, records: tuple[FrameRecord, ...]) -> None:
    """What staff should know although nothing is wrong enough to stop."""
    if sequence.strays:
        named = ", ".join(sequence.strays[:5]) + (" …" if len(sequence.strays) > 5 else "")
        work.warn(f"{len(sequence.strays)} files in the delivery are not frames and were left alone: {named}")
    wrong = [r for r in records if r.header.dpx and r.header.dpx.stated_bytes not in (r.bytes, 0, 0xFFFFFFFF)]
    if wrong:
        work.warn(
            f"{len(wrong)} DPX headers state another file size than the file has, the first is {wrong[0].name} "
            f"({wrong[0].header.dpx.stated_bytes if wrong[0].header.dpx else 0} against {wrong[0].bytes} bytes)"
        )


def _encode_parts(work: StepWork, sequence: ImageSequence, fmt: PictureFormat) -> list[Path]:
    """FFV1 parts of the master; those a killed attempt had finished are taken as they are (they are proved later)."""
    from restoration_tasks.media.writer import encode_sequence

    total = len(sequence)
    parts: list[Path] = []
    for start in range(0, total, PART_FRAMES):
        part = work.part(f"{start:08d}.mkv")
        if not part.exists():
            encode_sequence(
                sequence.part(start, start + PART_FRAMES),
                fmt,
                part,
                progress=_offset_progress(work, start, total),
            )
        work.progress(min(start + PART_FRAMES, total), total)
        parts.append(part)
    return parts


def _offset_progress(work: StepWork, start: int, total: int) -> Callable[[int], None]:
    return lambda done: work.progress(start + done, total)


def _prove(work: StepWork, sequence: ImageSequence, records: tuple[FrameRecord, ...], master: Path) -> tuple[str, ...]:
    """Digests of the master's decoded frames, if they are those of the scan.

    For DPX the scan's digests come from our own reader, so that a fault of ffmpeg's DPX decoder would show here.
    """
    from restoration_tasks.media import framemd5

    total = len(records)
    ours = tuple(record.picture_md5 for record in records if record.picture_md5)
    expected = ours if len(ours) == total else framemd5.compute(sequence)
    found = framemd5.compute(master, progress=lambda done: work.progress(done, total, "frames proved"))
    difference = framemd5.compare(expected, found)
    if difference is None:
        return found
    # The parts were made from something else than what was checked; kept, they would spoil every further try as well.
    for start in range(0, total, PART_FRAMES):
        work.part(f"{start:08d}.mkv").unlink(missing_ok=True)
    frame = records[min(difference.frame, total - 1)]
    raise MediaError(
        "the preservation master does not hold this frame as it was scanned",
        file=frame.name,
        frame=frame.frame.number,
        expected=difference.expected,
        found=difference.found,
        action="clear the task to make the master again; if the same frame fails twice, check the disk and memory",
    )


def _scan(
    sequence: ImageSequence, manifest: Manifest | None, records: tuple[FrameRecord, ...], fmt: PictureFormat
) -> Scan:
    from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture

    first = records[0].header
    header: dict[str, JsonValue] | None = None
    if first.dpx is not None:
        header = {name: value for name, value in dataclasses.asdict(first.dpx).items() if name != "stated_bytes"}
    return Scan(
        delivery=sequence.folder.name,
        manifest=manifest.path.name if manifest else None,
        manifest_algorithm=str(manifest.algorithm) if manifest else None,
        picture=ScannedPicture(
            kind=str(first.kind),
            width=fmt.width,
            height=fmt.height,
            bit_depth=fmt.bit_depth,
            pix_fmt=fmt.pix_fmt,
            fps=str(fmt.fps),
            transfer=fmt.transfer,
            primaries=fmt.primaries,
        ),
        header=header,
        strays=sequence.strays,
        files=tuple(
            ScannedFile(name=r.name, number=r.frame.number, bytes=r.bytes, md5=r.md5, sha256=r.sha256) for r in records
        ),
    )


def _report(work: StepWork, fmt: PictureFormat, frames: int) -> None:
    for name, value in (
        ("frames", frames),
        ("width", fmt.width),
        ("height", fmt.height),
        ("fps", str(fmt.fps)),
        ("bit_depth", fmt.bit_depth),
        ("pix_fmt", fmt.pix_fmt),
        ("transfer", fmt.transfer),
    ):
        work.figure(name, value)


STEP = StepDefinition(name=StepName.INGEST, version="1", run=run)
