"""Pictures of single frames, made when somebody looks and kept for a while: small enough never to be missed."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

KEPT_BYTES = 1024**3
"""A few hundred frames of a 2K reel, in full size; the longest unused go first."""
AT_ONCE = 2
"""Frames decoded side by side: the pages must not take the machine from the steps."""
LOOKED_AFTER = 64
"""Pictures between two looks at how much is kept."""


class Stills:
    """A folder of pictures by what they show.

    Args:
        folder: its own; anything in it may go at any time.
        kept_bytes: how much stays.
    """

    def __init__(self, folder: Path, kept_bytes: int = KEPT_BYTES) -> None:
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._written = 0

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The picture of that name, made where it is not kept.

        Args:
            key: everything that decides about the pixels: digests, frame, size.
            make: makes it; at most `AT_ONCE` at one time.
        """
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.png"
        if (kept := _read(path)) is not None:
            return kept
        with _WORKING:
            if (kept := _read(path)) is not None:  # somebody made it while we waited
                return kept
            content = make()
        self._keep(path, content)
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        """Put a picture away, whole or not at all. A full disk is no reason not to show it."""
        draft = path.with_suffix(f".{uuid.uuid4().hex}.draft")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            logger.warning("a picture is shown but not kept: %s", error)
            return
        self._written += 1
        if self._written % LOOKED_AFTER == 1:
            self._tidy()

    def _tidy(self) -> None:
        """Remove what was longest unused, until what is left is no more than may be kept."""
        found = []
        for path in self._folder.glob("*.png"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found.append((state.st_mtime, state.st_size, path))
        left = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if left <= self._kept_bytes:
                return
            path.unlink(missing_ok=True)
            left -= size


_WORKING = threading.BoundedSemaphore(AT_ONCE)


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        path.touch()  # used: not among the first to go
    except OSError:  # not kept, or not to be read: it is made again
        return None
    return content
