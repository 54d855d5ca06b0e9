"""Lines of checksum manifests as the usual tools write them, on any system, turned into safe relative names.

Understood are md5sum/sha256sum (GNU coreutils, with its escapes), md5deep and sha256deep with or without sizes,
hashdeep (`%%%%` header and comma separated columns), BSD's `MD5 (name) = …`, BagIt's lists, and a lone digest beside
its file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from restoration_tasks.runtime.errors import DeliveryError

MAXIMUM_BYTES = 512 * 1024 * 1024
"""A manifest of two million long names; anything larger is no manifest."""
_GNU = re.compile(r"(?P<digest>[0-9A-Fa-f]{32,128})(?: [ *]|\t)(?P<name>.+)")
_SIZED = re.compile(r" *(?P<size>\d{1,15}) +(?P<digest>[0-9A-Fa-f]{32,128}) [ *]?(?P<name>.+)")
_LOOSE = re.compile(r"(?P<digest>[0-9A-Fa-f]{32,128})[ \t]+(?P<name>.+)")
_BSD = re.compile(r"[A-Z0-9-]{3,10} ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]{32,128})")
_ALONE = re.compile(r"(?P<digest>[0-9A-Fa-f]{32,128})\s*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SAMPLES = 64
"""Names tried to find out which leading folders of absolute names to take off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file a manifest names."""

    name: str
    digest: str
    """Lower-case hex."""
    size: int | None = None


def read_entries(path: Path, hex_digits: int, algorithm: str, *, percent_encoded: bool = False) -> list[Entry]:
    """The files a text manifest names, with safe names relative to its folder.

    Args:
        path: the manifest.
        hex_digits: length of a digest.
        algorithm: name of the digest, as hashdeep's header and messages write it.
        percent_encoded: names have line ends and `%` percent-encoded, as in a bag (RFC 8493, section 2.1.3).

    Raises:
        DeliveryError: a line that is none, a name that leaves the folder, a name twice, or no line at all.
    """
    entries = list(_parsed(path, hex_digits, algorithm))
    if percent_encoded:
        entries = [replace(entry, name=_percent_decoded(entry.name)) for entry in entries]
    entries = _relative(path, entries)
    entries = [replace(entry, name=safe_name(entry.name.removeprefix("./"), path)) for entry in entries]
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise refuse(path, f"the manifest names {entry.name!r} twice")
        seen.add(entry.name)
    if not entries:
        raise refuse(path, "the manifest is empty")
    return entries


def decoded(path: Path) -> str:
    """Text of a manifest: UTF-8, UTF-16 with a byte order mark, or Windows' western code page.

    Raises:
        DeliveryError: it is none of them, too large, or cannot be read.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise refuse(path, "the manifest is too large to be one", found=f"{path.stat().st_size} bytes")
        raw = path.read_bytes()
    except OSError as error:
        raise DeliveryError(
            f"the manifest cannot be read: {error.strerror}",
            file=path.name,
            action="check the storage and the file's permissions, then start again",
        ) from error
    marked = next((encoding for bom, encoding in _BOMS if raw.startswith(bom)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refuse(path, "the manifest is not text")


def _parsed(path: Path, hex_digits: int, algorithm: str) -> Iterator[Entry]:
    columns: list[str] | None = None
    lines = _LINE_END.split(decoded(path))
    if len([line for line in lines if line.strip()]) == 1 and (found := _ALONE.fullmatch(lines[0])):
        _require_length(path, 1, lines[0], found["digest"], hex_digits, algorithm)
        yield Entry(path.name.rpartition(".")[0], found["digest"].lower())
        return
    for number, line in enumerate(lines, 1):
        if line.startswith("%%%%"):
            named = [column.strip() for column in line.removeprefix("%%%%").split(",")]
            columns = named if "filename" in named else columns
            continue
        if not line.strip() or line.startswith("#"):
            continue
        entry = _column_entry(line, columns, algorithm) if columns else _line_entry(line)
        if entry is None:
            raise _no_line(path, number, line, algorithm)
        _require_length(path, number, line, entry.digest, hex_digits, algorithm)
        yield entry


def _line_entry(line: str) -> Entry | None:
    # md5sum marks a line whose name it had to escape with a leading backslash.
    escaped = line.startswith("\\")
    text = line.removeprefix("\\")
    found = _GNU.fullmatch(text) or _SIZED.fullmatch(text) or _BSD.fullmatch(text.rstrip()) or _LOOSE.fullmatch(text)
    if found is None:
        return None
    name = _unescaped(found["name"]) if escaped else _of_windows(found["name"])
    size = found.groupdict().get("size")
    return Entry(name, found["digest"].lower(), int(size) if size else None)


def _column_entry(line: str, columns: Sequence[str], algorithm: str) -> Entry | None:
    """A line of hashdeep; the file's name comes last and may hold commas."""
    fields = dict(zip(columns, line.split(",", len(columns) - 1), strict=False))
    digest, size = fields.get(algorithm, ""), fields.get("size", "")
    if not _ALONE.fullmatch(digest) or "filename" not in fields:
        return None
    return Entry(_of_windows(fields["filename"]), digest.lower(), int(size) if size.isdecimal() else None)


def _no_line(path: Path, number: int, line: str, algorithm: str) -> DeliveryError:
    return refuse(path, f"line {number} of the manifest is not '<{algorithm}>  <file>'", found=line[:80])


def _require_length(path: Path, number: int, line: str, digest: str, hex_digits: int, algorithm: str) -> None:
    if len(digest) != hex_digits:
        raise _no_line(path, number, line, algorithm)


def _unescaped(name: str) -> str:
    return re.sub(r"\\[\\nr]", lambda found: _ESCAPES[found.group()], name)


def _of_windows(name: str) -> str:
    return name.rstrip().replace("\\", "/")


def _percent_decoded(name: str) -> str:
    return re.sub(r"%(0[AaDd]|25)", lambda found: chr(int(found[1], 16)), name)


def _is_absolute(name: str) -> bool:
    return name.startswith("/") or re.match(r"[A-Za-z]:/", name) is not None


def _relative(path: Path, entries: list[Entry]) -> list[Entry]:
    """Absolute names without the leading folders of the machine they were written on, where that can be told."""
    parts = {entry.name: entry.name.split("/") for entry in entries if _is_absolute(entry.name)}
    if not parts or any(".." in names for names in parts.values()):
        return entries
    off = _leading_folders(list(parts.values()), path.parent.resolve().name, lambda name: (path.parent / name).exists())
    if off is None:
        return entries
    return [
        replace(entry, name="/".join(parts[entry.name][off:])) if entry.name in parts else entry for entry in entries
    ]


def _leading_folders(names: Sequence[Sequence[str]], home: str, exists: Callable[[str], bool]) -> int | None:
    """How many leading parts to take off: so that most names exist; else up to the delivery's own name."""
    common = min(len(parts) for parts in names) - 1
    first = names[0]
    while any(list(parts[:common]) != list(first[:common]) for parts in names):
        common -= 1
    step = max(1, len(names) // _SAMPLES)
    hits = {off: sum(exists("/".join(parts[off:])) for parts in names[::step]) for off in range(1, common + 1)}
    best = max(hits, key=lambda off: (hits[off], -off), default=None)
    if best is not None and hits[best]:
        return best
    places = [place for place, part in enumerate(first[:common]) if part == home]
    return places[-1] + 1 if places else None


def safe_name(name: str, manifest: Path) -> str:
    """The name, if it stays inside the delivery folder.

    Raises:
        DeliveryError: absolute, with a drive, a backslash, a control character or a `..` part.
    """
    parts = PurePosixPath(name).parts
    hostile = (
        not parts
        or PurePosixPath(name).is_absolute()
        or PureWindowsPath(name).drive
        or "\\" in name
        or ".." in parts
        or any(ord(character) < 32 or "\ud800" <= character <= "\udfff" for character in name)
    )
    if hostile:
        raise refuse(manifest, "the manifest names a file outside the delivery folder", found=repr(name[:80]))
    return "/".join(parts)


def refuse(path: Path, message: str, found: str | None = None) -> DeliveryError:
    """The error for a manifest that cannot be used."""
    return DeliveryError(message, file=path.name, found=found, action="have the scanner write the manifest again")
