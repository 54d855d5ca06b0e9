"""Per-frame digests of decoded pictures, in ffmpeg's framemd5 notation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.delivery.sequence import ImageSequence, find_sequence
from restoration_tasks.media.digests import PackedDigests
from restoration_tasks.media.picture import PictureFormat, frame_md5
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import DECODE_THREADS, DEFAULT_FPS, FrameReader, Source, sequence_input, untagged
from restoration_tasks.media.stills.still import ffmpeg_reads
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import write_atomic

_LINE = re.compile(r"0,\s*-?\d+,\s*-?\d+,\s*\d+,\s*(?P<size>\d+),\s*(?P<digest>[0-9a-f]{32})")


def compute(source: Source, *, progress: ffmpeg.Progress | None = None) -> PackedDigests:
    """md5 (hex) of every decoded frame's raw planes, in the source's own pixel format.

    ffmpeg decodes, which for frame files is the second, independent reader; frame files it does not read as we do are
    decoded by ours (of EXR the ordered codes count).

    Args:
        source: video file, folder of frames, or sequence.
        progress: called with the frames done.

    Raises:
        DeliveryError: a folder without a readable sequence.
        MediaError: the stream is damaged.
    """
    if isinstance(source, Path) and source.is_dir():
        source = find_sequence(source)
    if isinstance(source, Path):
        picture = ffmpeg.graph.input(ffmpeg.file_url(source), noautorotate=None, threads=DECODE_THREADS)
        return _by_ffmpeg(picture, probe(source).format.pix_fmt, source, None, progress)
    header = source.header()
    if not ffmpeg_reads(header):
        return _by_us(source, progress)
    with sequence_input(source, DEFAULT_FPS) as (picture, cwd):
        return _by_ffmpeg(picture, header.pix_fmt, source.folder, cwd, progress)


def _by_us(sequence: ImageSequence, progress: ffmpeg.Progress | None) -> PackedDigests:
    digests = PackedDigests()
    for frame in FrameReader(sequence):
        digests.append(frame_md5(frame))
        if progress:
            progress(len(digests))
    return digests


def _by_ffmpeg(
    picture: Any, pix_fmt: str, about: Path, cwd: Path | None, progress: ffmpeg.Progress | None
) -> PackedDigests:
    hashed = untagged(picture).output("pipe:1", f="framemd5", pix_fmt=pix_fmt, fps_mode="passthrough", flush_packets=1)
    digests = PackedDigests()
    for line in ffmpeg.lines(hashed, about=about, cwd=cwd):
        found = _LINE.fullmatch(line)
        if found:
            digests.append(found["digest"])
            if progress:
                progress(len(digests))
    return digests


def render(digests: Sequence[str], fmt: PictureFormat) -> str:
    """The text of a framemd5 file, as `ffmpeg -f framemd5` writes it for constant-rate raw video, less its version."""
    rate = fmt.fps
    head = (
        "#format: frame checksums\n#version: 2\n#hash: MD5\n"
        f"#tb 0: {rate.denominator}/{rate.numerator}\n"
        "#media_type 0: video\n#codec_id 0: rawvideo\n"
        f"#dimensions 0: {fmt.width}x{fmt.height}\n#sar 0: 0/1\n"
        "#stream#, dts,        pts, duration,     size, hash\n"
    )
    body = (f"0, {i:>10}, {i:>10}, {1:>8}, {fmt.frame_bytes:>8}, {digest}\n" for i, digest in enumerate(digests))
    return head + "".join(body)


def write(path: Path, digests: Sequence[str], fmt: PictureFormat) -> None:
    """Write a framemd5 file."""
    write_atomic(path, render(digests, fmt).encode())


def read(path: Path) -> PackedDigests:
    """Digests of a framemd5 file.

    Raises:
        MediaError: a line is no digest, or there is none.
    """
    digests = PackedDigests()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            found = _LINE.fullmatch(line.strip())
            if not found:
                raise _refuse(path, f"line {number} is not a frame's md5")
            digests.append(found["digest"])
    if not digests:
        raise _refuse(path, "there are no digests in the file")
    return digests


def _refuse(path: Path, message: str) -> MediaError:
    return MediaError(message, file=path, action="make the framemd5 file again from the master")


@dataclass(frozen=True)
class Difference:
    """Where two lists of frame digests part."""

    frame: int
    """First frame (0-based) that is not the same in both."""
    expected: str | None
    """Digest in the first list; None where it has ended."""
    found: str | None
    """Digest in the second list; None where it has ended."""


def compare(expected: Sequence[str], found: Sequence[str]) -> Difference | None:
    """First difference between two lists, or None where they are the same."""
    for frame in range(max(len(expected), len(found))):
        ours = expected[frame] if frame < len(expected) else None
        theirs = found[frame] if frame < len(found) else None
        if ours != theirs:
            return Difference(frame, ours, theirs)
    return None
