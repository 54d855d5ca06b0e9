"""Write frames as files that keep the names, kind and headers of the scan they were made from."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.stills import dpx
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.runtime.files import disk_errors


class SequenceWriter:
    """Writes frames as files with the names, headers and kind of a source sequence."""

    def __init__(self, folder: Path, source: ImageSequence, fmt: PictureFormat) -> None:
        """Prepare.

        Args:
            folder: where the files go; made if needed.
            source: the sequence whose names and headers are kept.
            fmt: of every frame.

        Raises:
            WrongUse: the folder is the source's own.
        """
        if folder.resolve() == source.frames_folder.resolve():
            raise WrongUse("a sequence is never written over its source", file=folder, action="name another folder")
        self.folder, self.format = folder, fmt
        self._source = source
        self.frames = 0

    def __enter__(self) -> Self:
        """Make the folder."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, frame: Frame) -> None:
        """Write the next frame under its source's name. A frame equal to its source is the source's bytes.

        Raises:
            MediaError: it does not have the format, or more frames are written than the source has.
        """
        self.format.require(frame)
        if self.frames >= len(self._source):
            raise MediaError("more frames than the source has", file=self.folder, expected=len(self._source))
        path = self._source.frames[self.frames].path
        target, draft = self.folder / path.name, draft_path(self.folder / path.name)
        with disk_errors(target):
            try:
                draft.write_bytes(_encode_still(path, self._source.kind, frame))
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open."""


def _encode_still(path: Path, kind: StillKind, frame: Frame) -> bytes:
    source = path.read_bytes()
    if kind is StillKind.DPX:
        header = dpx.parse_header(source[: dpx.HEADER_BYTES], file_bytes=len(source), name=path.name)
        same = _equal(dpx.unpack(header, source), frame)
        return source if same else dpx.with_pixels(source, frame, name=path.name)
    with contextlib.suppress(cv2.error):
        decoded = cv2.imdecode(np.frombuffer(source, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is not None and _equal(_planes(decoded), frame):
            return source
    picture = frame[0] if len(frame) == 1 else np.dstack((frame[1], frame[0], frame[2]))
    done, encoded = cv2.imencode(".png" if kind is StillKind.PNG else ".tif", picture)
    if not done:
        raise MediaError("the frame cannot be written", file=path.name, action="choose another kind of output")
    return encoded.tobytes()


def _planes(picture: Any) -> Frame:
    """Planes in ffmpeg order of what cv2 decodes (B, G, R or grey)."""
    return (picture,) if picture.ndim == 2 else (picture[..., 1], picture[..., 0], picture[..., 2])


def _equal(one: Frame, other: Frame) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
