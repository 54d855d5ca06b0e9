"""The frames of a reel in order: where each lies, what number it has, and which of them stand in for others."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from restoration_tasks.media.delivery.findings import SubstituteReason
from restoration_tasks.media.delivery.listing import NUMBERED, FileRole, ListedFile
from restoration_tasks.media.delivery.reels import Numbering, find_reels, numbering
from restoration_tasks.media.delivery.side_names import list_by_role
from restoration_tasks.media.stills.still import StillHeader, StillKind, read_still
from restoration_tasks.runtime.errors import DeliveryError

FETCH = "copy this file from the scanner again"
"""What to do about a frame that did not arrive whole."""


@dataclass(frozen=True, slots=True)
class SequenceFrame:
    """One place of the reel and the file whose picture is shown there."""

    index: int
    """0-based place in the reel."""
    number: int
    """The scan's own number, from the file name; of a missing frame the number it would have."""
    folder: Path
    """Shared by the frames of a sequence: a path of its own for each takes half of what all else of it takes."""
    file: str
    """The file whose picture is taken, by its name in the folder: the frame's own, or that which stands in."""
    bytes: int
    """Size at the time it was listed."""
    modified_ns: int
    """Modification time at the time it was listed."""
    part: str = ""
    """The folder it lies in, where numbers start anew in each part; else empty."""
    stands_in: SubstituteReason | None = None
    """Why another frame's file stands here; None for a frame of its own."""
    name: str = ""
    """The name its own file has, or should have had, relative to the delivery."""

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.folder / self.file


@dataclass(frozen=True)
class Absence:
    """Frames that should be there and are not: a run of numbers in one place of the reel."""

    before: int
    """Index of the frame they should come before; the sequence's length for the tail."""
    number: int
    """The first missing number."""
    count: int
    part: str = ""

    @property
    def last(self) -> int:
        """The last missing number."""
        return self.number + self.count - 1


@dataclass(frozen=True)
class ImageSequence:
    """Frames of one kind in the order of the reel."""

    folder: Path
    """The delivery folder (frames may lie in folders below it)."""
    kind: StillKind
    frames: tuple[SequenceFrame, ...]
    strays: tuple[str, ...] = ()
    """Files of the delivery that are neither frames nor sidecars; reported, never fatal."""
    restarts: bool = False
    """Whether numbers start anew in each part."""

    def __len__(self) -> int:
        """Frames."""
        return len(self.frames)

    @property
    def frames_folder(self) -> Path:
        """The folder that all frame files lie in or below."""
        folders = sorted({frame.path.parent for frame in self.frames})
        return Path(os.path.commonpath(folders))

    def relative_name(self, frame: SequenceFrame) -> str:
        """Name of the file used for a frame as a manifest of the delivery writes it."""
        return frame.file if frame.folder is self.folder else frame.path.relative_to(self.folder).as_posix()

    def part(self, start: int, stop: int) -> ImageSequence:
        """The frames `start ≤ index < stop`."""
        return replace(self, frames=self.frames[start:stop])

    def header(self) -> StillHeader:
        """Header of the first frame.

        Raises:
            DeliveryError: it is damaged or not readable.
        """
        return read_still(self.frames[0].path)

    def gaps(self) -> tuple[Absence, ...]:
        """Numbers missing between neighbours; where numbers start anew, within each part."""
        return tuple(
            Absence(after.index, before.number + 1, after.number - before.number - 1, after.part)
            for before, after in pairwise(self.frames)
            if before.part == after.part and after.number > before.number + 1
        )

    def with_substitutes(self, absent: Iterable[Absence] = (), damaged: Collection[int] = ()) -> ImageSequence:
        """The sequence with every missing and damaged frame represented by its nearest good neighbour.

        Of two neighbours equally near the earlier one is taken. Places are counted anew.

        Args:
            absent: runs of missing frames.
            damaged: indexes of frames whose own file cannot be used.

        Raises:
            DeliveryError: no good frame is left, or more frames are missing than there are.
        """
        gaps = sorted(absent, key=lambda gap: gap.before)
        good = [frame for frame in self.frames if frame.index not in damaged]
        lost = sum(gap.count for gap in gaps)
        if not good or lost > len(self.frames):
            raise DeliveryError(
                "too many frames are missing or damaged to stand in for",
                file=self.folder,
                expected="at least half of the frames",
                found=f"{len(good)} good frames, {lost} missing",
                action="have the reel scanned again",
            )
        places: list[tuple[SequenceFrame, SubstituteReason | None]] = []
        for frame in self.frames:
            while gaps and gaps[0].before <= frame.index:
                places += self._missing(gaps.pop(0))
            places.append((frame, "damaged" if frame.index in damaged else None))
        for gap in gaps:
            places += self._missing(gap)
        return replace(self, frames=_filled(places))

    def _missing(self, gap: Absence) -> list[tuple[SequenceFrame, SubstituteReason | None]]:
        """Places of missing frames, named as their neighbour of the same part is."""
        beside = self.frames[max(0, gap.before - 1) : gap.before + 1]
        neighbour = next((frame for frame in beside if frame.part == gap.part), beside[0])
        return [
            (replace(neighbour, number=number, part=gap.part, name=name_like(neighbour.name, number)), "missing")
            for number in range(gap.number, gap.number + gap.count)
        ]


