"""Checksum manifests as `md5sum` and `sha256sum` write them: find, read safely, write, verify."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath

from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.files import write_atomic

_LINE = re.compile(r"(?P<digest>[0-9A-Fa-f]{32,64})(?: [ *]|\t)(?P<name>.+)")
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


class Algorithm(StrEnum):
    """Digest algorithms a manifest may use."""

    MD5 = "md5"
    SHA256 = "sha256"

    @property
    def hex_digits(self) -> int:
        """Length of a digest in hex."""
        return 32 if self is Algorithm.MD5 else 64


@dataclass(frozen=True)
class Manifest:
    """A delivery's own list of files and digests."""

    path: Path
    algorithm: Algorithm
    digests: Mapping[str, str]
    """Lower-case hex digest by file name: relative to the manifest's folder, with forward slashes."""

    @property
    def sha256(self) -> str:
        """Digest of what the manifest says, whatever its order, line ends or notation."""
        canonical = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.digests.items()))
        return hashlib.sha256(f"{self.algorithm}\n{canonical}".encode()).hexdigest()


def find_manifest(folder: Path) -> Manifest | None:
    """The manifest of a delivery, or None where it has none.

    Names looked for: `manifest-sha256.txt`, `manifest-md5.txt`, then any `*.sha256` or `*.md5`.

    Raises:
        DeliveryError: it cannot be read, or several of the same kind are there.
    """
    for algorithm in (Algorithm.SHA256, Algorithm.MD5):
        named = folder / f"manifest-{algorithm}.txt"
        if named.is_file():
            return read_manifest(named, algorithm)
    for algorithm in (Algorithm.SHA256, Algorithm.MD5):
        others = sorted(
            path for path in folder.glob(f"*.{algorithm}") if path.is_file() and not path.name.startswith(".")
        )
        # One `frame.dpx.md5` beside each frame is a list of one line each.
        if others:
            parts = [read_manifest(path, algorithm) for path in others]
            joined = {name: digest for part in parts for name, digest in part.digests.items()}
            if len(joined) != sum(len(part.digests) for part in parts):
                raise DeliveryError(
                    "two manifests of the delivery name the same file",
                    file=others[0],
                    action="leave only the right one",
                )
            return Manifest(others[0], algorithm, joined)
    return None


def read_manifest(path: Path, algorithm: Algorithm) -> Manifest:
    """Read a manifest.

    Raises:
        DeliveryError: a line that is none, a name that leaves the delivery folder, a name twice, or no line at all.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(path, "the manifest is not UTF-8 text") from error
    digests: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        # md5sum marks a line whose name it had to escape with a leading backslash.
        escaped = line.startswith("\\")
        found = _LINE.fullmatch(line.removeprefix("\\").rstrip())
        if not found or len(found["digest"]) != algorithm.hex_digits:
            raise _refuse(path, f"line {number} of the manifest is not '<{algorithm}>  <file>'", found=line[:80])
        name = _unescape(found["name"]) if escaped else found["name"]
        name = safe_name(name.removeprefix("./"), path)
        if name in digests:
            raise _refuse(path, f"the manifest names {name!r} twice")
        digests[name] = found["digest"].lower()
    if not digests:
        raise _refuse(path, "the manifest is empty")
    return Manifest(path, algorithm, digests)


def _unescape(name: str) -> str:
    return re.sub(r"\\[\\nr]", lambda found: _ESCAPES[found.group()], name)


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
        or any(ord(character) < 32 for character in name)
    )
    if hostile:
        raise _refuse(manifest, "the manifest names a file outside the delivery folder", found=repr(name[:80]))
    return "/".join(parts)


def _refuse(path: Path, message: str, found: str | None = None) -> DeliveryError:
    return DeliveryError(message, file=path.name, found=found, action="have the scanner write the manifest again")


def write_manifest(path: Path, digests: Mapping[str, str]) -> None:
    """Write digests by name, sorted, as `md5sum -c` and `sha256sum -c` read them.

    Raises:
        DeliveryError: a name that would leave the folder.
    """
    lines = [f"{digest}  {safe_name(name, path)}\n" for name, digest in sorted(digests.items())]
    write_atomic(path, "".join(lines).encode())


def verify_manifest(manifest: Manifest) -> None:
    """Read every file the manifest names and compare.

    Raises:
        DeliveryError: a file is missing or has another digest.
    """
    for name, expected in manifest.digests.items():
        path = manifest.path.parent / name
        if not path.is_file():
            raise DeliveryError(
                "the manifest names a file that is not there", file=name, action="copy this file from the scanner again"
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, str(manifest.algorithm)).hexdigest()
        require_digest(name, manifest.algorithm, expected, found)


def require_digest(name: str, algorithm: Algorithm, expected: str, found: str) -> None:
    """Refuse a file that is not what the manifest says.

    Raises:
        DeliveryError: the digests differ.
    """
    if expected != found:
        raise DeliveryError(
            f"the file's {algorithm} is not the one in the manifest",
            file=name,
            expected=expected,
            found=found,
            action="copy this file from the scanner again; if it still differs, have the frame scanned again",
        )
