"""The demo reel: a free clip cut into shots, aged, delivered as a scanner would, with its truth beside it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.training.clips import CITY, Clip, fetch, read_clip
from restoration_tasks.training.damage import Damage, Dirt, Flicker, FrameDamage, FrameTruth, Hair, Scratch
from restoration_tasks.training.truth import ReelTruth, ShotTruth, TruthWriter

BIT_DEPTH = 10
FIRST_NUMBER = 86400
"""Number of the first frame file: scanners count from an hour or a reel's own zero, seldom from one."""
BT709_COLORIMETRIC = 6
"""Colorimetric specification of ITU-R BT.709 (ST 268 table 5B)."""
READY_MARK = ".ready"


@dataclass(frozen=True)
class View:
    """Which part of the clip a shot shows, in shares of width and height, and whether it is mirrored."""

    name: str
    left: float = 0.0
    top: float = 0.0
    size: float = 1.0
    mirrored: bool = False

    def of(self, frame: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The view of a frame, `(3, H, W)` 10-bit codes, enlarged to the frame's size; a whole frame stays as it is."""
        _, height, width = frame.shape
        seen = frame
        if self.size < 1:
            y0, x0 = round(self.top * height), round(self.left * width)
            part = frame[:, y0 : y0 + round(self.size * height), x0 : x0 + round(self.size * width)]
            planes = [
                cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) for plane in part
            ]
            seen = np.clip(np.rint(np.stack(planes)), 0, 2**BIT_DEPTH - 1).astype(np.uint16)
        return np.ascontiguousarray(seen[:, :, ::-1] if self.mirrored else seen)


@dataclass(frozen=True)
class DemoShot:
    """One shot of the demo reel: frames `start ≤ i < stop` of the clip, a view of them, and what ages them."""

    start: int
    stop: int
    view: View
    damages: tuple[FrameDamage, ...] = ()
    """Empty: the shot is left clean."""


# Each damaged shot has a character: the first pumps and is dirty, the second is very dirty with a hair in the gate,
# the last flickers most and carries a fine scratch that the first restoration leaves alone.
CITY_SHOTS = (
    DemoShot(
        0,
        44,
        View("the street canyon, whole"),
        (
            Flicker(density_sd=0.03, memory=0.25, seed=11),
            Dirt(area=(0.014, 0.024), bright_share=0.65, seed=12),
            Hair(strands=0.5, seed=13),
        ),
    ),
    DemoShot(
        64,
        108,
        View("the left towers, closer, mirrored", left=0.0, top=0.22, size=0.62, mirrored=True),
        (
            Flicker(density_sd=0.02, memory=0.25, seed=21),
            Dirt(area=(0.018, 0.03), bright_share=0.6, seed=22),
            Hair(strands=0.4, gate_hairs=0.8, gate_frames=(20, 44), seed=23),
        ),
    ),
    DemoShot(116, 148, View("the two towers, whole")),
    DemoShot(
        156,
        188,
        View("the left tower, closer", left=0.02, top=0.34, size=0.6),
        (
            Flicker(density_sd=0.035, local_sd=0.004, memory=0.25, seed=41),
            Scratch(lines=0.7, frames=(20, 60), width_px=(3.0, 4.0), opacity=(0.15, 0.3), rain=0.4, seed=42),
            Dirt(area=(0.012, 0.024), bright_share=0.7, seed=43),
            Hair(strands=0.3, seed=44),
        ),
    ),
)


@dataclass(frozen=True)
class DemoReel:
    """A demo reel on disk."""

    reel_id: str
    delivery: Path
    """The scanner's folder: DPX frames, manifest, `.ready`."""
    truth_folder: Path
    """Clean frames, masks, `truth.json`."""
    truth: ReelTruth


