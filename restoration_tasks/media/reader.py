"""Read frames, exactly: from a video file through one ffmpeg pipe, from an image sequence by our own decoders."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.delivery.sequence import ImageSequence, find_sequence
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.probe import exact_rate, probe
from restoration_tasks.media.stills.look_ahead import decode_files
from restoration_tasks.media.stills.still import StillHeader, StillKind
from restoration_tasks.runtime.errors import DeliveryError, MediaError, WrongUse

DEFAULT_FPS = Fraction(24)
"""Rate of a sequence that does not say its own: sound film."""
DECODE_THREADS = 4
"""Enough for a two-core laptop and bounded on a large node, where every thread would hold frames."""
_LINK_ENDINGS = {StillKind.DPX: ".dpx", StillKind.TIFF: ".tif", StillKind.EXR: ".exr", StillKind.PNG: ".png"}
_SECONDS = re.compile(r"at ([0-9.]+) seconds")

Source = Path | ImageSequence


def sequence_format(header: StillHeader, fps: Fraction | None = None) -> PictureFormat:
    """Format of a sequence from the header of its first frame.

    Args:
        header: of the first frame.
        fps: rate to use; else the header's, else `DEFAULT_FPS`.
    """
    stated = exact_rate(header.fps) if header.fps else DEFAULT_FPS
    return PictureFormat(header.width, header.height, header.pix_fmt, fps or stated, header.transfer, header.primaries)


def probe_format(source: Source, fps: Fraction | None = None) -> PictureFormat:
    """Format of a video file, a sequence, or a folder that holds one.

    Args:
        source: file, folder or sequence.
        fps: overrides what the source says.

    Raises:
        DeliveryError: a folder without a readable sequence.
        MediaError: a file without readable video.
    """
    if isinstance(source, Path) and source.is_dir():
        source = find_sequence(source)
    if isinstance(source, ImageSequence):
        return sequence_format(source.header(), fps)
    found = probe(source).format
    return found if fps is None else replace(found, fps=fps)


@contextlib.contextmanager
def sequence_input(sequence: ImageSequence, fps: Fraction) -> Iterator[tuple[Any, Path]]:
    """An ffmpeg-python input over a sequence, and the folder to run ffmpeg in.

    ffmpeg sees links of its own counting, so a frame's name may hold `%`, blanks, quotes or a dash in front.
    """
    with tempfile.TemporaryDirectory(prefix="reelkeeper-frames-") as name:
        folder = Path(name)
        ending = _LINK_ENDINGS[sequence.kind]
        for place, frame in enumerate(sequence.frames):
            (folder / f"{place:08d}{ending}").symlink_to(frame.path.absolute())
        yield (
            ffmpeg.graph.input(
                f"%08d{ending}",
                f="image2",
                framerate=str(fps),
                start_number=0,
                threads=DECODE_THREADS,
                # a frame's orientation is reported, never applied: the master holds samples as they lie in the file
                noautorotate=None,
            ),
            folder,
        )


def untagged(picture: Any) -> Any:
    """The ffmpeg-python stream without transfer and primaries on its frames.

    A change of layout alone (`rgb48be` to `gbrp16le`) must be just that; swscale refuses it for log transfers.
    """
    return picture.video.filter("setparams", color_trc="unknown", color_primaries="unknown")


class FrameReader:
    """Frames of a source, in order; iterate as often as needed, each time from the start.

    Frames of an EXR sequence are ordered codes (`stills.float_coding`).

    Attributes:
        format: of every frame.
        start: first frame read, 0-based.
        count: frames that will be read; None where only the end of the file tells.
    """

    def __init__(
        self, source: Source, fmt: PictureFormat | None = None, start: int = 0, count: int | None = None
    ) -> None:
        """Look at the source.

        Args:
            source: video file, folder of frames, or a sequence already found.
            fmt: the format it must have; its rate is used for a sequence. Default: whatever the source is.
            start: first frame, 0-based.
            count: frames to read. Default: to the end.

        Raises:
            DeliveryError: a folder without a readable sequence.
            MediaError: no readable video, or another size or pixel format than `fmt`.
            WrongUse: a range outside the sequence.
        """
        self._source: Source = find_sequence(source) if isinstance(source, Path) and source.is_dir() else source
        self.start, self.count = start, count
        if start < 0 or (count is not None and count < 0):
            raise WrongUse("frames are counted from 0", expected="0 or more", found=f"start {start}, count {count}")
        self._strict = self._seeks = True
        if isinstance(self._source, ImageSequence):
            self.format = sequence_format(self._source.header(), fmt.fps if fmt else None)
            stated: int | None = len(self._source)
        else:
            info = probe(self._source)
            self.format, stated = info.format, info.frames
            self._strict, self._seeks = info.lossless, info.intra_only
        self._require_format(fmt)
        if stated is not None and self._strict:
            left = stated - start
            if left < (count or 0):
                raise WrongUse(
                    "the frames asked for are not in the source",
                    file=self.name,
                    expected=f"0 to {stated - 1}",
                    found=f"{start} to {start + (count or 1) - 1}",
                )
            self.count = left if count is None else count

    @property
    def name(self) -> str:
        """Name of the source for messages."""
        return str(self._source.folder if isinstance(self._source, ImageSequence) else self._source)

    @property
    def seeks(self) -> bool:
        """Whether it can begin at any frame without reading those before."""
        return self._seeks

    def __len__(self) -> int:
        """Frames that will be read.

        Raises:
            TypeError: only the end of the file tells.
        """
        if self.count is None:
            raise TypeError("the number of frames is known only at the end of the file")
        return self.count

    def __iter__(self) -> Iterator[Frame]:
        """Yield each frame, in memory of its own.

        Raises:
            DeliveryError: a frame file is damaged, truncated or not like the first; the frame is named.
            MediaError: a video file is damaged or ends early; the frame is named.
        """
        if self.count == 0:
            return
        if isinstance(self._source, ImageSequence):
            yield from self._decode_files(self._source)
            return
        try:
            yield from self._decode_video(self._source)
        except MediaError as error:
            raise self._with_frame(error) from error

    def _decode_files(self, sequence: ImageSequence) -> Iterator[Frame]:
        frames = sequence.frames[self.start : self.start + (self.count or 0)]
        decoded = decode_files([frame.path for frame in frames])
        with contextlib.closing(decoded):
            for entry in frames:
                try:
                    header, frame = next(decoded)
                    self._require_like_first(header)
                except DeliveryError as error:
                    error.file, error.frame = error.file or entry.path.name, entry.number
                    raise
                yield frame
                del frame

    def _require_like_first(self, header: StillHeader) -> None:
        wanted = (self.format.width, self.format.height, self.format.pix_fmt)
        if (header.width, header.height, header.pix_fmt) != wanted:
            raise DeliveryError(
                "the frame is not like the first frame of the sequence",
                expected="{}x{} {}".format(*wanted),
                found=f"{header.width}x{header.height} {header.pix_fmt}",
                action="have this frame delivered as the others are",
            )

    def _command(self, path: Path) -> tuple[list[str], int]:
        """The command, and the frames to pass over where the file cannot be sought."""
        skipped = 0
        where: dict[str, Any] = {"threads": DECODE_THREADS}
        if self.start and self._seeks:
            # Half a frame early: Matroska rounds times, and ffmpeg drops what lies before the time asked for.
            where["ss"] = f"{float((self.start - Fraction(1, 2)) / self.format.fps):.6f}"
        elif self.start:
            skipped = self.start
        picture = ffmpeg.graph.input(ffmpeg.file_url(path), noautorotate=None, **where)
        wanted = {} if self.count is None else {"frames:v": self.count + skipped}
        raw = untagged(picture).output(
            "pipe:1",
            f="rawvideo",
            pix_fmt=self.format.pix_fmt,
            fps_mode="passthrough",
            # the container's fine clock: in whole frames, half a frame after a seek, two would fall together
            enc_time_base="demux",
            **wanted,
        )
        return ffmpeg.compile_graph(raw), skipped

    def _decode_video(self, path: Path) -> Iterator[Frame]:
        command, to_skip = self._command(path)
        done = 0
        with ffmpeg.child(command, about=self.name, stdout=subprocess.PIPE, strict=self._strict) as running:
            while True:
                raw = bytearray(self.format.frame_bytes)
                filled = _fill(running, raw)
                if filled < len(raw):
                    break
                if self._strict and running.complained:
                    raise ffmpeg.failure(running, self.name)
                if to_skip:
                    to_skip -= 1
                    continue
                yield self.format.frame_from_bytes(raw)
                done += 1
        if self.count is not None and done < self.count:
            raise self._ended(done)

    def _ended(self, done: int) -> MediaError:
        return MediaError(
            "the picture stream ends before this frame",
            file=self.name,
            frame=self.start + done,
            expected=f"{self.count} frames",
            found=f"{done} frames",
            action="the file is truncated or damaged: fetch it again",
        )

    def _with_frame(self, error: MediaError) -> MediaError:
        """The error with the frame it is about, where ffmpeg says at which second it was."""
        said = _SECONDS.search(error.message)
        if error.frame is not None or not said:
            return error
        return MediaError(
            error.message, file=self.name, frame=round(float(said[1]) * float(self.format.fps)), action=error.action
        )

    def _require_format(self, fmt: PictureFormat | None) -> None:
        if fmt is None:
            return
        wanted = (fmt.width, fmt.height, fmt.pix_fmt)
        if wanted != (self.format.width, self.format.height, self.format.pix_fmt):
            raise MediaError(
                "the file has another picture format than the reel",
                file=self.name,
                expected=f"{fmt.width}x{fmt.height} {fmt.pix_fmt}",
                found=f"{self.format.width}x{self.format.height} {self.format.pix_fmt}",
                action="run the step that made this file again",
            )


def _fill(running: ffmpeg.Child, raw: bytearray) -> int:
    """Read one frame from the pipe; returns the bytes read, fewer than asked for at the end of the stream."""
    view = memoryview(raw)
    filled = 0
    while filled < len(raw):
        got = running.stdout.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            break
        filled += got
    return filled
