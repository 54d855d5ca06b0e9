"""Rain, sparks and light on water betray themselves by what is *not* taken for dirt: the network passes most over.

Where it takes a piece of them, others as bright lie around. On old film so do specks too small to be found; two things
tell light from those. Rain lies all one way, and only what is bright does. Sparks and glints crowd in one part of the
picture, frame after frame; dirt lies anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.dirt import Floats, Pieces, Unexplained
from restoration_tasks.assessment.recurrence import HALF, Doubles, Sighting
from restoration_tasks.assessment.strokes import SMALLEST_PX, WIDTH_PX, Directions, directions
from restoration_tasks.restoration.damage_map import Mask

_BOX = np.ones((3, 3), np.uint8)
_CELLS = 60
"""Cells across a picture in which its brightness is kept."""
Places = tuple[Doubles, Doubles]
"""`(k,)` columns and rows, px."""


@dataclass(frozen=True)
class LightLimits:
    """When a bright piece is light. Lengths are in pixels of a picture 720 wide.

    Chosen on the validation clip and on four training clips (talking, runner, caminandes, bricks), 176, 320 and 720
    wide: clean, under rain, glitter and fireworks, with dirt of strengths 2 and 5 and hairs, and with both.
    """

    faintest: float = 0.03
    """Share of the code range by which a spot is brighter or darker than in both neighbours; under it, it is grain."""
    most: int = 600
    """The strongest spots of each frame that are kept: more would say no more, and cost time."""
    as_bright: float = 0.5
    """A spot speaks of pieces that are up to twice as bright."""
    stroke_px: int = 4
    """Smallest area of a stroke in a small picture; from 720 pixels width on `strokes.SMALLEST_PX`."""
    one_way: float = 3.0
    """Standard deviations by which bright strokes of five frames must lie one way for it to rain. Dirt and hairs have
    2.4 at most, rain 8.5 and more from 320 pixels width on; at 176 it has 2 to 6, and may be missed."""
    alike: float = 0.75
    """Length that the mean of their directions must have, 1 where all lie one way. Edges of a scene that flashes, under
    dirt, had 0.62 at most, rain with dirt over it 0.87 and more from 320 pixels width on."""
    upright: float = 3.0
    """Degrees off upright under which strokes may be scratches of the film, as it runs ..."""
    upright_sure: float = 7.0
    """... and standard deviations that are asked for there. Four runs of real film have up to 5.8."""
    beside: float = 15.0
    """Degrees off their mean direction up to which strokes lie that way."""
    dark_share: float = 0.1
    """So many dark strokes at most lie that way for a bright one: of what moves or is scratched both kinds do."""
    rain_px: float = 200.0
    """How far (standard deviation of a bell) spots speak of a piece, when it rains."""
    rain_bar: float = 8.0
    """Logits by which the bar rises for a piece that lies that way, and with each doubling of spots and pieces that do
    over the pieces that do not."""
    as_large: float = 2.0
    """A piece that does not lie that way may be a drop if it is up to so many times as large as those that do ..."""
    large_odds: float = 5.0
    """... or where so many do for each that does not: two that cross."""
    crowd_px: float = 80.0
    """How far they speak of it otherwise."""
    crowd_prior: float = 0.5
    """Spots that are expected anywhere."""
    crowd_usual: float = 1.9
    """So many times as many as if they lay anywhere are no reason to doubt. Dirt of the recipe has 1.4 at most in 98 of
    100 specks, glitter 2.3 to 2.8 in the median."""
    crowd_bar: float = 16.0
    """Logits by which the bar rises with each doubling beyond that."""


@dataclass(frozen=True)
class Lights:
    """What one frame shows brighter, or darker, than both its neighbours do."""

    places: Places
    """Spots that the network passes over."""
    spike: Doubles
    """`(k,)` how much brighter (over 0) or darker they are: shares of the code range."""
    bright: Directions
    """How bright strokes lie, passed over or not."""
    dark: Directions
    ground: Floats
    """`(h, w)` how bright the picture is, coarsely, 0–1."""

    @classmethod
    def of(
        cls,
        pieces: Pieces,
        unexplained: Unexplained,
        luma: npt.NDArray[np.uint8],
        outside: Mask | None,
        limits: LightLimits,
    ) -> Lights:
        """Gather it from one frame.

        Args:
            pieces: of the frame.
            unexplained: of the frame.
            luma: `(H, W)` 8-bit analysis picture.
            outside: `(H, W)` what is none of the picture; None where all is.
            limits: what counts.
        """
        height, width = luma.shape
        taken = cv2.dilate((pieces.confidence >= HALF)[pieces.labels].astype(np.uint8), _BOX) > 0
        above, below = unexplained.alone > limits.faintest, unexplained.alone < -limits.faintest
        if outside is not None:
            above, below = above & ~outside, below & ~outside
        both = [_spots(hit, unexplained, taken) for hit in (above, below)]
        x, y = (np.concatenate([places[side] for places, _ in both]) for side in (0, 1))
        spike = np.concatenate([both[0][1], -both[1][1]])
        strongest = np.argsort(-np.abs(spike), kind="stable")[: limits.most]
        smallest = max(limits.stroke_px, round(SMALLEST_PX * min(1.0, width / WIDTH_PX)))
        cells = (min(_CELLS, width), max(1, min(_CELLS, width) * height // width))
        ground = cv2.resize(luma, cells, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        return cls(
            places=(x[strongest], y[strongest]),
            spike=spike[strongest],
            bright=directions(above, smallest),
            dark=directions(below, smallest),
            ground=np.asarray(ground, np.float32),
        )


def _spots(hit: Mask, unexplained: Unexplained, taken: Mask) -> tuple[Places, Doubles]:
    """Middles and strength of connected spots that no piece touches."""
    count, labels, _, centres = cv2.connectedComponentsWithStats(hit.astype(np.uint8), connectivity=8)
    places = np.flatnonzero(hit)
    most = np.zeros(count)
    np.maximum.at(most, np.asarray(labels.ravel()[places], np.intp), unexplained.twice.ravel()[places])
    passed = np.ones(count, np.bool_)
    passed[labels[taken]] = False
    passed[0] = False
    return (centres[passed, 0], centres[passed, 1]), most[passed]


def rain(around: Sequence[Lights], limits: LightLimits) -> complex | None:
    """The way it rains: that in which bright strokes of several frames lie all, and dark ones do not; None if none.

    The directions of n strokes that lie anyhow sum up to more than z times the root of n in exp(−z²) of all cases
    (Rayleigh's test: Fisher, Statistical Analysis of Circular Data, 1993).
    """
    none = np.zeros(0, np.complex128)
    bright = np.concatenate([none, *(one.bright for one in around)])
    dark = np.concatenate([none, *(one.dark for one in around)])
    total = abs(bright.sum())
    if total == 0:
        return None
    way = complex(bright.sum() / total)
    dark_too, bright_too = (np.count_nonzero(_that_way(one, way, limits)) for one in (dark, bright))
    off_upright = 90 - abs(np.degrees(np.angle(way))) / 2
    asked = limits.upright_sure if off_upright < limits.upright else limits.one_way
    one_way = total >= limits.alike * len(bright) and total >= asked * np.sqrt(len(bright))
    return way if one_way and dark_too <= limits.dark_share * bright_too else None


def _that_way(lie: Directions, way: complex, limits: LightLimits) -> Mask:
    return np.asarray(np.real(lie * np.conj(way)) >= np.cos(2 * np.radians(limits.beside)), np.bool_)


@dataclass(frozen=True)
class Lit:
    """A frame's pieces among its lights."""

    pieces: Pieces
    seen: Sighting
    lights: Lights

    @property
    def bright(self) -> npt.NDArray[np.intp]:
        """The pieces that count and are brighter than their neighbours in time."""
        return np.flatnonzero((self.pieces.confidence >= HALF) & (self.seen.contrast > 0))


def light_bar(own: Lit, others: Sequence[Lit], limits: LightLimits, way: complex | None) -> Doubles:
    """By how many logits the bar rises for each piece, `(n + 1,)`: bright ones only.

    Args:
        own: the frame.
        others: the frames around it.
        limits: how much is too much.
        way: that in which it rains on them, as `rain` tells; None if it does not.
    """
    bar, pieces = np.zeros(len(own.pieces.confidence)), own.bright
    if len(pieces):
        among = _Among(own, others, limits)
        bar[pieces] = among.crowd() if way is None else np.maximum(among.crowd(), among.rain(way))
    return bar


class _Among:
    """The bright pieces of a frame among those like them, and among spots as bright, on the frames around as well."""

    def __init__(self, own: Lit, others: Sequence[Lit], limits: LightLimits) -> None:
        self._own, self._limits = own, limits
        self._bright = [(one.seen, one.bright) for one in (own, *others)]
        """The frame's pieces come first."""
        self._count = len(own.bright)
        self._here = (own.seen.x[own.bright], own.seen.y[own.bright])
        self._least = limits.as_bright * own.seen.spike[own.bright]
        lights = [own.lights, *(one.lights for one in others)]
        self._spots = _joined([one.places for one in lights])
        spike = np.concatenate([one.spike for one in lights])
        self._brighter, self._darker = spike >= self._least[:, None], -spike >= self._least[:, None]
        self._standing = _joined([(seen.x[places], seen.y[places]) for seen, places in self._bright])
        strength = np.concatenate([seen.spike[places] for seen, places in self._bright])
        self._like = strength >= self._least[:, None]

    def rain(self, way: complex) -> Doubles:
        """`(n,)` logits for what lies the way it rains, and for what could be a drop among many that do."""
        limits = self._limits
        far = limits.rain_px * self._own.seen.width / WIDTH_PX
        lie = np.concatenate([seen.lie[places] for seen, places in self._bright])
        area = np.concatenate([seen.area[places] for seen, places in self._bright])
        drops = _that_way(lie, way, limits)
        small = area <= limits.as_large * (np.median(area[drops]) if drops.any() else np.inf)
        rained = _near(self._here, self._spots, far, self._brighter)
        rained += _near(self._here, self._standing, far, self._like & drops)
        odds = rained / np.maximum(_near(self._here, self._standing, far, self._like & ~drops), 1.0)
        usual = np.where((drops | small)[: self._count], 1.0, limits.large_odds)
        return np.asarray(limits.rain_bar * (np.log2(np.maximum(odds / usual, 1.0)) + drops[: self._count]))

    def crowd(self) -> Doubles:
        """`(n,)` logits for what lies where more as bright do than if they lay anywhere."""
        limits = self._limits
        far = limits.crowd_px * self._own.seen.width / WIDTH_PX
        like = self._like.copy()
        like[:, : self._count] = False  # dirt of one frame lies in clusters: that of the frames around counts
        found = _near(self._here, self._spots, far, self._brighter) + _near(self._here, self._standing, far, like)
        found -= _near(self._here, self._spots, far, self._darker)  # what moves shows brighter and darker alike
        every = self._brighter.sum(axis=1) + like.sum(axis=1)
        expected = every * self._room(far) + limits.crowd_prior
        return np.asarray(limits.crowd_bar * np.log2(np.maximum(found / expected / limits.crowd_usual, 1.0)))

    def _room(self, far: float) -> Doubles:
        """Share of spots like each piece that would lie near it, if they lay anywhere they can be seen.

        White on white is not seen: where the ground is so bright that a spot would stand out by too little, none is.
        """
        ground, (height, width) = self._own.lights.ground, self._own.seen.shape
        rows, columns = np.mgrid[: ground.shape[0], : ground.shape[1]].reshape(2, -1) + 0.5
        cells = (columns * (width / ground.shape[1]), rows * (height / ground.shape[0]))
        row = (self._here[1] * ground.shape[0] / height).astype(np.intp)
        column = (self._here[0] * ground.shape[1] / width).astype(np.intp)
        top = ground[row, column] + self._least / self._limits.as_bright
        seen = ground.ravel() + self._least[:, None] <= top[:, None]
        return np.asarray(_near(self._here, cells, far, seen) / np.maximum(seen.sum(axis=1), 1))


def _joined(several: Sequence[Places]) -> Places:
    x, y = (np.concatenate([np.zeros(0), *(places[side] for places in several)]) for side in (0, 1))
    return x, y


def _near(here: Places, there: Places, far: float, which: Mask) -> Doubles:
    """How many of those that count for each, `(n, k)`, lie near it, weighed by a bell: `(n,)`."""
    away = np.square(here[0][:, None] - there[0]) + np.square(here[1][:, None] - there[1])
    return np.asarray((np.exp(-away / (2 * far * far)) * which).sum(axis=1), np.float64)
