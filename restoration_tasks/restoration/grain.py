"""Give a fill the grain of its surround: a mixture of frames is quieter than any one of them.

The grain is real: the fine part of one neighbour takes the place of the mixture's own. It is taken from the frames two
away where they show the place, so that no two frames running show the same grain, on alternate sides from frame to
frame. Where no neighbour shows the place, seeded noise of the surround's strength and coarseness stands in. How much
fine difference is grain at all is measured where the frame and its neighbours are clean: what differs more strongly is
motion that was not followed, and is taken over the less, so that a picture without grain gets none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.carried import Group

Floats = NDArray[np.float32]

FINE_PX = 1.5
"""Standard deviation of the blur that parts grain from picture."""
RING_PX = 10
"""Width of the clean ring around damage in which grain is measured."""
SOFT_PX = 2
"""The first pixels beside damage are no witness: its soft edge reaches beyond what was found."""
TO_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""
BANDS = 3
"""Bands of brightness in which grain is measured apart: grain is strongest in the middle tones."""
FEWEST = 400
"""Pixels a band must hold."""
LEAST_CARRIED = 0.4
"""Carrying a frame by parts of a pixel takes away grain; less than this share of its variance never remains."""
MOST_GAIN = 1.5
_FIRST = {0: (3, 2, 1, 0), 1: (2, 3, 0, 1)}
"""Places of the neighbours to take grain from, best first, on even and on odd frames: second after, second before, …"""


@dataclass(frozen=True)
class GrainLevel:
    """How strong grain is in a frame, by brightness."""

    edges: Floats
    """`(BANDS − 1,)`: where the bands of brightness part."""
    variance: Floats
    """`(BANDS, C)`: of the fine part of the frame's own grain."""
    carried: Floats
    """`(4, C)`: what share of that variance is left in each neighbour when it is carried onto the frame."""

    def at(self, brightness: Floats) -> Floats:
        """`(N, C)`: the variance at brightnesses `(N,)`."""
        return np.asarray(self.variance[np.searchsorted(self.edges, brightness)], np.float32)


@dataclass(frozen=True)
class FineParts:
    """The fine parts of a group of boxes: picture less its blur."""

    frame: Floats
    """`(N, C, h, w)`: of the frame with the fill in it."""
    neighbours: Floats
    """`(N, 4, C, h, w)`."""
    ring: NDArray[np.bool_]
    """`(N, h, w)`: clean pixels of the frame near damage."""
    brightness: Floats
    """`(N, h, w)`."""

    @classmethod
    def of(cls, group: Group, fill: Floats) -> FineParts:
        """Part the boxes of a group whose fill is `(N, C, h, w)`."""
        composite = np.where(group.mask[:, None], fill, group.picture)
        stack = np.concatenate((composite[:, None], group.candidates[:, :4]), axis=1)
        count, parts, channels, height, width = stack.shape
        rows = np.ascontiguousarray(stack.reshape(count, parts * channels, height, width).transpose(0, 2, 3, 1))
        fine = np.stack([one - cv2.GaussianBlur(one, (0, 0), FINE_PX).reshape(one.shape) for one in rows])
        fine = fine.transpose(0, 3, 1, 2).reshape(stack.shape)
        near, soft = (np.ones((2 * px + 1,) * 2, np.uint8) for px in (RING_PX, SOFT_PX))
        ring = np.stack(
            [(cv2.dilate(hole, near) > 0) & (cv2.dilate(hole, soft) == 0) for hole in group.mask.astype(np.uint8)]
        )
        return cls(fine[:, 0], fine[:, 1:], ring, composite.mean(axis=1))


