"""A delivery's own list of files and digests: found, read, written and matched with what is there."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from restoration_tasks.media.delivery.manifest_text import MAXIMUM_BYTES, Entry, read_entries, refuse, safe_name
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.files import write_atomic

OWN_NAME = "reelkeeper-manifest.json"
"""File name of our own manifest."""
_BAG = "bagit.txt"


class Algorithm(StrEnum):
    """Digest algorithms a manifest may use."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"

    @property
    def hex_digits(self) -> int:
        """Length of a digest in hex."""
        return {Algorithm.MD5: 32, Algorithm.SHA1: 40, Algorithm.SHA256: 64, Algorithm.SHA512: 128}[self]


_PREFERRED = (Algorithm.SHA256, Algorithm.SHA512, Algorithm.SHA1, Algorithm.MD5)
"""Which of several manifests is taken: sha256 and md5 are computed anyway, and md5 and sha1 can be forged."""


@dataclass(frozen=True)
class Manifest:
    """A delivery's own list of files and digests."""

    path: Path
    algorithm: Algorithm
    digests: Mapping[str, str]
    """Lower-case hex digest by file name: relative to the delivery, with forward slashes."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes by file name, where the manifest states them."""
    frames: int | None = None
    """Frames of the reel, where the manifest states it."""

    @property
    def sha256(self) -> str:
        """Digest of what the manifest says, whatever its order, line ends or notation."""
        canonical = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.digests.items()))
        return hashlib.sha256(f"{self.algorithm}\n{canonical}".encode()).hexdigest()

    def only(self, names: Iterable[str]) -> Manifest:
        """What it says of some files."""
        kept = set(names)
        return replace(
            self,
            digests={name: digest for name, digest in self.digests.items() if name in kept},
            sizes={name: size for name, size in self.sizes.items() if name in kept},
        )


class _OwnFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    bytes: int | None = Field(default=None, ge=0)
    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class _OwnManifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["reelkeeper.manifest/1"] = "reelkeeper.manifest/1"
    frames: int | None = Field(default=None, ge=1)
    files: tuple[_OwnFile, ...] = Field(min_length=1)


def find_manifest(folder: Path, nested: Sequence[str] = ()) -> Manifest | None:
    """The manifest of a delivery, or None where it has none.

    Looked for, in this order: our own JSON, a bag's or any `manifest-sha256.txt` … `manifest-md5.txt`, then all
    `*.sha256` … `*.md5`, `SHA256SUMS`, `md5deep.txt` and the like together.

    Args:
        folder: the delivery.
        nested: names of manifests in folders below it, relative to it; they count where the delivery itself has none.

    Raises:
        DeliveryError: it cannot be read, or two of the same kind name the same file.
    """
    if (own := _in_folder(folder)) is not None:
        return own
    below = sorted({name.rpartition("/")[0] for name in nested if "/" in name})
    found = [(place, manifest) for place in below if (manifest := _in_folder(folder / place)) is not None]
    if not found:
        return None
    return _joined([_below(manifest, place) for place, manifest in found])


def _below(manifest: Manifest, place: str) -> Manifest:
    return replace(
        manifest,
        digests={f"{place}/{name}": digest for name, digest in manifest.digests.items()},
        sizes={f"{place}/{name}": size for name, size in manifest.sizes.items()},
        frames=None,
    )


def _in_folder(folder: Path) -> Manifest | None:
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if OWN_NAME in names:
        return read_own(folder / OWN_NAME)
    bag = _BAG in names
    for algorithm in _PREFERRED:
        if f"manifest-{algorithm}.txt" in names:
            lists = [read_manifest(folder / f"manifest-{algorithm}.txt", algorithm, bag=bag)]
            if bag and f"tagmanifest-{algorithm}.txt" in names:
                lists.append(read_manifest(folder / f"tagmanifest-{algorithm}.txt", algorithm, bag=True))
            return _joined(lists)
    for algorithm in _PREFERRED:
        # One `frame.dpx.md5` beside each frame is a list of one line each.
        if others := [name for name in names if _is_list(name, algorithm)]:
            return _joined([read_manifest(folder / name, algorithm) for name in others])
    return None


def _is_list(name: str, algorithm: Algorithm) -> bool:
    pattern = rf".+\.{algorithm}(\.txt)?|{algorithm}sums?(\.txt)?|{algorithm}deep\.txt"
    if algorithm is Algorithm.MD5:
        pattern += r"|hashdeep\.txt"  # its default columns are md5 and sha256
    return re.fullmatch(pattern, name, re.IGNORECASE) is not None


def _joined(parts: Sequence[Manifest]) -> Manifest:
    first = parts[0]
    if any(part.algorithm is not first.algorithm for part in parts):
        raise DeliveryError(
            "the manifests of the delivery's folders use different digests",
            file=next(part.path.name for part in parts if part.algorithm is not first.algorithm),
            expected=str(first.algorithm),
            action="have all of them written with one kind of digest",
        )
    digests = {name: digest for part in parts for name, digest in part.digests.items()}
    if len(digests) != sum(len(part.digests) for part in parts):
        raise DeliveryError(
            "two manifests of the delivery name the same file", file=first.path, action="leave only the right one"
        )
    sizes = {name: size for part in parts for name, size in part.sizes.items()}
    return replace(first, digests=digests, sizes=sizes)


