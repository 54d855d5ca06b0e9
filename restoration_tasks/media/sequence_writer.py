"""Write frames as files that keep the names, kind and headers of the scan they were made from."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.stills import exr, png, rebuild, tiff
from restoration_tasks.media.stills.process_history import HistoryLine, with_line
from restoration_tasks.media.stills.still import StillKind, decode_still, parse_still
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.runtime.files import disk_errors


class SequenceWriter:
    """Writes frames as files with the names, headers and kind of a source sequence."""

    def __init__(
        self, folder: Path, source: ImageSequence, fmt: PictureFormat, *, history: HistoryLine | None = None
    ) -> None:
        """Prepare.

        Args:
            folder: where the files go; made if needed. Frames of several folders keep their folders below it.
            source: the sequence whose names and headers are kept.
            fmt: of every frame.
            history: line added to the process history of every DPX whose picture is not its source's (FADGI 2018,
                section 12.1: a new line for each change). A file that has no room for one goes without.

        Raises:
            WrongUse: the folder is one of the source's own.
        """
        folders = {frame.path.parent for frame in source.frames}
        if folder.resolve() in {one.resolve() for one in (source.folder, *folders)}:
            raise WrongUse("a sequence is never written over its source", file=folder, action="name another folder")
        self.folder, self.format = folder, fmt
        self._source = source
        self._history = history
        # A frame another one stands in for is written under the name it should have had.
        named = [source.folder / (frame.name or source.relative_name(frame)) for frame in source.frames]
        base = os.path.commonpath([path.parent for path in named])
        self._targets = [folder / path.relative_to(base) for path in named]
        self.frames = 0

    def __enter__(self) -> Self:
        """Make the folder."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, frame: Frame) -> None:
        """Write the next frame under its source's name. A frame equal to its source is the source's bytes.

        Raises:
            DeliveryError: the source's file has become unreadable.
            MediaError: it does not have the format, or more frames are written than the source has.
        """
        self.format.require(frame)
        if self.frames >= len(self._source):
            raise MediaError("more frames than the source has", file=self.folder, expected=len(self._source))
        path = self._source.frames[self.frames].path
        target = self._targets[self.frames]
        draft = draft_path(target)
        encoded = _encode_still(path, frame, self._history)
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.write_bytes(encoded)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open."""


def _encode_still(path: Path, frame: Frame, history: HistoryLine | None) -> bytes:
    """The source's file with another picture: its own bytes around new samples, where its kind allows that."""
    source = path.read_bytes()
    header = parse_still(source, path.name)
    decoded = decode_still(source, header, path.name)
    if _equal(decoded, frame):
        return source
    if header.rebuilds:
        made = rebuild.rebuilt(rebuild.remainder_of(source, header, decoded, path.name), frame)
        if history is not None and header.dpx is not None:
            with contextlib.suppress(MediaError):
                return with_line(made, history, name=path.name)
        return made
    match header.kind:
        case StillKind.TIFF:
            return tiff.rewritten(source, frame, path.name)
        case StillKind.EXR:
            return exr.rewritten(source, frame, path.name)
        case _:
            return png.encode(frame, path.name)


def _equal(one: Frame, other: Frame) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
