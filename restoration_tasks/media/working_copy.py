"""The frames of a delivered container: their digests, and the FFV1 working copy of exactly these frames.

The container itself is kept as delivered. Treatments work on the copy, which is marked as such by `working_copy_tags`.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.container import ContainerInfo, as_delivered, decoded
from restoration_tasks.media.digests import PackedDigests
from restoration_tasks.media.join import count_frames
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.runtime.errors import DeliveryError, MediaError

PART_FRAMES = 96
"""Frames of a resumable part; as in ingest of single frames."""
_HASHED = re.compile(r"0,\s*-?\d+,\s*(?P<pts>-?\d+),\s*\d+,\s*\d+,\s*(?P<digest>[0-9a-f]{32})")
_TIME_BASE = re.compile(r"#tb 0: (\d+/\d+)")
_OFF_BEAT = Fraction(1, 4)
"""How far (in frames) a frame may lie from its place. Clocks of milliseconds or 1/600 s round by less."""


def working_copy_tags(info: ContainerInfo) -> dict[str, str]:
    """Tags for `master.write_master` that mark a file as the working copy of a container kept as delivered."""
    return {
        "DESCRIPTION": f"FFV1 working copy; the delivered {info.codec} file {info.name} is the preservation master",
        "ORIGINAL_MEDIA_TYPE": f"{info.container} {info.codec} {info.profile}".strip(),
    }


def frame_digests(path: Path, info: ContainerInfo, *, progress: ffmpeg.Progress | None = None) -> PackedDigests:
    """The framemd5 of a container: md5 (hex) of every decoded frame, in the layout of `info.format`.

    Args:
        path: the container.
        info: of it.
        progress: called with the frames done.

    Raises:
        DeliveryError: it is damaged or truncated, holds fewer or more frames than it says, or its frame rate changes.
            The frame is named: exactly where the file ends; damage lies there or shortly after, as decoders work
            ahead.
    """
    digests = PackedDigests()
    damaged_near: int | None = None
    with as_delivered(path):
        try:
            for place, (digest, time_s, complained) in enumerate(_hashed_frames(path, info)):
                damaged_near = place if complained and damaged_near is None else damaged_near
                _require_on_beat(time_s, place, info, path)
                digests.append(digest)
                if progress:
                    progress(place + 1)
        except MediaError as error:
            short = info.stated_frames is not None and len(digests) < info.stated_frames
            error.frame = len(digests) if short or damaged_near is None else damaged_near
            error.action = "the file is truncated or damaged: fetch it again"
            raise
    if info.stated_frames not in (None, len(digests)):
        raise DeliveryError(
            "the container does not hold as many frames as it says",
            file=path.name,
            frame=len(digests),
            expected=f"{info.stated_frames} frames",
            found=f"{len(digests)} frames",
            action="the file is truncated or damaged: fetch it again",
        )
    return digests


def _hashed_frames(path: Path, info: ContainerInfo) -> Iterator[tuple[str, Fraction, bool]]:
    """Of each frame its md5, its time in seconds after the first one, and whether the decoder has complained by now."""
    hashed = decoded(path, info).output(
        "pipe:1",
        f="framemd5",
        pix_fmt=info.format.pix_fmt,
        fps_mode="passthrough",
        # the container's own clock, in which a frame out of step shows
        enc_time_base="demux",
        flush_packets=1,
    )
    clock, first = Fraction(1), None
    with ffmpeg.child(ffmpeg.compile_graph(hashed), about=path, stdout=subprocess.PIPE) as running:
        for raw in running.stdout:
            line = raw.decode("ascii", "replace").strip()
            if base := _TIME_BASE.fullmatch(line):
                clock = Fraction(base[1])
            elif found := _HASHED.fullmatch(line):
                first = int(found["pts"]) if first is None else first
                yield found["digest"], (int(found["pts"]) - first) * clock, running.complained


def _require_on_beat(time_s: Fraction, frame: int, info: ContainerInfo, path: Path) -> None:
    due_s = frame / info.format.fps
    if abs(time_s - due_s) * info.format.fps > _OFF_BEAT:
        raise DeliveryError(
            "the frame rate changes in this file: a frame does not come when it is due",
            file=path.name,
            frame=frame,
            expected=f"{float(due_s):.4f} s at {info.format.fps} frames a second",
            found=f"{float(time_s):.4f} s",
            action="have the reel delivered at a constant frame rate; film has no other",
        )


def working_copy(
    path: Path,
    info: ContainerInfo,
    digests: Sequence[str],
    part: Callable[[int], Path],
    *,
    part_frames: int = PART_FRAMES,
    progress: ffmpeg.Progress | None = None,
) -> tuple[Path, ...]:
    """Write the picture as FFV1 parts that survive a kill; each frame is compared with its digest on the way.

    The file is always decoded from its start: only that gives the same frames whatever its coding, and decoding takes a
    fraction of the time that coding does.

    Args:
        path: the container.
        info: of it.
        digests: of its frames, see `frame_digests`.
        part: file for the part that begins at a frame. One that is there is taken as it is if it has its length.
        part_frames: frames of each part but the last.
        progress: called with the frames done.

    Returns:
        The parts, in order, for `master.write_master`.

    Raises:
        DeliveryError: the file is damaged, or has changed since the digests were made.
    """
    starts = range(0, len(digests), part_frames)
    lengths = {start: min(part_frames, len(digests) - start) for start in starts}
    missing = [start for start in starts if not _is_whole(part(start), lengths[start])]
    if missing:
        # `closing`, so that a failure here ends the decoder before it is reported
        with as_delivered(path), contextlib.closing(_frames(path, info)) as frames:
            place = 0
            for start in missing:
                while place < start:
                    _take(frames, place, digests, path)
                    place += 1
                with FrameWriter(part(start), info.format) as writer:
                    while place < start + lengths[start]:
                        raw = _take(frames, place, digests, path)
                        writer.write(info.format.frame_from_bytes(raw))
                        place += 1
                        if progress:
                            progress(place)
    return tuple(part(start) for start in starts)


def _is_whole(part: Path, frames: int) -> bool:
    """Whether a part of an attempt that was killed can be used (parts take their names only when they are finished)."""
    if not part.exists():
        return False
    try:
        return count_frames(part) == frames
    except MediaError:
        return False


def _take(frames: Iterator[bytearray], place: int, digests: Sequence[str], path: Path) -> bytearray:
    raw = next(frames, None)
    found = None if raw is None else hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if raw is None or found != digests[place]:
        raise DeliveryError(
            "the file decodes to another frame than it did before",
            file=path.name,
            frame=place,
            expected=digests[place],
            found=found or "the end of the file",
            action="check that nothing writes to the delivery, then run again; if it fails twice, check the memory",
        )
    return raw


def _frames(path: Path, info: ContainerInfo) -> Generator[bytearray]:
    """Every frame's raw planes, in the layout of `info.format`."""
    raw = decoded(path, info).output("pipe:1", f="rawvideo", pix_fmt=info.format.pix_fmt, fps_mode="passthrough")
    with ffmpeg.child(ffmpeg.compile_graph(raw), about=path, stdout=subprocess.PIPE) as running:
        while frame := running.stdout.read(info.format.frame_bytes):
            if len(frame) == info.format.frame_bytes:
                yield bytearray(frame)
