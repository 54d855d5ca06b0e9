"""Read and decode frame files some ahead of where they are needed, in order, in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.still import StillHeader, decode_still, parse_still
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.in_order import in_order

THREADS = 3
"""Files decoded at once: numpy leaves the interpreter lock, and storage over a network answers slowly."""
AHEAD = 4
"""Frames in memory beside the one in use: some 75 MB of 2K RGB."""


def decode_file(path: Path) -> tuple[StillHeader, Frame]:
    """Header and planes of one frame file.

    Raises:
        TruncatedFrame: it ends before its picture does.
        DeliveryError: it cannot be read, or is damaged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DeliveryError(
            f"the frame cannot be read: {error.strerror}",
            file=path.name,
            action="check the storage and the file's permissions, then start again",
        ) from error
    header = parse_still(raw, path.name)
    return header, decode_still(raw, header, path.name)


def decode_files(paths: Sequence[Path]) -> Generator[tuple[StillHeader, Frame], None, None]:
    """Headers and planes of frame files, in the order given.

    An error of a file is raised when its turn comes, after the frames before it.

    Args:
        paths: the files.

    Raises:
        DeliveryError: see `decode_file`.
    """
    return in_order(decode_file, paths, threads=THREADS, ahead=AHEAD)