def _filled(places: Sequence[tuple[SequenceFrame, SubstituteReason | None]]) -> tuple[SequenceFrame, ...]:
    """Every place with a file: its own, or the nearest good one's."""
    nearest: list[int] = []
    last_good: int | None = None
    for place, (_, reason) in enumerate(places):
        last_good = place if reason is None else last_good
        nearest.append(-1 if last_good is None else last_good)
    next_good: int | None = None
    for place in range(len(places) - 1, -1, -1):
        next_good = place if places[place][1] is None else next_good
        if next_good is not None and (nearest[place] < 0 or next_good - place < place - nearest[place]):
            nearest[place] = next_good
    frames = []
    for place, ((frame, reason), source) in enumerate(zip(places, nearest, strict=True)):
        used = places[source][0]
        frames.append(
            replace(
                frame,
                index=place,
                folder=used.folder,
                file=used.file,
                bytes=used.bytes,
                modified_ns=used.modified_ns,
                stands_in=reason,
            )
        )
    return tuple(frames)


def name_like(name: str, number: int) -> str:
    """The name of a frame's file with another number, its zeros in front kept."""
    folder, slash, base = name.rpartition("/")
    found = NUMBERED.fullmatch(base)
    if found is None:
        return name
    return f"{folder}{slash}{found['prefix']}{number:0{len(found['number'])}d}{found['ending']}"


def sequence_of(root: Path, found: Numbering, strays: tuple[str, ...] = ()) -> ImageSequence:
    """The sequence that frames put in order make.

    Args:
        root: the delivery.
        found: its frames, at least one.
        strays: files of the delivery that are neither frames nor sidecars.
    """
    frames = [(file, file.folder if found.restarts else "") for run in found.runs for file in run]
    kind = frames[0][0].kind
    assert kind is not None
    return ImageSequence(
        root,
        kind,
        tuple(
            SequenceFrame(index, file.number, root, file.name, file.bytes, file.modified_ns, part, None, file.name)
            for index, (file, part) in enumerate(frames)
        ),
        strays,
        found.restarts,
    )


def find_sequence(folder: Path) -> ImageSequence:
    """The one sequence in a folder and the folders below it, without a fault that its names and sizes show.

    This is for pictures that are nobody's delivery; a delivery is found by `find_delivery`, which collects its faults.

    Raises:
        DeliveryError: no folder, no frames, several reels or sequences, one number twice, an empty file, or a gap.
    """
    listing = list_by_role(folder)
    reels = find_reels(listing)
    if len(reels) > 1:
        raise DeliveryError(
            "the folder holds several reels",
            file=folder,
            expected="one sequence",
            found=", ".join(str(reel.name) for reel in reels),
            action="name the folder of one reel",
        )
    frames = [file for file in reels[0].files if file.role is FileRole.FRAME]
    if not frames:
        raise DeliveryError(
            "there are no frames here",
            file=folder,
            expected="numbered DPX, TIFF, EXR or PNG files",
            found="a video file",
            action="name the video file itself",
        )
    found = numbering(folder, frames)
    for first, second in found.duplicates:
        raise duplicate_number(first, second)
    strays = (*found.strays, *listing.of(FileRole.STRAY))
    sequence = sequence_of(folder, found, tuple(sorted(file.name for file in strays)))
    _require_whole(sequence)
    return sequence


def duplicate_number(first: ListedFile, second: ListedFile) -> DeliveryError:
    """The error for two files of one number."""
    return DeliveryError(
        "two files have the same frame number",
        file=second.name,
        frame=second.number,
        expected="each number once",
        found=first.name,
        action="remove the one that does not belong to the scan",
    )


def _require_whole(sequence: ImageSequence) -> None:
    empty = next((frame for frame in sequence.frames if frame.bytes == 0), None)
    if empty is not None:
        raise DeliveryError("the frame is empty", file=empty.name, frame=empty.number, action=FETCH)
    gaps = sequence.gaps()
    if gaps:
        count = sum(gap.count for gap in gaps)
        more = f" ({count} frames are missing in all)" if count > 1 else ""
        raise DeliveryError(
            f"the sequence has a gap{more}",
            file=name_like(sequence.frames[gaps[0].before].name, gaps[0].number),
            expected=f"{len(sequence) + count} frames",
            found=f"{len(sequence)} frames in {sequence.folder.name}",
            action="have the scanner deliver the missing frames, then start again",
        )
