"""Join and cut FFV1 masters by stream copy: the coded frames are moved, never coded again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe
from restoration_tasks.media.writer import colour_options, draft_path
from restoration_tasks.runtime.errors import MediaError, WrongUse


@dataclass(frozen=True)
class CodedStream:
    """The coded frames of a file, without decoding them."""

    configuration: str
    """Digest of the codec's configuration record; streams can be joined only where it is the same."""
    packets: tuple[str, ...]
    """Checksum of each coded frame."""

    def __len__(self) -> int:
        """Frames."""
        return len(self.packets)


def coded_stream(path: Path) -> CodedStream:
    """Read a file's coded frames.

    Raises:
        MediaError: it is damaged or truncated.
    """
    copied = ffmpeg.graph.input(ffmpeg.file_url(path)).output(
        "pipe:1", map="0:v:0", c="copy", f="framehash", hash="adler32", **ffmpeg.BITEXACT
    )
    configuration, packets = "", []
    for line in ffmpeg.lines(copied, about=path):
        if line.startswith("#extradata"):
            configuration = line.split(",", 1)[1].replace(" ", "")
        elif not line.startswith("#"):
            packets.append(line.rsplit(",", 1)[1].strip())
    return CodedStream(configuration, tuple(packets))


def count_frames(path: Path) -> int:
    """Frames a file really holds.

    Raises:
        MediaError: it is damaged or truncated.
    """
    return len(coded_stream(path))


def _copy_options(fmt: PictureFormat) -> dict[str, Any]:
    # Each file's times are rounded to milliseconds; joined as they are the errors add up until a seek lands on the
    # wrong frame. So every frame gets its time anew from its place.
    place = f"round(N/(TB*{fmt.fps}))"
    after = f"round((N+1)/(TB*{fmt.fps}))"
    return {
        "map": "0:v:0",
        "c": "copy",
        "bsf:v": f"setts=ts={place}:duration={after}-{place}",
        "r": str(fmt.fps),
        "f": "matroska",
        **colour_options(fmt),
        **ffmpeg.BITEXACT,
    }


def join(parts: Sequence[Path], out: Path, *, progress: ffmpeg.Progress | None = None) -> int:
    """Join files of one format end to end.

    Args:
        parts: the files, in order.
        out: file to write; it takes its name only when it is whole.
        progress: called with the frames joined.

    Returns:
        Frames in the joined file.

    Raises:
        MediaError: the parts differ in format or coding, one is damaged, or the result is not exactly their frames.
    """
    if not parts:
        raise WrongUse("there is nothing to join", file=out)
    first = probe(parts[0])
    expected: list[str] = []
    configuration = None
    for part in parts:
        stream = coded_stream(part)
        configuration = configuration or stream.configuration
        if probe(part).format != first.format or stream.configuration != configuration:
            raise MediaError(
                "the part was not coded like the first one",
                file=part,
                expected=f"{first.format.width}x{first.format.height} {first.format.pix_fmt} as in {parts[0].name}",
                found="another format or coding",
                action="make this part again with the present version",
            )
        expected += stream.packets
    draft = draft_path(out)
    try:
        with tempfile.TemporaryDirectory(prefix="reelkeeper-join-") as name:
            folder = Path(name)
            for place, part in enumerate(parts):
                (folder / f"{place:08d}.mkv").symlink_to(part.absolute())
            listing = "".join(f"file '{place:08d}.mkv'\n" for place in range(len(parts)))
            (folder / "parts.txt").write_text(listing)
            joined = ffmpeg.graph.input("parts.txt", f="concat", safe=1).output(
                ffmpeg.file_url(draft), **_copy_options(first.format)
            )
            ffmpeg.run(joined, about=out, progress=progress, cwd=folder)
        _require_frames(draft, out, tuple(expected))
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return len(expected)


def cut(master: Path, start: int, stop: int, out: Path) -> None:
    """Copy the frames `start ≤ i < stop` of an intra-only master.

    Raises:
        MediaError: the master is not intra-only, damaged, or holds fewer frames.
        WrongUse: an empty or negative range.
    """
    if not 0 <= start < stop:
        raise WrongUse("a cut needs a range of frames", expected="0 <= start < stop", found=f"{start} to {stop}")
    info = probe(master)
    if not info.intra_only:
        raise MediaError(
            "frames can be copied only from an intra-only master",
            file=master,
            expected="FFV1 with GOP 1",
            found=info.codec,
            action="ingest the source again",
        )
    # A quarter frame late: the seek goes back to the last frame at or before the time, and times are rounded.
    when = float((start + Fraction(1, 4)) / info.format.fps)
    draft = draft_path(out)
    copied = ffmpeg.graph.input(ffmpeg.file_url(master), ss=f"{when:.6f}").output(
        ffmpeg.file_url(draft), copypriorss=1, **{"frames:v": stop - start}, **_copy_options(info.format)
    )
    try:
        ffmpeg.run(copied, about=master)
        found = count_frames(draft)
        if found != stop - start:
            raise MediaError(
                "the master ends before the cut does",
                file=master,
                frame=start + found,
                expected=f"frames {start} to {stop - 1}",
                found=f"{found} frames",
                action="check the range against the list of shots",
            )
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _require_frames(draft: Path, out: Path, expected: tuple[str, ...]) -> None:
    found = coded_stream(draft).packets
    if found != expected:
        differing = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(found))
        raise MediaError(
            "the joined file does not hold exactly the frames of its parts",
            file=out,
            frame=differing,
            expected=f"{len(expected)} frames",
            found=f"{len(found)} frames",
            action="check the disk, then run the step again",
        )
