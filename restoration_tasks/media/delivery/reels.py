"""Which reels and parts a delivery holds: by the names of folders and files, and by how their numbers run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

from restoration_tasks.media.delivery.listing import NUMBERED, FileRole, ListedFile, Listing
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import DeliveryError

_WORDS = "reel|roll|rolle|rol|rulle|rulla|rollo|rotolo|bobine|bobina|spool|spule|akt|acte"
_REEL = re.compile(
    rf"(?<![a-z0-9])(?:(?:{_WORDS})(?:[\s_.\-#]*(?:nr|no)?[\s_.\-#]*(?P<number>\d{{1,4}})|[\s_.\-]+(?P<roman>[ivxl]+))"
    r"|rl?[\s_.\-]?(?P<short>\d{1,3}))(?![a-z0-9])"
)
"""A reel's name as archives and laboratories write it: `reel 01`, `Reel_2`, `r03`, `Rolle IV`, `bobine nr 2`."""
_ROMAN = re.compile(r"(?=[ivxl])(xl|l?x{0,3})(ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50}
_SEPARATORS = re.compile(r"[\s_.\-/]+")


@dataclass(frozen=True)
class ReelName:
    """A reel's name found in the name of a folder or file."""

    text: str
    """As it is written there."""
    number: int


@dataclass(frozen=True)
class FoundReel:
    """The files of one reel."""

    name: str | None
    """As its folder or its files write it; None where the delivery is one reel without a name of its own."""
    number: int | None
    folder: str
    """The folder that holds it, relative to the delivery."""
    files: tuple[ListedFile, ...]
    """Its frames, videos, sound and papers."""


@dataclass(frozen=True)
class Numbering:
    """How the frames of a reel follow each other."""

    runs: tuple[tuple[ListedFile, ...], ...]
    """Frames in the order of the reel, each number once in its run: one run, or where numbers start anew one a part."""
    duplicates: tuple[tuple[ListedFile, ListedFile], ...] = ()
    """Pairs of files that claim one number: the one taken first."""
    strays: tuple[ListedFile, ...] = ()
    """Lone numbered pictures beside the sequence."""

    @property
    def restarts(self) -> bool:
        """Whether numbers start anew in each part, so that a number alone does not name a frame."""
        return len(self.runs) > 1


def reel_name(text: str) -> ReelName | None:
    """The reel that a folder's or file's name speaks of, if it does."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = _REEL.search(folded)
    if found is None:
        return None
    if found["roman"]:
        number = roman_number(found["roman"])
        return None if number is None else ReelName(text, number)
    return ReelName(text, int(found["number"] or found["short"]))


def roman_number(text: str) -> int | None:
    """Value of a lower-case Roman numeral up to 89, or None."""
    if not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[letter] for letter in text]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def find_reels(listing: Listing) -> tuple[FoundReel, ...]:
    """The reels of a delivery, in the order of their numbers; at least one.

    Raises:
        DeliveryError: nothing to restore, or a sequence that belongs to no reel beside others that do.
    """
    pictures = listing.of(FileRole.FRAME, FileRole.CONTAINER)
    if not pictures:
        raise _nothing(listing.root)
    by_folder = {file: place for file in pictures if (place := _reel_folder(file.folder)) is not None}
    if by_folder:
        return _reels_of_folders(listing, pictures, by_folder)
    by_prefix = {file: name for file in pictures if (name := reel_name(_stem(file))) is not None}
    if len({name.number for name in by_prefix.values()}) > 1:
        return _reels_of_prefixes(listing, pictures, by_prefix)
    return (FoundReel(None, None, "", listing.files),)


def _nothing(root: Path) -> DeliveryError:
    return DeliveryError(
        "there are no frames here",
        file=root,
        expected="numbered DPX, TIFF, EXR or PNG files, or a MKV, MOV or MP4 file",
        found="none",
        action="check what the scanner delivered",
    )


def _stem(file: ListedFile) -> str:
    """What may speak of a reel in a file's own name: for a frame only what comes before its number."""
    return file.prefix if file.role is FileRole.FRAME else file.base.rpartition(".")[0]


def _reel_folder(folder: str) -> tuple[str, ReelName] | None:
    """The first folder on the way that is named like a reel, with its path."""
    parts = folder.split("/") if folder else []
    for depth, part in enumerate(parts, 1):
        if name := reel_name(part):
            return "/".join(parts[:depth]), name
    return None


def _reels_of_folders(
    listing: Listing, pictures: Sequence[ListedFile], placed: dict[ListedFile, tuple[str, ReelName]]
) -> tuple[FoundReel, ...]:
    _require_all_placed(listing, pictures, placed)
    homes: dict[str, ReelName] = dict(placed.values())
    for (folder, name), (other, following) in pairwise(sorted(homes.items(), key=lambda item: item[1].number)):
        if name.number == following.number:
            raise DeliveryError(
                "two folders are named as the same reel",
                file=other,
                expected="one folder for each reel",
                found=folder,
                action="name the folders as their reels are",
            )

    return _gathered(listing, [(name.text, name.number, folder) for folder, name in homes.items()])


def _reels_of_prefixes(
    listing: Listing, pictures: Sequence[ListedFile], placed: dict[ListedFile, ReelName]
) -> tuple[FoundReel, ...]:
    _require_all_placed(listing, pictures, placed)
    names = {name.number: name.text.strip(" _.-") for name in placed.values()}

    return _gathered(listing, [(text, number, "") for number, text in names.items()])


def _gathered(listing: Listing, homes: Sequence[tuple[str, int, str]]) -> tuple[FoundReel, ...]:
    numbers = {number for _, number, _ in homes}
    files: dict[int | None, list[ListedFile]] = {}
    for file in listing.files:
        number = reel_number(file.name)
        files.setdefault(number if number in numbers else None, []).append(file)
    shared = files.get(None, [])
    return tuple(
        FoundReel(text, number, folder, tuple(sorted(files[number] + shared, key=lambda file: file.name)))
        for text, number, folder in sorted(homes, key=lambda home: home[1])
    )


def reel_number(name: str) -> int | None:
    """The number of the reel that a file's place or name speaks of; None where it speaks of none."""
    folder, _, base = name.rpartition("/")
    if inside := _reel_folder(folder):
        return inside[1].number
    frame = NUMBERED.fullmatch(base) if StillKind.of(base) else None
    named = reel_name(frame["prefix"] if frame else base.rpartition(".")[0])
    return named.number if named else None


def _require_all_placed(listing: Listing, pictures: Sequence[ListedFile], placed: Iterable[ListedFile]) -> None:
    """A sequence outside every reel is refused; a lone picture or video beside the reels is a stray."""
    known = set(placed)
    outside = [file for file in pictures if file not in known and file.role is FileRole.FRAME]
    groups: dict[tuple[str, str], list[ListedFile]] = {}
    for file in outside:
        groups.setdefault((file.folder, file.prefix.casefold()), []).append(file)
    if any(len(group) > 1 for group in groups.values()):
        raise _several(listing.root, [*groups.values(), sorted(known, key=lambda file: file.name)])


def _several(root: Path, groups: Iterable[Sequence[ListedFile]]) -> DeliveryError:
    named = (f"{group[0].folder}/{group[0].prefix}*.{group[0].kind} ({len(group)} frames)" for group in groups)
    return DeliveryError(
        "the folder holds more than one sequence",
        file=root,
        expected="one sequence, folders named 'part 1', 'part 2', or folders named 'reel 1', 'reel 2'",
        found=", ".join(text.removeprefix("/") for text in list(named)[:4]),
        action="deliver each reel in a folder of its own",
    )


def numbering(root: Path, frames: Sequence[ListedFile]) -> Numbering:
    """Put the frames of one reel in order.

    Numbers that do not overlap between folders go on from part to part. Where they overlap, and the folders' names
    count (`part 1`, `part 2`), they start anew in each part, and parts follow in the natural order of their names.

    Raises:
        DeliveryError: two sequences that are neither.
    """
    groups: dict[tuple[str, str, str], list[ListedFile]] = {}
    for file in frames:
        groups.setdefault((file.folder, file.prefix.casefold(), str(file.kind)), []).append(file)
    chosen, strays = _without_lone(list(groups.values()))
    folders = [group[0].folder for group in chosen]
    alike = len({group[0].prefix.casefold() for group in chosen}) == 1
    counted = are_parts(folders)
    if len({group[0].kind for group in chosen}) > 1 or len(set(folders)) < len(folders) or not (alike or counted):
        raise _several(root, sorted(chosen, key=lambda group: (-len(group), group[0].name)))
    if counted and _collide(chosen):
        runs = [_each_once(group) for group in sorted(chosen, key=lambda group: natural(group[0].folder))]
    else:
        runs = [_each_once([file for group in chosen for file in group])]
    duplicates = tuple(pair for _, pairs in runs for pair in pairs)
    return Numbering(tuple(tuple(kept) for kept, _ in runs), duplicates, tuple(strays))


def _without_lone(groups: list[list[ListedFile]]) -> tuple[list[list[ListedFile]], list[ListedFile]]:
    """The sequences, and lone numbered pictures beside them; a lone frame in a folder of its own may be a part."""
    large = [group for group in groups if len(group) > 1]
    if not large:
        return groups, []
    kept, strays = list(large), []
    folders = {group[0].folder for group in large}
    looks = {(group[0].prefix.casefold(), group[0].kind) for group in large}
    for group in groups:
        if len(group) > 1:
            continue
        lone = group[0]
        if lone.folder not in folders and (lone.prefix.casefold(), lone.kind) in looks:
            kept.append(group)
        else:
            strays.append(lone)
    return kept, strays


def are_parts(folders: Sequence[str]) -> bool:
    """Whether folders are named alike but for numbers, a Roman numeral or a letter: `part 1`, `part 2`; `side a`."""
    if len(folders) < 2:
        return False
    by_digits = {re.sub(r"\d+", "#", folder.casefold()) for folder in folders}
    if len(by_digits) == 1 and "#" in next(iter(by_digits)):
        return True
    split = [_SEPARATORS.split(folder.casefold()) for folder in folders]
    last = [words[-1] for words in split]
    same = len({tuple(words[:-1]) for words in split}) == 1
    return same and (all(len(word) == 1 for word in last) or all(roman_number(word) for word in last))


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which `part 2` comes before `part 10`, and `part IX` before `part X`."""
    words = re.findall(r"\d+|[^\W\d_]+|[\W_]+", text.casefold())
    key: list[tuple[int, int, str]] = []
    for place, word in enumerate(words):
        value = int(word) if word.isdecimal() else None
        if value is None and place == len(words) - 1 and place > 0:
            value = roman_number(word)
        key.append((1, 0, word) if value is None else (0, value, ""))
    return (*key, (0, 0, text))


def _collide(groups: Sequence[Sequence[ListedFile]]) -> bool:
    """Whether two folders share more than half of the numbers of the smaller: more than stray duplicates would."""
    numbers = [{file.number for file in group} for group in groups]
    return any(2 * len(one & other) > min(len(one), len(other)) for one, other in combinations(numbers, 2))


def _each_once(files: Iterable[ListedFile]) -> tuple[list[ListedFile], list[tuple[ListedFile, ListedFile]]]:
    """Files in the order of their numbers, each number once, and the pairs of files that claim the same."""
    kept: list[ListedFile] = []
    twice: list[tuple[ListedFile, ListedFile]] = []
    for file in sorted(files, key=lambda file: (file.number, file.name)):
        if kept and kept[-1].number == file.number:
            twice.append((kept[-1], file))
        else:
            kept.append(file)
    return kept, twice
