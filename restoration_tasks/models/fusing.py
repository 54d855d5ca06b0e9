"""Several guesses of where things move between two frames, weighed against each other place by place.

A guess is good where what it brings from the frame before and what it brings from the frame after agree. Each counts by
the inverse square of its disagreement around a pixel: one that loses a fast limb is overruled there by one that does
not, and where both are right their errors partly cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from restoration_tasks.models.ifnet import Motion, warped

AROUND_PX = 21
"""Side of the square in which a guess is judged."""
POWER = 2.0
"""Of the disagreement a guess is weighed by."""
LEAST = 0.002
"""Disagreement, share of the code range, below which guesses count as equally good: half a step of eight bits."""
APART = (0.25, 0.4)
"""Disagreement of the two sides, share of the code range, from which one of them begins to be taken, and is alone.
Taking one costs 0.1 dB on training clips against the mean of both, more from lower limits: a ghost is near to the truth
in numbers, and not to the eye."""
NEAR_PX = 5
"""Side of the square that this is judged in."""
SIDE_PX = 9
"""Side of the square over which it is decided which of them."""
NOT_AT_ALL = 1e-4
"""Share that keeps a logit finite."""
STEPS = 3
"""Times that a motion is looked up again where it leads."""


@dataclass(frozen=True)
class Guess:
    """Where a frame between two comes from."""

    to_first: Tensor
    """`(B, 2, H, W)`: x and y in pixels to the frame before."""
    to_second: Tensor
    """The same to the frame after."""
    belief: Tensor
    """`(B, 1, H, W)`: logit of how much of it comes from the frame before."""


def at_share(motion: Motion, share: float) -> Guess:
    """A motion that is known for the middle, for another time: everything goes on along its straight line.

    Args:
        motion: of the frame in the middle.
        share: 0–1, how far it is from the frame before to the frame after.
    """
    first, second = motion.flow[:, :2], motion.flow[:, 2:]
    if share == 0.5:
        return Guess(first, second, motion.belief)
    whole = second - first
    way = whole
    for _ in range(STEPS):
        way = warped(whole, (0.5 - share) * way)
    aside = (0.5 - share) * way
    belief = warped(motion.belief, aside) + torch.logit(torch.tensor(1 - share), eps=NOT_AT_ALL)
    return Guess(aside + warped(first, aside), aside + warped(second, aside), belief)


def from_flows(forth: Tensor, back: Tensor, share: float) -> Guess:
    """What optical flow says of a frame between, the mean of what it says from either frame.

    Flow does not know what is hidden on one side, so the nearer frame counts for more and no side for all. (Reading it
    off flow that does not lead back was measured on training clips and costs 0.1 dB: thin things that move fast have
    such flow too.)

    Args:
        forth: `(B, 2, H, W)`: from the frame before to the frame after.
        back: the other way.
        share: 0–1.
    """
    one = other = (forth - back) / 2
    for _ in range(STEPS):
        one = warped(forth, -share * one)
        other = -warped(back, (1 - share) * other)
    way = (one + other) / 2
    return Guess(-share * way, (1 - share) * way, torch.full_like(way[:, :1], 1 - share).logit(eps=NOT_AT_ALL))


def fused(pair: Tensor, guesses: Sequence[Guess]) -> Tensor:
    """The frame that guesses make together.

    Where the two sides differ by all guesses, their mean would be a ghost of both: there one side is taken, the one
    that the first guess believes.

    Args:
        pair: `(B, 6, H, W)`, 0–1: the frame before and the frame after.
        guesses: at least one; the first is a network's, which has learnt what is hidden on which side.

    Returns:
        `(B, 3, H, W)`.
    """
    before = (_around(guesses[0].belief, SIDE_PX) > 0).to(pair.dtype)
    both, side, weights = torch.zeros_like(pair[:, :3]), torch.zeros_like(pair[:, :3]), torch.zeros_like(before)
    least = torch.ones_like(before)
    for guess in guesses:
        first, second = warped(pair[:, :3], guess.to_first), warped(pair[:, 3:], guess.to_second)
        apart = (first - second).abs().mean(1, keepdim=True)
        weight = (_around(apart, AROUND_PX) + LEAST) ** -POWER
        believed = torch.sigmoid(guess.belief)
        both += weight * (first * believed + second * (1 - believed))
        side += weight * (first * before + second * (1 - before))
        weights += weight
        least = torch.minimum(least, _around(apart, NEAR_PX))
    alone = ((least - APART[0]) / (APART[1] - APART[0])).clamp(0, 1)
    return (both + (side - both) * alone) / weights


def _around(plane: Tensor, side_px: int) -> Tensor:
    """The mean of a square around every pixel, the edge repeated."""
    for across in (True, False):
        half = side_px // 2
        edges = (half, half, 0, 0) if across else (0, 0, half, half)
        wide = functional.pad(plane, edges, mode="replicate")
        plane = functional.avg_pool2d(wide, (1, side_px) if across else (side_px, 1), 1)
    return plane
