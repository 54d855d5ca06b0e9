"""Score a restored demo reel against its truth: PSNR, SSIM, VMAF before and after; is the clean shot untouched?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.metrics import FrameScore, mse, pooled, ssim, vmaf
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.training.truth import CLEAN_FILE, ReelTruth, ShotTruth

# Scratch copies for VMAF are read once and thrown away: no codec is worth its time.
_SCRATCH_OPTIONS: dict[str, Any] = {"c:v": "rawvideo", "f": "nut"}


@dataclass(frozen=True)
class Closeness:
    """How close a run of frames is to the truth."""

    psnr_db: float
    """From the error pooled over all samples of all frames, at full scale; infinite where they are equal."""
    ssim: float
    """Mean structural similarity of luma, −1 … 1."""
    vmaf: float
    """Mean VMAF, 0 … 100."""


@dataclass(frozen=True)
class ShotScore:
    """One shot before and after."""

    number: int
    frames: int
    clean: bool
    """Whether the shot was delivered without damage."""
    identical: bool
    """Whether every sample of it equals the truth after restoration."""
    before: Closeness
    after: Closeness

    @property
    def gain_db(self) -> float:
        """Gain in PSNR; 0 where before and after both equal the truth."""
        return _gain(self.before, self.after)


@dataclass(frozen=True)
class DemoScore:
    """The whole demo reel."""

    shots: tuple[ShotScore, ...]
    before: Closeness
    """Over the damaged shots, pooled."""
    after: Closeness

    @property
    def gain_db(self) -> float:
        """Gain in PSNR over the damaged shots."""
        return _gain(self.before, self.after)

    @property
    def clean_identical(self) -> bool:
        """Whether every clean shot came out bit-identical (there has to be one)."""
        clean = [shot for shot in self.shots if shot.clean]
        return bool(clean) and all(shot.identical for shot in clean)


def score(truth_folder: Path, before: Path, after: Path) -> DemoScore:
    """Score a restoration of a demo reel.

    Frames are read three at a time; memory does not grow with the reel.

    Args:
        truth_folder: what `build_demo_reel` wrote beside the delivery.
        before: the damaged reel: delivery folder or preservation master.
        after: the restored reel: folder of frames or restored master.

    Raises:
        MediaError: a reel of another size, pixel format or length than the truth.
    """
    truth = ReelTruth.read(truth_folder)
    readers = [FrameReader(path, truth.picture) for path in (truth_folder / CLEAN_FILE, before, after)]
    for reader in readers:
        if reader.count != len(truth.frames):
            raise MediaError(
                "this is not the reel the truth belongs to",
                file=reader.name,
                expected=f"{len(truth.frames)} frames",
                found=f"{reader.count} frames",
                action="name the delivery and the restoration of the same demo reel",
            )
    frames = zip(*(iter(reader) for reader in readers), strict=True)
    parts = [_shot(shot, truth.picture, frames) for shot in truth.shots]
    damaged = [part for part in parts if not part.shot.clean]
    return DemoScore(
        shots=tuple(part.score(truth.picture.max_code) for part in parts),
        before=_pooled(damaged, "before", truth.picture.max_code),
        after=_pooled(damaged, "after", truth.picture.max_code),
    )


@dataclass(frozen=True)
class _Part:
    """What was measured of one shot."""

    shot: ShotTruth
    before: list[FrameScore]
    after: list[FrameScore]
    vmaf_before: float
    vmaf_after: float
    identical: bool

    def score(self, max_code: float) -> ShotScore:
        return ShotScore(
            number=self.shot.number,
            frames=len(self.before),
            clean=self.shot.clean,
            identical=self.identical,
            before=_pooled([self], "before", max_code),
            after=_pooled([self], "after", max_code),
        )


def _shot(shot: ShotTruth, picture: PictureFormat, frames: Iterator[tuple[Frame, ...]]) -> _Part:
    """Measure the next shot of the streams."""
    before: list[FrameScore] = []
    after: list[FrameScore] = []
    identical = True
    with tempfile.TemporaryDirectory(prefix="reelkeeper-score-") as name:
        paths = [Path(name) / f"{role}.nut" for role in ("truth", "before", "after")]
        options = {**_SCRATCH_OPTIONS, "pix_fmt": picture.pix_fmt}
        with ExitStack() as stack:
            writers = [stack.enter_context(FrameWriter(path, picture, options=options)) for path in paths]
            for index in range(shot.start, shot.stop):
                three = next(frames)
                for writer, frame in zip(writers, three, strict=True):
                    writer.write(frame)
                clean, damaged, restored = (picture.to_work(frame) for frame in three)
                before.append(FrameScore(index, mse(clean, damaged), ssim(clean, damaged, picture.max_code)))
                after.append(FrameScore(index, mse(clean, restored), ssim(clean, restored, picture.max_code)))
                identical = identical and np.array_equal(clean, restored)
        return _Part(shot, before, after, vmaf(paths[0], paths[1]), vmaf(paths[0], paths[2]), identical)


def _pooled(parts: list[_Part], side: str, max_code: float) -> Closeness:
    scores = [frame for part in parts for frame in (part.before if side == "before" else part.after)]
    together = pooled(scores, max_code)
    # VMAF is a mean over frames, so shots count by their length.
    total = sum((part.vmaf_before if side == "before" else part.vmaf_after) * len(part.before) for part in parts)
    return Closeness(together.psnr_db, together.ssim, total / together.frames)


def _gain(before: Closeness, after: Closeness) -> float:
    return 0.0 if before.psnr_db == after.psnr_db else after.psnr_db - before.psnr_db
