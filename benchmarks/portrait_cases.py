"""Cases of the benchmark of portraits: known faces in motion, aged by the recipe, and what the plan knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.dirt_cases import BITS, Codes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from restoration_tasks.assessment.faces import FaceLooker, frames_to_look_at
from restoration_tasks.assessment.gauge import Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.grain_level import GrainGauge
from restoration_tasks.assessment.less_grain import GrainFound, grain_found
from restoration_tasks.assessment.readings import read_window
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.segments import cut_segments
from restoration_tasks.media.window import windows
from restoration_tasks.models.centerface import NAME, CenterFace
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.training.clips import CLIPS, fetch, read_clip
from restoration_tasks.training.damage import DamageKind, Grain

HALVED = 0.1874
"""A Gaussian of deviation 1 halves the contrast at so many cycles."""


@dataclass(frozen=True)
class Stretch:
    """Frames of a clip with a face, brought to a width."""

    clip: str
    first: int
    width: int
    face_px: float

    @property
    def name(self) -> str:
        """Its name in the results."""
        return f"{self.clip} {self.first}"


@dataclass(frozen=True)
class Strength:
    """How it is aged."""

    cycles: float
    shrink: float
    grain: float
    dirt: int | None = None


@cache
def recipe() -> dict[str, Any]:
    """portraits.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("portraits.yaml").read_text(encoding="utf-8"))
    return content


def stretches(split: str) -> list[Stretch]:
    """Those of `training` or `test`."""
    return [Stretch(**one) for one in recipe()[split]]


def strengths() -> list[Strength]:
    """All of them, in order."""
    return [Strength(**one) for one in recipe()["strengths"]]


@lru_cache(maxsize=4)
def truth(stretch: Stretch) -> tuple[Codes, ...]:
    """The stretch as it is, 10-bit codes; it ends with its scene."""
    clip = CLIPS[stretch.clip]
    scenes = clip.scenes or ((0, clip.frames),)
    end = next(stop for start, stop in scenes if start <= stretch.first < stop)
    stop = min(stretch.first + recipe()["frames"], end)
    frames = islice(read_clip(clip, fetch(clip)), stretch.first, stop)
    return tuple(_sized(frame, stretch.width) for frame in frames)


def _sized(frame: Codes, width: int) -> Codes:
    if frame.shape[2] == width:
        return frame
    size = (width, round(frame.shape[1] * width / frame.shape[2]))
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in frame])


@lru_cache(maxsize=4)
def aged(stretch: Stretch, strength: Strength, seed: int) -> tuple[Codes, ...]:
    """The stretch as its film shows it after a while."""
    frames: Sequence[Codes] = [_soft(frame, strength, stretch.face_px) for frame in truth(stretch)]
    if strength.grain:
        grain = Grain(seed=seed, sigma=strength.grain, **recipe()["grain"])
        frames = [one.picture for one in grain.apply(frames, bit_depth=BITS)]
    if strength.dirt is not None:
        own = recipe_of()
        asked = own.strengths[DamageKind.DIRT][strength.dirt - 1]
        dirt = own.damage(DamageKind.DIRT, asked, own.test, seed)
        frames = [one.picture for one in dirt.apply(frames, bit_depth=BITS)]
    return tuple(frames)


def _soft(frame: Codes, strength: Strength, face_px: float) -> Codes:
    height, width = frame.shape[1:]
    small = (round(width / strength.shrink), round(height / strength.shrink))
    planes = []
    for plane in frame:
        soft = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), HALVED / strength.cycles * face_px)
        if strength.shrink > 1:
            soft = cv2.resize(
                cv2.resize(soft, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_CUBIC
            )
        planes.append(np.clip(np.rint(soft), 0, 2**BITS - 1).astype(np.uint16))
    return np.stack(planes)


@cache
def network() -> CenterFace:
    """The one that finds faces."""
    return CenterFace(Shelf.of().require(NAME)[0].path)


@dataclass(frozen=True)
class Seen:
    """What the assessment finds in a stretch."""

    faces: dict[int, list[Any]]
    grain: GrainFound | None
    scan: Scanned


def assessed(frames: Sequence[Codes], fps: float) -> Seen:
    """What assess and plan know of some frames that are a shot."""
    _, height, width = frames[0].shape
    picture, scan = rgb(width, height), Scanned(width, height, fps, False)
    (segment,) = cut_segments([(0, len(frames))])
    looker = FaceLooker(network(), picture, frames_to_look_at(segment, fps))
    gauge, glances = GrainGauge(), []
    for index, frame in enumerate(frames):
        glances.append(Glance.of(index, frame, picture))
        looker.look(frame, glances[-1])
    rows = [read_window(window, [gauge]) for _, window in windows(glances, gauge.radius)]
    grains = grain_found([Shot(number=1, start=0, stop=len(frames))], rows, scan)
    return Seen(looker.found, grains.get(1), scan)
