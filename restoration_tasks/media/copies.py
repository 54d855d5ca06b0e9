"""Make the copies people watch: ProRes mezzanine, H.264 access copy and the before/after wipe. Bytes repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat
from restoration_tasks.media.probe import probe
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import MediaError

ACCESS_CRF = 19
"""x264 quality of access copies; 18 to 20 is held to be visually lossless at normal viewing distance."""
WIPE_PERIOD_S = 8
"""Seconds the divider of a wipe takes to go there and back."""
_DIVIDER_PX = 2
_LOG_TRANSFERS = {PRINTING_DENSITY, "log100", "log316"}
_BT709_TAGS = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709", "color_range": "tv"}
_H264 = {
    "c:v": "libx264",
    "profile:v": "high",
    "preset": "medium",
    "crf": ACCESS_CRF,
    "pix_fmt": "yuv420p",
    "movflags": "+faststart",
    "f": "mp4",
    "threads": ffmpeg.THREADS,
    **_BT709_TAGS,
    **ffmpeg.BITEXACT,
}
_PRORES_HQ = {
    "c:v": "prores_ks",
    "profile:v": 3,
    "pix_fmt": "yuv422p10le",
    "vendor": "apl0",
    "f": "mov",
    "threads": ffmpeg.THREADS,
    **_BT709_TAGS,
    **ffmpeg.BITEXACT,
}


def mezzanine(master: Path, out: Path, *, progress: ffmpeg.Progress | None = None) -> None:
    """ProRes 422 HQ, 10 bit, BT.709, same frame count and rate as the master.

    Args:
        master: a lossless master.
        out: file to write (`.mov`).
        progress: called with the frames done.

    Raises:
        MediaError: the master is damaged, or the copy lacks frames.
    """
    info = probe(master)
    viewed = _even(_view(_input(master), info.format, "yuv422p10le"))
    _make(viewed, out, _PRORES_HQ, master, info.frames, progress)


def access(master: Path, out: Path, *, progress: ffmpeg.Progress | None = None) -> None:
    """H.264 High 4:2:0 for browsers: index in front, sizes padded to even.

    Args:
        master: a lossless master.
        out: file to write (`.mp4`).
        progress: called with the frames done.

    Raises:
        MediaError: the master is damaged, or the copy lacks frames.
    """
    info = probe(master)
    viewed = _even(_view(_input(master), info.format, "yuv420p"))
    _make(viewed, out, _H264, master, info.frames, progress)


def wipe(before: Path, after: Path, out: Path, *, progress: ffmpeg.Progress | None = None) -> None:
    """H.264 comparison: left of a moving white line the scan, right of it the restoration.

    Args:
        before: the scan's master.
        after: the restored master.
        out: file to write (`.mp4`).
        progress: called with the frames done.

    Raises:
        MediaError: the two differ in size, rate or length, or one is damaged.
    """
    old, new = probe(before), probe(after)
    sizes = [(i.format.width, i.format.height, i.format.fps, i.frames) for i in (old, new)]
    if sizes[0] != sizes[1]:
        raise MediaError(
            "the two sides of a comparison must be of one size, rate and length",
            file=after,
            expected=sizes[0],
            found=sizes[1],
            action="make the restored master again from this scan",
        )
    fmt = old.format
    # A mask slides over the picture and a merge follows it: per-pixel expressions would take minutes where this takes seconds.
    place = f"round(W*(0.5-0.45*cos(2*PI*n/({fmt.fps}*{WIPE_PERIOD_S}))))"
    black, white, line = (_plain(colour, width, fmt) for colour, width in _strips(fmt))
    # Full-range grey: in video range white would be 235 and the merge would let the other side shine through.
    mask = black.overlay(white, x=place, y=0, format="rgb", shortest=1).filter("format", "gbrp").filter("format", "yuv444p")
    mask = _all_or_nothing(mask)
    sides = [_view(_input(path), fmt, "yuv444p") for path in (before, after)]
    merged = graph_filter([sides[0], sides[1], mask], "maskedmerge")
    lined = merged.overlay(line, x=f"{place}-{_DIVIDER_PX // 2}", y=0, format="yuv444", shortest=1)
    _make(_even(lined), out, _H264, after, new.frames, progress)


def _strips(fmt: PictureFormat) -> tuple[tuple[str, int], ...]:
    return (("black", fmt.width), ("white", fmt.width), ("white", _DIVIDER_PX))
