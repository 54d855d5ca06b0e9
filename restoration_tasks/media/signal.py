"""The video signal of a YUV file, frame by frame, as archives' transfer stations judge it (ffmpeg `signalstats`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.copies import shown
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import DECODE_THREADS

_KEY: Final = "lavfi.signalstats."


@dataclass(frozen=True, slots=True)
class Signal:
    """One frame. Codes are on the scale of 8 bits, whatever the file's depth."""

    y_low: float
    """Luma that a tenth of the pixels is not above; 16 is black."""
    y_high: float
    """Luma that a tenth of the pixels is not below; 235 is white."""
    saturation_max: float
    """Farthest that chroma lies from grey; 181.02 is as far as any code of chroma can."""
    outliers: float
    """Share of pixels unlike those above and below (TOUT)."""
    repeated_lines: float
    """Share of lines that repeat the fourth above (VREP)."""


def copy_signal(copy: Path) -> Iterator[Signal]:
    """The signal of a YUV copy.

    Raises:
        MediaError: it holds no video, is of an unknown pixel format, or is damaged.
    """
    picture = ffmpeg.graph.input(ffmpeg.file_url(copy), noautorotate=None, threads=DECODE_THREADS).video
    return _signal(picture, probe(copy).format.bit_depth, copy)


def master_signal(master: Path, picture: PictureFormat, pix_fmt: str) -> Iterator[Signal]:
    """The signal a master has on its way into a copy, before that is coded.

    Args:
        master: a lossless master.
        picture: its format.
        pix_fmt: ffmpeg's name of the copy's pixel format.

    Raises:
        MediaError: it is damaged.
    """
    depth = PictureFormat(picture.width, picture.height, pix_fmt).bit_depth
    return _signal(shown(master, picture, pix_fmt), depth, master)


def _signal(picture: Any, bit_depth: int, about: Path) -> Iterator[Signal]:
    told = picture.filter("signalstats", stat="tout+vrep").filter("metadata", mode="print", file="-")
    scale = 1 / (1 << (bit_depth - 8))
    figures: dict[str, float] = {}
    for line in ffmpeg.lines(told.output("-", f="null"), about=about):
        if line.startswith("frame:") and figures:
            yield _read(figures, scale)
            figures = {}
        elif line.startswith(_KEY):
            name, _, value = line.removeprefix(_KEY).partition("=")
            figures[name] = float(value)
    if figures:
        yield _read(figures, scale)


def _read(figures: dict[str, float], scale: float) -> Signal:
    return Signal(
        y_low=figures["YLOW"] * scale,
        y_high=figures["YHIGH"] * scale,
        saturation_max=figures["SATMAX"] * scale,
        outliers=figures["TOUT"],
        repeated_lines=figures["VREP"],
    )
