"""One walk over a delivery: every file with what it is for, and what does not belong there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import DeliveryError

READY_SUFFIX = ".ready"
"""A file of this name, or with this ending, says that the scanner has finished."""
MAXIMUM_DEPTH = 12
"""Folders below the delivery that are looked into: no scanner nests deeper, and a folder mounted into itself would."""
MAXIMUM_FILES = 2_000_000
"""A day of 16 mm at 24 frames a second; more is a wrong folder (a whole storage), not a delivery."""

NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d{1,15})(?P<ending>\.[A-Za-z0-9]+)", re.DOTALL)
"""A frame's file name: what comes before the number, the last number, and the ending."""

_CONTAINERS = frozenset({".mkv", ".mov", ".mp4", ".m4v"})
_SOUND = frozenset({".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc"})
_PAPER = frozenset(
    {
        *(".txt", ".xml", ".json", ".csv", ".tsv", ".pdf", ".log", ".yaml", ".yml", ".md", ".rtf", ".html", ".htm"),
        *(".doc", ".docx", ".odt", ".xls", ".xlsx", ".ods"),
        *(".ale", ".edl", ".aaf", ".flex", ".ftl", ".cdl", ".ccc", ".cc", ".cube", ".lut", ".icc", ".xmp"),
        *(".crc", ".sfv", ".ffmd5", ".framemd5", ".sig", ".asc"),
    }
)
_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "$recycle.bin", "icon\r"})
_LITTER_FOLDERS = frozenset(
    {
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "@eadir", "#recycle"),
        *(".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", ".snapshot"),
    }
)
_SIDE_FOLDERS = frozenset({"proxy", "proxies", "preview", "previews", "thumbs", "thumbnails"})
"""Folders whose pictures are made from the scan and are none of it."""
_DIGEST = "(md5|sha1|sha256|sha512)"
_MANIFEST = re.compile(
    rf"(tag)?manifest-{_DIGEST}\.txt|bagit\.txt|bag-info\.txt|fetch\.txt|reelkeeper-manifest\.json"
    rf"|.+\.{_DIGEST}(\.txt)?|{_DIGEST}sums?(\.txt)?|{_DIGEST}deep\.txt|hashdeep\.txt",
    re.IGNORECASE,
)


