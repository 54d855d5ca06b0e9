"""One door for pictures from and to files: a folder of DPX, TIFF, EXR or PNG frames, one frame, or a video file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame, find_sequence
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sequence_writer import SequenceWriter
from restoration_tasks.media.stills.process_history import HistoryLine
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.runtime.errors import WrongUse


class FrameSink(Protocol):
    """Where frames go."""

    def write(self, frame: Frame) -> None:
        """Take the next frame."""


def open_source(path: Path) -> FrameReader:
    """Reader over whatever `path` is.

    Raises:
        WrongUse: there is nothing at `path`.
        DeliveryError: a folder without one readable, gapless sequence.
        MediaError: a file without readable video.
    """
    if not path.exists():
        raise WrongUse("there is nothing to read", file=path, action="give a folder of frames or a video file")
    return FrameReader(as_source(path))


def as_source(path: Path) -> Path | ImageSequence:
    """The sequence a folder or a single frame file is, or the video file itself.

    Raises:
        DeliveryError: a folder without one readable, gapless sequence.
    """
    if path.is_dir():
        return find_sequence(path)
    kind = StillKind.of(path.name)
    if kind is None:
        return path
    status = path.stat()
    frame = SequenceFrame(0, 0, path.parent, path.name, status.st_size, status.st_mtime_ns)
    return ImageSequence(path.parent, kind, (frame,), ())


def open_target(
    path: Path, source: Path, fmt: PictureFormat, *, history: HistoryLine | None = None
) -> AbstractContextManager[FrameSink]:
    """Writer for `path`: lossless FFV1 if it ends in `.mkv`, else a folder of frames.

    A folder keeps the names, kind and headers of a source sequence; from a video it gets no names to keep, so that is
    refused. Lossy copies are made from a lossless file, by `media.copies`.

    Args:
        path: file or folder to write.
        source: what the frames were read from.
        fmt: of every frame.
        history: line for the process history of changed DPX frames, see `SequenceWriter`.

    Raises:
        WrongUse: the target is the source, its kind is not known, or the folder is wanted of a video.
    """
    if path.resolve() == source.resolve():
        raise WrongUse("the output would replace the input", file=path, action="name another output")
    ending = path.suffix.lower()
    if ending == ".mkv":
        return FrameWriter(path, fmt)
    frames = as_source(source)
    if not isinstance(frames, ImageSequence) or (ending and not path.is_dir()):
        raise WrongUse(
            "this output is not possible",
            file=path,
            expected="a name ending in .mkv, or a folder where the input is frames",
            found=path.name,
            action="name the output accordingly",
        )
    return SequenceWriter(path, frames, fmt, history=history)
