"""Two guesses of where a frame between two comes from: a network's, and that of optical flow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from restoration_tasks.models.ifnet import Motion, warped

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
