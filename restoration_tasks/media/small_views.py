"""Video as it is watched, small: what a copy shows, and what it should show of its master, frame by frame."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.copies import shown
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import DECODE_THREADS

SmallView = npt.NDArray[np.uint16]
"""`(3, h, w)`: Y, U, V as BT.709 codes of 10 bits in video range (Y 64 … 940)."""

WIDTH_PX: Final = 320
"""Width of a small view, or the picture's own where that is less: grain and the coder's noise average out, and what is
shown does not."""
_PIX_FMT: Final = "yuv444p10le"


def small_size(picture: PictureFormat) -> tuple[int, int]:
    """Width and height of the small view of a picture."""
    width = min(WIDTH_PX, picture.width)
    return width, max(1, round(picture.height * width / picture.width))


def master_views(master: Path, picture: PictureFormat) -> Generator[SmallView]:
    """A master's frames on their way through the conversion its copies are made by.

    Args:
        master: a lossless master.
        picture: its format.

    Raises:
        MediaError: it is damaged.
    """
    size = small_size(picture)
    return _views(shown(master, picture, _PIX_FMT, size=size), master, size)


def copy_views(copy: Path, size: tuple[int, int]) -> Generator[SmallView]:
    """A copy's frames as its codes stand, whatever it says of their range.

    Args:
        copy: a YUV file.
        size: of the views (`small_size` of its master).

    Raises:
        MediaError: it holds no video, or is damaged.
    """
    probe(copy)
    picture = ffmpeg.graph.input(ffmpeg.file_url(copy), noautorotate=None, threads=DECODE_THREADS).video
    as_they_are = picture.filter("setparams", range="tv", colorspace="bt709")
    small = as_they_are.filter("scale", *size, flags="area+accurate_rnd+bitexact").filter("format", _PIX_FMT)
    return _views(small, copy, size)


def _views(picture: Any, about: Path, size: tuple[int, int]) -> Generator[SmallView]:
    width, height = size
    raw = picture.output("pipe:1", f="rawvideo", pix_fmt=_PIX_FMT, fps_mode="passthrough")
    wanted = 3 * width * height * 2
    with ffmpeg.child(ffmpeg.compile_graph(raw), about=about, stdout=subprocess.PIPE) as running:
        while len(block := running.stdout.read(wanted)) == wanted:
            yield np.frombuffer(block, np.dtype("<u2")).reshape(3, height, width)
