"""The classical detector: dirt and hair are what a frame shows and its neighbours in time do not.

The measure is the spike of Kokaram ("Motion Picture Restoration", Springer 1998: SDIp, differences of the same sign to
the motion compensated frames before and after), taken as a rank over up to four neighbours with a pixel of slack, after
Nadenau & Mitra ("Blotch and scratch detection in image sequences based on rank ordered differences", 1996), and weighed
against how well motion was followed just there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.restoration.damage_map import Map
from restoration_tasks.restoration.motion import Luma
from restoration_tasks.restoration.neighbours import Neighbour

Floats = npt.NDArray[np.float32]

_BOX = np.ones((3, 3), np.uint8)
_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_SURROUND_PX = 8
"""How far around a speck its surround is looked at."""
_SURROUND_SHARE = 0.75
"""Quantile of the surround's differences taken as its level: the worst quarter may be other dirt."""


@dataclass(frozen=True)
class DirtLimits:
    """What counts as dirt. Chosen on simulated dirt over moving pictures, and by eye on four real prints."""

    contrast: float = 14.0
    """Difference in 8-bit code values that a speck must reach somewhere, where the picture is quiet."""
    activity: float = 2.5
    """How many times the local disagreement between the neighbours it must reach, where the picture is busy."""
    soft_share: float = 0.45
    """A speck reaches out to where its difference falls under this share of the above."""
    smallest_px: int = 4
    """Area under which a speck is taken for grain, in a picture of 720x540; scaled with the picture's area."""
    largest_share: float = 0.03
    """A connected area above this share of the picture is a flash or a failure to follow motion, not dirt."""
    surround_ratio: float = 2.5
    """How many times stronger a speck must be than the differences in the ring around it."""
    lowest_score: float = 0.8
    """Specks are kept in the map from this multiple of the limits (probability 0.39); 1 is probability one half."""
    halo_px: int = 3
    """How far from a speck its soft edge may reach; one pixel is always taken along."""
    halo_share: float = 0.25
    """The soft edge ends where the difference falls under this share of the threshold."""


def ranked(differences: list[Floats]) -> tuple[Floats, Floats]:
    """The weakest rise and the weakest fall the neighbours agree on.

    With three or four neighbours one may dissent (it may be dirty itself). A background that is being covered or
    uncovered agrees with the two neighbours on one side, and so gives nothing.

    Args:
        differences: one to four `(H, W)` pictures, frame minus neighbour.

    Returns:
        `(low, high)`: the second smallest and second largest of three or four, else the smallest and largest.
    """
    if len(differences) < 3:
        low = high = differences[0]
        for difference in differences[1:]:
            low, high = np.minimum(low, difference), np.maximum(high, difference)
        return low, high
    low_a, high_a = np.minimum(differences[0], differences[1]), np.maximum(differences[0], differences[1])
    if len(differences) == 3:
        middle = np.maximum(low_a, np.minimum(high_a, differences[2]))
        return middle, middle
    low_b, high_b = np.minimum(differences[2], differences[3]), np.maximum(differences[2], differences[3])
    low = np.minimum(np.maximum(low_a, low_b), np.minimum(high_a, high_b))
    high = np.maximum(np.minimum(high_a, high_b), np.maximum(low_a, low_b))
    return low, high


def one_sided(differences: list[Floats], neighbours: list[Neighbour]) -> Floats:
    """What the frame shows and neither frame on one side does: dirt, and also anything that came or went.

    Args:
        differences: `(H, W)` pictures, frame minus neighbour, of one polarity (positive is more).
        neighbours: the neighbours they belong to.

    Returns:
        `(H, W)`, 0 or more, in the unit of the differences.
    """
    found = np.zeros_like(differences[0])
    for after in (False, True):
        side = [d for d, n in zip(differences, neighbours, strict=True) if (n.offset > 0) is after]
        if side:
            found = np.maximum(found, np.minimum.reduce(side))
    return found


def activity(neighbours: list[Neighbour]) -> Floats:
    """How little the neighbours agree with each other: `(H, W)`, 8-bit code values, averaged over a small box.

    It holds grain, edges out of register, occlusions and fast motion, but not the middle frame's own dirt. Of two
    pairs the one that agrees better counts, so that a dirty neighbour does not hide dirt beside it.
    """
    before = [n.luma for n in neighbours if n.offset < 0]
    after = [n.luma for n in neighbours if n.offset > 0]
    if not before or not after:
        both = before or after
        pairs = [(both[0], both[1])] if len(both) > 1 else []
    else:
        pairs = [(before[0], after[0])]
        if len(before) > 1 or len(after) > 1:
            pairs.append((before[-1], after[0] if len(before) > 1 else after[-1]))
    if not pairs:
        return np.zeros_like(neighbours[0].luma)
    disagreement = np.minimum.reduce([np.abs(one - other) for one, other in pairs])
    return np.asarray(cv2.boxFilter(disagreement, -1, (11, 11), borderType=cv2.BORDER_REFLECT), np.float32)


