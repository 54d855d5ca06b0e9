"""The mixing network: what two guesses of motion bring from both frames, made one frame of by a small U-Net.

RIFE's own blend knows one weight a pixel, for both sides; its makers' larger network corrects it by a second one. Ours
has more to choose from (another kind of flow, and the frames as they lie), sees where the candidates disagree, and may
leave the mixture by a bounded residual, as the repair network does (`models.defects.networks.FusionNet`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from restoration_tasks.models.between.guesses import Guess
from restoration_tasks.models.defects.networks import FoldedUNet
from restoration_tasks.models.ifnet import warped

CANDIDATES = 6
"""By RIFE from before and from after, by flow from before and from after, and both frames as they lie."""
PLANES = 3 * CANDIDATES + 5
"""Candidates, whom RIFE believes, the share of the way, and how far apart the two sides of each guess are, and the
guesses."""
LARGEST_RESIDUAL = 0.15
"""Share of the code range by which the mixture may be left."""
NEAR_PX = 2
"""How near candidates have to disagree for the mixture to be left."""
FLOW_PRIOR, LYING_PRIOR = -1.5, -4.0
"""Logits that flow, and the frames as they lie, start training from beside RIFE's."""
SURE = 0.02
"""Share of belief that keeps a logit finite."""
APART_SCALE = 4.0
"""Differences are mostly small: brought to about the size of the other planes."""


class Candidates:
    """What a frame between two can be mixed from."""

    def __init__(self, pair: Tensor, network: Guess, flow: Guess, share: float) -> None:
        """Carry both frames to where the new one is.

        Args:
            pair: `(B, 6, H, W)`, 0–1: the frame before and the frame after.
            network: what RIFE says.
            flow: what optical flow says.
            share: 0–1, how far the new frame is from the frame before to the frame after.
        """
        before, after = pair[:, :3], pair[:, 3:]
        carried = [
            warped(frame, way)
            for guess in (network, flow)
            for frame, way in ((before, guess.to_first), (after, guess.to_second))
        ]
        self.frames = torch.stack((*carried, before, after), 1)
        """`(B, 6, 3, H, W)`."""
        self.belief = torch.sigmoid(network.belief)
        """`(B, 1, H, W)`, 0–1: how much RIFE takes from the frame before."""
        self.share = share


class BetweenNet(nn.Module):
    """Weighs the candidates of a frame, and may correct their mixture a little.

    Its body computes in the precision of its weights; frames are mixed in their own.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 48, 72, 96), *, fused: bool = False) -> None:
        super().__init__()
        self.body = FoldedUNet(PLANES, CANDIDATES + 3, widths, fused=fused)

    def forward(self, frames: Tensor, belief: Tensor, share: Tensor) -> Tensor:
        """The frame.

        Args:
            frames: `(B, 6, 3, H, W)`, 0–1: `Candidates.frames`; sides are multiples of 16.
            belief: `(B, 1, H, W)`, 0–1.
            share: `(B, 1, 1, 1)`, 0–1.

        Returns:
            `(B, 3, H, W)`.
        """
        apart = [
            APART_SCALE * (frames[:, one] - frames[:, other]).abs().mean(1, keepdim=True)
            for one, other in ((0, 1), (2, 3), (0, 2))
        ]
        whole = share.expand_as(belief)
        shown = torch.cat((frames.flatten(1, 2) - 0.5, belief - 0.5, whole - 0.5, *apart), 1)
        out = self.body(shown.to(self.body.exit.weight.dtype)).to(shown.dtype).contiguous()
        weights = torch.softmax(out[:, :CANDIDATES] + self._prior(belief, whole), dim=1)
        mixed = weights[:, :1] * frames[:, 0]
        for place in range(1, CANDIDATES):
            mixed = torch.addcmul(mixed, weights[:, place : place + 1], frames[:, place])
        return mixed + self._bounded(LARGEST_RESIDUAL * torch.tanh(out[:, CANDIDATES:]), frames)

    @staticmethod
    def _bounded(rest: Tensor, frames: Tensor) -> Tensor:
        """No further from the mixture than the candidates are from one another nearby: where all agree, they are it."""
        apart = (frames.amax(1) - frames.amin(1)).amax(1, keepdim=True)
        reach = functional.max_pool2d(apart, 2 * NEAR_PX + 1, 1, NEAR_PX)
        return torch.minimum(torch.maximum(rest, -reach), reach)

    @staticmethod
    def _prior(belief: Tensor, share: Tensor) -> Tensor:
        """What the weights are before anything was learnt: RIFE's own blend, and a little of the others."""
        rife = belief.clamp(SURE, 1 - SURE)
        sides = torch.cat((1 - share, share), 1).clamp(SURE, 1 - SURE).log()
        return torch.cat((rife.log(), (1 - rife).log(), sides + FLOW_PRIOR, sides + LYING_PRIOR), 1)


def begun_as_rife(network: BetweenNet) -> BetweenNet:
    """The network before training: it makes what RIFE makes, for its last layer says nothing yet."""
    nn.init.normal_(network.body.exit.weight, std=1e-3)
    nn.init.zeros_(network.body.exit.bias)  # type: ignore[arg-type]
    return network
