"""What our network says of one frame: dirt and hairs as pieces, evidence of scratches, lines, brightness relations."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from restoration_tasks.assessment.border import outside
from restoration_tasks.assessment.dirt import CALM, Floats, PieceLimits, Pieces, Unexplained, confidence, find_pieces
from restoration_tasks.assessment.lights import LightLimits, Lights
from restoration_tasks.assessment.line_finder import Beside, find_lines
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.onward import NONE_GOING, Going
from restoration_tasks.assessment.recurrence import (
    NO_DOUBT,
    Doubles,
    Doubt,
    RecurrenceLimits,
    Sighting,
    doubted,
)
from restoration_tasks.assessment.seen import Seen, Window
from restoration_tasks.models.defects.features import FALL_AFTER, FALL_BEFORE, GAIN, RISE_AFTER, RISE_BEFORE
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.restoration.damage_map import DamageMap, Map, Mask
from restoration_tasks.restoration.motion import Flow
from restoration_tasks.restoration.neighbours import distinct_neighbours
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime.settings import Device

if TYPE_CHECKING:
    from restoration_tasks.models.defects.features import Features, Look
    from restoration_tasks.models.defects.load import Detector

FAINTEST = 0.05
"""Evidence of scratches under this confidence is left out of the map; no plan may ask for less."""
_RECURRENCE = RecurrenceLimits()
_LIGHT = LightLimits()


@dataclass(frozen=True)
class Gathered:
    """Pieces of one frame, before the frames around have had their say."""

    pieces: Pieces
    soft: Mask
    """Where their soft edges may reach."""
    seen: Sighting

    @classmethod
    def of(cls, pieces: Pieces, soft: Mask, unexplained: Unexplained, spikes: Floats | None = None) -> Gathered:
        """With what other frames want to know of them."""
        return cls(pieces, soft, Sighting.of(pieces, unexplained, _RECURRENCE, spikes))

    @property
    def planes(self) -> tuple[Map, Map]:
        """Their maps: dirt and hairs."""
        hairs = self.pieces.hairs
        return self.pieces.plane(~hairs, self.soft), self.pieces.plane(hairs, self.soft)

    def left_with(self, after: Doubles) -> tuple[Gathered, Doubt]:
        """With lower confidences, and what was doubted."""
        before = self.pieces.confidence
        after = doubted(before, after)
        if np.array_equal(after, before):
            return self, NO_DOUBT
        doubt = Doubt.between(self.pieces, after, self.seen)
        return replace(self, pieces=replace(self.pieces, confidence=after)), doubt


@dataclass(frozen=True)
class Found:
    """What one frame shows by itself, at the size the network looks at."""

    index: int
    damage: DamageMap
    passing: Map
    """Pieces of the scratch plane that no neighbour explains: scratches of one frame, if the neighbours show none."""
    near: tuple[int, ...]
    """Positions in the reel of the nearest distinct frames before and after."""
    lines: tuple[Line, ...]
    motion_px: float
    level: float
    duplicate: bool
    """Whether it nearly repeats the frame before."""
    gathered: Gathered | None = None
    """The pieces behind the planes of dirt and hairs."""
    lonely: Gathered | None = None
    """The pieces behind `passing`."""
    lights: Lights | None = None
    """What else stands out from the frames before and after."""
    around: tuple[int, ...] = ()
    """Positions in the reel of all distinct neighbours that were looked at."""
    going: Going = NONE_GOING
    """How many of the pieces go on their way, once the frames beside it are known."""
    calm: float = CALM
    """Share of the dirt and hairs that lies in the calm half of the picture, once it is settled what they are; as much
    as there is of the picture, where there are none."""


class NetworkDetector:
    """Detects by the network. One for all threads; each frame is worked in one."""

    def __init__(self, means: Means, limits: PieceLimits | None = None) -> None:
        """Load the network.

        Args:
            means: what it may compute with. Every thread computes alone, so their number does not change the outcome.
            limits: what counts as a piece.

        Raises:
            ModelError: torch or the weights are missing.
        """
        from restoration_tasks.models.defects.load import load_detector
        from restoration_tasks.models.own import Running

        running = Running("cuda" if means.device is Device.CUDA else "cpu", means.half)
        self._detector = load_detector(threads=1, running=running)
        self._limits = limits or PieceLimits()
        self._own = threading.local()

    @property
    def sha256(self) -> str:
        """Digest of the weights."""
        return self._detector.sha256

    def detect(self, window: Window, scale: float) -> Found:
        """What the middle frame of a window shows.

        Args:
            window: up to `neighbours.REACH` frames each way.
            scale: pixels of the scan a pixel of the analysis picture stands for.
        """
        middle = window[0]
        before, after = distinct_neighbours({offset: seen.luma for offset, seen in window.items()})
        detector = self._of_this_thread()
        centre, *others = (_look(window[offset]) for offset in (0, *before, *after))
        features = detector.features(centre, others[: len(before)], others[len(before) :])
        shape = middle.luma.shape
        detection = detector.found([features], (shape[0], shape[1]))[0]
        surround = outside((seen.edges for seen in window.values()), (shape[0], shape[1]))
        if surround is not None:
            detection.maps[:, surround] = 0.0
        unexplained = _unexplained(features)
        scratch, gathered, lonely = self._damage(detection.maps, unexplained)
        dirt, hair = gathered.planes
        nearest = next(iter((*before, *after)), None)
        beside = None
        if nearest is not None and detection.motion is not None:
            beside = Beside(window[nearest].luma, detection.motion, nearest < 0)
        return Found(
            index=middle.index,
            damage=DamageMap(dirt, hair, scratch),
            passing=lonely.planes[0],
            near=tuple(middle.index + side[0] for side in (before, after) if side),
            lines=tuple(find_lines(middle.index, scratch, middle.luma, beside, scale)),
            motion_px=_speed(detection.motion) * scale if before[:1] == [-1] and detection.motion is not None else 0.0,
            level=float(middle.luma.mean()) / 255.0,
            duplicate=-1 in window and (not before or before[0] != -1),
            gathered=gathered,
            lonely=lonely,
            lights=Lights.of(gathered.pieces, unexplained, middle.luma, surround, _LIGHT),
            around=tuple(middle.index + offset for offset in (*before, *after)),
        )

    def _of_this_thread(self) -> Detector:
        """The detector with working memory of this thread's own."""
        if not hasattr(self._own, "detector"):
            from restoration_tasks.models.defects.features import MotionFinder

            self._own.detector = replace(self._detector, finder=MotionFinder())
        detector: Detector = self._own.detector
        return detector

    def _damage(self, maps: Floats, unexplained: Unexplained) -> tuple[Map, Gathered, Gathered]:
        """Evidence of scratches; pieces of dirt and hairs; pieces of scratches that no neighbour explains."""
        thresholds = self._detector.thresholds
        dirt, hair, scratch = (confidence(plane, thresholds[kind]) for kind, plane in zip(Defect, maps, strict=True))
        either = np.maximum(dirt, hair)
        found = Gathered.of(
            find_pieces(either, unexplained, self._limits, hair=hair), either >= self._limits.soft, unexplained
        )
        lonely = find_pieces(scratch, unexplained, self._limits)
        return (
            np.asarray(cv2.convertScaleAbs(np.where(scratch >= FAINTEST, scratch, 0), alpha=255.0), np.uint8),
            found,
            Gathered.of(lonely, scratch >= self._limits.soft, unexplained, found.seen.spikes),
        )


def _look(seen: Seen) -> Look:
    if seen.look is None:
        raise TypeError("the frame was made for the classical detector")
    return seen.look


def _speed(motion: Flow) -> float:
    sample = motion[::4, ::4]
    return float(np.median(np.hypot(sample[..., 0], sample[..., 1])))


def _unexplained(features: Features) -> Unexplained:
    planes = features.planes
    rise_before, fall_before = planes[RISE_BEFORE], planes[FALL_BEFORE]
    rise_after, fall_after = planes[RISE_AFTER], planes[FALL_AFTER]
    gain = np.float32(1) / GAIN
    once = np.maximum(np.maximum(rise_before, fall_before), np.maximum(rise_after, fall_after))
    # Where one side has a rise it has no fall: of the two, one is nothing.
    alone = np.minimum(rise_before, rise_after) - np.minimum(fall_before, fall_after)
    return Unexplained(once * gain, alone * gain)
