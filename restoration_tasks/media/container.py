"""Look at a delivered container (MKV, MOV, MP4): its picture as it decodes, its sound, what is odd about it."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.master import timecode_of
from restoration_tasks.media.picture import LAYOUTS, PictureFormat
from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.media.reader import DECODE_THREADS
from restoration_tasks.media.sound.tracks import SoundTrack, sound_tracks
from restoration_tasks.runtime.errors import DeliveryError, MediaError

_SAME_SAMPLES = {
    "bgr0": "gbrp",
    "0rgb": "gbrp",
    "rgb24": "gbrp",
    "bgr24": "gbrp",
    "bgra": "gbrap",
    "rgba": "gbrap",
    "rgb48le": "gbrp16le",
    "rgba64le": "gbrap16le",
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
}
"""What decoders give, and the layout of ours that holds the same samples."""
_FRAME = re.compile(r"showinfo.* fmt:(?P<pix_fmt>\w+) .* s:(?P<w>\d+)x(?P<h>\d+) i:(?P<scan>[A-Z])")
_CONFIG = re.compile(r"showinfo.* config in .*frame_rate: (?P<rate>\d+/\d+)")
_RANGE = re.compile(r"color_range:(?P<range>pc|tv)")
_PREFIXES = re.compile(r"^(\[[^\]]*\] )*")
_ERROR = re.compile(r"\[(error|fatal)\]")


@dataclass(frozen=True)
class ContainerInfo:
    """A delivered container."""

    name: str
    container: str
    """`Matroska`, `QuickTime`, `MPEG-4`, as MediaInfo names it."""
    codec: str
    """MediaInfo's name of the picture's coding, such as `ProRes` or `AVC`."""
    profile: str
    format: PictureFormat
    """Of the frames as they decode; no sample is converted."""
    decoded_pix_fmt: str
    """ffmpeg's name of what the decoder gives; another spelling of `format.pix_fmt`'s samples."""
    stated_frames: int | None
    """Frames the container says it holds."""
    lossless: bool
    interlaced: bool
    """Whether the frames are made of two fields, which film scans never are."""
    timecode: str | None
    sound: tuple[SoundTrack, ...]


def inspect(path: Path) -> ContainerInfo:
    """Look at a delivered container and at its first frame.

    Raises:
        DeliveryError: it cannot be read, holds no picture, or its samples are of a kind Reelkeeper does not work in.
    """
    with as_delivered(path):
        decoder = _first_frame(path)
        tracks = technical_metadata(path)
        whole, video = (_track(tracks, kind, path) for kind in ("General", "Video"))
        info = probe(path)
        stated = info.frames
        return ContainerInfo(
            name=path.name,
            container="QuickTime" if whole.get("format_profile") == "QuickTime" else str(whole.get("format")),
            codec=info.codec,
            profile=str(video.get("format_profile", "")),
            format=_format(info.format, decoder, path),
            decoded_pix_fmt=decoder.pix_fmt,
            stated_frames=stated,
            lossless=info.lossless,
            interlaced=decoder.interlaced or str(video.get("scan_type", "Progressive")) != "Progressive",
            timecode=timecode_of(path),
            sound=sound_tracks(path),
        )


@dataclass(frozen=True)
class _Decoded:
    """The first frame as it leaves the decoder."""

    pix_fmt: str
    width: int
    height: int
    fps: Fraction
    full_range: bool | None
    interlaced: bool


def _first_frame(path: Path) -> _Decoded:
    source = ffmpeg.graph.input(ffmpeg.file_url(path), noautorotate=None).video.filter("showinfo")
    command = ffmpeg.compile_graph(source.output("-", f="null", **{"frames:v": 1}))
    # the filter speaks at the level of information; `level` marks what is an error beside it
    command[command.index("-v") + 1] = "level+info"
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = answer.stderr.decode("utf-8", "replace")
    frame, config, code_range = _FRAME.search(said), _CONFIG.search(said), _RANGE.search(said)
    if frame is None or config is None:
        errors = [_PREFIXES.sub("", line) for line in said.splitlines() if _ERROR.search(line)]
        raise MediaError(
            f"not a single frame of this file can be decoded: {errors[0] if errors else 'it holds no picture'}",
            file=path,
            action="check that it is a video file and complete, or fetch it again",
        )
    return _Decoded(
        pix_fmt=frame["pix_fmt"],
        width=int(frame["w"]),
        height=int(frame["h"]),
        fps=_rate(config["rate"]),
        full_range={"pc": True, "tv": False}.get(code_range["range"]) if code_range else None,
        interlaced=frame["scan"] in "TB",
    )


def _rate(text: str) -> Fraction:
    numerator, denominator = (int(number) for number in text.split("/"))
    return Fraction(numerator, denominator) if numerator and denominator else Fraction(0)


def _track(tracks: Sequence[dict[str, Any]], kind: str, path: Path) -> dict[str, Any]:
    found = next((track for track in tracks if track.get("track_type") == kind), None)
    if found is None:
        raise MediaError("the file holds no video", file=path, action="give a video file or a folder of frames")
    return found


def _format(stated: PictureFormat, decoder: _Decoded, path: Path) -> PictureFormat:
    """The container's own description, corrected by what its first frame really is."""
    pix_fmt = _SAME_SAMPLES.get(decoder.pix_fmt, decoder.pix_fmt)
    if pix_fmt not in LAYOUTS:
        raise MediaError(
            "Reelkeeper does not work in this kind of samples, and would not convert them",
            file=path,
            expected=", ".join(LAYOUTS),
            found=decoder.pix_fmt,
            action="have the reel delivered in one of these",
        )
    near = decoder.fps and abs(stated.fps / decoder.fps - 1) < Fraction(1, 2000)
    yuv = pix_fmt.startswith("yuv")
    return replace(
        stated,
        width=decoder.width,
        height=decoder.height,
        pix_fmt=pix_fmt,
        # an average over a stray last duration is no rate; the decoder's guess is then the better one
        fps=stated.fps if near or not decoder.fps else decoder.fps,
        # YUV that does not say its range is limited (ITU-T H.264, E.2.1: what is absent is inferred to be 0)
        full_range=bool(decoder.full_range) if yuv else None,
    )


def decoded(path: Path, info: ContainerInfo) -> Any:
    """The ffmpeg-python stream of the picture as it decodes.

    Where only the spelling of its layout changes, it has no tags left that ffmpeg could convert by.
    """
    picture = ffmpeg.graph.input(ffmpeg.file_url(path), noautorotate=None, threads=DECODE_THREADS).video
    if info.decoded_pix_fmt == info.format.pix_fmt:
        return picture
    code_range = {True: "pc", False: "tv", None: "unknown"}[info.format.full_range]
    return picture.filter("setparams", range=code_range, color_trc="unknown", color_primaries="unknown")


@contextlib.contextmanager
def as_delivered(path: Path) -> Iterator[None]:
    """What is wrong with the file is wrong with the delivery: trying again does not help."""
    try:
        yield
    except MediaError as error:
        raise DeliveryError(
            error.message,
            file=path.name,
            frame=error.frame,
            expected=error.expected,
            found=error.found,
            action=error.action,
        ) from error
