"""What the frames around say of a piece: does its place blink again and again, do the pieces move on as snow does.

Dirt lies on one frame: the next frame's lies elsewhere. Light on water, sparks, rain and lamps flash again and again
where they flashed before; snow comes down, and a flake that went from one place to another goes on to a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.dirt import SD_AREA, Floats, Pieces, Unexplained, raised
from restoration_tasks.assessment.strokes import Directions, lying

DOUBTED = 0.37
"""Confidence left to a piece that is taken for part of the scene: no plan repairs it, unless a person sets the
threshold under that (0.35 is the least)."""
HALF = 0.5
"""Confidence from which a piece counts."""
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RecurrenceLimits:
    """When a piece is part of the scene. Lengths are in pixels of a picture 720 wide.

    Chosen on the validation clip, clean, thinned, under snow, rain, fireworks and glitter, against its dirt of
    strengths 2 and 5 (seed 1), as it is and thinned.
    """

    cell_px: int = 4
    """Side of the cells whose largest spike is kept."""
    cells_around: int = 2
    """How many cells to each side of a piece are looked at in the neighbours."""
    stands_out: float = 7.0
    """How many times stronger a piece's spike is than what its place shows in most neighbours before the bar rises."""
    one_sided: float = 2.0
    """By how much that is multiplied at a shot's ends: what one side does not explain is more than what both do not."""
    least: float = 0.008
    """Spikes that are no more than grain: share of the code range that is added to what the neighbours show."""
    bar: float = 1.5
    """Logits by which the bar rises with each halving under `stands_out`."""
    company_px: float = 200.0
    """How far (standard deviation of a bell) a piece is known by the company it keeps."""
    company_bar: float = 8.0
    """Logits by which the bar rises for what is left with each doubling, from as many on, of the pieces around that are
    part of the scene over those that are not. With all this, of the energy of false pieces inside a shot 9 % is left
    in rain, 11 % in glitter, 8 % in fireworks, 12 and 9 % on the clip as it is and thinned, for 0.2 to 0.4 % of the
    energy of the dirt found (0.9 to 1.5 % thinned), in one speck of thirty (fifteen): faint ones where the scene
    blinks. The company costs no dirt, and takes half of what is left without it."""
    farthest_px: float = 45.0
    """How far a flake goes from frame to frame."""
    off_px: float = 1.5
    """How far from where it should be a flake may be found ..."""
    off_share: float = 0.1
    """... and as a share of its way: flakes sway."""
    like_area: float = 2.0
    """Times by which the areas of one flake in two frames may differ ..."""
    like_contrast: float = 4.0
    """... and its contrasts: the picture behind it changes."""
    falling_share: float = 0.04
    """Share of the pieces, over five frames, that must go on their way more than by chance. Under snow it is never
    under 0.18, with dirt never over 0.005; glitter and rain show no more than 0.01, sparks 0.04 of few pieces."""
    falling_sure: float = 3.5
    """Standard deviations by which they must be more than by chance. Under snow they are 7 and more, else under 1."""
    long: float = 2.0
    """How much longer than wide a piece is that may be a stroke."""
    smallest_px: float = 3.0
    """Area from which a piece is followed, at 720x540."""
    most: int = 250
    """The largest pieces, of each frame, that are followed; more would say no more, and cost time."""


@dataclass(frozen=True)
class Sighting:
    """What one frame shows, as far as other frames want to know of it."""

    area: Doubles
    """`(n + 1,)` px, by piece; 0 at place 0, which is beside the pieces."""
    x: Doubles
    y: Doubles
    """`(n + 1,)` px: their middles."""
    contrast: Doubles
    """`(n + 1,)` how much brighter (over 0) or darker they are than their neighbours in time: shares of the range."""
    spike: Doubles
    """`(n + 1,)` the most of that at any pixel, brighter or darker: large dirt shows against a busy scene in parts."""
    lie: Directions
    """`(n + 1,)` in which way the bright ones lie; 0 for those that are hardly longer than wide."""
    spikes: Floats
    """`(H / cell, W / cell)`: the largest spike in or near each cell, pieces or not."""
    shape: tuple[int, int]
    """Height and width of the picture, px."""

    @classmethod
    def of(
        cls, pieces: Pieces, unexplained: Unexplained, limits: RecurrenceLimits, spikes: Floats | None = None
    ) -> Sighting:
        """Gather it from one frame's pieces (every connected one, sure or not).

        Args:
            pieces: of the frame.
            unexplained: of the frame.
            limits: how fine the spikes are kept.
            spikes: those of the frame, where another sighting of it has them already.
        """
        labels = pieces.labels
        count, (height, width) = len(pieces.confidence), labels.shape
        places = np.flatnonzero(labels)
        owners = labels.ravel()[places]
        area = np.bincount(owners, minlength=count).astype(np.float64)
        rows, columns = np.divmod(places, width)
        members = np.maximum(area, 1)

        def mean(values: npt.NDArray[np.generic]) -> Doubles:
            return np.asarray(np.bincount(owners, values, count) / members, np.float64)

        alone = unexplained.alone.ravel()[places]
        spike = np.zeros(count)
        np.maximum.at(spike, owners, np.abs(alone))
        return cls(
            area=area,
            x=mean(columns),
            y=mean(rows),
            contrast=mean(alone),
            spike=spike,
            lie=lying(places, owners, np.maximum(alone, 0), (count, width), limits.long),
            spikes=_spikes(unexplained.twice, cell_px(width, limits), limits.cells_around)
            if spikes is None
            else spikes,
            shape=(height, width),
        )

    @property
    def width(self) -> int:
        """Of the picture, px."""
        return self.shape[1]

    def largest(self, limits: RecurrenceLimits) -> npt.NDArray[np.intp]:
        """The pieces that are followed."""
        smallest = max(2.0, limits.smallest_px * self.shape[0] * self.width / SD_AREA)
        found = np.flatnonzero(self.area >= smallest)
        return np.sort(found[np.argsort(-self.area[found], kind="stable")[: limits.most]])


