"""Read frames, exactly, from a video file or an image sequence through one ffmpeg pipe."""

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
from restoration_tasks.media.stills.still import StillHeader
from restoration_tasks.runtime.errors import MediaError, WrongUse

DEFAULT_FPS = Fraction(24)
"""Rate of a sequence that does not say its own: sound film."""
DECODE_THREADS = 4
"""Enough for a two-core laptop and bounded on a large node, where every thread would hold frames."""
_SECONDS = re.compile(r"at ([0-9.]+) seconds")

Source = Path | ImageSequence


def sequence_format(header: StillHeader, fps: Fraction | None = None) -> PictureFormat:
    """Format of a sequence from the header of its first frame.

    Args:
        header: of the first frame.
        fps: rate to use; else the header's, else `DEFAULT_FPS`.
    """
    stated = exact_rate(header.dpx.fps) if header.dpx is not None and header.dpx.fps else DEFAULT_FPS
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
        ending = {"dpx": ".dpx", "tiff": ".tif", "png": ".png"}[sequence.kind]
        for place, frame in enumerate(sequence.frames):
            (folder / f"{place:08d}{ending}").symlink_to(frame.path.absolute())
        yield (
            ffmpeg.graph.input(f"%08d{ending}", f="image2", framerate=str(fps), start_number=0, threads=DECODE_THREADS),
            folder,
        )


def untagged(picture: Any) -> Any:
    """The ffmpeg-python stream without transfer and primaries on its frames.

    A change of layout alone (`rgb48be` to `gbrp16le`) must be just that; swscale refuses it for log transfers.
    """
    return picture.video.filter("setparams", color_trc="unknown", color_primaries="unknown")


class FrameReader:
    """Frames of a source, in order; iterate as often as needed, each time from the start.

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
            MediaError: the stream is damaged or ends early; the frame is named.
        """
        if self.count == 0:
            return
        with self._command() as (command, cwd, skip):
            try:
                yield from self._decode(command, cwd, skip)
            except MediaError as error:
                raise self._with_frame(error) from error

    @contextlib.contextmanager
    def _command(self) -> Iterator[tuple[list[str], Path | None, int]]:
        """The command, the folder to run it in, and the frames to pass over where the source cannot be sought."""
        count, skipped = self.count, 0
        with contextlib.ExitStack() as stack:
            cwd = None
            if isinstance(self._source, ImageSequence):
                part = self._source.part(self.start, self.start + (self.count or 0))
                picture, cwd = stack.enter_context(sequence_input(part, self.format.fps))
            else:
                where: dict[str, Any] = {"threads": DECODE_THREADS}
                if self.start and self._seeks:
                    # Half a frame early: Matroska rounds times, and ffmpeg drops what lies before the time asked for.
                    where["ss"] = f"{float((self.start - Fraction(1, 2)) / self.format.fps):.6f}"
                elif self.start:
                    skipped = self.start
                picture = ffmpeg.graph.input(ffmpeg.file_url(self._source), noautorotate=None, **where)
            wanted = {} if count is None else {"frames:v": count + skipped}
            raw = untagged(picture).output(
                "pipe:1",
                f="rawvideo",
                pix_fmt=self.format.pix_fmt,
                fps_mode="passthrough",
                # the container's fine clock: in whole frames, half a frame after a seek, two would fall together
                enc_time_base="demux",
                **wanted,
            )
            yield ffmpeg.compile_graph(raw), cwd, skipped

    def _decode(self, command: list[str], cwd: Path | None, to_skip: int) -> Iterator[Frame]:
        done = 0
        with ffmpeg.child(command, about=self.name, stdout=subprocess.PIPE, cwd=cwd, strict=self._strict) as running:
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
        frame, file = self._staff_name(self.start + done)
        return MediaError(
            "the picture stream ends before this frame",
            file=file,
            frame=frame,
            expected=f"{self.count} frames",
            found=f"{done} frames",
            action="the file is truncated or damaged: fetch it again",
        )

    def _with_frame(self, error: MediaError) -> MediaError:
        """The error with the frame it is about, where ffmpeg says at which second it was."""
        said = _SECONDS.search(error.message)
        if error.frame is not None or not said:
            return error
        index = round(float(said[1]) * float(self.format.fps))
        if isinstance(self._source, ImageSequence):
            index += self.start
        frame, file = self._staff_name(index)
        return MediaError(error.message, file=file, frame=frame, action=error.action)

    def _staff_name(self, index: int) -> tuple[int, str]:
        """The scan's number and file for a place in the reel; of a video file its place and the file itself."""
        if isinstance(self._source, ImageSequence) and index < len(self._source):
            frame = self._source.frames[index]
            return frame.number, frame.path.name
        return index, self.name

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
