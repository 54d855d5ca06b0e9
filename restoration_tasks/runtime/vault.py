"""The vault: `VAULT/reels/<reel_id>/<step>/<signature>/…`, on a local path or any fsspec URL."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from upath import UPath

from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.files import (
    CHUNK_BYTES,
    atomic_file,
    disk_errors,
    sha256_file,
    sha256_stream,
    sync_folder,
    write_atomic,
)
from restoration_tasks.runtime.identifiers import check_reel_id
from restoration_tasks.runtime.spec import VAULT_SCHEME, OutputFile, Reference, Spec, StepName, StepResult

RESULT = "result.json"
PART_BYTES = 16 * 1024**2
"""Of a file on its way to an object store; a few are held in memory at a time."""
MOST_PARTS = 9_000
"""S3 takes 10,000."""
_S3 = ("s3://", "s3a://")
READ_ONLY = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


class Vault:
    """Storage of everything steps make.

    Args:
        root: a local folder or an fsspec URL such as `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        # another process may have written since: what a store listed once says nothing of now
        options: dict[str, Any] = {"use_listings_cache": False} if root.startswith(_S3) else {}
        self.root: UPath = UPath(root, **options)
        self.local_root = Path(root).resolve() if self.root.protocol in ("", "file") else None
        if self.local_root is not None:
            self.root = UPath(self.local_root)

    def path(self, uri: str) -> UPath:
        """Where a `vault:` URI lies.

        Raises:
            VaultError: the URI does not lie inside the vault.
        """
        return self.root.joinpath(*_inside(uri))

    def local_path(self, uri: str) -> Path | None:
        """The local path of a `vault:` URI, or None where the vault is not local."""
        return None if self.local_root is None else self.local_root.joinpath(*_inside(uri))

    def uri(self, *parts: str) -> str:
        """The `vault:` URI of a path given by its parts."""
        return VAULT_SCHEME + "/".join(parts)

    def work_uri(self, reel_id: str, step: StepName, signature: str) -> str:
        """The folder of one signature."""
        return self.uri("reels", check_reel_id(reel_id), step, signature)

    def read_bytes(self, uri: str) -> bytes | None:
        """Content of a small file, or None where there is none."""
        try:
            with self._store(uri):
                return bytes(self.path(uri).read_bytes())
        except FileNotFoundError:
            return None

    def write_bytes(self, uri: str, content: bytes) -> None:
        """Write a small file whole or not at all."""
        if (local := self.local_path(uri)) is not None:
            write_atomic(local, content)
        else:
            with self._store(uri):  # an object store's put is atomic
                self.path(uri).fs.pipe_file(self.path(uri).path, content)

    def result(self, reel_id: str, step: StepName, signature: str) -> StepResult | None:
        """The newest finished result of a signature, or None.

        Raises:
            VaultError: there is one, but it cannot be read as a result.
        """
        uri = f"{self.work_uri(reel_id, step, signature)}/{RESULT}"
        text = self.read_bytes(uri)
        return None if text is None else self._parse(text, uri)

    def result_at(self, uri: str) -> StepResult:
        """The result a URI names (as carried by XCom).

        Raises:
            VaultError: it is not there or not a result.
        """
        text = self.read_bytes(uri)
        if text is None:
            raise VaultError("the step left no result", file=uri, action="clear the task that should have made it")
        return self._parse(text, uri)

    def _parse(self, text: bytes, uri: str) -> StepResult:
        try:
            return StepResult.model_validate_json(text)
        except ValueError as error:
            raise VaultError(
                "this result file is damaged", file=uri, action="move it away and clear the task that made it"
            ) from error

    def missing(self, result: StepResult) -> list[OutputFile]:
        """Outputs of a result that are not there or have another size."""
        return [output for output in result.outputs if self.missing_file(output)]

    def missing_file(self, file: Reference) -> bool:
        """Whether a file is not there or has another size."""
        return self._size(file.uri) != file.bytes

    def _size(self, uri: str) -> int | None:
        try:
            with self._store(uri):
                return int(self.path(uri).stat().st_size)
        except FileNotFoundError:
            return None

    def attempts(self, reel_id: str, step: StepName, signature: str) -> list[StepResult]:
        """Every finished attempt of a signature, oldest first."""
        folder = self.work_uri(reel_id, step, signature)
        found, number = [], 1
        while (text := self.read_bytes(f"{folder}/a{number:03d}/{RESULT}")) is not None:
            found.append(self._parse(text, f"{folder}/a{number:03d}/{RESULT}"))
            number += 1
        return found

    def publish(self, spec: Spec, attempt: int, files: dict[str, Path]) -> None:
        """Bring payload files into the folder of an attempt, read-only. The result is written apart, last.

        What an earlier, killed publication left there is replaced.
        """
        folder = f"{self.work_uri(spec.reel_id, spec.step, spec.signature)}/a{attempt:03d}"
        target_folder = self.local_path(folder)
        if target_folder is None:
            with self._store(folder):
                if self.path(folder).exists():
                    self.path(folder).fs.rm(self.path(folder).path, recursive=True)
            for name, file in files.items():
                self._put(file, f"{folder}/{name}")
            return
        with disk_errors(target_folder):
            if target_folder.exists():
                shutil.rmtree(target_folder)
            for name, file in files.items():
                _place(file, target_folder / name)

    def mend(self, output: Reference, file: Path) -> None:
        """Put a file that has a recorded digest in the place of one that has lost it.

        Raises:
            VaultError: the vault cannot be written.
        """
        target = self.local_path(output.uri)
        if target is None:
            self._put(file, output.uri)
            return
        with disk_errors(target):
            _place(file, target)

    def commit(self, result: StepResult) -> str:
        """Write `result.json`: first the attempt's own, then the signature's. Returns its URI."""
        folder = self.work_uri(result.reel_id, result.step, result.signature)
        text = result.model_dump_json(indent=1).encode()
        self.write_bytes(f"{folder}/a{result.attempt:03d}/{RESULT}", text)
        self.write_bytes(f"{folder}/{RESULT}", text)
        return f"{folder}/{RESULT}"

    def fetch(self, reference: Reference, scratch: Path) -> Path:
        """A local path of a file, its digest checked once per machine for as long as the file stands unchanged.

        The check is remembered by inode, size and time of change: a master read by a hundred segments is hashed once.

        Raises:
            VaultError: the file is not there.
            SourceChanged: it has other bytes than recorded.
        """
        stamp = scratch / "verified" / reference.sha256
        local = self.local_path(reference.uri)
        if local is None:
            local = scratch / "fetched" / reference.sha256
            if not local.exists():
                local.parent.mkdir(parents=True, exist_ok=True)
                draft = local.with_suffix(f".{os.getpid()}.draft")
                try:
                    with self.open(reference) as source, disk_errors(draft), draft.open("wb") as sink:
                        shutil.copyfileobj(source, sink, CHUNK_BYTES)
                    draft.replace(local)
                except FileNotFoundError as error:
                    raise VaultError(
                        "this file is not in the vault",
                        file=reference.uri,
                        action="restore it from a copy, or clear the task that made it",
                    ) from error
                finally:
                    draft.unlink(missing_ok=True)
        with disk_errors(local):
            status = local.stat()
            identity = json.dumps([str(local), status.st_ino, status.st_size, status.st_mtime_ns])
            if stamp.exists() and stamp.read_text() == identity:
                return local
            digest, size = sha256_file(local)
        if digest != reference.sha256:
            raise SourceChanged(
                "this file has changed since it was recorded",
                file=reference.uri,
                expected=f"sha256 {reference.sha256[:16]}…, {reference.bytes} bytes",
                found=f"sha256 {digest[:16]}…, {size} bytes",
                action="restore it from a copy, or clear the task that made it",
            )
        write_atomic(stamp, identity.encode())
        return local

    def verify(self, output: Reference) -> bool:
        """Whether a file has its recorded digest, read whole and now (package and audit)."""
        with self.open(output) as stream:
            return sha256_stream(stream) == (output.sha256, output.bytes)

    @contextmanager
    def open(self, file: Reference) -> Iterator[IO[bytes]]:
        """A stream to read a file from, in parts.

        Raises:
            FileNotFoundError: it is not there.
            VaultError: the object store did not give it.
        """
        with self._store(file.uri), self.path(file.uri).open("rb") as stream:
            yield stream

    def _put(self, file: Path, uri: str) -> None:
        """Bring a file to an object store, in parts; it is there when all of it is, or not at all."""
        part = max(PART_BYTES, -(-file.stat().st_size // MOST_PARTS))
        with self._store(uri, asked=False):
            self.path(uri).fs.put_file(str(file), self.path(uri).path, chunksize=part)

    @contextmanager
    def _store(self, uri: str, *, asked: bool = True) -> Iterator[None]:
        """Say in words what an object store did.

        Args:
            uri: the file concerned.
            asked: whether the answer may be that it is not there; that is the caller's to say.

        Raises:
            FileNotFoundError: it is not there, where that was asked.
            VaultError: the store was not reached, refused, or broke off.
        """
        try:
            yield
        except Exception as error:
            told = isinstance(error, (OSError, *_errors_of_stores()))
            if self.local_root is not None or not told or (asked and isinstance(error, FileNotFoundError)):
                raise
            raise VaultError(
                f"the object store of the vault did not do what was asked: {' '.join(str(error).split())[:200]}",
                file=uri,
                expected=f"a store at {self.root} that can be read and written",
                action="check its address, the bucket, the keys and its room; then clear the task",
            ) from error


def _errors_of_stores() -> tuple[type[Exception], ...]:
    """What a store's client raises beside OSError; nothing where it was never used."""
    client = sys.modules.get("botocore.exceptions")
    return () if client is None else (client.BotoCoreError,)


def _inside(uri: str) -> tuple[str, ...]:
    """The parts of the path a `vault:` URI names.

    Raises:
        VaultError: it does not lie inside the vault.
    """
    relative = PurePosixPath(uri.removeprefix(VAULT_SCHEME))
    hostile = not uri.startswith(VAULT_SCHEME) or relative.is_absolute() or ".." in relative.parts
    if hostile or "\\" in uri or "\0" in uri:
        raise VaultError("this is not a path inside the vault", file=uri, action="check the plan or spec it came from")
    return relative.parts


def _place(source: Path, target: Path) -> None:
    """Move a file to where it stays, durable and read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as stream:
        os.fsync(stream.fileno())
    _move(source, target)
    target.chmod(READ_ONLY)
    sync_folder(target.parent)


def _move(source: Path, target: Path) -> None:
    """Rename, or copy durably where scratch and vault are on different file systems."""
    try:
        source.replace(target)
    except OSError:
        with atomic_file(target) as sink, source.open("rb") as stream:
            shutil.copyfileobj(stream, sink, CHUNK_BYTES)
        source.unlink()
