"""Find the frames of a scanned sequence in a delivery folder: their numbers, gaps, strays and completion mark."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from restoration_tasks.media.delivery.manifest import Manifest, find_manifest
from restoration_tasks.media.stills.still import StillHeader, StillKind, read_still
from restoration_tasks.runtime.errors import DeliveryError

READY_SUFFIX = ".ready"
"""A file of this name, or with this ending, says that the scanner has finished."""
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d{1,15})(?P<ending>\.[A-Za-z]+)", re.DOTALL)
_OUR_KIND_OF_SIDECAR = {".md5", ".sha256", ".txt", ".ready", ".xml", ".json", ".csv"}


@dataclass(frozen=True)
class SequenceFrame:
    """One frame file."""

    index: int
    """0-based place in the reel."""
    number: int
    """The scan's own number, from the file name."""
    path: Path
    bytes: int
    """Size at the time it was listed."""
    modified_ns: int
    """Modification time at the time it was listed."""


@dataclass(frozen=True)
class ImageSequence:
    """A gapless sequence of frame files of one kind."""

    folder: Path
    """The delivery folder (frames may lie in one folder below it)."""
    kind: StillKind
    frames: tuple[SequenceFrame, ...]
    strays: tuple[str, ...]
    """Files of the delivery that are neither frames nor sidecars; reported, never fatal."""

    def __len__(self) -> int:
        """Frames."""
        return len(self.frames)

    @property
    def frames_folder(self) -> Path:
        """The folder the frame files lie in."""
        return self.frames[0].path.parent

    def relative_name(self, frame: SequenceFrame) -> str:
        """Frame's name as a manifest of the delivery writes it."""
        return frame.path.relative_to(self.folder).as_posix()

    def part(self, start: int, stop: int) -> ImageSequence:
        """The frames `start ≤ index < stop`."""
        return ImageSequence(self.folder, self.kind, self.frames[start:stop], self.strays)

    def header(self) -> StillHeader:
        """Header of the first frame.

        Raises:
            DeliveryError: it is damaged or not readable.
        """
        return read_still(self.frames[0].path)


def find_sequence(folder: Path) -> ImageSequence:
    """The sequence in a folder, or in the one folder below it that holds frames.

    Raises:
        DeliveryError: no folder, no frames, two sequences, one number twice, an empty file, or a gap.
    """
    if not folder.is_dir():
        raise DeliveryError(
            "the delivery folder is not there", file=folder, action="check the reel id and that the storage is mounted"
        )
    listing = _list_frames(folder)
    if not listing.groups:
        below = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
        holding = [(path, inner) for path in below if (inner := _list_frames(path)).groups]
        if len(holding) != 1:
            raise DeliveryError(
                "there are no frames here" if not holding else "several folders hold frames",
                file=folder,
                expected="one folder with numbered DPX, TIFF or PNG files",
                found=", ".join(path.name for path, _ in holding) or "none",
                action="check what the scanner delivered",
            )
        inner = holding[0][1]
        listing = _Listing(inner.groups, listing.strays + inner.strays)
    return _choose(folder, listing)


@dataclass(frozen=True)
class _Listing:
    groups: dict[tuple[str, StillKind], list[tuple[int, os.DirEntry[str]]]]
    strays: list[str]


def _list_frames(folder: Path) -> _Listing:
    groups: dict[tuple[str, StillKind], list[tuple[int, os.DirEntry[str]]]] = defaultdict(list)
    strays: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_file():
                continue
            found = _NUMBERED.fullmatch(entry.name)
            kind = StillKind.of(entry.name)
            if found and kind and not entry.name.startswith("."):
                groups[found["prefix"], kind].append((int(found["number"]), entry))
            elif not _is_sidecar(entry.name):
                strays.append(entry.name)
    return _Listing(dict(groups), strays)


def _is_sidecar(name: str) -> bool:
    return Path(name).suffix.lower() in _OUR_KIND_OF_SIDECAR or name == READY_SUFFIX


