"""Files on the local disk: digests in one read, atomic writes, errors staff can act on."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from restoration_tasks.runtime.errors import VaultError

CHUNK_BYTES = 1024 * 1024
"""Of a file in memory at a time (two of them, while the next is read). Larger ones are no faster."""


def sha256_stream(stream: IO[bytes]) -> tuple[str, int]:
    """Hex sha256 and length in bytes of what is left in a binary stream."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def sha256_file(path: Path) -> tuple[str, int]:
    """Hex sha256 and size in bytes of a local file."""
    with path.open("rb") as stream:
        return sha256_stream(stream)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    with atomic_file(path) as stream:
        stream.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream to write a file to, which is there when the block has ended well, whole, and else not at all.

    Raises:
        VaultError: the disk is full, read-only or gone.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
        try:
            with draft.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Work in a folder while no other process that asks for the same does; waits for it. A killed one holds nothing.

    Raises:
        VaultError: the folder cannot be written.
    """
    path = folder / ".lock"
    with disk_errors(path):
        lock = path.open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's complaints about a path into errors that say what to do.

    Raises:
        VaultError: disk full, read-only, no permission, vanished mount.
    """
    try:
        yield
    except OSError as error:
        told = disk_error(error.errno or 0, error.filename or path)
        if told is None:
            raise
        raise told from error


def disk_error(number: int, path: object) -> VaultError | None:
    """What an `errno` about a file means to staff; None where it is no complaint about the storage."""
    found = _ADVICE.get(number)
    return None if found is None else VaultError(found[0], file=path, action=found[1])


_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free space there and clear the task; what was finished is kept"),
    errno.EDQUOT: ("the disk quota is used up", "raise the quota and clear the task"),
    errno.EROFS: ("the disk is read-only", "mount it for writing and clear the task"),
    errno.EACCES: ("no permission", "give the service user access and clear the task"),
    errno.EPERM: ("no permission", "give the service user access and clear the task"),
    errno.ENOENT: ("it is not there", "check that the storage is mounted, then clear the task"),
    errno.EIO: ("the disk reports a read or write error", "check the storage before going on"),
}
