"""The networks of Real-ESRGAN: RRDBNet for film of any kind, SRVGGNetCompact for animation. Both enlarge four times.

X. Wang, L. Xie, C. Dong, Y. Shan: "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
ICCV Workshops 2021 (arXiv 2107.10833), section 3.4; RRDBNet from X. Wang et al.: "ESRGAN", ECCV Workshops 2018 (arXiv
1809.00219), section 3.1. Parts are called as in the published torch weights and made in the order they work in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from restoration_tasks.models.enlargers import ENLARGED

SLOPE = 0.2
"""Of the leaky rectifiers."""
RESIDUAL = 0.2
"""Share of a block's result that is added to what it was given."""


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees what all before it made."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, growth, 3, 1, 1)
        self.conv2 = nn.Conv2d(width + growth, growth, 3, 1, 1)
        self.conv3 = nn.Conv2d(width + 2 * growth, growth, 3, 1, 1)
        self.conv4 = nn.Conv2d(width + 3 * growth, growth, 3, 1, 1)
        self.conv5 = nn.Conv2d(width + 4 * growth, width, 3, 1, 1)

    def forward(self, shown: Tensor) -> Tensor:
        """`(B, width, H, W)` to the same shape."""
        seen = shown
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat((seen, _leaky(layer(seen))), 1)
        added: Tensor = self.conv5(seen)
        return shown + RESIDUAL * added


class ResidualBlock(nn.Module):
    """Three dense blocks (residual in residual)."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(width, growth)
        self.rdb2 = DenseBlock(width, growth)
        self.rdb3 = DenseBlock(width, growth)

    def forward(self, shown: Tensor) -> Tensor:
        """`(B, width, H, W)` to the same shape."""
        added: Tensor = self.rdb3(self.rdb2(self.rdb1(shown)))
        return shown + RESIDUAL * added


class RRDBNet(nn.Module):
    """`(B, 3, H, W)`, R, G, B, 0–1, to four times the size."""

    def __init__(self, width: int = 64, blocks: int = 23, growth: int = 32) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 3, 1, 1)
        self.body = nn.Sequential(*(ResidualBlock(width, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_up1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_up2 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_hr = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_last = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, shown: Tensor) -> Tensor:
        """Enlarge."""
        first = self.conv_first(shown)
        seen = first + self.conv_body(self.body(first))
        for layer in (self.conv_up1, self.conv_up2):
            seen = _leaky(layer(functional.interpolate(seen, scale_factor=2.0, mode="nearest")))
        enlarged: Tensor = self.conv_last(_leaky(self.conv_hr(seen)))
        return enlarged


class SRVGGNetCompact(nn.Module):
    """`(B, 3, H, W)`, R, G, B, 0–1, to four times the size; for less, the result is shrunk with bicubic weights."""

    def __init__(self, width: int = 64, layers: int = 16, scale: int = ENLARGED) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.PReLU(width)]
        for _ in range(layers):
            body += [nn.Conv2d(width, width, 3, 1, 1), nn.PReLU(width)]
        self.body = nn.Sequential(*body, nn.Conv2d(width, 3 * ENLARGED**2, 3, 1, 1))

    def forward(self, shown: Tensor) -> Tensor:
        """Enlarge."""
        added = functional.pixel_shuffle(self.body(shown), ENLARGED)
        enlarged = added + functional.interpolate(shown, scale_factor=float(ENLARGED), mode="nearest")
        if self.scale == ENLARGED:
            return enlarged
        size = [side * self.scale for side in shown.shape[2:]]
        return functional.interpolate(enlarged, size=size, mode="bicubic", align_corners=False)


class Shrunk(nn.Module):
    """What another network makes, by so many times smaller, with bicubic weights spread over what each pixel covers."""

    def __init__(self, network: nn.Module, times: int) -> None:
        super().__init__()
        self.network = network
        self.times = times

    def forward(self, shown: Tensor) -> Tensor:
        """Enlarge, then shrink."""
        made = self.network(shown)
        size = [side // self.times for side in made.shape[2:]]
        return functional.interpolate(made, size=size, mode="bicubic", antialias=True, align_corners=False)


def _leaky(planes: Tensor) -> Tensor:
    return functional.leaky_relu(planes, SLOPE)
