"""Write frames into video files: FFV1 preservation masters in Matroska, or another codec by its options."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.picture import UNKNOWN, Frame, PictureFormat, only_ours
from restoration_tasks.media.probe import TRANSFER_TAG
from restoration_tasks.media.reader import FrameReader, sequence_input, untagged
from restoration_tasks.media.stills.still import ffmpeg_reads
from restoration_tasks.runtime.errors import WrongUse

_MANY_SLICES_FROM = (512, 384)
"""Width and height from which sixteen slices a frame pay; below, their headers outweigh the parallel decode."""
_MANY_SLICES = (16, 24, 30, 12, 9, 6, 4)
_FEW_SLICES = (4, 6, 9, 2, 1)


@dataclass(frozen=True)
class Ffv1Settings:
    """How an FFV1 master is written. Every field changes the bytes."""

    slices: int = 0
    """Slices a frame; 0 chooses 16 or, for small pictures, 4 or 1."""
    context: int = 0
    """Context model: 0 small, 1 large. On grainy 10-bit RGB at 720x405 the large one came out slower *and* bigger
    (by 13 %), because each frame and slice starts learning anew."""

    def options(self, fmt: PictureFormat) -> dict[str, Any]:
        """Output options: FFV1 version 3, every frame a key frame, a checksum in each slice, bit-exact muxing."""
        chosen = {
            "c:v": "ffv1",
            "level": 3,
            "g": 1,
            "slicecrc": 1,
            "slices": self.slices or _slices(fmt),
            "context": self.context,
            "threads": ffmpeg.THREADS,
            "pix_fmt": stored_pix_fmt(fmt),
            "f": "matroska",
        }
        return chosen | colour_options(fmt) | ffmpeg.BITEXACT


def _slices(fmt: PictureFormat) -> int:
    large = fmt.width >= _MANY_SLICES_FROM[0] and fmt.height >= _MANY_SLICES_FROM[1]
    return next((n for n in (_MANY_SLICES if large else _FEW_SLICES) if _encoder_takes(fmt, n)), 4)


def _encoder_takes(fmt: PictureFormat, slices: int) -> bool:
    """Whether FFV1 version 3 can cut this picture so: libavcodec's own rule (ffv1enc.c, `ff_ffv1_encode_init`).

    With subsampled chroma and an odd side some numbers are impossible: a slice would begin inside a chroma sample.
    """
    layout = fmt.layout
    planes = len(fmt.plane_shapes)
    fewest_rows = 2 if fmt.width > 352 or fmt.height > 288 else 1
    for rows in range(fewest_rows, 33):
        if slices % rows or not rows <= slices // rows <= 2 * rows:
            continue
        columns = slices // rows
        widest, tallest = -(-fmt.width // columns), -(-fmt.height // rows)
        fits = columns <= -(-fmt.width >> layout.chroma_shift_x) and rows <= -(-fmt.height >> layout.chroma_shift_y)
        small_enough = widest * tallest * (fmt.bit_depth + 1) * planes <= 8 << 24
        if (
            fits
            and small_enough
            and not (
                _splits_chroma(fmt.width, columns, layout.chroma_shift_x)
                or _splits_chroma(fmt.height, rows, layout.chroma_shift_y)
            )
        ):
            return True
    return False


def _splits_chroma(side: int, slices: int, shift: int) -> bool:
    step = 1 << shift
    last = side * (slices - 1) // slices
    return side % step != 0 and (side - last) % step == 0


def stored_pix_fmt(fmt: PictureFormat) -> str:
    """The pixel format FFV1 keeps the samples in: 8-bit RGB only exists as `bgr0` and `bgra`, with the same samples."""
    return {"gbrp": "bgr0", "gbrap": "bgra"}.get(fmt.pix_fmt, fmt.pix_fmt)


def _as_stored(picture: Any, fmt: PictureFormat) -> Any:
    """The untagged stream in the layout FFV1 keeps: once tagged as log, swscale refuses even a change of layout."""
    return picture.filter("format", stored_pix_fmt(fmt))


def tag_colours(picture: Any, fmt: PictureFormat) -> Any:
    """The ffmpeg-python stream with what is known of the colours on every frame, so that the encoder carries it.

    Output options such as `-colorspace` would not do: they make ffmpeg *convert* untagged frames.
    """
    known = {
        option: value
        for option, value in zip(
            ("color_trc", "color_primaries", "colorspace"), (fmt.transfer, fmt.primaries, fmt.matrix), strict=True
        )
        if value != UNKNOWN and not only_ours(value)
    }
    if fmt.full_range is not None:
        known["range"] = "pc" if fmt.full_range else "tv"
    return picture.filter("setparams", **known) if known else picture


def colour_options(fmt: PictureFormat) -> dict[str, Any]:
    """Output options that `tag_colours` needs beside it.

    The code range, which ffmpeg would otherwise convert to the encoder's default, and transfer characteristics
    that Matroska has no number for.
    """
    options: dict[str, Any] = {}
    if fmt.full_range is not None:
        options["color_range"] = "pc" if fmt.full_range else "tv"
    if only_ours(fmt.transfer):
        options["metadata:s:v:0"] = f"{TRANSFER_TAG}={fmt.transfer}"
    return options


def draft_path(path: Path) -> Path:
    """Where a file is made before it takes its name; of this process, so that a killed one's orphan cannot disturb."""
    return path.with_name(f".{path.name}.{os.getpid()}.draft")