def grain_level(groups: list[Group], parts: list[FineParts]) -> GrainLevel | None:
    """Measure the grain of a frame in the rings around its damage; None if there are no rings.

    Of the frame's own fine part and half its difference to the best neighbour's, the smaller is believed: the first
    holds the picture's texture too, the second what motion compensation missed.
    """
    own = np.concatenate([part.frame.transpose(0, 2, 3, 1)[part.ring] for part in parts])
    if len(own) < 12:
        return None
    theirs = np.concatenate([part.neighbours.transpose(0, 3, 4, 1, 2)[part.ring] for part in parts])
    usable = np.concatenate(
        [group.usable.transpose(0, 2, 3, 1)[part.ring] for group, part in zip(groups, parts, strict=True)]
    )
    level = np.concatenate([part.brightness[part.ring] for part in parts])
    carried = np.ones((4, own.shape[1]), np.float32)
    enough = [place for place in range(4) if np.count_nonzero(usable[:, place]) >= min(FEWEST, len(own) // 2)]
    spread = _variance(own)
    for place in enough:
        left = _variance(theirs[usable[:, place], place]) / np.maximum(spread, np.float32(1e-12))
        carried[place] = np.clip(left, LEAST_CARRIED, 1.0)
    bands = BANDS if len(own) >= BANDS * FEWEST else 1
    edges = np.asarray(np.quantile(level, np.arange(1, bands) / bands), np.float32)
    band = np.searchsorted(edges, level)
    variance = np.empty((bands, own.shape[1]), np.float32)
    for number in range(bands):
        inside = band == number
        variance[number] = _variance(own[inside])
        for place in enough:
            both = inside & usable[:, place]
            if np.count_nonzero(both) >= FEWEST // 4:
                apart = _variance(own[both] - theirs[both, place]) / (1.0 + carried[place])
                variance[number] = np.minimum(variance[number], apart)
    return GrainLevel(edges, variance, carried)


def with_grain(group: Group, part: FineParts, fill: Floats, level: GrainLevel, *, frame: int, amount: float) -> Floats:
    """The fill with the grain it lacks.

    Args:
        group: the boxes.
        part: their fine parts.
        fill: `(N, C, h, w)`.
        level: the frame's grain.
        frame: position in the reel; seeds noise and takes turns between neighbours.
        amount: how much of the missing grain is given, 0–1.

    Returns:
        `(N, C, h, w)`, to be used inside the mask.
    """
    grained = fill.copy()
    inside = group.mask
    counts = np.maximum(inside.sum(axis=(1, 2)), 1)
    variance = level.at(np.asarray((part.brightness * inside).sum(axis=(1, 2)) / counts, np.float32))
    left = group.mask.copy()
    for place in _FIRST[frame % 2]:
        from_here = left & group.usable[:, place]
        if not from_here.any():
            continue
        left &= ~from_here
        gain = _gains(part, place, from_here, variance, level.carried[place])
        lacking = (part.neighbours[:, place] - part.frame) * gain[..., None, None]
        grained += np.float32(amount) * lacking * from_here[:, None]
    if left.any():
        _add_noise(grained, group, part, left, variance, frame=frame, amount=amount)
    return grained


def _gains(part: FineParts, place: int, where: NDArray[np.bool_], variance: Floats, carried: Floats) -> Floats:
    """`(N, C)`: how much of a neighbour's fine part, less the fill's own, is added to the fill in each box.

    With a gain of 1 the fill has the neighbour's fine part. It is more where carrying has weakened that, so that the
    strength becomes the frame's own: `V(fill + a·d) = V(neighbour) + (1 − carried)·V(grain)`. It is less where the two
    differ by more than two grains do.
    """
    count = np.maximum(where.sum(axis=(1, 2)), 1)[:, None].astype(np.float32)
    held = where[:, None]
    own, other = part.frame * held, part.neighbours[:, place] * held
    apart = other - own

    def mean(values: Floats) -> Floats:
        return np.asarray(values.sum(axis=(2, 3)) / count, np.float32)

    strength, shared, theirs = mean(apart * apart), mean(own * apart), mean(other * other)
    base = mean(own * own)
    wanted = theirs + (1.0 - carried) * variance
    root = np.sqrt(np.maximum(shared * shared + strength * (wanted - base), 0.0))
    exact = np.where(strength > 0, (root - shared) / np.maximum(strength, np.float32(1e-12)), 0.0)
    trust = np.sqrt(np.minimum(2.0 * variance / np.maximum(strength, np.float32(1e-12)), 1.0))
    return np.asarray(np.clip(exact, 0.0, MOST_GAIN) * trust, np.float32)


def _add_noise(
    grained: Floats,
    group: Group,
    part: FineParts,
    where: NDArray[np.bool_],
    variance: Floats,
    *,
    frame: int,
    amount: float,
) -> None:
    """Noise in place of grain, of what strength the fill lacks and as coarse as the ring's."""
    coarse = _coarseness(part)
    for number in np.flatnonzero(where.any(axis=(1, 2))).tolist():
        rows, columns = group.boxes[number]
        rng = np.random.default_rng((frame, rows.start, columns.start))
        hole = where[number]
        for channel, plane in enumerate(grained[number]):
            there = float(np.mean(np.square(part.frame[number, channel][hole])))
            lacking = np.sqrt(max(float(variance[number, channel]) - there, 0.0))
            noise = cv2.GaussianBlur(rng.standard_normal(plane.shape).astype(np.float32), (0, 0), coarse)
            noise *= np.float32(amount * lacking / _fine_deviation(coarse))
            plane[hole] += noise[hole]


def _coarseness(part: FineParts) -> float:
    """The blur of white noise whose fine part hangs together from column to column as the ring's does."""
    pairs = part.ring[:, :, 1:] & part.ring[:, :, :-1]
    if np.count_nonzero(pairs) < 24:
        return _BLURS[0]
    plane = part.frame.mean(axis=1)
    one, other = plane[:, :, 1:][pairs], plane[:, :, :-1][pairs]
    spread = float(np.sqrt(np.mean(np.square(one)) * np.mean(np.square(other))))
    together = float(np.mean(one * other)) / spread if spread > 0 else 0.0
    return min(_BLURS, key=lambda blur: abs(_hangs_together(blur) - together))


_BLURS = (0.3, 0.45, 0.6, 0.75, 0.9, 1.1)


@cache
def _sample(blur: float) -> Floats:
    noise = np.random.default_rng(0).standard_normal((128, 128)).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.asarray(grain - cv2.GaussianBlur(grain, (0, 0), FINE_PX), np.float32)


def _hangs_together(blur: float) -> float:
    fine = _sample(blur)
    return float(np.mean(fine[:, 1:] * fine[:, :-1]) / np.mean(np.square(fine)))


def _fine_deviation(blur: float) -> float:
    return float(_sample(blur).std())


def _variance(values: Floats) -> Floats:
    """`(C,)` robust variance of `(N, C)` values."""
    middle = np.median(values, axis=0)
    return np.asarray(np.square(TO_DEVIATION * np.median(np.abs(values - middle), axis=0)), np.float32)