def _choose(folder: Path, listing: _Listing) -> ImageSequence:
    """The sequence with the most frames; a lone picture beside it is a stray, a second sequence is an error."""
    ranked = sorted(listing.groups.items(), key=lambda item: (-len(item[1]), item[0]))
    (prefix, kind), numbered = ranked[0]
    others = ranked[1:]
    if others and (len(others[0][1]) > 1 or len(numbered) == 1):
        raise DeliveryError(
            "the folder holds more than one sequence",
            file=folder,
            expected="one sequence",
            found=", ".join(f"{group[0]}*.{group[1]} ({len(files)} frames)" for group, files in ranked[:4]),
            action="deliver each reel in a folder of its own",
        )
    strays = sorted(listing.strays + [entry.name for _, files in others for _, entry in files])
    numbered.sort(key=lambda item: (item[0], item[1].name))
    _require_gapless(folder, prefix, numbered)
    frames: list[SequenceFrame] = []
    for index, (number, entry) in enumerate(numbered):
        status = entry.stat()
        if status.st_size == 0:
            raise DeliveryError(
                "the frame is empty", file=entry.name, frame=number, action="copy this file from the scanner again"
            )
        frames.append(SequenceFrame(index, number, Path(entry.path), status.st_size, status.st_mtime_ns))
    return ImageSequence(folder, kind, tuple(frames), tuple(strays))


def _require_gapless(folder: Path, prefix: str, numbered: list[tuple[int, os.DirEntry[str]]]) -> None:
    missing: list[str] = []
    count = 0
    for (number, entry), (following, next_entry) in pairwise(numbered):
        if following == number:
            raise DeliveryError(
                "two files have the same frame number",
                file=next_entry.name,
                frame=number,
                expected="each number once",
                found=entry.name,
                action="remove the one that does not belong to the scan",
            )
        if following > number + 1:
            found = _NUMBERED.fullmatch(entry.name)
            assert found is not None
            missing.append(f"{prefix}{number + 1:0{len(found['number'])}d}{found['ending']}")
            count += following - number - 1
    if missing:
        more = f" ({count} frames are missing in all)" if count > 1 else ""
        raise DeliveryError(
            f"the sequence has a gap{more}",
            file=missing[0],
            expected=f"{len(numbered) + count} frames",
            found=f"{len(numbered)} frames in {folder.name}",
            action="have the scanner deliver the missing frames, then start again",
        )


def is_complete(folder: Path, sequence: ImageSequence, manifest: Manifest | None) -> bool:
    """Whether the scanner has finished: a `.ready` file is there, or every file of the manifest is."""
    if (folder / READY_SUFFIX).exists() or any(folder.glob(f"*{READY_SUFFIX}")):
        return True
    # An inbox may keep the mark beside the folder: `reel7/` and `reel7.ready`.
    if folder.with_name(folder.name + READY_SUFFIX).exists():
        return True
    if manifest is None:
        return False
    frames = {sequence.relative_name(frame) for frame in sequence.frames}
    return frames <= set(manifest.digests) and all((folder / name).is_file() for name in manifest.digests)


def require_complete(folder: Path, sequence: ImageSequence, manifest: Manifest | None) -> None:
    """Refuse a delivery the scanner has not finished, and a manifest that does not name exactly the frames.

    Raises:
        DeliveryError: no completion mark, a frame the manifest does not name, or a named file that is not there.
    """
    if manifest is not None:
        require_listed(folder, sequence, manifest)
    if not is_complete(folder, sequence, manifest):
        raise DeliveryError(
            "the delivery has no completion mark",
            file=folder,
            expected=f"a {READY_SUFFIX} file or a complete manifest",
            found="neither",
            action=f"wait for the scanner to finish, then put an empty file named {READY_SUFFIX} into the folder",
        )


def require_listed(folder: Path, sequence: ImageSequence, manifest: Manifest) -> None:
    """Refuse a delivery whose manifest and frames do not name the same files.

    Raises:
        DeliveryError: a named file is not there, or a frame is not named.
    """
    for name in sorted(manifest.digests):
        if not (folder / name).is_file():
            raise DeliveryError(
                "the manifest names a file that is not there",
                file=name,
                action="have the scanner deliver this file, then start again",
            )
    for frame in sequence.frames:
        if sequence.relative_name(frame) not in manifest.digests:
            raise DeliveryError(
                "the manifest does not name this frame",
                file=frame.path.name,
                frame=frame.number,
                action=f"have the scanner write {manifest.path.name} again",
            )


def delivery_digest(folder: Path) -> tuple[str, int]:
    """What a delivery is, for a signature: `(sha256, frame count)`, without reading a pixel.

    With a manifest: digest of what the manifest says. Without: digest of names, sizes and modification times.

    Raises:
        DeliveryError: no frames, a gap, a manifest that cannot be read or does not name the frames.
    """
    sequence = find_sequence(folder)
    manifest = find_manifest(folder)
    if manifest is not None:
        require_listed(folder, sequence, manifest)
        return manifest.sha256, len(sequence)
    lines = [f"{sequence.relative_name(f)}\t{f.bytes}\t{f.modified_ns}\n" for f in sequence.frames]
    return hashlib.sha256("".join(lines).encode()).hexdigest(), len(sequence)
