"""Two guesses of where things move between two frames, a network's and optical flow's, made one frame of.

They fail on different things, so where both are about as good their mean is better than either: their errors partly
cancel. A guess is good where what it brings from the frame before and what it brings from the frame after agree; where
one of them disagrees with itself several times as much as the other, it has lost what moves there and is overruled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from restoration_tasks.models.ifnet import Motion, warped

AROUND_PX = 21
"""Side of the square in which a guess is judged."""
LEAST = 0.004
"""Added to both disagreements, shares of the code range: one step of eight bits, for no difference below counts."""
FITTED = 1.4
"""Flow is made to agree and a network to be right: as many times as much disagreement is the same in a network."""
OVERRULED = 1.5
"""How much more one has to disagree before it loses weight, in powers of two; the best of 0.5, 1 and 1.5."""
STEEP = 3.0
"""How fast it then loses it: at twice as much again it keeps a twentieth."""
FLOW_SHARE = 0.4
"""Weight of flow where neither is overruled: with more, some training clip comes out worse than by the network."""
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


def fused(pair: Tensor, network: Guess, flow: Guess) -> Tensor:
    """The frame that both guesses make together.

    Where the two sides differ by both guesses, their mean would be a ghost of both: there one side is taken, the one
    that the network believes.

    Args:
        pair: `(B, 6, H, W)`, 0–1: the frame before and the frame after.
        network: what a network says, which has learnt what is hidden on which side.
        flow: what optical flow says.

    Returns:
        `(B, 3, H, W)`.
    """
    before = (_around(network.belief, SIDE_PX) > 0).to(pair.dtype)
    made, apart = [], []
    for guess in (network, flow):
        first, second = warped(pair[:, :3], guess.to_first), warped(pair[:, 3:], guess.to_second)
        believed = torch.sigmoid(guess.belief)
        both = first * believed + second * (1 - believed)
        apart.append((first - second).abs().mean(1, keepdim=True))
        alone = _above(_around(apart[-1], NEAR_PX), APART)
        made.append((both, first * before + second * (1 - before), alone))
    wide = [_around(plane, AROUND_PX) + LEAST for plane in apart]
    excess = torch.log2(wide[0] / (FITTED * wide[1]))
    beyond = excess.sign() * (excess.abs() - OVERRULED).clamp(min=0)
    share = torch.sigmoid(STEEP * beyond + math.log(FLOW_SHARE / (1 - FLOW_SHARE)))
    (ours, our_side, our_alone), (theirs, their_side, their_alone) = made
    blend = ours + (theirs - ours) * share
    side = our_side + (their_side - our_side) * share
    return blend + (side - blend) * torch.minimum(our_alone, their_alone)


def _above(plane: Tensor, limits: tuple[float, float]) -> Tensor:
    """0 up to the first limit, 1 from the second."""
    return ((plane - limits[0]) / (limits[1] - limits[0])).clamp(0, 1)


def _around(plane: Tensor, side_px: int) -> Tensor:
    """The mean of a square around every pixel, the edge repeated."""
    for across in (True, False):
        half = side_px // 2
        edges = (half, half, 0, 0) if across else (0, 0, half, half)
        wide = functional.pad(plane, edges, mode="replicate")
        plane = functional.avg_pool2d(wide, (1, side_px) if across else (side_px, 1), 1)
    return plane