def dirt_map(luma: Luma, neighbours: list[Neighbour], limits: DirtLimits | None = None) -> Map:
    """Where one frame is dirty.

    Args:
        luma: `(H, W)` the frame's analysis picture.
        neighbours: up to four aligned neighbours of the same shot; with none (a shot of one frame) nothing can be
        said and the map is 0.
        limits: what counts as dirt.

    Returns:
        the map; a speck and its soft edge carry one probability, `s² / (1 + s²)` of its score `s`.
    """
    limits = limits or DirtLimits()
    found = np.zeros(luma.shape, np.uint8)
    if not neighbours:
        return found
    current = luma.astype(np.float32)
    differences = [current - n.luma for n in neighbours]
    rise, fall = ranked(differences)
    sure_rise, _ = ranked([current - cv2.dilate(n.luma, _BOX) for n in neighbours])
    _, sure_fall = ranked([current - cv2.erode(n.luma, _BOX) for n in neighbours])
    seen = np.logical_and.reduce([n.inside for n in neighbours])
    threshold = np.maximum(np.float32(limits.activity) * activity(neighbours), np.float32(limits.contrast))
    lonely = len({n.offset > 0 for n in neighbours}) == 1
    for strength, seed, sign in ((rise, sure_rise, 1.0), (-fall, -sure_fall, -1.0)):
        moving = one_sided([np.float32(sign) * difference for difference in differences], neighbours)
        specks = _Specks(
            current, neighbours[0].luma, strength, moving, seed / threshold, threshold, sign, limits, lonely
        )
        specks.mark(found, ((strength > limits.soft_share * threshold) & seen).astype(np.uint8))
    return found


@dataclass(frozen=True)
class _Specks:
    """Turns one polarity's spikes into specks with a probability each."""

    current: Floats
    neighbour: Floats
    strength: Floats
    """Spike, 8-bit code values, positive."""
    moving: Floats
    """What is new or gone seen from one side: beside a speck it betrays a movement that was not followed."""
    seed: Floats
    """Spike as a multiple of the local threshold, with a pixel of slack in the registration."""
    threshold: Floats
    sign: float
    limits: DirtLimits
    lonely: bool
    """Whether there are neighbours on one side only."""

    def mark(self, found: Map, candidates: Map) -> None:
        """Write the specks among `candidates` (0 or 1) into `found`."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
        seeded = np.unique(labels[(self.seed >= self.limits.lowest_score) & (candidates > 0)])
        pixels = found.size
        smallest = max(2.0, self.limits.smallest_px * pixels / (720 * 540))
        for label in seeded:
            x, y, width, height, area = (int(value) for value in stats[label])
            if not smallest <= area <= self.limits.largest_share * pixels:
                continue
            box = (
                slice(max(y - _SURROUND_PX, 0), y + height + _SURROUND_PX),
                slice(max(x - _SURROUND_PX, 0), x + width + _SURROUND_PX),
            )
            own = (labels[box] == label).astype(np.uint8)
            score = self._score(own, box)
            if score >= self.limits.lowest_score:
                probability = round(255 * score**2 / (1 + score**2))
                np.maximum(found[box], self._with_halo(own, box) * np.uint8(probability), out=found[box])

    def _with_halo(self, own: Map, box: tuple[slice, slice]) -> Map:
        """A speck with its soft edge."""
        soft = self.strength[box] > self.limits.halo_share * self.threshold[box]
        reached = cv2.dilate(own, _BOX, iterations=self.limits.halo_px) > 0
        return np.asarray((cv2.dilate(own, _BOX) > 0) | (reached & soft), np.uint8)

    def _score(self, own: Map, box: tuple[slice, slice]) -> float:
        """How clearly a candidate is dirt; 1 at the limits."""
        speck = own > 0
        near = cv2.dilate(own, _DISC)
        ring = (cv2.dilate(own, _BOX, iterations=_SURROUND_PX - 1) > 0) & (near == 0)
        if not ring.any():
            return 0.0
        strength = self.strength[box]
        mean = float(strength[speck].mean())
        beside = np.maximum(np.abs(strength[ring]), self.moving[box][ring])
        around = float(np.quantile(beside, _SURROUND_SHARE))
        score = min(float(self.seed[box][speck].max()), mean / (self.limits.surround_ratio * (around + 1.0)))
        if self.lonely:
            # With frames on one side only a difference may be dirt there, or something uncovered: the dirty one is
            # the one that stands out from its own surround.
            here = self.sign * float(self.current[box][speck].mean() - self.current[box][ring].mean())
            there = abs(float(self.neighbour[box][speck].mean() - self.neighbour[box][ring].mean()))
            score = min(score, (here - there) / (0.5 * mean + 1.0))
        return score
