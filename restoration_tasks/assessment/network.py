"""What our network says of one frame: dirt and hairs as pieces, evidence of scratches, lines, brightness relations."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.border import outside
from restoration_tasks.assessment.dirt import CALM, Floats, PieceLimits, Pieces, Unexplained, confidence, find_pieces
from restoration_tasks.assessment.line_finder import Beside, find_lines
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.onward import NONE_GOING, Going, going
from restoration_tasks.assessment.recurrence import (
    NO_DOUBT,
    Company,
    Doubles,
    Doubt,
    RecurrenceLimits,
    Sighting,
    doubted,
    in_company,
    recurring,
)
from restoration_tasks.assessment.seen import Seen, Window
from restoration_tasks.assessment.unrest import UnrestLimits, counted, spread_evenly
from restoration_tasks.models.defects.features import FALL_AFTER, FALL_BEFORE, GAIN, RISE_AFTER, RISE_BEFORE
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap, Map, Mask
from restoration_tasks.restoration.motion import Flow, sampling_grid
from restoration_tasks.restoration.neighbours import distinct_neighbours
from restoration_tasks.restoration.tone import ToneMap, match_tone
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime.settings import Device

if TYPE_CHECKING:
    from restoration_tasks.models.defects.features import Features, Look
    from restoration_tasks.models.defects.load import Detector

FAINTEST = 0.05
"""Evidence of scratches under this confidence is left out of the map; no plan may ask for less."""
PASSING_PX = 8
"""How far to the side, at 720 pixels width, a neighbour's scratch may lie to be the same one."""
PASSING_SHARE = 0.2
"""A line is on one frame only if so much of it at most is found in a neighbour."""
PRESENT = 51
"""Map value from which a neighbour shows something (a fifth)."""


TOGETHER = 2
"""Frames each way whose pieces are counted together to see whether something falls."""
_RECURRENCE = RecurrenceLimits()
_UNREST = UnrestLimits()


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
    tones: tuple[ToneMap, ToneMap]
    """From the frame before to this one: read with that brought onto this, and this onto that; neutral at first."""
    motion_px: float
    level: float
    duplicate: bool
    """Whether it nearly repeats the frame before."""
    gathered: Gathered | None = None
    """The pieces behind the planes of dirt and hairs."""
    lonely: Gathered | None = None
    """The pieces behind `passing`."""
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
        from restoration_tasks.models.defects.load import Running, load_detector

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
        scratch, gathered, lonely = self._damage(detection.maps, features)
        dirt, hair = gathered.planes
        nearest = next(iter((*before, *after)), None)
        beside = None
        if nearest is not None and detection.motion is not None:
            beside = Beside(window[nearest].luma, detection.motion, nearest < 0)
        tones = self._tones(window, before, detection.motion)
        return Found(
            index=middle.index,
            damage=DamageMap(dirt, hair, scratch),
            passing=lonely.planes[0],
            near=tuple(middle.index + side[0] for side in (before, after) if side),
            lines=tuple(find_lines(middle.index, scratch, middle.luma, beside, scale)),
            tones=tones,
            motion_px=_speed(detection.motion) * scale if before[:1] == [-1] and detection.motion is not None else 0.0,
            level=float(middle.luma.mean()) / 255.0,
            duplicate=-1 in window and (not before or before[0] != -1),
            gathered=gathered,
            lonely=lonely,
            around=tuple(middle.index + offset for offset in (*before, *after)),
        )

    def _of_this_thread(self) -> Detector:
        """The detector with working memory of this thread's own."""
        if not hasattr(self._own, "detector"):
            from restoration_tasks.models.defects.features import MotionFinder

            self._own.detector = replace(self._detector, finder=MotionFinder())
        detector: Detector = self._own.detector
        return detector

    def _damage(self, maps: Floats, features: Features) -> tuple[Map, Gathered, Gathered]:
        """Evidence of scratches; pieces of dirt and hairs; pieces of scratches that no neighbour explains."""
        thresholds = self._detector.thresholds
        dirt, hair, scratch = (confidence(plane, thresholds[kind]) for kind, plane in zip(Defect, maps, strict=True))
        unexplained = _unexplained(features)
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

    @staticmethod
    def _tones(window: Window, before: Sequence[int], motion: Flow | None) -> tuple[ToneMap, ToneMap]:
        """What brings the frame before to the brightness of the middle one: two opinions.

        A frame that is brought onto another is blurred by that, which pulls the gain: by a little a frame, but the
        relations of a shot are chained. So each is brought onto the other once.
        """
        if -1 not in window:
            return ToneMap(), ToneMap()
        source, target = window[-1].tones, window[0].tones
        if before[:1] != [-1] or motion is None:  # a near-duplicate: nothing moved
            tone = match_tone(source, target)
            return tone, tone
        height, width = target.shape
        flow = cv2.resize(motion, (width, height), interpolation=cv2.INTER_AREA)
        flow *= np.array([width / motion.shape[1], height / motion.shape[0]], np.float32)
        onward, shown = _moved(source, np.asarray(flow, np.float32))
        back, seen = _moved(target, np.asarray(-flow, np.float32))
        return match_tone(onward, target, shown), match_tone(back, source, seen).inverse()