def read_manifest(path: Path, algorithm: Algorithm, *, bag: bool = False) -> Manifest:
    """Read a text manifest.

    Args:
        path: the manifest; names are relative to its folder.
        algorithm: of its digests.
        bag: it is part of a BagIt bag.

    Raises:
        DeliveryError: a line that is none, a name that leaves the delivery folder, a name twice, or no line at all.
    """
    entries = read_entries(path, algorithm.hex_digits, str(algorithm), percent_encoded=bag)
    return _of_entries(path, algorithm, entries)


def _of_entries(path: Path, algorithm: Algorithm, entries: Sequence[Entry], frames: int | None = None) -> Manifest:
    digests = {entry.name: entry.digest for entry in entries}
    if len(digests) < len(entries):
        twice = next(name for name, count in Counter(entry.name for entry in entries).items() if count > 1)
        raise refuse(path, f"the manifest names {twice!r} twice")
    sizes = {entry.name: entry.size for entry in entries if entry.size is not None}
    return Manifest(path, algorithm, digests, sizes, frames)


def read_own(path: Path) -> Manifest:
    """Read our own JSON manifest.

    Raises:
        DeliveryError: it is not one, a name leaves the folder or comes twice, or the files have no common digest.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise refuse(path, "the manifest is too large to be one", found=f"{path.stat().st_size} bytes")
        own = _OwnManifest.model_validate_json(path.read_bytes())
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "nested too deep"}
        where = ".".join(str(part) for part in first["loc"])
        raise refuse(path, f"the manifest is not a {OWN_NAME}: {first['msg']}", found=where or None) from error
    except OSError as error:
        raise refuse(path, f"the manifest cannot be read: {error.strerror}") from error
    algorithm = Algorithm.SHA256 if all(file.sha256 for file in own.files) else Algorithm.MD5
    entries: list[Entry] = []
    for file in own.files:
        digest = file.sha256 if algorithm is Algorithm.SHA256 else file.md5
        if digest is None:
            raise refuse(path, f"the manifest gives no digest for {file.name!r} that all others have too")
        entries.append(Entry(safe_name(file.name, path), digest, file.bytes))
    return _of_entries(path, algorithm, entries, own.frames)


def write_manifest(path: Path, digests: Mapping[str, str]) -> None:
    """Write digests by name, sorted, as `md5sum -c` and `sha256sum -c` read them.

    Raises:
        DeliveryError: a name that would leave the folder.
    """
    lines = [f"{digest}  {safe_name(name, path)}\n" for name, digest in sorted(digests.items())]
    write_atomic(path, "".join(lines).encode())


def write_own(folder: Path, files: Mapping[str, tuple[int, str, str]], *, frames: int | None = None) -> Path:
    """Write our own JSON manifest.

    Args:
        folder: the delivery.
        files: bytes, md5 and sha256 by name relative to the delivery.
        frames: frames of the reel, so that a missing head or tail is noticed.

    Raises:
        DeliveryError: a name that would leave the folder.
    """
    path = folder / OWN_NAME
    listed = tuple(
        _OwnFile(name=safe_name(name, path), bytes=size, md5=md5, sha256=sha256)
        for name, (size, md5, sha256) in sorted(files.items())
    )
    own = _OwnManifest(frames=frames, files=listed)
    write_atomic(path, own.model_dump_json(indent=1, exclude_none=True).encode() + b"\n")
    return path


@dataclass(frozen=True)
class Match:
    """Which file of the delivery each name of the manifest means."""

    named: Mapping[str, str]
    """The manifest's name by the file's name."""
    otherwise: tuple[tuple[str, str], ...]
    """Files found under a name written otherwise: `(file, manifest's name)`."""
    missing: tuple[str, ...]
    """Names without a file."""
    unnamed: tuple[str, ...]
    """Files without a name in the manifest."""


def match(manifest: Manifest, files: Iterable[str]) -> Match:
    """Match the manifest's names with files: exactly, else by Unicode form and case where that is unique.

    Where not one name fits, the list was written in another folder: leading folders are put before all names, or taken
    off them, if that makes some fit.
    """
    there = set(files)
    named = {name: name for name in manifest.digests if name in there}
    if not named and (moved := _moved(manifest.digests, there)):
        named = {file: name for name, file in moved.items()}
        left = [name for name in manifest.digests if name not in moved]
        return Match(named, tuple(sorted(named.items())), tuple(sorted(left)), tuple(sorted(there - named.keys())))
    left = [name for name in manifest.digests if name not in there]
    open_files = sorted(there - named.keys())
    by_look: dict[str, list[str]] = {}
    for file in open_files:
        by_look.setdefault(_look(file), []).append(file)
    wanted = Counter(_look(name) for name in left)
    otherwise, missing = [], []
    for name in sorted(left):
        candidates = by_look.get(_look(name), [])
        if len(candidates) == 1 and wanted[_look(name)] == 1:
            named[candidates[0]] = name
            otherwise.append((candidates[0], name))
        else:
            missing.append(name)
    return Match(named, tuple(otherwise), tuple(missing), tuple(file for file in open_files if file not in named))


def _moved(names: Iterable[str], there: set[str]) -> dict[str, str]:
    """Files by the manifest's names with leading folders added or taken off; empty where nothing fits."""
    listed = list(names)
    folders = sorted({file.rpartition("/")[0] for file in there} - {""})
    depth = min(name.count("/") for name in listed)
    tried = [{name: f"{folder}/{name}" for name in listed} for folder in folders]
    tried += [{name: name.split("/", off)[off] for name in listed} for off in range(1, depth + 1)]
    fits = [{name: file for name, file in attempt.items() if file in there} for attempt in tried]
    return max(fits, key=len, default={})


def _look(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
