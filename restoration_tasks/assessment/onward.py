"""Do the pieces of three frames move on as snow does? Counted against chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.recurrence import RecurrenceLimits, Sighting


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