class FileRole(StrEnum):
    """What a delivered file is for."""

    FRAME = "frame"
    CONTAINER = "video"
    SOUND = "sound"
    INFRARED = "infrared"
    """A frame of a side sequence that shows dirt, by infrared light or as a matte (`side_names`)."""
    MANIFEST = "manifest"
    MARK = "mark"
    """Says that the scanner has finished."""
    PAPER = "paper"
    """Logs, cue sheets, edit lists: kept with the record, never looked into."""
    LITTER = "litter"
    """What operating systems leave behind; nobody needs to hear of it."""
    STRAY = "stray"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file as the walk found it."""

    name: str
    """Relative to the delivery, with forward slashes."""
    role: FileRole
    bytes: int
    modified_ns: int
    kind: StillKind | None = None
    """The kind of a numbered picture; else None."""
    prefix: str = ""
    """What stands before a frame's number in its file name."""
    number: int = -1
    """A frame's number as its file name has it; -1 for other files."""

    @property
    def folder(self) -> str:
        """The folder it lies in, relative to the delivery; empty for the delivery itself."""
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        """Its name without folders."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Listing:
    """Everything in a delivery, in the order of names."""

    root: Path
    files: tuple[ListedFile, ...]
    empty_folders: tuple[str, ...]
    links: tuple[str, ...]
    """Symbolic links; none is followed."""

    def of(self, *roles: FileRole) -> tuple[ListedFile, ...]:
        """Files of some roles."""
        return tuple(file for file in self.files if file.role in roles)

    def path(self, file: ListedFile) -> Path:
        """Where a file lies."""
        return self.root / file.name


def list_delivery(root: Path, below: str = "") -> Listing:
    """Walk a delivery once; each file is asked for its size and time once.

    Args:
        root: the delivery; names are relative to it.
        below: walk only this folder of it.

    Raises:
        DeliveryError: it is not there, cannot be read, is nested too deep or holds too many files.
    """
    if not (root / below).is_dir():
        raise DeliveryError(
            "the delivery folder is not there",
            file=root / below,
            action="check the reel id and that the storage is mounted",
        )
    files: list[ListedFile] = []
    empty: list[str] = []
    links: list[str] = []
    for folder, entries in _folders(root, below):
        if not entries and folder != below:
            empty.append(folder)
        while entries:
            entry = entries.pop()  # it keeps what it was asked for, more than a kilobyte
            if entry.is_symlink():
                links.append(_joined(folder, entry.name))
            elif entry.is_file():
                files.append(_listed(folder, entry))
        if len(files) > MAXIMUM_FILES:
            raise DeliveryError(
                "the folder holds more files than any delivery",
                file=root,
                expected=f"at most {MAXIMUM_FILES}",
                found=f"more than {MAXIMUM_FILES}",
                action="name the delivery's own folder, not the storage it lies on",
            )
    files.sort(key=lambda file: file.name)
    return Listing(root, tuple(files), tuple(sorted(empty)), tuple(sorted(links)))


def _folders(root: Path, below: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Each folder's relative name and entries, litter folders left out."""
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        if folder.count("/") >= MAXIMUM_DEPTH:
            raise DeliveryError(
                "the delivery's folders are nested too deep",
                file=folder,
                expected=f"at most {MAXIMUM_DEPTH} levels",
                action="check for a folder that holds itself, then deliver again",
            )
        try:
            with os.scandir(root / folder) as found:
                entries = [entry for entry in found if not _is_litter_folder(entry)]
            waiting += [_joined(folder, entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
            yield folder, entries
        except OSError as error:
            raise DeliveryError(
                f"the delivery cannot be read: {error.strerror}",
                file=error.filename or root / folder,
                action="check the storage and the folder's permissions, then start again",
            ) from error


def _is_litter_folder(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower() in _LITTER_FOLDERS and entry.is_dir(follow_symlinks=False)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _listed(folder: str, entry: os.DirEntry[str]) -> ListedFile:
    role, numbered = classify(entry.name)
    status = entry.stat()
    if not _is_text(entry.name):
        return _unreadable(folder, entry.name, role, status)
    if role in (FileRole.FRAME, FileRole.CONTAINER) and is_aside(folder):
        role, numbered = FileRole.STRAY, None
    kind = StillKind.of(entry.name) if numbered else None
    # tens of thousands have the same prefix
    prefix, number = (sys.intern(numbered["prefix"]), int(numbered["number"])) if numbered else ("", -1)
    name = _joined(folder, entry.name)
    return ListedFile(name, role, status.st_size, status.st_mtime_ns, kind, prefix, number)


def is_aside(folder: str) -> bool:
    """Whether a folder, or one above it, holds pictures made from the scan, not the scan."""
    return not _SIDE_FOLDERS.isdisjoint(folder.lower().split("/"))


def _is_text(name: str) -> bool:
    """Whether the storage holds the name in UTF-8; older Windows shares and archives do not."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _unreadable(folder: str, name: str, role: FileRole, status: os.stat_result) -> ListedFile:
    shown = _joined(folder, name).encode("utf-8", "backslashreplace").decode()
    if role in (FileRole.FRAME, FileRole.SOUND, FileRole.CONTAINER):
        raise DeliveryError(
            "the file's name is not UTF-8 text, so no record could name it",
            file=shown,
            action="have the delivery copied again with Unicode file names",
        )
    return ListedFile(shown, FileRole.STRAY, status.st_size, status.st_mtime_ns)


def classify(base: str) -> tuple[FileRole, re.Match[str] | None]:
    """What a file of this name (without folders) is for, and for a frame the parts of its name."""
    if StillKind.of(base) is not None and not base.startswith("."):
        numbered = NUMBERED.fullmatch(base)
        return (FileRole.FRAME, numbered) if numbered else (FileRole.STRAY, None)
    return _role(base), None


def _role(base: str) -> FileRole:
    lower = base.lower()
    ending = PurePosixPath(lower).suffix
    rules = (
        (lower in _LITTER or lower.startswith("._"), FileRole.LITTER),
        (lower.endswith(READY_SUFFIX), FileRole.MARK),
        (lower.startswith("."), FileRole.STRAY),
        (_MANIFEST.fullmatch(lower) is not None, FileRole.MANIFEST),
        (ending in _CONTAINERS, FileRole.CONTAINER),
        (ending in _SOUND, FileRole.SOUND),
        (ending in _PAPER, FileRole.PAPER),
    )
    return next((role for fits, role in rules if fits), FileRole.STRAY)


def folder_findings(
    files: Iterable[ListedFile], empty_folders: Iterable[str], links: Iterable[str]
) -> tuple[Finding, ...]:
    """Empty folders, links and stray files: reported, never fatal."""
    findings = [
        Finding(Grade.NOTE, Rule.EMPTY_FOLDER, "the folder is empty", file=name, action="check that nothing is missing")
        for name in empty_folders
    ]
    findings += [
        Finding(
            Grade.WARN,
            Rule.LINK,
            "a link is not followed",
            file=name,
            action="deliver the file itself if it belongs to the scan",
        )
        for name in links
    ]
    return (*findings, *stray_findings(file for file in files if file.role is FileRole.STRAY))


def stray_findings(
    files: Iterable[ListedFile], message: str = "the file does not belong to the scan and is left alone"
) -> tuple[Finding, ...]:
    """One finding for all stray files of one folder and ending."""
    groups: dict[tuple[str, str], list[ListedFile]] = {}
    for file in files:
        groups.setdefault((file.folder, PurePosixPath(file.base).suffix.lower()), []).append(file)
    return tuple(
        Finding(
            Grade.NOTE,
            Rule.STRAY_FILE,
            message if len(group) == 1 else f"{message} ({len(group) - 1} more of its kind lie beside it)",
            file=group[0].name,
            count=len(group),
            action="check that nothing of the scan is among them",
        )
        for group in groups.values()
    )