def _moved(tones: Floats, flow: Flow) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Block means where a flow finds them, and which of them the picture shows."""
    height, width = tones.shape
    x, y = cv2.split(sampling_grid(flow))
    moved = cv2.remap(tones, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shown = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return np.asarray(moved, np.float32), np.asarray(shown)


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


def with_going(around: Mapping[int, Found]) -> Found:
    """The middle frame of a window, with how many of its pieces go on their way from the frame before to that after."""
    seen = {offset: found.gathered.seen for offset, found in around.items() if found.gathered is not None}
    if 0 not in seen:
        return around[0]
    return replace(around[0], going=going(seen[0], seen.get(-1), seen.get(1), _RECURRENCE))


def settle(around: Mapping[int, Found]) -> tuple[Found, Doubt]:
    """The middle frame of a window as the frames around leave it, and what of it is taken for part of the scene.

    Args:
        around: frames of one shot, up to `REACH` each way, each from `with_going`.
    """
    found = around[0]
    if found.gathered is None or found.lonely is None:
        return found, NO_DOUBT
    together = (around[offset].going for offset in range(-TOGETHER, TOGETHER + 1) if offset in around)
    if Going.together(together).falls(_RECURRENCE):
        left, alone = (np.zeros_like(one.pieces.confidence) for one in (found.gathered, found.lonely))
    else:
        company = [one for offset in (-1, 0, 1) if (one := _company(around, offset)) is not None]
        left = in_company(_recurring(around, 0, found.gathered), found.gathered.seen, company, _RECURRENCE)
        alone = _recurring(around, 0, found.lonely)
        company.append(Company.of(found.lonely.pieces.confidence, alone, found.lonely.seen))
        alone = in_company(alone, found.lonely.seen, company, _RECURRENCE)
        near = [one for other in around.values() for one in (other.gathered, other.lonely) if one is not None]
        counts = counted(one.pieces for one in near)
        left = spread_evenly(left, found.gathered.pieces, counts, _UNREST)
        alone = spread_evenly(alone, found.lonely.pieces, counts, _UNREST)
    gathered, doubt = found.gathered.left_with(left)
    # Not counted: these would be scratches of one frame only if no neighbour showed a line there.
    lonely, _ = found.lonely.left_with(alone)
    if gathered is not found.gathered:
        dirt, hair = gathered.planes
        found = replace(found, damage=replace(found.damage, dirt=dirt, hair=hair))
    found = replace(found, calm=_calm(gathered))
    if lonely is not found.lonely:
        found = replace(found, passing=np.where(lonely.planes[0] >= CERTAIN, lonely.planes[0], np.uint8(0)))
    return found, doubt


def _calm(own: Gathered) -> float:
    """Share of the area of what counts that lies in the calm half of the picture."""
    area = np.where(own.pieces.confidence >= CERTAIN / 255, own.seen.area, 0.0)
    total = float(area.sum())
    return float(area[own.pieces.unrest < CALM].sum()) / total if total else CALM


def _recurring(around: Mapping[int, Found], offset: int, own: Gathered) -> Doubles:
    """Confidences of pieces of one frame of a window, as its neighbours in the window leave them."""
    found, middle = around[offset], around[0].index
    near = (around.get(position - middle) for position in found.around)
    others = [other.gathered.seen for other in near if other is not None and other.gathered is not None]
    return recurring(own.pieces, own.seen, others, _RECURRENCE, one_sided=len(found.near) == 1)


def _company(around: Mapping[int, Found], offset: int) -> Company | None:
    own = around[offset].gathered if offset in around else None
    if own is None:
        return None
    return Company.of(own.pieces.confidence, _recurring(around, offset, own), own.seen)


def with_passing(found: Found, others: Sequence[Found]) -> DamageMap:
    """The frame's map with scratches of one frame (rain, cinch marks) moved from the scratches to the dirt.

    Args:
        found: the frame.
        others: its nearest distinct neighbours, as `found.near` names them. With none, nothing can be said.
    """
    if not others or not found.passing.any():
        return found.damage
    size = found.passing.shape[1] / 720
    reach = 2 * max(2, round(PASSING_PX * size)) + 1
    near = np.ones((2 * max(1, round(2 * size)) + 1, reach), np.uint8)
    count, labels = cv2.connectedComponents((found.passing > 0).astype(np.uint8), connectivity=8)
    area = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    alone = np.ones(count, np.bool_)
    alone[0] = False
    for other in others:
        shown = (other.damage.scratch >= PRESENT).astype(np.uint8)
        there = cv2.dilate(shown, near) > 0
        alone &= np.bincount(labels[there], minlength=count) <= PASSING_SHARE * area
    if not alone.any():
        return found.damage
    moved: npt.NDArray[np.bool_] = alone[labels]
    return DamageMap(
        dirt=np.where(moved, np.maximum(found.damage.dirt, found.passing), found.damage.dirt),
        hair=found.damage.hair,
        scratch=np.where(moved, np.uint8(0), found.damage.scratch),
    )
