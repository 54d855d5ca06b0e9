"""The picture of a delivery as FFV1 parts of the master, and the proof that they hold exactly what was delivered."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.media.picture import Frame, PictureFormat, half_codes
from restoration_tasks.media.stills.float_coding import FloatCoding
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from restoration_tasks.runtime.space import Need, require_space

if TYPE_CHECKING:
    from restoration_tasks.media.container import ContainerInfo
    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FrameRecord
    from restoration_tasks.media.delivery.sequence import ImageSequence
    from restoration_tasks.media.digests import PackedDigests
    from restoration_tasks.runtime.step import StepWork
    from restoration_tasks.steps.ingest.keeping import Keeping

PART_FRAMES = 96
"""Frames a resumable part holds: four seconds, about a minute's work at 2K, so that a kill loses little."""
SAMPLE_FRAMES = 24
"""Frames tried out before the long encode starts: a second of the reel, taken from all over it."""
_MARGIN = 1.15
"""How much larger than its sample says a master may turn out: grain differs from shot to shot by less."""


class Picture(ABC):
    """The picture of the reel on its way into the master."""

    format: PictureFormat
    tags: dict[str, str]
    timecode: str | None
    """Of the first frame, where the scanner wrote it."""
    kind: str
    """What was delivered: `dpx`, `tiff`, `exr`, `png`, or a container's codec."""

    @property
    @abstractmethod
    def frames(self) -> int:
        """Frames of the reel."""

    @abstractmethod
    def encode(self) -> None:
        """Make what is missing of the parts."""

    @property
    @abstractmethod
    def parts(self) -> Sequence[Path]:
        """FFV1 files, in order."""

    @abstractmethod
    def prove(self, master: Path) -> PackedDigests:
        """Digests of the master's decoded frames, if they are exactly what was delivered.

        Raises:
            MediaError: a frame differs; the parts are removed, or they would spoil every further try as well.
        """


def take(work: StepWork, delivery: Delivery, checked: CheckedDelivery, fps: Fraction, keeping: Keeping) -> Picture:
    """The checked picture of a delivery, its parts encoded.

    Args:
        work: the step at work.
        delivery: as it was found.
        checked: what its check found.
        fps: frames a second where nothing in the delivery says.
        keeping: knows the range of floating-point pictures.

    Raises:
        MediaError: the sample does not come back as it was, or ffmpeg fails.
        DeliveryError: a delivered video is damaged or its frame rate changes.
        VaultError: there is not enough room.
    """
    picture: Picture
    if checked.sequence is None:
        assert delivery.container is not None
        picture = ContainerPicture(work, delivery.container)
    else:
        picture = SequencePicture(work, checked.sequence, checked.records, fps, keeping.coding)
    picture.encode()
    return picture


