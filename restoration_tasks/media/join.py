"""Join and cut FFV1 masters by stream copy: the coded frames are moved, never coded again."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
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
    """Read the coded frames of a file's first video stream.

    Raises:
        MediaError: it is damaged or truncated.
    """
    return coded_streams(path, "v:0")[0]


def coded_streams(path: Path, *streams: str, packets_at_most: int | None = None) -> tuple[CodedStream, ...]:
    """Read the coded packets of several streams of a file in one pass.

    Args:
        path: the file.
        streams: ffmpeg's names of them, such as `v:0`, `a:1`.
        packets_at_most: of each stream; default: all.

    Raises:
        MediaError: it is damaged or truncated, or a stream is not there.
    """
    source = ffmpeg.graph.input(ffmpeg.file_url(path))
    wanted = {} if packets_at_most is None else {"frames": packets_at_most}
    copied = ffmpeg.graph.output(
        *(source[name] for name in streams),
        "pipe:1",
        c="copy",
        f="framehash",
        hash="adler32",
        **wanted,
        **ffmpeg.BITEXACT,
    )
    configurations = [""] * len(streams)
    packets: list[list[str]] = [[] for _ in streams]
    for line in ffmpeg.lines(copied, about=path):
        if line.startswith("#extradata"):
            place, *_, configuration = line.removeprefix("#extradata").split(",")
            configurations[int(place)] = configuration.strip()
        elif not line.startswith("#"):
            place, *_, checksum = line.split(",")
            packets[int(place)].append(checksum.strip())
    return tuple(CodedStream(*one) for one in zip(configurations, map(tuple, packets), strict=True))


def count_frames(path: Path) -> int:
    """Frames a file really holds.

    Raises:
        MediaError: it is damaged or truncated.
    """
    return len(coded_stream(path))


def copy_options(fmt: PictureFormat) -> dict[str, Any]:
    """Output options that copy a picture stream with every frame's time set anew.

    Each file's times are rounded to milliseconds; joined as they are the errors add up until a seek lands on the wrong
    frame. So every frame gets its time from its place.
    """
    place = f"round(N/(TB*{fmt.fps}))"
    after = f"round((N+1)/(TB*{fmt.fps}))"
    return {
        "c": "copy",
        "bsf:v": f"setts=ts={place}:duration={after}-{place}",
        "r": str(fmt.fps),
        "f": "matroska",
        **colour_options(fmt),
        **ffmpeg.BITEXACT,
    }


def require_alike(parts: Sequence[Path], *, packets_at_most: int | None = None) -> tuple[PictureFormat, CodedStream]:
    """What files hold that are to be joined: their common format, and their frames end to end.

    Args:
        parts: the files, in order.
        packets_at_most: frames read of each; default: all.

    Raises:
        MediaError: the parts differ in format or coding, or one is damaged.
    """
    first = probe(parts[0]).format
    expected = coded_streams(parts[0], "v:0", packets_at_most=packets_at_most)[0]
    packets = list(expected.packets)
    for part in parts[1:]:
        stream = coded_streams(part, "v:0", packets_at_most=packets_at_most)[0]
        if probe(part).format != first or stream.configuration != expected.configuration:
            raise MediaError(
                "the part was not coded like the first one",
                file=part,
                expected=f"{first.width}x{first.height} {first.pix_fmt} as in {parts[0].name}",
                found="another format or coding",
                action="make this part again with the present version",
            )
        packets += stream.packets
    return first, CodedStream(expected.configuration, tuple(packets))


@contextlib.contextmanager
def end_to_end(parts: Sequence[Path]) -> Iterator[Any]:
    """An ffmpeg-python input over files of one format, one after the other; their names may be anything."""
    with tempfile.TemporaryDirectory(prefix="reelkeeper-join-") as name:
        folder = Path(name)
        for place, part in enumerate(parts):
            (folder / f"{place:08d}.mkv").symlink_to(part.absolute())
        listing = folder / "parts.txt"
        listing.write_text("".join(f"file '{place:08d}.mkv'\n" for place in range(len(parts))))
        yield ffmpeg.graph.input(ffmpeg.file_url(listing), f="concat", safe=1)


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
    fmt, expected = require_alike(parts)
    draft = draft_path(out)
    try:
        with end_to_end(parts) as picture:
            joined = picture["v:0"].output(ffmpeg.file_url(draft), **copy_options(fmt))
            ffmpeg.run(joined, about=out, progress=progress)
        require_packets(coded_stream(draft), expected, out)
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
    copied = ffmpeg.graph.input(ffmpeg.file_url(master), ss=f"{when:.6f}")["v:0"].output(
        ffmpeg.file_url(draft), copypriorss=1, **{"frames:v": stop - start}, **copy_options(info.format)
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


def require_packets(found: CodedStream, expected: CodedStream, out: Path) -> None:
    """Refuse a copied stream that is not exactly what was to be copied.

    Raises:
        MediaError: it is not; the first packet that differs is named.
    """
    if found != expected:
        pairs = enumerate(zip(found.packets, expected.packets, strict=False))
        differing = next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))
        raise MediaError(
            "the joined file does not hold exactly the frames of its parts",
            file=out,
            frame=differing,
            expected=f"{len(expected)} frames",
            found=f"{len(found)} frames",
            action="check the disk, then run the step again",
        )
