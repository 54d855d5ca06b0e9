"""Which numbered pictures of a delivery show dirt instead of the film: by the words in their folders and names.

Scanners with an infrared lamp write what it shows as a fourth plane of each frame, or as frames of their own: in a
folder beside or inside that of the pictures (`ir/`, `reel_01_infrared/`, `dirtmap/`), or beside each picture under a
name with such a word (`reel_ir_000001.dpx`, `reel_000001_ir.dpx`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from restoration_tasks.media.delivery.listing import (
    NUMBERED,
    FileRole,
    ListedFile,
    Listing,
    is_aside,
    list_delivery,
)
from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.media.stills.still import StillKind

_GAP = r"[\s_.\-]"
_INFRARED = rf"(?:ir|infra{_GAP}?red)"
_DIRT = r"(?:dirt|dust|defects?)"
_TRANSMISSION = rf"{_INFRARED}(?:{_GAP}?(?:pass|channel|frames?|scans?|sequence))?"
_MATTE = rf"(?:{_INFRARED}|{_DIRT}){_GAP}?(?:matte|mask)s?"
_UNSAID = rf"{_DIRT}(?:{_GAP}?(?:maps?|channel))?|{_INFRARED}{_GAP}?maps?"
_WORD = re.compile(
    rf"(?:^|.*{_GAP})(?:(?P<matte>{_MATTE})|(?P<unsaid>{_UNSAID})|(?P<transmission>{_TRANSMISSION}))", re.DOTALL
)
_BEHIND = re.compile(
    rf"(?P<prefix>.*?)(?P<number>\d{{1,15}})(?P<word>{_GAP}+[a-z][a-z\s_.\-]*)(?P<ending>\.[a-z0-9]+)",
    re.DOTALL | re.IGNORECASE,
)
"""A frame's name with the word behind its number."""


class SideWord(StrEnum):
    """What the name of a side sequence says of it."""

    TRANSMISSION = "transmission"
    MATTE = "matte"
    UNSAID = "unsaid"
    """That it shows dirt, but not how: a map may be drawn either way."""

    @property
    def polarity(self) -> Polarity | None:
        """The polarity it states, if it does."""
        return None if self is SideWord.UNSAID else Polarity(self.value)


def side_word(text: str) -> SideWord | None:
    """What a folder's name, or a file's name before its number, says; None where it speaks of no dirt.

    >>> side_word("reel_01_ir"), side_word("Dirt Matte"), side_word("dirtmap"), side_word("film noir")
    (<SideWord.TRANSMISSION: 'transmission'>, <SideWord.MATTE: 'matte'>, <SideWord.UNSAID: 'unsaid'>, None)
    """
    found = _WORD.fullmatch(text.casefold().strip(" _.-"))
    return SideWord(str(found.lastgroup)) if found else None


def word_of(file: ListedFile) -> SideWord | None:
    """What the nearest folder, or else the name, of a frame of a side sequence says."""
    folders = (side_word(part) for part in reversed(file.folder.split("/")))
    return next((word for word in folders if word is not None), None) or side_word(file.prefix) or _behind(file)[1]


def home_of(file: ListedFile) -> str:
    """The folder of a frame of a side sequence, without the folder that names it: where its picture's part lies."""
    return "/".join(part for part in file.folder.split("/") if side_word(part) is None)


def number_of(name: str) -> int | None:
    """A frame's number by its name."""
    found = _numbered(name)
    return int(found["number"]) if found else None


def look_of(name: str) -> tuple[str, str]:
    """Folder and prefix of a frame's name: what the frames of one sequence in one folder have in common."""
    folder, _, base = name.rpartition("/")
    found = _numbered(name)
    return folder, found["prefix"].casefold() if found else base.casefold()


def _numbered(name: str) -> re.Match[str] | None:
    base = name.rpartition("/")[2]
    return NUMBERED.fullmatch(base) or _BEHIND.fullmatch(base)


def list_by_role(root: Path, below: str = "") -> Listing:
    """`list_delivery`, with the frames of side sequences told apart from those of the film."""
    found = list_delivery(root, below)
    return replace(found, files=with_side_frames(found.files))


def with_side_frames(files: Sequence[ListedFile]) -> tuple[ListedFile, ...]:
    """The files of a delivery with frames that show dirt told apart from those that show the film.

    A word in the one folder that holds everything says nothing, and neither do names that would leave no picture: a
    film may be called *Dust*.
    """
    pictures = {file for file in files if file.role in (FileRole.FRAME, FileRole.CONTAINER)}
    if not pictures:
        return tuple(files)
    common = os.path.commonpath([f"/{file.folder}" for file in pictures]).strip("/")
    marked = {file: file for file in pictures if file.role is FileRole.FRAME and _in_side_folder(file, common)}
    by_prefix = {
        file for file in pictures - marked.keys() if file.role is FileRole.FRAME and side_word(file.prefix) is not None
    }
    if pictures - marked.keys() - by_prefix:
        marked |= {file: file for file in by_prefix}
    for file in files:
        if file.role is FileRole.STRAY and not is_aside(file.folder) and (behind := _behind(file))[1] is not None:
            marked[file] = behind[0]
    side = {file: replace(numbered, role=FileRole.INFRARED) for file, numbered in marked.items()}
    return tuple(side.get(file, file) for file in files)


def _in_side_folder(file: ListedFile, common: str) -> bool:
    below = file.folder[len(common) :].strip("/")
    return any(side_word(part) is not None for part in below.split("/"))


def _behind(file: ListedFile) -> tuple[ListedFile, SideWord | None]:
    """A file whose name has the word behind its number, with that number; and the word."""
    found = _BEHIND.fullmatch(file.base) if StillKind.of(file.base) else None
    word = side_word(found["word"]) if found else None
    if found is None or word is None:
        return file, None
    numbered = replace(file, kind=StillKind.of(file.base), prefix=found["prefix"], number=int(found["number"]))
    return numbered, word
