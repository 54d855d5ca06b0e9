"""IFNet, the network of RIFE HDv3: motion from the frame between two frames to both of them, found in three stages.

Z. Huang, T. Zhang, W. Heng, B. Shi, S. Zhou: "Real-Time Intermediate Flow Estimation for Video Frame Interpolation",
ECCV 2022 (arXiv 2011.06294), section 3.2. The published HDv3 looks at each pair both ways round and takes the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 90
"""Channels of a stage."""
SHOWN = 11
"""What a stage is shown: both frames as carried so far (3 + 3), whom to believe (1), motion to both (2 + 2)."""
SCALES = (4.0, 2.0, 1.0)
"""How much smaller each stage looks."""
TEACHER = "block_tea."
"""Start of the names of weights that only training needs."""


@dataclass(frozen=True)
class Motion:
    """What is known of the frame in the middle."""

    flow: Tensor
    """`(B, 4, H, W)`, pixels: x and y from the middle to the first frame, x and y to the second."""
    belief: Tensor
    """`(B, 1, H, W)`: logit of how much of a pixel comes from the first frame."""

    @classmethod
    def none(cls, like: Tensor) -> Motion:
        """Nothing moves, both are believed alike; `like` is `(B, C, H, W)`."""
        batch, _, height, width = like.shape
        return cls(like.new_zeros(batch, 4, height, width), like.new_zeros(batch, 1, height, width))

    @property
    def turned(self) -> Motion:
        """The same with the two frames exchanged."""
        return Motion(self.flow[:, [2, 3, 0, 1]], -self.belief)

    @property
    def mirrored(self) -> Motion:
        """The same of frames whose left and right are exchanged."""
        way = self.flow.new_tensor([-1, 1, -1, 1])[:, None, None]
        return Motion(self.flow.flip(-1) * way, self.belief.flip(-1))


def _convolution(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inward, outward, 3, stride, 1), nn.PReLU(outward))


def _head(inward: int, outward: int) -> nn.Sequential:
    """Back to the size the stage looked at, four times larger."""
    half = inward // 2
    return nn.Sequential(
        nn.ConvTranspose2d(inward, half, 4, 2, 1), nn.PReLU(half), nn.ConvTranspose2d(half, outward, 4, 2, 1)
    )


class Stage(nn.Module):
    """One stage; its parts are called as in the published weights.

    Its convolutions compute in the precision of their weights; what goes in and comes out is in that of the frames.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_convolution(SHOWN, width // 2, 2), _convolution(width // 2, width, 2))
        self.convblock0 = nn.Sequential(_convolution(width, width), _convolution(width, width))
        self.convblock1 = nn.Sequential(_convolution(width, width), _convolution(width, width))
        self.convblock2 = nn.Sequential(_convolution(width, width), _convolution(width, width))
        self.convblock3 = nn.Sequential(_convolution(width, width), _convolution(width, width))
        self.conv1 = _head(width, 4)
        self.conv2 = _head(width, 1)

    def forward(self, carried: Tensor, motion: Motion, scale: float) -> Motion:
        """What has to be added to a motion.

        Args:
            carried: `(B, 6, H, W)`, 0–1: the first frame and the second, carried to the middle.
            motion: as found so far.
            scale: how much smaller the stage looks; height and width are multiples of four times this.
        """
        shown = _resized(torch.cat((carried, motion.belief, motion.flow / scale), 1), 1 / scale)
        own = next(self.parameters()).dtype
        seen = self.conv0(shown.to(own, memory_format=torch.channels_last))
        for block in (self.convblock0, self.convblock1, self.convblock2, self.convblock3):
            seen = block(seen) + seen
        flow, belief = self.conv1(seen).to(carried.dtype), self.conv2(seen).to(carried.dtype)
        return Motion(_resized(flow, scale) * scale, _resized(belief, scale))


class IFNet(nn.Module):
    """The three stages."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.block0 = Stage(width)
        self.block1 = Stage(width)
        self.block2 = Stage(width)

    @property
    def stages(self) -> tuple[Stage, Stage, Stage]:
        """From coarse to fine."""
        return self.block0, self.block1, self.block2

    def refined(self, stage: Stage, pair: Tensor, motion: Motion, scale: float) -> Motion:
        """A motion after one more stage: the mean of what it says of the pair and of the pair turned round.

        Args:
            stage: one of `stages`.
            pair: `(B, 6, H, W)`, 0–1: the frames before and after; height and width are multiples of 4 · scale.
            motion: before.
            scale: how much smaller the stage looks.
        """
        first, second = carried(pair, motion)
        turned = motion.turned
        both = torch.cat((torch.cat((first, second), 1), torch.cat((second, first), 1)))
        before = Motion(torch.cat((motion.flow, turned.flow)), torch.cat((motion.belief, turned.belief)))
        added = stage(both, before, scale)
        batch = len(pair)
        forth = Motion(added.flow[:batch], added.belief[:batch])
        back = Motion(added.flow[batch:], added.belief[batch:]).turned
        return Motion(motion.flow + (forth.flow + back.flow) / 2, motion.belief + (forth.belief + back.belief) / 2)

    def forward(self, pair: Tensor, scales: tuple[float, float, float] = SCALES) -> Motion:
        """The motion of a pair, as published.

        Args:
            pair: as for `refined`.
            scales: of the stages.
        """
        motion = Motion.none(pair)
        for stage, scale in zip(self.stages, scales, strict=True):
            motion = self.refined(stage, pair, motion, scale)
        return motion

    def looking_twice(self, pair: Tensor) -> Motion:
        """The mean of the motions of a pair and of the pair mirrored: what each gets wrong by itself is halved.

        Self-ensemble (Timofte, Rothe, Van Gool, CVPR 2016, section 3.5). On a clip not learnt from, six frames apart,
        it is worth 0.3 dB. Mirroring between the stages, or other turns of the pair, were measured and are worse.
        """
        mirrored = self(pair.flip(-1)).mirrored
        seen = self(pair)
        return Motion((seen.flow + mirrored.flow) / 2, (seen.belief + mirrored.belief) / 2)


def carried(pair: Tensor, motion: Motion) -> tuple[Tensor, Tensor]:
    """Both frames of a pair `(B, 6, H, W)` carried to the middle."""
    return warped(pair[:, :3], motion.flow[:, :2]), warped(pair[:, 3:], motion.flow[:, 2:])


def blended(pair: Tensor, motion: Motion) -> Tensor:
    """The frame in the middle as RIFE makes it, `(B, 3, H, W)`."""
    first, second = carried(pair, motion)
    believed = torch.sigmoid(motion.belief)
    return first * believed + second * (1 - believed)


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture read where a flow points, the edge repeated beyond it.

    Args:
        picture: `(B, C, H, W)`.
        flow: `(B, 2, H, W)`: x and y in pixels from where the value goes to where it is read.
    """
    height, width = picture.shape[2:]
    half = torch.tensor([max(width - 1, 1) / 2, max(height - 1, 1) / 2], dtype=flow.dtype, device=flow.device)
    grid = _grid(height, width, flow.device, flow.dtype) + flow.permute(0, 2, 3, 1) / half
    return functional.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=True)


@lru_cache(maxsize=4)
def _grid(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Places of the pixels as `grid_sample` counts them, `(1, H, W, 2)`, −1 … 1."""
    across = torch.linspace(-1, 1, width, device=device, dtype=dtype)
    down = torch.linspace(-1, 1, height, device=device, dtype=dtype)
    y, x = torch.meshgrid(down, across, indexing="ij")
    return torch.stack((x, y), dim=2)[None]


def _resized(planes: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return planes
    return functional.interpolate(
        planes, scale_factor=factor, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )
