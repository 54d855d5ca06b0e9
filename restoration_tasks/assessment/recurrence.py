"""What the frames around say of a piece: does its place blink again and again, do the pieces move on as snow does.

Dirt lies on one frame: the next frame's lies elsewhere. Light on water, sparks, rain and lamps flash again and again
where they flashed before; snow comes down, and a flake that went from one place to another goes on to a third.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.dirt import SD_AREA, Floats, Pieces, Unexplained, raised

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
    part of the scene over those that are not. With all this, of the energy of false pieces inside a shot 17 % is left
    in rain, 14 % in glitter, 10 % in fireworks, 23 and 19 % on the clip as it is and thinned, for 0.2 to 0.5 % of the
    energy of the dirt found (0.8 to 1.3 % thinned), in one speck of thirty (fifteen): faint ones where the scene
    blinks. A mean in place of the largest spike costs five times that."""
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
    smallest_px: float = 3.0
    """Area from which a piece is followed, at 720x540."""
    most: int = 250
    """The largest pieces, of each frame, that are followed; more would say no more, and cost time."""


@dataclass(frozen=True)
class Going:
    """How many pieces go on their way: found in three frames running, with one step like the other."""

    followed: int = 0
    """Pieces that could be followed: there is a frame before and after."""
    on: int = 0
    """How many of them went on."""
    by_chance: float = 0.0
    """How many would by chance: the mean of those that turned a quarter to the left, to the right, or back."""

    def __add__(self, other: Going) -> Going:
        return Going(self.followed + other.followed, self.on + other.on, self.by_chance + other.by_chance)

    @classmethod
    def together(cls, several: Iterable[Going]) -> Going:
        """The sum of several frames."""
        return reduce(cls.__add__, several, cls())

    def falls(self, limits: RecurrenceLimits) -> bool:
        """Whether these are pieces of something that comes down or drifts past.

        Counted as Poisson: the mean of three counts varies by a third of one, and one is added for counts near none.
        """
        more = self.on - self.by_chance
        spread = np.sqrt(self.on + self.by_chance / 3 + 1)
        return more >= limits.falling_share * max(self.followed, 1) and more >= limits.falling_sure * float(spread)


NONE_GOING = Going()


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


def settled(
    pieces: Pieces, own: Sighting, others: Sequence[Sighting], limits: RecurrenceLimits, *, one_sided: bool = False
) -> npt.NDArray[np.float64]:
    """Confidence of each piece, less where its place shows as much in most of the neighbours, and in such company.

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
    after = raised(pieces.confidence, limits.bar * short)
    return doubted(pieces.confidence, _in_company(pieces.confidence, after, own, limits))


def _in_company(before: Doubles, after: Doubles, own: Sighting, limits: RecurrenceLimits) -> Doubles:
    """Confidences, less where most pieces nearby turned out to be part of the scene."""
    counted = np.flatnonzero(before >= HALF)
    scene = after[counted] < HALF
    left = counted[~scene]
    if not scene.any() or not len(left):
        return after
    away = np.square(own.x[left][:, None] - own.x[counted]) + np.square(own.y[left][:, None] - own.y[counted])
    weight = np.exp(-away / (2 * (limits.company_px * own.width / 720) ** 2))
    odds = weight[:, scene].sum(axis=1) / weight[:, ~scene].sum(axis=1)
    lower = after.copy()
    lower[left] = raised(after[left], limits.company_bar * np.log2(np.maximum(odds, 1.0)))
    return lower


def doubted(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Lower confidences; what no longer counts keeps what a person can ask for, and no more than that."""
    return np.where((after < before) & (after < HALF), np.minimum(before, DOUBTED), after)


def going(middle: Sighting, before: Sighting | None, after: Sighting | None, limits: RecurrenceLimits) -> Going:
    """How many pieces of a frame go on their way, from the frame before to the frame after.

    What stays in its place (a hair in the gate, dirt on a repeated frame) is as often found wherever one turns.

    Args:
        middle: the frame.
        before: the frame just before; None where there is none.
        after: the frame just after.
        limits: what is alike.
    """
    if before is None or after is None:
        return NONE_GOING
    own = middle.largest(limits)
    near = [(side, side.largest(limits)) for side in (before, after)]
    if not len(own):
        return NONE_GOING
    hits = np.zeros((4, len(own)), np.bool_)
    for (source, sources), (target, targets) in (near, near[::-1]):
        hits |= _onward(middle, own, (source, sources), (target, targets), limits)
    counts = hits.sum(axis=1)
    return Going(len(own), int(counts[0]), float(counts[1:].mean()))


_Some = tuple[Sighting, npt.NDArray[np.intp]]
_TURNS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Cosine and sine: straight on, and a quarter, a half and three quarters round."""


def _onward(
    middle: Sighting, own: npt.NDArray[np.intp], source: _Some, target: _Some, limits: RecurrenceLimits
) -> npt.NDArray[np.bool_]:
    """`(4, own)`: which have one like them where they would have come from, and one where they would go, by turn."""
    size = middle.width / 720
    hits = np.zeros((len(_TURNS), len(own)), np.bool_)
    came_x = middle.x[own][:, None] - source[0].x[source[1]]
    came_y = middle.y[own][:, None] - source[0].y[source[1]]
    near = _alike(middle, own, source, limits) & (np.hypot(came_x, came_y) < limits.farthest_px * size)
    which, where = np.nonzero(near)
    if not len(which) or not len(target[1]):
        return hits
    step_x, step_y = came_x[which, where], came_y[which, where]
    off_squared = np.square(limits.off_px * size + limits.off_share * np.hypot(step_x, step_y))
    alike = _alike(middle, own, target, limits)[which]
    x, y = middle.x[own][which], middle.y[own][which]
    for turn, (cosine, sine) in enumerate(_TURNS):
        gone_x, gone_y = x + cosine * step_x - sine * step_y, y + sine * step_x + cosine * step_y
        away = np.square(gone_x[:, None] - target[0].x[target[1]])
        away += np.square(gone_y[:, None] - target[0].y[target[1]])
        hits[turn, which[((away < off_squared[:, None]) & alike).any(axis=1)]] = True
    return hits


def _alike(
    middle: Sighting, own: npt.NDArray[np.intp], other: _Some, limits: RecurrenceLimits
) -> npt.NDArray[np.bool_]:
    """`(own, others)`: which could be one thing seen twice."""
    sighting, others = other
    mine, theirs = middle.contrast[own], sighting.contrast[others]
    area = np.abs(np.log(middle.area[own])[:, None] - np.log(sighting.area[others]))
    contrast = np.abs(np.log(np.abs(mine) + 0.01)[:, None] - np.log(np.abs(theirs) + 0.01))
    same = np.sign(mine)[:, None] == np.sign(theirs)
    return np.asarray((area < np.log(limits.like_area)) & (contrast < np.log(limits.like_contrast)) & same)


@dataclass(frozen=True)
class Doubt:
    """What one frame shows that would be dirt but for the frames around it."""

    area: float = 0.0
    """Share of the picture."""
    pieces: int = 0

    @classmethod
    def between(cls, pieces: Pieces, after: npt.NDArray[np.float64], own: Sighting) -> Doubt:
        """What falls under one half."""
        lost = (pieces.confidence >= HALF) & (after < HALF)
        return cls(float(own.area[lost].sum()) / (own.shape[0] * own.width), int(np.count_nonzero(lost)))


NO_DOUBT = Doubt()