@dataclass
class SequencePicture(Picture):
    """Frame files."""

    work: StepWork
    sequence: ImageSequence
    records: tuple[FrameRecord, ...]
    fps: Fraction
    coding: FloatCoding | None
    """How floating-point pictures became codes."""
    name: str = ""
    """What its parts' names begin with; empty for the picture of the reel."""

    def __post_init__(self) -> None:
        from restoration_tasks.media.reader import sequence_format

        header = self.records[0].header
        self.format = sequence_format(header, None if header.fps else self.fps)
        self.kind = header.kind.value
        self.timecode = self.records[0].counters.timecode
        self.tags = {}
        if self.coding is not None:
            self.format = replace(self.format, transfer=half_codes(self.coding.low, self.coding.high))
            self.tags = {
                "DESCRIPTION": "FFV1 working copy; the delivered EXR files are the preservation master",
                "ORIGINAL_MEDIA_TYPE": "image/x-exr",
                "FLOAT_CODING": self.coding.as_json(),
            }
        stood_in = [str(record.frame.number) for record in self.records if record.frame.stands_in]
        if stood_in:
            self.tags["SUBSTITUTED_FRAMES"] = " ".join(stood_in)

    @property
    def frames(self) -> int:
        """Frames of the reel."""
        return len(self.records)

    @property
    def parts(self) -> tuple[Path, ...]:
        """FFV1 files, in order."""
        return tuple(self.work.part(f"{self.name}{start:08d}.mkv") for start in range(0, self.frames, PART_FRAMES))

    def encode(self) -> None:
        """Try a sample, ask for room, and encode what a killed attempt had not finished."""
        if not any(part.exists() for part in self.parts):
            self._try_out()
        for start, part in zip(range(0, self.frames, PART_FRAMES), self.parts, strict=True):
            if not part.exists():
                self._encode(self.sequence.part(start, start + PART_FRAMES), part, self._offset_progress(start))
            self.work.progress(min(start + PART_FRAMES, self.frames), self.frames)

    def _encode(self, sequence: ImageSequence, part: Path, progress: Callable[[int], None] | None) -> None:
        from restoration_tasks.media.reader import FrameReader
        from restoration_tasks.media.writer import encode_frames, encode_sequence

        if self.coding is None:
            encode_sequence(sequence, self.format, part, progress=progress)
        else:
            encode_frames(_stretched(FrameReader(sequence), self.coding), self.format, part, progress=progress)

    def _offset_progress(self, start: int) -> Callable[[int], None]:
        return lambda done: self.work.progress(start + done, self.frames)

    def _try_out(self) -> None:
        """Round-trip frames from all over the reel, and ask for the room that the whole reel will take."""
        count = min(SAMPLE_FRAMES, self.frames)
        places = sorted({place * (self.frames - 1) // max(count - 1, 1) for place in range(count)})
        sample = replace(self.sequence, frames=tuple(self.sequence.frames[place] for place in places))
        tried = self.work.part(f"{self.name}sample.mkv")
        try:
            self._encode(sample, tried, None)
            self._require_same(tried, [self.records[place] for place in places])
            need = int(tried.stat().st_size / len(places) * self.frames * _MARGIN)
        finally:
            tried.unlink(missing_ok=True)
        ask_for_room(self.work, need)

    def prove(self, master: Path) -> PackedDigests:
        """Digests of the master's decoded frames, if they are those of the delivered files.

        The files' own digests come from our readers, the master's from ffmpeg, so that a fault of either shows.
        """
        progress = self.work.progress
        try:
            return self._require_same(master, self.records, lambda done: progress(done, self.frames, "frames proved"))
        except MediaError:
            for part in self.parts:
                part.unlink(missing_ok=True)
            raise

    def _require_same(
        self, video: Path, records: Sequence[FrameRecord], progress: Callable[[int], None] | None = None
    ) -> PackedDigests:
        from restoration_tasks.media import framemd5
        from restoration_tasks.media.digests import PackedDigests

        expected = tuple(record.picture_md5 or "" for record in records)
        found = framemd5.compute(video, progress=progress)
        held = found if self.coding is None else PackedDigests(_unstretched_md5s(video, self.coding))
        difference = framemd5.compare(expected, held)
        if difference is None:
            return found
        frame = records[min(difference.frame, len(records) - 1)]
        raise MediaError(
            "the preservation master does not hold this frame as it was scanned",
            file=frame.name,
            frame=frame.frame.number,
            expected=difference.expected,
            found=difference.found,
            action="clear the task to make the master again; if the same frame fails twice, check the disk and memory",
        )


@dataclass
class ContainerPicture(Picture):
    """A delivered video: kept as it is, with an FFV1 working copy."""

    work: StepWork
    path: Path

    def __post_init__(self) -> None:
        from restoration_tasks.media.working_copy import working_copy_tags

        self.format, self.timecode = self.info.format, self.info.timecode
        self.tags, self.kind = working_copy_tags(self.info), self.info.codec

    @cached_property
    def info(self) -> ContainerInfo:
        """The container."""
        from restoration_tasks.media.container import inspect

        return inspect(self.path)

    @cached_property
    def digests(self) -> PackedDigests:
        """framemd5 of the container."""
        from restoration_tasks.media.working_copy import frame_digests

        total = self.info.stated_frames or 0
        return frame_digests(
            self.path,
            self.info,
            progress=lambda done: self.work.progress(done, max(total, done), "frames checked"),
        )

    @property
    def frames(self) -> int:
        """Frames of the reel."""
        return len(self.digests)

    def encode(self) -> None:
        """Write the working copy's parts; every frame is compared with its digest on the way."""
        if self.info.interlaced:
            self.work.warn(f"{self.path.name} is interlaced: its frames are made of two fields, which no film scan is")
        # half of what uncompressed would take: what FFV1 comes to at most on film
        ask_for_room(self.work, self.format.frame_bytes * self.frames // 2)
        assert self.parts

    @cached_property
    def parts(self) -> tuple[Path, ...]:
        """FFV1 files, in order."""
        from restoration_tasks.media.working_copy import working_copy

        return working_copy(
            self.path,
            self.info,
            self.digests,
            lambda start: self.work.part(f"{start:08d}.mkv"),
            part_frames=PART_FRAMES,
            progress=lambda done: self.work.progress(done, self.frames),
        )

    def prove(self, master: Path) -> PackedDigests:
        """Digests of the working copy's frames, if they are those of the container."""
        from restoration_tasks.media import framemd5

        progress = self.work.progress
        found = framemd5.compute(master, progress=lambda done: progress(done, self.frames, "frames proved"))
        difference = framemd5.compare(self.digests, found)
        if difference is None:
            return found
        for part in self.parts:
            part.unlink(missing_ok=True)
        raise MediaError(
            "the working copy does not hold this frame as it was delivered",
            file=self.path.name,
            frame=difference.frame,
            expected=difference.expected,
            found=difference.found,
            action="clear the task to make the copy again; if the same frame fails twice, check the disk and memory",
        )


def ask_for_room(work: StepWork, master_bytes: int) -> None:
    """Refuse to begin what the disks cannot hold: parts and the joined master in the scratch, then the vault's copy.

    Raises:
        VaultError: there is not enough room.
    """
    _require(work, 2 * master_bytes, master_bytes, "the master")


def ask_for_kept_files(work: StepWork, delivery: Delivery) -> None:
    """Refuse to begin where the files that are kept as delivered (`keeping`) have no room.

    Raises:
        VaultError: there is not enough room.
    """
    kept = delivery.container.stat().st_size if delivery.container else 0
    for sequence in (delivery.sequence, delivery.infrared.sequence if delivery.infrared else None):
        with contextlib.suppress(DeliveryError):  # a first frame that cannot be read is found, and told, later
            if sequence is not None and not sequence.header().rebuilds:
                kept += sum(frame.bytes for frame in sequence.frames)
    if kept:
        _require(work, kept, kept, "the files kept as delivered")


def _require(work: StepWork, scratch_bytes: int, vault_bytes: int, what: str) -> None:
    from restoration_tasks.runtime.vault import Vault

    needs = [Need(work.folder, scratch_bytes, what)]
    vault = Vault(work.spec.vault).local_path(f"vault:reels/{work.reel_id}")
    if vault is not None and not _one_disk(work.folder, vault):
        needs.append(Need(vault, vault_bytes, f"{what} in the vault"))
    require_space(needs)


def _one_disk(one: Path, other: Path) -> bool:
    devices = {next(p for p in (path, *path.parents) if p.exists()).stat().st_dev for path in (one, other)}
    return len(devices) == 1


def _stretched(frames: Iterable[Frame], coding: FloatCoding) -> Iterator[Frame]:
    for frame in frames:
        yield tuple(coding.stretch(plane) for plane in frame)


def _unstretched_md5s(video: Path, coding: FloatCoding) -> Iterator[str]:
    """Digests of the ordered codes that a master's stretched codes stand for."""
    from restoration_tasks.media.picture import frame_md5
    from restoration_tasks.media.reader import FrameReader

    for frame in FrameReader(video):
        yield frame_md5(tuple(coding.unstretch(plane) for plane in frame))
