"""Sound as it is heard beside the picture: small enough to compare whole reels of it, and how loud it is."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from restoration_tasks.media import ffmpeg

RATE_HZ: Final = 8000
"""Of the sound that is compared: voices lie below its half, and a frame of picture is hundreds of samples."""
WINDOW_S: Final = 8
"""Sound is compared in stretches of this length."""
SILENCE_LUFS: Final = -70.0
"""Absolute gate of ITU-R BS.1770-4: what is softer counts as silence."""
_KEY: Final = "lavfi.r128.I="

Heard = npt.NDArray[np.float32]
"""Samples of one channel, -1 … 1, `RATE_HZ` a second."""


def windows(path: Path, track: int) -> Generator[Heard]:
    """A track's sound from the first frame of picture on, all channels as one, in stretches of `WINDOW_S`.

    Args:
        path: file.
        track: place among its sound tracks, from 0.

    Raises:
        MediaError: there is no such track, or it is damaged.
    """
    sound = ffmpeg.graph.input(ffmpeg.file_url(path))[f"a:{track}"]
    # A track that begins late is silent before; sample times are kept, or what is late would not be heard to be.
    placed = sound.filter("aresample", RATE_HZ, **{"async": 1, "first_pts": 0})
    raw = placed.output("pipe:1", f="s16le", **{"c:a": "pcm_s16le"}, ac=1)
    with ffmpeg.child(ffmpeg.compile_graph(raw), about=path, stdout=subprocess.PIPE) as running:
        while block := running.stdout.read(2 * RATE_HZ * WINDOW_S):
            yield np.frombuffer(block, "<i2").astype(np.float32) / np.float32(32768)


def loudness_lufs(path: Path, track: int) -> float:
    """Integrated loudness of a track (ITU-R BS.1770-4, EBU R 128), `SILENCE_LUFS` at least.

    Args:
        path: file.
        track: place among its sound tracks, from 0.

    Raises:
        MediaError: there is no such track, or it is damaged.
    """
    sound = ffmpeg.graph.input(ffmpeg.file_url(path))[f"a:{track}"]
    told = sound.filter("ebur128", metadata=1).filter("ametadata", mode="print", key="lavfi.r128.I", file="-")
    latest = SILENCE_LUFS
    for line in ffmpeg.lines(told.output("-", f="null"), about=path):
        if line.startswith(_KEY):
            latest = float(line.removeprefix(_KEY))
    return max(latest, SILENCE_LUFS) if np.isfinite(latest) else SILENCE_LUFS
