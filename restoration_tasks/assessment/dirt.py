"""Dirt and hairs from the network's probabilities: connected pieces, each with one confidence, and how dirty that is.

Two levels decide (hysteresis): a piece needs a core at the upper one and reaches out to the lower one. Where motion was
not followed, all around a piece is as little explained as the piece itself; the bar rises there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.restoration.damage_map import CERTAIN, Map, Mask

Floats = npt.NDArray[np.float32]

_BOX = np.ones((3, 3), np.uint8)
_WIDE_BOX = np.ones((5, 5), np.uint8)
_SAMPLED = 4
"""One pixel of so many, each way, is enough to tell how well a picture is explained."""
SD_AREA = 720 * 540
CALM = 0.5
"""Unrest under which a piece lies in the calm half of the picture."""
ONE_SIDE = np.float32(0.25)
"""Share of what one side says in how little a piece is explained."""


@dataclass(frozen=True)
class PieceLimits:
    """What counts as a piece of damage. Chosen on the validation clip, clean and aged."""

    grow: float = 0.3
    """A piece reaches out to where confidence falls under this."""
    lowest: float = 0.35
    """Pieces under this confidence are left out of the map; no plan may ask for less."""
    core_px: int = 4
    """So many pixels of a piece must reach its confidence, at 720x540; a smaller piece must reach it whole."""
    smallest_px: float = 3.0
    """Area under which a piece is grain, at 720x540; never under two pixels."""
    largest_share: float = 0.03
    """A piece above this share of the picture is a flash or a failure to follow motion."""
    soft: float = 0.08
    """Beyond the pixel that is always taken along, the soft edge reaches one more where confidence is above this."""
    stands_out: float = 10.0
    """How many times less explained than its surround a piece is before the bar rises. On the validation clip nine in
    ten specks are from 12 times up (seen from both sides), of false ones on clean fast motion one in four is."""
    bar: float = 3.0
    """How many logits the bar rises for each halving below that. Chosen so: a quarter of the false pieces on clean fast
    motion is left, for 0.3 dB of the energy of the dirt."""
    surround_px: int = 61
    """Side of the surround that is looked at, at 720 pixels width."""


def confidence(probability: Floats, threshold: float) -> Floats:
    """Confidence, one half at the default threshold: `sigmoid(logit p - logit t)`, without the logarithms."""
    sure = probability * np.float32(1 - threshold)
    return np.asarray(sure / (sure + np.float32(threshold) * (np.float32(1) - probability) + np.float32(1e-9)))


@dataclass(frozen=True)
class Unexplained:
    """How little the neighbours explain a frame, whatever motion is assumed: `(H, W)`, shares of the code range."""

    once: Floats
    """Against the side, before or after, that explains it worse: also what came, went or was uncovered."""
    alone: Floats
    """Against both sides, in the same direction: what is on this frame alone; above 0 where that is brighter."""

    @cached_property
    def twice(self) -> Floats:
        """The same, whether brighter or darker."""
        return np.abs(self.alone)

    @property
    def weighed(self) -> Floats:
        """Both, the second mostly: the word of one side is not nothing, for a neighbour may be dirty in that place."""
        return np.asarray(ONE_SIDE * self.once + (1 - ONE_SIDE) * self.twice, np.float32)

    def around(self, pieces: Mask, side_px: int) -> Floats:
        """Its mean around each pixel, leaving the pieces themselves out."""
        open_ = (cv2.dilate(pieces.astype(np.uint8), _WIDE_BOX) == 0).astype(np.float32)
        size = (side_px, side_px)
        share = cv2.blur(open_, size, borderType=cv2.BORDER_REFLECT)
        total = cv2.blur(self.once * open_, size, borderType=cv2.BORDER_REFLECT)
        return np.asarray(total / np.maximum(share, np.float32(0.02)), np.float32)


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of one frame."""

    labels: npt.NDArray[np.int32]
    """`(H, W)`: 0 beside the pieces."""
    confidence: npt.NDArray[np.float64]
    """`(n + 1,)`, 0 for what was no piece after all, and at place 0."""
    hairs: npt.NDArray[np.bool_]
    """`(n + 1,)`: which of them are hairs."""
    unrest: npt.NDArray[np.float64]
    """`(n + 1,)`: share of the picture whose surround is explained better than theirs, 0-1."""

    def plane(self, wanted: npt.NDArray[np.bool_], soft: Mask) -> Map:
        """The map of some of the pieces, with their soft edges."""
        levels = np.rint(np.where(wanted, self.confidence, 0.0) * 255).astype(np.uint8)
        if not levels.any():
            return np.zeros(self.labels.shape, np.uint8)
        painted = levels[self.labels]
        return np.asarray(
            np.maximum(cv2.dilate(painted, _BOX), np.where(soft, cv2.dilate(painted, _WIDE_BOX), 0)), np.uint8
        )