def build_demo_reel(
    reel_id: str,
    inbox: Path,
    truth_folder: Path,
    *,
    seed: int = 1,
    cache: Path | None = None,
    clip: Clip = CITY,
    shots: tuple[DemoShot, ...] = CITY_SHOTS,
) -> DemoReel:
    """Build the demo delivery `inbox/reel_id` and its truth; the same seed gives the same bytes.

    An earlier delivery of the same reel is replaced. `.ready` is written last, so an inbox never takes half a reel.

    Args:
        reel_id: name of the delivery's folder.
        inbox: folder the scanner delivers to.
        truth_folder: folder for the truth, outside the delivery.
        seed: seed of all damage.
        cache: where fetched clips are kept, see `clips.fetch`.
        clip: the clean clip.
        shots: its shots in the order of the reel, ascending and not overlapping in the clip.

    Raises:
        ClipError: the clip cannot be fetched or is not the right one.
        WrongUse: shots out of order or past the clip's end, or the truth inside the delivery.
    """
    delivery = inbox / reel_id
    _check(delivery, truth_folder, clip, shots)
    source = fetch(clip, cache)
    shutil.rmtree(delivery, ignore_errors=True)
    delivery.mkdir(parents=True)
    picture = PictureFormat(clip.width, clip.height, "gbrp10le", clip.fps)
    length = sum(shot.stop - shot.start for shot in shots)
    digests: dict[str, str] = {}
    errors: list[list[float]] = [[] for _ in shots]
    with TruthWriter(truth_folder, picture) as writer:
        for index, (place, clean, damaged, truth) in enumerate(_aged(clip, source, shots, seed)):
            name = f"{reel_id}_{FIRST_NUMBER + index:07d}.dpx"
            write_dpx(
                delivery / name,
                damaged,
                fps=float(clip.fps),
                frame_position=index,
                sequence_length=length,
                transfer=Transfer.BT709,
                colorimetric_code=BT709_COLORIMETRIC,
                project=reel_id,
                input_device="Reelkeeper damage simulator",
            )
            digests[name] = hashlib.md5((delivery / name).read_bytes(), usedforsecurity=False).hexdigest()
            errors[place].append(float(np.mean(np.square(damaged.astype(np.float32) - clean), dtype=np.float64)))
            writer.add(clean, truth)
        truth_of_reel = writer.finish(_facts(reel_id, seed, clip), _shot_truths(shots, errors))
    write_manifest(delivery / "manifest-md5.txt", digests)
    (delivery / READY_MARK).touch()
    return DemoReel(reel_id, delivery, truth_folder, truth_of_reel)


def _check(delivery: Path, truth_folder: Path, clip: Clip, shots: tuple[DemoShot, ...]) -> None:
    bounds = [0, *(edge for shot in shots for edge in (shot.start, shot.stop)), clip.frames]
    if not shots or bounds != sorted(bounds) or any(shot.start == shot.stop for shot in shots):
        raise WrongUse(
            "the shots of the demo reel do not fit its clip",
            expected=f"ascending frames within 0 to {clip.frames}",
            found=", ".join(f"{shot.start}-{shot.stop}" for shot in shots) or "none",
            action="correct the list of shots",
        )
    if truth_folder.resolve().is_relative_to(delivery.resolve()):
        raise WrongUse("the truth must lie outside the delivery", file=truth_folder, action="choose another folder")


def _aged(
    clip: Clip, source: Path, shots: tuple[DemoShot, ...], seed: int
) -> Iterator[tuple[int, NDArray[np.uint16], NDArray[np.uint16], FrameTruth]]:
    """Shot's place, clean codes, damaged codes and truth of every frame; the clip is read once."""
    frames = enumerate(read_clip(clip, source))
    for place, shot in enumerate(shots):
        damage = Damage(shot.damages, seed=seed)
        for number, frame in frames:
            if number >= shot.start:
                clean = shot.view.of(frame)
                (aged,) = damage.apply([clean], bit_depth=BIT_DEPTH, first=number - shot.start)
                yield place, clean, aged.picture, aged.truth
            if number == shot.stop - 1:
                break
    # Read on to the end: only there a clip shorter than described shows itself.
    for _ in frames:
        pass


def _facts(reel_id: str, seed: int, clip: Clip) -> dict[str, object]:
    return {
        "reel_id": reel_id,
        "seed": seed,
        "clip": clip.name,
        "clip_sha256": clip.member_sha256,
        "licence": clip.licence,
        "width": clip.width,
        "height": clip.height,
        "bit_depth": BIT_DEPTH,
        "fps": f"{Fraction(clip.fps).numerator}/{Fraction(clip.fps).denominator}",
        "first_number": FIRST_NUMBER,
    }


def _parameters(damage: FrameDamage) -> dict[str, Any]:
    """Parameters as JSON holds them: ranges are lists."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(damage).items()}


def _shot_truths(shots: tuple[DemoShot, ...], errors: list[list[float]]) -> list[ShotTruth]:
    truths, start = [], 0
    for number, (shot, squared) in enumerate(zip(shots, errors, strict=True), 1):
        pooled = float(np.mean(squared))
        stop = start + len(squared)
        truths.append(
            ShotTruth(
                number=number,
                start=start,
                stop=stop,
                view=shot.view.name,
                damages={str(damage.kind): _parameters(damage) for damage in shot.damages},
                input_psnr_db=None if pooled == 0 else float(10 * np.log10((2**BIT_DEPTH - 1) ** 2 / pooled)),
            )
        )
        start = stop
    return truths