def cell_px(width: int, limits: RecurrenceLimits) -> int:
    """Side of a cell in a picture of this width."""
    return max(1, round(limits.cell_px * width / 720))


def _spikes(twice: Floats, cell: int, around: int) -> Floats:
    """The largest value in each cell and as many cells around it."""
    # A window that starts at the pixel itself, looked at where a cell starts.
    cells = cv2.dilate(twice, np.ones((cell, cell), np.uint8), anchor=(0, 0))[::cell, ::cell]
    return np.asarray(cv2.dilate(cells, np.ones((2 * around + 1, 2 * around + 1), np.uint8)), np.float32)


def recurring(
    pieces: Pieces, own: Sighting, others: Sequence[Sighting], limits: RecurrenceLimits, *, one_sided: bool = False
) -> Doubles:
    """Confidence of each piece, less where its place shows as much in most of the neighbours.

    Args:
        pieces: of one frame.
        own: what it shows.
        others: what up to four distinct neighbours show. A single one says nothing: what it shows may be its own dirt,
            or this frame's seen from there.
        limits: when a piece is part of the scene.
        one_sided: whether they all lie before, or all after: at a shot's ends.
    """
    if len(others) < 2 or not (pieces.confidence > 0).any():
        return pieces.confidence
    # Of four, three must show it: dirt of one or two in the same place is no reason to leave it.
    # At a shot's ends whatever came or went looks like dirt: there one that shows it is enough.
    shown = np.sort(np.stack([other.spikes for other in others]), axis=0)[-1 if one_sided else (len(others) - 1) // 2]
    stands_out = limits.stands_out * (limits.one_sided if one_sided else 1.0)
    labels, count, cell = pieces.labels, len(pieces.confidence), cell_px(own.width, limits)
    places = np.flatnonzero((pieces.confidence > 0)[labels])
    owners = labels.ravel()[places]
    rows, columns = np.divmod(places, own.width)
    again = np.bincount(owners, shown[rows // cell, columns // cell], count) / np.maximum(own.area, 1)
    short = np.log2(np.maximum(stands_out * (again + limits.least) / (own.spike + 1e-6), 1.0))
    return raised(pieces.confidence, limits.bar * short)


@dataclass(frozen=True)
class Company:
    """Pieces of a frame that count, and which of them recur."""

    x: Doubles
    y: Doubles
    scene: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, before: Doubles, after: Doubles, own: Sighting) -> Company:
        """From confidences before and after `recurring`."""
        counted = before >= HALF
        return cls(own.x[counted], own.y[counted], after[counted] < HALF)


def in_company(after: Doubles, own: Sighting, company: Sequence[Company], limits: RecurrenceLimits) -> Doubles:
    """Confidences, less where most pieces nearby turned out to be part of the scene.

    Args:
        after: what `recurring` leaves.
        own: what the frame shows.
        company: of the frame itself, and of the one before and the one after.
        limits: how much it counts.
    """
    scene = np.concatenate([one.scene for one in company])
    left = np.flatnonzero(after >= HALF)
    if not scene.any() or not len(left):
        return after
    x, y = np.concatenate([one.x for one in company]), np.concatenate([one.y for one in company])
    away = np.square(own.x[left][:, None] - x) + np.square(own.y[left][:, None] - y)
    weight = np.exp(-away / (2 * (limits.company_px * own.width / 720) ** 2))
    odds = weight[:, scene].sum(axis=1) / (weight[:, ~scene].sum(axis=1) + 1e-9)
    lower = after.copy()
    lower[left] = raised(after[left], limits.company_bar * np.log2(np.maximum(odds, 1.0)))
    return lower


def doubted(before: Doubles, after: Doubles) -> Doubles:
    """Lower confidences; what no longer counts keeps what a person can ask for, and no more than that."""
    return np.where((after < before) & (after < HALF), np.minimum(before, DOUBTED), after)


@dataclass(frozen=True)
class Doubt:
    """What one frame shows that would be dirt but for the frames around it."""

    area: float = 0.0
    """Share of the picture."""
    pieces: int = 0
    raining: bool = False
    """Whether bright strokes lie all one way, as rain does."""

    @classmethod
    def between(cls, pieces: Pieces, after: npt.NDArray[np.float64], own: Sighting) -> Doubt:
        """What falls under one half."""
        lost = (pieces.confidence >= HALF) & (after < HALF)
        return cls(float(own.area[lost].sum()) / (own.shape[0] * own.width), int(np.count_nonzero(lost)))


NO_DOUBT = Doubt()