def find_pieces(sure: Floats, unexplained: Unexplained, limits: PieceLimits, *, hair: Floats | None = None) -> Pieces:
    """Gather pixels to pieces.

    Args:
        sure: `(H, W)` confidence, 0-1.
        unexplained: of the same frame.
        limits: what counts.
        hair: `(H, W)` confidence that it is a hair; None where that is no question.
    """
    candidates = sure >= limits.grow
    count, numbered, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=8)
    labels = np.asarray(numbered, np.int32)
    places = np.flatnonzero(candidates)
    owners = labels.ravel()[places]
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    found, hairs = np.zeros(count), np.zeros(count, np.bool_)
    if not len(places):
        return Pieces(labels, found, hairs, np.zeros(count))
    size = sure.size / SD_AREA
    values = sure.ravel()[places]
    found[1:] = _core(values, owners, area[1:], max(2, round(limits.core_px * size)))
    surround = max(9, round(limits.surround_px * sure.shape[1] / 720)) | 1
    own = _mean(unexplained.weighed, places, owners, count)
    around = unexplained.around(candidates, surround)
    beside = _mean(around, places, owners, count)
    # A part in a thousand of the range is less than anything is ever explained to.
    short = np.log2(np.maximum(limits.stands_out * (beside + 1e-3) / (own + 1e-3), 1.0))
    found[1:] = raised(found[1:], limits.bar * short[1:])
    found[(area < max(2.0, limits.smallest_px * size)) | (area > limits.largest_share * sure.size)] = 0.0
    found[found < limits.lowest] = 0.0
    found[0] = 0.0
    if hair is not None:
        hairs = 2 * np.bincount(owners, hair.ravel()[places] >= values, count) > area
    sample = np.sort(around[::_SAMPLED, ::_SAMPLED], axis=None)
    return Pieces(labels, found, hairs, np.searchsorted(sample, beside) / sample.size)


def _core(values: Floats, owners: npt.NDArray[np.int32], area: npt.NDArray[np.float64], core: int) -> Floats:
    """The confidence that the `core` surest pixels of each piece (all of a smaller one) reach."""
    order = np.lexsort((-values, owners))
    first = np.concatenate([[0], np.cumsum(area[:-1])]).astype(np.intp)
    last = np.minimum(area, core).astype(np.intp) - 1
    return np.asarray(values[order][first + last], np.float32)


def _mean(
    plane: Floats, places: npt.NDArray[np.intp], owners: npt.NDArray[np.int32], count: int
) -> npt.NDArray[np.float64]:
    members = np.maximum(np.bincount(owners, minlength=count), 1)
    return np.asarray(np.bincount(owners, plane.ravel()[places], count) / members)


def raised(sure: npt.NDArray[np.float64], logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Confidences with the bar raised by so many logits."""
    odds = sure / np.maximum(1 - sure, 1e-6) * np.exp(-logits)
    return np.asarray(odds / (1 + odds))


@dataclass(frozen=True)
class DirtFigures:
    """How dirty one frame is."""

    area: float
    """Share of the picture under dirt, 0 … 1."""
    specks: int
    """Connected specks."""


def dirt_figures(found: Map) -> DirtFigures:
    """Area and number of the pieces whose confidence is at least one half."""
    certain = (found >= CERTAIN).astype(np.uint8)
    area = float(np.count_nonzero(certain)) / certain.size
    return DirtFigures(area, cv2.connectedComponents(certain, connectivity=8)[0] - 1 if area else 0)


def dirt_severity(area: float) -> float:
    """Severity 0 … 100 of a share of area under dirt.

    By decades: 0 up to 0.01 %, 33 at 0.1 %, 67 at 1 %, 100 from 10 %.
    """
    if area <= 1e-4:
        return 0.0
    return float(min(100.0, 100.0 / 3.0 * np.log10(area / 1e-4)))
