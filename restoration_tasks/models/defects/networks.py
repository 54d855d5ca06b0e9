"""The two networks: a small U-Net that finds dirt, hairs and scratches, and one that mixes a fill from neighbours.

Both work on pictures folded two by two, which quarters the cost of their first layers; their layers are plain
convolutions, so that the same file runs on a processor, in half precision on a GPU, or exported.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from restoration_tasks.models.defects.candidates import CANDIDATES, NEIGHBOURS
from restoration_tasks.models.defects.features import FEATURES
from restoration_tasks.models.defects.kinds import Defect

STRIDE_PX = 16
"""Sides of the pictures both networks take are multiples of this; `padded` sees to it."""
LARGEST_RESIDUAL = 0.15
"""The fill may leave the mixture of its candidates by this share of the code range, no further: nothing is invented."""
_NEVER = -1e4
_NORM_PARTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def padded(planes: Tensor) -> Tensor:
    """`(B, C, H, W)` grown at the right and below to sides divisible by `STRIDE_PX`, its border repeated."""
    right, below = -planes.shape[-1] % STRIDE_PX, -planes.shape[-2] % STRIDE_PX
    # Padding by nothing would still copy.
    return functional.pad(planes, (0, right, 0, below), mode="replicate") if right or below else planes


class Layer(nn.Sequential):
    """Convolution, normalisation over the batch, and a leaky rectifier; in a fused network without the second."""

    def __init__(
        self, inputs: int, outputs: int, *, fused: bool, kernel: int = 3, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding),
            nn.Identity() if fused else nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )


class Block(nn.Module):
    """Two convolutions beside a straight way through."""

    def __init__(self, width: int, *, fused: bool) -> None:
        super().__init__()
        self.first = Layer(width, width, fused=fused)
        self.second = Layer(width, width, fused=fused)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, width, H, W)` to the same shape."""
        changed: Tensor = self.second(self.first(x))
        return x + changed


class FoldedUNet(nn.Module):
    """A U-Net on folded planes: halves the picture at each further width, and adds what it saw on the way back.

    Args:
        inputs: planes in.
        outputs: planes out, at full size.
        widths: channels at each scale, the finest (half size) first.
        fused: without batch normalisation, as the shipped weights are.
        early: whether the finest scale, which costs most, has a block on the way down as well.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...], *, fused: bool, early: bool = True) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        # Folding two by two and mixing the folded planes, in one convolution: a third of the time of both.
        self.entry = Layer(inputs, widths[0], fused=fused, kernel=2, stride=2, padding=0)
        first = Block(widths[0], fused=fused) if early else nn.Identity()
        self.down = nn.ModuleList([first, *(Block(width, fused=fused) for width in widths[1:])])
        self.halve = nn.ModuleList(Layer(a, b, fused=fused, stride=2) for a, b in steps)
        self.rise = nn.ModuleList(nn.Conv2d(b, a, kernel_size=1) for a, b in steps)
        self.up = nn.ModuleList(Block(width, fused=fused) for width in widths[:-1])
        self.exit = nn.Conv2d(widths[0], 4 * outputs, kernel_size=1)

    def forward(self, planes: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H, W)`; H and W are multiples of `STRIDE_PX`."""
        # The weights lie so in use: a picture that lies otherwise is put into that order again by layer after layer.
        x = self.entry(planes.contiguous(memory_format=torch.channels_last))
        kept = []
        for scale, block in enumerate(self.down):
            if scale:
                x = self.halve[scale - 1](x)
            x = block(x)
            kept.append(x)
        for scale in reversed(range(len(self.up))):
            risen = functional.interpolate(self.rise[scale](x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.up[scale](kept[scale] + risen)
        return functional.pixel_shuffle(self.exit(x), 2)


class DefectNet(nn.Module):
    """Finds damage: `detector_features` in, one logit a pixel and `Defect` out."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 128), *, fused: bool = False) -> None:
        super().__init__()
        self.body = FoldedUNet(FEATURES, len(Defect), widths, fused=fused, early=False)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, 26, H, W)` to logits `(B, 3, H, W)`."""
        logits: Tensor = self.body(features)
        return logits


class FusionNet(nn.Module):
    """Mixes a fill from its candidates, and may correct it a little."""

    PLANES = 3 * CANDIDATES + NEIGHBOURS + 1

    def __init__(self, widths: tuple[int, ...] = (24, 48, 72), *, fused: bool = False) -> None:
        super().__init__()
        self.body = FoldedUNet(self.PLANES, CANDIDATES + 3, widths, fused=fused)

    def forward(self, candidates: Tensor, usable: Tensor, mask: Tensor) -> Tensor:
        """The fill, everywhere; it is meant to be used inside the mask.

        Args:
            candidates: `(B, 6, 3, H, W)`, 0–1, see `FillCandidates`.
            usable: `(B, 4, H, W)`, 0 or 1: where each neighbour shows the pixel and is itself clean.
            mask: `(B, 1, H, W)`, 0 or 1: what is to be filled.

        Returns:
            `(B, 3, H, W)`. A neighbour has no weight where it is not usable.
        """
        out = self.body(torch.cat((candidates.flatten(1, 2), usable, mask), dim=1) - 0.5).contiguous()
        logits, residual = out[:, :CANDIDATES], out[:, CANDIDATES:]
        always = torch.ones_like(mask).expand(-1, CANDIDATES - NEIGHBOURS, -1, -1)
        allowed = torch.cat((usable, always), dim=1) > 0.5
        weights = torch.softmax(logits.masked_fill(~allowed, _NEVER), dim=1)
        # One by one: all at once would be held six times over.
        mixed = weights[:, :1] * candidates[:, 0]
        for place in range(1, CANDIDATES):
            mixed = torch.addcmul(mixed, weights[:, place : place + 1], candidates[:, place])
        return mixed + LARGEST_RESIDUAL * torch.tanh(residual)


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def fused_weights(network: nn.Module) -> dict[str, Tensor]:
    """A trained network's weights with each normalisation worked into the convolution before it.

    Returns:
        weights by name, float32, for the same network made with `fused=True`.
    """
    weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    for name, module in network.named_modules():
        if isinstance(module, Layer) and isinstance(module[1], nn.BatchNorm2d):
            norm = {part: weights.pop(f"{name}.1.{part}") for part in _NORM_PARTS}
            scale = norm["weight"] / torch.sqrt(norm["running_var"] + module[1].eps)
            weights[f"{name}.0.weight"] *= scale[:, None, None, None]
            bias = weights[f"{name}.0.bias"]
            weights[f"{name}.0.bias"] = (bias - norm["running_mean"]) * scale + norm["bias"]
    return weights