class FrameWriter:
    """Writes one video file. It takes its name when the block ends well; else nothing is left.

    >>> with FrameWriter(path, fmt) as writer:  # doctest: +SKIP
    ...     writer.write(frame)
    """

    def __init__(
        self,
        path: Path,
        fmt: PictureFormat,
        settings: Ffv1Settings | None = None,
        *,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Prepare.

        Args:
            path: file to write.
            fmt: of every frame.
            settings: of the FFV1 encoder.
            options: ffmpeg output options of another codec instead (they must name the container, `f`).
        """
        self.path, self.format = path, fmt
        self.frames = 0
        self._options = (settings or Ffv1Settings()).options(fmt) if options is None else options
        self._draft = draft_path(path)

    def __enter__(self) -> Self:
        """Start ffmpeg."""
        fmt = self.format
        picture = ffmpeg.graph.input(
            "pipe:0", f="rawvideo", pix_fmt=fmt.pix_fmt, s=f"{fmt.width}x{fmt.height}", framerate=str(fmt.fps)
        )
        if self._options.get("c:v") == "ffv1":
            picture = _as_stored(picture, fmt)
        target = ffmpeg.file_url(self._draft)
        command = ffmpeg.compile_graph(tag_colours(picture, fmt).output(target, **self._options))
        self._block = ffmpeg.child(command, about=self.path, stdin=subprocess.PIPE)
        self._running = self._block.__enter__()
        return self

    def write(self, frame: Frame) -> None:
        """Add a frame.

        Raises:
            MediaError: it does not have the stream's format.
            BrokenPipeError: ffmpeg went away; the block's end raises its reason as MediaError.
        """
        self.format.require(frame)
        for plane in frame:
            self._running.stdin.write(np.ascontiguousarray(plane).data)
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish the file, or remove what there is of it.

        Raises:
            MediaError: ffmpeg failed.
        """
        try:
            self._block.__exit__(kind, value, traceback)
            if kind is None:
                if not self.frames:
                    raise WrongUse("a video needs at least one frame", file=self.path)
                self._draft.replace(self.path)
        finally:
            self._draft.unlink(missing_ok=True)


def encode_sequence(
    sequence: ImageSequence,
    fmt: PictureFormat,
    path: Path,
    settings: Ffv1Settings | None = None,
    *,
    progress: ffmpeg.Progress | None = None,
) -> None:
    """Encode frame files to one FFV1 file; it takes its name when it is whole.

    One ffmpeg reads and writes, where it reads frames like the first as we do; else our own reader feeds it.

    Args:
        sequence: the frames.
        fmt: see `reader.sequence_format`.
        path: file to write.
        settings: of the encoder.
        progress: called with the frames done.

    Raises:
        DeliveryError: a frame is damaged.
        MediaError: a frame cannot be decoded, or ffmpeg fails.
    """
    if not ffmpeg_reads(sequence.header()):
        encode_frames(FrameReader(sequence, fmt), fmt, path, settings, progress=progress)
        return
    draft = draft_path(path)
    try:
        with sequence_input(sequence, fmt.fps) as (picture, cwd):
            options = (settings or Ffv1Settings()).options(fmt)
            stored = _as_stored(untagged(picture), fmt)
            if fmt.is_grey:
                # ffmpeg's PNG reader marks grey as RGB, and in Matroska the mark would outlive the layout
                stored = stored.filter("setparams", colorspace="unknown")
            coded = tag_colours(stored, fmt).output(ffmpeg.file_url(draft), fps_mode="passthrough", **options)
            ffmpeg.run(coded, about=sequence.folder, progress=progress, cwd=cwd)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def encode_frames(
    frames: Iterable[Frame],
    fmt: PictureFormat,
    path: Path,
    settings: Ffv1Settings | None = None,
    *,
    progress: ffmpeg.Progress | None = None,
) -> None:
    """Encode frames at hand to one FFV1 file; it takes its name when it is whole.

    Args:
        frames: each of format `fmt`; such as a `FrameReader`, or codes stretched on the way.
        fmt: of the frames and of the file.
        path: file to write.
        settings: of the encoder.
        progress: called with the frames done.

    Raises:
        WrongUse: there are no frames.
        MediaError: a frame has another format, or ffmpeg fails.
    """
    with FrameWriter(path, fmt, settings) as writer:
        for frame in frames:
            writer.write(frame)
            if progress:
                progress(writer.frames)
