"""BasicVSR: enlarges a run of frames four times, each with what all others show. One shot at a time.

K. C. K. Chan, X. Wang, K. Yu, C. Dong, C. C. Loy: "BasicVSR: The Search for Essential Components in Video
Super-Resolution and Beyond", CVPR 2021 (arXiv 2012.02181), section 3; its motion is found by SPyNet (A. Ranjan, M. J.
Black, CVPR 2017, arXiv 1611.00850). Parts are called as in the published weights.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1
"""Of the leaky rectifiers."""
LEVELS = 6
"""Sizes SPyNet looks in."""
MULTIPLE_PX = 32
"""Sides SPyNet takes."""


class Level(nn.Module):
    """What SPyNet adds to a motion at one size."""

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 32, 64, 32, 16, 2)
        layers: list[nn.Module] = []
        for inward, outward in pairwise(widths):
            layers += [nn.Conv2d(inward, outward, 7, 1, 3), nn.ReLU()]
        self.basic_module = nn.Sequential(*layers[:-1])

    def forward(self, shown: Tensor) -> Tensor:
        """`(B, 8, H, W)`: a frame, the other carried onto it, the motion so far; to `(B, 2, H, W)`."""
        added: Tensor = self.basic_module(shown)
        return added


class SPyNet(nn.Module):
    """Motion from one frame to another, from coarse to fine."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.ModuleList(Level() for _ in range(LEVELS))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Where pixels of a frame are found in another: `(B, 3, H, W)` each, to `(B, 2, H, W)`, x and y in pixels."""
        height, width = frame.shape[2:]
        size = [-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in (height, width)]
        pyramids = []
        for picture in (frame, other):
            levels = [(_sized(picture, size) - self.mean) / self.std]
            for _ in range(LEVELS - 1):
                levels.append(functional.avg_pool2d(levels[-1], 2, 2))
            pyramids.append(levels[::-1])
        flow = frame.new_zeros(len(frame), 2, size[0] >> LEVELS, size[1] >> LEVELS)
        for level, one, two in zip(self.basic_module, *pyramids, strict=True):
            shape = list(one.shape[2:])
            flow = functional.interpolate(flow, shape, mode="bilinear", align_corners=True) * 2
            flow = flow + level(torch.cat((one, carried(two, flow, "border"), flow), 1))
        scale = torch.tensor([width / size[1], height / size[0]], dtype=flow.dtype, device=flow.device)
        return _sized(flow, [height, width]) * scale.view(1, 2, 1, 1)


class Residual(nn.Module):
    """Two convolutions beside which their input goes on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, shown: Tensor) -> Tensor:
        """`(B, width, H, W)` to the same shape."""
        added: Tensor = self.conv2(functional.relu(self.conv1(shown)))
        return shown + added


class Trunk(nn.Module):
    """What is made of a frame and of what was carried to it."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        residual = nn.Sequential(*(Residual(width) for _ in range(blocks)))
        self.main = nn.Sequential(nn.Conv2d(width + 3, width, 3, 1, 1), nn.LeakyReLU(SLOPE), residual)

    def forward(self, frame: Tensor, before: Tensor) -> Tensor:
        """`(B, 3, H, W)` and `(B, width, H, W)` to `(B, width, H, W)`."""
        made: Tensor = self.main(torch.cat((frame, before), 1))
        return made


class BasicVSR(nn.Module):
    """`(B, T · 3, H, W)`: frames one after another, R, G, B, 0–1; to `(B, T · 3, 4 · H, 4 · W)`."""

    def __init__(self, width: int = 64, blocks: int = 30) -> None:
        super().__init__()
        self.width = width
        self.spynet = SPyNet()
        self.backward_trunk = Trunk(width, blocks)
        self.forward_trunk = Trunk(width, blocks)
        self.fusion = nn.Conv2d(2 * width, width, 1)
        self.upconv1 = nn.Conv2d(width, 4 * width, 3, 1, 1)
        self.upconv2 = nn.Conv2d(width, 4 * 64, 3, 1, 1)
        self.conv_hr = nn.Conv2d(64, 64, 3, 1, 1)
        self.conv_last = nn.Conv2d(64, 3, 3, 1, 1)

    def forward(self, shown: Tensor) -> Tensor:
        """Enlarge."""
        frames = torch.split(shown, 3, 1)
        later = self._propagated(self.backward_trunk, frames[::-1])[::-1]
        earlier = self._propagated(self.forward_trunk, frames)
        return torch.cat([self._enlarged(*all_of) for all_of in zip(frames, later, earlier, strict=True)], 1)

    def _propagated(self, trunk: nn.Module, frames: tuple[Tensor, ...]) -> list[Tensor]:
        """What is known at each frame of it and of those before it in the order given."""
        batch, _, height, width = frames[0].shape
        known = [trunk(frames[0], frames[0].new_zeros(batch, self.width, height, width))]
        for before, frame in pairwise(frames):
            known.append(trunk(frame, carried(known[-1], self.spynet(frame, before), "zeros")))
        return known

    def _enlarged(self, frame: Tensor, later: Tensor, earlier: Tensor) -> Tensor:
        seen = _leaky(self.fusion(torch.cat((later, earlier), 1)))
        for layer in (self.upconv1, self.upconv2):
            seen = _leaky(functional.pixel_shuffle(layer(seen), 2))
        added: Tensor = self.conv_last(_leaky(self.conv_hr(seen)))
        return added + functional.interpolate(frame, scale_factor=4.0, mode="bilinear", align_corners=False)


def carried(planes: Tensor, flow: Tensor, beyond: str) -> Tensor:
    """Planes `(B, C, H, W)` read where a flow `(B, 2, H, W)` points; `beyond` the edge zeros, or the border.

    Places are single numbers whatever the precision: from 1024 pixels on, half ones are whole pixels.
    """
    height, width = planes.shape[2:]
    down, across = torch.meshgrid(
        *(torch.arange(side, dtype=torch.float32, device=flow.device) for side in (height, width)), indexing="ij"
    )
    x = 2 * (across + flow[:, 0]) / max(width - 1, 1) - 1
    y = 2 * (down + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((x, y), 3)
    found = functional.grid_sample(planes.float(), grid, mode="bilinear", padding_mode=beyond, align_corners=True)
    return found.to(planes.dtype)


def _sized(planes: Tensor, size: list[int]) -> Tensor:
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False)


def _leaky(planes: Tensor) -> Tensor:
    return functional.leaky_relu(planes, SLOPE)
