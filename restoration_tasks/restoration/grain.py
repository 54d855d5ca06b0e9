"""Give a fill the grain of its surround: a mixture of frames is quieter than any one of them.

The grain is real: the fine part of one neighbour takes the place of the mixture's own. It is taken from the frames two
away where they show the place, so that no two frames running show the same grain, on alternate sides from frame to
frame. Where no neighbour shows the place, seeded noise of the surround's strength and coarseness stands in. How much
fine difference is grain at all is measured where the frame and its neighbours are clean: what differs more strongly is
motion that was not followed, and is taken over the less, so that a picture without grain gets none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.carried import Group
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.shares import Rows

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
FEWEST_AT_ALL = 24
CELL_PX = 8
CALMEST = 0.2
"""Share of the cells of a band that are at least as calm as what counts."""
CALMEST_BIAS = 0.82
"""What that quantile is of the true variance where there is grain and nothing else."""
FEWEST_CELLS = 60
UNEVEN = 3.0
"""Grain of one brightness is taken to have at most so many times the variance of that of another: what seems to have
more is the picture's texture."""
TRUSTED = 1.5
"""A neighbour's fine part may differ from the fill's by so many times the grain's variance: from a mean of four it
differs by 1.25 times, from another single frame twice, and that fill lacks nothing."""
FAINTEST = (0.6 / 255.0) ** 2
"""Variance that is no grain: rounding to eight bits and the rests of compression; nobody sees it."""
DEAD = (0.1 / 255.0) ** 2
"""Cells with less variance are no picture of film: bars, borders, titles laid in."""
UNCLIPPED = (0.02, 0.97)
"""Brightness outside which grain may be clipped away."""
MOST_WITNESSES = 1000
"""Pixels of rings looked at for each size of boxes, and three times as many of a frame (a band of brightness each); no
figure becomes better by more."""
LEAST_CARRIED = 0.4
"""Carrying a frame by parts of a pixel takes away grain; less than this share of its variance never remains."""
MOST_GAIN = 1.5
CONTINUED_SHARE = 0.2
"""Share of the grain's variance that is left in a surround continued inwards, at most."""
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
    """The fine parts (picture less its blur) of a group of boxes, at the pixels that count."""

    box: NDArray[np.intp]
    """`(P,)`: which box of the group each pixel of the mask is in; boxes in order."""
    fill: Floats
    """`(P, C)`: fine part of the fill, in its frame."""
    neighbours: Floats
    """`(P, 4, C)`: of the neighbours there."""
    usable: NDArray[np.bool_]
    """`(P, 4)`: which of them show the pixel clean."""
    brightness: Floats
    """`(N,)`: of the fill in each box."""
    ring: Floats
    """`(R, 5, C)`: the frame's own and the neighbours' fine parts in the clean rings around the damage."""
    ring_usable: NDArray[np.bool_]
    """`(R, 4)`."""
    ring_brightness: Floats
    """`(R,)`."""
    together: float
    """How grain in the rings hangs together from column to column, −1 to 1."""

    @classmethod
    def of(cls, group: Group, fill: Floats) -> FineParts:
        """Part the boxes of a group whose fill is `(N, C, h, w)`."""
        composite = np.where(group.mask[:, None], fill, group.picture)
        stack = np.concatenate((composite[:, None], group.candidates[:, :4]), axis=1)
        count, parts, channels, height, width = stack.shape
        rows = np.ascontiguousarray(stack.reshape(count, parts * channels, height, width).transpose(0, 2, 3, 1))
        # (N, h, w, 5, C)
        fine = np.stack([one - cv2.GaussianBlur(one, (0, 0), FINE_PX) for one in rows])
        fine = fine.reshape(count, height, width, parts, channels)
        near, soft = (np.ones((2 * px + 1,) * 2, np.uint8) for px in (RING_PX, SOFT_PX))
        holes = group.mask.astype(np.uint8)
        ring = np.stack([(cv2.dilate(hole, near) > 0) & (cv2.dilate(hole, soft) == 0) for hole in holes])
        places, witness = np.nonzero(group.mask), np.nonzero(ring)
        thin = max(len(witness[0]) // MOST_WITNESSES, 1)
        some = tuple(axis[::thin] for axis in witness)
        brightness = composite.mean(axis=1)
        held = np.bincount(places[0], minlength=count)
        return cls(
            box=places[0],
            fill=fine[..., 0, :][places],
            neighbours=fine[..., 1:, :][places],
            usable=group.usable.transpose(0, 2, 3, 1)[places],
            brightness=np.asarray(np.bincount(places[0], brightness[places], count) / np.maximum(held, 1), np.float32),
            ring=fine[some],
            ring_usable=group.usable.transpose(0, 2, 3, 1)[some],
            ring_brightness=brightness[some],
            together=_together(fine, ring, group.usable),
        )


def grain_level(rows: Rows, mask: Mask, parts: Sequence[FineParts]) -> GrainLevel:
    """Measure the grain of a frame.

    In each band of brightness it is the fine part's variance in the calmest cells of the frame: everywhere else there
    is the picture's own texture as well. In the rings around the damage it is at most half the difference to the best
    neighbour, of which what motion compensation missed is a part.

    Args:
        rows: the frame `(H, W, C)`, its damage filled.
        mask: `(H, W)`: its damage.
        parts: the fine parts of its boxes.
    """
    brightness, calm = calm_cells(rows, mask)
    ring = np.concatenate([part.ring for part in parts])
    some = slice(None, None, max(len(ring) // (BANDS * MOST_WITNESSES), 1))
    ring, usable = ring[some], np.concatenate([part.ring_usable for part in parts])[some]
    level = np.concatenate([part.ring_brightness for part in parts])[some]
    bands = BANDS if len(brightness) >= BANDS * FEWEST_CELLS else 1
    edges = np.asarray(np.quantile(brightness, np.arange(1, bands) / bands), np.float32)
    variance = np.zeros((bands, rows.shape[2]), np.float32)
    for number in range(bands):
        cells = calm[np.searchsorted(edges, brightness) == number]
        if len(cells):
            variance[number] = np.quantile(cells, CALMEST, axis=0) / CALMEST_BIAS
    variance = np.maximum(variance - np.float32(FAINTEST), 0.0)
    variance = np.minimum(variance, UNEVEN * variance.min(axis=0))
    own = ring[:, 0]
    carried = np.ones((4, rows.shape[2]), np.float32)
    band = np.searchsorted(edges, level)
    spread = np.maximum(_variance(own), np.float32(1e-12)) if len(own) else None
    for place in range(4):
        if spread is None or np.count_nonzero(usable[:, place]) < max(min(FEWEST, len(own) // 2), FEWEST_AT_ALL):
            continue
        left = _variance(ring[usable[:, place], 1 + place]) / spread
        carried[place] = np.clip(left, LEAST_CARRIED, 1.0)
        for number in range(bands):
            both = (band == number) & usable[:, place]
            if np.count_nonzero(both) >= FEWEST // 4:
                apart = _variance(own[both] - ring[both, 1 + place]) / (1.0 + carried[place])
                variance[number] = np.minimum(variance[number], apart)
    return GrainLevel(edges, variance, carried)


def calm_cells(rows: Rows, mask: Mask) -> tuple[Floats, Floats]:
    """Cells of a frame without damage and not clipped: brightness `(K,)`, variance of the fine part `(K, C)`."""
    fine = rows - cv2.GaussianBlur(rows, (0, 0), FINE_PX).reshape(rows.shape)
    size = (max(mask.shape[1] // CELL_PX, 1), max(mask.shape[0] // CELL_PX, 1))
    power = cv2.resize(fine * fine, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    brightness = cv2.resize(_grey(rows), size, interpolation=cv2.INTER_AREA)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * SOFT_PX + 1,) * 2, np.uint8)).astype(np.float32)
    clean = cv2.resize(near, size, interpolation=cv2.INTER_AREA) == 0
    shown = clean & (brightness > UNCLIPPED[0]) & (brightness < UNCLIPPED[1]) & (power.max(axis=2) > DEAD)
    if not shown.any():
        shown = clean if clean.any() else np.ones_like(clean)
    return np.asarray(brightness[shown], np.float32), np.asarray(power[shown], np.float32)


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
    variance = level.at(part.brightness)
    missing = np.zeros_like(part.fill)
    left = np.ones(len(part.box), np.bool_)
    for place in _FIRST[frame % 2]:
        here = np.flatnonzero(left & part.usable[:, place])
        if len(here) == 0:
            continue
        left[here] = False
        lacking = part.neighbours[here, place] - part.fill[here]
        gain = _gains(part, place, here, variance, level.carried[place])
        missing[here] = gain[part.box[here]] * lacking
    if left.any():
        missing[left] = _noise(group, part, variance, left, frame)[left]
    grained = fill.transpose(0, 2, 3, 1).copy()
    grained[group.mask] += np.float32(amount) * missing
    return np.ascontiguousarray(grained.transpose(0, 3, 1, 2))


def _gains(part: FineParts, place: int, here: NDArray[np.intp], variance: Floats, carried: Floats) -> Floats:
    """`(N, C)`: how much of a neighbour's fine part, less the fill's own, is added to the fill in each box.

    With a gain of 1 the fill has the neighbour's fine part. It is more where carrying has weakened that, so that the
    strength becomes the frame's own: `V(fill + a·d) = V(neighbour) + (1 − carried)·V(grain)`. It is less where the two
    differ by more than grain does.
    """
    own, other, box = part.fill[here], part.neighbours[here, place], part.box[here]
    count = np.maximum(np.bincount(box, minlength=len(variance)), 1)

    def mean(values: Floats) -> Floats:
        sums = [np.bincount(box, channel, len(variance)) / count for channel in values.T]
        return np.asarray(np.stack(sums, axis=1), np.float32)

    apart = other - own
    strength, shared, theirs, base = mean(apart * apart), mean(own * apart), mean(other * other), mean(own * own)
    least = np.maximum(strength, np.float32(1e-12))
    wanted = theirs + (1.0 - carried) * variance
    root = np.sqrt(np.maximum(shared * shared + strength * (wanted - base), 0.0))
    exact = np.clip((root - shared) / least, 0.0, MOST_GAIN)
    trust = np.sqrt(np.minimum(TRUSTED * variance / least, 1.0))
    return np.asarray(exact * trust, np.float32)


def _noise(group: Group, part: FineParts, variance: Floats, where: NDArray[np.bool_], frame: int) -> Floats:
    """`(P, C)`: noise in place of grain, of the strength that the fill lacks, as coarse as the ring's."""
    coarse = min(BLURS, key=lambda blur: abs(hangs_together(blur) - part.together))
    shape = (*group.mask.shape, part.fill.shape[1])
    noise = np.zeros(shape, np.float32)
    for number in np.unique(part.box[where]).tolist():
        rows, columns = group.boxes[number]
        rng = np.random.default_rng((frame, rows.start, columns.start))
        white = rng.standard_normal(shape[1:]).astype(np.float32)
        there = np.mean(np.square(part.fill[where & (part.box == number)]), axis=0)
        # What the surround gives is smooth: most of its fine part is texture that goes on, not grain.
        has = np.minimum(there, CONTINUED_SHARE * variance[number])
        lacking = np.sqrt(variance[number] - has) / fine_deviation(coarse)
        noise[number] = cv2.GaussianBlur(white, (0, 0), coarse).reshape(white.shape) * lacking
    return noise[group.mask]


def _together(fine: Floats, ring: NDArray[np.bool_], usable: NDArray[np.bool_]) -> float:
    """Of the difference to a neighbour, if there is one: texture hangs together over more columns than grain does."""
    shown = [np.count_nonzero(usable[:, place] & ring) for place in range(4)]
    place = int(np.argmax(shown))
    plane = _grey(fine[..., 0, :])
    if shown[place] >= FEWEST_AT_ALL:
        plane, ring = plane - _grey(fine[..., 1 + place, :]), ring & usable[:, place]
    pairs = ring[:, :, 1:] & ring[:, :, :-1]
    if np.count_nonzero(pairs) < FEWEST_AT_ALL:
        return 0.0
    one, other = plane[:, :, 1:][pairs], plane[:, :, :-1][pairs]
    spread = float(np.sqrt(np.mean(np.square(one)) * np.mean(np.square(other))))
    return float(np.mean(one * other)) / spread if spread > 0 else 0.0


BLURS = (0.3, 0.45, 0.6, 0.75, 0.9, 1.1)
"""Standard deviations that make white noise as coarse as grain may be."""


@cache
def _sample(blur: float) -> Floats:
    noise = np.random.default_rng(0).standard_normal((128, 128)).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.asarray(grain - cv2.GaussianBlur(grain, (0, 0), FINE_PX), np.float32)


def hangs_together(blur: float) -> float:
    """How the fine part of so blurred noise hangs together from column to column, −1 to 1."""
    fine = _sample(blur)
    return float(np.mean(fine[:, 1:] * fine[:, :-1]) / np.mean(np.square(fine)))


def fine_deviation(blur: float) -> float:
    """Standard deviation of the fine part of so blurred noise of unit strength."""
    return float(_sample(blur).std())


def _grey(values: Floats) -> Floats:
    """The mean over the last axis, which is a short one: channel by channel, as numpy is slow at it."""
    total = values[..., 0].copy()
    for channel in range(1, values.shape[-1]):
        total += values[..., channel]
    return total / np.float32(values.shape[-1])


def _variance(values: Floats) -> Floats:
    """`(C,)` robust variance of `(N, C)` values."""
    channels = np.ascontiguousarray(values.T)
    apart = np.abs(channels - np.median(channels, axis=1, keepdims=True))
    return np.asarray(np.square(TO_DEVIATION * np.median(apart, axis=1)), np.float32)
